//! Peers that send: lists that nobody asked for, lists without an end, content that was not asked for.

use crate::peer::{DIR, Ended, FILE, LINK, Script, Step, World};
use transfer::Fatal;
use wire::CompatFlags;
use wire::Ndx;
use wire::flist::EntryEncoder;
use wire::item::Basis;
use wire::message::MessageCode;

fn plain() -> Script {
    Script::server(CompatFlags::default())
}

fn in_parts() -> Script {
    Script::server(CompatFlags::INC_RECURSE)
}

const PULL: &[&str] = &["-rlt", "--no-inc-recursive"];
const IN_PARTS: &[&str] = &["-rlt"];

/// The first bytes that we send: version, then filters and the request for a file without a basis, in
/// one frame or in two.
pub const REQUEST: usize = 4 + 4 + 4 + (1 + 2 + 16);

#[test]
fn names_that_lead_elsewhere() {
    for (name, mode, kind, words) in [
        ("../x", FILE, Fatal::Unsupported, "unsafe pathname"),
        ("a/../../x", FILE, Fatal::Unsupported, "unsafe pathname"),
        ("/etc/x", FILE, Fatal::Unsupported, "unsafe pathname"),
        ("..", DIR, Fatal::Unsupported, "unsafe pathname"),
        (
            ".",
            FILE,
            Fatal::Protocol,
            "rejecting non-directory transfer-root entry",
        ),
        (
            ".",
            LINK,
            Fatal::Protocol,
            "rejecting non-directory transfer-root entry",
        ),
    ] {
        let world = World::new();
        let script = plain().entry_of(name, mode, 0, "t").end();
        let ended = world.pull(PULL, "dir/", script);
        ended.expect(name, kind, words);
        world.expect_untouched(name);
    }
}

#[test]
fn names_that_were_not_asked_for() {
    let unrequested = "ERROR: rejecting unrequested file-list name: ";
    let excluded = "ERROR: rejecting excluded file-list name: ";
    for (options, asked, name, mode, words) in [
        (&["-rl"][..], "dir/a", "b", FILE, unrequested),
        (&["-rl"], "a/*.c", "b.h", FILE, unrequested),
        (&["-rlR"], "x/y/a", "x/b", FILE, unrequested),
        (&["-rlR"], "x/y/a", "x", FILE, unrequested),
        (&["-d"], "dir/", "a/b", FILE, unrequested),
        (&["-rl", "--exclude=*.o"], "dir/", "b.o", FILE, excluded),
        (&["-rl", "--exclude=d/"], "dir/", "d", DIR, excluded),
    ] {
        let world = World::new();
        let options = [options, &["--no-inc-recursive"]].concat();
        let script = plain().entry_of(name, mode, 0, "t").end();
        let ended = world.pull(&options, asked, script);
        ended.expect(name, Fatal::Unsupported, &format!("{words}{name}"));
        world.expect_untouched(name);
    }
}

#[test]
fn a_directory_on_the_way_is_not_emptied() {
    for script in [
        plain().entry(".", DIR).entry("x", DIR).entry("x/y", DIR),
        plain().entry("x", DIR).entry("x/y", DIR),
    ] {
        let world = World::new();
        std::fs::create_dir(world.root().join("x")).unwrap();
        std::fs::write(world.root().join("x/mine"), b"mine").unwrap();
        let script = script
            .end()
            .number(Ndx::Done)
            .number(Ndx::Done)
            .number(Ndx::Done)
            .number(Ndx::Done);
        let options = ["-rlR", "--no-inc-recursive", "--delete"];
        world.pull(&options, "x/y", script);
        let names = world.names();
        assert!(names.contains(&"root/x/mine".to_owned()), "{names:?}");
        assert!(names.contains(&"root/mine".to_owned()), "{names:?}");
    }
}

#[test]
fn a_broken_list_deletes_nothing() {
    let broken = [
        plain().entry(".", DIR).entry("a", FILE),
        plain().entry(".", DIR).end().bytes(b"\xff\xff\xff\xff\xff"),
        in_parts()
            .entry(".", DIR)
            .entry("d", DIR)
            .end()
            .bytes(b"\xff\x63"),
    ];
    for (at, script) in broken.into_iter().enumerate() {
        let world = World::new();
        let options = if at == 2 { IN_PARTS } else { PULL };
        let options = [options, &["--delete-after"]].concat();
        let ended = world.pull(&options, "dir/", script);
        assert!(ended.kind().is_some(), "{at}: {ended:?}");
        assert!(world.root().join("mine").exists(), "{at}");
    }
}

#[test]
fn lists_without_an_end() {
    let script = plain();
    let mut encoder = EntryEncoder::new(script.rules());
    let mut entry = Vec::new();
    let wire = wire::flist::WireEntry {
        name: b"always",
        attributes: wire::flist::Attributes {
            mode: FILE,
            ..Default::default()
        },
        ..Default::default()
    };
    encoder.put(&mut entry, &wire).unwrap();
    let world = World::new();
    let options = [PULL, &["--max-alloc=80K"]].concat();
    let ended = world.pull(&options, "dir/", script.for_ever(&entry));
    let words = "[Receiver] the file list exceeded --max-alloc=81920";
    ended.expect("an endless list", Fatal::Memory, words);
    world.expect_untouched("an endless list");
}

#[test]
fn parts_that_do_not_fit() {
    let start = || in_parts().entry(".", DIR).entry("d", DIR).end();
    for (what, script, words) in [
        (
            "no such directory",
            start().number(Ndx::List(9)),
            "Invalid dir index: 9 (0 - 2)",
        ),
        (
            "one twice",
            start().number(Ndx::List(1)).end().number(Ndx::List(1)),
            "refusing malicious duplicate flist for dir 1",
        ),
        (
            "the content of another directory",
            start().number(Ndx::List(1)).entry("e/f", FILE).end(),
            "",
        ),
        (
            "a file where a directory's number should be",
            in_parts().entry("f", FILE).end().number(Ndx::List(0)),
            "Invalid dir index: 0 (0 - 0)",
        ),
    ] {
        let world = World::new();
        let ended = world.pull(IN_PARTS, "dir/", script);
        assert!(
            matches!(ended.kind(), Some(Fatal::Protocol | Fatal::Unsupported)),
            "{what}: {ended:?}"
        );
        let told = ended.told.join("\n");
        assert!(told.contains(words), "{what}: {told}");
    }
}

#[test]
fn flags_that_were_not_agreed_on() {
    // Extended flags with each of the high bits, as a shared byte pair, in front of what may follow.
    // All but the one that ends a list with an error.
    for flag in (8..16).filter(|flag| *flag != 12) {
        let world = World::new();
        let flags = (1u16 << flag) | 4;
        let script = plain().bytes(&flags.to_le_bytes()).bytes(&[1; 64]);
        let ended = world.pull(PULL, "dir/", script);
        assert!(ended.kind().is_some(), "{flag}: {ended:?}");
        world.expect_untouched("flags");
    }
}

#[test]
fn content_that_was_not_asked_for() {
    let listed = || plain().entry_of("a", FILE, 5, "").end();
    let not_asked = "a file comes that was not asked for: 0";
    for (what, script, words) in [
        (
            "a number out of range",
            listed().step(Step::Await(REQUEST)).transfer(7),
            "Invalid file index: 7 [receiver]",
        ),
        (
            "a directory's content",
            plain().entry(".", DIR).end().transfer(0),
            not_asked,
        ),
        (
            "a part of a list that has none",
            listed().number(Ndx::List(0)),
            "Invalid file index: List(0) [receiver]",
        ),
    ] {
        let world = World::new();
        let ended = world.pull(PULL, "dir/", script);
        ended.expect(what, Fatal::Protocol, words);
    }
}

#[test]
fn content_that_comes_twice() {
    let sum = [0x5d, 0x41, 0x40, 0x2a, 0xbc, 0x4b, 0x2a, 0x76];
    let rest = [0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17, 0xc5, 0x92];
    let content = |script: Script| {
        script
            .head(0, 0, 0, 0)
            .token(5, b"hello")
            .token(0, &sum)
            .bytes(&rest)
    };
    let script = plain()
        .entry_of("a", FILE, 5, "")
        .end()
        .step(Step::Await(REQUEST))
        .transfer(0);
    let script = content(content(script).transfer(0));
    let world = World::new();
    let ended = world.pull(PULL, "dir/", script);
    let words = "a file comes that was not asked for: 0 [receiver]";
    ended.expect("twice", Fatal::Protocol, words);
}

/// The file is asked for again when the other side has ended every phase.
#[test]
fn an_end_before_all_has_come() {
    let (world, ended) = transferring(
        |s| {
            let s = s.head(0, 0, 0, 0).token(5, b"hello").token(0, &[7; 16]);
            let s = (0..3).fold(s, |s, _| s.number(Ndx::Done));
            // The statistics, and goodbye.
            s.bytes(&[0; 15]).number(Ndx::Done)
        },
        &[],
    );
    assert_eq!(ended.kind(), Some(Fatal::Protocol), "{ended:?}");
    world.expect_untouched("an early end");
}

fn transferring(script: impl FnOnce(Script) -> Script, options: &[&str]) -> (World, Ended) {
    let world = World::new();
    let start = plain()
        .entry_of("a", FILE, 5, "")
        .end()
        .step(Step::Await(REQUEST))
        .transfer(0);
    let options = [PULL, options].concat();
    let ended = world.pull(&options, "dir/", script(start));
    (world, ended)
}

#[test]
fn numbers_out_of_range() {
    let large = i32::MAX;
    for (what, head, words) in [
        ("count", (-1, 700, 2, 0), "Invalid checksum count -1"),
        ("block", (1, large, 2, 0), "Invalid block length"),
        ("zero block", (1, 0, 2, 0), "Invalid zero block length"),
        ("strong", (1, 700, 17, 0), "Invalid checksum length 17"),
        (
            "remainder",
            (1, 700, 2, 701),
            "Invalid remainder length 701",
        ),
    ] {
        let (count, block, strong, remainder) = head;
        let (world, ended) = transferring(|s| s.head(count, block, strong, remainder), &[]);
        ended.expect(what, Fatal::Protocol, words);
        world.expect_untouched(what);
    }
}

#[test]
fn tokens_beyond_the_basis() {
    for token in [-1, -2, i32::MIN, i32::MIN + 1] {
        let (world, ended) = transferring(
            |s| s.head(0, 0, 0, 0).token(token, &[]).token(0, &[0; 16]),
            &[],
        );
        assert!(ended.kind().is_some(), "{token}: {ended:?}");
        world.expect_untouched("a token beyond the basis");
    }
    let (world, ended) = transferring(|s| s.head(0, 0, 0, 0).token(i32::MAX, &[1; 64]), &[]);
    assert!(ended.kind().is_some(), "{ended:?}");
    world.expect_untouched("a literal without an end");
}

#[test]
fn sums_of_a_huge_basis() {
    // The receiver has no such basis, and reserves nothing for one.
    let (world, ended) = transferring(
        |s| s.head(i32::MAX, 1 << 17, 16, 0).token(-i32::MAX, &[]),
        &[],
    );
    assert!(ended.kind().is_some(), "{ended:?}");
    world.expect_untouched("a huge basis");
}

#[test]
fn a_basis_that_nobody_named() {
    let other = "the basis of a file is not the one that was asked for";
    let directories = "the name of a basis file has directories";
    let similar = "refusing malicious fuzzy operation for a";
    for (options, basis, name, words) in [
        (
            &[][..],
            Basis::AlternateDir(0),
            None,
            "invalid basis_dir index: 0.",
        ),
        (
            &["--link-dest=.."],
            Basis::AlternateDir(1),
            None,
            "invalid basis_dir index: 1.",
        ),
        (
            &["--link-dest=.."],
            Basis::AlternateDir(127),
            None,
            "invalid basis_dir index: 127.",
        ),
        (&["--link-dest=.."], Basis::AlternateDir(0), None, other),
        (
            &["--link-dest=.."],
            Basis::Fuzzy(1),
            Some("beside"),
            similar,
        ),
        (&[], Basis::Fuzzy(0), Some("mine"), similar),
        (&["-y"], Basis::Fuzzy(0), Some("mine"), other),
        (&["-y"], Basis::Fuzzy(124), Some("mine"), other),
        (&["-y"], Basis::Fuzzy(0), None, other),
        (
            &["-yy", "--link-dest=.."],
            Basis::Fuzzy(1),
            Some("another"),
            other,
        ),
        (&["-y"], Basis::Fuzzy(0), Some("../beside"), directories),
        (&["-y"], Basis::Fuzzy(0), Some("/etc/passwd"), directories),
        (&["-y"], Basis::Fuzzy(0), Some(".."), directories),
        (&["-y"], Basis::Fuzzy(0), Some(""), directories),
    ] {
        let world = World::new();
        std::fs::write(world.root().join("mine"), b"").unwrap();
        let what = format!("{options:?} {basis:?} {name:?}");
        let script = plain()
            .entry_of("a", FILE, 5, "")
            .end()
            .step(Step::Await(REQUEST))
            .transfer_from(0, Some(basis), name.map(str::as_bytes))
            .head(1, 700, 2, 6)
            .token(-1, &[])
            .token(0, &[0; 16]);
        let options = [PULL, options].concat();
        let ended = world.pull(&options, "dir/", script);
        ended.expect(&what, Fatal::Protocol, words);
        world.expect_untouched(&what);
    }
}

#[test]
fn more_parts_end_than_there_are() {
    let world = World::new();
    let script = plain().entry(".", DIR).end().for_ever(&[0]);
    let ended = world.pull(PULL, "dir/", script);
    assert!(world.root().join("mine").exists());
    // The numbers of the statistics are zeros too: it may well end in peace, but it ends.
    assert!(
        matches!(ended.kind(), None | Some(Fatal::Protocol | Fatal::StreamIo)),
        "{ended:?}"
    );
}

#[test]
fn messages_of_the_wrong_length() {
    for (code, payload, words) in [
        (MessageCode::IoError, &[0u8; 3][..], "invalid multi-message"),
        (MessageCode::IoTimeout, &[0; 5], "invalid multi-message"),
        (MessageCode::ErrorExit, &[0; 2], "invalid multi-message"),
        (MessageCode::NoSend, &[0; 8], "invalid multi-message"),
        (MessageCode::Redo, &[0; 1], ""),
        (MessageCode::Noop, &[0; 1], "invalid multi-message"),
    ] {
        let world = World::new();
        let script = plain().message(code, payload);
        let ended = world.pull(PULL, "dir/", script);
        ended.expect(&format!("{code:?}"), Fatal::StreamIo, words);
        world.expect_untouched("a message");
    }
}

#[test]
fn a_timeout_that_would_never_come_is_not_taken() {
    for seconds in [0i32, -1, i32::MAX, 86_401] {
        let world = World::new();
        let script = plain()
            .message(MessageCode::IoTimeout, &seconds.to_le_bytes())
            .step(Step::Hang);
        let ended = world.pull(&["-r", "--timeout=1"], "dir/", script);
        ended.expect("timeout", Fatal::Timeout, "io timeout after 1 seconds");
    }
}

#[test]
fn numbers_of_files_that_are_not_sent() {
    for number in [-1i32, i32::MIN, i32::MAX, 99] {
        let world = World::new();
        let script = plain()
            .entry_of("a", FILE, 5, "")
            .end()
            .message(MessageCode::NoSend, &number.to_le_bytes())
            .message(MessageCode::Success, &number.to_le_bytes());
        let ended = world.pull(PULL, "dir/", script);
        ended.expect("no send", Fatal::StreamIo, "connection unexpectedly closed");
        world.expect_untouched("no send");
    }
}

#[test]
fn links_that_lead_out() {
    let world = World::new();
    let script = plain()
        .entry_of("out", LINK, 0, "../beside")
        .entry_of("to-root", LINK, 0, "/etc")
        .end();
    let options = [PULL, &["--safe-links"]].concat();
    let ended = world.pull(&options, "dir/", script);
    assert!(ended.kind().is_some());
    world.expect_untouched("links");
}

#[test]
#[cfg(unix)]
fn links_are_munged_where_they_arrive() {
    let world = World::new();
    let script = plain()
        .entry_of("out", LINK, 0, "../beside")
        .end()
        .step(Step::Await(REQUEST - 16));
    world.pull(&[PULL, &["--munge-links"]].concat(), "dir/", script);
    // It is made before it is told of.
    let target = std::fs::read_link(world.root().join("out")).unwrap();
    assert_eq!(target.to_str(), Some("/rsyncd-munged/../beside"));
}

#[test]
#[cfg(unix)]
fn a_link_in_the_list_is_not_gone_through() {
    // The list has a link and a file below it.
    let world = World::new();
    let script = in_parts()
        .entry(".", DIR)
        .entry_of("d", LINK, 0, "..")
        .entry_of("d/x", FILE, 5, "")
        .end()
        .number(Ndx::ListEnd);
    let ended = world.pull(IN_PARTS, "dir/", script);
    assert!(ended.kind().is_some(), "{ended:?}");
    assert!(!world.names().contains(&"x".to_owned()));
}

#[test]
fn a_client_that_pushes_what_it_may_not() {
    for (name, words) in [("../x", "unsafe pathname"), ("/x", "unsafe pathname")] {
        let world = World::new();
        let script = Script::client().entry(name, FILE).end();
        let ended = world.receive(PULL, script);
        ended.expect(name, Fatal::Unsupported, words);
        world.expect_untouched(name);
    }
}
