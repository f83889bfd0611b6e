//! Linux, macOS and the other Unix systems.

pub(crate) mod positioned;
