//! The file list: entries that leave out what the entry before them had too, and what comes
//! around them.
//!
//! Both sides hold the same [`ListRules`]: there is nothing in the bytes that says whether an
//! owner or a checksum follows. An [`EntryEncoder`] and an [`EntryDecoder`] each keep what the
//! entry before said, through all segments of a session. A whole list crosses as
//!
//! 1. entries and their end ([`EntryEncoder::put`], [`EntryEncoder::end`];
//!    [`EntryDecoder::next`]),
//! 2. the names of the ids, if the list is one piece and names are asked for ([`ids`]),
//! 3. before protocol 30, the sender's errors ([`put_late_io_error`], [`late_io_error`]).
//!
//! Where recursion is incremental, there is a list for each directory, behind a number that says
//! which ([`Ndx::List`](crate::Ndx::List)), and the names of the ids are in the entries.
//!
//! What a name may be is the receiver's knowledge: see [`check_name`].
// rsync: flist.c send_file_entry(), recv_file_entry(); uidlist.c; acls.c; xattrs.c

pub mod acl;
mod decode;
mod encode;
mod entry;
mod firsts;
mod flags;
pub mod ids;
mod name;
mod packed;
mod rules;
mod segment;
pub mod xattr;

pub use acl::{Acl, EntryAcls};
pub use decode::{EntryDecoder, Item, late_io_error};
pub use encode::{EntryEncoder, put_late_io_error};
pub use entry::{Attributes, Device, DirectoryRole, HardLink, Kind, Listed, WireEntry};
pub use name::{MAX_PATH, Names, check_name, check_segment_name};
pub use rules::ListRules;
pub use segment::Segment;
pub use xattr::XattrList;
