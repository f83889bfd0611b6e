//! Entries and items for the tests of the renderers.

use fast_io::dir::{DeviceNumber, FileKind, Stat, Timestamp};
use transfer::event::{Audience, Item, Message, Role, Severity, Totals};
use transfer::item::ItemFlags;
use tree::entry::{Entry, split};
use tree::names::Name;

/// An entry of any type.
pub(crate) fn entry(path: &[u8], mode: u32, size: u64) -> Entry {
    let (dirname, basename) = split(path);
    let time = Timestamp {
        secs: 1_795_372_118,
        nanos: 5,
    };
    let stat = Stat {
        kind: FileKind::Regular,
        permissions: 0,
        uid: 1000,
        gid: 100,
        size,
        mtime: time,
        atime: time,
        device: 0,
        inode: 0,
        links: 1,
        allocated: 0,
        special: DeviceNumber::default(),
    };
    let mut entry = Entry::new(Name::alone(0, dirname, basename), &stat);
    entry.set_mode(mode);
    entry
}

pub(crate) fn file(path: &str, size: u64) -> Entry {
    entry(path.as_bytes(), 0o100_644, size)
}

pub(crate) fn directory(path: &str) -> Entry {
    entry(path.as_bytes(), 0o040_755, 4096)
}

pub(crate) fn symlink(path: &str, target: &str) -> Entry {
    let mut link = entry(path.as_bytes(), 0o120_777, target.len() as u64);
    link.extra_mut().link_target = Some(target.as_bytes().into());
    link
}

/// An item whose flags are these.
pub(crate) fn item(entry: &Entry, flags: ItemFlags) -> Item<'_> {
    Item {
        entry,
        flags,
        link_name: None,
        source_dir: b"",
        checksum: None,
        audience: Audience::All,
        bytes_moved: 0,
        bytes_sent: 0,
        checksum_bytes: 0,
    }
}

pub(crate) const NEW_FILE: ItemFlags = ItemFlags(ItemFlags::IS_NEW.0 | ItemFlags::TRANSFER.0);
pub(crate) const NEW_OTHER: ItemFlags = ItemFlags(ItemFlags::IS_NEW.0 | ItemFlags::LOCAL_CHANGE.0);

/// A message without an error of the system.
pub(crate) fn message(severity: Severity, text: &str) -> Message {
    Message {
        severity,
        role: Role::Sender,
        text: text.into(),
        os_error: None,
    }
}

/// A session of eight entries, this many of which wait.
pub(crate) fn totals(files_to_check: u64) -> Totals {
    Totals {
        files_to_check,
        files_known: 8,
        list_complete: true,
        total_size: 3_000_010,
        ..Totals::default()
    }
}
