//! Permissions, owners and times.

use crate::{exists, scratch, subdir, write};
use fast_io::dir::{self, Access, Follow, Timestamp};
use std::io::{Read, Write};

/// Nanoseconds come back as this system stores them.
fn stored(time: Timestamp) -> Timestamp {
    let precision = if cfg!(windows) { 100 } else { 1 };
    Timestamp {
        nanos: time.nanos / precision * precision,
        ..time
    }
}

const TIMES: [Timestamp; 7] = [
    Timestamp { secs: 0, nanos: 0 },
    Timestamp {
        secs: 0,
        nanos: 1_000,
    },
    Timestamp {
        secs: -1,
        nanos: 999_999_999,
    },
    Timestamp {
        secs: -1_000_000_000,
        nanos: 123_456_789,
    },
    Timestamp {
        secs: 1_700_000_000,
        nanos: 987_654_321,
    },
    // After 2038, and after 32 bits without a sign.
    Timestamp {
        secs: 2_147_483_648,
        nanos: 1,
    },
    Timestamp {
        secs: 4_300_000_000,
        nanos: 500_000_000,
    },
];

#[test]
fn times_are_set_by_name() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    subdir(&dir, b"sub");
    for time in TIMES {
        for name in [b"file".as_slice(), b"sub"] {
            let before = dir.stat(name, Follow::Never).unwrap();
            dir.set_mtime(name, time).unwrap();
            let after = dir.stat(name, Follow::Never).unwrap();
            assert_eq!(after.mtime, stored(time));
            assert_eq!(after.atime, before.atime, "the access time stays");
            assert_eq!(after.permissions, before.permissions);
        }
    }
}

#[test]
fn times_are_set_by_open_file() {
    let (_temp, dir) = scratch();
    let mut file = dir.create_file(b"file", 0o644).unwrap();
    file.write_all(b"content").unwrap();
    for time in TIMES {
        dir::set_file_mtime(&file, time).unwrap();
        assert_eq!(dir::file_stat(&file).unwrap().mtime, stored(time));
    }
    drop(file);
    let last = stored(TIMES[TIMES.len() - 1]);
    assert_eq!(
        dir.stat(b"file", Follow::Never).unwrap().mtime,
        last,
        "closing leaves the time"
    );
}

#[test]
fn access_times_are_set_apart() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    let file = dir.open_file(b"file", Access::Read, Follow::Never).unwrap();
    for time in TIMES {
        let before = dir.stat(b"file", Follow::Never).unwrap();
        dir.set_atime(b"file", time).unwrap();
        let after = dir.stat(b"file", Follow::Never).unwrap();
        assert_eq!((after.atime, after.mtime), (stored(time), before.mtime));
        dir::set_file_atime(&file, TIMES[0]).unwrap();
        let after = dir::file_stat(&file).unwrap();
        assert_eq!((after.atime, after.mtime), (stored(TIMES[0]), before.mtime));
    }
}

/// Where a file's reading is noted at all, it is not noted here.
#[test]
fn a_file_is_read_unseen() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    dir.set_atime(b"file", TIMES[1]).unwrap();
    let mut content = String::new();
    let open = |access| dir.open_file(b"file", access, Follow::Never).unwrap();
    open(Access::ReadUnseen)
        .read_to_string(&mut content)
        .unwrap();
    assert_eq!(content, "content");
    let stat = dir.stat(b"file", Follow::Never).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(stat.atime, stored(TIMES[1]));
    }
}

#[test]
fn reading_is_enough_to_set_times_and_permissions_of_ones_own_file() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"content");
    let file = dir.open_file(b"file", Access::Read, Follow::Never).unwrap();
    dir::set_file_mtime(&file, TIMES[4]).unwrap();
    dir::set_file_permissions(&file, 0o444).unwrap();
    let stat = dir.stat(b"file", Follow::Never).unwrap();
    assert_eq!((stat.mtime, stat.permissions), (stored(TIMES[4]), 0o444));
}

#[test]
fn a_directory_changes_itself() {
    let (_temp, dir) = scratch();
    let sub = subdir(&dir, b"sub");
    sub.set_own_permissions(0o555).unwrap();
    sub.set_own_mtime(TIMES[3]).unwrap();
    let stat = dir.stat(b"sub", Follow::Never).unwrap();
    // A directory of Windows has no permissions to change.
    let permissions = if cfg!(windows) { 0o755 } else { 0o555 };
    assert_eq!(
        (stat.permissions, stat.mtime),
        (permissions, stored(TIMES[3]))
    );
    assert_eq!(sub.stat_self().unwrap(), stat);
    sub.set_own_permissions(0o755).unwrap();
    assert_eq!(sub.stat_self().unwrap().permissions, 0o755);
}

#[test]
fn the_write_bit_of_a_file_is_kept_everywhere() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"");
    for permissions in [0o444, 0o644, 0o444, 0o444, 0o644] {
        dir.set_permissions(b"file", permissions).unwrap();
        assert_eq!(
            dir.stat(b"file", Follow::Never).unwrap().permissions,
            permissions
        );
    }
    // The directory must stay writable, whatever it said.
    subdir(&dir, b"sub").set_own_permissions(0o755).unwrap();
    write(&dir.open_beneath(b"sub").unwrap(), b"file", b"");
}

#[test]
fn permissions_are_set_by_open_file() {
    let (_temp, dir) = scratch();
    let mut file = dir.create_file(b"file", 0o644).unwrap();
    for permissions in [0o444, 0o644, 0o444] {
        dir::set_file_permissions(&file, permissions).unwrap();
        assert_eq!(dir::file_stat(&file).unwrap().permissions, permissions);
    }
    file.write_all(b"still open for writing").unwrap();
}

#[test]
fn a_file_made_read_only_is_written_through_its_first_handle() {
    let (_temp, dir) = scratch();
    let mut file = dir.create_file(b"file", 0o444).unwrap();
    file.write_all(b"content").unwrap();
    drop(file);
    let stat = dir.stat(b"file", Follow::Never).unwrap();
    assert_eq!((stat.permissions, stat.size), (0o444, 7));
}

#[test]
fn times_of_a_read_only_file_are_set() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"");
    dir.set_permissions(b"file", 0o444).unwrap();
    dir.set_mtime(b"file", TIMES[4]).unwrap();
    let stat = dir.stat(b"file", Follow::Never).unwrap();
    assert_eq!((stat.mtime, stat.permissions), (stored(TIMES[4]), 0o444));
}

#[test]
fn leaving_the_owner_is_always_allowed() {
    let (_temp, dir) = scratch();
    let file = dir.create_file(b"file", 0o644).unwrap();
    dir.set_owner(b"file", None, None).unwrap();
    dir::set_file_owner(&file, None, None).unwrap();
    if cfg!(windows) {
        let unsupported = std::io::ErrorKind::Unsupported;
        assert_eq!(
            dir.set_owner(b"file", Some(1), None).unwrap_err().kind(),
            unsupported
        );
        assert_eq!(
            dir::set_file_owner(&file, None, Some(1))
                .unwrap_err()
                .kind(),
            unsupported
        );
    } else {
        let stat = dir::file_stat(&file).unwrap();
        dir.set_owner(b"file", Some(stat.uid), Some(stat.gid))
            .unwrap();
        dir::set_file_owner(&file, Some(stat.uid), Some(stat.gid)).unwrap();
    }
    assert!(exists(&dir, b"file"));
}

/// Windows cannot store them, and under Wine the volume may not either: they become the
/// earliest that there is, and never "leave the time as it is".
#[cfg(windows)]
#[test]
fn times_before_1601_become_early_ones() {
    let (_temp, dir) = scratch();
    write(&dir, b"file", b"");
    for secs in [-11_644_473_600, -11_644_473_601, -20_000_000_000, i64::MIN] {
        dir.set_mtime(b"file", TIMES[4]).unwrap();
        dir.set_mtime(b"file", Timestamp { secs, nanos: 0 })
            .unwrap();
        let mtime = dir.stat(b"file", Follow::Never).unwrap().mtime;
        assert!(mtime.secs < -2_000_000_000, "{mtime:?}");
    }
}

#[cfg(unix)]
#[test]
fn every_permission_bit_is_kept() {
    let (_temp, dir) = scratch();
    let file = dir.create_file(b"file", 0o600).unwrap();
    for permissions in [0o0, 0o4755, 0o1777, 0o7777, 0o640] {
        dir.set_permissions(b"file", permissions).unwrap();
        assert_eq!(
            dir.stat(b"file", Follow::Never).unwrap().permissions,
            permissions
        );
        dir::set_file_permissions(&file, permissions ^ 0o111).unwrap();
        assert_eq!(
            dir::file_stat(&file).unwrap().permissions,
            permissions ^ 0o111
        );
    }
}
