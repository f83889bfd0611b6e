//! Names with wildcards that a client sent past the shell (`-s`): a server expands them itself.
//!
//! The rules are rsync's: a leading dot hides nothing, `\` makes a wildcard literal, and what
//! matches nothing stays as it is. Matches come in the order of their names.
//!
//! rsync: util1.c glob_expand()

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;

use tree::filter::wildmatch;

/// The names with every one's wildcards expanded, from the working directory on.
pub fn expand(names: Vec<OsString>) -> Vec<OsString> {
    let expanded = names.into_iter().flat_map(|name| {
        let mut found = Vec::new();
        expand_below(Vec::new(), name.as_encoded_bytes(), &mut found);
        match found.is_empty() {
            true => vec![name],
            false => found,
        }
    });
    expanded.collect()
}

/// Expands `pattern` in the directory `before`, which is empty or ends in `/`.
fn expand_below(before: Vec<u8>, pattern: &[u8], found: &mut Vec<OsString>) {
    let slash = pattern.iter().position(|&b| b == b'/');
    let name = &pattern[..slash.unwrap_or(pattern.len())];
    let below = slash.map(|at| &pattern[at + 1..]);
    if !name.iter().any(|b| b"*?[".contains(b)) {
        let must_exist = below.is_some() && !name.is_empty();
        step(before, name, below, must_exist, found);
        return;
    }
    for entry in names_in(&before) {
        let entry = entry.as_encoded_bytes();
        if wildmatch(name, entry) {
            step(before.clone(), entry, below, true, found);
        }
    }
}

/// Adds one more name to a path, and goes on with what is below it.
fn step(
    mut path: Vec<u8>,
    name: &[u8],
    below: Option<&[u8]>,
    must_exist: bool,
    found: &mut Vec<OsString>,
) {
    path.extend_from_slice(name);
    let Some(whole) = os_string(&path) else {
        return;
    };
    if must_exist {
        match fs::metadata(&whole) {
            Ok(stat) if below.is_none() || stat.is_dir() => {}
            _ => return,
        }
    }
    match below {
        Some(below) => {
            path.push(b'/');
            expand_below(path, below, found);
        }
        None => found.push(whole),
    }
}

fn names_in(directory: &[u8]) -> Vec<OsString> {
    let directory = match directory {
        b"" => PathBuf::from("."),
        _ => os_string(directory).unwrap_or_default().into(),
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

/// The name with these bytes, which are pieces of names.
#[cfg(unix)]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    Some(OsStr::from_bytes(bytes).to_os_string())
}

/// The name with these bytes; none if it is no text, which no client can have meant.
#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    std::str::from_utf8(bytes)
        .ok()
        .map(|text| OsStr::new(text).to_os_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_what_they_match() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().to_str().unwrap().replace('\\', "/");
        for name in ["b.c", "a.c", ".c", "one/x", "two/y", "[x]"] {
            let path = scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for (pattern, expected) in [
            ("*.c", &[".c", "a.c", "b.c"][..]),
            ("[ab].c", &["a.c", "b.c"]),
            ("*/", &["one/", "two/"]),
            // Whether the last is there is for the session to say.
            ("*/x", &["one/x", "two/x"]),
            ("b.c/x*", &["b.c/x*"]),
            ("./t*/[x-z]", &["./two/y"]),
            ("o?e/./x*", &["one/./x"]),
            ("*.none", &["*.none"]),
            ("a b", &["a b"]),
            ("\\[*", &["[x]"]),
        ] {
            let found = expand(vec![format!("{root}/{pattern}").into()]);
            let below = found
                .iter()
                .map(|name| name.to_str().unwrap().strip_prefix(&root).unwrap());
            let below: Vec<&str> = below.map(|name| &name[1..]).collect();
            assert_eq!(below, expected, "{pattern}");
        }
    }

    #[test]
    fn several_names_keep_their_order() {
        let names: Vec<OsString> = vec!["b".into(), "".into(), "a".into()];
        assert_eq!(expand(names.clone()), names);
    }
}
