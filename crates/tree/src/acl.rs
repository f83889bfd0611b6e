//! Access control lists, as Linux keeps them and as a list of entries has them: without what an entry's
//! mode says already.
// rsync: acls.c rsync_acl, get_rsync_acl(), set_rsync_acl(); lib/acl.c

/// One list. What each may has 3 bits: read, write, execute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Acl {
    /// The owner.
    pub user_obj: Option<u8>,
    /// The group.
    pub group_obj: Option<u8>,
    /// What all but the owner and others may at most.
    pub mask: Option<u8>,
    /// Others.
    pub other: Option<u8>,
    /// Further users and groups, users first, by their numbers.
    pub names: Vec<AclName>,
}

/// A user's or a group's part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AclName {
    /// Who.
    pub who: AclId,
    /// What they may.
    pub access: u8,
}

/// A number of a user or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AclId {
    /// Of a user.
    User(u32),
    /// Of a group.
    Group(u32),
}

/// The lists of one entry. An entry that says no more than its mode has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Acls {
    /// Who may do what.
    pub access: Acl,
    /// What is made in a directory has this; empty if there is none.
    pub default: Acl,
}

/// The attributes in which Linux keeps them.
pub const ACCESS: &[u8] = b"system.posix_acl_access";
/// The default list of a directory.
pub const DEFAULT: &[u8] = b"system.posix_acl_default";

const VERSION: u32 = 2;
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
const NO_ID: u32 = u32::MAX;

impl Acl {
    /// How much memory it takes, about.
    pub fn weight(&self) -> u64 {
        (size_of::<Acl>() + self.names.len() * size_of::<AclName>()) as u64
    }

    /// What a mode alone says.
    pub fn of_mode(mode: u32) -> Acl {
        Acl {
            user_obj: Some((mode >> 6 & 7) as u8),
            group_obj: Some((mode >> 3 & 7) as u8),
            mask: None,
            other: Some((mode & 7) as u8),
            names: Vec::new(),
        }
    }

    /// Takes a list as the system keeps it. `None`: that is none.
    pub fn of_system(bytes: &[u8]) -> Option<Acl> {
        let (version, entries) = bytes.split_first_chunk()?;
        if u32::from_le_bytes(*version) != VERSION || !entries.len().is_multiple_of(8) {
            return None;
        }
        let mut acl = Acl::default();
        for entry in entries.chunks_exact(8) {
            let tag = u16::from_le_bytes([entry[0], entry[1]]);
            let access = entry[2] & 7;
            let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
            let mut name = |who| acl.names.push(AclName { who, access });
            match tag {
                USER_OBJ => acl.user_obj = Some(access),
                GROUP_OBJ => acl.group_obj = Some(access),
                MASK => acl.mask = Some(access),
                OTHER => acl.other = Some(access),
                USER => name(AclId::User(id)),
                GROUP => name(AclId::Group(id)),
                _ => {}
            }
        }
        acl.names.sort_unstable();
        Some(acl)
    }

    /// The list as the system keeps it; what is missing may nothing.
    pub fn to_system(&self) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        let mut put = |tag: u16, access: u8, id: u32| {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(u16::from(access).to_le_bytes());
            bytes.extend(id.to_le_bytes());
        };
        put(USER_OBJ, self.user_obj.unwrap_or(0), NO_ID);
        for name in &self.names {
            if let AclId::User(id) = name.who {
                put(USER, name.access, id);
            }
        }
        put(GROUP_OBJ, self.group_obj.unwrap_or(0), NO_ID);
        for name in &self.names {
            if let AclId::Group(id) = name.who {
                put(GROUP, name.access, id);
            }
        }
        if let Some(mask) = self.mask {
            put(MASK, mask, NO_ID);
        }
        put(OTHER, self.other.unwrap_or(0), NO_ID);
        bytes
    }

    /// The list without what a mode says already.
    // rsync: acls.c rsync_acl_strip_perms()
    pub fn without_mode(self, mode: u32) -> Acl {
        let group = Some((mode >> 3 & 7) as u8);
        let in_mode = self.mask.is_some() && !self.names.is_empty() && self.mask == group;
        Acl {
            user_obj: None,
            group_obj: self
                .group_obj
                .filter(|_| self.mask.is_some() && self.group_obj != group),
            mask: self.mask.filter(|_| !in_mode),
            other: None,
            names: self.names,
        }
    }

    /// Puts back the mask that [`Self::without_mode`] left out: names come with one.
    // rsync: acls.c recv_rsync_acl()
    pub fn with_mask(self, mode: u32) -> Acl {
        let group = (mode >> 3 & 7) as u8;
        Acl {
            mask: self.mask.or((!self.names.is_empty()).then_some(group)),
            ..self
        }
    }

    /// The same for a default list, which is not left anything out of.
    pub fn with_own_mask(self) -> Acl {
        let all = self.names.iter().fold(0, |all, name| all | name.access);
        let all = all | self.group_obj.unwrap_or(0);
        Acl {
            mask: self.mask.or((!self.names.is_empty()).then_some(all)),
            ..self
        }
    }

    /// Whether what is there, a whole access list, is this one with a mode, but for what setting the
    /// mode will change.
    // rsync: acls.c rsync_acl_equal_enough()
    pub fn is_enough(there: &Acl, wanted: &Acl, mode: u32) -> bool {
        if there.mask.is_some() != wanted.mask.is_some() {
            return false;
        }
        let group = wanted.group_obj.or(Some((mode >> 3 & 7) as u8));
        (there.mask.is_none() || there.group_obj == group) && there.names == wanted.names
    }

    /// The whole list for an entry of this mode.
    // rsync: acls.c change_sacl_perms()
    pub fn with_mode(&self, mode: u32) -> Acl {
        let of_mode = Acl::of_mode(mode);
        Acl {
            user_obj: of_mode.user_obj,
            group_obj: self.group_obj.or(of_mode.group_obj),
            mask: self.mask.and(of_mode.group_obj),
            other: of_mode.other,
            names: self.names.clone(),
        }
    }

    /// The permission bits of a mode.
    // rsync: acls.c rsync_acl_get_perms()
    pub fn permissions(&self) -> u32 {
        let group = self.mask.or(self.group_obj);
        let bits = [self.user_obj, group, self.other];
        let bits = bits.into_iter();
        bits.fold(0, |all, bits| all << 3 | u32::from(bits.unwrap_or(0)))
    }

    /// The list with other numbers.
    pub fn mapped(&self, id: impl Fn(AclId) -> AclId) -> Acl {
        let names = self.names.iter().map(|name| AclName {
            who: id(name.who),
            access: name.access,
        });
        let mut names: Vec<AclName> = names.collect();
        names.sort_unstable();
        Acl {
            names,
            ..self.clone()
        }
    }
}

impl Acls {
    /// Nothing that a mode would not say.
    pub fn is_empty(&self) -> bool {
        *self == Acls::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(who: AclId, access: u8) -> AclName {
        AclName { who, access }
    }

    fn extended() -> Acl {
        Acl {
            mask: Some(6),
            names: vec![
                name(AclId::User(1), 6),
                name(AclId::User(7), 4),
                name(AclId::Group(3), 5),
            ],
            ..Acl::of_mode(0o640)
        }
    }

    #[test]
    fn the_systems_form_comes_back() {
        for acl in [Acl::of_mode(0o751), extended()] {
            assert_eq!(Acl::of_system(&acl.to_system()), Some(acl));
        }
        let bytes = Acl::of_mode(0o640).to_system();
        assert_eq!(bytes.len(), 4 + 3 * 8);
        assert_eq!(bytes[..12], [2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255]);
        for wrong in [&[][..], &[2, 0, 0], &[1, 0, 0, 0], &bytes[..20 - 1]] {
            assert_eq!(Acl::of_system(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_the_mode_says_is_left_out_and_comes_back() {
        let plain = Acl::of_mode(0o640).without_mode(0o640);
        assert_eq!(plain, Acl::default());
        assert_eq!(plain.with_mode(0o640), Acl::of_mode(0o640));
        // The group's bits of a mode are the mask.
        let stripped = extended().without_mode(0o660);
        assert_eq!((stripped.mask, stripped.group_obj), (None, Some(4)));
        let received = stripped.with_mask(0o660);
        assert_eq!(received.mask, Some(6));
        assert_eq!(received.with_mode(0o660), extended().with_mode(0o660));
        assert!(Acl::is_enough(&extended(), &received, 0o660));
        assert!(!Acl::is_enough(&Acl::of_mode(0o660), &received, 0o660));
        assert!(Acl::is_enough(&Acl::of_mode(0o600), &plain, 0o660));
    }

    #[test]
    fn a_default_list_has_the_mask_of_all() {
        let mut acl = extended();
        acl.mask = None;
        assert_eq!(acl.with_own_mask().mask, Some(7));
        assert_eq!(Acl::of_mode(0o640).with_own_mask().mask, None);
        assert_eq!(extended().permissions(), 0o660);
        assert_eq!(Acl::of_mode(0o751).permissions(), 0o751);
    }

    #[test]
    fn other_numbers_are_sorted() {
        let mapped = extended().mapped(|who| match who {
            AclId::User(1) => AclId::User(9),
            other => other,
        });
        let users: Vec<AclId> = mapped.names.iter().map(|n| n.who).collect();
        assert_eq!(users, [AclId::User(7), AclId::User(9), AclId::Group(3)]);
    }
}
