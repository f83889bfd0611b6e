//! Where the contents of merge files come from.
//!
//! Filters never open anything themselves: the sender and the receiver read merge files through
//! their rooted handles, the command line through [`CommandLineFiles`].

use fast_io::dir::{Purpose, Trust, open_named};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::FilterNotice;

/// Where a file of rules is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergePath<'a> {
    /// File `name` in directory `dir` of the transfer; `dir` is relative to the transfer's
    /// base, and empty for the base itself.
    InTree {
        /// The directory, without a trailing `/`.
        dir: &'a [u8],
        /// The file's name, one component.
        name: &'a [u8],
    },
    /// A path outside the transfer's base, or one given before there is a base: absolute, or
    /// relative to the process's working directory. Absolute paths come here when a rule names
    /// one, and when parent directories of the transfer are looked through for a
    /// per-directory file (`: /.rsync-filter`).
    Outside(&'a [u8]),
    /// The file of this name in the user's home directory.
    Home(&'a [u8]),
    /// The rule named `-`.
    StandardInput,
}

/// Reads merge files.
pub trait MergeFiles {
    /// The whole file, `None` if there is none. Errors matter only for files that the user
    /// named: a directory's own merge file that cannot be read counts as absent, as in rsync.
    fn read(&mut self, path: MergePath<'_>) -> io::Result<Option<Vec<u8>>>;

    /// Takes a remark about the rules, to be shown or counted.
    fn notice(&mut self, notice: FilterNotice);
}

/// Files as the user names them on the command line.
#[derive(Debug, Default)]
pub struct CommandLineFiles<'a> {
    /// Remarks that came up, oldest first.
    pub notices: Vec<FilterNotice>,
    /// What paths in the tree are relative to; the working directory if empty.
    pub base: PathBuf,
    /// Whose symbolic links are followed to them.
    pub trust: Trust<'a>,
}

impl MergeFiles for CommandLineFiles<'_> {
    fn read(&mut self, path: MergePath<'_>) -> io::Result<Option<Vec<u8>>> {
        match path {
            MergePath::InTree { dir, name } => {
                let path = self.base.join(native_path(dir)?).join(native_path(name)?);
                read_file(&path, self.trust)
            }
            MergePath::Outside(path) => read_file(&native_path(path)?, self.trust),
            MergePath::Home(name) => match std::env::home_dir() {
                Some(home) => read_file(&home.join(native_path(name)?), self.trust),
                None => Ok(None),
            },
            MergePath::StandardInput => {
                let mut contents = Vec::new();
                io::stdin().lock().read_to_end(&mut contents)?;
                Ok(Some(contents))
            }
        }
    }

    fn notice(&mut self, notice: FilterNotice) {
        self.notices.push(notice);
    }
}

fn read_file(path: &Path, trust: Trust<'_>) -> io::Result<Option<Vec<u8>>> {
    let mut file = match open_named(path, Purpose::Read, trust) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut contents = Vec::new();
    match file.read_to_end(&mut contents) {
        // rsync takes whatever can be read of a file it could open, so a directory is empty.
        Ok(_) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn native_path(bytes: &[u8]) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

/// Absolute paths inside filters begin with `/` everywhere, so `/C:/x` is `C:/x`.
#[cfg(not(unix))]
fn native_path(bytes: &[u8]) -> io::Result<PathBuf> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidFilename, "name is not UTF-8"))?;
    let with_drive = text
        .strip_prefix('/')
        .filter(|rest| rest.as_bytes().get(1) == Some(&b':'));
    Ok(PathBuf::from(with_drive.unwrap_or(text)))
}
