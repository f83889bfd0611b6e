//! Extended attributes: of names, of open files, of directories and of links.

use crate::{scratch, subdir, write};
use fast_io::dir::{Access, Follow, XattrsOf, remove_xattr, set_xattr, xattr, xattr_names};
use std::io;

#[cfg(not(target_os = "linux"))]
#[test]
fn they_are_for_linux() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    subdir(&dir, b"sub");
    let file = dir
        .open_file(b"file", Access::Write, Follow::Never)
        .unwrap();
    for of in [XattrsOf::File(&file), XattrsOf::Entry(&dir, b"sub")] {
        let unsupported = |e: io::Error| e.kind() == io::ErrorKind::Unsupported;
        assert!(xattr_names(of).is_err_and(unsupported));
        assert!(xattr(of, b"user.a").is_err_and(unsupported));
        assert!(set_xattr(of, b"user.a", b"1").is_err_and(unsupported));
        assert!(remove_xattr(of, b"user.a").is_err_and(unsupported));
    }
}

/// Names are told in no particular order, and there may be others that the system sets.
#[cfg(target_os = "linux")]
fn user_names(of: XattrsOf<'_>) -> Vec<Vec<u8>> {
    let names = xattr_names(of).unwrap();
    let mut names: Vec<Vec<u8>> = names
        .split(|&b| b == 0)
        .filter(|name| name.starts_with(b"user."))
        .map(<[u8]>::to_vec)
        .collect();
    names.sort();
    names
}

#[cfg(target_os = "linux")]
#[test]
fn they_are_set_and_removed() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    subdir(&dir, b"sub");
    let sub = dir.open_beneath(b"sub").unwrap();
    let file = dir.open_file(b"file", Access::Read, Follow::Never).unwrap();
    let long = vec![7; 3000];
    for (of, again) in [
        (XattrsOf::Entry(&dir, b"file"), XattrsOf::File(&file)),
        (XattrsOf::Entry(&dir, b"sub"), XattrsOf::Entry(&sub, b".")),
    ] {
        assert_eq!(xattr(of, b"user.a").unwrap(), None);
        for (name, value) in [
            (b"user.a".as_slice(), b"old".as_slice()),
            (b"user.a", b"new"),
            (b"user.empty", b""),
            (b"user.long", &long),
        ] {
            set_xattr(of, name, value).unwrap();
            assert_eq!(xattr(again, name).unwrap().as_deref(), Some(value));
        }
        let all = [&b"user.a"[..], b"user.empty", b"user.long"];
        assert_eq!(user_names(again), all);
        remove_xattr(again, b"user.empty").unwrap();
        remove_xattr(again, b"user.empty").unwrap();
        assert_eq!(user_names(of), [&b"user.a"[..], b"user.long"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_list_may_be_long() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    let of = XattrsOf::Entry(&dir, b"file");
    // In one block of the file system, but more than is usual.
    for number in 0..10 {
        let name = format!("user.{}{number}", "n".repeat(200));
        set_xattr(of, name.as_bytes(), b"1").unwrap();
    }
    assert_eq!(user_names(of).len(), 10);
}

#[cfg(target_os = "linux")]
#[test]
fn a_links_attributes_are_its_own() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    dir.create_symlink(b"link", b"file").unwrap();
    let (link, file) = (
        XattrsOf::Entry(&dir, b"link"),
        XattrsOf::Entry(&dir, b"file"),
    );
    set_xattr(file, b"user.a", b"1").unwrap();
    // Links have no `user.` attributes.
    assert_eq!(user_names(link), [b""; 0]);
    assert!(set_xattr(link, b"user.a", b"2").is_err());
    assert_eq!(xattr(file, b"user.a").unwrap().as_deref(), Some(&b"1"[..]));
    for name in [b"..".as_slice(), b"a/b", b""] {
        let outside = XattrsOf::Entry(&dir, name);
        assert!(xattr_names(outside).is_err() && set_xattr(outside, b"user.a", b"1").is_err());
    }
    let missing = xattr_names(XattrsOf::Entry(&dir, b"missing")).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}
