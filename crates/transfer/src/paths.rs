//! Operands as bytes: what the user typed becomes names with `/` between components.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// An operand as rsync sees it. On Windows `\` separates components as `/` does.
#[cfg(unix)]
pub(crate) fn operand_bytes(operand: &OsStr) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    operand.as_bytes().to_vec()
}

/// An operand as rsync sees it. On Windows `\` separates components as `/` does.
#[cfg(windows)]
pub(crate) fn operand_bytes(operand: &OsStr) -> Vec<u8> {
    operand
        .as_encoded_bytes()
        .iter()
        .map(|&b| if b == b'\\' { b'/' } else { b })
        .collect()
}

/// The path that these bytes name.
#[cfg(unix)]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The path that these bytes name.
#[cfg(windows)]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from(String::from_utf8_lossy(bytes).into_owned()))
}

/// The working directory.
pub(crate) fn working_directory() -> Vec<u8> {
    std::env::current_dir()
        .map(|d| operand_bytes(d.as_os_str()))
        .unwrap_or_default()
}

/// Whether the path starts at the root of something (`/x`, `C:/x`, `//server/share`).
pub(crate) fn is_absolute(path: &[u8]) -> bool {
    path.first() == Some(&b'/') || (cfg!(windows) && path.get(1) == Some(&b':'))
}

/// `path` as seen from `dir`, without `.` and with `..` taken away where it follows a name.
// rsync: util1.c change_dir()
pub(crate) fn absolute(dir: &[u8], path: &[u8]) -> Vec<u8> {
    let whole = if is_absolute(path) {
        path.to_vec()
    } else {
        [dir, b"/", path].concat()
    };
    let root: &[u8] = if whole.starts_with(b"/") { b"/" } else { b"" };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in whole.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    [root, &parts.join(&b'/')[..]].concat()
}

/// A cleaned name: no empty components, no `.` but a leading lone one.
// rsync: util1.c clean_fname()
pub(crate) fn clean(name: &[u8]) -> Vec<u8> {
    let root: &[u8] = if name.first() == Some(&b'/') {
        b"/"
    } else {
        b""
    };
    let parts: Vec<&[u8]> = name
        .split(|&b| b == b'/')
        .filter(|p| !p.is_empty() && *p != b".")
        .collect();
    let cleaned = [root, &parts.join(&b'/')[..]].concat();
    if cleaned.is_empty() {
        b".".to_vec()
    } else {
        cleaned
    }
}

/// A line of `--files-from`, which may not leave the source: `..` never climbs above the top,
/// and an absolute name is taken from there.
// rsync: util1.c sanitize_path() with SP_KEEP_DOT_DIRS
pub(crate) fn sanitize(name: &[u8]) -> Vec<u8> {
    let trailing = name.ends_with(b"/") || name.ends_with(b"/.");
    let lead_dot = name.starts_with(b"./");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|&b| b == b'/') {
        match part {
            b"" => {}
            b"." if parts.is_empty() || !parts.contains(&b".".as_slice()) => parts.push(part),
            b"." => {}
            b".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    if !lead_dot && parts.first() == Some(&b".".as_slice()) && parts.len() > 1 {
        parts.remove(0);
    }
    let mut path = parts.join(&b'/');
    if path.is_empty() {
        return b".".to_vec();
    }
    if trailing && !path.ends_with(b".") {
        path.push(b'/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        for (name, cleaned) in [
            ("a//b/", "a/b"),
            ("./a", "a"),
            (".", "."),
            ("/", "/"),
            ("a/./b", "a/b"),
            ("", "."),
        ] {
            assert_eq!(clean(name.as_bytes()), cleaned.as_bytes(), "{name}");
        }
    }

    #[test]
    fn paths_are_seen_from_a_directory() {
        assert_eq!(absolute(b"/x/y", b"../z/./w"), b"/x/z/w");
        assert_eq!(absolute(b"/x", b"/q"), b"/q");
        assert_eq!(absolute(b"/x", b"."), b"/x");
    }
}
