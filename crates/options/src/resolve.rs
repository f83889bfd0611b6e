//! From what the flags said one by one to what they mean together.
//!
//! The order of the steps is the order of rsync's, since it decides which of two complaints
//! the user sees.
//!
//! rsync: options.c parse_arguments(), after the loop

use std::path::{Component, Path, PathBuf};

use crate::Environment;
use crate::error::{ErrorKind, OptionError};
use crate::format::OutFormat;
use crate::given::{Dirs, During, Given, Recurse};
use crate::hostspec;
use crate::levels::{DebugLevels, InfoLevels};
use crate::resolved::{
    Append, Checksum, ChecksumChoice, DeleteWhen, FilesFrom, FilterDirective, LogFile, Options,
};

/// Resolves `given`, or says why its parts contradict each other.
pub(crate) fn resolve(mut given: Given, env: &Environment) -> Result<Options, OptionError> {
    checksums(&mut given)?;
    if given.options.operands.is_empty() {
        let message = "no source or destination given; see tidesync --help";
        return Err(OptionError::syntax(message));
    }
    given.options.list_only = given.list_only || given.options.operands.len() == 1;
    directories(&mut given);
    deletion(&mut given)?;
    backups(&mut given)?;
    output(&mut given);
    writing(&mut given, env)?;
    files_from(&given.options)?;
    Ok(given.options)
}

// rsync: checksum.c parse_checksum_choice()
fn checksums(given: &mut Given) -> Result<(), OptionError> {
    let options = &mut given.options;
    let Some(choice) = given.checksum_choice.take() else {
        return Ok(());
    };
    let (transfer, file) = choice.split_once(',').unwrap_or((&choice, &choice));
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
    options.delete = chosen.next().or(unsaid.then_some(DeleteWhen::During));
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
        if options.suffix.is_empty() {
            let message = format!("--suffix cannot be empty {why_no_dir}");
            return Err(OptionError::syntax(message));
        }
        if options.backup && options.delete.is_some() && !options.delete_excluded {
            let protect = [b"P *", &options.suffix[..]].concat();
            options.filters.push(FilterDirective::Rule(protect));
        }
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
    let mut format = match given.out_format.take() {
        Some(text) => Some(OutFormat::new(text, given.itemize)),
        None if given.itemize > 0 => Some(OutFormat::new(ITEMIZED, given.itemize)),
        None => None,
    };
    if given.progress {
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
    let asked = given.partial_dir.take();
    if options.inplace {
        if asked.is_some() {
            let which = if appends { "append" } else { "inplace" };
            let message = format!("--{which} cannot be used with --partial-dir");
            return Err(OptionError::syntax(message));
        }
        options.partial = false;
        return Ok(());
    }
    let from_env = || {
        let dir = env.partial_dir.as_ref().filter(|dir| !dir.is_empty());
        dir.filter(|_| options.partial).map(PathBuf::from)
    };
    if let Some(dir) = asked.or_else(from_env) {
        options.partial = true;
        options.partial_dir = clean(&dir);
    }
    Ok(())
}

fn files_from(options: &Options) -> Result<(), OptionError> {
    let Some(list) = &options.files_from else {
        return Ok(());
    };
    if options.operands.len() != 2 {
        let message = "--files-from needs exactly one source and a destination";
        return Err(OptionError::syntax(message));
    }
    match list {
        FilesFrom::Path(path) if hostspec::names_a_host(path.as_os_str()) => {
            let message = "--files-from cannot be remote when the transfer is local";
            Err(OptionError::bare(message))
        }
        _ => Ok(()),
    }
}

/// `dir` without `./` at its front; `None` for the directory that it is relative to.
fn without_leading_dots(dir: &Path) -> Option<PathBuf> {
    let parts = dir.components().filter(|part| *part != Component::CurDir);
    Some(parts.collect::<PathBuf>()).filter(|dir| !dir.as_os_str().is_empty())
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
