//! The file tree: looks at it, selects from it and changes it, and never steps outside its
//! root.
//!
//! - [`entry`]: one entry of a file list; [`order`]: rsync's order of them.
//! - [`names`]: the names in a directory; [`scan`]: what each of them is.
//! - [`filter`]: which entries are wanted.
//! - [`temp`]: files that appear under their real name only when complete.
//! - [`symlink`]: which links are safe.
//! - [`xattrs`]: the extended attributes of an entry; [`acl`]: its access control lists.
//!
//! Everything is done through [`fast_io::dir::Dir`] handles, one name at a time.
#![forbid(unsafe_code)]

pub mod acl;
pub mod entry;
pub mod filter;
pub mod names;
pub mod order;
pub mod scan;
pub mod symlink;
pub mod temp;
pub mod xattrs;
