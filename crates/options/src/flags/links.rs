//! Flags about symlinks and hard links.
//!
//! rsync: options.c, flist.c readlink_stat(), hlink.c

use crate::flag::{Flag, Takes};

pub(super) const FLAGS: &[Flag] = &[
    LINKS,
    COPY_LINKS,
    COPY_UNSAFE_LINKS,
    SAFE_LINKS,
    MUNGE_LINKS,
    COPY_DIRLINKS,
    KEEP_DIRLINKS,
    INSECURE_LINKS,
    CONFINE_ROOT,
    HARD_LINKS,
];

const LINKS: Flag = Flag::switch("links", Some('l'), "copy symlinks as symlinks", |given| {
    given.options.preserve_links = true;
})
.undo(&["no-links", "no-l"], |given| {
    given.options.preserve_links = false
})
.doc("Create symlinks at the destination. Without it (or `-L`) they are skipped with a message.");

const COPY_LINKS: Flag = Flag::switch(
    "copy-links",
    Some('L'),
    "transform symlink into referent file/directory",
    |given| given.options.copy_links = true,
)
.doc("Transfer what a symlink points to in its place.");

const COPY_UNSAFE_LINKS: Flag = Flag::switch(
    "copy-unsafe-links",
    None,
    "only \"unsafe\" symlinks are transformed",
    |given| given.options.copy_unsafe_links = true,
)
.doc("Like `-L`, but only for symlinks that point out of the source tree.");

const SAFE_LINKS: Flag = Flag::switch(
    "safe-links",
    None,
    "ignore symlinks that point outside the tree",
    |given| given.options.safe_links = true,
)
.doc("Leave out symlinks that are absolute or point out of the source tree.");

const MUNGE_LINKS: Flag = Flag::switch(
    "munge-links",
    None,
    "munge symlinks to make them safe & unusable",
    |given| given.options.munge_links = true,
)
.undo(&["no-munge-links"], |given| {
    given.options.munge_links = false
})
.doc("Write symlinks with a prefix that leads nowhere, and read them back without it.");

const COPY_DIRLINKS: Flag = Flag::switch(
    "copy-dirlinks",
    Some('k'),
    "transform symlink to directory into referent directory",
    |given| given.options.copy_dirlinks = true,
)
.doc("Like `-L`, but only for symlinks to directories.");

const KEEP_DIRLINKS: Flag = Flag::switch(
    "keep-dirlinks",
    Some('K'),
    "treat symlinked directory on receiver as directory",
    |given| given.options.keep_dirlinks = true,
)
.doc(
    "Where the source has a directory and the destination a symlink to one, use that one instead \
     of replacing the symlink.",
);

const INSECURE_LINKS: Flag = Flag::switch(
    "insecure-links",
    None,
    "follow other users' symlinks in paths you name",
    |given| given.options.insecure_links = true,
)
.undo(&["no-insecure-links"], |given| {
    given.options.insecure_links = false
})
.doc(
    "In the path of the destination, of `--backup-dir`, `--temp-dir` and `--partial-dir`, and of \
     the files that are read or written for the session itself, only symlinks of root and of the \
     user who runs the program are followed; with this, everybody's. It is not sent to the other \
     side.",
);

const CONFINE_ROOT: Flag = Flag::valued(
    "confine-root",
    None,
    Takes::Dir("DIR"),
    "refuse operator paths resolving outside DIR",
    |given, value| {
        given.options.confine_root = Some(value.path());
        Ok(())
    },
)
.doc(
    "The paths of `--backup-dir`, `--temp-dir`, `--partial-dir` and `--files-from`, and of files of \
     filter rules, must lead to below this absolute path. For programs that serve one directory; \
     it is not sent to the other side.",
);

const HARD_LINKS: Flag = Flag::switch("hard-links", Some('H'), "preserve hard links", |given| {
    given.options.preserve_hard_links = true;
    let count = &mut given.options.as_given.hard_links;
    *count = count.saturating_add(1);
})
.undo(&["no-hard-links", "no-H"], |given| {
    given.options.preserve_hard_links = false;
    given.options.as_given.hard_links = 0;
})
.doc("Names of one file in the source become names of one file at the destination.");

#[cfg(test)]
mod tests {
    use crate::asked::{error, options};

    #[test]
    fn links() {
        assert!(options("-l").preserve_links && options("--links").preserve_links);
        assert!(!options("-a --no-l").preserve_links && !options("-l --no-links").preserve_links);
    }

    #[test]
    fn copy_links() {
        assert!(options("-L").copy_links && options("--copy-links").copy_links);
    }

    #[test]
    fn copy_unsafe_links() {
        assert!(options("--copy-unsafe-links").copy_unsafe_links);
    }

    #[test]
    fn safe_links() {
        assert!(options("--safe-links").safe_links);
    }

    #[test]
    fn insecure_links() {
        assert!(options("--insecure-links").insecure_links);
        assert!(!options("--insecure-links --no-insecure-links").insecure_links);
    }

    #[test]
    fn confine_root() {
        // On Windows a path without a drive is not absolute.
        let drive = if cfg!(windows) { "C:" } else { "" };
        let root = options(&format!("--confine-root={drive}/srv/x")).confine_root;
        assert_eq!(root, Some(format!("{drive}/srv/x").into()));
        let message = "tidesync: --confine-root must be an absolute path";
        assert_eq!(error("--confine-root=srv a b").to_string(), message);
        let message = "tidesync: --insecure-links cannot be combined with --confine-root";
        let both = format!("--insecure-links --confine-root={drive}/x a b");
        assert_eq!(error(&both).to_string(), message);
    }

    #[test]
    fn munge_links() {
        assert!(options("--munge-links").munge_links);
        assert!(!options("--munge-links --no-munge-links").munge_links);
    }

    #[test]
    fn copy_dirlinks() {
        assert!(options("-k").copy_dirlinks && options("--copy-dirlinks").copy_dirlinks);
    }

    #[test]
    fn keep_dirlinks() {
        assert!(options("-K").keep_dirlinks && options("--keep-dirlinks").keep_dirlinks);
    }

    #[test]
    fn hard_links() {
        assert!(options("-H").preserve_hard_links && options("--hard-links").preserve_hard_links);
        assert!(!options("-H --no-H").preserve_hard_links);
        assert!(!options("-H --no-hard-links").preserve_hard_links);
    }
}
