//! The rows of the matrix, by subject.

#[cfg(target_os = "linux")]
mod acls;
mod appearance;
mod attributes;
mod batches;
mod compression;
mod content;
mod deleting;
mod elsewhere;
mod filters;
mod kinds;
mod names;
mod protocols;
mod trouble;
mod writing;
#[cfg(target_os = "linux")]
mod xattrs;
