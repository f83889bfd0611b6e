//! TODO-DOC
#![forbid(unsafe_code)]
