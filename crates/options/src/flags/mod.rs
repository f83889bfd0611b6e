//! The one table of flags, split by theme, and finding a flag in it.
//!
//! rsync: options.c long_options

mod connection;
mod delete;
mod elsewhere;
mod links;
mod metadata;
mod output;
mod own;
mod selection;
mod stream;
mod unsupported;
mod update;
mod writing;

use crate::flag::{Flag, Undo};

pub(crate) use stream::bound_memory;

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
        heading: "Taking content from elsewhere",
        flags: elsewhere::FLAGS,
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
        heading: "Reaching another computer",
        flags: connection::FLAGS,
    },
    Theme {
        heading: "What crosses, and how",
        flags: stream::FLAGS,
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

    /// Every long name in the table of rsync 3.5.0.
    const RSYNC_NAMES: &str = "\
        help version verbose no-verbose no-v info debug stderr msgs2stderr no-msgs2stderr \
        quiet motd no-motd stats human-readable no-human-readable no-h dry-run archive \
        recursive no-recursive no-r inc-recursive no-inc-recursive i-r no-i-r dirs no-dirs \
        no-d old-dirs old-d perms no-perms no-p executability acls no-acls no-A xattrs \
        no-xattrs no-X times no-times no-t atimes no-atimes no-U open-noatime \
        no-open-noatime crtimes no-crtimes no-N omit-dir-times no-omit-dir-times no-O \
        omit-link-times no-omit-link-times no-J modify-window super no-super fake-super \
        owner no-owner no-o group no-group no-g no-D devices no-devices copy-devices \
        write-devices no-write-devices specials no-specials drop-D no-drop-D confine-root \
        links no-links no-l copy-links copy-unsafe-links safe-links insecure-links \
        no-insecure-links munge-links no-munge-links copy-dirlinks keep-dirlinks hard-links \
        no-hard-links no-H relative no-relative no-R implied-dirs no-implied-dirs i-d no-i-d \
        chmod ignore-times size-only one-file-system no-one-file-system no-x update existing \
        ignore-non-existing ignore-existing max-size min-size max-alloc sparse no-sparse \
        no-S preallocate inplace no-inplace append append-verify no-append del delete \
        delete-before delete-during delete-delay delete-after delete-excluded \
        delete-missing-args ignore-missing-args remove-sent-files remove-source-files force \
        no-force ignore-errors no-ignore-errors max-delete filter exclude include \
        exclude-from include-from cvs-exclude whole-file no-whole-file no-W checksum \
        no-checksum no-c checksum-choice cc block-size compare-dest copy-dest link-dest \
        fuzzy no-fuzzy no-y compress old-compress new-compress no-compress no-z \
        compress-choice zc skip-compress compress-level zl compress-threads zt progress \
        no-progress partial no-partial partial-dir delay-updates no-delay-updates \
        prune-empty-dirs no-prune-empty-dirs no-m log-file log-file-format out-format \
        log-format itemize-changes no-itemize-changes no-i bwlimit no-bwlimit backup \
        no-backup backup-dir suffix list-only read-batch write-batch only-write-batch \
        files-from from0 no-from0 old-args no-old-args secluded-args no-secluded-args \
        protect-args no-protect-args no-s trust-sender numeric-ids no-numeric-ids usermap \
        groupmap chown timeout no-timeout contimeout no-contimeout fsync stop-after \
        time-limit stop-at rsh rsync-path temp-dir iconv no-iconv ipv4 ipv6 8-bit-output \
        no-8-bit-output no-8 mkpath no-mkpath qsort copy-as address port sockopts \
        password-file early-input blocking-io no-blocking-io outbuf remote-option protocol \
        checksum-seed server sender config daemon dparam detach no-detach";
    /// And every letter.
    const RSYNC_LETTERS: &str = "VvqhnardpEAXtUN OJ@ogDlLkKHRIxuSFfCWcByzPmib0sxe T468M";

    #[test]
    fn every_option_of_rsync_is_known() {
        for name in RSYNC_NAMES.split_whitespace() {
            assert!(by_long_name(name.as_bytes()).is_some(), "--{name}");
        }
        for letter in RSYNC_LETTERS.bytes().filter(|&letter| letter != b' ') {
            assert!(by_letter(letter).is_some(), "-{}", char::from(letter));
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
