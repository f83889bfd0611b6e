//! Makes one entry of the file list of what is found under a name.
// rsync: flist.c make_file(), readlink_stat(), send_file_name()

use super::{Sender, SourceDir};
use crate::context::{full_name, line};
use crate::devices;
use crate::error::Problem;
use crate::event::Role;
use crate::filtering;
use fast_io::dir::{Dir, FileKind, Follow, Stat, Timestamp};
use std::io;
use std::time::SystemTime;
use tree::entry::{Entry, EntryFlags, FileId, join};
use tree::filter::{DirFilters, EntryKind, Side};
use tree::names::Name;
use tree::symlink::{MUNGE_PREFIX, is_unsafe};

/// Where entries are made: a directory of the source, open, and the filters that hold in it.
pub(crate) struct Surroundings<'a> {
    pub source: &'a SourceDir,
    pub dir: &'a Dir,
    /// `None` where nothing is filtered: operands and what they imply.
    pub filters: Option<&'a DirFilters>,
    /// The volume that `-x` stays on.
    pub device: u64,
}

impl Sender {
    /// Makes the entry for `name` in these surroundings, or says why there is none. `stat` is what a
    /// look at the name gave, with links followed as `-L` says.
    pub(super) fn make_entry(
        &self,
        around: &Surroundings<'_>,
        name: Name,
        stat: io::Result<Stat>,
        mut flags: EntryFlags,
    ) -> Option<Entry> {
        let o = &self.ctx.options;
        let stat = stat.and_then(|stat| self.follow_wanted(around, &name, stat));
        let (stat, target) = match stat {
            Ok(found) => found,
            Err(error) => {
                self.report_unreadable(around, &name, error);
                return None;
            }
        };

        if stat.is_dir() {
            if around.filters.is_some() {
                if !o.xfer_dirs {
                    let path = join(name.dirname(), name.basename());
                    self.ctx
                        .info(Role::Sender, line!("skipping directory ", path));
                    return None;
                }
                let crosses = o.one_file_system > 0
                    && stat.device != around.device
                    && flags.content_dir
                    && !flags.top_dir;
                if crosses && o.one_file_system > 1 {
                    if o.info.mount >= 1 {
                        let path = join(name.dirname(), name.basename());
                        let text = line!("[sender] skipping mount-point dir ", path);
                        self.ctx.info(Role::Sender, text);
                    }
                    return None;
                }
                if crosses {
                    flags.mount_dir = true;
                    flags.content_dir = false;
                }
            }
        } else {
            flags.content_dir = false;
        }
        if let Some(filters) = around.filters {
            let kind = if stat.is_dir() {
                EntryKind::Directory
            } else {
                EntryKind::File
            };
            if self.is_excluded(filters, name.dirname(), name.basename(), kind) {
                return None;
            }
        }

        let stat = if o.copy_devices && stat.kind.is_device() {
            self.device_as_file(around, &name, stat)
        } else {
            stat
        };
        let mut entry = Entry::new(name, &stat);
        entry.set_flags(flags);
        if o.preserve_atimes && !stat.is_dir() {
            entry.set_atime(stat.atime.secs);
        }
        if let Some(target) = target {
            if target.is_empty() && o.preserve_links {
                self.ctx.problems.add(Role::Sender, Problem::General);
                let path = full_name(&around.source.absolute, &entry.path());
                let text = line!("skipping symlink with 0-length value: ", path);
                self.ctx.transfer_error(Role::Sender, text);
                return None;
            }
            entry.extra_mut().link_target = Some(target.into());
        }
        if o.preserve_hard_links && !stat.is_dir() && stat.links > 1 {
            entry.extra_mut().identity = Some(FileId {
                device: stat.device,
                inode: stat.inode,
            });
        }
        if !o.chmod.is_empty() && !entry.is_symlink() {
            entry.set_mode(o.chmod.apply(entry.mode(), self.ctx.umask));
        }
        let is_listed = self.can_be_converted(around, &entry)
            && self.add_acls(around, &mut entry, &stat)
            && self.add_xattrs(around, &mut entry);
        is_listed.then_some(entry)
    }

    /// What a device is as a file: what is on it may have changed just now.
    // rsync: flist.c make_file(), copy_devices
    fn device_as_file(&self, around: &Surroundings<'_>, name: &Name, stat: Stat) -> Stat {
        let mut size = stat.size;
        if size == 0
            && let Ok(device) =
                around
                    .dir
                    .open_file(name.basename(), self.ctx.reading(), self.follow_files())
        {
            let path = join(name.dirname(), name.basename());
            size = devices::size(&self.ctx, Role::Sender, &device, &path);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Stat {
            kind: FileKind::Regular,
            permissions: stat.permissions & 0o777,
            size,
            mtime: Timestamp {
                secs: now.map_or(0, |now| now.as_secs() as i64),
                ..stat.mtime
            },
            ..stat
        }
    }

    /// Whether the other side can have this entry's name, and what it holds as a symbolic link. Says
    /// so if not.
    fn can_be_converted(&self, around: &Surroundings<'_>, entry: &Entry) -> bool {
        let charset = self.for_wire.as_ref().and_then(|w| w.charset.as_ref());
        let Some(charset) = charset else {
            return true;
        };
        let name = entry.path();
        let text = if let Err(e) = charset.names.to_wire(&name) {
            line!(
                "[sender] cannot convert filename: ",
                name,
                " (",
                e.to_string(),
                ")"
            )
        } else if charset.links
            && self.ctx.options.preserve_links
            && let Err(e) = charset.names.to_wire(entry.link_target())
        {
            let path = full_name(&around.source.absolute, &name);
            line!(
                "[sender] cannot convert symlink data for: ",
                path,
                " (",
                e.to_string(),
                ")"
            )
        } else {
            return true;
        };
        self.ctx.problems.add(Role::Sender, Problem::General);
        self.ctx.transfer_error(Role::Sender, text);
        false
    }

    /// Follows a symbolic link where an option says so; else reads what it holds.
    fn follow_wanted(
        &self,
        around: &Surroundings<'_>,
        name: &Name,
        stat: Stat,
    ) -> io::Result<(Stat, Option<Vec<u8>>)> {
        let o = &self.ctx.options;
        if stat.kind != FileKind::Symlink {
            return Ok((stat, None));
        }
        if o.copy_dirlinks
            && let Ok(behind) = around.dir.stat(name.basename(), Follow::Always)
            && behind.is_dir()
        {
            return Ok((behind, None));
        }
        let mut target = around.dir.read_link(name.basename())?;
        let path = join(name.dirname(), name.basename());
        if o.copy_unsafe_links && is_unsafe(&target, &path) {
            if o.info.symsafe >= 1 {
                let text = line!("copying unsafe symlink \"", path, "\" -> \"", target, "\"");
                self.ctx.info(Role::Sender, text);
            }
            return Ok((around.dir.stat(name.basename(), Follow::Always)?, None));
        }
        if o.munge_links && target.len() > MUNGE_PREFIX.len() && target.starts_with(MUNGE_PREFIX) {
            target.drain(..MUNGE_PREFIX.len());
        }
        Ok((stat, Some(target)))
    }

    fn report_unreadable(&self, around: &Surroundings<'_>, name: &Name, error: io::Error) {
        let o = &self.ctx.options;
        // What is not wanted anyway is no error.
        if let Some(filters) = around.filters
            && [EntryKind::File, EntryKind::Directory]
                .into_iter()
                .any(|kind| self.is_excluded(filters, name.dirname(), name.basename(), kind))
        {
            return;
        }
        let shown = full_name(
            &around.source.absolute,
            &join(name.dirname(), name.basename()),
        );
        if error.kind() != io::ErrorKind::NotFound {
            self.ctx.problems.add(Role::Sender, Problem::General);
            let text = line!("readlink_stat(", shown, ") failed");
            self.ctx.transfer_error_os(Role::Sender, text, error);
            return;
        }
        let dangling = (o.copy_links || o.copy_unsafe_links || o.copy_dirlinks)
            && around
                .dir
                .stat(name.basename(), Follow::Never)
                .is_ok_and(|s| s.kind == FileKind::Symlink);
        if dangling {
            self.ctx.problems.add(Role::Sender, Problem::General);
            let text = line!("symlink has no referent: ", shown);
            self.ctx.transfer_error(Role::Sender, text);
        } else {
            self.ctx.problems.add(Role::Sender, Problem::Vanished);
            self.ctx
                .warn(Role::Sender, line!("file has vanished: ", shown));
        }
    }

    /// Whether the filters leave this name out; says so at `-vv`.
    pub(super) fn is_excluded(
        &self,
        filters: &DirFilters,
        dirname: &[u8],
        name: &[u8],
        kind: EntryKind,
    ) -> bool {
        let verdict = filters.check(dirname, name, kind);
        filtering::is_excluded(&self.ctx, Side::Sender, verdict, dirname, name, kind)
    }
}
