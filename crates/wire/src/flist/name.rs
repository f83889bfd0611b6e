//! Which names a receiver takes. The decoder takes any, for what a name may be depends on what
//! was asked for.
//!
//! rsync cleans a name before it looks at it, and so do we: some senders are untidy (`a//b`,
//! `./a`). What would lead out of the destination is refused and ends the session. The receiver
//! has to check too, with its own knowledge: that the name was asked for at all, and that the
//! filters don't exclude it.
// rsync: flist.c recv_file_entry(), recv_file_list(); util1.c clean_fname()

use super::entry::Kind;
use crate::Error;
use std::borrow::Cow;

/// As long as a name or a target can be, and one for the end of it.
// rsync: MAXPATHLEN
pub const MAX_PATH: usize = 4096;

/// Whether names may begin at the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// They begin at the destination.
    Beneath,
    /// With `--relative`, a slash may come before what begins at the destination all the same.
    Rooted,
}

/// The name of an entry without what is superfluous in it: double slashes, a slash at the end,
/// `.` except as the last part. Take everything else from the entry.
///
/// # Errors
///
/// [`Error::Unsupported`], as rsync ends with: the name is empty, has `..` in it, or begins at
/// the root where it must not. [`Error::Misbehaving`]: the root of the transfer (`.`) is said to
/// be no directory.
pub fn check_name(name: &[u8], mode: u32, names: Names) -> Result<Cow<'_, [u8]>, Error> {
    let rooted = name.first() == Some(&b'/');
    let climbs = name.split(|&b| b == b'/').any(|part| part == b"..");
    if name.is_empty() || climbs || (rooted && names == Names::Beneath) {
        return Err(Error::Unsupported(format!(
            "ABORTING due to unsafe pathname from sender: {}",
            name.escape_ascii()
        )));
    }
    let name = tidied(name);
    if matches!(&name[..], b"." | b"/.") && Kind::of_mode(mode) != Some(Kind::Directory) {
        return Err(Error::misbehaving(format!(
            "rejecting non-directory transfer-root entry: {}",
            name.escape_ascii()
        )));
    }
    Ok(name)
}

/// Holds a name that [`check_name`] gave to the segment it came in: the content of `directory`,
/// which is empty for the first segment.
///
/// # Errors
///
/// [`Error::Unsupported`]: it is not directly in that directory.
pub fn check_segment_name(name: &[u8], directory: &[u8]) -> Result<(), Error> {
    let beneath = name.strip_prefix(b"/").unwrap_or(name);
    let parent = match beneath.iter().rposition(|&b| b == b'/') {
        Some(slash) => &beneath[..slash],
        None => b"",
    };
    if parent != directory.strip_prefix(b"/").unwrap_or(directory) {
        return Err(Error::Unsupported(format!(
            "ABORTING due to invalid path from sender: {}",
            name.escape_ascii()
        )));
    }
    Ok(())
}

fn tidied(name: &[u8]) -> Cow<'_, [u8]> {
    let rooted = name.first() == Some(&b'/');
    let beneath = if rooted { &name[1..] } else { name };
    let mut left = beneath.split(|&b| b == b'/').peekable();
    let tidy = beneath.is_empty()
        || std::iter::from_fn(|| left.next().map(|part| (part, left.peek().is_none())))
            .all(|(part, last)| !part.is_empty() && (part != b"." || last));
    if tidy {
        return Cow::Borrowed(name);
    }
    let mut tidied = Vec::with_capacity(name.len());
    if rooted {
        tidied.push(b'/');
    }
    let ends_with_dot = name.ends_with(b"/.") || name == b".";
    let parts = beneath.split(|&b| b == b'/');
    for part in parts.filter(|part| !part.is_empty() && *part != b".") {
        if tidied.len() > usize::from(rooted) {
            tidied.push(b'/');
        }
        tidied.extend_from_slice(part);
    }
    let bare = tidied.len() == usize::from(rooted);
    if ends_with_dot || (bare && !rooted) {
        if !bare {
            tidied.push(b'/');
        }
        tidied.push(b'.');
    }
    Cow::Owned(tidied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str) -> Result<String, Error> {
        check_name(name.as_bytes(), 0o040755, Names::Rooted)
            .map(|name| String::from_utf8(name.into_owned()).unwrap())
    }

    #[test]
    fn superfluous_parts_go() {
        for (name, cleaned) in [
            ("a", "a"),
            ("a/b.c/..d", "a/b.c/..d"),
            (".", "."),
            ("/", "/"),
            ("/.", "/."),
            ("a/.", "a/."),
            ("a//b", "a/b"),
            ("./a", "a"),
            ("a/./b/", "a/b"),
            ("//a", "/a"),
            ("./", "."),
            ("././/.", "."),
            ("a//.", "a/."),
        ] {
            assert_eq!(checked(name).as_deref(), Ok(cleaned), "{name}");
        }
        assert!(matches!(
            check_name(b"a/b/c.d", 0o100644, Names::Beneath),
            Ok(Cow::Borrowed(_))
        ));
    }

    #[test]
    fn what_leads_out_is_refused() {
        for name in ["", "..", "../a", "a/..", "a/../b", "/..", "a//../b", "./.."] {
            assert!(
                matches!(checked(name), Err(Error::Unsupported(_))),
                "{name}"
            );
        }
        let rooted = check_name(b"/a", 0o100644, Names::Beneath);
        assert!(matches!(rooted, Err(Error::Unsupported(_))));
    }

    #[test]
    fn the_root_is_a_directory() {
        for name in [&b"."[..], b"./", b".//."] {
            let checked = check_name(name, 0o100644, Names::Beneath);
            assert!(matches!(checked, Err(Error::Misbehaving(_))));
        }
        assert!(check_name(b"/.", 0o120777, Names::Rooted).is_err());
        assert!(check_name(b".", 0o040755, Names::Beneath).is_ok());
    }

    #[test]
    fn a_segment_is_the_content_of_one_directory() {
        for (name, directory, good) in [
            ("a", "", true),
            ("a/b", "a", true),
            ("/a/b", "a", true),
            ("a", "a", false),
            ("a/b/c", "a", false),
            ("ab/c", "a", false),
            ("b/a", "a", false),
        ] {
            let checked = check_segment_name(name.as_bytes(), directory.as_bytes());
            assert_eq!(checked.is_ok(), good, "{name} in {directory}");
        }
    }
}
