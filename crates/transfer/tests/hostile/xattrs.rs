//! Extended attributes and access control lists of peers that lie: values that nobody asked for, requests without an end, lists
//! that cost more memory than they may.

use crate::peer::{Script, Step, World};
use fast_io::dir::{Dir, Trust, XattrsOf, set_xattr};
use transfer::Fatal;
use wire::CompatFlags;
use wire::flist::acl::{AclId, AclName};
use wire::flist::xattr::{XattrValue, put_value, put_wanted};
use wire::flist::{Acl, Listed, XattrList};
use wire::item::ItemFlags;

const PULL: &[&str] = &["-rltX", "--no-inc-recursive"];
const SEND: &[&str] = &["-rltX", "--no-inc-recursive"];

const ASKED: ItemFlags = ItemFlags(ItemFlags::REPORT_XATTR.0 | ItemFlags::TRANSFER.0);

fn server() -> Script {
    Script::server(CompatFlags::default()).with_xattrs()
}

fn client() -> Script {
    Script::client().no_filters()
}

/// A short value and a long one.
fn two() -> XattrList {
    let mut list = XattrList::default();
    list.push(b"user.a", XattrValue::Whole(b"short"));
    let checksum = &[7; 16];
    list.push(b"user.b", XattrValue::Abbreviated { len: 50, checksum });
    list
}

/// Version, filters, and the request for a file without a basis and for one value, in one frame or in
/// two.
const REQUEST: usize = 4 + 4 + 4 + (1 + 2 + 2 + 16);

fn values(numbers: &[(u32, &[u8])]) -> Vec<u8> {
    let (mut out, mut prior) = (Vec::new(), 0);
    for (number, value) in numbers {
        put_wanted(&mut out, &mut prior, *number);
        put_value(&mut out, value);
    }
    out
}

#[test]
fn values_that_were_not_asked_for() {
    let long = [7; 50];
    for (what, sent, words) in [
        (
            "short",
            values(&[(1, b"x")]),
            "could not find xattr #1 for f",
        ),
        (
            "none",
            values(&[(3, b"x")]),
            "could not find xattr #3 for f",
        ),
        ("far", values(&[(70_000, b"x")]), "could not find xattr"),
        (
            "back and forth",
            values(&[(2, &long), (1, &long)]),
            "could not find xattr #1 for f",
        ),
    ] {
        let world = World::new();
        let list = two();
        let script = server()
            .file_with("f", Listed::New(&list))
            .end()
            .step(Step::Await(REQUEST))
            .item(0, ASKED)
            .bytes(&sent);
        let ended = world.pull(PULL, "dir/", script);
        ended.expect(what, Fatal::Protocol, words);
        world.expect_untouched(what);
    }
}

#[test]
fn values_of_an_item_that_asked_for_none() {
    let world = World::new();
    let list = two();
    let script = server()
        .file_with("f", Listed::New(&list))
        .end()
        .item(0, ItemFlags::REPORT_XATTR)
        .bytes(&[0]);
    // That is nothing: the session goes on, and ends as the stream does.
    let ended = world.pull(PULL, "dir/", script);
    assert!(ended.kind().is_some(), "{ended:?}");
    world.expect_untouched("no item");
}

#[test]
fn a_value_that_is_too_long() {
    let world = World::new();
    let list = two();
    let mut sent = Vec::new();
    put_wanted(&mut sent, &mut 0, 2);
    sent.extend([0xe8, 1, 0, 0]);
    let script = server()
        .file_with("f", Listed::New(&list))
        .end()
        .step(Step::Await(REQUEST))
        .item(0, ASKED)
        .bytes(&sent);
    let ended = world.pull(PULL, "dir/", script);
    ended.expect("length", Fatal::Protocol, "xattr datum_len");
}

/// What is announced as 50 bytes may have become more, but not more than all may have.
#[test]
fn values_that_cost_too_much_memory() {
    let world = World::new();
    let list = two();
    let sent = values(&[(2, &vec![7; 2_000_000])]);
    let script = server()
        .file_with("f", Listed::New(&list))
        .end()
        .step(Step::Await(REQUEST))
        .item(0, ASKED)
        .bytes(&sent);
    let options = [PULL, &["--max-alloc=1m"]].concat();
    let ended = world.pull(&options, "dir/", script);
    ended.expect("values", Fatal::Memory, "exceeded --max-alloc=1048576");
}

#[test]
fn lists_that_cost_too_much_memory() {
    let world = World::new();
    let mut script = server();
    for number in 0..1000 {
        let mut list = XattrList::default();
        let name = format!("user.{number}{}", "n".repeat(4000));
        list.push(name.as_bytes(), XattrValue::Whole(b""));
        script = script.file_with(&number.to_string(), Listed::New(&list));
    }
    let options = [PULL, &["--max-alloc=1m"]].concat();
    let ended = world.pull(&options, "dir/", script.end());
    ended.expect("lists", Fatal::Memory, "exceeded --max-alloc=1048576");
    world.expect_untouched("lists");
}

#[test]
fn access_lists_that_cost_too_much_memory() {
    let world = World::new();
    let mut script = Script::server(CompatFlags::default()).with_acls();
    for number in 0..20 {
        let names = (0..10_000).map(|id| AclName {
            who: AclId::User(id + number),
            access: 7,
            name: None,
        });
        let acl = Acl {
            names: names.collect(),
            ..Acl::default()
        };
        script = script.file_under(&number.to_string(), &acl);
    }
    let options = ["-rltA", "--no-inc-recursive", "--max-alloc=1m"];
    let ended = world.pull(&options, "dir/", script.end());
    ended.expect("acls", Fatal::Memory, "exceeded --max-alloc=1048576");
    world.expect_untouched("acls");
}

/// A source that has a short and a long value.
fn source() -> World {
    let world = World::new();
    let dir = Dir::open(&world.root(), Trust::Anyone).unwrap();
    for (name, value) in [(b"user.a", &b"short"[..]), (b"user.b", &[7; 50])] {
        set_xattr(XattrsOf::Entry(&dir, b"mine"), name, value).unwrap();
    }
    world
}

#[test]
fn requests_for_values_that_are_not_there() {
    for (what, numbers) in [
        ("short", &[1, 0][..]),
        ("none", &[3, 0]),
        ("before the first", &[0xf0, 0xff, 0xff, 0xff, 0xff]),
        ("behind the last", &[2, 1, 0]),
    ] {
        let world = source();
        let script = client()
            .item(1, ItemFlags::REPORT_XATTR)
            .bytes(numbers)
            .step(Step::Hang);
        let ended = world.send(SEND, script);
        ended.expect(what, Fatal::Protocol, "could not find xattr");
    }
}

#[test]
fn a_value_that_is_asked_for_again() {
    let world = source();
    let again = |script: Script| script.item(1, ItemFlags::REPORT_XATTR).bytes(&[2, 0]);
    let script = again(again(client())).step(Step::Hang);
    let ended = world.send(SEND, script);
    ended.expect("again", Fatal::Protocol, "could not find xattr #2 for mine");
}

#[test]
fn requests_without_an_end() {
    let world = source();
    let mut back_and_forth = Vec::new();
    wire::int::put_varint(&mut back_and_forth, 1);
    wire::int::put_varint(&mut back_and_forth, -1);
    let script = client()
        .item(1, ItemFlags::REPORT_XATTR)
        .bytes(&[1])
        .for_ever(&back_and_forth);
    let ended = world.send(SEND, script);
    ended.expect(
        "for ever",
        Fatal::Protocol,
        "more extended attributes are asked for than there can be",
    );
}
