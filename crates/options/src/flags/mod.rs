//! The one table of flags, split by theme, and finding a flag in it.
//!
//! rsync: options.c long_options

mod delete;
mod links;
mod metadata;
mod output;
mod own;
mod selection;
mod unsupported;
mod update;
mod writing;

use crate::flag::{Flag, Undo};

/// Flags of one theme, under the heading they have in help and manual.
pub(crate) struct Theme {
    pub(crate) heading: &'static str,
    pub(crate) flags: &'static [Flag],
}

/// The whole table, in the order of help and manual.
pub(crate) const THEMES: &[Theme] = &[
    Theme {
        heading: "Choosing files",
        flags: selection::FLAGS,
    },
    Theme {
        heading: "Choosing what needs an update",
        flags: update::FLAGS,
    },
    Theme {
        heading: "Preserving attributes",
        flags: metadata::FLAGS,
    },
    Theme {
        heading: "Links",
        flags: links::FLAGS,
    },
    Theme {
        heading: "Writing files",
        flags: writing::FLAGS,
    },
    Theme {
        heading: "Deleting and backing up",
        flags: delete::FLAGS,
    },
    Theme {
        heading: "Output",
        flags: output::FLAGS,
    },
    Theme {
        heading: "tidesync's own",
        flags: own::FLAGS,
    },
    Theme {
        heading: "Not supported yet",
        flags: unsupported::FLAGS,
    },
];

/// Every flag of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Flag> {
    THEMES.iter().flat_map(|theme| theme.flags)
}

/// What a long name stands for.
pub(crate) enum Found {
    Flag(&'static Flag),
    Undo(&'static Undo),
}

/// Finds a long name, given without its dashes.
pub(crate) fn by_long_name(name: &[u8]) -> Option<Found> {
    all().find_map(|flag| {
        if flag.long_names().any(|long| long.as_bytes() == name) {
            return Some(Found::Flag(flag));
        }
        let undo = flag.undo.as_ref()?;
        let is_named = undo.names.iter().any(|long| long.as_bytes() == name);
        is_named.then_some(Found::Undo(undo))
    })
}

/// Finds a letter.
pub(crate) fn by_letter(letter: u8) -> Option<&'static Flag> {
    all().find(|flag| flag.short == Some(char::from(letter)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_given_twice() {
        let mut seen = HashSet::new();
        for flag in all() {
            let undo = flag.undo_names().iter().copied();
            for name in flag.long_names().chain(undo) {
                assert!(
                    !name.is_empty() && seen.insert(name.to_string()),
                    "--{name}"
                );
            }
            if let Some(letter) = flag.short {
                assert!(seen.insert(format!("-{letter}")), "-{letter}");
            }
        }
    }

    #[test]
    fn every_flag_that_is_shown_is_explained() {
        for flag in all().filter(|flag| flag.is_supported()) {
            assert_eq!(
                flag.help.is_empty(),
                flag.doc.is_empty(),
                "{}",
                flag.typed()
            );
        }
    }
}
