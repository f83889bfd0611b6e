//! Symbolic links and nodes, which only Unix can be relied upon to have.

use crate::{entries, met_a_link, names, read, scratch, subdir, write};
#[cfg(target_os = "linux")]
use fast_io::dir::{Access, DeviceNumber, file_stat};
use fast_io::dir::{FileKind, Follow, Timestamp};
use std::io::ErrorKind;

#[test]
fn a_link_holds_its_target_to_the_byte() {
    let (_temp, dir) = scratch();
    let long = vec![b't'; 1_000];
    for target in [
        b"plain".as_slice(),
        b"../up",
        b"/abs/olute",
        b"dang\xffling",
        b"a\\b",
        &long,
    ] {
        dir.create_symlink(b"link", target).unwrap();
        assert_eq!(dir.read_link(b"link").unwrap(), target);
        let stat = dir.stat(b"link", Follow::Never).unwrap();
        assert_eq!(
            (stat.kind, stat.size),
            (FileKind::Symlink, target.len() as u64)
        );
        assert_eq!(entries(&dir)[0].1, Some(FileKind::Symlink));
        dir.remove_file(b"link").unwrap();
    }
}

#[test]
fn changes_to_a_link_stay_with_the_link() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    dir.create_symlink(b"link", b"file").unwrap();
    let file = dir.stat(b"file", Follow::Never).unwrap();
    let time = Timestamp {
        secs: 1_000_000_000,
        nanos: 123,
    };
    dir.set_mtime(b"link", time).unwrap();
    dir.set_owner(b"link", Some(file.uid), Some(file.gid))
        .unwrap();
    assert_eq!(dir.stat(b"link", Follow::Never).unwrap().mtime, time);
    let error = dir.set_permissions(b"link", 0o600).unwrap_err();
    assert!(met_a_link(&error), "{error}");
    assert_eq!(dir.stat(b"file", Follow::Never).unwrap(), file);
    assert_eq!(dir.stat(b"link", Follow::Always).unwrap(), file);
}

#[test]
fn a_link_is_renamed_linked_and_removed_as_itself() {
    let (_temp, dir) = scratch();
    write(&subdir(&dir, b"sub"), b"inner", b"inner");
    dir.create_symlink(b"link", b"sub").unwrap();
    dir.rename(b"link", &dir, b"moved").unwrap();
    assert_eq!(dir.read_link(b"moved").unwrap(), b"sub");
    assert_eq!(
        dir.remove_dir(b"moved").unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    dir.remove_file(b"moved").unwrap();
    assert_eq!(names(&dir.open_beneath(b"sub").unwrap()), [b"inner"]);

    write(&dir, b"file", b"old");
    dir.create_symlink(b"link", b"file").unwrap();
    write(&dir, b"new", b"new");
    dir.rename(b"new", &dir, b"link").unwrap();
    assert_eq!(
        (read(&dir, b"link"), read(&dir, b"file")),
        (b"new".to_vec(), b"old".to_vec())
    );
}

#[test]
fn a_hard_link_to_a_link_is_a_link() {
    let (_temp, dir) = scratch();
    dir.create_symlink(b"a", b"nowhere").unwrap();
    dir.link(b"a", &dir, b"b").unwrap();
    let stat = dir.stat(b"b", Follow::Never).unwrap();
    assert_eq!((stat.kind, stat.links), (FileKind::Symlink, 2));
}

#[cfg(target_os = "linux")]
#[test]
fn opening_a_named_pipe_does_not_wait() {
    let (_temp, dir) = scratch();
    dir.create_node(b"pipe", FileKind::Fifo, 0o600, Default::default())
        .unwrap();
    let pipe = dir.open_file(b"pipe", Access::Read, Follow::Never).unwrap();
    assert_eq!(file_stat(&pipe).unwrap().kind, FileKind::Fifo);
}

#[cfg(target_os = "linux")]
#[test]
fn sockets_and_devices_are_made() {
    let (_temp, dir) = scratch();
    dir.create_node(b"socket", FileKind::Socket, 0o600, Default::default())
        .unwrap();
    let stat = dir.stat(b"socket", Follow::Never).unwrap();
    assert_eq!(
        (stat.kind, stat.permissions & !0o600),
        (FileKind::Socket, 0)
    );
    let null = DeviceNumber { major: 1, minor: 3 };
    match dir.create_node(b"null", FileKind::CharDevice, 0o600, null) {
        Ok(()) => {
            let stat = dir.stat(b"null", Follow::Never).unwrap();
            assert_eq!((stat.kind, stat.special), (FileKind::CharDevice, null));
        }
        Err(e) => assert_eq!(e.kind(), ErrorKind::PermissionDenied, "only root may"),
    }
}
