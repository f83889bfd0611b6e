//! A tree whose entries have extended attributes. The file system of the tests has to have them; where it
//! has not, the tree cannot be built, and the tests fail.

use super::power::Power;
use super::specimen::{Kind, Tree};
use tree::acl::{Acl, AclId, AclName};

/// Of 33 bytes or more, so that only its checksum is in the list.
pub fn long(byte: char, length: usize) -> String {
    String::from(byte).repeat(length)
}

/// Attributes of all lengths, on files and directories, some of which an older run has left in the same
/// state and some in another.
pub fn attributed() -> Tree {
    let mut tree = Tree::new()
        .dir("src")
        .xattr("user.top", long('t', 40))
        .file("src/new", "new")
        .xattr("user.short", "short")
        .xattr("user.empty", "")
        .xattr("user.at most", long('m', 32))
        .xattr("user.long", long('l', 33))
        .xattr("user.longer", long('L', 3000))
        .file("src/equal", "equal")
        .xattr("user.short", "short")
        .xattr("user.long", long('l', 33))
        .file("src/value", "equal")
        .xattr("user.short", "new value")
        .xattr("user.long", long('n', 50))
        .file("src/shares", "equal")
        .xattr("user.short", "new value")
        .xattr("user.long", long('n', 50))
        .file("src/content", "new content")
        .xattr("user.kept", long('k', 100))
        .xattr("user.new", long('n', 100))
        .file("src/bare", "equal")
        .file("src/not there", "equal")
        .xattr("user.a", "1")
        .file("src/closed", "equal")
        .mode(0o444)
        .xattr("user.long", long('c', 60))
        .dir("src/dir")
        .xattr("user.dir", "dir")
        .xattr("user.long", long('d', 70))
        .file("src/dir/file", "file")
        .xattr("user.long", long('d', 70))
        .dir("src/made")
        .xattr("user.long", long('d', 71))
        .symlink("src/link", "equal")
        .dir("dst")
        .xattr("user.top", long('o', 40))
        .file("dst/equal", "equal")
        .xattr("user.short", "short")
        .xattr("user.long", long('l', 33))
        .file("dst/value", "equal")
        .xattr("user.short", "old value")
        .xattr("user.long", long('o', 50))
        .file("dst/shares", "equal")
        .xattr("user.old", "old")
        .file("dst/content", "old")
        .mtime(900_000_000, 0)
        .xattr("user.kept", long('k', 100))
        .xattr("user.old", long('o', 100))
        .file("dst/bare", "equal")
        .xattr("user.old", "old")
        .xattr("user.older", long('o', 90))
        .file("dst/not there", "equal")
        .file("dst/closed", "equal")
        .mode(0o444)
        .xattr("user.long", long('o', 60))
        .dir("dst/dir")
        .xattr("user.dir", "old")
        .file("dst/foreign", "foreign")
        .xattr("user.a", "1");
    if Power::of_this_process() == Power::Root {
        // An ordinary user's rsync cannot write into such a directory once its attributes are set.
        tree = tree
            .dir("src/made/closed")
            .mode(0o555)
            .xattr("user.short", "short")
            .xattr("user.long", long('d', 72))
            .file("src/made/closed/file", "file")
            .xattr("user.long", long('d', 72))
            .file("src/trusted", "trusted")
            .xattr("trusted.a", "1")
            .xattr("trusted.long", long('t', 200))
            .symlink("src/marked link", "equal")
            .xattr("trusted.long", long('l', 99))
            .symlink("src/same link", "equal")
            .xattr("trusted.a", "new")
            .symlink("dst/same link", "equal")
            .xattr("trusted.a", "old")
            .node("src/pipe", Kind::Fifo)
            .xattr("trusted.a", "1");
    }
    tree
}

/// A list that says this of the mode, and this of users and groups. The group's bits of the mode are the
/// mask.
fn acl(mode: u32, group: u8, names: &[(AclId, u8)]) -> Acl {
    let names = names.iter().map(|&(who, access)| AclName { who, access });
    Acl {
        group_obj: Some(group),
        mask: Some((mode >> 3 & 7) as u8),
        names: names.collect(),
        ..Acl::of_mode(mode)
    }
}

/// Access control lists of all kinds, on files and directories, some of which an older run has left in the
/// same state and some in another.
pub fn guarded() -> Tree {
    use AclId::{Group, User};
    let several = acl(0o664, 4, &[(User(1), 6), (User(33), 4), (Group(2), 5)]);
    let nameless = |id| acl(0o674, 4, &[(User(id), 7)]);
    let inherited = acl(0o750, 5, &[(User(2), 7), (Group(3), 4)]);
    let mut tree = Tree::new()
        .dir("src")
        .file("src/new", "new")
        .acl(&several)
        .file("src/equal", "equal")
        .acl(&several)
        .file("src/other", "equal")
        .acl(&several)
        .file("src/content", "new content")
        .acl(&nameless(54_321))
        .file("src/bare", "equal")
        .mode(0o640)
        .file("src/added", "equal")
        .mode(0o640)
        .acl(&acl(0o640, 4, &[(User(54_322), 6)]))
        .file("src/mask alone", "equal")
        .acl(&acl(0o640, 6, &[]))
        .file("src/mode", "equal")
        .acl(&nameless(1))
        .file("src/set", "equal")
        .mode(0o4755)
        .dir("src/dir")
        .acl(&acl(0o775, 5, &[(Group(2), 7)]))
        .default_acl(&inherited)
        .file("src/dir/file", "file")
        .dir("src/plain default")
        .default_acl(&Acl::of_mode(0o700))
        .file("src/plain default/file", "file")
        .mode(0o664)
        .dir("src/no default")
        .dir("src/made")
        .default_acl(&inherited)
        .dir("src/made/below")
        .file("src/made/below/file", "file")
        .mode(0o666)
        .symlink("src/link", "equal")
        .dir("dst")
        .default_acl(&acl(0o740, 7, &[(User(7), 7)]))
        .file("dst/equal", "equal")
        .acl(&several)
        .file("dst/other", "equal")
        .acl(&acl(
            0o664,
            4,
            &[(User(1), 6), (User(33), 6), (Group(2), 5)],
        ))
        .file("dst/content", "old")
        .mtime(900_000_000, 0)
        .acl(&nameless(1))
        .file("dst/bare", "equal")
        .acl(&several)
        .file("dst/added", "equal")
        .file("dst/mask alone", "equal")
        .file("dst/mode", "equal")
        .acl(&acl(0o654, 4, &[(User(1), 7)]))
        .file("dst/set", "equal")
        .acl(&acl(0o755, 5, &[(User(1), 7)]))
        .dir("dst/dir")
        .default_acl(&acl(0o750, 5, &[(User(2), 5), (Group(3), 4)]))
        .dir("dst/plain default")
        .dir("dst/no default")
        .default_acl(&inherited);
    if Power::of_this_process() == Power::Root {
        tree = tree.node("src/pipe", Kind::Fifo).acl(&several);
    }
    tree
}
