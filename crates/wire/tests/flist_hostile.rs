//! File lists that no correct peer sends: each is refused, with rsync's words where it has some.

use wire::flist::{EntryDecoder, EntryEncoder, HardLink, Item, ListRules, WireEntry};
use wire::{CompatFlags, Error, Protocol};

const SAME_NAME: u8 = 1 << 5;
const LONG_NAME: u8 = 1 << 6;
const SAME_TIME: u8 = 1 << 7;
const SAME_MODE: u8 = 1 << 1;
const EXTENDED: u8 = 1 << 2;

fn rules(version: u8) -> ListRules {
    ListRules {
        links: true,
        hard_links: true,
        ..ListRules::new(Protocol::new(version).unwrap())
    }
}

/// The complaint about the first thing in a list that is refused.
fn complaint(rules: ListRules, bytes: &[u8]) -> String {
    let (mut source, mut decoder) = (bytes, EntryDecoder::new(rules));
    loop {
        match decoder.next(&mut source) {
            Ok(Item::Entry { .. }) => {}
            Ok(end) => panic!("{end:?} after {bytes:x?}"),
            Err(Error::Misbehaving(complaint)) => return complaint,
            Err(other) => panic!("{other:?} after {bytes:x?}"),
        }
    }
}

/// An entry of protocol 31 with a name of one letter, this mode and what comes behind it.
fn entry(mode: u32, flags: [u8; 2], rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![EXTENDED | SAME_TIME | flags[0], flags[1], 1, b'a'];
    bytes.extend_from_slice(&[0, 0, 0]);
    bytes.extend_from_slice(&mode.to_le_bytes());
    bytes.extend_from_slice(rest);
    bytes
}

#[test]
fn flags_that_were_not_agreed_on() {
    let plain = ListRules::new(Protocol::new(31).unwrap());
    for (name, high) in [
        ("a hard link", 0x02),
        ("a name of a user", 0x04),
        ("a name of a group", 0x08),
        ("the first of hard links", 0x12),
        ("an equal time of access", 0x40),
        ("the unused one", 0x80),
    ] {
        let bytes = entry(0o100644, [0, high], &[]);
        assert!(
            complaint(plain, &bytes).starts_with("Invalid flist flag"),
            "{name}"
        );
    }
    let nanoseconds = entry(0o100644, [0, 0x20], &[]);
    assert_eq!(
        complaint(rules(30), &nanoseconds),
        "Invalid flist flag: 2084"
    );
    let lone_first = entry(0o100644, [0, 0x10], &[]);
    assert_eq!(
        complaint(rules(31), &lone_first),
        "Invalid flist flag: 1084"
    );
    // The end with errors, to one that did not say it understands that.
    assert_eq!(
        complaint(rules(30), &[EXTENDED, 0x10, 1]),
        "Invalid flist flag: 1004"
    );

    let varint = Protocol::new(32)
        .unwrap()
        .with_flags(CompatFlags::VARINT_FLIST_FLAGS);
    for flags in [[0xc1, 0, 0], [0xc2, 0, 0], [0xc4, 0, 0]] {
        let bytes = [&flags[..], &[1, b'a']].concat();
        let complaint = complaint(ListRules::new(varint), &bytes);
        assert!(complaint.starts_with("Invalid flist flag"), "{flags:x?}");
    }
}

#[test]
fn names_that_are_too_long_or_lean_on_nothing() {
    let first = entry(0o100644, [0, 0], &[]);
    for name in [
        &[SAME_NAME, 2, 1, b'b'][..],
        &[SAME_NAME, 255, 0],
        &[LONG_NAME, 0x90, 0x00],
        &[SAME_NAME | LONG_NAME, 1, 0x8f, 0xff],
        &[LONG_NAME, 0xf0, 0xff, 0xff, 0xff, 0xff],
    ] {
        let bytes = [&first[..], name].concat();
        assert!(
            complaint(rules(31), &bytes).starts_with("overflow: xflags"),
            "{name:x?}"
        );
    }
    let plain = [LONG_NAME, 0xff, 0xff, 0xff, 0xff];
    assert!(complaint(rules(29), &plain).starts_with("overflow: xflags"));
    let zero = [SAME_TIME, 3, b'a', 0, b'b'];
    assert_eq!(
        complaint(rules(31), &zero),
        "a file name with a zero byte in it"
    );
}

#[test]
fn numbers_that_are_out_of_bounds() {
    let nsec = [
        &[EXTENDED | SAME_TIME, 0x20, 1, b'a', 0, 0, 0][..],
        &[0xf0, 0x00, 0xca, 0x9a, 0x3b],
    ];
    assert_eq!(
        complaint(rules(31), &nsec.concat()),
        "wire value modtime_nsec out of range: 1000000000 not in [0,999999999]"
    );
    let packed = [&[SAME_TIME, 1, b'a', 0xfc][..], &[0xff; 8]].concat();
    let plain = [&[SAME_TIME, 1, b'a'][..], &[0xff; 12]].concat();
    for (version, size) in [
        (31, packed),
        (29, plain),
        (28, [SAME_TIME, 1, b'a', 0, 0, 0, 0x80].to_vec()),
    ] {
        assert_eq!(
            complaint(rules(version), &size),
            "Offset underflow: file-length is negative"
        );
    }
}

#[test]
fn modes_of_nothing() {
    for mode in [0, 0o644, 0o170000, 0o030000, 0o1100644, u32::MAX] {
        let bytes = entry(mode, [0, 0], &[]);
        assert_eq!(
            complaint(rules(31), &bytes),
            format!("invalid file mode 0{mode:o} for a")
        );
    }
    let same = [SAME_TIME | SAME_MODE, 1, b'a', 0, 0, 0];
    assert_eq!(complaint(rules(31), &same), "invalid file mode 00 for a");
}

#[test]
fn targets_that_are_too_long() {
    for len in [&[0x90, 0x00][..], &[0xf0, 0xff, 0xff, 0xff, 0xff]] {
        let bytes = entry(0o120777, [0, 0], len);
        assert!(
            complaint(rules(31), &bytes).starts_with("overflow: linkname_len="),
            "{len:x?}"
        );
    }
    let zero = entry(0o120777, [0, 0], &[2, b'a', 0]);
    assert_eq!(
        complaint(rules(31), &zero),
        "a symlink with a zero byte in it"
    );
}

#[test]
fn hard_links_to_what_is_not_there() {
    let plain = entry(0o100644, [0, 0], &[]);
    let link = |index: &[u8]| [&plain[..], &[EXTENDED, 0x02, 1, b'b'], index].concat();
    assert_eq!(
        complaint(rules(31), &link(&[1])),
        "hard-link reference out of range: 1 (1)"
    );
    assert_eq!(
        complaint(rules(31), &link(&[0xf0, 0xff, 0xff, 0xff, 0xff])),
        "hard-link reference out of range: -1 (1)"
    );
    assert_eq!(
        complaint(rules(31), &link(&[0])),
        "hard-link reference to #0, which is the first of no group"
    );
}

#[test]
fn a_directory_has_no_hard_links() {
    let bytes = entry(0o040755, [0, 0x12], &[]);
    let mut decoder = EntryDecoder::new(rules(31));
    match decoder.next(&mut &bytes[..]).unwrap() {
        Item::Entry { entry, .. } => assert_eq!(entry.hard_link, HardLink::None),
        end => panic!("{end:?}"),
    }
}

#[test]
fn undefined_errors_are_left_out() {
    let bytes = [EXTENDED, 0x10, 0xf0, 0xff, 0xff, 0xff, 0xff];
    let mut decoder = EntryDecoder::new(rules(31));
    match decoder.next(&mut &bytes[..]).unwrap() {
        Item::End { io_error, segment } => assert_eq!((io_error, segment.len()), (7, 0)),
        entry => panic!("{entry:?}"),
    }
}

#[test]
fn lists_of_lists_have_bounds() {
    let rules = ListRules {
        acls: true,
        xattrs: true,
        ..rules(31)
    };
    let acl = entry(0o100644, [0, 0], &[1]);
    assert_eq!(complaint(rules, &acl), "access ACL index 1 > 0");
    let xattr = entry(0o100644, [0, 0], &[0, 0, 1]);
    assert_eq!(complaint(rules, &xattr), "xa index 1 out of range");
    let count = entry(0o100644, [0, 0], &[0, 0, 0, 0xc1, 0x01, 0x00]);
    assert_eq!(
        complaint(rules, &count),
        "wire value xattr count out of range: 65537 not in [0,65536]"
    );
}

#[test]
fn the_longest_name_is_taken() {
    let rules = rules(31);
    let (name, mut bytes) = (vec![b'n'; 4095], Vec::new());
    let mut entry = WireEntry {
        name: &name,
        ..WireEntry::default()
    };
    entry.attributes.mode = 0o100644;
    EntryEncoder::new(rules).put(&mut bytes, &entry).unwrap();
    match EntryDecoder::new(rules).next(&mut &bytes[..]).unwrap() {
        Item::Entry { entry, .. } => assert_eq!(entry.name, name),
        end => panic!("{end:?}"),
    }
}
