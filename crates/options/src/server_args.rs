//! The options that a client tells its server, word for word and in the order of rsync's.
//!
//! Only what the other side acts on is told. What is new is told in a way that old versions
//! understand where there is one: `--log-format`, `-D` with `--no-specials`.
//!
//! rsync: options.c server_options(), maybe_add_e_option()

use crate::quoting::{Meaning, quote};
use crate::remote::{ArgumentStyle, Codec, Compression};
use crate::resolved::{
    Append, DeleteWhen, FilesFrom, MissingArgs, Options, RemoveSource, StderrMode, SuperMode,
};
use crate::sys;

/// The words of a server's command line.
pub(crate) struct ServerArgs {
    /// What the remote shell is given.
    pub(crate) words: Vec<Vec<u8>>,
    /// `-s`: how many of them; the rest is sent later.
    pub(crate) open: Option<usize>,
}

impl ServerArgs {
    /// What the server of these options is told, paths excepted.
    pub(crate) fn new(options: &Options, pushes: bool) -> ServerArgs {
        let mut args = ServerArgs {
            words: Vec::new(),
            open: None,
        };
        // This must be the first, for old versions.
        args.word("--server");
        args.when(!pushes, "--sender");
        args.words.push(letters(options, pushes).into_bytes());
        if let Some(iconv) = &options.iconv {
            args.assign("--iconv", &iconv.remote, options.argument_style);
        }
        if options.argument_style == ArgumentStyle::Secluded {
            args.open = Some(args.words.len());
        }
        args.entries(options, pushes);
        args.backups_and_choices(options);
        if pushes {
            args.deletion(options);
        } else if let Some(skip) = &options.compress.skip {
            args.assign("--skip-compress", skip, options.argument_style);
        }
        args.for_both(options, pushes);
        if pushes {
            args.writing(options);
        }
        args.modes(options, pushes);
        for option in &options.shell.options {
            let option = option.as_encoded_bytes();
            let quoted = quote(option, Meaning::RemoteOption, options.argument_style);
            args.words.push(quoted);
        }
        args
    }

    fn entries(&mut self, options: &Options, pushes: bool) {
        let as_given = &options.as_given;
        self.when(as_given.list_only, "--list-only");
        // Versions that delete without `-r` are those that know this.
        let flat = options.xfer_dirs && !options.recurse;
        self.when(flat && options.delete.is_some() && pushes, "--no-r");
        if let Some(level) = options.compress.level
            && options.compress.algorithm != Compression::Off
        {
            self.word(format!("--compress-level={level}"));
        }
        match (options.preserve_devices, options.preserve_specials) {
            (true, false) => self.word("--no-specials"),
            (false, true) => self.word("--specials"),
            _ => {}
        }
        if let Some(format) = options.out_format.as_ref().filter(|_| pushes) {
            match format.itemize {
                2.. => self.word("--log-format=%i%I"),
                1 => self.word("--log-format=%i"),
                0 if format.operation => self.word("--log-format=%o"),
                0 => self.when(options.verbose == 0, "--log-format=X"),
            }
        }
        match options.stderr {
            StderrMode::All => self.word("--msgs2stderr"),
            StderrMode::Client => self.word("--no-msgs2stderr"),
            StderrMode::Errors => {}
        }
        if let Some(size) = options.block_size {
            self.word(format!("-B{size}"));
        }
        if let Some(timeout) = options.timeout {
            self.word(format!("--timeout={}", timeout.as_secs()));
        }
        if let Some(rate) = options.bwlimit {
            self.word(format!("--bwlimit={rate}"));
        }
    }

    fn backups_and_choices(&mut self, options: &Options) {
        let (style, as_given) = (options.argument_style, &options.as_given);
        let mut usual: &[u8] = b"~";
        if let Some(dir) = &options.backup_dir {
            self.split("--backup-dir", &sys::path_bytes(dir), style);
            usual = b"";
        }
        if options.suffix != usual {
            self.assign("--suffix", &options.suffix, style);
        }
        if let Some(choice) = &as_given.checksum_choice {
            self.assign("--checksum-choice", choice.as_bytes(), style);
        }
        match (options.compress.algorithm, &as_given.compress_choice) {
            (Compression::Chosen(Codec::Zlibx), _) => self.word("--new-compress"),
            (Compression::Chosen(Codec::Zlib), _) => self.word("--old-compress"),
            (_, Some(choice)) => self.assign("--compress-choice", choice.as_bytes(), style),
            (_, None) => {}
        }
    }

    fn deletion(&mut self, options: &Options) {
        match options.max_delete {
            Some(0) => self.word("--max-delete=-1"),
            Some(count) => self.word(format!("--max-delete={count}")),
            None => {}
        }
        if let Some(size) = options.min_size {
            self.word(format!("--min-size={size}"));
        }
        if let Some(size) = options.max_size {
            self.word(format!("--max-size={size}"));
        }
        let excluded = options.delete_excluded;
        match options.delete {
            Some(_) if options.as_given.delete_at_any_moment => self.when(!excluded, "--delete"),
            Some(DeleteWhen::Before) => self.word("--delete-before"),
            Some(DeleteWhen::Delay) => self.word("--delete-delay"),
            Some(DeleteWhen::During) => self.word("--delete-during"),
            Some(DeleteWhen::After) => self.word("--delete-after"),
            None => {}
        }
        self.when(excluded, "--delete-excluded");
        self.when(options.force_delete, "--force");
        self.when(options.only_writes_batch(), "--only-write-batch=X");
        self.when(options.super_mode == SuperMode::Super, "--super");
        self.when(options.size_only, "--size-only");
        self.when(options.as_given.stats, "--stats");
    }

    fn for_both(&mut self, options: &Options, pushes: bool) {
        let as_given = &options.as_given;
        if let Some(size) = &as_given.max_alloc {
            self.assign("--max-alloc", size, options.argument_style);
        }
        match options.missing_args {
            MissingArgs::Delete => self.word("--delete-missing-args"),
            // A sender knows by itself what to ignore.
            MissingArgs::Ignore => self.when(!pushes, "--ignore-missing-args"),
            MissingArgs::Report => {}
        }
        if as_given.modify_window && pushes {
            let window = options.modify_window;
            self.word(match window {
                ..0 => format!("-@{window}"),
                _ => format!("--modify-window={window}"),
            });
        }
        if let Some(seed) = options.checksum_seed {
            self.word(format!("--checksum-seed={seed}"));
        }
        match &options.partial_dir {
            Some(dir) if pushes => {
                if !as_given.partial_dir_of_delay {
                    self.split(
                        "--partial-dir",
                        &sys::path_bytes(dir),
                        options.argument_style,
                    );
                }
                self.when(options.delay_updates, "--delay-updates");
            }
            _ => self.when(options.partial && pushes, "--partial"),
        }
        self.when(options.ignore_errors, "--ignore-errors");
        self.when(options.copy_unsafe_links, "--copy-unsafe-links");
        self.when(options.safe_links, "--safe-links");
        self.when(options.numeric_ids, "--numeric-ids");
    }

    fn writing(&mut self, options: &Options) {
        let style = options.argument_style;
        if let Some(map) = &options.as_given.usermap {
            self.assign("--usermap", map, style);
        }
        if let Some(map) = &options.as_given.groupmap {
            self.assign("--groupmap", map, style);
        }
        self.when(options.ignore_existing, "--ignore-existing");
        self.when(options.existing, "--existing");
        if let Some(dir) = &options.tmp_dir {
            self.split("--temp-dir", &sys::path_bytes(dir), style);
        }
        self.when(options.fsync, "--fsync");
        if let Some(alt) = &options.alt_dest {
            for dir in &alt.dirs {
                self.split(alt.kind.option(), &sys::path_bytes(dir), style);
            }
        }
    }

    fn modes(&mut self, options: &Options, pushes: bool) {
        let info = match pushes {
            true => &options.as_given.info_to_receiver,
            false => &options.as_given.info_to_sender,
        };
        if let Some(info) = info {
            self.word(info.as_str());
        }
        match options.append {
            Append::Append => self.word("--append"),
            Append::AppendVerify => {
                self.word("--append");
                self.word("--append");
            }
            Append::No if options.inplace => {
                self.word("--inplace");
                // Old versions would not look for what they have.
                let sparse = options.sparse && options.whole_file == Some(false);
                self.when(sparse && pushes, "--no-W");
            }
            Append::No => {}
        }
        match &options.files_from {
            Some(FilesFrom::Remote { path, .. }) => {
                self.split(
                    "--files-from",
                    path.as_encoded_bytes(),
                    options.argument_style,
                );
                self.when(options.from0, "--from0");
                self.when(!options.relative, "--no-relative");
            }
            Some(_) if !pushes => {
                self.word("--files-from=-");
                self.word("--from0");
                self.when(!options.relative, "--no-relative");
            }
            _ => {}
        }
        let knows = !pushes || options.protocol.is_none_or(|version| version >= 30);
        let no_implied = options.relative && !options.implied_dirs;
        self.when(no_implied && knows, "--no-implied-dirs");
        self.when(options.write_devices && pushes, "--write-devices");
        match options.remove_source_files {
            Some(RemoveSource::Synchronized) => self.word("--remove-source-files"),
            Some(RemoveSource::Sent) => self.word("--remove-sent-files"),
            None => {}
        }
        self.when(options.copy_devices && !pushes, "--copy-devices");
        self.when(options.preallocate && pushes, "--preallocate");
        let said = options.as_given.atimes > 1;
        self.when(options.open_noatime && !said, "--open-noatime");
        self.when(options.mkpath && pushes, "--mkpath");
    }

    fn word(&mut self, word: impl Into<String>) {
        self.words.push(word.into().into_bytes());
    }

    fn when(&mut self, wanted: bool, word: &str) {
        if wanted {
            self.word(word);
        }
    }

    /// `--option=value`.
    fn assign(&mut self, option: &str, value: &[u8], style: ArgumentStyle) {
        let value = quote(value, Meaning::Value, style);
        self.words.push([option.as_bytes(), b"=", &value].concat());
    }

    /// `--option value`: in two words, so that the shell finds a home directory in the second.
    fn split(&mut self, option: &str, value: &[u8], style: ArgumentStyle) {
        self.word(option);
        self.words.push(quote(value, Meaning::Value, style));
    }
}

/// The bundle of letters, with what the client can do after the `e`.
fn letters(options: &Options, pushes: bool) -> String {
    let as_given = &options.as_given;
    let mut letters = String::from("-");
    let mut add = |letter: char, count: u8| {
        letters.extend(std::iter::repeat_n(letter, count.into()));
    };
    let (secluded, whole) = (ArgumentStyle::Secluded, Some(true));
    add('s', u8::from(options.argument_style == secluded));
    // More than that means nothing to a server.
    add('v', options.verbose.min(9));
    let tells_all = options.stderr != StderrMode::Client;
    add('q', u8::from(options.quiet > 0 && tells_all));
    add('b', options.backup.into());
    add('u', options.update.into());
    let pretends = options.dry_run && !options.only_writes_batch();
    add('n', pretends.into());
    add('l', options.preserve_links.into());
    let flat = options.xfer_dirs && !options.recurse;
    let flat = flat && (options.list_only || options.delete.is_some() && pushes);
    add('d', u8::from(as_given.dirs || flat));
    if pushes {
        add('K', options.keep_dirlinks.into());
        add('m', options.prune_empty_dirs.into());
        add('O', as_given.omit_dir_times.into());
        add('J', options.omit_link_times.into());
        add('y', options.fuzzy);
    } else {
        add('L', options.copy_links.into());
        add('k', options.copy_dirlinks.into());
    }
    add('W', u8::from(options.whole_file == whole));
    add('H', as_given.hard_links.min(2));
    add('o', options.preserve_uid.into());
    add('g', options.preserve_gid.into());
    add('D', options.preserve_devices.into());
    add('t', options.preserve_times.into());
    add('U', as_given.atimes);
    add('p', options.preserve_perms.into());
    let executable = options.preserve_executability && !options.preserve_perms;
    add('E', u8::from(executable && pushes));
    add('A', options.preserve_acls.into());
    add('X', options.preserve_xattrs.min(2));
    add('r', options.recurse.into());
    add('c', options.checksum.into());
    add('C', options.cvs_exclude.into());
    add('I', options.ignore_times.into());
    add('R', options.relative.into());
    add('x', options.one_file_system.min(2));
    add('S', options.sparse.into());
    let zlib = options.compress.algorithm == Compression::Chosen(Codec::Zlib);
    add('z', u8::from(as_given.compress || zlib));
    if options.protocol.is_none_or(|version| version >= 30) {
        add('e', 1);
        add('.', 1);
        add('i', allows_incremental(options, pushes).into());
        letters += ABILITIES;
    }
    letters
}

/// Symlinks' times are set, their targets converted, errors of the list told, xattrs not left out
/// where they look equal, the seed comes first, `--inplace` goes for partial files, flags are
/// varints, and id 0 has a name.
const ABILITIES: &str = "LsfxCIvu";

/// Whether this side can do with a list that comes in parts. A server that receives knows by
/// itself when it cannot.
// rsync: compat.c set_allow_inc_recurse()
fn allows_incremental(options: &Options, pushes: bool) -> bool {
    if pushes {
        return options.recurse && options.allow_inc_recurse;
    }
    options.incremental_recursion()
}
