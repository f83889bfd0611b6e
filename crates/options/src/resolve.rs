//! From what the flags said one by one to what they mean together.
//!
//! The order of the steps is the order of rsync's, since it decides which of two complaints
//! the user sees.
//!
//! rsync: options.c parse_arguments(), after the loop

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::error::{ErrorKind, OptionError};
use crate::format::OutFormat;
use crate::given::{Dirs, During, Given, Recurse};
use crate::levels::{DebugLevels, InfoLevels};
use crate::remote::{ArgumentStyle, Batch, BatchKind, Codec, Compression, Iconv};
use crate::resolved::{
    Append, Checksum, ChecksumChoice, DeleteWhen, FilesFrom, FilterDirective, LogFile, Options,
    RemoveSource,
};
use crate::route::{self, Route};
use crate::{Environment, sys};

/// Resolves `given`, or says why its parts contradict each other.
pub(crate) fn resolve(mut given: Given, env: &Environment) -> Result<Options, OptionError> {
    if given.sender && !given.server {
        let message = "--sender is what a client gives to a --server";
        return Err(OptionError::syntax(message));
    }
    arguments(&mut given, env)?;
    checksums(&mut given)?;
    compression(&mut given)?;
    iconv(&mut given);
    batch(&mut given)?;
    if given.options.operands.is_empty() {
        let message = "no source or destination given; see tidesync --help";
        return Err(OptionError::syntax(message));
    }
    let lists = !given.server && !given.reads_batch && given.options.operands.len() == 1;
    given.options.list_only = given.list_only || lists;
    directories(&mut given);
    deletion(&mut given)?;
    backups(&mut given)?;
    output(&mut given);
    writing(&mut given, env)?;
    if given.options.alt_dest.is_none() {
        given.options.fuzzy = given.options.fuzzy.min(1);
    }
    confinement(&given.options)?;
    files_from(&given)?;
    if !given.server {
        route::find(&mut given)?;
    }
    local_has_no_other_side(&given)?;
    Ok(given.options)
}

/// The walk that looks where a path ends is not gone where everybody's links are followed.
fn confinement(options: &Options) -> Result<(), OptionError> {
    let Some(root) = &options.confine_root else {
        return Ok(());
    };
    if !root.is_absolute() {
        return Err(OptionError::syntax(
            "--confine-root must be an absolute path",
        ));
    }
    if options.insecure_links {
        let message = "--insecure-links cannot be combined with --confine-root";
        return Err(OptionError::syntax(message));
    }
    Ok(())
}

fn arguments(given: &mut Given, env: &Environment) -> Result<(), OptionError> {
    let said = |value: &Option<OsString>| {
        let value = value.as_deref().filter(|value| !value.is_empty())?;
        Some(leading_number(value.as_encoded_bytes()))
    };
    given.options.argument_style = match (given.old_args, given.secluded_args) {
        _ if given.server => ArgumentStyle::Quoted,
        (Some(1..), Some(true)) => {
            let message = "--secluded-args conflicts with --old-args.";
            return Err(OptionError::syntax(message));
        }
        (Some(count @ 1..), _) => old_style(count.into()),
        (_, Some(true)) => ArgumentStyle::Secluded,
        (None, _) if said(&env.old_args).is_some() => old_style(said(&env.old_args).unwrap_or(0)),
        (_, None) if said(&env.protect_args).is_some_and(|set| set != 0) => ArgumentStyle::Secluded,
        _ => ArgumentStyle::Quoted,
    };
    let shell = &mut given.options.shell;
    let from_env = || env.rsh.clone().filter(|_| !given.server);
    let command = shell.command.take().or_else(from_env);
    shell.command = command.filter(|command| !command.is_empty());
    Ok(())
}

fn old_style(count: u32) -> ArgumentStyle {
    match count {
        0 => ArgumentStyle::Quoted,
        1 => ArgumentStyle::OldNames,
        _ => ArgumentStyle::Old,
    }
}

/// C's `atoi()`, as far as it matters here.
fn leading_number(text: &[u8]) -> u32 {
    let digits = text.iter().take_while(|b| b.is_ascii_digit());
    digits.fold(0, |number, digit| {
        let digit = u32::from(digit - b'0');
        number.saturating_mul(10).saturating_add(digit)
    })
}

/// A local transfer is one program: what was meant for its other side would be lost.
fn local_has_no_other_side(given: &Given) -> Result<(), OptionError> {
    let options = &given.options;
    if given.server || options.route != Route::Local || options.shell.options.is_empty() {
        return Ok(());
    }
    let message = "--remote-option (-M) is not for a local transfer: give the option itself, \
                   both sides are this program";
    Err(OptionError::unsupported(message))
}

// rsync: checksum.c parse_checksum_choice()
fn checksums(given: &mut Given) -> Result<(), OptionError> {
    let options = &mut given.options;
    let Some(text) = given.checksum_choice.take() else {
        return Ok(());
    };
    let (transfer, file) = text.split_once(',').unwrap_or((&text, &text));
    let choice = ChecksumChoice {
        transfer: checksum(transfer)?,
        file: checksum(file)?,
    };
    if options.checksum && choice.file == Checksum::None {
        let message = "Invalid checksum-choice for --checksum: none";
        return Err(OptionError::bare(message).but(ErrorKind::Unsupported));
    }
    if choice.transfer == Checksum::None {
        options.whole_file = Some(true);
    }
    let auto = choice.transfer == Checksum::Auto && choice.file == Checksum::Auto;
    options.checksum_choice = Some(choice).filter(|_| !auto);
    options.as_given.checksum_choice = Some(text).filter(|_| !auto);
    Ok(())
}

fn checksum(name: &str) -> Result<Checksum, OptionError> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "auto" => Checksum::Auto,
        "xxh128" => Checksum::Xxh128,
        "xxh3" => Checksum::Xxh3,
        "xxh64" | "xxhash" => Checksum::Xxh64,
        "md5" => Checksum::Md5,
        "md4" => Checksum::Md4,
        "sha1" => Checksum::Sha1,
        "none" => Checksum::None,
        _ => {
            let known = "auto, xxh128, xxh3, xxh64, md5, md4, sha1 or none";
            let message = format!("unknown checksum name: {name} (use {known})");
            return Err(OptionError::bare(message).but(ErrorKind::Unsupported));
        }
    })
}

// rsync: compat.c parse_compress_choice(), options.c parse_arguments()
fn compression(given: &mut Given) -> Result<(), OptionError> {
    let compress = &mut given.options.compress;
    let twice = (given.compress > 1).then(|| "zlibx".to_owned());
    let choice = given.compress_choice.take().or(twice);
    let choice = choice.filter(|name| !name.eq_ignore_ascii_case("auto"));
    compress.algorithm = match &choice {
        Some(name) => codec(name)?,
        None if given.compress > 0 => Compression::Negotiated,
        None => Compression::Off,
    };
    let as_given = &mut given.options.as_given;
    as_given.compress = compress.algorithm == Compression::Negotiated;
    as_given.compress_choice = choice;
    if compress.level.is_some() && compress.algorithm == Compression::Off {
        compress.algorithm = Compression::Negotiated;
    }
    Ok(())
}

fn codec(name: &str) -> Result<Compression, OptionError> {
    let codec = match name.to_ascii_lowercase().as_str() {
        "zstd" => Codec::Zstd,
        "lz4" => Codec::Lz4,
        "zlibx" => Codec::Zlibx,
        "zlib" => Codec::Zlib,
        "none" => return Ok(Compression::Off),
        _ => {
            let known = "auto, zstd, lz4, zlibx, zlib, none";
            let message = format!("unknown compress name: {name} (use {known})");
            return Err(OptionError::bare(message).but(ErrorKind::Unsupported));
        }
    };
    Ok(Compression::Chosen(codec))
}

// rsync: rsync.c setup_iconv()
fn iconv(given: &mut Given) {
    let spec = given.iconv.take();
    let spec = spec.filter(|text| !text.starts_with(b"-"));
    given.options.iconv = spec.map(|text| Iconv::parse(&text, given.server));
}

fn batch(given: &mut Given) -> Result<(), OptionError> {
    let kind = match (given.writes_batch, given.reads_batch) {
        (Some(_), true) => {
            let message = "--write-batch and --read-batch can not be used together";
            return Err(OptionError::syntax(message));
        }
        // Old clients hand the option on; it is not meant for a server.
        (Some(BatchKind::Write), _) | (None, true) if given.server => None,
        (Some(kind), _) => Some(kind).filter(|_| !given.options.dry_run),
        (None, reads) => reads.then_some(BatchKind::Read),
    };
    if kind == Some(BatchKind::Read) {
        let which = match given.options.remove_source_files {
            _ if given.options.files_from.is_some() => Some("files-from"),
            Some(RemoveSource::Synchronized) => Some("remove-source-files"),
            Some(RemoveSource::Sent) => Some("remove-sent-files"),
            None => None,
        };
        if let Some(which) = which {
            let message = format!("--read-batch cannot be used with --{which}");
            return Err(OptionError::syntax(message));
        }
    }
    let file = given.batch_file.take();
    if let Some(file) = &file
        && file.as_os_str().len() > MAX_BATCH_NAME
    {
        let message = format!("the batch-file name must be {MAX_BATCH_NAME} characters or less.");
        return Err(OptionError::syntax(message));
    }
    given.options.batch = kind.zip(file).map(|(kind, file)| Batch { kind, file });
    given.options.dry_run |= given.options.only_writes_batch();
    Ok(())
}

// rsync: options.c MAX_BATCH_NAME_LEN
const MAX_BATCH_NAME: usize = 256;

fn directories(given: &mut Given) {
    let options = &mut given.options;
    let from_list = options.files_from.is_some();
    options.recurse = match given.recurse {
        Recurse::No => false,
        Recurse::ByArchive => !from_list,
        Recurse::Asked => true,
    };
    options.xfer_dirs = options.recurse
        || match given.dirs {
            Some(Dirs::Yes | Dirs::Old) => true,
            Some(Dirs::No) => false,
            None => from_list || options.list_only,
        };
    options.as_given.dirs = given.dirs == Some(Dirs::Yes) && !options.recurse;
    options.as_given.list_only = given.list_only;
    if given.dirs == Some(Dirs::Old) {
        let not_below = FilterDirective::Rule(b"- /*/*".to_vec());
        options.filters.push(not_below);
        options.recurse = true;
    }
    options.relative = given.relative.unwrap_or(from_list);
    options.implied_dirs = options.relative && given.implied_dirs;
}

fn deletion(given: &mut Given) -> Result<(), OptionError> {
    let options = &mut given.options;
    let before = given.delete_before.then_some(DeleteWhen::Before);
    let during = given.delete_during.map(|during| match during {
        During::Now => DeleteWhen::During,
        During::Delay => DeleteWhen::Delay,
    });
    let after = given.delete_after.then_some(DeleteWhen::After);
    let mut chosen = [before, during, after].into_iter().flatten();
    // rsync decides for "during" once it knows that the other side can.
    let unsaid = given.delete || options.delete_excluded;
    let first = chosen.next();
    options.as_given.delete_at_any_moment = unsaid && first.is_none();
    options.delete = first.or(unsaid.then_some(DeleteWhen::During));
    if chosen.next().is_some() {
        let message = "You may not combine multiple --delete-WHEN options.";
        return Err(OptionError::syntax(message));
    }
    if options.delete.is_some() && !options.xfer_dirs {
        let message = "--delete does not work without --recursive (-r) or --dirs (-d).";
        return Err(OptionError::syntax(message));
    }
    Ok(())
}

fn backups(given: &mut Given) -> Result<(), OptionError> {
    let options = &mut given.options;
    let asked_dir = given.backup_dir.take();
    let default: &[u8] = if asked_dir.is_some() { b"" } else { b"~" };
    options.suffix = given.suffix.take().unwrap_or_else(|| default.to_vec());
    if options.suffix.contains(&b'/') {
        let suffix = String::from_utf8_lossy(&options.suffix);
        let message = format!("--suffix cannot contain slashes: {suffix}");
        return Err(OptionError::syntax(message));
    }
    options.backup |= asked_dir.is_some();
    let is_dest = "when --backup-dir is the same as the dest dir";
    let why_no_dir = asked_dir
        .as_ref()
        .map_or("without a --backup-dir", |_| is_dest);
    options.backup_dir = asked_dir.and_then(|dir| without_leading_dots(&dir));
    if options.backup_dir.is_none() {
        if options.suffix.is_empty() && !(given.server && given.sender) {
            let message = format!("--suffix cannot be empty {why_no_dir}");
            return Err(OptionError::syntax(message));
        }
        if options.backup && options.delete.is_some() && !options.delete_excluded && !given.server {
            let protect = [b"P *", &options.suffix[..]].concat();
            options.filters.push(FilterDirective::Rule(protect));
        }
        options.as_given.omit_dir_times &= !options.backup;
        // Backups made in a directory change its time again.
        options.omit_dir_times |= options.backup;
    }
    Ok(())
}

fn output(given: &mut Given) {
    let (info, debug) = (&mut given.info, &mut given.debug);
    info.verbosity(given.options.verbose);
    debug.verbosity(given.options.verbose);
    if given.stats {
        let level = if given.options.verbose > 1 {
            "stats3"
        } else {
            "stats2"
        };
        info.implied(level);
    }
    let as_given = &mut given.options.as_given;
    as_given.stats = given.stats;
    as_given.info_to_receiver = info.for_server(true);
    as_given.info_to_sender = info.for_server(false);
    let mut format = match given.out_format.take() {
        Some(text) if given.server => Some(OutFormat::of_client(text)),
        Some(text) => Some(OutFormat::new(text, given.itemize)),
        None if given.itemize > 0 => Some(OutFormat::new(ITEMIZED, given.itemize)),
        None => None,
    };
    if given.progress && !given.server {
        let writes_before = format.as_ref().is_some_and(OutFormat::is_written_before);
        if !writes_before && InfoLevels::from(&*info).name == 0 {
            info.implied("name");
        }
        info.implied("FLIST2,PROGRESS");
    }
    given.options.info = InfoLevels::from(&*info);
    given.options.debug = DebugLevels::from(&*debug);
    if format.is_none() && given.options.info.name > 0 {
        format = Some(OutFormat::new("%n%L", 0));
    }
    given.options.out_format = format;
    let log_format = given.log_file_format.take();
    let log_file = given.log_file.take();
    let named = log_file.filter(|path| !path.as_os_str().is_empty());
    given.options.log_file = named.map(|path| LogFile {
        path,
        format: OutFormat::new(log_format.unwrap_or_else(|| ITEMIZED.into()), 0),
    });
}

/// What `-i` prints, and what a log has unless it is told otherwise.
const ITEMIZED: &str = "%i %n%L";

fn writing(given: &mut Given, env: &Environment) -> Result<(), OptionError> {
    let options = &mut given.options;
    let appends = options.append != Append::No;
    if appends {
        if options.whole_file == Some(true) {
            let message = "--append cannot be used with --whole-file";
            return Err(OptionError::syntax(message));
        }
        options.inplace = true;
    }
    options.inplace |= options.write_devices;
    let mut asked = given.partial_dir.take();
    if options.delay_updates && asked.is_none() {
        options.as_given.partial_dir_of_delay = true;
        asked = Some(DELAYED_IN.into());
    }
    if options.inplace {
        if asked.is_some() {
            let which = if appends { "append" } else { "inplace" };
            let other = if options.delay_updates {
                "delay-updates"
            } else {
                "partial-dir"
            };
            let message = format!("--{which} cannot be used with --{other}");
            return Err(OptionError::syntax(message));
        }
        options.partial = false;
        return Ok(());
    }
    let from_env = || {
        let dir = env.partial_dir.as_ref().filter(|dir| !dir.is_empty());
        dir.filter(|_| options.partial && !given.server)
            .map(PathBuf::from)
    };
    if let Some(dir) = asked.or_else(from_env) {
        options.partial = true;
        options.partial_dir = clean(&dir);
    }
    Ok(())
}

// rsync: options.c tmp_partialdir
const DELAYED_IN: &str = ".~tmp~";

fn files_from(given: &Given) -> Result<(), OptionError> {
    let options = &given.options;
    let Some(list) = &options.files_from else {
        return Ok(());
    };
    let count = options.operands.len();
    if count > 2 || count < 2 && !given.server {
        let message = "--files-from needs exactly one source and a destination";
        return Err(OptionError::syntax(message));
    }
    match list {
        FilesFrom::Remote { .. } if given.server => {
            let message = "The --files-from sent to the server cannot specify a host.";
            Err(OptionError::syntax(message))
        }
        FilesFrom::Remote { path, .. } if path == "-" => {
            let message = "Invalid --files-from remote filename";
            Err(OptionError::syntax(message))
        }
        _ => Ok(()),
    }
}

/// `dir` without `./` at its front; `None` for the directory that it is relative to.
fn without_leading_dots(dir: &Path) -> Option<PathBuf> {
    let bytes = dir.as_os_str().as_encoded_bytes();
    let is_separator = |b: &u8| *b == b'/' || cfg!(windows) && *b == b'\\';
    let mut start = 0;
    while bytes[start..].first() == Some(&b'.') && bytes.get(start + 1).is_some_and(is_separator) {
        start += 2;
    }
    if bytes[start..] == *b"." {
        start += 1;
    }
    let rest = sys::tail(dir.as_os_str(), start);
    Some(PathBuf::from(rest)).filter(|dir| !dir.as_os_str().is_empty())
}

/// `dir` without needless parts, `..` among them; `None` if nothing is left.
// rsync: util1.c clean_fname()
fn clean(dir: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in dir.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match clean.components().next_back() {
                Some(Component::Normal(_)) => {
                    clean.pop();
                }
                Some(Component::RootDir) => {}
                _ => clean.push(part),
            },
            _ => clean.push(part),
        }
    }
    Some(clean).filter(|dir| !dir.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::error;

    #[test]
    fn operands_are_needed() {
        let message = "tidesync: no source or destination given; see tidesync --help";
        assert_eq!(error("").to_string(), message);
        assert_eq!(error("-a").to_string(), message);
    }

    #[test]
    fn a_list_may_not_be_remote() {
        let message = "--files-from cannot be remote when the transfer is local";
        assert_eq!(error("--files-from=host:list a b").to_string(), message);
    }

    #[test]
    fn paths_are_cleaned() {
        let cleaned = |text: &str| clean(Path::new(text));
        assert_eq!(cleaned("a//./b/"), Some("a/b".into()));
        assert_eq!(cleaned("a/../../b"), Some("../b".into()));
        assert_eq!(cleaned("/../a"), Some("/a".into()));
        assert_eq!(cleaned("a/.."), None);
    }
}
