//! The destination: finding out what the last operand means, and its directories, each opened
//! once and put right when the last of its entries is done.
// rsync: main.c get_local_name(), generator.c touch_up_dirs()

use crate::acls;
use crate::attrs::{Wanted, keeps_time};
use crate::context::{Context, line};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use crate::paths::{self, without_leading_slashes};
use crate::segment::{EntryRef, Note, Segment};
use fast_io::dir::{Dir, FileKind, Follow, Timestamp, XattrsOf};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tree::entry::Entry;

/// What the last operand means.
pub(crate) struct Destination {
    /// The root, open; `None` if it does not exist and this is a dry run.
    pub root: Option<Arc<DestDir>>,
    /// Its whole path, for messages.
    pub absolute: Vec<u8>,
    /// The name that a single file gets.
    pub solo_name: Option<Vec<u8>>,
}

/// A directory of the destination, open. When the last user lets go of it, its times and
/// permissions are put right: making entries in it changed them.
pub(crate) struct DestDir {
    pub dir: Dir,
    /// Its name below the root; empty for the root.
    pub path: Vec<u8>,
    /// The directories above it, whose turn comes after this one's.
    parent: Option<Arc<DestDir>>,
    /// This session made it, so what it does not have yet is not there.
    pub fresh: bool,
    /// The owner and group that files made in it get.
    birth: OnceLock<(u32, u32)>,
    /// The permissions that new entries may have.
    new_permissions: AtomicU32,
    changed: AtomicBool,
    finish: Mutex<Option<Finish>>,
}

/// No permissions.
const UNKNOWN: u32 = u32::MAX;

/// What a directory is to have in the end.
struct Finish {
    mtime: Option<Timestamp>,
    permissions: Option<u32>,
}

impl Destination {
    /// Finds out what the operand means, given the beginning of the list, and makes the
    /// directory if one is needed.
    pub fn find(
        ctx: &Context,
        operand: &[u8],
        top: &Arc<Segment>,
        more_follow: bool,
    ) -> Result<Destination, SessionError> {
        let mut path = operand.to_vec();
        if path.is_empty() {
            path = b".".to_vec();
        }
        let cwd = paths::working_directory();
        let several = top.listed > 1 || more_follow;
        let trailing_slash = path.ends_with(b"/");
        let role = Role::Destination;
        let o = &ctx.options;
        let trust = paths::trust(o);
        let absolute = |p: &[u8]| paths::absolute(&cwd, p);
        let shown = |p: &[u8]| crate::context::full_name(&cwd, p);

        let mut stat = std::fs::metadata(paths::path_of(&path));
        if o.mkpath && stat.is_err() && (path.contains(&b'/') || several) {
            let whole = several && !trailing_slash;
            let made = make_path(ctx, &path, whole).map_err(|e| {
                ctx.fatal_os(
                    Fatal::FileIo,
                    role,
                    line!("mkdir ", shown(&path), " failed"),
                    e,
                )
            })?;
            if made > 0 {
                if told(ctx) {
                    let dirs = if made == 1 {
                        "directory"
                    } else {
                        "directories"
                    };
                    let named = if path.contains(&b'/') && (!several || trailing_slash) {
                        tree::entry::split(&path).0
                    } else {
                        &path
                    };
                    ctx.info(role, line!(format!("created {made} {dirs} for "), named));
                }
                stat = std::fs::metadata(paths::path_of(&path));
            }
        }

        match &stat {
            Ok(meta) if meta.is_dir() => {
                let dir = paths::enter(&path, trust).map_err(|e| {
                    let text = line!("change_dir#1 ", shown(&path), " failed");
                    ctx.fatal_os(Fatal::FileSelect, role, text, e)
                })?;
                let root = Some(DestDir::root(dir, false));
                return Ok(Destination {
                    root,
                    absolute: absolute(&path),
                    solo_name: None,
                });
            }
            Ok(_) if several => {
                let text = "ERROR: destination must be a directory when copying more than 1 file";
                return Err(ctx.fatal(Fatal::FileSelect, role, text));
            }
            Ok(_) if top.entries.first().is_some_and(Entry::is_dir) => {
                let text = "ERROR: cannot overwrite non-directory with a directory";
                return Err(ctx.fatal(Fatal::FileSelect, role, text));
            }
            Ok(_) => {}
            // A path through something that is no directory cannot come to exist either.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => {
                let text = line!("ERROR: cannot stat destination ", shown(&path));
                let e = io::Error::from_raw_os_error(e.raw_os_error().unwrap_or_default());
                return Err(ctx.fatal_os(Fatal::FileSelect, role, text, e));
            }
        }

        if several || trailing_slash {
            while path.len() > 1 && path.ends_with(b"/") {
                path.pop();
            }
            if stat.is_ok() {
                let text = "ERROR: destination path is not a directory";
                return Err(ctx.fatal(Fatal::Syntax, role, text));
            }
            return Destination::make(ctx, &path, &cwd, top);
        }

        let (parent, name) = match path.iter().rposition(|&b| b == b'/') {
            Some(0) => (b"/".to_vec(), path[1..].to_vec()),
            Some(at) => (path[..at].to_vec(), path[at + 1..].to_vec()),
            None => (b".".to_vec(), path.clone()),
        };
        let root = match paths::enter(&parent, trust) {
            Ok(dir) => Some(DestDir::root(dir, false)),
            Err(_) if o.dry_run && o.mkpath => None,
            Err(e) => {
                let text = line!("change_dir#3 ", shown(&parent), " failed");
                return Err(ctx.fatal_os(Fatal::FileSelect, role, text, e));
            }
        };
        Ok(Destination {
            root,
            absolute: absolute(&parent),
            solo_name: Some(name),
        })
    }

    fn make(
        ctx: &Context,
        path: &[u8],
        cwd: &[u8],
        top: &Arc<Segment>,
    ) -> Result<Destination, SessionError> {
        let role = Role::Destination;
        let trust = paths::trust(&ctx.options);
        let failed = |what: &str, e| {
            let text = line!(what, " ", crate::context::full_name(cwd, path), " failed");
            let kind = if what == "mkdir" {
                Fatal::FileIo
            } else {
                Fatal::FileSelect
            };
            ctx.fatal_os(kind, role, text, e)
        };
        if !ctx.options.dry_run {
            let (parent, name) = tree::entry::split(path);
            let parent = if parent.is_empty() {
                b".".as_slice()
            } else {
                parent
            };
            Dir::open(&paths::path_of(parent), trust)
                .and_then(|parent| parent.create_dir(name, new_permissions(ctx, &parent)))
                .map_err(|e| failed("mkdir", e))?;
        }
        if let Some(0) = top
            .entries
            .iter()
            .position(|e| e.is_dir() && e.basename() == b".")
        {
            EntryRef {
                segment: top.clone(),
                index: 0,
                content: None,
            }
            .note(Note::DirCreated);
        }
        if told(ctx) {
            ctx.info(role, line!("created directory ", path));
        }
        let absolute = paths::absolute(cwd, path);
        if ctx.options.dry_run {
            return Ok(Destination {
                root: None,
                absolute,
                solo_name: None,
            });
        }
        let dir = paths::enter(path, trust).map_err(|e| failed("change_dir#2", e))?;
        Ok(Destination {
            root: Some(DestDir::root(dir, true)),
            absolute,
            solo_name: None,
        })
    }
}

fn told(ctx: &Context) -> bool {
    ctx.options.info.name >= 1 || ctx.options.itemize() > 0
}

/// Makes the missing directories of a path, all of it or all but its last component; returns
/// how many there were.
// rsync: util1.c make_path()
fn make_path(ctx: &Context, path: &[u8], whole: bool) -> io::Result<usize> {
    let path = if whole {
        path
    } else {
        tree::entry::split(path).0
    };
    let mut missing = Vec::new();
    let mut at = path;
    while !at.is_empty() && at != b"/" && !paths::path_of(at).is_dir() {
        if at.len() < path.len() && paths::path_of(at).exists() {
            // A file is in the way: the system says so.
            std::fs::metadata(paths::path_of(path))?;
        }
        missing.push(at);
        at = tree::entry::split(at).0;
    }
    if !ctx.options.dry_run {
        for dir in missing.iter().rev() {
            let (parent, name) = tree::entry::split(dir);
            let parent = if parent.is_empty() {
                b".".as_slice()
            } else {
                parent
            };
            let parent = Dir::open(&paths::path_of(parent), paths::trust(&ctx.options))?;
            parent.create_dir(name, new_permissions(ctx, &parent))?;
        }
    }
    Ok(missing.len())
}

/// The permissions that new entries of a directory may have at most: those of its default list, or else
/// what the umask leaves.
// rsync: acls.c default_perms_for_dir(), util1.c mkdir_defmode()
fn new_permissions(ctx: &Context, dir: &Dir) -> u32 {
    let list = acls::default_list(XattrsOf::Entry(dir, b"."));
    list.map_or(ctx.default_permissions, |list| list.permissions())
}

impl DestDir {
    fn root(dir: Dir, fresh: bool) -> Arc<DestDir> {
        Arc::new(DestDir::new(dir, Vec::new(), None, fresh))
    }

    /// A directory that is not of the destination, or looked at beside the walk; `path` names it
    /// in messages.
    pub fn aside(dir: Dir, path: Vec<u8>) -> Arc<DestDir> {
        Arc::new(DestDir::new(dir, path, None, false))
    }

    /// Opens the directory `name` in this one, and with `follow` one that a link leads to without
    /// leaving the destination.
    pub fn open(
        self: &Arc<DestDir>,
        name: &[u8],
        follow: bool,
        fresh: bool,
    ) -> io::Result<Arc<DestDir>> {
        let dir = match self.dir.open_beneath(name) {
            Err(_) if follow => self.open_within(name)?,
            other => other?,
        };
        let path = tree::entry::join(&self.path, name);
        Ok(Arc::new(DestDir::new(dir, path, Some(self.clone()), fresh)))
    }

    // rsync: syscall.c secure_relative_open()
    fn open_within(&self, name: &[u8]) -> io::Result<Dir> {
        let mut top = self;
        while let Some(parent) = &top.parent {
            top = parent;
        }
        let below = without_leading_slashes(&self.path[top.path.len()..]);
        top.dir.open_within(&tree::entry::join(below, name))
    }

    fn new(dir: Dir, path: Vec<u8>, parent: Option<Arc<DestDir>>, fresh: bool) -> DestDir {
        DestDir {
            dir,
            path,
            parent,
            fresh,
            birth: OnceLock::new(),
            new_permissions: AtomicU32::new(UNKNOWN),
            changed: AtomicBool::new(false),
            finish: Mutex::default(),
        }
    }

    /// The directory above; none above the root.
    pub fn parent(&self) -> Option<&Arc<DestDir>> {
        self.parent.as_ref()
    }

    /// Whether a symbolic link has this name in it.
    pub fn is_link(&self, name: &[u8]) -> bool {
        let stat = self.dir.stat(name, Follow::Never);
        stat.is_ok_and(|stat| stat.kind == FileKind::Symlink)
    }

    /// The owner and group that files made in it get, once that is known.
    pub fn birth(&self) -> Option<(u32, u32)> {
        self.birth.get().copied()
    }

    /// The permissions that new entries may have at most.
    pub fn new_permissions(&self, ctx: &Context) -> u32 {
        let known = self.new_permissions.load(Ordering::Relaxed);
        if known != UNKNOWN {
            return known;
        }
        let new = new_permissions(ctx, &self.dir);
        self.new_permissions.store(new, Ordering::Relaxed);
        new
    }

    /// Forgets these: its lists were set.
    pub fn forget_new_permissions(&self) {
        self.new_permissions.store(UNKNOWN, Ordering::Relaxed);
    }

    /// Learns from a file that was just made in it.
    pub fn remember_birth(&self, file: &File) {
        // A default list of the directory changes permissions too, and so nothing is known of them.
        if acls::default_list(XattrsOf::Entry(&self.dir, b".")).is_some() {
            return;
        }
        if let Ok(stat) = fast_io::dir::file_stat(file) {
            self.birth.get_or_init(|| (stat.uid, stat.gid));
        }
    }

    /// Says that an entry was made, replaced or removed in it.
    pub fn touch(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Says what it is to have in the end. Permissions only matter if they were widened for
    /// the time of the session.
    // rsync: generator.c touch_up_dirs()
    pub fn finish_as(&self, ctx: &Context, wanted: Wanted<'_>, widened: bool) {
        let o = &ctx.options;
        if o.dry_run {
            return;
        }
        let finish = Finish {
            mtime: keeps_time(o, wanted.entry.mode()).then_some(wanted.entry.mtime()),
            permissions: widened.then_some(wanted.mode & 0o7777),
        };
        self.finish_with(finish);
    }

    /// Says what time it is to have in the end, when it is entered once more after its turn.
    pub fn restore_time(&self, mtime: Timestamp) {
        self.finish_with(Finish {
            mtime: Some(mtime),
            permissions: None,
        });
    }

    /// Says that it is to have the time in the end that it has now, if nothing else was said.
    pub fn keep_time(&self) {
        let mut finish = self.finish.lock().unwrap_or_else(PoisonError::into_inner);
        if finish.is_none()
            && let Ok(stat) = self.dir.stat_self()
        {
            *finish = Some(Finish {
                mtime: Some(stat.mtime),
                permissions: None,
            });
        }
    }

    fn finish_with(&self, finish: Finish) {
        *self.finish.lock().unwrap_or_else(PoisonError::into_inner) = Some(finish);
    }
}

impl Drop for DestDir {
    fn drop(&mut self) {
        let finish = self
            .finish
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(finish) = finish.take() else { return };
        // Like rsync, without a word if it cannot be done.
        if let Some(mtime) = finish.mtime
            && self.changed.load(Ordering::Relaxed)
        {
            let _ = self.dir.set_own_mtime(mtime);
        }
        if let Some(permissions) = finish.permissions {
            let _ = self.dir.set_own_permissions(permissions);
        }
    }
}
