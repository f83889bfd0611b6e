//! Writes entries: each leaves out what the one before it had too, as rsync would.
// rsync: flist.c send_file_entry(), write_end_of_flist()

use super::entry::{Attributes, Device, DirectoryRole, HardLink, Kind, WireEntry};
use super::flags;
use super::packed::{put_large, put_number};
use super::rules::{ListRules, MAX_CHECKSUM_LEN};
use super::segment::Segment;
use super::{acl, ids, xattr};
use crate::int::{put_int, put_longint, put_shortint, put_varint, put_varlong};
use crate::{Error, Protocol};

/// Writes the lists of a session, one behind the other.
#[derive(Debug)]
pub struct EntryEncoder {
    rules: ListRules,
    segment: Segment,
    prior: Prior,
}

/// What the entry before had.
#[derive(Debug, Default)]
struct Prior {
    name: Vec<u8>,
    mode: u32,
    mtime: i64,
    atime: i64,
    uid: u32,
    gid: u32,
    device: Device,
    /// The major number of the last device, from protocol 28 on.
    major: u32,
    /// The device of the last hard link, before protocol 30.
    link_device: i64,
}

/// What of a name is the same as in the one before is at most this long.
const MAX_SAME_NAME: usize = 255;

impl EntryEncoder {
    /// Nothing was written yet.
    pub fn new(rules: ListRules) -> EntryEncoder {
        EntryEncoder {
            rules,
            segment: Segment::first(rules.protocol),
            prior: Prior::default(),
        }
    }

    /// The numbers of the entries in the segment that is being written.
    pub fn segment(&self) -> Segment {
        self.segment
    }

    /// Appends an entry, and tells its index. Its name and target are shorter than
    /// [`MAX_PATH`](super::MAX_PATH): rsync leaves out what is longer, and so has the caller to.
    ///
    /// # Errors
    ///
    /// There are no more indices.
    ///
    /// # Panics
    ///
    /// If the entry lacks a checksum, lists or attributes that the rules say it has.
    pub fn put(&mut self, out: &mut Vec<u8>, entry: &WireEntry<'_>) -> Result<i32, Error> {
        let rules = self.rules;
        let kind = Kind::of_mode(entry.attributes.mode).unwrap_or(Kind::Missing);
        let start = self.segment.start();
        let index = self.segment.push()?;
        let (flags, same) = self.flags(entry, kind);
        let flags = put_flags(out, rules.protocol, flags, kind);
        self.put_name(out, entry.name, same, flags);

        let first = match entry.hard_link {
            HardLink::Of(first) if flags & flags::HARD_LINKED != 0 => Some(first),
            _ => None,
        };
        if let Some(first) = first {
            put_varint(out, first);
        }
        if first.is_none_or(|first| first < start) {
            self.put_attributes(out, entry, kind, flags, index);
        }
        if rules.sends_acl(kind) {
            let acls = entry.acls.as_ref().expect("an entry has its lists");
            acl::put_acls(out, acls);
        }
        if rules.xattrs {
            let xattrs = entry.xattrs.expect("an entry has its attributes");
            xattr::put_xattrs(out, xattrs);
        }
        Ok(index)
    }

    /// Appends the end of a segment, and goes on to the next. The sender's errors are rsync's
    /// bits, and 0 also if they are to be ignored; they cross here only where
    /// [`Protocol::has_safe_list_end`], and otherwise with [`put_late_io_error`] or as a message.
    ///
    /// # Errors
    ///
    /// There are no more indices.
    pub fn end(&mut self, out: &mut Vec<u8>, io_error: u32) -> Result<(), Error> {
        let protocol = self.rules.protocol;
        if protocol.has_varint_flags() {
            put_varint(out, 0);
            put_varint(out, io_error as i32);
        } else if io_error != 0 && protocol.has_safe_list_end() {
            put_shortint(out, (flags::EXTENDED | flags::END_WITH_ERRORS) as u16);
            put_varint(out, io_error as i32);
        } else {
            out.push(0);
        }
        self.segment = self.segment.next()?;
        Ok(())
    }

    /// What the entry has in common with the one before, which it then takes the place of; and
    /// how much of the name, which does not do so yet.
    fn flags(&mut self, entry: &WireEntry<'_>, kind: Kind) -> (u32, usize) {
        let (rules, prior, now) = (&self.rules, &mut self.prior, &entry.attributes);
        let protocol = rules.protocol;
        let mut flags = match (kind, entry.directory, protocol.is_packed()) {
            (Kind::Directory, DirectoryRole::Top, _) => flags::TOP_DIR,
            (Kind::Directory, DirectoryRole::Implied, true) => flags::TOP_DIR | flags::NO_CONTENT,
            (Kind::Directory, DirectoryRole::Bare, true) => flags::NO_CONTENT,
            _ => 0,
        };
        if repeats(&mut prior.mode, now.mode) {
            flags |= flags::SAME_MODE;
        }
        flags |= prior.device_flags(rules, kind, now.device);
        let started = !prior.name.is_empty();
        if !rules.uid || (repeats(&mut prior.uid, now.uid) && started) {
            flags |= flags::SAME_UID;
        } else if rules.names_inline() && entry.user_name.is_some() {
            flags |= flags::USER_NAME;
        }
        if !rules.gid || (repeats(&mut prior.gid, now.gid) && started) {
            flags |= flags::SAME_GID;
        } else if rules.names_inline() && entry.group_name.is_some() {
            flags |= flags::GROUP_NAME;
        }
        if repeats(&mut prior.mtime, now.mtime) {
            flags |= flags::SAME_TIME;
        }
        if rules.sends_nanoseconds() && now.mtime_nsec != 0 {
            flags |= flags::NANOSECONDS;
        }
        // rsync's sender leaves the time out in protocol 27 too, which has no room for the flag
        // that says so; its receiver would lose its place.
        if rules.sends_atime(kind)
            && repeats(&mut prior.atime, now.atime)
            && protocol.has_extended_flags()
        {
            flags |= flags::SAME_ATIME;
        }
        if rules.crtimes && now.crtime == now.mtime {
            flags |= flags::CRTIME_IS_MTIME;
        }
        flags |= prior.link_flags(rules, kind, entry.hard_link);
        let same = same_start(&prior.name, entry.name);
        if same > 0 {
            flags |= flags::SAME_NAME;
        }
        if entry.name.len() - same > 255 {
            flags |= flags::LONG_NAME;
        }
        (flags, same)
    }

    fn put_name(&mut self, out: &mut Vec<u8>, name: &[u8], same: usize, flags: u32) {
        let rest = &name[same..];
        if same > 0 {
            out.push(same as u8);
        }
        if flags & flags::LONG_NAME != 0 {
            put_number(out, self.rules.protocol, rest.len() as i32);
        } else {
            out.push(rest.len() as u8);
        }
        out.extend_from_slice(rest);
        self.prior.name.truncate(same);
        self.prior.name.extend_from_slice(rest);
    }

    fn put_attributes(
        &self,
        out: &mut Vec<u8>,
        entry: &WireEntry<'_>,
        kind: Kind,
        flags: u32,
        index: i32,
    ) {
        let (rules, now) = (&self.rules, &entry.attributes);
        let protocol = rules.protocol;
        put_large(out, protocol, now.size as i64, 3);
        if flags & flags::SAME_TIME == 0 {
            if protocol.is_packed() {
                put_varlong(out, now.mtime, 4);
            } else {
                put_int(out, now.mtime as i32);
            }
        }
        if flags & flags::NANOSECONDS != 0 && rules.sends_nanoseconds() {
            put_varint(out, now.mtime_nsec as i32);
        }
        if rules.crtimes && flags & flags::CRTIME_IS_MTIME == 0 {
            put_varlong(out, now.crtime, 4);
        }
        if flags & flags::SAME_MODE == 0 {
            put_int(out, now.mode as i32);
        }
        if rules.sends_atime(kind) && flags & flags::SAME_ATIME == 0 {
            put_varlong(out, now.atime, 4);
        }
        if rules.uid && flags & flags::SAME_UID == 0 {
            put_number(out, protocol, now.uid as i32);
            put_inline_name(out, rules, entry.user_name);
        }
        if rules.gid && flags & flags::SAME_GID == 0 {
            put_number(out, protocol, now.gid as i32);
            put_inline_name(out, rules, entry.group_name);
        }
        if rules.sends_device(kind) {
            put_device(out, protocol, now, kind, flags);
        }
        if rules.sends_target(kind) {
            put_number(out, protocol, entry.link_target.len() as i32);
            out.extend_from_slice(entry.link_target);
        }
        if rules.links_by_inode() {
            put_inode(out, protocol, (entry.hard_link, kind), flags, index);
        }
        if rules.sends_checksum(kind) {
            put_checksum(out, rules, kind, entry.checksum);
        }
    }
}

impl Prior {
    fn device_flags(&mut self, rules: &ListRules, kind: Kind, device: Device) -> u32 {
        let protocol = rules.protocol;
        if !rules.sends_device(kind) {
            if !protocol.has_extended_flags() {
                self.device = Device::default();
            }
            return 0;
        }
        if !protocol.has_extended_flags() {
            // What is no device has whatever is the shortest.
            let same = !kind.is_device() || repeats(&mut self.device, device);
            return if same { flags::SAME_DEVICE_OLD } else { 0 };
        }
        let mut flags = 0;
        if !kind.is_device() || repeats(&mut self.major, device.major) {
            flags |= flags::SAME_MAJOR;
        }
        if !protocol.is_packed() && (!kind.is_device() || device.minor <= 0xff) {
            flags |= flags::BYTE_MINOR;
        }
        flags
    }

    fn link_flags(&mut self, rules: &ListRules, kind: Kind, link: HardLink) -> u32 {
        let protocol = rules.protocol;
        if !rules.hard_links || kind == Kind::Directory || !protocol.has_extended_flags() {
            return 0;
        }
        match (link, protocol.is_packed()) {
            (HardLink::First, true) => flags::HARD_LINKED | flags::HARD_LINK_FIRST,
            (HardLink::Of(_), true) => flags::HARD_LINKED,
            (HardLink::Inode { device, .. }, false) if repeats(&mut self.link_device, device) => {
                flags::HARD_LINKED | flags::SAME_LINK_DEVICE
            }
            (HardLink::Inode { .. }, false) => flags::HARD_LINKED,
            _ => 0,
        }
    }
}

/// Whether a value is the one before, which it takes the place of.
fn repeats<T: PartialEq>(prior: &mut T, now: T) -> bool {
    let same = *prior == now;
    *prior = now;
    same
}

fn same_start(prior: &[u8], name: &[u8]) -> usize {
    let pairs = prior.iter().zip(name).take(MAX_SAME_NAME);
    pairs.take_while(|(a, b)| a == b).count()
}

/// Appends flags, with one more where none would look like the end of the list.
fn put_flags(out: &mut Vec<u8>, protocol: Protocol, mut flags: u32, kind: Kind) -> u32 {
    let directory = kind == Kind::Directory;
    if protocol.has_varint_flags() {
        let filled = if flags == 0 { flags::EXTENDED } else { flags };
        put_varint(out, filled as i32);
    } else if protocol.has_extended_flags() {
        if flags == 0 && !directory {
            flags = flags::TOP_DIR;
        }
        if flags & 0xff00 != 0 || flags == 0 {
            flags |= flags::EXTENDED;
            put_shortint(out, flags as u16);
        } else {
            out.push(flags as u8);
        }
    } else {
        if flags & 0xff == 0 {
            flags |= if directory {
                flags::LONG_NAME
            } else {
                flags::TOP_DIR
            };
        }
        out.push(flags as u8);
    }
    flags
}

fn put_inline_name(out: &mut Vec<u8>, rules: &ListRules, name: Option<&[u8]>) {
    if let (true, Some(name)) = (rules.names_inline(), name) {
        ids::put_name(out, name);
    }
}

fn put_device(out: &mut Vec<u8>, protocol: Protocol, now: &Attributes, kind: Kind, flags: u32) {
    if !protocol.has_extended_flags() {
        if flags & flags::SAME_DEVICE_OLD == 0 {
            put_int(out, now.device.to_packed() as i32);
        }
        return;
    }
    let minor = if kind.is_device() {
        now.device.minor
    } else {
        0
    };
    if flags & flags::SAME_MAJOR == 0 {
        put_number(out, protocol, now.device.major as i32);
    }
    if !protocol.is_packed() && flags & flags::BYTE_MINOR != 0 {
        out.push(minor as u8);
    } else {
        put_number(out, protocol, minor as i32);
    }
}

/// Where files are that have no other name, in protocol 27: no file system says this. rsync looks it
/// up by two more, which may not be 0, nor may an inode.
// rsync: hlink.c idev_find()
const NOWHERE: i64 = -3;

fn put_inode(
    out: &mut Vec<u8>,
    protocol: Protocol,
    (link, kind): (HardLink, Kind),
    flags: u32,
    index: i32,
) {
    let (device, inode) = match link {
        HardLink::Inode { device, inode } => (device, inode),
        _ => (NOWHERE, i64::from(index) + 1),
    };
    let (linked, same) = match protocol.has_extended_flags() {
        true => (
            flags & flags::HARD_LINKED != 0,
            flags & flags::SAME_LINK_DEVICE != 0,
        ),
        false => (kind == Kind::Regular, false),
    };
    if !linked {
        return;
    }
    if !same {
        // One more, so that it is never 0.
        put_longint(out, device.wrapping_add(1));
    }
    put_longint(out, inode);
}

fn put_checksum(out: &mut Vec<u8>, rules: &ListRules, kind: Kind, checksum: &[u8]) {
    let len = usize::from(rules.checksum_len);
    match kind {
        Kind::Regular => {
            assert_eq!(checksum.len(), len, "an entry has its checksum");
            out.extend_from_slice(checksum);
        }
        _ => out.extend_from_slice(&[0; MAX_CHECKSUM_LEN][..len]),
    }
}

/// Appends the sender's errors behind the names of the ids, where protocols have them there:
/// before 30.
pub fn put_late_io_error(out: &mut Vec<u8>, protocol: Protocol, io_error: u32) {
    if !protocol.is_packed() {
        put_int(out, io_error as i32);
    }
}
