//! Flags that choose the entries of the transfer.
//!
//! rsync: options.c, flist.c, exclude.c

use crate::flag::{Flag, Takes};
use crate::given::{Dirs, Given, Recurse};
use crate::hostspec::Operand;
use crate::resolved::{FilesFrom, FilterDirective, ListEnds};

pub(super) const FLAGS: &[Flag] = &[
    ARCHIVE,
    RECURSIVE,
    INC_RECURSIVE,
    DIRS,
    OLD_DIRS,
    RELATIVE,
    IMPLIED_DIRS,
    ONE_FILE_SYSTEM,
    PRUNE_EMPTY_DIRS,
    FILTER,
    PER_DIR_FILTER,
    EXCLUDE,
    EXCLUDE_FROM,
    INCLUDE,
    INCLUDE_FROM,
    CVS_EXCLUDE,
    FILES_FROM,
    FROM0,
    MAX_SIZE,
    MIN_SIZE,
    LIST_ONLY,
];

const ARCHIVE: Flag = Flag::switch(
    "archive",
    Some('a'),
    "archive mode is -rlptgoD (no -A,-X,-U,-N,-H)",
    |given| {
        if given.recurse == Recurse::No {
            given.recurse = Recurse::ByArchive;
        }
        let options = &mut given.options;
        options.preserve_links = true;
        options.preserve_perms = true;
        options.preserve_times = true;
        options.preserve_gid = true;
        options.preserve_uid = true;
        options.preserve_devices = true;
        options.preserve_specials = true;
    },
)
.doc(
    "Recursion, and nearly everything about a file preserved: the same as `-rlptgoD`. Take \
     single parts back with `--no-OPTION` after it: `-a --no-o`. Together with `--files-from` \
     it does not recurse; add `-r`.",
);

const RECURSIVE: Flag = Flag::switch(
    "recursive",
    Some('r'),
    "recurse into directories",
    |given| {
        given.recurse = Recurse::Asked;
    },
)
.undo(&["no-recursive", "no-r"], |given| {
    given.recurse = Recurse::No
})
.doc("Descend into directories. Without it (or `-d`) a directory is skipped with a message.");

const INC_RECURSIVE: Flag = Flag::switch(
    "inc-recursive",
    None,
    "enable incremental recursion",
    |given| given.options.allow_inc_recurse = true,
)
.or(&["i-r"])
.undo_with_help(
    &["no-inc-recursive", "no-i-r"],
    "disable incremental recursion",
    |given| given.options.allow_inc_recurse = false,
)
.doc(
    "Transfer while the rest of the tree is still being looked at; the default. \
     `--no-inc-recursive` looks at the whole tree first. Options that must know everything \
     beforehand (`--delete-before`, `--delete-after`, `--prune-empty-dirs`) do so by themselves.",
);

const DIRS: Flag = Flag::switch(
    "dirs",
    Some('d'),
    "transfer directories without recursing",
    |given| given.dirs = Some(Dirs::Yes),
)
.undo(&["no-dirs", "no-d"], |given| given.dirs = Some(Dirs::No))
.doc(
    "Make the directories that are named part of the transfer without descending into them. \
     Of `DIR/` and `.` the content is transferred too, one level deep.",
);

const OLD_DIRS: Flag = Flag::switch(
    "old-dirs",
    None,
    "works like --dirs when talking to old rsync",
    |given| given.dirs = Some(Dirs::Old),
)
.or(&["old-d"])
.doc("The effect of `--dirs` by means of recursion and the filter rule `- /*/*`.");

const RELATIVE: Flag = Flag::switch("relative", Some('R'), "use relative path names", |given| {
    given.relative = Some(true);
})
.undo(&["no-relative", "no-R"], |given| {
    given.relative = Some(false)
})
.doc(
    "Build the whole path of each source below the destination, not only its last part: \
     `a/b/c` arrives as `DEST/a/b/c`. `/./` in a source marks where the path begins: of \
     `a/./b/c` arrives `DEST/b/c`. `--files-from` implies it.",
);

const IMPLIED_DIRS: Flag = Flag::switch(
    "implied-dirs",
    None,
    "send implied directories with --relative (default)",
    |given| given.implied_dirs = true,
)
.or(&["i-d"])
.undo_with_help(
    &["no-implied-dirs", "no-i-d"],
    "don't send implied directories with --relative",
    |given| given.implied_dirs = false,
)
.doc(
    "With `--relative`: the directories that a source's path leads through are part of the \
     transfer, attributes and all. With `--no-implied-dirs` they are only created where missing.",
);

const ONE_FILE_SYSTEM: Flag = Flag::switch(
    "one-file-system",
    Some('x'),
    "don't cross filesystem boundaries",
    |given| {
        let count = &mut given.options.one_file_system;
        *count = count.saturating_add(1);
    },
)
.undo(&["no-one-file-system", "no-x"], |given| {
    given.options.one_file_system = 0
})
.doc(
    "Stay in the file system of each source. A mount point arrives as an empty directory; \
     given twice, it is left out.",
);

const PRUNE_EMPTY_DIRS: Flag = Flag::switch(
    "prune-empty-dirs",
    Some('m'),
    "prune empty directory chains from file-list",
    |given| given.options.prune_empty_dirs = true,
)
.undo(&["no-prune-empty-dirs", "no-m"], |given| {
    given.options.prune_empty_dirs = false
})
.doc("Leave out directories in which, after filtering, nothing but directories is left.");

const FILTER: Flag = Flag::valued(
    "filter",
    Some('f'),
    Takes::Text("RULE"),
    "add a file-filtering RULE",
    |given, value| {
        let rule = FilterDirective::Rule(value.bytes().to_vec());
        given.options.filters.push(rule);
        Ok(())
    },
)
.doc(
    "Add one rule to the list that every name is held against; the first rule that matches \
     decides. Rules begin with `+` (include), `-` (exclude), `.` (merge a file), `:` (merge a \
     file in each directory), `H` (hide), `S` (show), `P` (protect), `R` (risk) or `!` (clear).",
);

const PER_DIR_FILTER: Flag = Flag::switch(
    "",
    Some('F'),
    "same as --filter='dir-merge /.rsync-filter'\nrepeated: --filter='- .rsync-filter'",
    |given| {
        given.per_dir_filters = given.per_dir_filters.saturating_add(1);
        let rule = match given.per_dir_filters {
            1 => ": /.rsync-filter",
            2 => "- .rsync-filter",
            _ => return,
        };
        let rule = FilterDirective::Rule(rule.into());
        given.options.filters.push(rule);
    },
)
.doc(
    "Obey the rules in files named `.rsync-filter` throughout the source. Given twice, those \
     files themselves are not transferred.",
);

const EXCLUDE: Flag = Flag::valued(
    "exclude",
    None,
    Takes::Text("PATTERN"),
    "exclude files matching PATTERN",
    |given, value| {
        let pattern = FilterDirective::Exclude(value.bytes().to_vec());
        given.options.filters.push(pattern);
        Ok(())
    },
)
.doc("Leave out what matches: short for `--filter='- PATTERN'`.");

const EXCLUDE_FROM: Flag = Flag::valued(
    "exclude-from",
    None,
    Takes::File("FILE"),
    "read exclude patterns from FILE",
    |given, value| {
        let file = FilterDirective::ExcludeFrom(value.path());
        given.options.filters.push(file);
        Ok(())
    },
)
.doc("Exclude patterns, one a line; `-` reads standard input. Lines beginning with `#` or `;` are comments.");

const INCLUDE: Flag = Flag::valued(
    "include",
    None,
    Takes::Text("PATTERN"),
    "don't exclude files matching PATTERN",
    |given, value| {
        let pattern = FilterDirective::Include(value.bytes().to_vec());
        given.options.filters.push(pattern);
        Ok(())
    },
)
.doc("Keep what matches, whatever a later rule says: short for `--filter='+ PATTERN'`.");

const INCLUDE_FROM: Flag = Flag::valued(
    "include-from",
    None,
    Takes::File("FILE"),
    "read include patterns from FILE",
    |given, value| {
        let file = FilterDirective::IncludeFrom(value.path());
        given.options.filters.push(file);
        Ok(())
    },
)
.doc("Include patterns, one a line, read as by `--exclude-from`.");

const CVS_EXCLUDE: Flag = Flag::switch(
    "cvs-exclude",
    Some('C'),
    "auto-ignore files in the same way CVS does",
    |given| given.options.cvs_exclude = true,
)
.doc(
    "Leave out what CVS would ignore: object files, editor back-ups, the directories of version \
     control, what `$HOME/.cvsignore`, `$CVSIGNORE` and each directory's `.cvsignore` name.",
);

const FILES_FROM: Flag = Flag::valued(
    "files-from",
    None,
    Takes::File("FILE"),
    "read list of source-file names from FILE",
    |given, value| {
        given.options.files_from = Some(match value.bytes() {
            b"-" => FilesFrom::Stdin,
            _ => match Operand::parse(&value.os()) {
                Operand::Local(path) => FilesFrom::Path(path.into()),
                Operand::Shell { host, path } | Operand::Daemon { host, path, .. } => {
                    FilesFrom::Remote { host, path }
                }
            },
        });
        Ok(())
    },
)
.doc(
    "Transfer exactly the names in this list, which are relative to the one source; `-` reads \
     standard input. `:FILE` and `HOST:FILE` are read by the other side, which must be the one of \
     the transfer. Implies `--relative` and `--dirs`.",
);

const FROM0: Flag = Flag::switch(
    "from0",
    Some('0'),
    "all *-from/filter files are delimited by 0s",
    |given| set_list_ends(given, ListEnds::Nul),
)
.undo(&["no-from0"], |given| set_list_ends(given, ListEnds::Line))
.doc("Names in lists end with a NUL byte, not a line end, as `find -print0` writes them.");

fn set_list_ends(given: &mut Given, ends: ListEnds) {
    given.options.from0 = ends == ListEnds::Nul;
    let from_here = FilterDirective::ListsEndWith(ends);
    given.options.filters.push(from_here);
}

const MAX_SIZE: Flag = Flag::valued(
    "max-size",
    None,
    Takes::Text("SIZE"),
    "don't transfer any file larger than SIZE",
    |given, value| {
        given.options.max_size = Some(value.size("max-size", None)?);
        Ok(())
    },
)
.doc(
    "Larger files are not transferred, but not deleted either. Sizes are bytes, or have a unit: \
     `10k`, `1.5m`, `2g` count in 1024, `10kb`, `2gb` in 1000; `1m-1` is one byte less.",
);

const MIN_SIZE: Flag = Flag::valued(
    "min-size",
    None,
    Takes::Text("SIZE"),
    "don't transfer any file smaller than SIZE",
    |given, value| {
        given.options.min_size = Some(value.size("min-size", None)?);
        Ok(())
    },
)
.doc("The opposite of `--max-size`.");

const LIST_ONLY: Flag = Flag::switch(
    "list-only",
    None,
    "list the files instead of copying them",
    |given| given.list_only = true,
)
.doc("Print one line for each source entry. Naming a source and no destination does the same.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, options, sync};

    #[test]
    fn archive() {
        let a = options("-a");
        assert!(a.recurse && a.preserve_links && a.preserve_perms && a.preserve_times);
        assert!(a.preserve_gid && a.preserve_uid && a.preserve_devices && a.preserve_specials);
        assert!(!a.preserve_hard_links);
        assert!(!options("--archive --no-D").preserve_devices);
    }

    #[test]
    fn recursive() {
        assert!(options("-r").recurse && options("--recursive").xfer_dirs);
        assert!(!options("-a --no-r").recurse && !options("-r --no-recursive").recurse);
    }

    #[test]
    fn inc_recursive() {
        assert!(options("-r").incremental_recursion());
        for line in [
            "-r --no-i-r",
            "-r --no-inc-recursive",
            "-rm",
            "-r --delete-after",
            "-d",
        ] {
            assert!(!options(line).incremental_recursion(), "{line}");
        }
        for line in [
            "-r --no-i-r --i-r",
            "-r --no-i-r --inc-recursive",
            "-r --delete-delay",
        ] {
            assert!(options(line).incremental_recursion(), "{line}");
        }
    }

    #[test]
    fn dirs() {
        assert!(options("-d").xfer_dirs && !options("--dirs").recurse);
        assert!(!options("-d --no-dirs").xfer_dirs && !options("-d --no-d").xfer_dirs);
        assert!(options("-r --no-d").xfer_dirs);
    }

    #[test]
    fn old_dirs() {
        for line in ["--old-dirs --exclude=x", "--old-d --exclude=x"] {
            let old = options(line);
            assert!(old.recurse && old.xfer_dirs);
            assert_eq!(old.filters[1], FilterDirective::Rule(b"- /*/*".to_vec()));
        }
    }

    #[test]
    fn relative() {
        assert!(options("-R").relative && options("--relative").implied_dirs);
        assert!(!options("-R --no-R").relative && !options("-R --no-relative").relative);
        assert!(options("--files-from=x").relative && !options("--files-from=x --no-R").relative);
    }

    #[test]
    fn implied_dirs() {
        assert!(!options("").implied_dirs);
        assert!(!options("-R --no-implied-dirs").implied_dirs);
        assert!(!options("-R --no-i-d").implied_dirs);
        assert!(options("-R --no-i-d --implied-dirs").implied_dirs);
        assert!(options("-R --no-i-d --i-d").implied_dirs);
    }

    #[test]
    fn one_file_system() {
        assert_eq!(options("-xx").one_file_system, 2);
        assert_eq!(options("--one-file-system").one_file_system, 1);
        assert_eq!(
            options("-x --no-x -xx --no-one-file-system").one_file_system,
            0
        );
    }

    #[test]
    fn prune_empty_dirs() {
        assert!(options("-m").prune_empty_dirs && options("--prune-empty-dirs").prune_empty_dirs);
        assert!(!options("-m --no-m").prune_empty_dirs);
        assert!(!options("-m --no-prune-empty-dirs").prune_empty_dirs);
    }

    #[test]
    fn filter_exclude_include_and_the_files_keep_their_order() {
        let line = "-f=-x --exclude=a --include b --exclude-from=c --include-from=- --filter=+y";
        assert_eq!(
            options(line).filters,
            [
                FilterDirective::Rule(b"-x".to_vec()),
                FilterDirective::Exclude(b"a".to_vec()),
                FilterDirective::Include(b"b".to_vec()),
                FilterDirective::ExcludeFrom("c".into()),
                FilterDirective::IncludeFrom("-".into()),
                FilterDirective::Rule(b"+y".to_vec()),
            ]
        );
    }

    #[test]
    fn per_dir_filter() {
        let rule = |text: &str| FilterDirective::Rule(text.into());
        assert_eq!(options("-F").filters, [rule(": /.rsync-filter")]);
        let thrice = options("-FFF").filters;
        assert_eq!(thrice, [rule(": /.rsync-filter"), rule("- .rsync-filter")]);
    }

    #[test]
    fn cvs_exclude() {
        assert!(options("-C").cvs_exclude && options("--cvs-exclude").cvs_exclude);
    }

    #[test]
    fn files_from() {
        let list = options("-a --files-from=list");
        assert_eq!(list.files_from, Some(FilesFrom::Path("list".into())));
        assert!(!list.recurse && list.xfer_dirs);
        assert!(options("-ar --files-from=list").recurse);
        assert!(!options("--files-from=list --no-dirs").xfer_dirs);
        assert_eq!(options("--files-from -").files_from, Some(FilesFrom::Stdin));
        let message = "tidesync: --files-from needs exactly one source and a destination";
        assert_eq!(error("--files-from=x a").to_string(), message);
        assert_eq!(error("--files-from=x a b c").to_string(), message);
    }

    #[test]
    fn from0() {
        assert!(options("-0").from0 && options("--from0").from0 && !options("-0 --no-from0").from0);
        assert_eq!(
            options("--exclude-from=a -0 --exclude-from=b").filters,
            [
                FilterDirective::ExcludeFrom("a".into()),
                FilterDirective::ListsEndWith(ListEnds::Nul),
                FilterDirective::ExcludeFrom("b".into()),
            ]
        );
    }

    #[test]
    fn max_size() {
        assert_eq!(options("--max-size=1.5k").max_size, Some(1536));
        let message = "tidesync: --max-size=abc is invalid";
        assert_eq!(error("--max-size=abc").to_string(), message);
        let message = "tidesync: --max-size=9999999P is too large";
        assert_eq!(error("--max-size=9999999P").to_string(), message);
    }

    #[test]
    fn min_size() {
        assert_eq!(options("--min-size=1kb-1").min_size, Some(999));
        assert_eq!(
            error("--min-size=1z").to_string(),
            "tidesync: --min-size=1z is invalid"
        );
    }

    #[test]
    fn list_only() {
        assert!(options("--list-only").list_only && !options("").list_only);
        let one = sync("a").unwrap();
        assert!(one.list_only && one.xfer_dirs && !one.recurse);
    }
}
