//! Directory handles on Windows: native calls that take a directory handle and a name.
//!
//! The kernel parses neither `..` nor `/` nor device names in such a name. It does follow links
//! among the components before the last, so a path beneath a directory is walked one component
//! at a time, each opened as itself and looked at before the next.

mod entries;
mod metadata;
mod native;
mod reparse;
mod wide;

use super::name::{Name, PathBeneath};
use super::named::{Purpose, Trust};
use super::{Access, DeviceNumber, FileKind, Follow, Identity, Stat, Timestamp};
use crate::sys::win32_error;
use metadata::Shape;
use native::ITSELF;
use reparse::SymlinkData;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsHandle, OwnedHandle};
use std::path::Path;
use windows_sys::Wdk::Storage::FileSystem::{FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE};
use windows_sys::Win32::Foundation::{
    ERROR_CANT_RESOLVE_FILENAME, ERROR_DIRECTORY, ERROR_DIRECTORY_NOT_SUPPORTED,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ATTRIBUTE_NORMAL, FILE_FLAG_BACKUP_SEMANTICS, FILE_GENERIC_READ,
    FILE_GENERIC_WRITE, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_TRAVERSE,
    FILE_WRITE_ATTRIBUTES, SYNCHRONIZE,
};

/// An open directory.
#[derive(Debug)]
pub struct Dir(OwnedHandle);

const DIR_ACCESS: u32 = FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_READ_ATTRIBUTES;

impl Dir {
    pub fn open(path: &Path, trust: Trust<'_>) -> io::Result<Dir> {
        refuse_bound(trust)?;
        // The standard library turns long paths into ones that need no limit.
        let dir = OpenOptions::new()
            .access_mode(DIR_ACCESS | SYNCHRONIZE)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)?;
        if !Shape::of(dir.as_handle())?.is_directory() {
            return Err(win32_error(ERROR_DIRECTORY));
        }
        Ok(Dir(dir.into()))
    }

    pub fn open_beneath(&self, path: PathBeneath<'_>) -> io::Result<Dir> {
        let mut at: Option<OwnedHandle> = None;
        for component in path.components() {
            let component = wide::component(component)?;
            let parent = at.as_ref().unwrap_or(&self.0);
            at = Some(open_content(
                parent,
                &component,
                DIR_ACCESS,
                FILE_DIRECTORY_FILE,
            )?);
        }
        match at {
            Some(dir) => Ok(Dir(dir)),
            None => self.again(DIR_ACCESS).map(Dir),
        }
    }

    pub fn open_following(&self, path: &[u8], trust: Trust<'_>) -> io::Result<Dir> {
        refuse_bound(trust)?;
        if path.starts_with(b"/") || path.split(|&b| b == b'/').any(|c| c == b"..") {
            return self.open_elsewhere(path, trust);
        }
        let components = PathBeneath::new(path)?.components().map(wide::component);
        let path = components
            .collect::<io::Result<Vec<_>>>()?
            .join(&u16::from(b'\\'));
        native::open(&self.0, &path, DIR_ACCESS, FILE_DIRECTORY_FILE).map(Dir)
    }

    /// Opens what lies above this directory, which the kernel finds only by a whole path. Like
    /// Windows itself this takes `..` to go back from the name before it, even if that is a link.
    fn open_elsewhere(&self, path: &[u8], trust: Trust<'_>) -> io::Result<Dir> {
        let mut whole = native::path_of(self.0.as_handle())?;
        if path.starts_with(b"/") {
            let root = whole.ancestors().last().map(Path::to_path_buf);
            whole = root.unwrap_or_default();
        }
        for component in path.split(|&b| b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    whole.pop();
                }
                name => {
                    let name = wide::component(Name::of_entry(name)?)?;
                    whole.push(OsString::from_wide(&name));
                }
            }
        }
        Dir::open(&whole, trust)
    }

    pub fn entries(&self, found: &mut dyn FnMut(&[u8], Option<FileKind>)) -> io::Result<()> {
        // A handle of its own, so that the read position is nobody else's.
        entries::read(&self.again(DIR_ACCESS)?, found)
    }

    pub fn stat(&self, name: Name<'_>, follow: Follow) -> io::Result<Stat> {
        let options = match follow {
            Follow::Never => ITSELF,
            Follow::Always => 0,
        };
        let name = wide::component(name)?;
        metadata::stat_of(native::open(&self.0, &name, FILE_READ_ATTRIBUTES, options)?)
    }

    pub fn stat_self(&self) -> io::Result<Stat> {
        metadata::stat_of(&self.0)
    }

    pub fn open_file(&self, name: Name<'_>, access: Access, follow: Follow) -> io::Result<File> {
        let name = wide::component(name)?;
        let access = match access {
            Access::Read | Access::ReadUnseen => FILE_GENERIC_READ,
            Access::Write => FILE_GENERIC_READ | FILE_GENERIC_WRITE,
        };
        let file = match follow {
            Follow::Never => open_content(&self.0, &name, access, FILE_NON_DIRECTORY_FILE)?,
            Follow::Always => native::open(&self.0, &name, access, FILE_NON_DIRECTORY_FILE)?,
        };
        Ok(file.into())
    }

    pub fn open_named(&self, name: Name<'_>, trust: Trust<'_>) -> io::Result<File> {
        refuse_bound(trust)?;
        self.open_file(name, Access::Read, Follow::Always)
    }

    pub fn create_file(&self, name: Name<'_>, permissions: u32) -> io::Result<File> {
        let name = wide::component(name)?;
        let access = FILE_GENERIC_READ | FILE_GENERIC_WRITE | DELETE;
        let attributes = metadata::attributes_for(permissions);
        let options = FILE_NON_DIRECTORY_FILE | ITSELF;
        native::create(&self.0, &name, access, options, attributes).map(File::from)
    }

    /// Files have names here from the start.
    pub fn create_unnamed(&self, _permissions: u32) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// See [`Dir::create_unnamed`].
    pub fn link_file(&self, _file: &File, _name: Name<'_>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Here an open file is cloned into, which is `offload`'s matter.
    pub fn create_clone(
        &self,
        _name: Name<'_>,
        _source: &File,
        _permissions: u32,
    ) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn create_dir(&self, name: Name<'_>, _permissions: u32) -> io::Result<()> {
        let name = wide::component(name)?;
        let (access, options) = (FILE_READ_ATTRIBUTES, FILE_DIRECTORY_FILE | ITSELF);
        native::create(&self.0, &name, access, options, FILE_ATTRIBUTE_NORMAL).map(drop)
    }

    /// Whether a link is to a file or to a directory is stored in it: it is made for what the
    /// target is now, and for a file if there is none.
    pub fn create_symlink(&self, name: Name<'_>, target: &[u8]) -> io::Result<()> {
        let name = wide::component(name)?;
        let data = SymlinkData::new(target)?;
        self.create_link_of_type(&name, &data, FILE_NON_DIRECTORY_FILE)?;
        let followed = native::open(&self.0, &name, FILE_READ_ATTRIBUTES, 0)
            .and_then(|target| Shape::of(target.as_handle()));
        match followed {
            Ok(shape) if shape.is_directory() => {
                native::remove(&native::open(&self.0, &name, DELETE, ITSELF)?)?;
                self.create_link_of_type(&name, &data, FILE_DIRECTORY_FILE)
            }
            _ => Ok(()),
        }
    }

    fn create_link_of_type(
        &self,
        name: &[u16],
        data: &SymlinkData,
        options: u32,
    ) -> io::Result<()> {
        let access = FILE_WRITE_ATTRIBUTES | DELETE;
        let options = options | ITSELF;
        let link = native::create(&self.0, name, access, options, FILE_ATTRIBUTE_NORMAL)?;
        data.set(link.as_handle()).inspect_err(|_| {
            // What is left is an empty file of ours; the error says what matters.
            let _ = native::remove(&link);
        })
    }

    pub fn create_node(
        &self,
        _name: Name<'_>,
        _kind: FileKind,
        _permissions: u32,
        _device: DeviceNumber,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn link(&self, from: Name<'_>, to_dir: &Dir, to: Name<'_>) -> io::Result<()> {
        let (from, to) = (wide::component(from)?, wide::component(to)?);
        let entry = native::open(&self.0, &from, FILE_WRITE_ATTRIBUTES, ITSELF)?;
        native::link(&entry, &to_dir.0, &to)
    }

    pub fn rename(&self, from: Name<'_>, to_dir: &Dir, to: Name<'_>) -> io::Result<()> {
        let (from, to) = (wide::component(from)?, wide::component(to)?);
        let entry = native::open(&self.0, &from, DELETE, ITSELF)?;
        match native::rename(&entry, &to_dir.0, &to) {
            // Older systems do not replace what is read-only.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                match to_dir.make_writable(&to) {
                    Ok(WasReadOnly::Yes) => {
                        native::rename(&entry, &to_dir.0, &to).inspect_err(|_| {
                            let _ = to_dir.make_read_only(&to);
                        })
                    }
                    _ => Err(e),
                }
            }
            result => result,
        }
    }

    pub fn remove_file(&self, name: Name<'_>) -> io::Result<()> {
        let entry = self.open_to_remove(name)?;
        let shape = Shape::of(entry.as_handle())?;
        if shape.kind() == FileKind::Directory {
            return Err(win32_error(ERROR_DIRECTORY_NOT_SUPPORTED));
        }
        remove(&entry, shape)
    }

    pub fn remove_dir(&self, name: Name<'_>) -> io::Result<()> {
        let entry = self.open_to_remove(name)?;
        let shape = Shape::of(entry.as_handle())?;
        if shape.kind() != FileKind::Directory {
            return Err(win32_error(ERROR_DIRECTORY));
        }
        remove(&entry, shape)
    }

    pub fn read_link(&self, name: Name<'_>) -> io::Result<Vec<u8>> {
        let name = wide::component(name)?;
        let link = native::open(&self.0, &name, FILE_READ_ATTRIBUTES, ITSELF)?;
        if Shape::of(link.as_handle())?.kind() != FileKind::Symlink {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        reparse::target(link.as_handle())
    }

    pub fn set_permissions(&self, name: Name<'_>, permissions: u32) -> io::Result<()> {
        let entry = self.open_attributes(&wide::component(name)?)?;
        metadata::set_permissions(entry.as_handle(), permissions)
    }

    pub fn set_owner(&self, _name: Name<'_>, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        no_owner(uid, gid)
    }

    pub fn set_mtime(&self, name: Name<'_>, mtime: Timestamp) -> io::Result<()> {
        let name = wide::component(name)?;
        metadata::set_mtime(self.open_attributes(&name)?.as_handle(), mtime)
    }

    pub fn set_atime(&self, name: Name<'_>, atime: Timestamp) -> io::Result<()> {
        let name = wide::component(name)?;
        metadata::set_atime(self.open_attributes(&name)?.as_handle(), atime)
    }

    pub fn set_own_owner(&self, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        no_owner(uid, gid)
    }

    pub fn set_own_mtime(&self, mtime: Timestamp) -> io::Result<()> {
        self.set_mtime(Name::of_entry_or_itself(b".")?, mtime)
    }

    pub fn set_own_permissions(&self, permissions: u32) -> io::Result<()> {
        self.set_permissions(Name::of_entry_or_itself(b".")?, permissions)
    }

    /// Another handle of this directory.
    fn again(&self, access: u32) -> io::Result<OwnedHandle> {
        native::open(&self.0, &[], access, FILE_DIRECTORY_FILE)
    }

    fn open_to_remove(&self, name: Name<'_>) -> io::Result<OwnedHandle> {
        native::open(
            &self.0,
            &wide::component(name)?,
            DELETE | FILE_READ_ATTRIBUTES,
            ITSELF,
        )
    }

    /// Opens an entry to look at its attributes and change them.
    fn open_attributes(&self, name: &[u16]) -> io::Result<OwnedHandle> {
        let access = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES;
        match native::open(&self.0, name, access, ITSELF) {
            // Wine gives no such access to what is read-only, and then asks for none.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                native::open(&self.0, name, FILE_READ_ATTRIBUTES, ITSELF).map_err(|_| e)
            }
            result => result,
        }
    }

    /// Clears the read-only attribute of a file, through a handle that is closed again: one
    /// that stayed open would itself be in the way.
    fn make_writable(&self, name: &[u16]) -> io::Result<WasReadOnly> {
        let entry = self.open_attributes(name)?;
        let shape = Shape::of(entry.as_handle())?;
        if shape.is_directory() || !shape.is_read_only() {
            return Ok(WasReadOnly::No);
        }
        metadata::set_read_only(entry.as_handle(), shape, false)?;
        Ok(WasReadOnly::Yes)
    }

    fn make_read_only(&self, name: &[u16]) -> io::Result<()> {
        let entry = self.open_attributes(name)?;
        metadata::set_read_only(entry.as_handle(), Shape::of(entry.as_handle())?, true)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WasReadOnly {
    Yes,
    No,
}

/// Opens what `name` in `root` holds, and nothing that it points to.
///
/// A reparse point that is no link (a file in a cloud, a deduplicated one) holds its content
/// behind it. It is opened once more by its own handle, which no one can redirect by renaming,
/// and must turn out to be the same file.
fn open_content(
    root: &OwnedHandle,
    name: &[u16],
    access: u32,
    options: u32,
) -> io::Result<OwnedHandle> {
    let entry = native::open(root, name, access | FILE_READ_ATTRIBUTES, options | ITSELF)?;
    let shape = Shape::of(entry.as_handle())?;
    if shape.kind() == FileKind::Symlink {
        return Err(win32_error(ERROR_CANT_RESOLVE_FILENAME));
    }
    if !shape.is_reparse_point() {
        return Ok(entry);
    }
    let content = native::open(&entry, &[], access | FILE_READ_ATTRIBUTES, options)?;
    let (itself, behind) = (metadata::stat_of(&entry)?, metadata::stat_of(&content)?);
    if (itself.device, itself.inode) != (behind.device, behind.inode) {
        return Err(win32_error(ERROR_CANT_RESOLVE_FILENAME));
    }
    Ok(content)
}

fn remove(entry: &OwnedHandle, shape: Shape) -> io::Result<()> {
    match native::remove(entry) {
        // Older systems do not remove what is read-only.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied && shape.is_read_only() => {
            metadata::set_read_only(entry.as_handle(), shape, false)?;
            let result = native::remove(entry);
            // The file may live on: if this failed, or by another name.
            let writable = Shape::of(entry.as_handle());
            let _ = writable.and_then(|now| metadata::set_read_only(entry.as_handle(), now, true));
            result
        }
        result => result,
    }
}

fn no_owner(uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    if uid.is_none() && gid.is_none() {
        Ok(())
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Where a path ends is not looked at here: better nothing than anything.
fn refuse_bound(trust: Trust<'_>) -> io::Result<()> {
    match trust {
        Trust::OwnersBelow(_) => Err(io::ErrorKind::Unsupported.into()),
        Trust::Owners | Trust::Anyone => Ok(()),
    }
}

pub fn open_named(path: &Path, purpose: Purpose, trust: Trust<'_>) -> io::Result<File> {
    refuse_bound(trust)?;
    let mut options = OpenOptions::new();
    match purpose {
        Purpose::Read => options.read(true),
        Purpose::Append { .. } => options.append(true).create(true),
        Purpose::Replace { .. } => options.write(true).create(true).truncate(true),
    };
    options.open(path)
}

pub fn file_stat(file: &File) -> io::Result<Stat> {
    metadata::stat_of(file)
}

pub fn set_file_permissions(file: &File, permissions: u32) -> io::Result<()> {
    metadata::set_permissions(file.as_handle(), permissions)
}

pub fn set_file_owner(_file: &File, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    no_owner(uid, gid)
}

pub fn set_file_mtime(file: &File, mtime: Timestamp) -> io::Result<()> {
    metadata::set_mtime(file.as_handle(), mtime)
}

pub fn set_file_atime(file: &File, atime: Timestamp) -> io::Result<()> {
    metadata::set_atime(file.as_handle(), atime)
}

pub fn identity() -> Identity {
    Identity {
        uid: 0,
        gid: 0,
        privileged: false,
    }
}

/// Only memory bounds how many there are.
pub fn raise_open_limit() -> usize {
    usize::MAX
}

pub fn take_umask() -> u32 {
    0o022
}
