//! The sender: walks and reads the source.
//!
//! - [`list`]: turns operands into the file list; [`operand`] takes one apart, [`implied`] adds the
//!   directories that a `-R` path leads through.
//! - [`walk`]: descends, one segment of the list for each directory or one for all.
//! - [`entry`]: makes one entry of what is found under a name.
//! - [`content`]: opens what the generator asks for.
// rsync: flist.c (sending half), sender.c

pub(crate) mod content;
mod entry;
mod implied;
mod list;
mod operand;
mod walk;

use crate::context::{Context, line};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use crate::link::SegmentQueue;
use crate::paths;
use fast_io::dir::{Dir, Follow, Stat};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tree::entry::split;
use tree::filter::FilterSet;

/// Walks and reads the source.
pub(crate) struct Sender {
    pub ctx: Arc<Context>,
    filters: FilterSet,
    /// Where names start from; entries hold their number.
    sources: Mutex<Vec<Arc<SourceDir>>>,
    /// Whether a directory on the way may be a symbolic link: where the user asked for links
    /// to be followed, and under `-R`, whose paths the user named.
    follows_links: bool,
    small_buffers: fast_io::BufferPool,
}

/// A directory that entries' names start from.
pub(crate) struct SourceDir {
    /// Its number.
    pub number: u32,
    /// As the user named it; empty for the working directory.
    pub name: Vec<u8>,
    /// The whole path, for messages and filters.
    pub absolute: Vec<u8>,
    /// The open directory.
    pub dir: Dir,
}

impl Sender {
    pub fn new(ctx: Arc<Context>, filters: FilterSet) -> Sender {
        let o = &ctx.options;
        let follows_links = o.copy_links || o.copy_dirlinks || o.copy_unsafe_links || o.relative;
        Sender {
            ctx,
            filters,
            sources: Mutex::default(),
            follows_links,
            small_buffers: content::small_buffers(),
        }
    }

    /// Makes the file list of these operands and hands it over, segment by segment.
    /// `listed` are the names of `--files-from`, which start from the only operand.
    pub fn run(
        &self,
        operands: &[Vec<u8>],
        listed: Option<&[Vec<u8>]>,
        queue: &SegmentQueue,
    ) -> Result<(), SessionError> {
        let result = list::Lister::new(self, queue).run(operands, listed);
        queue.end(result.is_ok());
        result
    }

    /// The directory that an entry's name starts from.
    pub fn source(&self, number: u32) -> Arc<SourceDir> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)[number as usize].clone()
    }

    /// The numbered source directory of this name, opened if it is new. `%f` shows it as `shown`.
    fn enter_source(&self, name: &[u8], shown: &[u8]) -> Option<Arc<SourceDir>> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sources.iter().find(|s| s.name == name) {
            return Some(known.clone());
        }
        let path = if name.is_empty() {
            b".".as_slice()
        } else {
            name
        };
        let cwd = paths::working_directory();
        match Dir::open(&paths::path_of(path)) {
            Ok(dir) => {
                let source = Arc::new(SourceDir {
                    number: sources.len() as u32,
                    name: name.to_vec(),
                    absolute: paths::absolute(&cwd, path),
                    dir,
                });
                self.ctx.narrator.source_dir(source.number, shown);
                sources.push(source.clone());
                Some(source)
            }
            Err(error) => {
                self.ctx
                    .problems
                    .add(Role::Sender, crate::error::Problem::General);
                let shown = crate::context::full_name(&cwd, path);
                self.ctx.transfer_error_os(
                    Role::Sender,
                    line!("change_dir ", shown, " failed"),
                    error,
                );
                None
            }
        }
    }

    fn filter_error(&self, error: tree::filter::FilterError) -> SessionError {
        self.ctx
            .fatal(Fatal::Syntax, Role::Sender, error.to_string())
    }
}

impl SourceDir {
    /// Opens a directory below this one.
    pub fn open_dir(&self, path: &[u8], follow: bool) -> io::Result<Dir> {
        let path = if path == b"." { b"" } else { path };
        if follow {
            self.dir.open_following(path)
        } else {
            self.dir.open_beneath(path)
        }
    }

    /// What stands under a path below this directory (or, under `-R`, an absolute one).
    pub fn stat(&self, path: &[u8], follow: Follow) -> io::Result<Stat> {
        let (parent, name) = split(path);
        if name == b"." || name.is_empty() {
            return self
                .open_dir(if name.is_empty() { b"/" } else { parent }, true)?
                .stat_self();
        }
        if parent.is_empty() {
            return self.dir.stat(name, follow);
        }
        self.open_dir(parent, true)?.stat(name, follow)
    }
}
