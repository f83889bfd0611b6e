//! Names with wildcards that no shell has expanded: those of a client that keeps its arguments from
//! the shell (`--secluded-args`). The rules are those of filters, not a shell's: `*` is also what
//! begins with a dot.
// rsync: util1.c glob_expand()

use crate::paths;
use fast_io::dir::{Dir, Trust};
use std::ffi::OsString;
use std::fs;
use tree::filter::wildmatch;

/// The names with each one's wildcards expanded. One that matches nothing stays as it is.
pub fn expand_patterns(names: Vec<OsString>) -> Vec<OsString> {
    let mut expanded = Vec::new();
    for name in names {
        let pattern = tidied(&paths::operand_bytes(&name));
        let mut found = Vec::new();
        expand(b"", &pattern, &mut found);
        if found.is_empty() {
            found.push(pattern);
        }
        let found = found.iter().map(|name| paths::path_of(name).into());
        expanded.extend(found);
    }
    expanded
}

/// Adds what the path `before` and the pattern `rest` together match.
fn expand(before: &[u8], rest: &[u8], found: &mut Vec<Vec<u8>>) {
    let (part, after) = match rest.iter().position(|&b| b == b'/') {
        Some(slash) => (&rest[..slash], Some(&rest[slash + 1..])),
        None => (rest, None),
    };
    let mut go_on = |name: &[u8], is_found: bool| {
        let mut path = [before, name].concat();
        let is_dir_named = after.is_some() && !name.is_empty();
        if is_found || is_dir_named {
            let Ok(metadata) = fs::metadata(paths::path_of(&path)) else {
                return;
            };
            if after.is_some() && !metadata.is_dir() {
                return;
            }
        }
        match after {
            Some(after) => {
                path.push(b'/');
                expand(&path, after, found);
            }
            None => found.push(path),
        }
    };
    if !part.iter().any(|b| matches!(b, b'*' | b'?' | b'[')) {
        return go_on(part, false);
    }
    for name in names_in(before) {
        if wildmatch(part, &name) {
            go_on(&name, true);
        }
    }
}

/// The names in a directory, in order. None where it cannot be read: nothing matches there.
fn names_in(path: &[u8]) -> Vec<Vec<u8>> {
    let path = if path.is_empty() { b"." } else { path };
    let mut names = Vec::new();
    if let Ok(dir) = Dir::open(&paths::path_of(path), Trust::Anyone) {
        // What was found before it failed is there.
        let _ = dir.entries(&mut |name, _| names.push(name.to_vec()));
    }
    names.sort_unstable();
    names
}

/// A name without empty components, and without `..` behind what that leads out of.
// rsync: util1.c clean_fname() with CFN_KEEP_DOT_DIRS, CFN_KEEP_TRAILING_SLASH and
// CFN_COLLAPSE_DOT_DOT_DIRS
fn tidied(name: &[u8]) -> Vec<u8> {
    let (root, rest) = name.split_at(paths::root_length(name));
    let is_absolute = !root.is_empty() || rest.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut ends_in_slash = rest.ends_with(b"/");
    let mut of_rest = rest.split(|&b| b == b'/').filter(|p| !p.is_empty());
    while let Some(part) = of_rest.next() {
        match parts.last() {
            None if part == b".." && is_absolute => {}
            Some(&last) if part == b".." && !matches!(last, b"." | b"..") => {
                parts.pop();
                ends_in_slash |= of_rest.clone().next().is_none() && !parts.is_empty();
            }
            _ => parts.push(part),
        }
    }
    let mut tidied = root.to_vec();
    if rest.starts_with(b"/") {
        tidied.push(b'/');
    }
    tidied.extend(parts.join(&b'/'));
    if ends_in_slash && !parts.is_empty() {
        tidied.push(b'/');
    }
    if tidied.is_empty() {
        tidied.push(b'.');
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tidied() {
        for (name, expected) in [
            ("a//b/", "a/b/"),
            ("./a/./b", "./a/./b"),
            ("a/../b", "b"),
            ("a/b/..", "a/"),
            ("a/..", "."),
            ("../a", "../a"),
            ("../../a", "../../a"),
            ("/..//a", "/a"),
            ("/", "/"),
            ("", "."),
        ] {
            let tidied = String::from_utf8(tidied(name.as_bytes())).unwrap();
            assert_eq!(tidied, expected, "{name}");
        }
    }

    #[test]
    fn names_become_what_they_match() {
        let scratch = tempfile::tempdir().unwrap();
        for name in [
            "b c.txt",
            ".h.txt",
            "[x]",
            "one/x.log",
            "two/y.log",
            "two/d/z",
        ] {
            let path = scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let top = String::from_utf8(paths::operand_bytes(scratch.path().as_os_str())).unwrap();
        for (pattern, expected) in [
            ("*.txt", &[".h.txt", "b c.txt"][..]),
            ("b c*", &["b c.txt"]),
            ("*/?.log", &["one/x.log", "two/y.log"]),
            ("*/", &["one/", "two/"]),
            ("t[vw]o/./*", &["two/./d", "two/./y.log"]),
            ("*/d/z", &["two/d/z"]),
            ("one/../*o/d", &["two/d"]),
            ("none*", &["none*"]),
            ("\\[x]", &["[x]"]),
            ("[[]x]", &["[x]"]),
            ("absent/x", &["absent/x"]),
            ("one", &["one"]),
        ] {
            // A Windows path has no backslash of its own.
            if cfg!(windows) && pattern.contains('\\') {
                continue;
            }
            let given = format!("{top}/{pattern}");
            let found: Vec<String> = expand_patterns(vec![given.into()])
                .iter()
                .map(|path| String::from_utf8(paths::operand_bytes(path)).unwrap())
                .map(|path| path[top.len() + 1..].to_owned())
                .collect();
            assert_eq!(found, expected, "{pattern}");
        }
    }
}
