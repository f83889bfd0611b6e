//! Creating, linking, renaming and removing.

use crate::{exists, names, read, scratch, subdir, write};
use fast_io::dir::{DeviceNumber, FileKind, Follow};
use std::io::ErrorKind;

#[test]
fn creating_refuses_what_exists() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"old");
    subdir(&dir, b"sub");
    for name in [b"file".as_slice(), b"sub"] {
        let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
        assert_eq!(
            kind(dir.create_file(name, 0o644).map(drop)),
            ErrorKind::AlreadyExists
        );
        assert_eq!(kind(dir.create_dir(name, 0o755)), ErrorKind::AlreadyExists);
    }
    assert_eq!(read(&dir, b"file"), b"old");
}

#[test]
fn renaming_moves_between_directories() {
    let (_temp, dir) = scratch();
    let (from, to) = (subdir(&dir, b"from"), subdir(&dir, b"to"));
    write(&from, b"a", b"content");
    subdir(&from, b"d");
    from.rename(b"a", &to, b"b").unwrap();
    from.rename(b"d", &to, b"e").unwrap();
    assert!(names(&from).is_empty());
    assert_eq!(names(&to), [b"b", b"e"]);
    assert_eq!(read(&to, b"b"), b"content");
}

#[test]
fn renaming_replaces_a_file() {
    let (_temp, dir) = scratch();
    write(&dir, b"old", b"old");
    write(&dir, b"new", b"new");
    dir.rename(b"new", &dir, b"old").unwrap();
    assert_eq!(names(&dir), [b"old"]);
    assert_eq!(read(&dir, b"old"), b"new");
}

#[test]
fn renaming_replaces_a_read_only_file() {
    let (_temp, dir) = scratch();
    write(&dir, b"old", b"old");
    dir.set_permissions(b"old", 0o444).unwrap();
    write(&dir, b"new", b"new");
    dir.rename(b"new", &dir, b"old").unwrap();
    assert_eq!(names(&dir), [b"old"]);
    assert_eq!(read(&dir, b"old"), b"new");
    assert_eq!(dir.stat(b"old", Follow::Never).unwrap().permissions, 0o644);
}

#[test]
fn a_file_is_renamed_while_it_is_open_for_writing() {
    let (_temp, dir) = scratch();
    write(&dir, b"final", b"old");
    let mut file = dir.create_file(b".temp", 0o600).unwrap();
    std::io::Write::write_all(&mut file, b"new").unwrap();
    dir.rename(b".temp", &dir, b"final").unwrap();
    std::io::Write::write_all(&mut file, b"er").unwrap();
    drop(file);
    assert_eq!(names(&dir), [b"final"]);
    assert_eq!(read(&dir, b"final"), b"newer");
}

#[test]
fn renaming_does_not_replace_a_directory_by_a_file() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"file");
    write(&subdir(&dir, b"sub"), b"inner", b"inner");
    assert!(dir.rename(b"file", &dir, b"sub").is_err());
    assert_eq!(names(&dir), [b"file".as_slice(), b"sub"]);
    assert_eq!(names(&dir.open_beneath(b"sub").unwrap()), [b"inner"]);
}

#[test]
fn links_are_counted_and_share_content() {
    let (_temp, dir) = scratch();
    let sub = subdir(&dir, b"sub");
    write(&dir, b"a", b"shared");
    dir.link(b"a", &dir, b"b").unwrap();
    dir.link(b"a", &sub, b"c").unwrap();
    let stats = [
        dir.stat(b"a", Follow::Never).unwrap(),
        dir.stat(b"b", Follow::Never).unwrap(),
        sub.stat(b"c", Follow::Never).unwrap(),
    ];
    for stat in stats {
        assert_eq!(
            (stat.device, stat.inode, stat.links),
            (stats[0].device, stats[0].inode, 3)
        );
    }
    assert_eq!(read(&sub, b"c"), b"shared");
    dir.remove_file(b"a").unwrap();
    assert_eq!(sub.stat(b"c", Follow::Never).unwrap().links, 2);
}

#[test]
fn linking_refuses_what_exists() {
    let (_temp, dir) = scratch();
    write(&dir, b"a", b"a");
    write(&dir, b"b", b"b");
    assert_eq!(
        dir.link(b"a", &dir, b"b").unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(read(&dir, b"b"), b"b");
    subdir(&dir, b"sub");
    assert!(dir.link(b"sub", &dir, b"c").is_err());
    assert!(!exists(&dir, b"c"));
}

#[test]
fn removing_takes_the_kind_that_it_is_for() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"");
    subdir(&dir, b"sub");
    assert_eq!(
        dir.remove_dir(b"file").unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    let error = dir.remove_file(b"sub").unwrap_err().kind();
    // macOS says that it is not permitted.
    assert!(
        matches!(error, ErrorKind::IsADirectory | ErrorKind::PermissionDenied),
        "{error}"
    );
    assert_eq!(names(&dir), [b"file".as_slice(), b"sub"]);
    dir.remove_file(b"file").unwrap();
    dir.remove_dir(b"sub").unwrap();
    assert!(names(&dir).is_empty());
}

#[test]
fn a_full_directory_is_not_removed() {
    let (_temp, dir) = scratch();
    let sub = subdir(&dir, b"sub");
    write(&sub, b"file", b"");
    assert_eq!(
        dir.remove_dir(b"sub").unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
    assert!(exists(&sub, b"file"));
}

#[test]
fn what_is_read_only_is_removed() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"");
    subdir(&dir, b"sub");
    dir.set_permissions(b"file", 0o444).unwrap();
    dir.set_permissions(b"sub", 0o555).unwrap();
    dir.remove_file(b"file").unwrap();
    dir.remove_dir(b"sub").unwrap();
    assert!(names(&dir).is_empty());
}

#[test]
fn removing_one_name_leaves_the_other_read_only() {
    let (_temp, dir) = scratch();
    write(&dir, b"a", b"");
    dir.link(b"a", &dir, b"b").unwrap();
    dir.set_permissions(b"a", 0o444).unwrap();
    dir.remove_file(b"a").unwrap();
    assert_eq!(dir.stat(b"b", Follow::Never).unwrap().permissions, 0o444);
}

/// Another program holds the file and shares it with nobody.
#[cfg(windows)]
#[test]
fn a_failed_replacement_leaves_the_target_read_only() {
    use std::os::windows::fs::OpenOptionsExt;
    let (temp, dir) = scratch();
    write(&dir, b"target", b"old");
    dir.set_permissions(b"target", 0o444).unwrap();
    write(&dir, b"new", b"new");
    let path = temp.path().join("target");
    let held = std::fs::OpenOptions::new()
        .read(true)
        .share_mode(0)
        .open(path)
        .unwrap();
    assert!(dir.rename(b"new", &dir, b"target").is_err());
    let opened = dir.open_file(b"target", fast_io::dir::Access::Read, Follow::Never);
    assert_eq!(
        opened.unwrap_err().raw_os_error(),
        Some(32),
        "a sharing violation"
    );
    drop(held);
    let stat = dir.stat(b"target", Follow::Never).unwrap();
    assert_eq!((stat.kind, stat.permissions), (FileKind::Regular, 0o444));
    assert_eq!(
        (read(&dir, b"target"), read(&dir, b"new")),
        (b"old".to_vec(), b"new".to_vec())
    );
}

#[test]
fn named_pipes_are_made_where_there_are_any() {
    let (_temp, dir) = scratch();
    let result = dir.create_node(b"pipe", FileKind::Fifo, 0o600, DeviceNumber::default());
    if cfg!(any(windows, target_vendor = "apple")) {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(!exists(&dir, b"pipe"));
    } else {
        result.unwrap();
        assert_eq!(
            dir.stat(b"pipe", Follow::Never).unwrap().kind,
            FileKind::Fifo
        );
    }
}

/// Where links cannot be made, trying leaves nothing behind.
#[cfg(windows)]
#[test]
fn a_symbolic_link_is_made_or_refused() {
    let (_temp, dir) = scratch();
    subdir(&dir, b"sub");
    match dir.create_symlink(b"link", b"sub") {
        Ok(()) => {
            let stat = dir.stat(b"link", Follow::Never).unwrap();
            assert_eq!((stat.kind, stat.size), (FileKind::Symlink, 3));
            assert_eq!(dir.read_link(b"link").unwrap(), b"sub");
            assert!(dir.stat(b"link", Follow::Always).unwrap().is_dir());
            assert!(crate::met_a_link(&dir.open_beneath(b"link").unwrap_err()));
            dir.open_following(b"link", fast_io::dir::Trust::Anyone)
                .unwrap();
            dir.remove_file(b"link").unwrap();
        }
        // No such feature here, or (1314) no privilege.
        Err(e) => assert!(
            e.kind() == ErrorKind::Unsupported || e.raw_os_error() == Some(1314),
            "{e:?}"
        ),
    }
    assert_eq!(names(&dir), [b"sub"]);
}
