//! Flags that take content from other files of the receiving side.
//!
//! rsync: options.c, generator.c try_dests_reg(), find_fuzzy()

use crate::alt_dest::AltDestKind;
use crate::flag::{Flag, Takes};

pub(super) const FLAGS: &[Flag] = &[COMPARE_DEST, COPY_DEST, LINK_DEST, FUZZY];

const COMPARE_DEST: Flag = Flag::valued(
    "compare-dest",
    None,
    Takes::Dir("DIR"),
    "also compare destination files relative to DIR",
    |given, value| Ok(given.add_alt_dest(AltDestKind::Compare, value.path())?),
)
.doc(
    "Look in this directory, too, for a file of the same name below it. One that is there as it \
     should be is not made at the destination, which so gets only what differs; a copy that the \
     destination has is removed. One of the same content and other attributes is copied. Any other \
     serves the delta transfer where the destination has none. A relative DIR is relative to the \
     destination directory. Up to 20 may be given, and are looked at in this order. For a \
     destination that is empty, or nearly so.",
);

const COPY_DEST: Flag = Flag::valued(
    "copy-dest",
    None,
    Takes::Dir("DIR"),
    "... and include copies of unchanged files",
    |given, value| Ok(given.add_alt_dest(AltDestKind::Copy, value.path())?),
)
.doc(
    "Like `--compare-dest`, but a file that is there as it should be is copied from there. \
     Where the file system can, the copy shares its blocks.",
);

const LINK_DEST: Flag = Flag::valued(
    "link-dest",
    None,
    Takes::Dir("DIR"),
    "hardlink to files in DIR when unchanged",
    |given, value| Ok(given.add_alt_dest(AltDestKind::Link, value.path())?),
)
.doc(
    "Like `--compare-dest`, but the destination gets a hard link to a file that is there as it \
     should be, in all attributes that are preserved; where that is not possible, a copy. So every \
     day's backup is a whole tree and takes the place of what is new:\n\
     `tidesync -a --link-dest=../monday/ src/ backup/tuesday/`",
);

const FUZZY: Flag = Flag::switch(
    "fuzzy",
    Some('y'),
    "find similar file for basis if no dest file",
    |given| given.options.fuzzy = given.options.fuzzy.saturating_add(1).min(2),
)
.undo(&["no-fuzzy", "no-y"], |given| given.options.fuzzy = 0)
.doc(
    "Where the destination lacks a file, take the one in the same directory of it for the delta \
     transfer that has the same size and time, or else a similar name. Given twice, the \
     directories of `--compare-dest`, `--copy-dest` and `--link-dest` are looked through as well. \
     Deletions come too early for it unless they are `--delete-after` or `--delete-delay`.",
);

#[cfg(test)]
mod tests {
    use crate::alt_dest::{AltDest, AltDestKind};
    use crate::asked::{error, options};

    fn of(kind: AltDestKind, dirs: &[&str]) -> Option<AltDest> {
        let dirs = dirs.iter().map(Into::into).collect();
        Some(AltDest { kind, dirs })
    }

    #[test]
    fn compare_dest() {
        let found = options("--compare-dest=../a --compare-dest b/").alt_dest;
        assert_eq!(found, of(AltDestKind::Compare, &["../a", "b/"]));
        assert_eq!(options("").alt_dest, None);
    }

    #[test]
    fn copy_dest() {
        let found = options("--copy-dest=/x").alt_dest;
        assert_eq!(found, of(AltDestKind::Copy, &["/x"]));
    }

    #[test]
    fn link_dest() {
        let found = options("--link-dest=/x").alt_dest;
        assert_eq!(found, of(AltDestKind::Link, &["/x"]));
        let message =
            "tidesync: ERROR: the --link-dest option conflicts with the --copy-dest option";
        assert_eq!(
            error("--copy-dest=a --link-dest=b c d").to_string(),
            message
        );
    }

    #[test]
    fn at_most_twenty_directories() {
        let line = |count| ["--link-dest=x"; 21][..count].join(" ");
        assert_eq!(options(&line(20)).alt_dest.unwrap().dirs.len(), 20);
        let message = "tidesync: ERROR: at most 20 --link-dest args may be specified";
        assert_eq!(error(&line(21)).to_string(), message);
    }

    #[test]
    fn fuzzy() {
        for (line, level) in [
            ("", 0),
            ("-y", 1),
            ("--fuzzy", 1),
            ("-yy", 1),
            ("-yy --link-dest=x", 2),
            ("-yyy --link-dest=x", 2),
            ("-y --no-y", 0),
            ("-yy --link-dest=x --no-fuzzy", 0),
        ] {
            assert_eq!(options(line).fuzzy, level, "{line}");
        }
    }
}
