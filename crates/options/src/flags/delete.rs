//! Flags about deleting at either end, and about keeping what would be lost.
//!
//! rsync: options.c, delete.c, backup.c

use crate::flag::{Flag, Takes};
use crate::given::During;
use crate::resolved::{MissingArgs, RemoveSource};

pub(super) const FLAGS: &[Flag] = &[
    DELETE,
    DELETE_BEFORE,
    DELETE_DURING,
    DELETE_DELAY,
    DELETE_AFTER,
    DELETE_EXCLUDED,
    IGNORE_MISSING_ARGS,
    DELETE_MISSING_ARGS,
    MAX_DELETE,
    FORCE,
    IGNORE_ERRORS,
    REMOVE_SOURCE_FILES,
    REMOVE_SENT_FILES,
    BACKUP,
    BACKUP_DIR,
    SUFFIX,
];

const DELETE: Flag = Flag::switch(
    "delete",
    None,
    "delete extraneous files from dest directories",
    |given| given.delete = true,
)
.doc(
    "Delete at the destination what the source does not have, in the directories that are \
     transferred: it needs `-r` or `-d`. Try it with `-n` first. After an error in reading the \
     source nothing is deleted.",
);

const DELETE_BEFORE: Flag = Flag::switch(
    "delete-before",
    None,
    "receiver deletes before xfer, not during",
    |given| given.delete_before = true,
)
.doc("Delete first, which frees space; it needs the whole list of files first.");

const DELETE_DURING: Flag = Flag::switch(
    "delete-during",
    None,
    "receiver deletes during the transfer",
    |given| given.delete_during = Some(During::Now),
)
.or(&["del"])
.doc("Delete in each directory just before its files are looked at: what `--delete` does.");

const DELETE_DELAY: Flag = Flag::switch(
    "delete-delay",
    None,
    "find deletions during, delete after",
    |given| given.delete_during = Some(During::Delay),
)
.doc("Look for what is to be deleted on the way, delete it at the end.");

const DELETE_AFTER: Flag = Flag::switch(
    "delete-after",
    None,
    "receiver deletes after transfer, not during",
    |given| given.delete_after = true,
)
.doc("Look for it and delete it at the end; it needs the whole list of files first.");

const DELETE_EXCLUDED: Flag = Flag::switch(
    "delete-excluded",
    None,
    "also delete excluded files from dest directories",
    |given| given.options.delete_excluded = true,
)
.doc("Delete also what the filters exclude. Implies `--delete`.");

const IGNORE_MISSING_ARGS: Flag = Flag::switch(
    "ignore-missing-args",
    None,
    "ignore missing source arguments without error",
    |given| {
        if given.options.missing_args == MissingArgs::Report {
            given.options.missing_args = MissingArgs::Ignore;
        }
    },
)
.doc("Pass over sources (also those of `--files-from`) that do not exist, without an error.");

const DELETE_MISSING_ARGS: Flag = Flag::switch(
    "delete-missing-args",
    None,
    "delete missing source arguments from destination",
    |given| given.options.missing_args = MissingArgs::Delete,
)
.doc(
    "Delete at the destination what a source is called that does not exist; a directory that is \
     not empty only with `--force` or `--delete`. Apart from that it has nothing to do with \
     `--delete`.",
);

const MAX_DELETE: Flag = Flag::valued(
    "max-delete",
    None,
    Takes::Text("NUM"),
    "don't delete more than NUM files",
    |given, value| {
        given.options.max_delete = match value.int()? {
            // popt's "not given" is also what the user may write.
            i32::MIN => None,
            number => Some(u32::try_from(number).unwrap_or(0)),
        };
        Ok(())
    },
)
.doc(
    "Stop deleting after so many, say how many are left, and exit 25. 0 deletes nothing, but \
     says what there is.",
);

const FORCE: Flag = Flag::switch(
    "force",
    None,
    "force deletion of directories even if not empty",
    |given| given.options.force_delete = true,
)
.undo(&["no-force"], |given| given.options.force_delete = false)
.doc("Where a file is to replace a directory that is not empty, delete the directory's content.");

const IGNORE_ERRORS: Flag = Flag::switch(
    "ignore-errors",
    None,
    "delete even if there are I/O errors",
    |given| given.options.ignore_errors = true,
)
.undo(&["no-ignore-errors"], |given| {
    given.options.ignore_errors = false
})
.doc("Delete even though a part of the source could not be read.");

const REMOVE_SOURCE_FILES: Flag = Flag::switch(
    "remove-source-files",
    None,
    "sender removes synchronized files (non-directory)",
    |given| given.options.remove_source_files = Some(RemoveSource::Synchronized),
)
.doc("Remove from the source each file that is safely at the destination. Directories stay.");

/// Deprecated by rsync, and so not shown.
const REMOVE_SENT_FILES: Flag = Flag::switch("remove-sent-files", None, "", |given| {
    given.options.remove_source_files = Some(RemoveSource::Sent);
});

const BACKUP: Flag = Flag::switch(
    "backup",
    Some('b'),
    "make backups (see --suffix & --backup-dir)",
    |given| given.options.backup = true,
)
.undo(&["no-backup"], |given| given.options.backup = false)
.doc("Rename what would be replaced or deleted instead of losing it.");

const BACKUP_DIR: Flag = Flag::valued(
    "backup-dir",
    None,
    Takes::Dir("DIR"),
    "make backups into hierarchy based in DIR",
    |given, value| {
        given.backup_dir = Some(value.path());
        Ok(())
    },
)
.doc(
    "Keep backups in a tree of their own, a relative one below the destination. Implies \
     `--backup`.",
);

const SUFFIX: Flag = Flag::valued(
    "suffix",
    None,
    Takes::Text("SUFFIX"),
    "backup suffix (default ~ w/o --backup-dir)",
    |given, value| {
        given.suffix = Some(value.bytes().to_vec());
        Ok(())
    },
)
.doc("What is appended to the names of backups.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, options};
    use crate::resolved::{DeleteWhen, FilterDirective};

    #[test]
    fn delete() {
        assert_eq!(options("-r --delete").delete, Some(DeleteWhen::During));
        assert_eq!(options("-d --delete").delete, Some(DeleteWhen::During));
        let message = "tidesync: --delete does not work without --recursive (-r) or --dirs (-d).";
        for line in [
            "--delete a b",
            "-a --no-r --delete a b",
            "--delete-excluded a b",
        ] {
            assert_eq!(error(line).to_string(), message, "{line}");
        }
    }

    #[test]
    fn delete_before() {
        assert_eq!(
            options("-r --delete-before").delete,
            Some(DeleteWhen::Before)
        );
        let message = "tidesync: You may not combine multiple --delete-WHEN options.";
        for line in ["--delete-before --del", "--delete-after --delete-before"] {
            assert_eq!(
                error(&format!("-r {line} a b")).to_string(),
                message,
                "{line}"
            );
        }
    }

    #[test]
    fn delete_during() {
        for line in ["-r --del", "-r --delete-during", "-r --delete-delay --del"] {
            assert_eq!(options(line).delete, Some(DeleteWhen::During), "{line}");
        }
    }

    #[test]
    fn delete_delay() {
        let delay = Some(DeleteWhen::Delay);
        assert_eq!(options("-r --delete-delay").delete, delay);
        assert_eq!(options("-r --del --delete --delete-delay").delete, delay);
    }

    #[test]
    fn delete_after() {
        assert_eq!(options("-r --delete-after").delete, Some(DeleteWhen::After));
    }

    #[test]
    fn delete_excluded() {
        let excluded = options("-r --delete-excluded");
        assert!(excluded.delete_excluded);
        assert_eq!(excluded.delete, Some(DeleteWhen::During));
    }

    #[test]
    fn missing_args() {
        let missing = |line: &str| options(line).missing_args;
        assert_eq!(missing(""), MissingArgs::Report);
        assert_eq!(missing("--ignore-missing-args"), MissingArgs::Ignore);
        for both in [
            "--delete-missing-args",
            "--delete-missing-args --ignore-missing-args",
            "--ignore-missing-args --delete-missing-args",
        ] {
            assert_eq!(missing(both), MissingArgs::Delete, "{both}");
        }
    }

    #[test]
    fn max_delete() {
        assert_eq!(options("").max_delete, None);
        assert_eq!(options("--max-delete=7").max_delete, Some(7));
        assert_eq!(options("--max-delete=-1").max_delete, Some(0));
        let message = "tidesync: --max-delete=x: invalid numeric value";
        assert_eq!(error("--max-delete=x").to_string(), message);
    }

    #[test]
    fn force() {
        assert!(options("--force").force_delete && !options("--force --no-force").force_delete);
    }

    #[test]
    fn ignore_errors() {
        assert!(options("--ignore-errors").ignore_errors);
        assert!(!options("--ignore-errors --no-ignore-errors").ignore_errors);
    }

    #[test]
    fn remove_source_files() {
        let synchronized = options("--remove-source-files").remove_source_files;
        assert_eq!(synchronized, Some(RemoveSource::Synchronized));
    }

    #[test]
    fn remove_sent_files() {
        let sent = options("--remove-sent-files").remove_source_files;
        assert_eq!(sent, Some(RemoveSource::Sent));
    }

    #[test]
    fn backup() {
        let backup = options("-b");
        assert!(backup.backup && backup.omit_dir_times && backup.suffix == b"~");
        assert!(options("--backup").backup && !options("-b --no-backup").backup);
        let protect = FilterDirective::Rule(b"P *~".to_vec());
        assert_eq!(options("-rb --delete").filters, [protect]);
        assert!(options("-rb --delete-excluded").filters.is_empty());
        assert!(options("-rb --delete --backup-dir=x").filters.is_empty());
    }

    #[test]
    fn backup_dir() {
        let dir = options("--backup-dir=././old/");
        assert!(dir.backup && !dir.omit_dir_times && dir.suffix.is_empty());
        assert_eq!(dir.backup_dir, Some("old".into()));
        assert_eq!(options("--backup-dir=x --suffix=.o").suffix, b".o");
        assert_eq!(options("--backup-dir=. --suffix=.o").backup_dir, None);
        let message =
            "tidesync: --suffix cannot be empty when --backup-dir is the same as the dest dir";
        assert_eq!(error("--backup-dir=. a b").to_string(), message);
    }

    #[test]
    fn suffix() {
        assert_eq!(options("-b --suffix=.bak").suffix, b".bak");
        let message = "tidesync: --suffix cannot contain slashes: /x";
        assert_eq!(error("--suffix=/x a b").to_string(), message);
        let message = "tidesync: --suffix cannot be empty without a --backup-dir";
        assert_eq!(error("--suffix= a b").to_string(), message);
    }
}
