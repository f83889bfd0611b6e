//! What is done with an entry: flags beside each index, the kind of basis file, and a name.
// rsync: rsync.c read_ndx_and_attrs(), sender.c write_ndx_and_attrs()

use std::ops::BitOr;

use crate::int::{byte, put_shortint, put_vstring, shortint, vstring};
use crate::{Error, Ndx, Protocol, Source};

/// What follows an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What differs, and what is done about it.
    pub flags: ItemFlags,
    /// What the receiver builds the file from, if not the file of the same name.
    pub basis: Option<Basis>,
    /// The name of a basis file beside its own, or of what a hard link was made to.
    pub name: Option<Vec<u8>>,
}

impl Item {
    /// Content is wanted or follows; nothing else is to be said.
    pub const TRANSFER: Item = Item {
        flags: ItemFlags::TRANSFER,
        basis: None,
        name: None,
    };

    /// Appends it; nothing before version 29, which knows only [`Item::TRANSFER`].
    ///
    /// # Panics
    ///
    /// If the name is longer than [`MAX_NAME`].
    pub fn put(&self, out: &mut Vec<u8>, protocol: Protocol) {
        if !protocol.has_items() {
            return;
        }
        let mut flags = self.flags.0 & !(BASIS_FOLLOWS | NAME_FOLLOWS);
        if self.basis.is_some() {
            flags |= BASIS_FOLLOWS;
        }
        if self.name.is_some() {
            flags |= NAME_FOLLOWS;
        }
        put_shortint(out, flags);
        if let Some(basis) = self.basis {
            out.push(basis.to_wire());
        }
        if let Some(name) = &self.name {
            assert!(name.len() <= MAX_NAME, "a name of {} bytes", name.len());
            put_vstring(out, name);
        }
    }

    /// Takes what follows an index. The request or the values of extended attributes may follow
    /// it.
    ///
    /// # Errors
    ///
    /// Those of the source, a name that is too long, and the name of a basis file that is more
    /// than one component: the receiver will look it up in a directory that the peer didn't choose.
    pub fn take<S: Source>(source: &mut S, protocol: Protocol) -> Result<Item, S::Error> {
        if !protocol.has_items() {
            return Ok(Item::TRANSFER);
        }
        let flags = shortint(source)?;
        let mut basis = None;
        if flags & BASIS_FOLLOWS != 0 {
            basis = Some(Basis::from_wire(byte(source)?));
        }
        let mut name = None;
        if flags & NAME_FOLLOWS != 0 {
            let taken = vstring(source, MAX_NAME, "xname")?;
            if matches!(basis, Some(Basis::Fuzzy(_))) && !is_one_component(&taken) {
                return Err(Error::misbehaving("the name of a basis file has directories").into());
            }
            name = Some(taken);
        }
        let flags = ItemFlags(flags & !(BASIS_FOLLOWS | NAME_FOLLOWS));
        Ok(Item { flags, basis, name })
    }

    /// Whether extended attributes follow the item, if they cross at all: not where the other side
    /// has them already, by a link.
    // rsync: sender.c write_ndx_and_attrs(), send_files(); compat.c want_xattr_optim
    pub const fn xattrs_follow(&self, protocol: Protocol) -> bool {
        let linked = self.name.is_some() && self.flags.contains(ItemFlags::LOCAL_CHANGE);
        self.flags.contains(ItemFlags::REPORT_XATTR) && !(protocol.omits_equal_xattrs() && linked)
    }

    /// Whether this is no item, but how version 29 says that it is alive: an entry behind the last
    /// one of `len`, new, with nothing done.
    pub fn is_keep_alive(&self, protocol: Protocol, ndx: Ndx, len: u32) -> bool {
        !protocol.is_packed() && ndx == Ndx::File(len) && self.flags == ItemFlags::IS_NEW
    }
}

// rsync: rsync.h ITEM_BASIS_TYPE_FOLLOWS, ITEM_XNAME_FOLLOWS
const BASIS_FOLLOWS: u16 = 1 << 11;
const NAME_FOLLOWS: u16 = 1 << 12;

/// The longest name beside an index.
// rsync: rsync.h MAXPATHLEN
pub const MAX_NAME: usize = 4095;

/// What a file is built from.
// rsync: rsync.h FNAMECMP_*
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The file of the same name in a `--link-dest` or the like, counted from 0, at most 127.
    AlternateDir(u8),
    /// The file itself.
    Destination,
    /// What was left of it in `--partial-dir`.
    PartialDir,
    /// Its backup.
    Backup,
    /// A file with a similar name: 0 in its own directory, more in that of a `--link-dest` or the
    /// like, counted from 1; at most 124.
    Fuzzy(u8),
}

impl Basis {
    const fn from_wire(byte: u8) -> Basis {
        match byte {
            0..=0x7f => Basis::AlternateDir(byte),
            0x80 => Basis::Destination,
            0x81 => Basis::PartialDir,
            0x82 => Basis::Backup,
            FUZZY.. => Basis::Fuzzy(byte - FUZZY),
        }
    }

    /// # Panics
    ///
    /// If a directory's number is above the highest.
    fn to_wire(self) -> u8 {
        match self {
            Basis::AlternateDir(dir) => {
                assert!(dir < 0x80, "directory {dir}");
                dir
            }
            Basis::Destination => 0x80,
            Basis::PartialDir => 0x81,
            Basis::Backup => 0x82,
            Basis::Fuzzy(dir) => FUZZY.checked_add(dir).expect("a directory below 125"),
        }
    }
}

const FUZZY: u8 = 0x83;

/// What differs, and what is done about it; `transfer` has the same bits for the letters of `-i`.
/// The bits that announce a basis and a name are never set: an [`Item`] has these or not.
// rsync: rsync.h ITEM_*
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ItemFlags(pub u16);

impl ItemFlags {
    /// The values of extended attributes differ; a request for them follows, or they do.
    pub const REPORT_XATTR: ItemFlags = ItemFlags(1 << 8);
    /// The entry is new.
    pub const IS_NEW: ItemFlags = ItemFlags(1 << 13);
    /// The entry is made or changed without a transfer of content.
    pub const LOCAL_CHANGE: ItemFlags = ItemFlags(1 << 14);
    /// Content is transferred: a sum head follows, or one and content.
    pub const TRANSFER: ItemFlags = ItemFlags(1 << 15);

    /// Whether all of `other` is set.
    pub const fn contains(self, other: ItemFlags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for ItemFlags {
    type Output = ItemFlags;

    fn bitor(self, other: ItemFlags) -> ItemFlags {
        ItemFlags(self.0 | other.0)
    }
}

fn is_one_component(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn protocol(version: u8) -> Protocol {
        Protocol::new(version).expect("a version")
    }

    #[test]
    fn a_basis_file_stays_in_its_directory() {
        for name in ["../x", "/x", "a/b", "", ".", "..", "a\0b"] {
            let mut bytes = vec![0, 0x98, FUZZY];
            put_vstring(&mut bytes, name.as_bytes());
            let taken = Item::take(&mut &bytes[..], protocol(32));
            assert!(
                matches!(taken, Err(Error::Misbehaving(_))),
                "{name}: {taken:?}"
            );
            // What a link was made to is only shown.
            bytes[2] = 0;
            assert!(Item::take(&mut &bytes[..], protocol(32)).is_ok(), "{name}");
        }
    }

    #[test]
    fn before_version_29_there_is_one_item() {
        assert_eq!(Item::take(&mut &[][..], protocol(28)), Ok(Item::TRANSFER));
        let mut out = Vec::new();
        Item::TRANSFER.put(&mut out, protocol(28));
        assert!(out.is_empty());
    }

    #[test]
    fn version_29_says_that_it_is_alive() {
        let item = Item::take(&mut &[0, 0x20][..], protocol(29)).expect("an item");
        assert!(item.is_keep_alive(protocol(29), Ndx::File(7), 7));
        assert!(!item.is_keep_alive(protocol(29), Ndx::File(6), 7));
        assert!(!item.is_keep_alive(protocol(30), Ndx::File(7), 7));
    }

    #[test]
    fn linked_files_have_their_attributes() {
        let mut item = Item {
            flags: ItemFlags::REPORT_XATTR | ItemFlags::LOCAL_CHANGE,
            basis: None,
            name: Some(b"first".to_vec()),
        };
        assert!(!item.xattrs_follow(protocol(32)));
        assert!(item.xattrs_follow(protocol(30)));
        let avoid = crate::CompatFlags::AVOID_XATTR_OPTIM;
        assert!(item.xattrs_follow(protocol(32).with_flags(avoid)));
        item.name = None;
        assert!(item.xattrs_follow(protocol(32)));
        assert!(!Item::TRANSFER.xattrs_follow(protocol(30)));
    }

    proptest! {
        #[test]
        fn items_come_back(flags: u16, basis: Option<u8>, name: Option<String>) {
            let basis = basis.map(Basis::from_wire);
            let name = name.map(|name| name.replace(['/', '\0', '.'], "x") + "y");
            let item = Item {
                flags: ItemFlags(flags & !(BASIS_FOLLOWS | NAME_FOLLOWS)),
                basis,
                name: name.map(String::into_bytes),
            };
            let mut bytes = Vec::new();
            item.put(&mut bytes, protocol(32));
            let mut source = &bytes[..];
            prop_assert_eq!(Item::take(&mut source, protocol(32)), Ok(item));
            prop_assert!(source.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Item::take(&mut &bytes[..], protocol(32));
        }
    }
}
