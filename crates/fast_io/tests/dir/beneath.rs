//! Nothing leads out of a directory.

use crate::{names, scratch, subdir, write};
use fast_io::dir::{Follow, Trust};

#[test]
fn paths_go_down() {
    let (_temp, dir) = scratch();
    let a = subdir(&dir, b"a");
    let b = subdir(&a, b"b");
    write(&b, b"file", b"");
    for path in [b"a/b".as_slice(), b"a/b/", b"a//b", b"./a/./b"] {
        let found = dir.open_beneath(path).unwrap();
        assert_eq!(names(&found), [b"file"], "{}", path.escape_ascii());
        assert_eq!(
            names(&dir.open_following(path, Trust::Anyone).unwrap()),
            [b"file"]
        );
    }
    for path in [b"".as_slice(), b"."] {
        let itself = dir.open_beneath(path).unwrap().stat_self().unwrap();
        assert_eq!(itself.inode, dir.stat_self().unwrap().inode);
        let itself = dir
            .open_following(path, Trust::Anyone)
            .unwrap()
            .stat_self()
            .unwrap();
        assert_eq!(itself.inode, dir.stat_self().unwrap().inode);
    }
}

#[test]
fn following_may_go_up() {
    let (_temp, dir) = scratch();
    let a = subdir(&dir, b"a");
    write(&dir, b"above", b"");
    write(&subdir(&a, b"b"), b"below", b"");
    assert_eq!(
        names(&a.open_following(b"../a/b", Trust::Anyone).unwrap()),
        [b"below"]
    );
    assert!(
        names(&a.open_following(b"b/../..", Trust::Anyone).unwrap()).contains(&b"above".to_vec())
    );
    assert!(
        a.open_following(b"/", Trust::Anyone)
            .unwrap()
            .stat_self()
            .unwrap()
            .is_dir()
    );
}

#[test]
fn paths_do_not_go_up_or_elsewhere() {
    let (_temp, dir) = scratch();
    let a = subdir(&dir, b"a");
    subdir(&a, b"b");
    let paths = [
        b"..".as_slice(),
        b"../a",
        b"b/..",
        b"b/../..",
        b"b/../b",
        b"/",
        b"/tmp",
        b"//",
    ];
    for path in paths {
        assert!(a.open_beneath(path).is_err(), "{}", path.escape_ascii());
    }
    #[cfg(windows)]
    for path in [
        &b"..\\a"[..],
        b"b\\..",
        b"C:",
        b"C:\\",
        b"C:/",
        b"\\",
        b"\\\\?\\C:\\",
        b"b:x",
        b"b::$INDEX_ALLOCATION",
        b"b\0",
    ] {
        assert!(a.open_beneath(path).is_err(), "{}", path.escape_ascii());
    }
}

#[test]
fn names_are_one_component() {
    use fast_io::dir::Access;
    let (_temp, dir) = scratch();
    write(&dir, b"outside", b"");
    let sub = subdir(&dir, b"sub");
    subdir(&sub, b"x");
    write(&sub, b"file", b"");
    let mut names_of_others = vec![
        b"".as_slice(),
        b"..",
        b"../outside",
        b"x/..",
        b"/",
        b"/file",
        b"a\0b",
    ];
    if cfg!(windows) {
        names_of_others.extend([b"..\\outside".as_slice(), b"\\", b"C:", b"file:stream"]);
    }
    for name in names_of_others {
        let shown = name.escape_ascii();
        assert!(sub.stat(name, Follow::Never).is_err(), "{shown}");
        assert!(sub.stat(name, Follow::Always).is_err(), "{shown}");
        assert!(
            sub.open_file(name, Access::Read, Follow::Always).is_err(),
            "{shown}"
        );
        assert!(sub.create_file(name, 0o644).is_err(), "{shown}");
        assert!(sub.create_dir(name, 0o755).is_err(), "{shown}");
        assert!(sub.create_symlink(name, b"x").is_err(), "{shown}");
        assert!(sub.rename(b"file", &sub, name).is_err(), "{shown}");
        assert!(sub.rename(name, &sub, b"y").is_err(), "{shown}");
        assert!(sub.link(b"file", &sub, name).is_err(), "{shown}");
        assert!(sub.link(name, &sub, b"y").is_err(), "{shown}");
        assert!(sub.remove_file(name).is_err(), "{shown}");
        assert!(sub.remove_dir(name).is_err(), "{shown}");
        assert!(sub.read_link(name).is_err(), "{shown}");
        assert!(sub.set_permissions(name, 0o444).is_err(), "{shown}");
        assert!(sub.set_mtime(name, Default::default()).is_err(), "{shown}");
    }
    assert_eq!(names(&dir), [b"outside".as_slice(), b"sub"]);
    assert_eq!(names(&sub), [b"file".as_slice(), b"x"]);
    // Creating and removing must not take the directory itself for an entry of it.
    assert!(sub.remove_dir(b".").is_err());
    assert!(sub.rename(b".", &dir, b"moved").is_err());
    assert!(sub.stat(b".", Follow::Never).is_ok());
}

#[cfg(unix)]
mod with_symlinks {
    use super::*;
    use crate::met_a_link;
    use fast_io::dir::{Access, Dir};
    use std::io::ErrorKind;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn links_among_the_components_are_refused() {
        let (_temp, dir) = scratch();
        let outside = subdir(&dir, b"outside");
        subdir(&outside, b"sub");
        let inside = subdir(&dir, b"inside");
        subdir(&inside, b"real");
        for target in [b"../outside".as_slice(), b"real", b".", b"/", b"/tmp"] {
            inside.create_symlink(b"link", target).unwrap();
            for path in [b"link".as_slice(), b"link/", b"link/sub", b"./link"] {
                let error = inside.open_beneath(path).unwrap_err();
                let not_a_directory = error.kind() == ErrorKind::NotADirectory;
                assert!(met_a_link(&error) || not_a_directory, "{error}");
            }
            inside.remove_file(b"link").unwrap();
        }
        inside.create_symlink(b"link", b"../outside").unwrap();
        assert_eq!(
            names(&inside.open_following(b"link", Trust::Anyone).unwrap()),
            [b"sub"]
        );
    }

    #[test]
    fn links_are_followed_as_far_as_they_stay_beneath() {
        let (_temp, dir) = scratch();
        subdir(&dir, b"outside");
        let root = subdir(&dir, b"root");
        let real = subdir(&root, b"real");
        write(&real, b"found", b"");
        let a = subdir(&root, b"a");
        subdir(&a, b"deep");
        root.create_symlink(b"to real", b"real").unwrap();
        for target in [&b"../real"[..], b"..//./real/", b"deep/../../to real"] {
            a.create_symlink(b"link", target).unwrap();
            let found = root.open_within(b"a/link").unwrap();
            assert_eq!(names(&found), [b"found"], "{}", target.escape_ascii());
            // Seen from here the same link leads above.
            assert!(met_a_link(&a.open_within(b"link").unwrap_err()));
            a.remove_file(b"link").unwrap();
        }
        for target in [&b"../outside"[..], b"../root/real", b"..", b"/", b"again"] {
            root.create_symlink(b"again", target).unwrap();
            for path in [&b"again"[..], b"a/../again", b"again/real"] {
                assert!(met_a_link(&root.open_within(path).unwrap_err()));
            }
            root.remove_file(b"again").unwrap();
        }
        root.create_symlink(b"nowhere", b"none").unwrap();
        let error = root.open_within(b"nowhere").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(names(&root.open_within(b"real/..").unwrap()).len(), 4);
    }

    #[test]
    fn a_link_is_opened_only_where_following_was_asked_for() {
        let (_temp, dir) = scratch();
        write(&dir, b"secret", b"secret");
        let inside = subdir(&dir, b"inside");
        inside.create_symlink(b"link", b"../secret").unwrap();
        for access in [Access::Read, Access::Write] {
            let error = inside
                .open_file(b"link", access, Follow::Never)
                .unwrap_err();
            assert!(met_a_link(&error), "{error}");
        }
        let file = inside
            .open_file(b"link", Access::Read, Follow::Always)
            .unwrap();
        assert_eq!(std::io::read_to_string(file).unwrap(), "secret");
        let exists = inside.create_file(b"link", 0o644).unwrap_err().kind();
        assert_eq!(exists, ErrorKind::AlreadyExists);
    }

    /// While somebody keeps exchanging a directory with a link that leads out, what is opened
    /// is the directory or an error.
    #[test]
    fn a_race_does_not_lead_out() {
        let (_temp, dir) = scratch();
        write(
            &subdir(&subdir(&dir, b"outside"), b"sub"),
            b"outside-file",
            b"",
        );
        let inside = subdir(&dir, b"inside");
        write(
            &subdir(&subdir(&inside, b"real"), b"sub"),
            b"inside-file",
            b"",
        );
        inside.create_symlink(b"fake", b"../outside").unwrap();
        inside.rename(b"real", &inside, b"spot").unwrap();

        let done = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| exchange(&inside, &done));
            let _done = SetOnDrop(&done);
            open_many_times(&inside)
        });
        assert!(
            seen.inside > 0 && seen.refused > 0,
            "no race took place: {seen:?}"
        );
    }

    /// Ends the other thread even when an assertion fails in this one.
    struct SetOnDrop<'a>(&'a AtomicBool);

    impl Drop for SetOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn exchange(inside: &Dir, done: &AtomicBool) {
        while !done.load(Ordering::Relaxed) {
            inside.rename(b"spot", inside, b"real").unwrap();
            inside.rename(b"fake", inside, b"spot").unwrap();
            std::thread::yield_now();
            inside.rename(b"spot", inside, b"fake").unwrap();
            inside.rename(b"real", inside, b"spot").unwrap();
            std::thread::yield_now();
        }
    }

    #[derive(Debug, Default)]
    struct Seen {
        inside: u32,
        refused: u32,
    }

    /// At least 10,000 times, and on until both outcomes have been seen (within reason).
    fn open_many_times(inside: &Dir) -> Seen {
        let mut seen = Seen::default();
        for i in 0..1_000_000 {
            if i >= 10_000 && seen.inside > 0 && seen.refused > 0 {
                break;
            }
            match inside.open_beneath(b"spot/sub") {
                Ok(dir) => {
                    assert_eq!(names(&dir), [b"inside-file"]);
                    seen.inside += 1;
                }
                Err(_) => seen.refused += 1,
            }
        }
        seen
    }
}
