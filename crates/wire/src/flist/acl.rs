//! Access control lists, behind each entry that can have one.
//!
//! Lists that many files share cross once. What the mode says already is left out of them.
// rsync: acls.c send_rsync_acl(), recv_rsync_acl()

use super::entry::{Kind, Listed};
use super::ids;
use crate::int::{byte, put_varint, varint, varint_within};
use crate::{Error, Source};

/// The lists of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryAcls<'a> {
    /// Who may do what.
    pub access: Listed<'a, Acl>,
    /// What is made in a directory has this; only directories do.
    pub default: Option<Listed<'a, Acl>>,
}

/// One list. Permissions have 3 bits: read, write, execute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acl {
    /// What the owner may, if the mode doesn't say it.
    pub user_obj: Option<u8>,
    /// What the group may, if the mode doesn't say it.
    pub group_obj: Option<u8>,
    /// What all but the owner and others may at most. Where it is missing and there are names,
    /// the receiver has to take the group's part of the mode, or in a default list what the
    /// names and the group together have.
    pub mask: Option<u8>,
    /// What others may, if the mode doesn't say it.
    pub other: Option<u8>,
    /// Further users and groups.
    pub names: Vec<AclName>,
}

/// A user's or a group's part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclName {
    /// Who.
    pub who: AclId,
    /// What they may.
    pub access: u8,
    /// What the number is called, where it is new: only if recursion is incremental and ids are
    /// not numeric.
    pub name: Option<Box<[u8]>>,
}

/// A number of a user or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclId {
    /// Of a user.
    User(u32),
    /// Of a group.
    Group(u32),
}

/// As many names as a list may have.
// rsync: rsync.h MAX_WIRE_ACL_COUNT
pub const MAX_NAMES: i32 = 65_536;

const USER_OBJ: u8 = 1 << 0;
const GROUP_OBJ: u8 = 1 << 1;
const MASK: u8 = 1 << 2;
const OTHER: u8 = 1 << 3;
const NAMES: u8 = 1 << 4;

const NAME_FOLLOWS: u32 = 1 << 0;
const IS_USER: u32 = 1 << 1;

/// Appends the lists of an entry.
pub(super) fn put_acls(out: &mut Vec<u8>, acls: &EntryAcls<'_>) {
    put_listed(out, acls.access);
    if let Some(default) = acls.default {
        put_listed(out, default);
    }
}

fn put_listed(out: &mut Vec<u8>, listed: Listed<'_, Acl>) {
    let acl = match listed {
        Listed::Earlier(number) => return put_varint(out, number.wrapping_add(1) as i32),
        Listed::New(acl) => acl,
    };
    put_varint(out, 0);
    let fixed = [acl.user_obj, acl.group_obj, acl.mask, acl.other];
    let mut flags = 0;
    for (access, flag) in fixed.iter().zip([USER_OBJ, GROUP_OBJ, MASK, OTHER]) {
        if access.is_some() {
            flags |= flag;
        }
    }
    if !acl.names.is_empty() {
        flags |= NAMES;
    }
    out.push(flags);
    for access in fixed.into_iter().flatten() {
        put_varint(out, access.into());
    }
    if !acl.names.is_empty() {
        put_varint(out, acl.names.len() as i32);
    }
    for name in &acl.names {
        put_name(out, name);
    }
}

fn put_name(out: &mut Vec<u8>, entry: &AclName) {
    let (id, kind) = match entry.who {
        AclId::User(id) => (id, IS_USER),
        AclId::Group(id) => (id, 0),
    };
    put_varint(out, id as i32);
    let bits = u32::from(entry.access) << 2 | kind;
    match &entry.name {
        Some(name) => {
            put_varint(out, (bits | NAME_FOLLOWS) as i32);
            ids::put_name(out, name);
        }
        None => put_varint(out, bits as i32),
    }
}

/// The lists of the entry at hand, and how many crossed before.
#[derive(Debug, Default)]
pub(super) struct AclDecoder {
    access: Slot,
    default: Slot,
}

#[derive(Debug, Default)]
struct Slot {
    /// The last one that crossed in full.
    acl: Acl,
    crossed: u32,
    /// Which one the entry at hand has; `None` is the last one.
    earlier: Option<u32>,
}

impl AclDecoder {
    /// Takes the lists of an entry of this kind.
    pub fn take<S: Source>(&mut self, source: &mut S, kind: Kind) -> Result<(), S::Error> {
        self.access.take(source, "access")?;
        if kind == Kind::Directory {
            self.default.take(source, "default")?;
        }
        Ok(())
    }

    /// What [`Self::take`] took last.
    pub fn taken(&self, kind: Kind) -> EntryAcls<'_> {
        EntryAcls {
            access: self.access.taken(),
            default: (kind == Kind::Directory).then(|| self.default.taken()),
        }
    }
}

impl Slot {
    fn take<S: Source>(&mut self, source: &mut S, what: &str) -> Result<(), S::Error> {
        let number = varint(source)?;
        match u32::try_from(number) {
            Ok(0) => {
                self.earlier = None;
                take_acl(source, &mut self.acl)?;
                self.crossed += 1;
            }
            Ok(number) if number <= self.crossed => self.earlier = Some(number - 1),
            _ => {
                return Err(Error::misbehaving(format!(
                    "{what} ACL index {number} > {}",
                    self.crossed
                ))
                .into());
            }
        }
        Ok(())
    }

    fn taken(&self) -> Listed<'_, Acl> {
        match self.earlier {
            Some(number) => Listed::Earlier(number),
            None => Listed::New(&self.acl),
        }
    }
}

fn take_acl<S: Source>(source: &mut S, acl: &mut Acl) -> Result<(), S::Error> {
    acl.names.clear();
    let flags = byte(source)?;
    if flags & !(USER_OBJ | GROUP_OBJ | MASK | OTHER | NAMES) != 0 {
        return Err(Error::misbehaving(format!("ACL flags {flags:#x}")).into());
    }
    let mut fixed = |flag| -> Result<Option<u8>, S::Error> {
        match flags & flag {
            0 => Ok(None),
            _ => Ok(Some(access(varint(source)? as u32)?)),
        }
    };
    acl.user_obj = fixed(USER_OBJ)?;
    acl.group_obj = fixed(GROUP_OBJ)?;
    acl.mask = fixed(MASK)?;
    acl.other = fixed(OTHER)?;
    if flags & NAMES != 0 {
        let count = varint_within(source, 0, MAX_NAMES, "ACL count")?;
        for _ in 0..count {
            acl.names.push(take_name(source)?);
        }
    }
    Ok(())
}

fn take_name<S: Source>(source: &mut S) -> Result<AclName, S::Error> {
    let id = varint(source)? as u32;
    let bits = varint(source)? as u32;
    let access = access(bits >> 2)?;
    let name = if bits & NAME_FOLLOWS != 0 {
        let mut name = Vec::new();
        ids::take_name(source, &mut name)?;
        Some(name.into())
    } else {
        None
    };
    let who = if bits & IS_USER != 0 {
        AclId::User(id)
    } else {
        AclId::Group(id)
    };
    Ok(AclName { who, access, name })
}

fn access(bits: u32) -> Result<u8, Error> {
    match u8::try_from(bits) {
        Ok(access @ 0..=7) => Ok(access),
        _ => Err(Error::misbehaving(format!(
            "recv_acl_access: value out of range: {bits:x}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bytes: &[u8]) -> Result<AclDecoder, Error> {
        let mut decoder = AclDecoder::default();
        decoder.take(&mut &bytes[..], Kind::Directory)?;
        Ok(decoder)
    }

    #[test]
    fn lists_come_back() {
        let access = Acl {
            group_obj: Some(5),
            mask: Some(7),
            names: vec![
                AclName {
                    who: AclId::User(70_000),
                    access: 6,
                    name: Some(b"ann"[..].into()),
                },
                AclName {
                    who: AclId::Group(u32::MAX),
                    access: 0,
                    name: None,
                },
            ],
            ..Acl::default()
        };
        let acls = EntryAcls {
            access: Listed::New(&access),
            default: Some(Listed::New(&Acl::default())),
        };
        let mut bytes = Vec::new();
        put_acls(&mut bytes, &acls);
        let mut decoder = taken(&bytes).unwrap();
        assert_eq!(decoder.taken(Kind::Directory), acls);

        let again = EntryAcls {
            access: Listed::Earlier(0),
            default: None,
        };
        let mut bytes = Vec::new();
        put_acls(&mut bytes, &again);
        decoder.take(&mut &bytes[..], Kind::Regular).unwrap();
        assert_eq!(decoder.taken(Kind::Regular), again);
    }

    #[test]
    fn numbers_have_bounds() {
        let many = [&[0, NAMES][..], &[0xc1, 0x01, 0x00]].concat();
        for bytes in [
            &[1][..],
            &[0xf0, 0xff, 0xff, 0xff, 0xff],
            &[0, USER_OBJ, 8],
            &[0, NAMES, 1, 0, 8 << 2],
            &[0, NAMES, 0xf0, 0xff, 0xff, 0xff, 0xff],
            &[0, 0x20],
            &many,
        ] {
            let taken = taken(bytes);
            assert!(matches!(taken, Err(Error::Misbehaving(_))), "{bytes:x?}");
        }
    }
}
