//! Every list that can be written is read back, under all rules; and whatever is read, nothing
//! panics.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::flist::acl::{AclId, AclName};
use wire::flist::xattr::XattrValue;
use wire::flist::{
    Acl, Attributes, Device, DirectoryRole, EntryAcls, EntryDecoder, EntryEncoder, HardLink, Item,
    Kind, ListRules, Listed, WireEntry, XattrList, ids, late_io_error, xattr,
};
use wire::{CompatFlags, Error, Protocol};

/// An entry that owns what it has.
#[derive(Debug, Clone, PartialEq, Default)]
struct Owned {
    name: Vec<u8>,
    attributes: Attributes,
    directory: DirectoryRole,
    user_name: Option<Vec<u8>>,
    group_name: Option<Vec<u8>>,
    target: Vec<u8>,
    hard_link: HardLink,
    checksum: Vec<u8>,
    acl: Acl,
    xattrs: XattrList,
    /// A segment ends behind it, with these errors.
    end: Option<u32>,
}

fn any_rules() -> impl Strategy<Value = ListRules> {
    (27u8..=32, any::<u16>(), any::<u32>(), 0u8..=20).prop_map(|(version, bits, flags, sum)| {
        let bit = |bit: u16| bits & 1 << bit != 0;
        let mut protocol = Protocol::new(version).unwrap();
        if protocol.is_packed() {
            protocol = protocol.with_flags(CompatFlags::from_bits(flags & 0x1ff));
        }
        ListRules {
            protocol,
            uid: bit(0),
            gid: bit(1),
            devices: bit(2),
            specials: bit(3),
            links: bit(4),
            hard_links: bit(5),
            // Protocol 27 has no flag for equal times; rsync's sender takes no notice.
            atimes: bit(6),
            crtimes: bit(7) && protocol.has_varint_flags(),
            acls: bit(8) && protocol.is_packed(),
            xattrs: bit(9) && protocol.is_packed(),
            checksum_len: if bit(10) { sum } else { 0 },
            numeric_ids: bit(11),
            missing_args: bit(12),
        }
    })
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => vec(1u8..4, 1..6),
        1 => vec(5u8..6, 200..400),
    ];
    vec(part, 1..4).prop_map(|parts| parts.join(&b'/'))
}

fn any_attributes() -> impl Strategy<Value = Attributes> {
    let kind = prop::sample::select(vec![
        0o100000u32,
        0o100000,
        0o040000,
        0o120000,
        0o020000,
        0o060000,
        0o010000,
        0o140000,
        0,
    ]);
    let time = || {
        prop_oneof![
            Just(1_700_000_000i64),
            any::<i64>(),
            any::<u32>().prop_map(i64::from)
        ]
    };
    let device = (
        prop_oneof![0u32..3, any::<u32>()],
        prop_oneof![0u32..3, any::<u32>()],
    );
    (
        (kind, 0u32..8, prop_oneof![0u64..3, 0..=i64::MAX as u64]),
        (time(), 0u32..1_000_000_000, time(), time()),
        (prop_oneof![0u32..3, any::<u32>()], 0u32..3, device),
    )
        .prop_map(
            |((kind, access, size), (mtime, nsec, atime, crtime), (uid, gid, device))| Attributes {
                mode: if kind == 0 { 0 } else { kind | access },
                size,
                mtime,
                mtime_nsec: nsec,
                atime,
                crtime,
                uid,
                gid,
                device: Device {
                    major: device.0,
                    minor: device.1,
                },
            },
        )
}

fn any_acl() -> impl Strategy<Value = Acl> {
    let access = || prop::option::of(0u8..8);
    let name = (
        any::<bool>(),
        any::<u32>(),
        0u8..8,
        prop::option::of(vec(1u8.., 0..9)),
    );
    let name = name.prop_map(|(user, id, access, name)| AclName {
        who: if user {
            AclId::User(id)
        } else {
            AclId::Group(id)
        },
        access,
        name: name.map(Into::into),
    });
    ((access(), access(), access(), access()), vec(name, 0..3)).prop_map(|(fixed, names)| Acl {
        user_obj: fixed.0,
        group_obj: fixed.1,
        mask: fixed.2,
        other: fixed.3,
        names,
    })
}

fn any_xattrs() -> impl Strategy<Value = XattrList> {
    vec((vec(1u8.., 0..9), vec(any::<u8>(), 0..40)), 0..3).prop_map(|pairs| {
        let mut list = XattrList::default();
        for (name, value) in pairs {
            list.push(
                &name,
                match value.len() {
                    0..=xattr::MAX_WHOLE => XattrValue::Whole(&value),
                    len => XattrValue::Abbreviated {
                        len: len as u32,
                        checksum: value[..xattr::CHECKSUM_LEN].try_into().unwrap(),
                    },
                },
            );
        }
        list
    })
}

fn any_entry() -> impl Strategy<Value = Owned> {
    let name = || prop::option::of(vec(1u8.., 0..9));
    let role = prop::sample::select(vec![
        DirectoryRole::Content,
        DirectoryRole::Top,
        DirectoryRole::Implied,
        DirectoryRole::Bare,
    ]);
    let link = prop_oneof![
        Just(HardLink::None),
        Just(HardLink::First),
        (0i32..20).prop_map(HardLink::Of),
        (0i64..3, any::<i64>()).prop_map(|(device, inode)| HardLink::Inode { device, inode }),
    ];
    (
        (any_name(), any_attributes(), role, link),
        (name(), name(), vec(1u8.., 0..300), vec(any::<u8>(), 20)),
        (
            any_acl(),
            any_xattrs(),
            prop::option::weighted(0.2, 0u32..8),
        ),
    )
        .prop_map(|(a, b, c)| Owned {
            name: a.0,
            attributes: a.1,
            directory: a.2,
            hard_link: a.3,
            user_name: b.0,
            group_name: b.1,
            target: b.2,
            checksum: b.3,
            acl: c.0,
            xattrs: c.1,
            end: c.2,
        })
}

/// Leaves of each entry what can cross under these rules.
fn crossing(rules: &ListRules, raw: &[Owned]) -> Vec<Owned> {
    let mut entries: Vec<Owned> = Vec::new();
    let (mut prior_uid, mut prior_gid) = (None, None);
    let mut index = i32::from(rules.protocol.is_incremental());
    let mut firsts: Vec<(i32, usize)> = Vec::new();
    let mut start = index;
    for raw in raw {
        let mut entry = raw.clone();
        if entry.attributes.mode == 0 && !rules.missing_args {
            entry.attributes.mode = 0o100000;
        }
        limit(rules, &mut entry);
        entry.hard_link = match entry.hard_link {
            HardLink::Of(pick) if rules.hard_links && rules.protocol.is_packed() => {
                match firsts.get(pick as usize) {
                    Some(&(first, place)) => {
                        if first >= start {
                            let of = entries[place].clone();
                            entry = Owned {
                                name: entry.name,
                                acl: of.acl.clone(),
                                end: entry.end,
                                directory: DirectoryRole::Content,
                                user_name: None,
                                group_name: None,
                                ..of
                            };
                        }
                        HardLink::Of(first)
                    }
                    None => HardLink::None,
                }
            }
            link => link,
        };
        // A name stands only beside a number that is new.
        if !rules.uid || prior_uid == Some(entry.attributes.uid) {
            entry.user_name = None;
        }
        if !rules.gid || prior_gid == Some(entry.attributes.gid) {
            entry.group_name = None;
        }
        prior_uid = Some(entry.attributes.uid);
        prior_gid = Some(entry.attributes.gid);
        if entry.hard_link == HardLink::First {
            firsts.push((index, entries.len()));
        }
        index += 1;
        if let Some(errors) = &mut entry.end {
            if !rules.protocol.has_safe_list_end() && !rules.protocol.has_varint_flags() {
                *errors = 0;
            }
            index += 1;
            start = index;
        }
        entries.push(entry);
    }
    entries
}

fn limit(rules: &ListRules, entry: &mut Owned) {
    let (protocol, now) = (rules.protocol, &mut entry.attributes);
    let kind = Kind::of_mode(now.mode).unwrap();
    let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
    let special = matches!(kind, Kind::Fifo | Kind::Socket);
    if device || (special && rules.specials && protocol.version() < 31) {
        now.size = 0;
    }
    if !protocol.is_packed() {
        now.mtime = i64::from(now.mtime as u32);
    }
    if protocol.version() < 31 {
        now.mtime_nsec = 0;
    }
    if !rules.atimes || kind == Kind::Directory {
        now.atime = 0;
    }
    if !rules.crtimes {
        now.crtime = 0;
    }
    if !rules.uid {
        now.uid = 0;
    }
    if !rules.gid {
        now.gid = 0;
    }
    if !device || !rules.devices {
        now.device = Device::default();
    } else if protocol.version() < 28 {
        now.device.major &= 0xfff;
        now.device.minor &= 0xf_ffff;
    }
    if rules.numeric_ids || !protocol.is_incremental() {
        entry.user_name = None;
        entry.group_name = None;
    }
    entry.directory = match entry.directory {
        _ if kind != Kind::Directory => DirectoryRole::Content,
        DirectoryRole::Implied | DirectoryRole::Bare if !protocol.is_packed() => {
            DirectoryRole::Content
        }
        role => role,
    };
    if kind != Kind::Symlink || !rules.links {
        entry.target.clear();
    }
    entry.checksum.truncate(match kind {
        Kind::Regular => rules.checksum_len.into(),
        _ => 0,
    });
    let by_inode = rules.hard_links && !protocol.is_packed();
    entry.hard_link = match entry.hard_link {
        _ if kind == Kind::Directory || !rules.hard_links => HardLink::None,
        HardLink::Inode { .. } if protocol.version() < 28 && kind != Kind::Regular => {
            HardLink::None
        }
        HardLink::Inode { .. } if by_inode => entry.hard_link,
        // Every regular file has one.
        _ if by_inode && protocol.version() < 28 && kind == Kind::Regular => HardLink::Inode {
            device: 1,
            inode: 3,
        },
        HardLink::Inode { .. } => HardLink::None,
        _ if by_inode => HardLink::None,
        link => link,
    };
    if !rules.acls || kind == Kind::Symlink {
        entry.acl = Acl::default();
    }
    if !rules.xattrs {
        entry.xattrs.clear();
    }
}

fn wire_entry<'a>(rules: &ListRules, entry: &'a Owned) -> WireEntry<'a> {
    let kind = Kind::of_mode(entry.attributes.mode).unwrap();
    let acl = Listed::New(&entry.acl);
    WireEntry {
        name: &entry.name,
        attributes: entry.attributes,
        directory: entry.directory,
        user_name: entry.user_name.as_deref(),
        group_name: entry.group_name.as_deref(),
        link_target: &entry.target,
        hard_link: entry.hard_link,
        checksum: &entry.checksum,
        acls: (rules.acls && kind != Kind::Symlink).then(|| EntryAcls {
            access: acl,
            default: (kind == Kind::Directory).then_some(acl),
        }),
        xattrs: rules.xattrs.then_some(Listed::New(&entry.xattrs)),
    }
}

fn written(rules: &ListRules, entries: &[Owned]) -> Vec<u8> {
    let (mut bytes, mut encoder) = (Vec::new(), EntryEncoder::new(*rules));
    for entry in entries {
        encoder.put(&mut bytes, &wire_entry(rules, entry)).unwrap();
        if let Some(errors) = entry.end {
            encoder.end(&mut bytes, errors).unwrap();
        }
    }
    encoder.end(&mut bytes, 0).unwrap();
    bytes
}

fn errors_at_end(item: Item<'_>) -> Option<u32> {
    match item {
        Item::End { io_error, .. } => Some(io_error),
        Item::Entry { .. } => None,
    }
}

/// Reads whatever there is, to the end or an error.
fn read_all(rules: &ListRules, bytes: &[u8]) -> Error {
    let (mut source, mut decoder) = (bytes, EntryDecoder::new(*rules));
    loop {
        match decoder.next(&mut source) {
            Ok(Item::Entry { entry, .. }) => {
                assert!(entry.name.len() < 4096 && entry.link_target.len() < 4096);
                assert!(entry.attributes.mtime_nsec < 1_000_000_000);
                assert!(entry.attributes.size <= i64::MAX as u64);
                assert!(Kind::of_mode(entry.attributes.mode).is_some());
            }
            Ok(Item::End { io_error, .. }) => assert!(io_error < 8),
            Err(error) => return error,
        }
    }
}

fn small(mode: u32, device: (u32, u32), hard_link: HardLink) -> Owned {
    let mut entry = Owned {
        name: b"a".to_vec(),
        hard_link,
        ..Owned::default()
    };
    entry.attributes.mode = mode;
    (entry.attributes.device.major, entry.attributes.device.minor) = device;
    entry
}

#[test]
fn a_fifo_between_devices_changes_nothing() {
    let rules = ListRules {
        devices: true,
        specials: true,
        hard_links: true,
        ..ListRules::new(Protocol::new(30).unwrap())
    };
    let entries = [
        small(0o020000, (5, 1), HardLink::None),
        small(0o010000, (0, 0), HardLink::First),
        small(0o020000, (8, 1), HardLink::None),
        small(0o010000, (0, 0), HardLink::Of(1)),
        small(0o020000, (8, 2), HardLink::None),
        small(0o020000, (5, 3), HardLink::None),
    ];
    let bytes = written(&rules, &entries);
    let (mut source, mut decoder) = (&bytes[..], EntryDecoder::new(rules));
    for expected in &entries {
        match decoder.next(&mut source).unwrap() {
            Item::Entry { entry, .. } => assert_eq!(entry, wire_entry(&rules, expected)),
            end => panic!("{end:?}"),
        }
    }
}

#[test]
fn a_fifo_has_no_device() {
    for version in 27..=32 {
        let rules = ListRules {
            devices: true,
            specials: true,
            ..ListRules::new(Protocol::new(version).unwrap())
        };
        let fifo = |device| small(0o010000, device, HardLink::None);
        let plain = written(&rules, &[fifo((0, 0))]);
        assert_eq!(written(&rules, &[fifo((7, 70_000))]), plain, "{version}");
    }
}

#[test]
fn in_protocol_27_each_file_is_some_inode() {
    let rules = ListRules {
        hard_links: true,
        ..ListRules::new(Protocol::new(27).unwrap())
    };
    let file = small(0o100644, (0, 0), HardLink::None);
    let bytes = written(&rules, &[file.clone(), file]);
    let (mut source, mut decoder) = (&bytes[..], EntryDecoder::new(rules));
    let mut inode = || match decoder.next(&mut source).unwrap() {
        Item::Entry { entry, .. } => entry.hard_link,
        end => panic!("{end:?}"),
    };
    let (one, other) = (inode(), inode());
    for link in [one, other] {
        // By numbers that rsync can look up.
        assert!(matches!(link, HardLink::Inode { device, inode } if device != -2 && inode != 0));
    }
    assert_ne!(one, other);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn lists_come_back(rules in any_rules(), raw in vec(any_entry(), 0..16)) {
        let entries = crossing(&rules, &raw);
        let bytes = written(&rules, &entries);
        let (mut source, mut decoder) = (&bytes[..], EntryDecoder::new(rules));
        for expected in &entries {
            match decoder.next(&mut source).unwrap() {
                Item::Entry { entry, .. } => {
                    prop_assert_eq!(entry, wire_entry(&rules, expected));
                }
                end => prop_assert!(false, "{end:?} where {expected:?} should be"),
            }
            if let Some(errors) = expected.end {
                let end = decoder.next(&mut source).unwrap();
                prop_assert_eq!(errors_at_end(end), Some(errors));
            }
        }
        let end = decoder.next(&mut source).unwrap();
        prop_assert_eq!(errors_at_end(end), Some(0));
        prop_assert!(source.is_empty());
        // What is cut off says so.
        if let Some(cut) = bytes.len().checked_sub(1) {
            prop_assert_eq!(read_all(&rules, &bytes[..cut]), Error::Truncated);
        }
    }

    #[test]
    fn no_change_of_a_byte_panics(
        rules in any_rules(),
        raw in vec(any_entry(), 0..8),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = written(&rules, &crossing(&rules, &raw));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_all(&rules, &bytes);
    }

    #[test]
    fn no_bytes_panic(rules in any_rules(), bytes: Vec<u8>, count: usize, mut number: u32) {
        read_all(&rules, &bytes);
        let _ = ids::ids(&mut &bytes[..], rules.protocol, |_, _| Ok(()));
        let _ = late_io_error(&mut &bytes[..], rules.protocol);
        let _ = xattr::wanted(&mut &bytes[..], &mut number, count);
        let _ = xattr::take_value(&mut &bytes[..], &mut Vec::new());
        let _ = wire::flist::check_name(&bytes, number, wire::flist::Names::Rooted);
    }
}
