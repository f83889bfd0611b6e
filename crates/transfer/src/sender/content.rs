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
                .and_then(|file| {
                    look_into(file, entry, purpose, |device| {
                        let copies = self.ctx.options.copy_devices;
                        copies
                            .then(|| devices::size(&self.ctx, Role::Sender, device, &entry.path()))
                    })
                }),
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

/// Makes sure that what was opened is still a file, and reads it if it is small.
///
/// Anything may have taken the file's place since it was listed, and what is no file has no size
/// to go by: a FIFO would pass for an empty file. Where as many bytes can be read, at a place of
/// their own, as were listed, and not one more, there is no need to ask: directories, FIFOs,
/// sockets and terminals refuse that, and devices have no such end, or are wanted: `device_size` says
/// whether.
fn look_into<'a>(
    file: File,
    entry: &Entry,
    purpose: Purpose<'a>,
    device_size: impl FnOnce(&File) -> Option<u64>,
) -> Result<Content<'a>, Unusable> {
    let purpose = match purpose {
        Purpose::Copy(buffer) if (1..SMALL as u64).contains(&entry.size) => {
            if let Ok(true) = read_small(&file, buffer, entry.size as usize) {
                return Ok(Content {
                    file,
                    size: entry.size,
                    bytes: Some(buffer),
                });
            }
            // It was changed, or cannot be read: whoever copies it meets the error again, and
            // tells it as one of reading.
            Purpose::Stream
        }
        other => other,
    };
    let stat = file_stat(&file).map_err(Unusable::Unopened)?;
    match stat.kind {
        FileKind::Regular => {}
        kind if kind.is_device()
            && let Some(size) = device_size(&file) =>
        {
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
    let bytes = match purpose {
        Purpose::Copy(buffer) if stat.size == 0 && entry.size == 0 => {
            buffer.clear();
            Some(&**buffer)
        }
        _ => None,
    };
    Ok(Content {
        file,
        size: stat.size,
        bytes,
    })
}

/// The same error once more: `io::Error` cannot be cloned.
pub(crate) fn copy_error(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fast_io::dir::{Access, Trust};
    use tree::names::Name;

    /// What is read of a file that was listed with this size: its size, and its bytes if they were
    /// read at once.
    fn look(dir: &Dir, name: &[u8], listed: u64) -> Option<(u64, Option<Vec<u8>>)> {
        let mut stat = dir.stat(name, Follow::Never).unwrap();
        stat.kind = FileKind::Regular;
        stat.size = listed;
        let entry = Entry::new(Name::alone(0, b"", name), &stat);
        let file = dir.open_file(name, Access::Read, Follow::Never).unwrap();
        let mut buffer = small_buffers().take();
        let content = look_into(file, &entry, Purpose::Copy(&mut buffer), |_| None).ok()?;
        Some((content.size, content.bytes.map(<[u8]>::to_vec)))
    }

    #[test]
    fn what_is_read_at_once_is_what_was_listed() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), b"four").unwrap();
        std::fs::write(place.path().join("empty"), b"").unwrap();
        let dir = Dir::open(place.path(), Trust::Anyone).unwrap();
        assert_eq!(look(&dir, b"file", 4), Some((4, Some(b"four".to_vec()))));
        // It has grown or shrunk since it was listed.
        for listed in [0, 3, 5] {
            assert_eq!(look(&dir, b"file", listed), Some((4, None)));
        }
        assert_eq!(look(&dir, b"empty", 0), Some((0, Some(Vec::new()))));
        assert_eq!(look(&dir, b"empty", 1), Some((0, None)));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_any_more_is_not_read() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path(), Trust::Anyone).unwrap();
        let none = fast_io::dir::DeviceNumber::default();
        dir.create_node(b"fifo", FileKind::Fifo, 0o600, none)
            .unwrap();
        dir.create_dir(b"dir", 0o700).unwrap();
        for listed in [0, 1, 4] {
            assert_eq!(look(&dir, b"fifo", listed), None);
            assert_eq!(look(&dir, b"dir", listed), None);
        }
    }
}
