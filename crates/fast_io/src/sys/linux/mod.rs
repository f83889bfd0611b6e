//! What only Linux has.

pub(crate) mod copying;
pub(crate) mod holes;
#[cfg(target_os = "linux")]
pub(crate) mod waiting;
