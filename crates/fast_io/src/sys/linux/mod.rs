//! What only Linux has.

pub(crate) mod copying;
pub(crate) mod holes;
