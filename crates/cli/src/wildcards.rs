//! Operands with `*` and `?` on Windows, whose shells hand them over as they were typed.
//!
//! The rules are Windows' own: capitals do not matter, a leading dot hides nothing, `*.*` is every
//! name, and `[` is an ordinary character. As in a Unix shell, matches come in the order of their
//! names, and what matches nothing stays as it is.

use std::ffi::OsString;
use std::fs;

/// The operands with every source's wildcards expanded. The last one of several is the
/// destination; one alone stays as it is, or its last match would become the destination.
pub fn expand(operands: Vec<OsString>) -> Vec<OsString> {
    let sources = operands.len().saturating_sub(1);
    let expanded = operands.into_iter().enumerate().flat_map(|(at, operand)| {
        let found = match operand.to_str() {
            Some(pattern) if at < sources && !options::names_a_host(&operand) => matches(pattern),
            _ => Vec::new(),
        };
        if found.is_empty() {
            vec![operand]
        } else {
            found.into_iter().map(OsString::from).collect()
        }
    });
    expanded.collect()
}

/// The existing paths that match.
fn matches(pattern: &str) -> Vec<String> {
    // The `?` of `\\?\` is none.
    let skipped = if is_verbatim(pattern) { 4 } else { 0 };
    let Some(wild) = pattern[skipped..].find(['*', '?']) else {
        return Vec::new();
    };
    let wild = skipped + wild;
    let start = pattern[..wild]
        .rfind(['/', '\\', ':'])
        .map_or(0, |before| before + 1);
    let end = pattern[wild..]
        .find(['/', '\\'])
        .map_or(pattern.len(), |length| wild + length);
    let (before, name, after) = (&pattern[..start], &pattern[start..end], &pattern[end..]);
    let below = after.trim_start_matches(['/', '\\']);
    let mut found = Vec::new();
    for entry in names_in(before) {
        if !name_matches(name, &entry) {
            continue;
        }
        let path = format!("{before}{entry}{after}");
        if below.contains(['*', '?']) {
            found.extend(matches(&path));
        } else if after.is_empty() || exists(&path, below) {
            found.push(path);
        }
    }
    found
}

fn is_verbatim(path: &str) -> bool {
    matches!(
        path.as_bytes(),
        [b'\\' | b'/', b'\\' | b'/', b'?' | b'.', b'\\' | b'/', ..]
    )
}

/// What follows a match has to be there: something below it, or at least a directory.
fn exists(path: &str, below: &str) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir() || !below.is_empty())
}

/// The names in the directory that this is the beginning of a path into, in order. None where it
/// cannot be read: the session will say why.
fn names_in(directory: &str) -> Vec<String> {
    let directory = if directory.is_empty() { "." } else { directory };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort_by_cached_key(|name| (name.to_lowercase(), name.clone()));
    names
}

fn name_matches(pattern: &str, name: &str) -> bool {
    if pattern == "*.*" {
        return true;
    }
    let folded = |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).collect() };
    let (pattern, name) = (folded(pattern), folded(name));
    let (mut p, mut n) = (0, 0);
    // Where the last `*` was met: it takes one more character whenever the rest does not fit.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn names_match_as_on_windows() {
        for (pattern, name, expected) in [
            ("*", "anything", true),
            ("*", ".hidden", true),
            ("*.*", "no dot", true),
            ("*.TXT", "a.txt", true),
            ("*.txt", "a.txt.bak", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "acb", false),
            ("?", "\u{e4}", true),
            ("?", "", false),
            ("??", "a", false),
            ("[a]*", "[a] b", true),
            ("[a]", "a", false),
            ("\u{c4}*", "\u{e4}b", true),
        ] {
            assert_eq!(name_matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    fn expanded(scratch: &Path, pattern: &str) -> Vec<String> {
        let given = format!("{}\\{pattern}", scratch.display());
        let found = expand(vec![given.into(), "destination".into()]);
        let (destination, sources) = found.split_last().unwrap();
        assert_eq!(destination, "destination");
        let sources = sources.iter().map(|source| source.to_str().unwrap());
        let below = sources.map(|source| source[scratch.as_os_str().len() + 1..].to_owned());
        below.collect()
    }

    #[test]
    fn operands_become_what_they_match() {
        let scratch = tempfile::tempdir().unwrap();
        for name in [
            "B.txt",
            "a.txt",
            ".c",
            "one/x.log",
            "two/y.log",
            "two/Z.LOG",
        ] {
            let path = scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for (pattern, found) in [
            ("*.txt", &["a.txt", "B.txt"][..]),
            ("*", &[".c", "a.txt", "B.txt", "one", "two"]),
            ("t?o/", &["two/"]),
            ("*\\", &["one\\", "two\\"]),
            ("*\\*.log", &["one\\x.log", "two\\y.log", "two\\Z.LOG"]),
            ("*/x.log", &["one/x.log"]),
            ("*.none", &["*.none"]),
            ("none\\*", &["none\\*"]),
            ("a.txt", &["a.txt"]),
        ] {
            assert_eq!(expanded(scratch.path(), pattern), found, "{pattern}");
        }
    }

    #[test]
    fn verbatim_paths_have_wildcards_too() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("a"), "").unwrap();
        let verbatim = fs::canonicalize(scratch.path()).unwrap();
        assert!(is_verbatim(verbatim.to_str().unwrap()));
        assert_eq!(expanded(&verbatim, "?"), ["a"]);
    }

    #[test]
    fn a_destination_and_a_lone_operand_stay_as_they_are() {
        for operands in [vec!["*"], vec!["*.no such file", "*"], vec!["host:*", "."]] {
            let operands: Vec<OsString> = operands.into_iter().map(OsString::from).collect();
            assert_eq!(expand(operands.clone()), operands);
        }
    }
}
