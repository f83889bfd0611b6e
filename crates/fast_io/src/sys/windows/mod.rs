//! Windows.

pub(crate) mod control;
pub(crate) mod copying;
pub(crate) mod holes;
pub(crate) mod positioned;
pub(crate) mod sockets;
pub(crate) mod status;
