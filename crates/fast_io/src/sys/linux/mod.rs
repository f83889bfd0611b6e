//! What only Linux has.

pub(crate) mod copying;
pub(crate) mod holes;
pub(crate) mod pipes;
#[cfg(target_os = "linux")]
pub(crate) mod waiting;
