//! The sender: walks and reads the source.
//!
//! - [`list`]: turns operands into the file list; [`operand`] takes one apart, [`implied`] adds the
//!   directories that a `-R` path leads through.
//! - [`walk`]: descends, one segment of the list for each directory or one for all.
//! - [`filter_stack`]: the filters that hold where the walk is.
//! - [`entry`]: makes one entry of what is found under a name.
//! - [`sums`]: the checksums of content that go with the list (`-c`);
//! - [`xattrs`]: extended attributes; [`acls`]: access control lists;
//! - [`content`]: opens what the generator asks for.
// rsync: flist.c (sending half), sender.c

mod acls;
pub(crate) mod content;
mod entry;
mod filter_stack;
mod implied;
mod list;
mod operand;
mod sums;
mod walk;
mod xattrs;

use crate::charset::ListCharset;
use crate::context::{Context, line};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use crate::link::SegmentQueue;
use crate::paths;
use crate::remote::agreement::Agreement;
use fast_io::dir::{Dir, Follow, Stat, Trust};
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tree::entry::split;
use tree::filter::FilterSet;

/// Walks and reads the source.
pub(crate) struct Sender {
    pub ctx: Arc<Context>,
    filters: FilterSet,
    /// Where names start from; entries hold their number.
    sources: Mutex<Vec<Arc<SourceDir>>>,
    /// Whether a directory on the way may be a symbolic link.
    links: Links,
    small_buffers: fast_io::BufferPool,
    /// Access control lists, which many entries share.
    acls: Mutex<HashSet<Arc<tree::acl::Acls>>>,
    /// What is listed of extended attributes, if anything.
    xattrs: Option<xattrs::SenderXattrs>,
    /// What a wire needs of the list.
    pub(super) for_wire: Option<ForWire>,
}

/// What a wire needs of the list.
#[derive(Debug, Clone)]
pub(crate) struct ForWire {
    /// The checksum of each file's content (`-c`).
    pub checksum: Option<delta::ChecksumKind>,
    /// What is converted: what cannot be is not listed.
    pub charset: Option<ListCharset>,
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
    /// Directories below it that the user named under `-R`, and those above them.
    named: RwLock<HashSet<Vec<u8>>>,
}

/// Which symbolic links to directories are followed on the way to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// All: the user asked for that, or names the way.
    Followed,
    /// Those in the paths that the user named under `-R`, but not what is found below them.
    OnlyNamed,
}

impl Sender {
    pub fn new(ctx: Arc<Context>, filters: FilterSet) -> Sender {
        let o = &ctx.options;
        let links = if o.copy_links || o.copy_dirlinks || o.copy_unsafe_links {
            Links::Followed
        } else {
            Links::OnlyNamed
        };
        Sender {
            acls: Mutex::default(),
            xattrs: xattrs::SenderXattrs::new(&ctx, &filters),
            ctx,
            filters,
            sources: Mutex::default(),
            links,
            small_buffers: content::small_buffers(),
            for_wire: None,
        }
    }

    /// A sender whose list goes over a wire.
    pub fn for_wire(ctx: Arc<Context>, filters: FilterSet, agreement: &Agreement) -> Sender {
        let checksum = ctx.options.checksum.then_some(agreement.list_checksum);
        let charset = agreement.list_charset(ctx.charset.as_ref());
        Sender {
            for_wire: Some(ForWire { checksum, charset }),
            ..Sender::new(ctx, filters)
        }
    }

    /// Makes the file list of these operands and hands it over, segment by segment.
    /// `listed` are the names of `--files-from`, which start from the only operand.
    pub fn run(
        self: &Arc<Self>,
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
        match paths::enter(path, Trust::Anyone) {
            Ok(dir) => {
                let source = Arc::new(SourceDir {
                    number: sources.len() as u32,
                    name: name.to_vec(),
                    absolute: paths::absolute(&cwd, path),
                    dir,
                    named: RwLock::default(),
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
    /// Remembers that the user named this directory.
    pub fn name_dir(&self, path: &[u8]) {
        if path.is_empty() {
            return;
        }
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        let ends = path
            .iter()
            .enumerate()
            .filter(|&(at, &b)| b == b'/' && at > 0);
        for end in ends.map(|(at, _)| at).chain([path.len()]) {
            if !named.contains(&path[..end]) {
                named.insert(path[..end].to_vec());
            }
        }
    }

    /// Opens a directory below this one.
    pub fn open_dir(&self, path: &[u8], links: Links) -> io::Result<Dir> {
        let path = if path == b"." { b"" } else { path };
        if links == Links::Followed {
            return self.dir.open_following(path, Trust::Anyone);
        }
        let end = self.named_part(path);
        if end == 0 {
            return self.dir.open_beneath(path);
        }
        let named = self.dir.open_following(&path[..end], Trust::Anyone)?;
        match path[end..].strip_prefix(b"/").unwrap_or(&path[end..]) {
            b"" => Ok(named),
            below => named.open_beneath(below),
        }
    }

    /// How much of a path the user named.
    fn named_part(&self, path: &[u8]) -> usize {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        if named.is_empty() {
            return 0;
        }
        let ends = path.iter().enumerate().rev().filter(|&(_, &b)| b == b'/');
        let mut ends = [path.len()].into_iter().chain(ends.map(|(at, _)| at));
        let root = usize::from(path.starts_with(b"/"));
        ends.find(|&end| named.contains(&path[..end]))
            .unwrap_or(root)
    }

    /// What stands under a path below this directory (or, under `-R`, an absolute one).
    pub fn stat(&self, path: &[u8], follow: Follow) -> io::Result<Stat> {
        let (parent, name) = split(path);
        if name == b"." || name.is_empty() {
            return self
                .open_dir(if name.is_empty() { b"/" } else { parent }, Links::Followed)?
                .stat_self();
        }
        if parent.is_empty() {
            return self.dir.stat(name, follow);
        }
        self.open_dir(parent, Links::Followed)?.stat(name, follow)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_named_links_are_followed() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let at = |path: &str| scratch.path().join(path);
        std::fs::create_dir_all(at("real/deep")).expect("a directory");
        symlink("real", at("link")).expect("a link");
        symlink("deep", at("real/below")).expect("a link");
        let source = SourceDir {
            number: 0,
            name: Vec::new(),
            absolute: Vec::new(),
            dir: Dir::open(scratch.path(), Trust::Anyone).expect("the directory"),
            named: RwLock::default(),
        };
        let opens = |path: &str| source.open_dir(path.as_bytes(), Links::OnlyNamed).is_ok();
        assert!(opens("real/deep") && !opens("link") && !opens("link/deep"));
        source.name_dir(b"link");
        assert!(opens("link") && opens("link/deep") && !opens("link/below"));
        source.name_dir(b"link/below");
        assert!(opens("link/below") && !opens("real/below"));
    }
}
