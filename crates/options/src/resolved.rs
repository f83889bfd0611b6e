//! The resolved, typed answer to "what did the user ask?".
//!
//! rsync keeps some 120 global integers that every file of the program reads (and that
//! `parse_arguments()` leaves half resolved: `-1` for "decide later", `2` for "really meant
//! it"). Here the same facts, under rsync's own names, are one value that is built once by
//! [`crate::parse`], never changes, and holds no state that must be interpreted twice: what can
//! be derived (does `--partial-dir` imply `--partial`? which delete moment is the default?) is
//! already derived.
//!
//! Two conventions: text that is matched against file names is bytes (on Windows: WTF-8), and a
//! path that is opened is a [`PathBuf`].
//!
//! rsync: options.c, the globals and the tail of parse_arguments()

use std::ffi::OsString;
use std::path::PathBuf;

use crate::alt_dest::AltDest;
use crate::as_given::AsGiven;
use crate::chmod::Chmod;
use crate::format::OutFormat;
use crate::hostspec::Host;
use crate::levels::{DebugLevels, InfoLevels};
use crate::name_map::NameMap;
use crate::remote::{ArgumentStyle, Batch, BatchKind, Compress, Iconv, RemoteShell};
use crate::route::Route;

/// What the user asked for, complete and consistent.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The sources and the destination, in order, as given. What they mean is `route`'s to say.
    pub operands: Vec<OsString>,
    /// Where they are.
    pub route: Route,

    // --- the other side ------------------------------------------------------------------
    /// How it is started.
    pub shell: RemoteShell,
    /// `-s`, `--old-args`: how arguments get there.
    pub argument_style: ArgumentStyle,
    /// `--protocol`: the newest version of the protocol that is spoken.
    pub protocol: Option<u8>,
    /// `-z` and its relatives.
    pub compress: Compress,
    /// `--checksum-seed`, other than 0.
    pub checksum_seed: Option<i32>,
    /// `--iconv`.
    pub iconv: Option<Iconv>,
    /// `--bwlimit`, in units of 1024 bytes a second.
    pub bwlimit: Option<u64>,
    /// `--read-batch`, `--write-batch`, `--only-write-batch`.
    pub batch: Option<Batch>,
    /// `--trust-sender`.
    pub trust_sender: bool,
    /// What the other side is told as it was written.
    pub as_given: AsGiven,

    // --- which entries -------------------------------------------------------------------
    /// `-r`: descend into directories.
    pub recurse: bool,
    /// Directories are entries of the transfer. True whenever `recurse` is, with `-d`, with
    /// `--files-from` and when listing; false means "skipping directory NAME".
    pub xfer_dirs: bool,
    /// The incremental file list was not forbidden (`--no-inc-recursive`). Whether it is used
    /// is [`Options::incremental_recursion`].
    pub allow_inc_recurse: bool,
    /// `-R`: use the whole given path as the destination's relative name. `--files-from`
    /// turns it on unless `--no-R`.
    pub relative: bool,
    /// With `relative`: send the attributes of the directories that the path implies. Always
    /// false without `relative`.
    pub implied_dirs: bool,
    /// `-m`.
    pub prune_empty_dirs: bool,
    /// `-x` count: 0 cross mounts, 1 make mount points empty directories, 2 leave them out.
    pub one_file_system: u8,
    /// Filter directives in the order they take effect, including those that other options
    /// imply (`-F`, `--old-dirs`, the protection of backup files under `--delete`).
    pub filters: Vec<FilterDirective>,
    /// `-C`: append the CVS defaults, `$HOME/.cvsignore`, `$CVSIGNORE` and the per-directory
    /// `.cvsignore` merge after `filters`.
    pub cvs_exclude: bool,
    /// `--files-from`.
    pub files_from: Option<FilesFrom>,
    /// `-0`: files named by `--*-from` and merge files hold NUL-ended entries.
    pub from0: bool,
    /// `--max-size` in bytes.
    pub max_size: Option<u64>,
    /// `--min-size` in bytes.
    pub min_size: Option<u64>,
    /// `--max-alloc` in bytes, 0 for no limit: what one part of a list from elsewhere may take, by
    /// rsync's reckoning of a pointer an entry.
    pub max_alloc: u64,
    /// List the source instead of copying it: asked for, or only one operand given.
    pub list_only: bool,

    // --- what is preserved ---------------------------------------------------------------
    /// `-l`.
    pub preserve_links: bool,
    /// `-H`.
    pub preserve_hard_links: bool,
    /// `-p`.
    pub preserve_perms: bool,
    /// `-E`.
    pub preserve_executability: bool,
    /// `-t`.
    pub preserve_times: bool,
    /// `-U`.
    pub preserve_atimes: bool,
    /// `--open-noatime`: reading changes no access times.
    pub open_noatime: bool,
    /// `-o`; also set by `--usermap` and `--chown=USER`.
    pub preserve_uid: bool,
    /// `-g`; also set by `--groupmap` and `--chown=:GROUP`.
    pub preserve_gid: bool,
    /// `--devices`.
    pub preserve_devices: bool,
    /// `--specials`.
    pub preserve_specials: bool,
    /// `--drop-D`: they are understood and not made.
    pub drop_nodes: bool,
    /// `-A`.
    pub preserve_acls: bool,
    /// `-X`: how often it was given. Twice is for rsync's own attributes too.
    pub preserve_xattrs: u8,
    /// `--copy-devices`: those of the source are files that hold what is on them.
    pub copy_devices: bool,
    /// `-O`; also implied by backups that stay beside the file.
    pub omit_dir_times: bool,
    /// `-J`.
    pub omit_link_times: bool,
    /// `--chmod`: the parsed changes, empty when not given.
    pub chmod: Chmod,
    /// `--usermap`, or `--chown=USER` as `*:USER`. Empty when not given.
    pub usermap: NameMap,
    /// `--groupmap`, or `--chown=:GROUP` as `*:GROUP`. Empty when not given.
    pub groupmap: NameMap,
    /// `--numeric-ids`.
    pub numeric_ids: bool,
    /// `--super` and `--no-super`.
    pub super_mode: SuperMode,

    // --- symlinks ------------------------------------------------------------------------
    /// `-L`.
    pub copy_links: bool,
    /// `-k`.
    pub copy_dirlinks: bool,
    /// `--copy-unsafe-links`.
    pub copy_unsafe_links: bool,
    /// `--safe-links`.
    pub safe_links: bool,
    /// `-K`.
    pub keep_dirlinks: bool,
    /// `--insecure-links`.
    pub insecure_links: bool,
    /// `--confine-root`, an absolute path.
    pub confine_root: Option<PathBuf>,
    /// `--munge-links`.
    pub munge_links: bool,

    // --- what needs an update ------------------------------------------------------------
    /// `-c`.
    pub checksum: bool,
    /// `-u`.
    pub update: bool,
    /// `--size-only`.
    pub size_only: bool,
    /// `-I`.
    pub ignore_times: bool,
    /// `-@`: seconds by which times may differ and still be equal; negative: compare
    /// nanoseconds too.
    pub modify_window: i32,
    /// `--existing`: create nothing new.
    pub existing: bool,
    /// `--ignore-existing`: update nothing that exists.
    pub ignore_existing: bool,

    // --- where content is found --------------------------------------------------------
    /// `--compare-dest`, `--copy-dest`, `--link-dest`.
    pub alt_dest: Option<AltDest>,
    /// `-y` count: 0 not at all, 1 similar names in the destination, 2 in the directories of
    /// `alt_dest` too, if there are any.
    pub fuzzy: u8,

    // --- how content is written ----------------------------------------------------------
    /// `-W`, `--no-W`; `None` leaves the choice to the kind of session (local: whole).
    pub whole_file: Option<bool>,
    /// `--inplace`; also set by `--append` and `--append-verify`.
    pub inplace: bool,
    /// `--write-devices`: what stands there is written into; `inplace` is set too.
    pub write_devices: bool,
    /// `--append`, `--append-verify`.
    pub append: Append,
    /// Keep a partly received file. False under `inplace`, true with a `partial_dir`.
    pub partial: bool,
    /// `--partial-dir`, or `$RSYNC_PARTIAL_DIR` under `--partial`. Relative: in each
    /// destination directory.
    pub partial_dir: Option<PathBuf>,
    /// `--delay-updates`: complete files wait in the `partial_dir` until the end.
    pub delay_updates: bool,
    /// `-T`.
    pub tmp_dir: Option<PathBuf>,
    /// `-S`.
    pub sparse: bool,
    /// `--preallocate`.
    pub preallocate: bool,
    /// `--fsync`.
    pub fsync: bool,
    /// `--mkpath`.
    pub mkpath: bool,
    /// `-B`: a fixed block size in bytes; `None` leaves it to rsync's rule.
    pub block_size: Option<u32>,
    /// `--checksum-choice`; `None` is `auto`.
    pub checksum_choice: Option<ChecksumChoice>,
    /// `--io-backend`.
    pub io_backend: IoBackend,
    /// `--timeout`; `None` never times out.
    pub timeout: Option<std::time::Duration>,
    /// `--stop-at`, `--stop-after`: when to end the session.
    pub stop_at: Option<std::time::SystemTime>,
    /// `-n`; also under `--only-write-batch`, which changes as little.
    pub dry_run: bool,

    // --- deletion and backups ------------------------------------------------------------
    /// `--delete`, `--delete-WHEN`, `--delete-excluded`: delete what the source lacks, and
    /// when. Plain `--delete` is [`DeleteWhen::During`].
    pub delete: Option<DeleteWhen>,
    /// `--delete-excluded`.
    pub delete_excluded: bool,
    /// `--ignore-missing-args`, `--delete-missing-args`.
    pub missing_args: MissingArgs,
    /// `--max-delete`: negative numbers ask for none, and so read as 0.
    pub max_delete: Option<u32>,
    /// `--force`: a non-directory may replace a directory that is not empty.
    pub force_delete: bool,
    /// `--ignore-errors`: delete even after I/O errors.
    pub ignore_errors: bool,
    /// `--remove-source-files`.
    pub remove_source_files: Option<RemoveSource>,
    /// `-b`; also set by `--backup-dir`.
    pub backup: bool,
    /// `--backup-dir`, relative to the destination unless absolute. `.` reads as `None`.
    pub backup_dir: Option<PathBuf>,
    /// `--suffix`: `~` by default, empty by default with a `backup_dir`.
    pub suffix: Vec<u8>,

    // --- output --------------------------------------------------------------------------
    /// `-v` count.
    pub verbose: u8,
    /// `-q` count.
    pub quiet: u8,
    /// What is told, level by level: `--info`, and what `-v`, `--stats` and `--progress`
    /// imply. `--stats` is `info.stats >= 2`, `--progress` is `info.progress`.
    pub info: InfoLevels,
    /// `--debug`, and what `-v` implies.
    pub debug: DebugLevels,
    /// The line printed for each entry: `--out-format`, or what `-i` or `-v` imply. `None`
    /// prints no line.
    pub out_format: Option<OutFormat>,
    /// `-h`: 0 plain digits, 1 digits in groups of three (the default), 2 units of 1000,
    /// 3 and above units of 1024.
    pub human_readable: u8,
    /// `-8`.
    pub eight_bit_output: bool,
    /// `--progress=bar`: one live display on a terminal.
    pub progress_bar: bool,
    /// `--json`: one event a line.
    pub json: bool,
    /// `--log-file` and `--log-file-format`.
    pub log_file: Option<LogFile>,
    /// `--stderr`.
    pub stderr: StderrMode,
}

impl Options {
    /// Whether the file list is built while the transfer runs.
    ///
    /// Decided here and nowhere else, because the order of rsync's output follows from it.
    // rsync: compat.c set_allow_inc_recurse()
    pub fn incremental_recursion(&self) -> bool {
        self.recurse
            && self.allow_inc_recurse
            && !self.prune_empty_dirs
            && !self.delay_updates
            && !matches!(self.delete, Some(DeleteWhen::Before | DeleteWhen::After))
    }

    /// Whether a session only becomes a batch file: a dry run, but for content, which is asked for
    /// and sent.
    // rsync: write_batch < 0, with dry_run and do_xfers
    pub fn only_writes_batch(&self) -> bool {
        let only_writes = |batch: &Batch| batch.kind == BatchKind::OnlyWrite;
        self.batch.as_ref().is_some_and(only_writes)
    }

    /// How much the line of each entry itemizes: 0 not at all, 1 changes, 2 also the unchanged.
    // rsync: options.c stdout_format_has_i
    pub fn itemize(&self) -> u8 {
        self.out_format.as_ref().map_or(0, |f| f.itemize)
    }
}

// rsync: options.c DEFAULT_MAX_ALLOC
pub(crate) const DEFAULT_MAX_ALLOC: u64 = 1 << 30;

impl Default for Options {
    /// What rsync does when no option is given (and no operand is there).
    fn default() -> Self {
        Options {
            operands: Vec::new(),
            route: Route::default(),
            shell: RemoteShell::default(),
            argument_style: ArgumentStyle::default(),
            protocol: None,
            compress: Compress::default(),
            checksum_seed: None,
            iconv: None,
            bwlimit: None,
            batch: None,
            trust_sender: false,
            as_given: AsGiven::default(),
            recurse: false,
            xfer_dirs: false,
            allow_inc_recurse: true,
            relative: false,
            implied_dirs: false,
            prune_empty_dirs: false,
            one_file_system: 0,
            filters: Vec::new(),
            cvs_exclude: false,
            files_from: None,
            from0: false,
            max_size: None,
            min_size: None,
            max_alloc: DEFAULT_MAX_ALLOC,
            list_only: false,
            preserve_links: false,
            preserve_hard_links: false,
            preserve_perms: false,
            preserve_executability: false,
            preserve_times: false,
            preserve_atimes: false,
            open_noatime: false,
            preserve_uid: false,
            preserve_gid: false,
            preserve_devices: false,
            preserve_specials: false,
            preserve_acls: false,
            preserve_xattrs: 0,
            drop_nodes: false,
            copy_devices: false,
            omit_dir_times: false,
            omit_link_times: false,
            chmod: Chmod::default(),
            usermap: NameMap::default(),
            groupmap: NameMap::default(),
            numeric_ids: false,
            super_mode: SuperMode::Auto,
            copy_links: false,
            copy_dirlinks: false,
            copy_unsafe_links: false,
            safe_links: false,
            keep_dirlinks: false,
            insecure_links: false,
            confine_root: None,
            munge_links: false,
            checksum: false,
            update: false,
            size_only: false,
            ignore_times: false,
            modify_window: 0,
            existing: false,
            ignore_existing: false,
            alt_dest: None,
            fuzzy: 0,
            whole_file: None,
            inplace: false,
            write_devices: false,
            append: Append::No,
            partial: false,
            partial_dir: None,
            delay_updates: false,
            tmp_dir: None,
            sparse: false,
            preallocate: false,
            fsync: false,
            mkpath: false,
            block_size: None,
            checksum_choice: None,
            io_backend: IoBackend::Auto,
            timeout: None,
            stop_at: None,
            dry_run: false,
            delete: None,
            delete_excluded: false,
            missing_args: MissingArgs::Report,
            max_delete: None,
            force_delete: false,
            ignore_errors: false,
            remove_source_files: None,
            backup: false,
            backup_dir: None,
            suffix: b"~".to_vec(),
            verbose: 0,
            quiet: 0,
            info: InfoLevels::default(),
            debug: DebugLevels::default(),
            out_format: None,
            human_readable: 1,
            eight_bit_output: false,
            progress_bar: false,
            json: false,
            log_file: None,
            stderr: StderrMode::Errors,
        }
    }
}

/// What becomes of a source that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingArgs {
    /// It is an error.
    Report,
    /// Nothing.
    Ignore,
    /// What has its name at the destination is deleted.
    Delete,
}

/// One step of building the filter list; `tree` gives it meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterDirective {
    /// `--filter`: the text of one rule in the full grammar.
    Rule(Vec<u8>),
    /// `--exclude`: a pattern, with the old `+ `, `- ` and `!` prefixes.
    Exclude(Vec<u8>),
    /// `--include`: likewise.
    Include(Vec<u8>),
    /// `--exclude-from`: a file of patterns; `-` is standard input.
    ExcludeFrom(PathBuf),
    /// `--include-from`: likewise.
    IncludeFrom(PathBuf),
    /// `--from0` or `--no-from0`: how entries end in the files that are read from here on. A file
    /// that an earlier option names keeps the ends that held there.
    ListsEndWith(ListEnds),
}

/// What ends an entry of a file of names or rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListEnds {
    /// A line's end.
    Line,
    /// A NUL byte.
    Nul,
}

/// Where the list of `--files-from` is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesFrom {
    /// `--files-from=-`. For a server: what the client sends.
    Stdin,
    /// A local file.
    Path(PathBuf),
    /// `:FILE`, `HOST:FILE`: a file on the other side of the transfer, which reads it.
    Remote {
        /// Which computer, the one of the transfer.
        host: Host,
        /// The file there.
        path: OsString,
    },
}

/// When extraneous entries of the destination are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteWhen {
    /// Before anything is transferred.
    Before,
    /// Directory by directory, as the transfer reaches it.
    During,
    /// Found directory by directory, removed at the end.
    Delay,
    /// Found and removed at the end.
    After,
}

/// Whether a shorter destination file is taken as the beginning of the source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Append {
    /// No.
    No,
    /// Yes, and what is there is trusted.
    Append,
    /// Yes, and the whole file's checksum says whether that was right.
    AppendVerify,
}

/// Which source files are removed once they are safely at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoveSource {
    /// `--remove-source-files`: those that were transferred and those that were up to date.
    Synchronized,
    /// `--remove-sent-files`, long deprecated: only those that were transferred.
    Sent,
}

/// Whether the receiver tries what only the super-user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuperMode {
    /// If it runs as the super-user.
    Auto,
    /// `--super`: try in any case.
    Super,
    /// `--no-super`: never.
    NoSuper,
}

/// Which driver of `fast_io` is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoBackend {
    /// What the probe of this system finds best.
    Auto,
    /// I/O completion ports (Windows).
    Iocp,
    /// io_uring (Linux).
    Uring,
    /// Worker threads.
    Threads,
}

/// A strong checksum's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Whatever the session finds best.
    Auto,
    /// XXH3, 128 bits.
    Xxh128,
    /// XXH3, 64 bits.
    Xxh3,
    /// XXH64; also called `xxhash`.
    Xxh64,
    /// MD5.
    Md5,
    /// MD4.
    Md4,
    /// SHA-1.
    Sha1,
    /// No checksum: files go whole, and `-c` compares nothing.
    None,
}

/// `--checksum-choice`: one name for both uses, or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChecksumChoice {
    /// The checksum of the delta transfer.
    pub transfer: Checksum,
    /// The checksum of `-c`.
    pub file: Checksum,
}

/// `--log-file`: what is logged, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// The file that lines are appended to.
    pub path: PathBuf,
    /// `--log-file-format`, `%i %n%L` by default.
    pub format: OutFormat,
}

/// Which messages go to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StderrMode {
    /// Errors.
    Errors,
    /// Everything.
    All,
    /// Errors, those of a remote side by way of the protocol.
    Client,
}
