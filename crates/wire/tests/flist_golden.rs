//! File lists that rsync 3.5.0 sent: understood, and written again to the same bytes.
//! `golden/flist/README.md` says how they were made.

use std::collections::BTreeMap;
use wire::flist::acl::AclId;
use wire::flist::xattr::XattrValue;
use wire::flist::{
    Acl, Attributes, Device, DirectoryRole, EntryDecoder, EntryEncoder, HardLink, Item, ListRules,
    Listed, Names, WireEntry, XattrList, check_name, check_segment_name, ids, late_io_error,
    put_late_io_error,
};
use wire::ndx::NdxReader;
use wire::{CompatFlags, Ndx, Protocol};

/// What was read, in short.
#[derive(Default)]
struct Read {
    /// By name.
    entries: BTreeMap<String, Seen>,
    /// Users, then groups, from the end of the list.
    ids: Vec<(u32, String)>,
    acls: Vec<Acl>,
    xattrs: Vec<XattrList>,
    io_error: u32,
    segments: usize,
}

/// An entry without its name.
#[derive(Debug, Clone)]
struct Seen {
    index: i32,
    attributes: Attributes,
    directory: DirectoryRole,
    hard_link: HardLink,
    target: String,
    checksum: Vec<u8>,
    user_name: Option<String>,
    /// Which of the lists that were read.
    acl: Option<usize>,
    xattrs: Option<usize>,
}

impl Read {
    fn keep(&mut self, index: i32, entry: &WireEntry<'_>) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let acl = entry.acls.map(|acls| listed(&mut self.acls, acls.access));
        let xattrs = entry.xattrs.map(|xattrs| listed(&mut self.xattrs, xattrs));
        let seen = Seen {
            index,
            attributes: entry.attributes,
            directory: entry.directory,
            hard_link: entry.hard_link,
            target: text(entry.link_target),
            checksum: entry.checksum.to_vec(),
            user_name: entry.user_name.map(text),
            acl,
            xattrs,
        };
        self.entries.insert(text(entry.name), seen);
    }
}

fn listed<T: Clone>(lists: &mut Vec<T>, listed: Listed<'_, T>) -> usize {
    match listed {
        Listed::Earlier(number) => {
            assert!((number as usize) < lists.len());
            number as usize
        }
        Listed::New(new) => {
            lists.push(new.clone());
            lists.len() - 1
        }
    }
}

/// Reads a capture, and writes what was read: the bytes have to be the same.
fn read(name: &str, rules: ListRules) -> Read {
    let path = format!(
        "{}/tests/golden/flist/{name}.bin",
        env!("CARGO_MANIFEST_DIR")
    );
    let bytes = std::fs::read(path).unwrap();
    let mut source = &bytes[..];
    let (mut decoder, mut encoder) = (EntryDecoder::new(rules), EntryEncoder::new(rules));
    let mut read = Read::default();
    let mut numbers = NdxReader::new(rules.protocol);
    loop {
        let before = source;
        let mut written = Vec::new();
        read_segment(
            &mut source,
            &mut decoder,
            &mut encoder,
            &mut written,
            &mut read,
        );
        assert_eq!(written, before[..before.len() - source.len()], "{name}");
        if !rules.protocol.is_incremental() {
            break;
        }
        match announced(&mut source, &mut numbers) {
            None => return read,
            Some(directory) => assert!((directory as usize) < read.entries.len()),
        }
    }
    let before = source;
    let mut written = Vec::new();
    let protocol = rules.protocol;
    for wanted in [rules.lists_users(), rules.lists_groups()] {
        if wanted {
            read_ids(&mut source, &mut written, protocol, &mut read.ids);
        }
    }
    let late = late_io_error(&mut source, protocol).unwrap();
    put_late_io_error(&mut written, protocol, late);
    read.io_error |= late;
    assert_eq!(written, before[..before.len() - source.len()], "{name}");
    read
}

/// The directory whose content comes next.
fn announced(source: &mut &[u8], numbers: &mut NdxReader) -> Option<u32> {
    loop {
        match numbers.take(source).unwrap() {
            // The sender has done what the generator asked for of a segment: nothing.
            Ndx::Done => {}
            Ndx::List(directory) => return Some(directory),
            Ndx::ListEnd => return None,
            other => panic!("{other:?} where a segment is announced"),
        }
    }
}

fn read_segment(
    source: &mut &[u8],
    decoder: &mut EntryDecoder,
    encoder: &mut EntryEncoder,
    written: &mut Vec<u8>,
    read: &mut Read,
) {
    let mut parent = None;
    loop {
        match decoder.next(source).unwrap() {
            Item::Entry { index, entry } => {
                assert_eq!(encoder.put(written, &entry), Ok(index));
                let name = check_name(entry.name, entry.attributes.mode, Names::Beneath).unwrap();
                assert_eq!(name, entry.name);
                let above = match entry.name.iter().rposition(|&b| b == b'/') {
                    Some(slash) if index > 1 => &entry.name[..slash],
                    _ => b"",
                };
                let parent = parent.get_or_insert(above.to_vec());
                if read.segments > 0 {
                    check_segment_name(&name, parent).unwrap();
                }
                read.keep(index, &entry);
            }
            Item::End { io_error, segment } => {
                read.io_error |= io_error;
                read.segments += 1;
                encoder.end(written, io_error).unwrap();
                assert_eq!(encoder.segment().start(), segment.end() + 1);
                return;
            }
        }
    }
}

fn read_ids(
    source: &mut &[u8],
    written: &mut Vec<u8>,
    protocol: Protocol,
    read: &mut Vec<(u32, String)>,
) {
    let mut zero = Vec::new();
    ids::ids(source, protocol, |id, name| {
        read.push((id, String::from_utf8(name.to_vec()).unwrap()));
        match id {
            0 => zero = name.to_vec(),
            _ => ids::put_id(written, protocol, id, name),
        }
        Ok(())
    })
    .unwrap();
    ids::put_ids_end(written, protocol, &zero);
}

/// What both sides of `rsync -a` know.
fn archive(version: u8, flags: u32) -> ListRules {
    let protocol = Protocol::new(version).unwrap();
    ListRules {
        uid: true,
        gid: true,
        devices: true,
        specials: true,
        links: true,
        ..ListRules::new(protocol.with_flags(CompatFlags::from_bits(flags)))
    }
}

fn archive_with_links(version: u8, flags: u32) -> ListRules {
    ListRules {
        hard_links: true,
        ..archive(version, flags)
    }
}

/// Holds what was read of the tree of the README to what is in it.
fn check_tree(read: &Read, rules: &ListRules) {
    let entry = |name: &str| &read.entries[name];
    assert_eq!(read.entries.len(), 36);
    let (set_id, nanoseconds) = (entry("abc").attributes, rules.protocol.version() >= 31);
    assert_eq!((set_id.mode, set_id.size), (0o104755, 0));
    assert_eq!((set_id.uid, set_id.gid), (33, 4));
    assert_eq!(set_id.mtime, 1_700_000_000);
    assert_eq!(set_id.mtime_nsec, if nanoseconds { 123_456_789 } else { 0 });
    assert_eq!(entry("dir/three").attributes.uid, 70_000);
    assert_eq!(entry("dir/three").attributes.gid, 70_001);
    assert_eq!(entry("dir/two").attributes.size, 70_000);
    if rules.protocol.version() >= 30 {
        assert_eq!(entry("old").attributes.mtime, -300_000_000);
        assert_eq!(entry("future").attributes.mtime, 5_000_000_000);
    }
    let (n, m) = ("n".repeat(200), "m".repeat(250));
    assert!(read.entries.contains_key(&format!("{n}/{n}/y")));
    assert!(read.entries.contains_key(&format!("{n}/{m}")));
    assert_eq!(entry("sym").target, "a");
    assert_eq!(entry("dir/sym").target, format!("../{}", "t".repeat(300)));
    assert_eq!(entry(".").directory, DirectoryRole::Top);
    assert_eq!(entry("dir/deep").directory, DirectoryRole::Content);
    for (name, major, minor) in [("null2", 1, 5), ("wide", 259, 70_000), ("blk2", 8, 1)] {
        let device = entry(name).attributes.device;
        assert_eq!(device, Device { major, minor }, "{name}");
    }
    for name in ["fifo", "dir/fifo", "sock"] {
        assert_eq!(entry(name).attributes.device, Device::default());
    }
    if rules.hard_links {
        check_links(read, rules);
    }
}

fn check_links(read: &Read, rules: &ListRules) {
    let linked = |name: &str| {
        let seen = &read.entries[name];
        match seen.hard_link {
            HardLink::First => Some((0, i64::from(seen.index))),
            HardLink::Of(first) => Some((0, first.into())),
            HardLink::Inode { device, inode } => Some((device, inode)),
            HardLink::None => None,
        }
    };
    let mut groups = vec![
        vec!["a", "link-a"],
        vec!["dir/one", "dir/same", "one-again"],
        vec!["dir/deep/leaf", "dir/deep/leaf2"],
    ];
    if rules.protocol.version() >= 28 {
        groups.push(vec!["sym", "sym2"]);
        groups.push(vec!["dir/deep/one", "dir/deep/two"]);
        groups.push(vec!["fifo", "fifo2"]);
        groups.push(vec!["blk", "blk2"]);
        assert_eq!(linked("ab"), None);
    }
    for group in groups {
        assert!(linked(group[0]).is_some(), "{group:?}");
        for pair in group.windows(2) {
            assert_eq!(linked(pair[0]), linked(pair[1]));
            let [a, b] = [&read.entries[pair[0]], &read.entries[pair[1]]];
            assert_eq!(a.attributes, b.attributes);
            assert_eq!((&a.target, &a.checksum), (&b.target, &b.checksum));
        }
    }
}

#[test]
fn lists_before_protocol_30() {
    for version in 27..=29 {
        let rules = archive_with_links(version, 0);
        let read = read(&format!("p{version}"), rules);
        check_tree(&read, &rules);
        assert!(read.ids.contains(&(33, "www-data".to_owned())));
        assert!(read.ids.contains(&(4, "adm".to_owned())));
        assert_eq!(read.io_error, 0);
    }
}

#[test]
fn checksums_before_protocol_30() {
    for version in [27, 29] {
        let rules = ListRules {
            checksum_len: 16,
            ..archive(version, 0)
        };
        let read = read(&format!("p{version}-checksum"), rules);
        check_tree(&read, &rules);
        assert_eq!(read.entries["a"].checksum, read.entries["link-a"].checksum);
        assert_ne!(read.entries["a"].checksum, read.entries["ab"].checksum);
        assert_eq!(read.entries["dir"].checksum, []);
    }
}

#[test]
fn lists_of_protocol_30() {
    let rules = archive_with_links(30, 0x3f);
    let incremental = read("p30-incremental", rules);
    check_tree(&incremental, &rules);
    assert_eq!(incremental.segments, 6);
    let user_name = &incremental.entries["abc"].user_name;
    assert_eq!(user_name.as_deref(), Some("www-data"));

    let rules = ListRules {
        atimes: true,
        ..archive_with_links(30, 0x6)
    };
    let old = read("p30-old", rules);
    check_tree(&old, &rules);
    assert_eq!(old.segments, 1);
    assert!(old.ids.contains(&(33, "www-data".to_owned())));
}

#[test]
fn lists_of_protocol_31() {
    let rules = ListRules {
        atimes: true,
        ..archive_with_links(31, 0x3f)
    };
    let incremental = read("p31-incremental", rules);
    check_tree(&incremental, &rules);
    assert_eq!(
        incremental.entries["future"].attributes.atime,
        5_000_000_000
    );

    let rules = ListRules {
        checksum_len: 8,
        acls: true,
        xattrs: true,
        ..archive_with_links(31, 0x7e)
    };
    let checked = read("p31-checksum", rules);
    check_tree(&checked, &rules);
    check_acls_and_xattrs(&checked);
    assert_eq!(checked.entries["a"].checksum.len(), 8);
}

#[test]
fn lists_of_protocol_32() {
    let atimes = ListRules {
        atimes: true,
        ..archive_with_links(32, 0x1ff)
    };
    let incremental = read("p32-incremental", atimes);
    check_tree(&incremental, &atimes);
    assert_eq!(incremental.segments, 6);

    let rules = ListRules {
        acls: true,
        xattrs: true,
        checksum_len: 16,
        atimes: false,
        ..atimes
    };
    let everything = read("p32-everything", rules);
    check_tree(&everything, &rules);
    check_acls_and_xattrs(&everything);
    let acl = &everything.acls[everything.entries["ab"].acl.unwrap()];
    assert_eq!(acl.names[0].name.as_deref(), None);

    let rules = ListRules {
        protocol: archive(32, 0x1fe).protocol,
        checksum_len: 0,
        atimes: true,
        ..rules
    };
    let whole = read("p32-whole", rules);
    check_tree(&whole, &rules);
    check_acls_and_xattrs(&whole);
    assert!(whole.ids.contains(&(0, "root".to_owned())));

    let rules = ListRules {
        numeric_ids: true,
        acls: true,
        xattrs: true,
        ..archive_with_links(32, 0x1ff)
    };
    let numeric = read("p32-numeric", rules);
    check_tree(&numeric, &rules);
    check_acls_and_xattrs(&numeric);
    assert_eq!(numeric.entries["abc"].user_name, None);
}

fn check_acls_and_xattrs(read: &Read) {
    let acl = |name: &str| &read.acls[read.entries[name].acl.unwrap()];
    let users: Vec<AclId> = acl("ab").names.iter().map(|name| name.who).collect();
    assert_eq!(users, [AclId::User(1), AclId::User(33), AclId::Group(4)]);
    let allowed: Vec<u8> = acl("ab").names.iter().map(|name| name.access).collect();
    assert_eq!(allowed, [4, 7, 5]);
    assert_eq!(acl("ab").group_obj, Some(4));
    assert_eq!(acl("dir/two"), acl("ab"));
    assert_eq!(acl("a"), &Acl::default());

    let xattrs = |name: &str| &read.xattrs[read.entries[name].xattrs.unwrap()];
    let color: Vec<_> = xattrs("dir/one").iter().collect();
    assert_eq!(color.len(), 1);
    assert_eq!(color[0].name, b"user.color");
    assert_eq!(color[0].value, XattrValue::Whole(b"blue"));
    let long = xattrs("dir")
        .iter()
        .find(|xattr| xattr.name == b"user.long");
    assert!(matches!(
        long.unwrap().value,
        XattrValue::Abbreviated { len: 100, .. }
    ));
    assert!(xattrs("abc").is_empty());
}

#[test]
fn errors_of_the_sender() {
    let rules = ListRules {
        numeric_ids: true,
        ..archive(29, 0)
    };
    assert_eq!(read("p29-errors", rules).io_error, 1);
    assert_eq!(read("p30-errors", archive(30, 0xe)).io_error, 1);
    assert_eq!(read("p32-errors", archive(32, 0x1ff)).io_error, 1);
}

#[test]
fn parents_of_what_was_asked_for() {
    let new = read("p32-relative", archive(32, 0x1ff));
    assert_eq!(new.entries["src"].directory, DirectoryRole::Implied);
    assert_eq!(new.entries["src/dir/deep"].directory, DirectoryRole::Top);
    let old = read("p29-relative", archive(29, 0));
    assert_eq!(old.entries["src/dir/deep"].directory, DirectoryRole::Top);
    assert_eq!(old.entries["src/dir"].directory, DirectoryRole::Content);
}

#[test]
fn directories_without_content() {
    let read = read("p32-dirs", archive(32, 0x1fe));
    assert_eq!(read.entries["empty"].directory, DirectoryRole::Bare);
}

#[test]
fn an_argument_that_is_missing() {
    let rules = ListRules {
        missing_args: true,
        ..archive(32, 0x1ff)
    };
    let read = read("p32-missing", rules);
    assert_eq!(read.entries["missing"].attributes.mode, 0);
}
