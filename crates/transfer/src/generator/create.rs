//! Making room for an entry, and making an entry in one step whatever it replaces.
// rsync: generator.c atomic_create()

use super::{Generator, ROLE};
use crate::context::line;
use crate::destination::DestDir;
use crate::receiver::backup::{Backup, Keep, Keeper};
use fast_io::dir::{DeviceNumber, FileKind, Stat};
use std::io;
use std::sync::Arc;
use tree::entry::Entry;
use tree::temp::{Location, unique};

/// What is made.
pub(super) enum Made<'a> {
    /// A symbolic link that holds this.
    Symlink(&'a [u8]),
    /// Another name of what stands under this name in this directory.
    HardLink(&'a DestDir, &'a [u8], &'a [u8]),
    /// A node.
    Node(FileKind, u32, DeviceNumber),
}

impl Generator {
    /// Removes what stands where an entry of another kind belongs. False if it could not be
    /// done, which has been told.
    pub(super) fn make_room(&mut self, file: &Entry, stat: &Stat, what: &'static str) -> bool {
        let o = &self.ctx.options;
        let recurse = o.delete.is_some() || o.force_delete;
        let Ok(dir) = self.enter(file) else {
            return false;
        };
        let leaf = self.leaf(file).to_vec();
        self.delete_for_room(&dir, &leaf, stat, recurse, what)
    }

    /// Makes an entry. What exists under its name is replaced in one step where that is
    /// possible. False if it could not be done, which has been told.
    pub(super) fn create(
        &mut self,
        file: &Entry,
        made: &Made<'_>,
        existing: Option<&Stat>,
        what: &'static str,
    ) -> bool {
        if self.ctx.options.dry_run && existing.is_none() {
            return true;
        }
        let dir = match self.enter(file) {
            Ok(dir) => dir,
            Err(e) => {
                self.report_not_made(&self.name(file), made, e);
                return false;
            }
        };
        dir.touch();
        let leaf = self.leaf(file).to_vec();
        let o = &self.ctx.options;
        let dir_in_the_way = existing.is_some_and(Stat::is_dir);
        let in_one_step = existing.is_some() && !dir_in_the_way && o.tmp_dir.is_none();
        if let Some(stat) = existing {
            if o.backup && !dir_in_the_way {
                let keep = if in_one_step {
                    Keep::AndStay
                } else {
                    Keep::Away
                };
                let keeper = Keeper::Generator(self.removals());
                if let Backup::Failed(_) = self.receiver.backup(&dir, &leaf, keep, keeper) {
                    return false;
                }
            } else if !in_one_step && !self.make_room(file, stat, what) {
                return false;
            }
        }
        // Room is made, and told, in a dry run too.
        if self.ctx.options.dry_run {
            return true;
        }
        if !in_one_step {
            return match make(&dir, &leaf, made) {
                Ok(()) => true,
                Err(e) => {
                    self.report_not_made(&self.name(file), made, e);
                    false
                }
            };
        }
        match unique(&leaf, Location::Beside, |temp| make(&dir, temp, made)) {
            Ok(((), temp)) => match dir.dir.rename(&temp, &dir.dir, &leaf) {
                Ok(()) => true,
                Err(e) => {
                    let from = self.shown(&tree::entry::join(&dir.path, &temp));
                    let to = self.shown(&self.name(file));
                    let text = line!("rename ", from, " -> \"", to, "\" failed");
                    self.ctx.transfer_error_os(ROLE, text, e);
                    let _ = dir.dir.remove_file(&temp);
                    false
                }
            },
            Err(e) => {
                self.report_not_made(&self.name(file), made, e);
                false
            }
        }
    }

    fn report_not_made(&self, name: &[u8], made: &Made<'_>, error: io::Error) {
        let shown = self.shown(name);
        let text = match made {
            Made::Symlink(target) => line!("symlink ", shown, " -> \"", target, "\" failed"),
            Made::HardLink(_, _, from) => line!("link ", shown, " => ", from, " failed"),
            Made::Node(FileKind::Socket, ..) if error.kind() == io::ErrorKind::Unsupported => {
                let text = line!("skipping socket (creation unsupported here): ", shown);
                self.ctx.warn(ROLE, text);
                return;
            }
            Made::Node(..) => line!("mknod ", shown, " failed"),
        };
        self.ctx.transfer_error_os(ROLE, text, error);
    }
}

fn make(dir: &Arc<DestDir>, name: &[u8], made: &Made<'_>) -> io::Result<()> {
    match made {
        Made::Symlink(target) => dir.dir.create_symlink(name, target),
        Made::HardLink(from_dir, from, _) => from_dir.dir.link(from, &dir.dir, name),
        Made::Node(kind, mode, device) => dir.dir.create_node(name, *kind, mode & 0o7777, *device),
    }
}
