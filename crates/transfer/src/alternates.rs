//! The directories of `--compare-dest`, `--copy-dest` and `--link-dest`, open.
//!
//! They are paths that the user named; what is below one of them is reached from its handle only.
// rsync: main.c check_alt_basis_dirs(), generator.c basis_link_stat()

use crate::context::{Context, line};
use crate::destination::{DestDir, Destination};
use crate::event::Role;
use crate::paths;
use fast_io::dir::Dir;
use options::AltDestKind;
use std::io;
use std::sync::Arc;
use tree::entry::join;

/// The directories in which a file is looked for that the destination lacks.
pub(crate) struct Alternates {
    pub kind: AltDestKind,
    roots: Vec<Root>,
}

/// One of them.
struct Root {
    /// Its whole path, for messages.
    absolute: Vec<u8>,
    /// Unless it cannot be opened: then nothing is in it.
    dir: Option<Dir>,
}

impl Alternates {
    /// Opens those that the options name, and says so of one that is no directory.
    pub fn open(ctx: &Context, destination: &Destination) -> Option<Alternates> {
        let alt = ctx.options.alt_dest.as_ref()?;
        let open = |dir: &std::path::PathBuf| {
            let name = paths::operand_bytes(dir.as_os_str());
            Root::open(ctx, destination, alt.kind, &name)
        };
        Some(Alternates {
            kind: alt.kind,
            roots: alt.dirs.iter().map(open).collect(),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// The whole path of one of them.
    pub fn path(&self, at: usize) -> &[u8] {
        self.roots.get(at).map_or(b"", |root| &root.absolute)
    }

    /// Opens the directory at `path` below one of them. With `follow`, links are followed that stay
    /// within it.
    pub fn dir(&self, at: usize, path: &[u8], follow: bool) -> io::Result<Arc<DestDir>> {
        let root = self.roots.get(at);
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let Root { absolute, dir } = root.ok_or_else(missing)?;
        let dir = dir.as_ref().ok_or_else(missing)?;
        let opened = match dir.open_beneath(path) {
            Err(_) if follow => dir.open_within(path)?,
            other => other?,
        };
        let path = match path {
            b"" => absolute.clone(),
            path => join(absolute, path),
        };
        Ok(DestDir::aside(opened, path))
    }
}

impl Root {
    fn open(ctx: &Context, destination: &Destination, kind: AltDestKind, name: &[u8]) -> Root {
        let name = match name {
            [start @ .., b'/'] if paths::root_length(name) < name.len() && !start.is_empty() => {
                start
            }
            name => name,
        };
        let o = &ctx.options;
        // A listing enters no destination.
        let from = match destination.absolute.is_empty() {
            true => paths::working_directory(),
            false => destination.absolute.clone(),
        };
        let root = destination.root.as_ref();
        let absolute = match name.strip_prefix(b"../") {
            _ if paths::is_absolute(name) => name.to_vec(),
            // What a dry run does not make cannot be left by `..`.
            Some(rest) if root.is_none() && o.dry_run => join(tree::entry::split(&from).0, rest),
            _ => join(&from, name),
        };
        match std::fs::metadata(paths::path_of(&absolute)) {
            Err(_) => {
                let text = line!(kind.option(), " arg does not exist: ", absolute);
                ctx.warn(Role::Destination, text);
            }
            Ok(meta) if !meta.is_dir() => {
                let text = line!(kind.option(), " arg is not a dir: ", absolute);
                ctx.warn(Role::Destination, text);
            }
            Ok(_) => {}
        }
        let trust = paths::confined(o);
        // As with another's link in the way, a file is then not found.
        let dir = match root {
            Some(root) if !paths::is_absolute(name) => root.dir.open_following(name, trust),
            _ => Dir::open(&paths::path_of(&absolute), trust),
        };
        Root {
            absolute,
            dir: dir.ok(),
        }
    }
}
