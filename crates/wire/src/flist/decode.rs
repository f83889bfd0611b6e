//! Reads entries. Whatever the peer sends, an entry is complete and within bounds, or an error.
//!
//! Stricter than rsync where no correct peer can notice: flags that were not agreed on, zero bytes
//! in names, more of the name before than it had, and a hard link to an entry that does not say
//! it is the first of a group are refused too.
// rsync: flist.c recv_file_entry(), recv_file_list()

use super::acl::AclDecoder;
use super::entry::{Attributes, Device, DirectoryRole, HardLink, Kind, WireEntry};
use super::firsts::Firsts;
use super::flags;
use super::ids;
use super::name::MAX_PATH;
use super::packed::{large, number};
use super::rules::{ListRules, MAX_CHECKSUM_LEN};
use super::segment::Segment;
use super::xattr::XattrDecoder;
use crate::int::{byte, int, longint, varint, varint_within, varlong};
use crate::{Error, Protocol, Source};

/// Reads the lists of a session, one behind the other.
#[derive(Debug)]
pub struct EntryDecoder {
    rules: ListRules,
    /// The flags that may be set.
    known: u32,
    segment: Segment,
    /// Numbers of the entry before.
    prior: Attributes,
    /// The device of the last hard link, before protocol 30.
    link_device: i64,
    /// Names and such of the entry that was read last.
    name: Vec<u8>,
    user_name: Vec<u8>,
    group_name: Vec<u8>,
    target: Vec<u8>,
    checksum: [u8; MAX_CHECKSUM_LEN],
    acls: AclDecoder,
    xattrs: XattrDecoder,
    /// The entries of this segment that are the first of a group.
    firsts: Firsts,
}

/// What comes next in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is returned"
)]
pub enum Item<'a> {
    /// An entry.
    Entry {
        /// Its number.
        index: i32,
        /// What it says.
        entry: WireEntry<'a>,
    },
    /// The end of a segment.
    End {
        /// The numbers of its entries.
        segment: Segment,
        /// The sender's errors, as far as they cross here: rsync's bits, others left out.
        io_error: u32,
    },
}

/// The errors that there are.
// rsync: rsync.h IOERR_VALID_MASK
const IO_ERRORS: i32 = 7;
// rsync: rsync.h MAX_WIRE_NSEC
const MAX_NSEC: i32 = 999_999_999;

impl EntryDecoder {
    /// Nothing was read yet.
    ///
    /// # Panics
    ///
    /// If the rules say that a checksum is longer than any is.
    pub fn new(rules: ListRules) -> EntryDecoder {
        assert!(usize::from(rules.checksum_len) <= MAX_CHECKSUM_LEN);
        EntryDecoder {
            rules,
            known: flags::known(&rules),
            segment: Segment::first(rules.protocol),
            prior: Attributes::default(),
            link_device: 0,
            name: Vec::new(),
            user_name: Vec::new(),
            group_name: Vec::new(),
            target: Vec::new(),
            checksum: [0; MAX_CHECKSUM_LEN],
            acls: AclDecoder::default(),
            xattrs: XattrDecoder::default(),
            firsts: Firsts::default(),
        }
    }

    /// The numbers of the entries in the segment that is being read.
    pub fn segment(&self) -> Segment {
        self.segment
    }

    /// Takes an entry or the end of a segment, behind which the next begins.
    ///
    /// # Errors
    ///
    /// Those of the source; [`Error::Misbehaving`] if the peer sends what no correct one does.
    /// After an error nothing more can be read.
    pub fn next<S: Source>(&mut self, source: &mut S) -> Result<Item<'_>, S::Error> {
        let protocol = self.rules.protocol;
        let flags = match take_flags(source, protocol)? {
            Flags::Entry(flags) => flags,
            Flags::End(io_error) => {
                if protocol.is_incremental() {
                    self.firsts.clear();
                } else {
                    self.firsts = Firsts::default();
                }
                let next = self.segment.next()?;
                let segment = std::mem::replace(&mut self.segment, next);
                return Ok(Item::End { segment, io_error });
            }
        };
        if flags & !self.known != 0
            || flags & (flags::HARD_LINKED | flags::HARD_LINK_FIRST) == flags::HARD_LINK_FIRST
        {
            return Err(Error::misbehaving(format!("Invalid flist flag: {flags:x}")).into());
        }
        self.take_entry(source, flags)
    }

    fn take_entry<S: Source>(&mut self, source: &mut S, flags: u32) -> Result<Item<'_>, S::Error> {
        self.take_name(source, flags)?;
        self.target.clear();
        let mut hard_link = HardLink::None;
        let mut whole = true;
        if self.rules.protocol.is_packed() && flags & flags::HARD_LINKED != 0 {
            hard_link = match flags & flags::HARD_LINK_FIRST {
                0 => HardLink::Of(self.take_link(source)?),
                _ => HardLink::First,
            };
            whole = !matches!(hard_link, HardLink::Of(first) if first >= self.segment.start());
        }
        let index = self.segment.push()?;
        let mut names = [false; 2];
        if whole {
            names = self.take_numbers(source, flags)?;
        }
        let kind = self.kind()?;
        if whole {
            self.take_rest(source, flags, kind, &mut hard_link)?;
        }
        if kind == Kind::Directory {
            hard_link = HardLink::None;
        }
        if hard_link == HardLink::First {
            self.remember(index, kind);
        }
        if self.rules.sends_acl(kind) {
            self.acls.take(source, kind)?;
        }
        if self.rules.xattrs {
            self.xattrs.take(source)?;
        }
        let entry = self.entry(flags, kind, hard_link, names);
        Ok(Item::Entry { index, entry })
    }

    fn entry(
        &self,
        flags: u32,
        kind: Kind,
        hard_link: HardLink,
        names: [bool; 2],
    ) -> WireEntry<'_> {
        let rules = &self.rules;
        let mut attributes = self.prior;
        if !kind.is_device() {
            attributes.device = Device::default();
        }
        if !rules.sends_atime(kind) {
            attributes.atime = 0;
        }
        let checksum_len = match kind {
            Kind::Regular => rules.checksum_len.into(),
            _ => 0,
        };
        WireEntry {
            name: &self.name,
            attributes,
            directory: directory_role(rules.protocol, kind, flags),
            user_name: names[0].then_some(&self.user_name),
            group_name: names[1].then_some(&self.group_name),
            link_target: &self.target,
            hard_link,
            checksum: &self.checksum[..checksum_len],
            acls: rules.sends_acl(kind).then(|| self.acls.taken(kind)),
            xattrs: rules.xattrs.then(|| self.xattrs.taken()),
        }
    }

    fn take_name<S: Source>(&mut self, source: &mut S, flags: u32) -> Result<(), S::Error> {
        let same = match flags & flags::SAME_NAME {
            0 => 0,
            _ => usize::from(byte(source)?),
        };
        let rest = match flags & flags::LONG_NAME {
            0 => usize::from(byte(source)?),
            _ => {
                let rest = number(source, self.rules.protocol)?;
                usize::try_from(rest).unwrap_or(usize::MAX)
            }
        };
        if rest >= MAX_PATH - same || same > self.name.len() {
            let name = self.name.escape_ascii();
            return Err(Error::misbehaving(format!(
                "overflow: xflags=0x{flags:x} l1={same} l2={rest} lastname={name}"
            ))
            .into());
        }
        self.name.truncate(same);
        let rest = source.take(rest)?;
        if rest.contains(&0) {
            return Err(Error::misbehaving("a file name with a zero byte in it").into());
        }
        self.name.extend_from_slice(rest);
        Ok(())
    }

    /// Takes the index of a group's first entry; if that is in this segment, this entry has all
    /// that the first has.
    fn take_link<S: Source>(&mut self, source: &mut S) -> Result<i32, S::Error> {
        let index = varint(source)?;
        let end = self.segment.end();
        if index < 0 || index >= end {
            return Err(Error::misbehaving(format!(
                "hard-link reference out of range: {index} ({end})"
            ))
            .into());
        }
        if index < self.segment.start() {
            return Ok(index);
        }
        let Some((first, bytes)) = self.firsts.find(index) else {
            return Err(Error::misbehaving(format!(
                "hard-link reference to #{index}, which is the first of no group"
            ))
            .into());
        };
        let kind = Kind::of_mode(first.mode).unwrap_or(Kind::Missing);
        match kind {
            Kind::Symlink => self.target.extend_from_slice(bytes),
            _ => self.checksum[..bytes.len()].copy_from_slice(bytes),
        }
        // The sender still has the last device: what is none left it as it was.
        let device = match kind.is_device() && self.rules.devices {
            true => first.device,
            false => self.prior.device,
        };
        self.prior = Attributes { device, ..first };
        Ok(index)
    }

    fn remember(&mut self, index: i32, kind: Kind) {
        let bytes = match kind {
            Kind::Symlink => &self.target[..],
            Kind::Regular => &self.checksum[..self.rules.checksum_len.into()],
            _ => &[],
        };
        self.firsts.push(index, self.prior, bytes);
    }

    /// The kind of the entry at hand.
    fn kind(&self) -> Result<Kind, Error> {
        let mode = self.prior.mode;
        match Kind::of_mode(mode) {
            None => {}
            Some(Kind::Missing) if !self.rules.missing_args => {}
            Some(kind) => return Ok(kind),
        }
        let name = self.name.escape_ascii();
        Err(Error::misbehaving(format!(
            "invalid file mode 0{mode:o} for {name}"
        )))
    }

    /// Takes what every entry has, and tells which names came along.
    fn take_numbers<S: Source>(
        &mut self,
        source: &mut S,
        flags: u32,
    ) -> Result<[bool; 2], S::Error> {
        let (rules, now) = (&self.rules, &mut self.prior);
        let protocol = rules.protocol;
        let size = large(source, protocol, 3)?;
        now.size = u64::try_from(size)
            .map_err(|_| Error::misbehaving("Offset underflow: file-length is negative"))?;
        if flags & flags::SAME_TIME == 0 {
            now.mtime = if protocol.is_packed() {
                varlong(source, 4)?
            } else {
                (int(source)? as u32).into()
            };
        }
        now.mtime_nsec = match flags & flags::NANOSECONDS {
            0 => 0,
            _ => varint_within(source, 0, MAX_NSEC, "modtime_nsec")? as u32,
        };
        if rules.crtimes {
            now.crtime = match flags & flags::CRTIME_IS_MTIME {
                0 => varlong(source, 4)?,
                _ => now.mtime,
            };
        }
        if flags & flags::SAME_MODE == 0 {
            now.mode = int(source)? as u32;
        }
        let kind = self.kind()?;
        let (rules, now) = (&self.rules, &mut self.prior);
        if rules.sends_atime(kind) && flags & flags::SAME_ATIME == 0 {
            now.atime = varlong(source, 4)?;
        }
        let mut names = [false; 2];
        if rules.uid && flags & flags::SAME_UID == 0 {
            now.uid = number(source, protocol)? as u32;
            if protocol.is_packed() && flags & flags::USER_NAME != 0 {
                ids::take_name(source, &mut self.user_name)?;
                names[0] = true;
            }
        }
        if rules.gid && flags & flags::SAME_GID == 0 {
            now.gid = number(source, protocol)? as u32;
            if protocol.is_packed() && flags & flags::GROUP_NAME != 0 {
                ids::take_name(source, &mut self.group_name)?;
                names[1] = true;
            }
        }
        Ok(names)
    }

    /// Takes what only some kinds have.
    fn take_rest<S: Source>(
        &mut self,
        source: &mut S,
        flags: u32,
        kind: Kind,
        hard_link: &mut HardLink,
    ) -> Result<(), S::Error> {
        let rules = self.rules;
        if rules.sends_device(kind) {
            self.take_device(source, flags)?;
            self.prior.size = 0;
        } else {
            if !rules.protocol.has_extended_flags() {
                self.prior.device = Device::default();
            }
            if kind.is_device() {
                self.prior.size = 0;
            }
        }
        if rules.sends_target(kind) {
            self.take_target(source)?;
        }
        if rules.links_by_inode() {
            let linked = match rules.protocol.has_extended_flags() {
                true => flags & flags::HARD_LINKED != 0,
                false => kind == Kind::Regular,
            };
            if linked {
                *hard_link = self.take_inode(source, flags)?;
            }
        }
        if rules.sends_checksum(kind) {
            let len = usize::from(rules.checksum_len);
            self.checksum[..len].copy_from_slice(source.take(len)?);
        }
        Ok(())
    }

    fn take_device<S: Source>(&mut self, source: &mut S, flags: u32) -> Result<(), S::Error> {
        let (protocol, device) = (self.rules.protocol, &mut self.prior.device);
        if !protocol.has_extended_flags() {
            if flags & flags::SAME_DEVICE_OLD == 0 {
                *device = Device::from_packed(int(source)? as u32);
            }
            return Ok(());
        }
        if flags & flags::SAME_MAJOR == 0 {
            device.major = number(source, protocol)? as u32;
        }
        device.minor = if !protocol.is_packed() && flags & flags::BYTE_MINOR != 0 {
            byte(source)?.into()
        } else {
            number(source, protocol)? as u32
        };
        Ok(())
    }

    fn take_target<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        let len = number(source, self.rules.protocol)?;
        match usize::try_from(len) {
            Ok(fitting) if fitting < MAX_PATH => {
                self.target.extend_from_slice(source.take(fitting)?);
            }
            _ => return Err(Error::misbehaving(format!("overflow: linkname_len={len}")).into()),
        }
        if self.target.contains(&0) {
            return Err(Error::misbehaving("a symlink with a zero byte in it").into());
        }
        Ok(())
    }

    fn take_inode<S: Source>(&mut self, source: &mut S, flags: u32) -> Result<HardLink, S::Error> {
        let same = self.rules.protocol.has_extended_flags() && flags & flags::SAME_LINK_DEVICE != 0;
        if !same {
            self.link_device = longint(source)?.wrapping_sub(1);
        }
        Ok(HardLink::Inode {
            device: self.link_device,
            inode: longint(source)?,
        })
    }
}

enum Flags {
    Entry(u32),
    End(u32),
}

fn take_flags<S: Source>(source: &mut S, protocol: Protocol) -> Result<Flags, S::Error> {
    if protocol.has_varint_flags() {
        return Ok(match varint(source)? {
            0 => Flags::End((varint(source)? & IO_ERRORS) as u32),
            flags => Flags::Entry(flags as u32),
        });
    }
    let mut flags = u32::from(byte(source)?);
    if flags == 0 {
        return Ok(Flags::End(0));
    }
    if protocol.has_extended_flags() && flags & flags::EXTENDED != 0 {
        flags |= u32::from(byte(source)?) << 8;
    }
    if flags == flags::EXTENDED | flags::END_WITH_ERRORS && protocol.has_safe_list_end() {
        return Ok(Flags::End((varint(source)? & IO_ERRORS) as u32));
    }
    Ok(Flags::Entry(flags))
}

fn directory_role(protocol: Protocol, kind: Kind, flags: u32) -> DirectoryRole {
    if kind != Kind::Directory {
        return DirectoryRole::Content;
    }
    let top = flags & flags::TOP_DIR != 0;
    let bare = protocol.is_packed() && flags & flags::NO_CONTENT != 0;
    match (top, bare) {
        (false, false) => DirectoryRole::Content,
        (true, false) => DirectoryRole::Top,
        (true, true) => DirectoryRole::Implied,
        (false, true) => DirectoryRole::Bare,
    }
}

/// Takes the sender's errors from behind the names of the ids, where protocols have them there:
/// before 30. Rsync's bits, others left out.
///
/// # Errors
///
/// Those of the source.
pub fn late_io_error<S: Source>(source: &mut S, protocol: Protocol) -> Result<u32, S::Error> {
    if protocol.is_packed() {
        return Ok(0);
    }
    Ok((int(source)? & IO_ERRORS) as u32)
}
