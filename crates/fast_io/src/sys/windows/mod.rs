//! Windows.

pub(crate) mod positioned;
