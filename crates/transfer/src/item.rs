//! What is done with an entry, or differs: the bits that rsync sends with each file index and
//! that `-i` shows as letters.
// rsync: rsync.h ITEM_*

use std::ops::{BitOr, BitOrAssign};
use wire::Protocol;
use wire::item::Item;

/// A set of item flags, with rsync's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ItemFlags(pub u16);

impl ItemFlags {
    /// Nothing differs.
    pub const NONE: ItemFlags = ItemFlags(0);
    /// The access time differs.
    pub const REPORT_ATIME: ItemFlags = ItemFlags(1 << 0);
    /// The content differs, by checksum (`c`).
    pub const REPORT_CHANGE: ItemFlags = ItemFlags(1 << 1);
    /// The size differs (`s`); only for regular files.
    pub const REPORT_SIZE: ItemFlags = ItemFlags(1 << 2);
    /// A symlink's time could not be set; shares the bit of [`Self::REPORT_SIZE`].
    pub const REPORT_TIMEFAIL: ItemFlags = ItemFlags(1 << 2);
    /// The modification time differs (`t`).
    pub const REPORT_TIME: ItemFlags = ItemFlags(1 << 3);
    /// The permissions differ (`p`).
    pub const REPORT_PERMS: ItemFlags = ItemFlags(1 << 4);
    /// The owner differs (`o`).
    pub const REPORT_OWNER: ItemFlags = ItemFlags(1 << 5);
    /// The group differs (`g`).
    pub const REPORT_GROUP: ItemFlags = ItemFlags(1 << 6);
    /// The ACL differs (`a`).
    pub const REPORT_ACL: ItemFlags = ItemFlags(1 << 7);
    /// The extended attributes differ (`x`).
    pub const REPORT_XATTR: ItemFlags = ItemFlags(1 << 8);
    /// The creation time differs.
    pub const REPORT_CRTIME: ItemFlags = ItemFlags(1 << 10);
    /// Nothing is known but that content is transferred: the protocol has no items. rsync's bit is
    /// beyond those that cross; this one means nothing to it.
    pub const MISSING_DATA: ItemFlags = ItemFlags(1 << 9);
    /// A byte that names the kind of basis file follows.
    pub const BASIS_TYPE_FOLLOWS: ItemFlags = ItemFlags(1 << 11);
    /// A name follows.
    pub const XNAME_FOLLOWS: ItemFlags = ItemFlags(1 << 12);
    /// The entry is new.
    pub const IS_NEW: ItemFlags = ItemFlags(1 << 13);
    /// The entry is made or changed without a transfer of content.
    pub const LOCAL_CHANGE: ItemFlags = ItemFlags(1 << 14);
    /// Content is transferred.
    pub const TRANSFER: ItemFlags = ItemFlags(1 << 15);

    /// The flags that make an item worth a line.
    // rsync: rsync.h SIGNIFICANT_ITEM_FLAGS
    const INSIGNIFICANT: u16 =
        Self::BASIS_TYPE_FOLLOWS.0 | Self::XNAME_FOLLOWS.0 | Self::LOCAL_CHANGE.0;

    /// What an item says that came over a wire.
    pub fn of_wire(item: &Item, protocol: Protocol) -> ItemFlags {
        if !protocol.has_items() {
            return ItemFlags::TRANSFER | ItemFlags::MISSING_DATA;
        }
        let mut flags = ItemFlags(item.flags.0 & !ItemFlags::MISSING_DATA.0);
        if item.basis.is_some() {
            flags |= ItemFlags::BASIS_TYPE_FOLLOWS;
        }
        if item.name.is_some() {
            flags |= ItemFlags::XNAME_FOLLOWS;
        }
        flags
    }

    /// Whether all of `other` is set.
    pub const fn contains(self, other: ItemFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether anything here deserves a line.
    pub const fn is_significant(self) -> bool {
        self.0 & !Self::INSIGNIFICANT != 0
    }
}

/// What an item off the wire says, with the bits for what follows it there.
impl From<&wire::item::Item> for ItemFlags {
    fn from(item: &wire::item::Item) -> ItemFlags {
        let mut flags = ItemFlags(item.flags.0);
        if item.basis.is_some() {
            flags |= ItemFlags::BASIS_TYPE_FOLLOWS;
        }
        if item.name.is_some() {
            flags |= ItemFlags::XNAME_FOLLOWS;
        }
        flags
    }
}

impl BitOr for ItemFlags {
    type Output = ItemFlags;
    fn bitor(self, rhs: ItemFlags) -> ItemFlags {
        ItemFlags(self.0 | rhs.0)
    }
}

impl BitOrAssign for ItemFlags {
    fn bitor_assign(&mut self, rhs: ItemFlags) {
        self.0 |= rhs.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_change_alone_is_not_significant() {
        assert!(!(ItemFlags::LOCAL_CHANGE | ItemFlags::XNAME_FOLLOWS).is_significant());
        assert!((ItemFlags::LOCAL_CHANGE | ItemFlags::IS_NEW).is_significant());
    }

    #[test]
    fn what_a_wire_leaves_to_other_fields_is_among_the_flags() {
        let linked = Item {
            flags: wire::item::ItemFlags::LOCAL_CHANGE,
            basis: None,
            name: Some(b"other".to_vec()),
        };
        let flags = |version| ItemFlags::of_wire(&linked, Protocol::new(version).unwrap());
        let expected = ItemFlags::LOCAL_CHANGE | ItemFlags::XNAME_FOLLOWS;
        assert_eq!(flags(29), expected);
        let expected = ItemFlags::TRANSFER | ItemFlags::MISSING_DATA;
        assert_eq!(flags(28), expected);
    }
}
