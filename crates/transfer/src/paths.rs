//! Operands as bytes: what the user typed becomes names with `/` between components.

use fast_io::dir::{Dir, Follow, Trust};
use options::Options;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

/// An operand as rsync sees it. On Windows `\` separates components as `/` does.
#[cfg(unix)]
pub(crate) fn operand_bytes(operand: &OsStr) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    operand.as_bytes().to_vec()
}

/// An operand as rsync sees it. On Windows `\` separates components as `/` does, and `C:name`,
/// which starts from the working directory of that drive, becomes absolute.
#[cfg(windows)]
pub(crate) fn operand_bytes(operand: &OsStr) -> Vec<u8> {
    let mut path = with_slashes(operand.as_encoded_bytes()).into_owned();
    if root_length(&path) == 2
        && path.get(2) != Some(&b'/')
        && let Ok(absolute) = std::path::absolute(operand)
    {
        let alone = path.len() == 2;
        path = with_slashes(absolute.as_os_str().as_encoded_bytes()).into_owned();
        if alone {
            // As `.` is: what is in it.
            path.extend_from_slice(b"/.");
        }
    }
    path
}

/// The path with `/` between its components: on Windows `\` is another way to write it.
pub(crate) fn with_slashes(path: &[u8]) -> Cow<'_, [u8]> {
    if cfg!(windows) && path.contains(&b'\\') {
        let bytes = path.iter();
        Cow::Owned(bytes.map(|&b| if b == b'\\' { b'/' } else { b }).collect())
    } else {
        Cow::Borrowed(path)
    }
}

/// The path that these bytes name.
#[cfg(unix)]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The path that these bytes name. `C:`, which is how a path ends that is taken apart, is the
/// root of that drive. A name means itself, as it does below the root of a transfer, also where
/// Windows would take it for a device (`nul`) or shorten it (`name.`).
#[cfg(windows)]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    let verbatim = has_rewritten_name(bytes).then(|| verbatim(&working_directory(), bytes));
    // The system takes `/` too, but not in a path that begins with `\\?\`.
    let bytes = verbatim.flatten().map_or(Cow::Borrowed(bytes), Cow::Owned);
    let mut path = String::from_utf8_lossy(&bytes).replace('/', "\\");
    if path.ends_with(':') {
        path.push('\\');
    }
    PathBuf::from(OsString::from(path))
}

/// The path in the form in which Windows rewrites nothing, if it leads to a drive or a share.
#[cfg(windows)]
fn verbatim(dir: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    let whole = absolute(dir, path);
    match &whole[..] {
        [b'/', b'/', b'?' | b'.', b'/', ..] => None,
        [b'/', b'/', rest @ ..] => Some([b"//?/UNC/", rest].concat()),
        [letter, b':', b'/', ..] if letter.is_ascii_alphabetic() => {
            Some([b"//?/", &whole[..]].concat())
        }
        _ => None,
    }
}

/// Whether Windows would take something else for one of the path's names: a device, or a name
/// without the dots and spaces at its end.
#[cfg(any(windows, test))]
fn has_rewritten_name(path: &[u8]) -> bool {
    let names = &path[windows_root_length(path)..];
    names.split(|&b| b == b'/').any(|name| {
        let shortened = matches!(name.last(), Some(b'.' | b' ')) && !matches!(name, b"." | b"..");
        shortened || is_device(name)
    })
}

/// `NUL`, `com1.txt`: whatever follows the first dot.
#[cfg(any(windows, test))]
fn is_device(name: &[u8]) -> bool {
    let stem = name.split(|&b| b == b'.').next().unwrap_or_default();
    let stem = stem.trim_ascii_end().to_ascii_lowercase();
    match &stem[..] {
        b"con" | b"prn" | b"aux" | b"nul" | b"conin$" | b"conout$" => true,
        [b'c', b'o', b'm', digit] | [b'l', b'p', b't', digit] => digit.is_ascii_digit(),
        _ => false,
    }
}

/// The working directory.
pub(crate) fn working_directory() -> Vec<u8> {
    std::env::current_dir()
        .map(|d| operand_bytes(d.as_os_str()))
        .unwrap_or_default()
}

/// Whose symbolic links are followed in the paths that the user named, apart from sources.
// rsync: syscall.c symlink_optout_allowed()
pub fn trust(options: &Options) -> Trust<'_> {
    if options.insecure_links {
        Trust::Anyone
    } else {
        Trust::Owners
    }
}

/// The same, for paths that must lead to below the directory of `--confine-root`, if one is given.
// rsync: syscall.c operator_path_resolve
pub(crate) fn confined(options: &Options) -> Trust<'_> {
    match &options.confine_root {
        Some(root) => Trust::OwnersBelow(root),
        None => trust(options),
    }
}

/// Opens a directory that one may go into, as those must be that rsync changes to.
// rsync: util1.c change_dir()
pub(crate) fn enter(path: &[u8], trust: Trust<'_>) -> io::Result<Dir> {
    let dir = Dir::open(&path_of(path), trust)?;
    dir.stat(b".", Follow::Never)?;
    Ok(dir)
}

/// Whether the path starts at the root of something (`/x`, `C:/x`, `//server/share`).
pub(crate) fn is_absolute(path: &[u8]) -> bool {
    root_length(path) > 0
}

/// How much of the path says where it starts, without the slash that may follow: nothing, or `/`;
/// on Windows also `C:`, `//server/share`, `//?/C:` and `//?/UNC/server/share`.
pub(crate) fn root_length(path: &[u8]) -> usize {
    if cfg!(windows) {
        windows_root_length(path)
    } else {
        usize::from(path.starts_with(b"/"))
    }
}

fn windows_root_length(path: &[u8]) -> usize {
    if let [letter, b':', ..] = path {
        return if letter.is_ascii_alphabetic() { 2 } else { 0 };
    }
    let Some(rest) = path.strip_prefix(b"//") else {
        return usize::from(path.starts_with(b"/"));
    };
    let starts = |prefix: &[u8]| {
        rest.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let components = if starts(b"?/UNC/") { 4 } else { 2 };
    let mut ends = rest.iter().enumerate().filter(|&(_, &b)| b == b'/');
    let end = ends.nth(components - 1).map_or(rest.len(), |(at, _)| at);
    2 + end
}

/// `path` as seen from `dir`, without `.` and with `..` taken away where it follows a name.
// rsync: util1.c change_dir()
pub(crate) fn absolute(dir: &[u8], path: &[u8]) -> Vec<u8> {
    let whole = if is_absolute(path) {
        path.to_vec()
    } else {
        [dir, b"/", path].concat()
    };
    let (root, rest) = whole.split_at(root_length(&whole));
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in rest.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    [root, slash_after(root), &parts.join(&b'/')[..]].concat()
}

/// What parts a root from the names that follow.
fn slash_after(root: &[u8]) -> &'static [u8] {
    if root.is_empty() || root.ends_with(b"/") {
        b""
    } else {
        b"/"
    }
}

/// A name as the destination has it: those of `-R` may begin at the root of the file system.
pub(crate) fn without_leading_slashes(path: &[u8]) -> &[u8] {
    let start = path.iter().position(|&b| b != b'/').unwrap_or(path.len());
    &path[start..]
}

/// A cleaned name: no empty components, no `.` but a leading lone one.
// rsync: util1.c clean_fname()
pub(crate) fn clean(name: &[u8]) -> Vec<u8> {
    let (root, rest) = name.split_at(root_length(name));
    let parts: Vec<&[u8]> = rest
        .split(|&b| b == b'/')
        .filter(|p| !p.is_empty() && *p != b".")
        .collect();
    let cleaned = [root, slash_after(root), &parts.join(&b'/')[..]].concat();
    if cleaned.is_empty() {
        b".".to_vec()
    } else {
        cleaned
    }
}

/// A line of `--files-from`, which may not leave the source: `..` never climbs above the top,
/// and an absolute name is taken from there. Under `-R` a `.` says where the name begins, and stays.
// rsync: util1.c sanitize_path() with SP_KEEP_DOT_DIRS
pub(crate) fn sanitize(name: &[u8], relative: bool) -> Vec<u8> {
    let mut path = Vec::with_capacity(name.len());
    for part in name.split_inclusive(|&b| b == b'/') {
        match part.strip_suffix(b"/").unwrap_or(part) {
            b"" => {}
            b"." if !relative => {}
            b".." => {
                path.pop();
                let above = path.iter().rposition(|&b| b == b'/');
                path.truncate(above.map_or(0, |slash| slash + 1));
            }
            _ => path.extend_from_slice(part),
        }
    }
    if path.is_empty() {
        path.push(b'.');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_names_stay_below_the_source() {
        for (name, relative, plain) in [
            ("", ".", "."),
            ("/", ".", "."),
            ("a//b/", "a/b/", "a/b/"),
            ("./a", "./a", "a"),
            ("a/./", "a/./", "a/"),
            ("a/./b/.", "a/./b/.", "a/b/"),
            ("../a", "a", "a"),
            ("a/b/../c", "a/c", "a/c"),
            ("a/..", ".", "."),
            ("/x/../../y/", "y/", "y/"),
        ] {
            assert_eq!(
                sanitize(name.as_bytes(), true),
                relative.as_bytes(),
                "{name}"
            );
            assert_eq!(sanitize(name.as_bytes(), false), plain.as_bytes(), "{name}");
        }
    }

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

    #[test]
    fn where_a_path_starts_on_windows() {
        for (path, root) in [
            ("", ""),
            ("a/b", ""),
            ("/", "/"),
            ("/a", "/"),
            ("C:", "C:"),
            ("c:/a", "c:"),
            ("1:/a", ""),
            ("//server/share", "//server/share"),
            ("//server/share/a/b", "//server/share"),
            ("//?/C:/a", "//?/C:"),
            ("//?/unc/server/share/a", "//?/unc/server/share"),
        ] {
            assert_eq!(windows_root_length(path.as_bytes()), root.len(), "{path}");
        }
    }

    #[test]
    fn names_that_windows_would_rewrite() {
        for path in [
            "C:/nul",
            "a/COM1.txt/b",
            "aux .c",
            "a./b",
            "//h/s/b ",
            "CONOUT$",
        ] {
            assert!(has_rewritten_name(path.as_bytes()), "{path}");
        }
        for path in [
            "C:/",
            "a/../.",
            "null",
            "com",
            "com10",
            "a.nul",
            ".con",
            "//nul/s/a",
        ] {
            assert!(!has_rewritten_name(path.as_bytes()), "{path}");
        }
    }

    #[cfg(windows)]
    #[test]
    fn a_path_is_written_so_that_windows_rewrites_nothing() {
        for (path, whole) in [
            ("nul", Some("//?/C:/dir/nul")),
            ("D:/a/../b.", Some("//?/D:/b.")),
            ("//host/share/aux", Some("//?/UNC/host/share/aux")),
            ("//?/C:/nul", None),
            ("//./nul", None),
        ] {
            let found = verbatim(b"C:/dir", path.as_bytes());
            assert_eq!(found.as_deref(), whole.map(str::as_bytes), "{path}");
        }
    }

    #[cfg(windows)]
    #[test]
    fn roots_survive() {
        for (path, cleaned) in [
            ("C:/", "C:/"),
            ("C:/a/./b//", "C:/a/b"),
            ("//server/share/a/", "//server/share/a"),
        ] {
            assert_eq!(clean(path.as_bytes()), cleaned.as_bytes(), "{path}");
        }
        assert_eq!(absolute(b"D:/x", b"C:/a/../../b"), b"C:/b");
        assert_eq!(absolute(b"//server/share", b"../a"), b"//server/share/a");
        assert_eq!(path_of(b"C:"), PathBuf::from("C:\\"));
        assert_eq!(path_of(b"//?/C:/a"), PathBuf::from("\\\\?\\C:\\a"));
    }

    #[cfg(windows)]
    #[test]
    fn a_drive_s_own_working_directory_is_understood() {
        let relative = operand_bytes(OsStr::new("C:name\\"));
        assert!(relative.starts_with(b"C:/") && relative.ends_with(b"/name/"));
        assert!(operand_bytes(OsStr::new("C:")).ends_with(b"/."));
        assert_eq!(operand_bytes(OsStr::new("C:\\")), b"C:/");
    }
}
