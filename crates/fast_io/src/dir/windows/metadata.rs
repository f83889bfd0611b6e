//! What an open entry is, and changing it: attributes, times and sizes in Unix's terms.

use super::native;
use super::reparse;
use crate::dir::{DeviceNumber, FileKind, Stat, Timestamp};
use crate::sys::win32_error;
use std::io;
use std::mem::size_of;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle};
use windows_sys::Wdk::Storage::FileSystem::FILE_BASIC_INFORMATION;
use windows_sys::Win32::Foundation::{ERROR_CANT_RESOLVE_FILENAME, FILETIME};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL,
    FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_REPARSE_POINT, FILE_ATTRIBUTE_TAG_INFO,
    FILE_INFO_BY_HANDLE_CLASS, FILE_STANDARD_INFO, FILE_WRITE_ATTRIBUTES, FileAttributeTagInfo,
    FileStandardInfo, GetFileInformationByHandle, GetFileInformationByHandleEx,
};

/// 100-nanosecond ticks in a second.
const TICKS: i128 = 10_000_000;

/// Seconds from the beginning of 1601, where Windows counts from, to 1970.
const UNIX_EPOCH: i64 = 11_644_473_600;

/// The attributes of an open entry, and which reparse point it is if it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) attributes: u32,
    pub(super) tag: u32,
}

impl Shape {
    pub(super) fn of(entry: BorrowedHandle<'_>) -> io::Result<Shape> {
        let info: FILE_ATTRIBUTE_TAG_INFO = query(entry, FileAttributeTagInfo)?;
        Ok(Shape {
            attributes: info.FileAttributes,
            tag: info.ReparseTag,
        })
    }

    pub(super) fn is_reparse_point(self) -> bool {
        self.attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0
    }

    pub(super) fn is_directory(self) -> bool {
        self.attributes & FILE_ATTRIBUTE_DIRECTORY != 0
    }

    pub(super) fn is_read_only(self) -> bool {
        self.attributes & FILE_ATTRIBUTE_READONLY != 0
    }

    pub(super) fn kind(self) -> FileKind {
        match self
            .is_reparse_point()
            .then(|| reparse::kind_of(self.tag))
            .flatten()
        {
            Some(kind) => kind,
            None if self.is_directory() => FileKind::Directory,
            None => FileKind::Regular,
        }
    }

    /// Windows has no permission bits; whether a file is read-only is the nearest it has. In a
    /// directory that attribute says only that it has an icon of its own.
    fn permissions(self) -> u32 {
        match self.kind() {
            FileKind::Directory => 0o755,
            FileKind::Symlink => 0o777,
            _ if self.is_read_only() => 0o444,
            _ => 0o644,
        }
    }
}

/// Everything about an open entry. Needs `FILE_READ_ATTRIBUTES` access.
pub(super) fn stat_of(entry: impl AsHandle) -> io::Result<Stat> {
    let entry = entry.as_handle();
    let mut info = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: writes one structure of this type to a live local.
    if unsafe { GetFileInformationByHandle(entry.as_raw_handle(), &mut info) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let shape = if info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        Shape::of(entry)?
    } else {
        Shape {
            attributes: info.dwFileAttributes,
            tag: 0,
        }
    };
    let standard: FILE_STANDARD_INFO = query(entry, FileStandardInfo)?;
    let kind = shape.kind();
    Ok(Stat {
        kind,
        permissions: shape.permissions(),
        uid: 0,
        gid: 0,
        size: match kind {
            FileKind::Symlink => reparse::target(entry).map_or(0, |target| target.len() as u64),
            _ => u64::from(info.nFileSizeHigh) << 32 | u64::from(info.nFileSizeLow),
        },
        mtime: timestamp_of(ticks_of(info.ftLastWriteTime)),
        atime: timestamp_of(ticks_of(info.ftLastAccessTime)),
        device: u64::from(info.dwVolumeSerialNumber),
        inode: u64::from(info.nFileIndexHigh) << 32 | u64::from(info.nFileIndexLow),
        links: u64::from(info.nNumberOfLinks),
        allocated: u64::try_from(standard.AllocationSize).unwrap_or(0),
        special: DeviceNumber::default(),
    })
}

/// Makes the open file read-only or not, as the owner's write bit says.
pub(super) fn set_permissions(entry: BorrowedHandle<'_>, permissions: u32) -> io::Result<()> {
    let shape = Shape::of(entry)?;
    match shape.kind() {
        FileKind::Symlink => Err(win32_error(ERROR_CANT_RESOLVE_FILENAME)),
        FileKind::Directory => Ok(()),
        _ => set_read_only(entry, shape, permissions & 0o200 == 0),
    }
}

/// Sets or clears the read-only attribute of an open entry of this shape.
pub(super) fn set_read_only(
    entry: BorrowedHandle<'_>,
    shape: Shape,
    read_only: bool,
) -> io::Result<()> {
    if shape.is_read_only() == read_only {
        return Ok(());
    }
    let mut attributes = shape.attributes ^ FILE_ATTRIBUTE_READONLY;
    if attributes == 0 {
        // Zero would mean "as they are".
        attributes = FILE_ATTRIBUTE_NORMAL;
    }
    set_basic(
        entry,
        FILE_BASIC_INFORMATION {
            FileAttributes: attributes,
            ..Default::default()
        },
    )
}

/// Sets the modification time of an open entry.
pub(super) fn set_mtime(entry: BorrowedHandle<'_>, mtime: Timestamp) -> io::Result<()> {
    set_basic(
        entry,
        FILE_BASIC_INFORMATION {
            LastWriteTime: settable_ticks(mtime),
            ..Default::default()
        },
    )
}

/// Sets the access time of an open entry.
pub(super) fn set_atime(entry: BorrowedHandle<'_>, atime: Timestamp) -> io::Result<()> {
    set_basic(
        entry,
        FILE_BASIC_INFORMATION {
            LastAccessTime: settable_ticks(atime),
            ..Default::default()
        },
    )
}

/// The attributes to create a file with.
pub(super) fn attributes_for(permissions: u32) -> u32 {
    if permissions & 0o200 == 0 {
        FILE_ATTRIBUTE_READONLY
    } else {
        FILE_ATTRIBUTE_NORMAL
    }
}

fn set_basic(entry: BorrowedHandle<'_>, basic: FILE_BASIC_INFORMATION) -> io::Result<()> {
    match native::set_basic(entry, basic) {
        // The handle may be one for reading, which on Unix is enough.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            let again = native::open(entry, &[], FILE_WRITE_ATTRIBUTES, native::ITSELF)?;
            native::set_basic(again.as_handle(), basic)
        }
        result => result,
    }
}

fn query<T: Default>(entry: BorrowedHandle<'_>, class: FILE_INFO_BY_HANDLE_CLASS) -> io::Result<T> {
    let mut info = T::default();
    let start = (&raw mut info).cast();
    // SAFETY: `info` is live and as large as said; both classes asked for here fill their own
    // plain structure, of which every value is valid (its booleans are written as 0 or 1).
    if unsafe {
        GetFileInformationByHandleEx(entry.as_raw_handle(), class, start, size_of::<T>() as u32)
    } == 0
    {
        return Err(io::Error::last_os_error());
    }
    Ok(info)
}

fn ticks_of(time: FILETIME) -> i64 {
    (u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)) as i64
}

fn timestamp_of(ticks: i64) -> Timestamp {
    let ticks_a_second = TICKS as i64;
    Timestamp {
        secs: ticks.div_euclid(ticks_a_second) - UNIX_EPOCH,
        nanos: ticks.rem_euclid(ticks_a_second) as u32 * 100,
    }
}

/// The nearest time that Windows can store, at or before this one. Zero and negative counts
/// have other meanings when set ("as it is"), so what lies before 1601 becomes its first tick.
fn settable_ticks(time: Timestamp) -> i64 {
    let ticks =
        (i128::from(time.secs) + i128::from(UNIX_EPOCH)) * TICKS + i128::from(time.nanos / 100);
    ticks.clamp(1, i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use windows_sys::Win32::System::SystemServices::{
        IO_REPARSE_TAG_DEDUP, IO_REPARSE_TAG_MOUNT_POINT, IO_REPARSE_TAG_SYMLINK,
    };

    #[test]
    fn times_go_there_and_back() {
        let times = [
            (0, 0),
            (-1, 999_999_900),
            (1_700_000_000, 123_456_700),
            (4_102_444_800, 100),
            (-11_644_473_600, 100),
        ];
        for (secs, nanos) in times {
            let time = Timestamp { secs, nanos };
            assert_eq!(timestamp_of(settable_ticks(time)), time);
        }
    }

    #[test]
    fn the_unix_epoch_is_where_windows_has_it() {
        assert_eq!(
            settable_ticks(Timestamp::default()),
            116_444_736_000_000_000
        );
        assert_eq!(
            timestamp_of(0),
            Timestamp {
                secs: -11_644_473_600,
                nanos: 0
            }
        );
        assert_eq!(
            timestamp_of(-1),
            Timestamp {
                secs: -11_644_473_601,
                nanos: 999_999_900
            }
        );
    }

    #[test]
    fn times_out_of_range_are_the_nearest_in_range() {
        assert_eq!(
            settable_ticks(Timestamp {
                secs: i64::MIN,
                nanos: 0
            }),
            1
        );
        assert_eq!(
            settable_ticks(Timestamp {
                secs: i64::MAX,
                nanos: 999_999_999
            }),
            i64::MAX
        );
        assert_eq!(
            settable_ticks(Timestamp {
                secs: 1,
                nanos: 199
            }) % 10_000_000,
            1
        );
    }

    #[test]
    fn only_links_are_links() {
        let shape = |attributes, tag| Shape { attributes, tag };
        let (reparse, directory) = (FILE_ATTRIBUTE_REPARSE_POINT, FILE_ATTRIBUTE_DIRECTORY);
        let cases = [
            (shape(FILE_ATTRIBUTE_NORMAL, 0), FileKind::Regular, 0o644),
            (shape(FILE_ATTRIBUTE_READONLY, 0), FileKind::Regular, 0o444),
            (shape(directory, 0), FileKind::Directory, 0o755),
            (
                shape(directory | FILE_ATTRIBUTE_READONLY, 0),
                FileKind::Directory,
                0o755,
            ),
            (
                shape(reparse, IO_REPARSE_TAG_SYMLINK),
                FileKind::Symlink,
                0o777,
            ),
            (
                shape(reparse | directory, IO_REPARSE_TAG_MOUNT_POINT),
                FileKind::Symlink,
                0o777,
            ),
            (
                shape(reparse, IO_REPARSE_TAG_DEDUP),
                FileKind::Regular,
                0o644,
            ),
            // A tag without the attribute is stale.
            (
                shape(directory, IO_REPARSE_TAG_SYMLINK),
                FileKind::Directory,
                0o755,
            ),
        ];
        for (shape, kind, permissions) in cases {
            assert_eq!(
                (shape.kind(), shape.permissions()),
                (kind, permissions),
                "{shape:x?}"
            );
        }
    }
}
