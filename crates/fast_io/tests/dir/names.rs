//! Names and paths of every kind that a volume may hold.

use crate::{exists, names, read, scratch, subdir, write};
use fast_io::dir::{Dir, Follow, Trust};

/// Creates, finds, opens, renames and removes a file of this name and a directory of it.
fn lives(dir: &Dir, name: &[u8]) {
    let shown = name.escape_ascii().to_string();
    write(dir, name, b"content");
    assert_eq!(names(dir), [name], "{shown}");
    assert_eq!(dir.stat(name, Follow::Never).unwrap().size, 7, "{shown}");
    dir.rename(name, dir, b"other").unwrap();
    dir.rename(b"other", dir, name).unwrap();
    assert_eq!(read(dir, name), b"content", "{shown}");
    dir.remove_file(name).unwrap();
    assert!(!exists(dir, name), "{shown}");
    write(&subdir(dir, name), b"inner", b"");
    assert_eq!(names(dir), [name], "{shown}");
    dir.open_beneath(name)
        .unwrap()
        .remove_file(b"inner")
        .unwrap();
    dir.remove_dir(name).unwrap();
    assert!(names(dir).is_empty(), "{shown}");
}

#[test]
fn names_are_kept_to_the_byte() {
    let (_temp, dir) = scratch();
    let names = [
        "ü",
        "u\u{308}",
        "中文",
        "😀",
        " leading",
        "a b",
        "-rf",
        "~tmp~",
        ".#x",
        "'\u{1F468}\u{200D}\u{1F469}",
    ];
    for name in names {
        lives(&dir, name.as_bytes());
    }
    lives(&dir, &[b'n'; 200]);
}

/// What Win32 would take for a device, or shorten, is a plain name to a directory handle.
#[test]
fn names_that_win32_reserves_are_plain_names() {
    let (_temp, dir) = scratch();
    for name in ["nul", "CON", "aux.txt", "COM1", "trailing.", "trailing "] {
        lives(&dir, name.as_bytes());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_utf_8() {
    let (_temp, dir) = scratch();
    for name in [
        &b"\xff"[..],
        b"caf\xe9",
        b"a\nb",
        b"\x01",
        b"back\\slash",
        b"co:lon",
        b"*?<>|\"",
    ] {
        lives(&dir, name);
    }
}

#[cfg(windows)]
#[test]
fn names_that_are_not_utf_8_are_refused() {
    let (_temp, dir) = scratch();
    for name in [&b"\xff"[..], b"caf\xe9", b"\xc0\xaf"] {
        assert_eq!(
            dir.create_file(name, 0o644).unwrap_err().kind(),
            std::io::ErrorKind::InvalidFilename
        );
    }
    assert!(names(&dir).is_empty());
}

#[cfg(windows)]
#[test]
fn names_are_found_in_any_case_and_keep_their_own() {
    let (_temp, dir) = scratch();
    write(&dir, b"ReadMe", b"content");
    assert_eq!(read(&dir, b"README"), b"content");
    assert_eq!(names(&dir), [b"ReadMe"]);
    let exists = dir.create_file(b"readme", 0o644).unwrap_err().kind();
    assert_eq!(exists, std::io::ErrorKind::AlreadyExists);
}

/// Components of a path too long for most calls that take it whole.
const DEPTH: usize = 16;
const COMPONENT: usize = 100;

#[test]
fn long_paths_are_walked_created_and_opened() {
    let (temp, dir) = scratch();
    let component = vec![b'p'; COMPONENT];
    let mut at = dir.open_beneath(b"").unwrap();
    for _ in 0..DEPTH {
        at = subdir(&at, &component);
    }
    write(&at, b"bottom", b"deep");

    let path = vec![component.as_slice(); DEPTH].join(&b'/');
    assert!(path.len() > 1_600);
    assert_eq!(read(&dir.open_beneath(&path).unwrap(), b"bottom"), b"deep");
    assert_eq!(
        read(
            &dir.open_following(&path, Trust::Anyone).unwrap(),
            b"bottom"
        ),
        b"deep"
    );
    let whole = temp.path().join(std::str::from_utf8(&path).unwrap());
    assert_eq!(
        read(&Dir::open(&whole, Trust::Anyone).unwrap(), b"bottom"),
        b"deep"
    );

    dir.open_beneath(&path[..COMPONENT])
        .unwrap()
        .rename(&component, &dir, b"lifted")
        .unwrap();
    assert_eq!(names(&dir), [b"lifted".as_slice(), &component]);
}
