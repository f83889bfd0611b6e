//! The native calls: opening and changing entries relative to a directory handle.
//!
//! Win32 has no call that takes a directory handle and a name, so these go one layer below,
//! where every call does. All handles are synchronous, so that nothing here outlives its call.

use crate::sys::{error_of_status, win32_error};
use std::ffi::{OsString, c_void};
use std::io;
use std::mem::{offset_of, size_of};
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::path::PathBuf;
use std::ptr::null;
use std::thread;
use std::time::Duration;
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_BASIC_INFORMATION, FILE_CREATE, FILE_DISPOSITION_DELETE,
    FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE, FILE_DISPOSITION_INFORMATION,
    FILE_DISPOSITION_INFORMATION_EX, FILE_DISPOSITION_POSIX_SEMANTICS, FILE_INFORMATION_CLASS,
    FILE_OPEN, FILE_OPEN_FOR_BACKUP_INTENT, FILE_OPEN_REPARSE_POINT,
    FILE_RENAME_IGNORE_READONLY_ATTRIBUTE, FILE_RENAME_INFORMATION, FILE_RENAME_POSIX_SEMANTICS,
    FILE_RENAME_REPLACE_IF_EXISTS, FILE_SYNCHRONOUS_IO_NONALERT, FileBasicInformation,
    FileDispositionInformation, FileDispositionInformationEx, FileLinkInformation,
    FileRenameInformation, FileRenameInformationEx, NtCreateFile, NtSetInformationFile,
};
use windows_sys::Win32::Foundation::{
    ERROR_FILENAME_EXCED_RANGE, NTSTATUS, OBJ_CASE_INSENSITIVE, STATUS_DELETE_PENDING,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_INFO_CLASS, STATUS_INVALID_PARAMETER,
    STATUS_NOT_IMPLEMENTED, STATUS_NOT_SUPPORTED, STATUS_SHARING_VIOLATION, UNICODE_STRING,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_NORMAL, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE,
    GetFinalPathNameByHandleW, SYNCHRONIZE,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

/// How long to wait before each further attempt at something that another program holds:
/// virus scanners and indexers let go within some milliseconds.
const PATIENCE: [Duration; 4] = [
    Duration::from_millis(1),
    Duration::from_millis(4),
    Duration::from_millis(16),
    Duration::from_millis(64),
];

/// The option to open an entry itself where it is a link, not what it points to.
pub(super) const ITSELF: u32 = FILE_OPEN_REPARSE_POINT;

/// Opens the existing `name` in `root`. An empty name opens `root` itself once more.
pub(super) fn open(
    root: impl AsHandle,
    name: &[u16],
    access: u32,
    options: u32,
) -> io::Result<OwnedHandle> {
    let call = OpenCall {
        access,
        disposition: FILE_OPEN,
        options,
        attributes: FILE_ATTRIBUTE_NORMAL,
    };
    call.run(root.as_handle(), name)
}

/// Creates `name`, which must not exist, in `root`.
pub(super) fn create(
    root: impl AsHandle,
    name: &[u16],
    access: u32,
    options: u32,
    attributes: u32,
) -> io::Result<OwnedHandle> {
    OpenCall {
        access,
        disposition: FILE_CREATE,
        options,
        attributes,
    }
    .run(root.as_handle(), name)
}

/// The whole path of an open entry, without links, in the form that has no limit.
pub(super) fn path_of(entry: BorrowedHandle<'_>) -> io::Result<PathBuf> {
    let mut path = vec![0u16; 512];
    loop {
        let room = path.len() as u32;
        // SAFETY: writes at most `room` units to a live buffer of that size.
        let length =
            unsafe { GetFinalPathNameByHandleW(entry.as_raw_handle(), path.as_mut_ptr(), room, 0) };
        match length {
            0 => return Err(io::Error::last_os_error()),
            // Too small: this is how much it takes.
            needed if needed >= room => path.resize(needed as usize + 1, 0),
            length => return Ok(OsString::from_wide(&path[..length as usize]).into()),
        }
    }
}

struct OpenCall {
    access: u32,
    disposition: u32,
    options: u32,
    attributes: u32,
}

impl OpenCall {
    fn run(&self, root: BorrowedHandle<'_>, name: &[u16]) -> io::Result<OwnedHandle> {
        let length = u16::try_from(size_of_val(name))
            .map_err(|_| win32_error(ERROR_FILENAME_EXCED_RANGE))?;
        let name = UNICODE_STRING {
            Length: length,
            MaximumLength: length,
            Buffer: name.as_ptr().cast_mut(),
        };
        let object = OBJECT_ATTRIBUTES {
            Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
            RootDirectory: root.as_raw_handle(),
            ObjectName: &name,
            Attributes: OBJ_CASE_INSENSITIVE,
            ..Default::default()
        };
        let mut handle = std::ptr::null_mut();
        patiently(|| {
            let mut status = IO_STATUS_BLOCK::default();
            // SAFETY: every pointer is to a live local, `name` is `length` bytes long and is only
            // read, and the call is synchronous: it keeps none of them.
            unsafe {
                NtCreateFile(
                    &mut handle,
                    self.access | SYNCHRONIZE,
                    &object,
                    &mut status,
                    null(),
                    self.attributes,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    self.disposition,
                    self.options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT,
                    null(),
                    0,
                )
            }
        })?;
        // SAFETY: the call succeeded, so this is an open handle that nobody else owns.
        Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
    }
}

/// Moves the open entry to `name` in `dir`, replacing what is there. Needs `DELETE` access.
pub(super) fn rename(entry: &OwnedHandle, dir: &OwnedHandle, name: &[u16]) -> io::Result<()> {
    // The modern call replaces a file that others have open, as Unix does, and a read-only one.
    let flags = FILE_RENAME_REPLACE_IF_EXISTS
        | FILE_RENAME_POSIX_SEMANTICS
        | FILE_RENAME_IGNORE_READONLY_ATTRIBUTE;
    let modern = NewName::new(flags, dir, name);
    let plain = NewName::new(FILE_RENAME_REPLACE_IF_EXISTS, dir, name);
    either(
        || set(entry, FileRenameInformationEx, modern.bytes()),
        || set(entry, FileRenameInformation, plain.bytes()),
    )
}

/// Gives the open file the further name `name` in `dir`; fails if that exists.
pub(super) fn link(entry: &OwnedHandle, dir: &OwnedHandle, name: &[u16]) -> io::Result<()> {
    let new = NewName::new(0, dir, name);
    patiently(|| set(entry, FileLinkInformation, new.bytes()))
}

/// Removes the name by which the open entry was opened. Needs `DELETE` access.
pub(super) fn remove(entry: &OwnedHandle) -> io::Result<()> {
    // The modern call takes the name away at once, even if others have the file open, and
    // does not mind a read-only one.
    let flags = FILE_DISPOSITION_DELETE
        | FILE_DISPOSITION_POSIX_SEMANTICS
        | FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE;
    let modern = FILE_DISPOSITION_INFORMATION_EX { Flags: flags };
    let plain = FILE_DISPOSITION_INFORMATION { DeleteFile: true };
    either(
        || set(entry, FileDispositionInformationEx, bytes_of(&modern)),
        || set(entry, FileDispositionInformation, bytes_of(&plain)),
    )
}

/// Sets attributes and times; zero leaves one as it is. Needs `FILE_WRITE_ATTRIBUTES` access.
pub(super) fn set_basic(
    entry: BorrowedHandle<'_>,
    basic: FILE_BASIC_INFORMATION,
) -> io::Result<()> {
    patiently(|| set(entry, FileBasicInformation, bytes_of(&basic)))
}

/// The structure that renaming and linking share: flags, the directory, and the name after it.
struct NewName {
    /// In words of eight bytes, because it holds a handle that must be aligned.
    words: Vec<u64>,
    length: usize,
}

impl NewName {
    fn new(flags: u32, dir: &OwnedHandle, name: &[u16]) -> NewName {
        let name_at = offset_of!(FILE_RENAME_INFORMATION, FileName);
        // Some systems insist on the size of the whole structure even for a short name.
        let length = (name_at + size_of_val(name)).max(size_of::<FILE_RENAME_INFORMATION>());
        let mut new = NewName {
            words: vec![0; length.div_ceil(8)],
            length,
        };
        let start = new.words.as_mut_ptr();
        // SAFETY: `words` is zeroed, aligned to eight bytes, at least as large as the structure,
        // and holds `name_at` bytes and the name. FILE_LINK_INFORMATION has the same layout.
        unsafe {
            let header = start.cast::<FILE_RENAME_INFORMATION>();
            (*header).Anonymous.Flags = flags;
            (*header).RootDirectory = dir.as_raw_handle();
            (*header).FileNameLength = size_of_val(name) as u32;
            let room = start.cast::<u8>().add(name_at).cast::<u16>();
            room.copy_from_nonoverlapping(name.as_ptr(), name.len());
        }
        new
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `length` bytes of `words` are initialised and live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), self.length) }
    }
}

/// The bytes of one of the kernel's plain structures, to hand to [`set`].
fn bytes_of<T: Copy>(structure: &T) -> &[u8] {
    // SAFETY: the bytes are only handed to the kernel, which copies them; padding, if any, is
    // never looked at on this side.
    unsafe { std::slice::from_raw_parts((structure as *const T).cast(), size_of::<T>()) }
}

fn set(entry: impl AsHandle, class: FILE_INFORMATION_CLASS, information: &[u8]) -> NTSTATUS {
    let mut status = IO_STATUS_BLOCK::default();
    let start = information.as_ptr().cast::<c_void>();
    // SAFETY: `information` is live and of that length, and the handle is synchronous, so the
    // kernel is done with it when the call returns.
    unsafe {
        NtSetInformationFile(
            entry.as_handle().as_raw_handle(),
            &mut status,
            start,
            information.len() as u32,
            class,
        )
    }
}

/// Makes the modern call, and the plain one where the system or the volume lacks the modern.
fn either(
    mut modern: impl FnMut() -> NTSTATUS,
    mut plain: impl FnMut() -> NTSTATUS,
) -> io::Result<()> {
    patiently(|| match modern() {
        STATUS_INVALID_INFO_CLASS
        | STATUS_INVALID_PARAMETER
        | STATUS_INVALID_DEVICE_REQUEST
        | STATUS_NOT_IMPLEMENTED
        | STATUS_NOT_SUPPORTED => plain(),
        status => status,
    })
}

/// Calls until it succeeds, fails for good, or has been in another program's way too often.
fn patiently(mut call: impl FnMut() -> NTSTATUS) -> io::Result<()> {
    let mut waits = PATIENCE.iter();
    loop {
        let status = call();
        if status >= 0 {
            return Ok(());
        }
        match (status, waits.next()) {
            (STATUS_SHARING_VIOLATION | STATUS_DELETE_PENDING, Some(&wait)) => thread::sleep(wait),
            _ => return Err(error_of_status(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn someone_in_the_way_is_waited_for() {
        let mut answers = [STATUS_SHARING_VIOLATION, STATUS_DELETE_PENDING, 0].into_iter();
        assert!(patiently(|| answers.next().unwrap()).is_ok());
        assert_eq!(answers.len(), 0);
    }

    #[test]
    fn someone_who_stays_is_reported() {
        let mut calls = 0;
        let error = patiently(|| {
            calls += 1;
            STATUS_SHARING_VIOLATION
        });
        assert_eq!(calls, PATIENCE.len() + 1);
        assert_eq!(error.unwrap_err().raw_os_error(), Some(32));
    }

    #[test]
    fn the_plain_call_follows_only_where_the_modern_is_lacking() {
        assert!(either(|| STATUS_INVALID_INFO_CLASS, || 0).is_ok());
        let error = either(
            || windows_sys::Win32::Foundation::STATUS_ACCESS_DENIED,
            || 0,
        )
        .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
