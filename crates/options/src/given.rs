//! What the flags leave behind, left to right, before it is known what they mean together.
//!
//! Most flags say something that nothing else on the command line can change: they write
//! straight into [`Options`]. What depends on other flags (is `-d` overruled by `-r`? does the
//! suffix default to `~`?) waits here, unresolved, for [`crate::resolve`].
//!
//! rsync: options.c, the globals while poptGetNextOpt() still runs

use std::path::PathBuf;

use crate::error::OptionError;
use crate::levels::Chosen;
use crate::remote::BatchKind;
use crate::resolved::Options;

/// The flags seen so far.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Given {
    /// What is already certain.
    pub(crate) options: Options,
    /// `-r`, or only `-a`.
    pub(crate) recurse: Recurse,
    /// `-d`, `--no-dirs`, `--old-dirs`.
    pub(crate) dirs: Option<Dirs>,
    /// `-R`, `--no-R`.
    pub(crate) relative: Option<bool>,
    /// `--no-implied-dirs` was not given.
    pub(crate) implied_dirs: bool,
    /// `--list-only`.
    pub(crate) list_only: bool,
    /// How many `-F`.
    pub(crate) per_dir_filters: u8,
    /// `--delete`.
    pub(crate) delete: bool,
    /// `--delete-before`.
    pub(crate) delete_before: bool,
    /// `--delete-during`, `--delete-delay`: rsync keeps both in one place, so the last wins.
    pub(crate) delete_during: Option<During>,
    /// `--delete-after`.
    pub(crate) delete_after: bool,
    /// `--backup-dir`, not yet cleaned.
    pub(crate) backup_dir: Option<PathBuf>,
    /// `--suffix`.
    pub(crate) suffix: Option<Vec<u8>>,
    /// `--partial-dir`, not yet cleaned.
    pub(crate) partial_dir: Option<PathBuf>,
    /// Who set the user map.
    pub(crate) usermap_by: Option<MapSource>,
    /// Who set the group map.
    pub(crate) groupmap_by: Option<MapSource>,
    /// `--checksum-choice`, not yet read.
    pub(crate) checksum_choice: Option<String>,
    /// `--info`.
    pub(crate) info: Chosen,
    /// `--debug`.
    pub(crate) debug: Chosen,
    /// `--stats`.
    pub(crate) stats: bool,
    /// `--progress`.
    pub(crate) progress: bool,
    /// How many `-i`.
    pub(crate) itemize: u8,
    /// `--out-format`.
    pub(crate) out_format: Option<Vec<u8>>,
    /// `--log-file`.
    pub(crate) log_file: Option<PathBuf>,
    /// `--log-file-format`.
    pub(crate) log_file_format: Option<Vec<u8>>,
    /// `--server`: the rest was written by another rsync.
    pub(crate) server: bool,
    /// `--sender`.
    pub(crate) sender: bool,
    /// `-s`, `--no-s`.
    pub(crate) secluded_args: Option<bool>,
    /// How many `--old-args`.
    pub(crate) old_args: Option<u8>,
    /// How many `-z`.
    pub(crate) compress: u8,
    /// `--compress-choice`, not yet read.
    pub(crate) compress_choice: Option<String>,
    /// `--iconv`, not yet read.
    pub(crate) iconv: Option<Vec<u8>>,
    /// `--write-batch` or `--only-write-batch`.
    pub(crate) writes_batch: Option<BatchKind>,
    /// `--read-batch`.
    pub(crate) reads_batch: bool,
    /// The file of any of them.
    pub(crate) batch_file: Option<PathBuf>,
    /// `--password-file`.
    pub(crate) password_file: bool,
    /// `--contimeout`, other than 0.
    pub(crate) contimeout: bool,
    /// How many `-V`.
    pub(crate) version: u8,
    /// What the first flag was told that we cannot obey. Mistakes elsewhere on the line count
    /// more, so it has to wait.
    pub(crate) refused: Option<OptionError>,
}

/// Who asked for recursion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recurse {
    /// Nobody.
    No,
    /// `-a`: `--files-from` takes it back.
    ByArchive,
    /// `-r`.
    Asked,
}

/// What was said about directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dirs {
    /// `--no-dirs`.
    No,
    /// `-d`.
    Yes,
    /// `--old-dirs`: recursion cut off by a filter rule.
    Old,
}

/// The two ways to delete directory by directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum During {
    /// At once.
    Now,
    /// Found now, removed at the end.
    Delay,
}

/// Which option set an ID map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapSource {
    /// `--usermap`, `--groupmap`.
    Map,
    /// `--chown`.
    Chown,
}

/// Why parsing stops before the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The command line cannot be obeyed.
    Error(OptionError),
    /// A flag wants only this text printed.
    Print(String),
}

impl From<OptionError> for Stop {
    fn from(error: OptionError) -> Stop {
        Stop::Error(error)
    }
}

impl Default for Given {
    fn default() -> Given {
        Given {
            options: Options::default(),
            recurse: Recurse::No,
            dirs: None,
            relative: None,
            implied_dirs: true,
            list_only: false,
            per_dir_filters: 0,
            delete: false,
            delete_before: false,
            delete_during: None,
            delete_after: false,
            backup_dir: None,
            suffix: None,
            partial_dir: None,
            usermap_by: None,
            groupmap_by: None,
            checksum_choice: None,
            info: Chosen::info(),
            debug: Chosen::debug(),
            stats: false,
            progress: false,
            itemize: 0,
            out_format: None,
            log_file: None,
            log_file_format: None,
            server: false,
            sender: false,
            secluded_args: None,
            old_args: None,
            compress: 0,
            compress_choice: None,
            iconv: None,
            writes_batch: None,
            reads_batch: false,
            batch_file: None,
            password_file: false,
            contimeout: false,
            version: 0,
            refused: None,
        }
    }
}
