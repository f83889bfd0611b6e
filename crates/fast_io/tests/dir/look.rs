//! Opening, listing and asking.

use crate::{entries, names, read, scratch, subdir, write};
use fast_io::dir::{self, Access, Dir, FileKind, Follow, Trust};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

#[test]
fn a_directory_lists_what_it_holds() {
    let (_temp, dir) = scratch();
    assert!(entries(&dir).is_empty());
    write(&dir, b"file", b"");
    subdir(&dir, b"dir");
    let expected = [
        (b"dir".to_vec(), Some(FileKind::Directory)),
        (b"file".to_vec(), Some(FileKind::Regular)),
    ];
    assert_eq!(entries(&dir), expected);
    assert_eq!(names(&dir).len(), 2, "a second look sees the same");
}

#[test]
fn a_large_directory_is_listed_whole() {
    let (_temp, dir) = scratch();
    let mut expected: Vec<Vec<u8>> = (0..2_000)
        .map(|i| format!("{i:04}-{}", "x".repeat(80)).into_bytes())
        .collect();
    for name in &expected {
        dir.create_file(name, 0o600).unwrap();
    }
    expected.sort();
    assert_eq!(names(&dir), expected);
}

#[test]
fn two_threads_list_one_handle() {
    let (_temp, dir) = scratch();
    for i in 0..500 {
        dir.create_file(format!("{i}-{}", "n".repeat(100)).as_bytes(), 0o600)
            .unwrap();
    }
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(entries(&dir).len(), 500);
                }
            });
        }
    });
}

#[test]
fn stat_tells_files_from_directories() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"12345");
    let sub = subdir(&dir, b"sub");
    let file = dir.stat(b"file", Follow::Never).unwrap();
    assert_eq!(
        (file.kind, file.size, file.links),
        (FileKind::Regular, 5, 1)
    );
    assert_eq!(file.mode() & 0o170000, 0o100000);
    let by_name = dir.stat(b"sub", Follow::Never).unwrap();
    assert!(by_name.is_dir());
    let by_handle = sub.stat_self().unwrap();
    assert_eq!(
        (by_name.device, by_name.inode),
        (by_handle.device, by_handle.inode)
    );
    assert_eq!(file.device, by_name.device);
    assert_ne!(file.inode, by_name.inode);
    assert_eq!(
        sub.stat(b".", Follow::Never).unwrap().inode,
        by_handle.inode
    );
}

#[test]
fn stat_follows_what_is_no_link() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"12345");
    assert_eq!(
        dir.stat(b"file", Follow::Always).unwrap(),
        dir.stat(b"file", Follow::Never).unwrap()
    );
    let followed = dir
        .open_file(b"file", Access::Read, Follow::Always)
        .unwrap();
    assert_eq!(std::io::read_to_string(followed).unwrap(), "12345");
}

#[test]
fn stat_of_an_open_file_is_that_of_its_name() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", &[7; 10_000]);
    let file = dir.open_file(b"file", Access::Read, Follow::Never).unwrap();
    let stat = dir::file_stat(&file).unwrap();
    assert_eq!(stat, dir.stat(b"file", Follow::Never).unwrap());
    assert_eq!(stat.size, 10_000);
    assert!(stat.allocated >= 10_000, "{}", stat.allocated);
}

#[test]
fn times_of_a_new_file_are_now() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"x");
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    let now = epoch.elapsed().unwrap().as_secs() as i64;
    let stat = dir.stat(b"file", Follow::Never).unwrap();
    for time in [stat.mtime, stat.atime] {
        assert!(
            (now - 3_600..=now + 3_600).contains(&time.secs),
            "{time:?} is not near {now}"
        );
        assert!(time.nanos < 1_000_000_000);
    }
}

#[test]
fn files_are_read_and_written() {
    let (_temp, dir) = scratch();
    let mut new = dir.create_file(b"file", 0o644).unwrap();
    new.write_all(b"first").unwrap();
    new.seek(SeekFrom::Start(0)).unwrap();
    let mut back = String::new();
    new.read_to_string(&mut back).unwrap();
    assert_eq!(back, "first");

    // While the first handle is still open.
    let mut old = dir
        .open_file(b"file", Access::Write, Follow::Never)
        .unwrap();
    old.write_all(b"F").unwrap();
    old.seek(SeekFrom::End(0)).unwrap();
    old.write_all(b"!").unwrap();
    assert_eq!(read(&dir, b"file"), b"First!");

    let mut reader = dir.open_file(b"file", Access::Read, Follow::Never).unwrap();
    assert!(reader.write_all(b"x").is_err());
}

#[test]
fn what_is_not_there_is_not_found() {
    let (temp, dir) = scratch();
    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    let none = b"none";
    assert_eq!(
        kind(Dir::open(&temp.path().join("none"), Trust::Anyone).map(drop)),
        ErrorKind::NotFound
    );
    assert_eq!(kind(dir.open_beneath(none).map(drop)), ErrorKind::NotFound);
    assert_eq!(
        kind(dir.open_following(none, Trust::Anyone).map(drop)),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(dir.stat(none, Follow::Never).map(drop)),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(dir.stat(none, Follow::Always).map(drop)),
        ErrorKind::NotFound
    );
    let opened = dir.open_file(none, Access::Write, Follow::Never);
    assert_eq!(kind(opened.map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(dir.rename(none, &dir, b"x")), ErrorKind::NotFound);
    assert_eq!(kind(dir.link(none, &dir, b"x")), ErrorKind::NotFound);
    assert_eq!(kind(dir.remove_file(none)), ErrorKind::NotFound);
    assert_eq!(kind(dir.remove_dir(none)), ErrorKind::NotFound);
    assert_eq!(kind(dir.read_link(none).map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(dir.set_permissions(none, 0o644)), ErrorKind::NotFound);
    assert_eq!(
        kind(dir.set_mtime(none, Default::default())),
        ErrorKind::NotFound
    );
}

#[test]
fn files_are_not_directories() {
    let (temp, dir) = scratch();
    write(&dir, b"file", b"");
    subdir(&dir, b"sub");
    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    let as_dir = Dir::open(&temp.path().join("file"), Trust::Anyone);
    assert_eq!(kind(as_dir.map(drop)), ErrorKind::NotADirectory);
    assert_eq!(
        kind(dir.open_beneath(b"file").map(drop)),
        ErrorKind::NotADirectory
    );
    assert_eq!(
        kind(dir.open_following(b"file", Trust::Anyone).map(drop)),
        ErrorKind::NotADirectory
    );
    let as_file = dir.open_file(b"sub", Access::Write, Follow::Never);
    assert_eq!(kind(as_file.map(drop)), ErrorKind::IsADirectory);
    assert_eq!(
        kind(dir.read_link(b"file").map(drop)),
        ErrorKind::InvalidInput
    );
}

#[test]
fn a_directory_stays_open_when_its_name_moves() {
    let (_temp, dir) = scratch();
    let sub = subdir(&dir, b"sub");
    write(&sub, b"file", b"here");
    dir.rename(b"sub", &dir, b"moved").unwrap();
    assert_eq!(read(&sub, b"file"), b"here");
    write(&sub, b"new", b"");
    assert_eq!(
        names(&dir.open_beneath(b"moved").unwrap()),
        [&b"file"[..], b"new"]
    );
}

#[test]
fn the_process_has_an_identity() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"");
    let identity = dir::identity();
    assert_eq!(dir.stat(b"file", Follow::Never).unwrap().uid, identity.uid);
    assert_eq!(identity.privileged, cfg!(unix) && identity.uid == 0);
}
