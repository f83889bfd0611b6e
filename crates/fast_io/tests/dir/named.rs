//! Paths that the user named: whose links are followed.

use crate::{met_a_link, names, read, scratch, subdir, write};
use fast_io::dir::{Dir, Purpose, Trust, identity, open_named};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};

const APPEND: Purpose = Purpose::Append { permissions: 0o644 };

fn content(mut file: File) -> String {
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn own_links_lead_to_files_and_directories() {
    let (temp, dir) = scratch();
    let at = |path: &str| temp.path().join(path);
    write(&subdir(&subdir(&dir, b"a"), b"b"), b"file", b"content");
    dir.create_symlink(b"to-dir", b"a/./b/../b").unwrap();
    let absolute = at("to-dir/file").into_os_string().into_encoded_bytes();
    dir.create_symlink(b"to-file", &absolute).unwrap();
    for path in ["a/b/file", "to-dir/file", "to-file", "a//b/../../to-file"] {
        let file = open_named(&at(path), Purpose::Read, Trust::Owners).unwrap();
        assert_eq!(content(file), "content", "{path}");
    }
    for path in ["a/b", "a/b/", "to-dir", "to-dir/", "to-dir/."] {
        let found = Dir::open(&at(path), Trust::Owners).unwrap();
        assert_eq!(names(&found), [b"file"], "{path}");
        let found = dir.open_following(path.as_bytes(), Trust::Owners).unwrap();
        assert_eq!(names(&found), [b"file"], "{path}");
    }
    assert!(Dir::open("/".as_ref(), Trust::Owners).is_ok());
    let named = dir.open_named(b"to-file", Trust::Owners).unwrap();
    assert_eq!(content(named), "content");
}

#[test]
fn files_are_made_behind_links_and_kept_or_emptied() {
    let (temp, dir) = scratch();
    dir.create_symlink(b"link", b"made").unwrap();
    let path = temp.path().join("link");
    let put = |purpose, text: &str| {
        let mut file = open_named(&path, purpose, Trust::Owners).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    put(APPEND, "one");
    put(APPEND, "two");
    assert_eq!(read(&dir, b"made"), b"onetwo");
    put(Purpose::Replace { permissions: 0o600 }, "new");
    assert_eq!(read(&dir, b"made"), b"new");
}

#[test]
fn what_is_not_there_is_said_as_the_system_says_it() {
    let (temp, dir) = scratch();
    write(&dir, b"file", b"");
    dir.create_symlink(b"loop", b"loop").unwrap();
    dir.create_symlink(b"nowhere", b"none/at/all").unwrap();
    let kind = |path: &str| {
        let opened = open_named(&temp.path().join(path), Purpose::Read, Trust::Owners);
        opened.unwrap_err().kind()
    };
    assert_eq!(kind("none"), ErrorKind::NotFound);
    assert_eq!(kind("nowhere"), ErrorKind::NotFound);
    assert_eq!(kind("file/below"), ErrorKind::NotADirectory);
    assert_eq!(kind("file/"), ErrorKind::NotADirectory);
    let looped = Dir::open(&temp.path().join("loop/x"), Trust::Owners).unwrap_err();
    assert!(met_a_link(&looped), "{looped}");
}

#[test]
fn a_link_of_the_kernel_leads_to_what_has_no_path() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"through a pipe").unwrap();
    drop(writer);
    let number = std::os::fd::AsRawFd::as_raw_fd(&reader);
    let path = format!("/dev/fd/{number}");
    let file = open_named(path.as_ref(), Purpose::Read, Trust::Owners).unwrap();
    assert_eq!(content(file), "through a pipe");
}

/// Only root can give a link to somebody else, so the rule is tried as root, where tests run so.
#[test]
fn the_links_of_others_are_refused() {
    if !identity().privileged {
        eprintln!("skipped: only root can make links that others own");
        return;
    }
    let (temp, dir) = scratch();
    let at = |path: &str| temp.path().join(path);
    write(&subdir(&dir, b"real"), b"file", b"content");
    for (link, target) in [
        (b"dir".as_slice(), b"real".as_slice()),
        (b"leaf", b"real/file"),
    ] {
        dir.create_symlink(link, target).unwrap();
        dir.set_owner(link, Some(65_534), None).unwrap();
    }
    dir.create_symlink(b"through", b"dir").unwrap();
    for path in ["leaf", "dir/file", "through/file"] {
        for purpose in [Purpose::Read, APPEND] {
            let refused = open_named(&at(path), purpose, Trust::Owners).unwrap_err();
            assert!(met_a_link(&refused), "{path}: {refused}");
        }
        let file = open_named(&at(path), Purpose::Read, Trust::Anyone).unwrap();
        assert_eq!(content(file), "content");
    }
    for path in ["dir", "dir/", "through", "through/."] {
        let refused = Dir::open(&at(path), Trust::Owners).unwrap_err();
        assert!(met_a_link(&refused), "{path}: {refused}");
        let refused = dir.open_following(path.as_bytes(), Trust::Owners);
        assert!(met_a_link(&refused.unwrap_err()), "{path}");
        assert!(Dir::open(&at(path), Trust::Anyone).is_ok());
    }
    let refused = dir.open_named(b"leaf", Trust::Owners).unwrap_err();
    assert!(met_a_link(&refused), "{refused}");
}

#[test]
fn nothing_outside_of_a_bound_is_opened_or_made() {
    let (temp, dir) = scratch();
    let at = |path: &str| temp.path().join(path);
    let root = at("root");
    let bound = Trust::OwnersBelow(&root);
    let inner = subdir(&subdir(&dir, b"root"), b"in");
    write(&inner, b"file", b"content");
    write(&subdir(&dir, b"root-beside"), b"file", b"outside");
    inner.create_symlink(b"up", b"../../root-beside").unwrap();
    inner.create_symlink(b"leaf", b"up/made").unwrap();
    inner.create_symlink(b"back", b"../../root/in").unwrap();

    for path in [
        "root/in/file",
        "root/in/back/file",
        "root-beside/../root/in/file",
    ] {
        let file = open_named(&at(path), Purpose::Read, bound).unwrap();
        assert_eq!(content(file), "content", "{path}");
    }
    assert!(inner.open_named(b"file", bound).is_ok());
    assert!(inner.open_following(b"..", bound).is_ok() && Dir::open(&root, bound).is_ok());

    for path in [
        "root/in/up/file",
        "root/in/up/none",
        "root-beside/file",
        "root/../x",
        "x",
    ] {
        for purpose in [Purpose::Read, APPEND] {
            let refused = open_named(&at(path), purpose, bound).unwrap_err();
            assert!(met_a_link(&refused), "{path}: {refused}");
        }
    }
    let refused = inner.open_named(b"leaf", bound).unwrap_err();
    assert!(met_a_link(&refused), "{refused}");
    for path in ["up", "../..", "../../root-beside", "/"] {
        let refused = inner.open_following(path.as_bytes(), bound).unwrap_err();
        assert!(met_a_link(&refused), "{path}: {refused}");
    }
    assert_eq!(names(&dir.open_beneath(b"root-beside").unwrap()), [b"file"]);
    assert!(
        open_named(
            &at("root-beside/file"),
            Purpose::Read,
            Trust::OwnersBelow("/".as_ref())
        )
        .is_ok()
    );

    // An open file by its number is judged by what it is.
    for (path, allowed) in [("root/in/file", true), ("root-beside/file", false)] {
        let file = File::open(at(path)).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        let pinned = format!("/dev/fd/{number}");
        let opened = open_named(pinned.as_ref(), Purpose::Read, bound);
        assert_eq!(opened.is_ok(), allowed, "{path}");
    }
}
