//! Opens the content that the generator asked for.
// rsync: sender.c send_files()

use super::Sender;
use crate::context::{full_name, line};
use crate::devices;
use crate::error::Problem;
use crate::event::Role;
use fast_io::dir::{Dir, FileKind, Follow, file_stat};
use fast_io::offload::read_small;
use fast_io::{Buffer, BufferPool};
use std::fs::File;
use std::io::{self, Read};
use tree::entry::Entry;

/// A source file, open.
pub(crate) struct Content<'a> {
    pub file: File,
    /// Its size when it was opened; the list may have said otherwise.
    pub size: u64,
    /// All of it, if it is small and is only to be copied.
    pub bytes: Option<&'a [u8]>,
}

/// What is to be done with content.
#[derive(Debug)]
pub(crate) enum Purpose<'a> {
    /// It is copied as it is: a small file is read at once, into this buffer.
    Copy(&'a mut Buffer),
    /// It is looked at piece by piece.
    Stream,
}

/// Files below this size are read in one go.
const SMALL: usize = 16 * 1024;

/// Buffers for small files' content, see [`Purpose::Copy`].
pub(super) fn small_buffers() -> BufferPool {
    BufferPool::new(SMALL, 64)
}

impl Sender {
    /// A buffer to read small files into, one after the other.
    pub fn small_buffer(&self) -> Buffer {
        self.small_buffers.take()
    }

    /// Opens the directory that an entry is in.
    pub fn open_parent(&self, entry: &Entry) -> io::Result<Dir> {
        self.source(entry.source())
            .open_dir(entry.dirname(), self.links)
    }

    /// Opens an entry's content in `parent`. `None` when it cannot be had, which has been told.
    pub fn open_content<'a>(
        &self,
        parent: &io::Result<Dir>,
        entry: &Entry,
        purpose: Purpose<'a>,
    ) -> Option<Content<'a>> {
        let o = &self.ctx.options;
        let opened = match parent {
            Ok(dir) => dir
                .open_file(entry.basename(), self.ctx.reading(), self.follow_files())
                .map_err(Unusable::Unopened)
                .and_then(|file| self.look_into(file, entry, purpose)),
            Err(e) => Err(Unusable::Unopened(copy_error(e))),
        };
        let name = || full_name(&self.source(entry.source()).absolute, &entry.path());
        match opened {
            Ok(content) => {
                if o.append != options::Append::No && content.size < entry.size {
                    self.ctx
                        .warn(Role::Sender, line!("skipped diminished file: ", name()));
                    return None;
                }
                return Some(content);
            }
            Err(Unusable::Unopened(e)) if e.kind() == io::ErrorKind::NotFound => {
                self.ctx.problems.add(Role::Sender, Problem::Vanished);
                self.ctx
                    .warn(Role::Sender, line!("file has vanished: ", name()));
            }
            Err(Unusable::Unopened(e)) => {
                self.ctx.problems.add(Role::Sender, Problem::General);
                let text = line!("send_files failed to open ", name());
                self.ctx.transfer_error_os(Role::Sender, text, e);
            }
            Err(Unusable::NoFile) => {
                self.ctx.problems.add(Role::Sender, Problem::General);
                let text = line!("no longer a regular file, so not sent: ", name());
                self.ctx.transfer_error(Role::Sender, text);
            }
        }
        None
    }

    /// Whether a symbolic link in a file's place is followed: only where the user asked.
    pub fn follow_files(&self) -> Follow {
        let o = &self.ctx.options;
        if o.copy_links || o.copy_unsafe_links {
            Follow::Always
        } else {
            Follow::Never
        }
    }

    /// Tells that reading an entry's content failed half-way.
    pub fn read_failed(&self, entry: &Entry, error: io::Error) {
        self.ctx.problems.add(Role::Sender, Problem::General);
        let name = full_name(&self.source(entry.source()).absolute, &entry.path());
        let text = line!("read errors mapping ", name);
        self.ctx.transfer_error_os(Role::Sender, text, error);
    }

    /// Removes a source file that is safely at the destination, unless it changed meanwhile.
    // rsync: sender.c successful_send()
    pub fn remove_source(&self, entry: &Entry, destination: Option<tree::entry::FileId>) {
        let source = self.source(entry.source());
        let name = entry.path();
        let role = Role::Sender;
        let result = (|| {
            let parent = source.open_dir(entry.dirname(), self.links)?;
            let follow = if self.ctx.options.copy_links {
                Follow::Always
            } else {
                Follow::Never
            };
            let stat = parent.stat(entry.basename(), follow)?;
            let id = tree::entry::FileId {
                device: stat.device,
                inode: stat.inode,
            };
            if destination == Some(id) {
                let text = line!("ERROR: Skipping sender remove of destination file: ", name);
                self.ctx.transfer_error(role, text);
                return Ok(());
            }
            let sized = entry.is_regular() || entry.is_symlink();
            if (sized && stat.size != entry.size) || stat.mtime != entry.mtime() {
                let text = line!("ERROR: Skipping sender remove for changed file: ", name);
                self.ctx.transfer_error(role, text);
                return Ok(());
            }
            parent.remove_file(entry.basename())?;
            if self.ctx.options.info.remove >= 1 {
                self.ctx.info(role, line!("sender removed ", name));
            }
            Ok(())
        })();
        match result {
            Ok(()) => {}
            Err(e) if io::Error::kind(&e) == io::ErrorKind::NotFound => {
                self.ctx
                    .info(role, line!("sender file already removed: ", name));
            }
            Err(e) => {
                self.ctx
                    .transfer_error_os(role, line!("sender failed to remove ", name), e);
            }
        }
    }
}

/// Why an entry has no content.
enum Unusable {
    /// It could not be opened.
    Unopened(io::Error),
    /// Something else than a file has come to be in its place.
    NoFile,
}

impl Sender {
    /// Makes sure that what was opened is still a file, and reads it if it is small.
    ///
    /// Anything may have taken the file's place since it was listed, and what is no file has no size
    /// to go by: a FIFO would pass for an empty file.
    fn look_into<'a>(
        &self,
        file: File,
        entry: &Entry,
        purpose: Purpose<'a>,
    ) -> Result<Content<'a>, Unusable> {
        let stat = file_stat(&file).map_err(Unusable::Unopened)?;
        match stat.kind {
            FileKind::Regular => {}
            kind if kind.is_device() && self.ctx.options.copy_devices => {
                let size = devices::size(&self.ctx, Role::Sender, &file, &entry.path());
                return Ok(Content {
                    file,
                    size,
                    bytes: None,
                });
            }
            // Reading it says what is wrong in the system's own words.
            FileKind::Directory => {
                let refused = (&file).read(&mut [0]).err();
                return Err(refused.map_or(Unusable::NoFile, Unusable::Unopened));
            }
            _ => return Err(Unusable::NoFile),
        }
        let mut content = Content {
            file,
            size: stat.size,
            bytes: None,
        };
        if let Purpose::Copy(buffer) = purpose
            && stat.size == entry.size
            && stat.size < SMALL as u64
        {
            match read_small(&content.file, buffer, stat.size as usize) {
                Ok(true) => content.bytes = Some(buffer),
                // It was changed just now.
                Ok(false) => content.size = file_stat(&content.file).map_or(stat.size, |s| s.size),
                // Whoever copies it meets the error again, and tells it as one of reading.
                Err(_) => {}
            }
        }
        Ok(content)
    }
}

/// The same error once more: `io::Error` cannot be cloned.
pub(crate) fn copy_error(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
