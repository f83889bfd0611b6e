//! Names that stay where they are looked up: the one check that every call of [`Dir`] makes.
//!
//! Only these types reach the systems' own calls, so none can forget it. What a single system
//! finds in a name besides (Windows: `\`, a stream's `:`) it refuses itself.
//!
//! [`Dir`]: super::Dir

use crate::sys;
use std::io;

/// One component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The name of an entry. Refused: what leads elsewhere (`..`, `/`), NUL, which would cut the
    /// name off, and the empty name and `.`, which are the directory itself.
    pub(super) fn of_entry(bytes: &'a [u8]) -> io::Result<Name<'a>> {
        let stays = !matches!(bytes, b"" | b"." | b"..");
        if stays && !bytes.iter().any(|&b| b == b'/' || b == 0) {
            Ok(Name(bytes))
        } else {
            Err(sys::invalid_name())
        }
    }

    /// The same, or `.`: the directory itself, where a call has a use for that.
    pub(super) fn of_entry_or_itself(bytes: &'a [u8]) -> io::Result<Name<'a>> {
        match bytes {
            b"." => Ok(Name(bytes)),
            _ => Name::of_entry(bytes),
        }
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.0
    }
}

/// A relative path of zero or more components, none of which leads up or elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathBeneath<'a>(&'a [u8]);

impl<'a> PathBeneath<'a> {
    /// Refused: an absolute path, and one with a component that no entry can have as its name.
    /// Empty components and `.` are nothing.
    pub(super) fn new(bytes: &'a [u8]) -> io::Result<PathBeneath<'a>> {
        if bytes.first() == Some(&b'/') {
            return Err(sys::invalid_name());
        }
        for component in parts(bytes) {
            Name::of_entry(component)?;
        }
        Ok(PathBeneath(bytes))
    }

    /// As it was written; `.` for the empty path.
    #[cfg(target_os = "linux")]
    pub(super) fn bytes(self) -> &'a [u8] {
        if self.0.is_empty() { b"." } else { self.0 }
    }

    pub(super) fn components(self) -> impl Iterator<Item = Name<'a>> {
        parts(self.0).map(Name)
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&b| b == b'/')
        .filter(|part| !part.is_empty() && part != b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "/", "a/b", "../a", "a/", "a\0", "\0"] {
            let error = Name::of_entry(name.as_bytes()).unwrap_err();
            assert_eq!(error.raw_os_error(), sys::invalid_name().raw_os_error());
        }
        for name in ["a", "...", ".a", "a..b", " ", "-", "\n", "\u{fc}"] {
            assert!(Name::of_entry(name.as_bytes()).is_ok(), "{name:?}");
        }
        assert!(Name::of_entry(b"\xff").is_ok());
        assert!(Name::of_entry_or_itself(b".").is_ok());
        assert!(Name::of_entry_or_itself(b"..").is_err());
    }

    #[test]
    fn paths_lose_empty_components_and_dots() {
        let path = PathBeneath::new(b"a//./b/").unwrap();
        let names: Vec<_> = path.components().map(Name::bytes).collect();
        assert_eq!(names, [b"a", b"b"]);
        assert_eq!(PathBeneath::new(b"").unwrap().components().count(), 0);
        for path in ["/a", "/", "a/../b", "..", "a/..", "a/b\0/c"] {
            assert!(PathBeneath::new(path.as_bytes()).is_err(), "{path:?}");
        }
    }
}
