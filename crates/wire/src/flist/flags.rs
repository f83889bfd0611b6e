//! The flags before an entry, by protocol: some bits have changed their meaning.
// rsync: rsync.h XMIT_*

use super::rules::ListRules;

pub(super) const TOP_DIR: u32 = 1 << 0;
pub(super) const SAME_MODE: u32 = 1 << 1;
/// Protocol 27 only.
pub(super) const SAME_DEVICE_OLD: u32 = 1 << 2;
/// From 28 on: there is a second byte.
pub(super) const EXTENDED: u32 = 1 << 2;
pub(super) const SAME_UID: u32 = 1 << 3;
pub(super) const SAME_GID: u32 = 1 << 4;
pub(super) const SAME_NAME: u32 = 1 << 5;
pub(super) const LONG_NAME: u32 = 1 << 6;
pub(super) const SAME_TIME: u32 = 1 << 7;
/// Devices, from 28 on.
pub(super) const SAME_MAJOR: u32 = 1 << 8;
/// Directories, from 30 on.
pub(super) const NO_CONTENT: u32 = 1 << 8;
/// From 28 on.
pub(super) const HARD_LINKED: u32 = 1 << 9;
/// Protocols 28 and 29.
pub(super) const SAME_LINK_DEVICE: u32 = 1 << 10;
/// From 30 on.
pub(super) const USER_NAME: u32 = 1 << 10;
/// Protocols 28 and 29.
pub(super) const BYTE_MINOR: u32 = 1 << 11;
/// From 30 on.
pub(super) const GROUP_NAME: u32 = 1 << 11;
/// From 30 on, together with [`HARD_LINKED`].
pub(super) const HARD_LINK_FIRST: u32 = 1 << 12;
/// With nothing else but [`EXTENDED`]: the list has ended, and there were errors.
pub(super) const END_WITH_ERRORS: u32 = 1 << 12;
/// From 31 on.
pub(super) const NANOSECONDS: u32 = 1 << 13;
pub(super) const SAME_ATIME: u32 = 1 << 14;
/// Only where flags are a varint.
pub(super) const CRTIME_IS_MTIME: u32 = 1 << 17;

/// The flags that can be set under these rules; everything else was not agreed on.
pub(super) fn known(rules: &ListRules) -> u32 {
    let mut known = 0xff;
    if !rules.protocol.has_extended_flags() {
        return known;
    }
    known |= SAME_MAJOR;
    if rules.hard_links {
        known |= HARD_LINKED;
    }
    if rules.atimes {
        known |= SAME_ATIME;
    }
    if !rules.protocol.is_packed() {
        return known | SAME_LINK_DEVICE | BYTE_MINOR;
    }
    if rules.hard_links {
        known |= HARD_LINK_FIRST;
    }
    if rules.protocol.is_incremental() {
        known |= USER_NAME | GROUP_NAME;
    }
    if rules.sends_nanoseconds() {
        known |= NANOSECONDS;
    }
    if rules.crtimes && rules.protocol.has_varint_flags() {
        known |= CRTIME_IS_MTIME;
    }
    known
}
