//! Reparse points: which of them are links, what a link holds, and making one.
//!
//! A link's text is what the system follows (the "substitute name"), never the name that it
//! shows to people: whoever made the link may have made the two differ.

use super::wide;
use crate::dir::FileKind;
use crate::sys::{as_unsupported, win32_error};
use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::ptr::{null, null_mut};
use windows_sys::Wdk::Storage::FileSystem::{
    IO_REPARSE_TAG_LX_BLK, IO_REPARSE_TAG_LX_CHR, IO_REPARSE_TAG_LX_FIFO,
    IO_REPARSE_TAG_LX_SYMLINK, SYMLINK_FLAG_RELATIVE,
};
use windows_sys::Win32::Foundation::{
    ERROR_FILENAME_EXCED_RANGE, ERROR_INVALID_NAME, ERROR_INVALID_REPARSE_DATA,
};
use windows_sys::Win32::System::IO::DeviceIoControl;
use windows_sys::Win32::System::Ioctl::{FSCTL_GET_REPARSE_POINT, FSCTL_SET_REPARSE_POINT};
use windows_sys::Win32::System::SystemServices::{
    IO_REPARSE_TAG_AF_UNIX, IO_REPARSE_TAG_MOUNT_POINT, IO_REPARSE_TAG_SYMLINK,
};

/// The most that a reparse point can hold (`MAXIMUM_REPARSE_DATA_BUFFER_SIZE`).
const LARGEST: usize = 16 * 1024;

/// The kernel's prefix of absolute paths, and Win32's.
const KERNEL_PREFIX: &str = r"\??\";
const VERBATIM_PREFIX: &str = r"\\?\";

const LX_SYMLINK: u32 = IO_REPARSE_TAG_LX_SYMLINK as u32;
const LX_FIFO: u32 = IO_REPARSE_TAG_LX_FIFO as u32;
const LX_CHR: u32 = IO_REPARSE_TAG_LX_CHR as u32;
const LX_BLK: u32 = IO_REPARSE_TAG_LX_BLK as u32;

/// What a reparse point with this tag is, if it is more than a file or directory that is stored
/// in some special way (in a cloud, deduplicated, compressed).
pub(super) fn kind_of(tag: u32) -> Option<FileKind> {
    Some(match tag {
        IO_REPARSE_TAG_SYMLINK | IO_REPARSE_TAG_MOUNT_POINT | LX_SYMLINK => FileKind::Symlink,
        IO_REPARSE_TAG_AF_UNIX => FileKind::Socket,
        LX_FIFO => FileKind::Fifo,
        LX_CHR => FileKind::CharDevice,
        LX_BLK => FileKind::BlockDevice,
        _ => return None,
    })
}

/// What the open link points to, with `/` between components.
pub(super) fn target(link: BorrowedHandle<'_>) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0u8; LARGEST];
    let mut length = 0;
    // SAFETY: `buffer` is live, writable and as large as said; the handle is synchronous.
    let done = unsafe {
        DeviceIoControl(
            link.as_raw_handle(),
            FSCTL_GET_REPARSE_POINT,
            null(),
            0,
            buffer.as_mut_ptr().cast(),
            buffer.len() as u32,
            &mut length,
            null_mut(),
        )
    };
    if done == 0 {
        return Err(as_unsupported(io::Error::last_os_error()));
    }
    buffer.truncate(length as usize);
    parse(&buffer).ok_or_else(|| win32_error(ERROR_INVALID_REPARSE_DATA))
}

/// What a symbolic link to `target` holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SymlinkData(Vec<u8>);

impl SymlinkData {
    /// Refuses what could not be read back as it was: a backslash would become a separator.
    pub(super) fn new(target: &[u8]) -> io::Result<SymlinkData> {
        let invalid = || win32_error(ERROR_INVALID_NAME);
        if target.is_empty() || target.iter().any(|b| b"\\\0".contains(b)) {
            return Err(invalid());
        }
        let mut shown = wide::decode(target).ok_or_else(invalid)?;
        for unit in shown.iter_mut().filter(|unit| **unit == u16::from(b'/')) {
            *unit = u16::from(b'\\');
        }
        let (followed, flags) = match absolute(&shown) {
            Some(kernel_path) => (kernel_path, 0),
            None => (shown.clone(), SYMLINK_FLAG_RELATIVE),
        };
        SymlinkData::with_names(&followed, &shown, flags)
            .ok_or_else(|| win32_error(ERROR_FILENAME_EXCED_RANGE))
    }

    fn with_names(followed: &[u16], shown: &[u16], flags: u32) -> Option<SymlinkData> {
        let (followed_length, shown_length) = (size_of_val(followed), size_of_val(shown));
        let data_length = 12 + followed_length + shown_length;
        if 8 + data_length > LARGEST {
            return None;
        }
        let mut data = Vec::with_capacity(8 + data_length);
        data.extend(IO_REPARSE_TAG_SYMLINK.to_le_bytes());
        let lengths = [
            data_length,
            0,
            0,
            followed_length,
            followed_length,
            shown_length,
        ];
        data.extend(lengths.iter().flat_map(|&n| (n as u16).to_le_bytes()));
        data.extend(flags.to_le_bytes());
        data.extend(
            followed
                .iter()
                .chain(shown)
                .flat_map(|unit| unit.to_le_bytes()),
        );
        Some(SymlinkData(data))
    }

    /// Makes the open empty file or directory a link. Needs `FILE_WRITE_ATTRIBUTES` access.
    pub(super) fn set(&self, entry: BorrowedHandle<'_>) -> io::Result<()> {
        let mut length = 0;
        // SAFETY: the data is live, only read, and as large as said; the handle is synchronous.
        let done = unsafe {
            DeviceIoControl(
                entry.as_raw_handle(),
                FSCTL_SET_REPARSE_POINT,
                self.0.as_ptr().cast(),
                self.0.len() as u32,
                null_mut(),
                0,
                &mut length,
                null_mut(),
            )
        };
        if done == 0 {
            Err(as_unsupported(io::Error::last_os_error()))
        } else {
            Ok(())
        }
    }
}

/// The kernel's form of an absolute Win32 path. What begins with a single backslash is relative:
/// to the root of the volume that the link is on.
fn absolute(path: &[u16]) -> Option<Vec<u16>> {
    let starts = |prefix: &str| strip(path, prefix);
    let with =
        |prefix: &str, rest: &[u16]| prefix.encode_utf16().chain(rest.iter().copied()).collect();
    if let Some(rest) = starts(VERBATIM_PREFIX) {
        Some(with(KERNEL_PREFIX, rest))
    } else if let Some(rest) = starts(r"\\") {
        Some(with(r"\??\UNC\", rest))
    } else {
        has_drive(path).then(|| with(KERNEL_PREFIX, path))
    }
}

/// The text of a reparse point that is a link; nothing if it is none or malformed.
fn parse(data: &[u8]) -> Option<Vec<u8>> {
    let u16_at = |at: usize| {
        Some(usize::from(u16::from_le_bytes(
            *data.get(at..)?.first_chunk()?,
        )))
    };
    let content = data.get(8..)?.get(..u16_at(4)?)?;
    let names_at = match u32::from_le_bytes(*data.first_chunk()?) {
        IO_REPARSE_TAG_SYMLINK => 12,
        IO_REPARSE_TAG_MOUNT_POINT => 8,
        // A version number, then the text as Linux has it.
        LX_SYMLINK => return Some(content.get(4..)?.to_vec()),
        _ => return None,
    };
    let followed = content
        .get(names_at..)?
        .get(u16_at(8)?..)?
        .get(..u16_at(10)?)?;
    let followed: Vec<u16> = followed
        .chunks_exact(2)
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect();
    let mut text = wide::encode(&win32_form(&followed));
    for byte in text.iter_mut().filter(|byte| **byte == b'\\') {
        *byte = b'/';
    }
    Some(text)
}

/// The kernel's path as Win32 writes it; the inverse of [`absolute`].
fn win32_form(path: &[u16]) -> Vec<u16> {
    let with =
        |prefix: &str, rest: &[u16]| prefix.encode_utf16().chain(rest.iter().copied()).collect();
    if let Some(rest) = strip(path, r"\??\UNC\") {
        with(r"\\", rest)
    } else if let Some(rest) = strip(path, KERNEL_PREFIX) {
        if has_drive(rest) {
            rest.to_vec()
        } else {
            with(VERBATIM_PREFIX, rest)
        }
    } else {
        path.to_vec()
    }
}

fn strip<'a>(path: &'a [u16], prefix: &str) -> Option<&'a [u16]> {
    let prefix: Vec<u16> = prefix.encode_utf16().collect();
    path.strip_prefix(prefix.as_slice())
}

fn has_drive(path: &[u16]) -> bool {
    match path {
        [drive, colon, separator, ..] => {
            u8::try_from(*drive).is_ok_and(|d| d.is_ascii_alphabetic())
                && [*colon, *separator] == [u16::from(b':'), u16::from(b'\\')]
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(target: &str) -> String {
        let data = SymlinkData::new(target.as_bytes()).unwrap();
        String::from_utf8(parse(&data.0).unwrap()).unwrap()
    }

    #[test]
    fn targets_are_read_back_as_they_were() {
        for target in [
            "a",
            "../b/ü",
            "/etc/passwd",
            "C:/x/y",
            "//server/share/x",
            "//?/Volume{1-2}/x",
            "a:b",
            ".",
        ] {
            assert_eq!(read_back(target), target);
        }
    }

    #[test]
    fn a_relative_link_is_laid_out_as_the_system_wants_it() {
        let expected = [
            &[0x0C, 0, 0, 0xA0, 24, 0, 0, 0][..],
            &[0, 0, 6, 0, 6, 0, 6, 0, 1, 0, 0, 0],
            b"a\0\\\0b\0a\0\\\0b\0",
        ];
        assert_eq!(SymlinkData::new(b"a/b").unwrap().0, expected.concat());
    }

    #[test]
    fn an_absolute_link_holds_the_kernels_path() {
        let data = SymlinkData::new(b"C:/x").unwrap().0;
        assert_eq!(data[16..20], [0; 4], "not relative");
        let followed: Vec<u8> = r"\??\C:\x".bytes().flat_map(|b| [b, 0]).collect();
        assert_eq!(data[20..][..followed.len()], followed);
    }

    #[test]
    fn what_is_followed_counts_not_what_is_shown() {
        let wide = |s: &str| s.encode_utf16().collect::<Vec<_>>();
        let data = SymlinkData::with_names(&wide(r"\??\C:\secret"), &wide("harmless"), 0).unwrap();
        assert_eq!(parse(&data.0).unwrap(), b"C:/secret");
    }

    #[test]
    fn junctions_and_linux_links_are_understood() {
        let path: Vec<u8> = r"\??\D:\t".bytes().flat_map(|b| [b, 0]).collect();
        let mut junction = IO_REPARSE_TAG_MOUNT_POINT.to_le_bytes().to_vec();
        junction.extend([8 + 16, 0, 0, 0, 0, 0, 16, 0, 16, 0, 0, 0]);
        junction.extend(path);
        assert_eq!(parse(&junction).unwrap(), b"D:/t");
        let mut linux = LX_SYMLINK.to_le_bytes().to_vec();
        linux.extend([4 + 5, 0, 0, 0, 2, 0, 0, 0]);
        linux.extend(b"../\\x");
        assert_eq!(parse(&linux).unwrap(), b"../\\x");
    }

    #[test]
    fn malformed_data_is_refused() {
        let whole = SymlinkData::new(b"abc").unwrap().0;
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None, "{length}");
        }
        let mut far = whole.clone();
        far[8] = 200;
        assert_eq!(parse(&far), None);
        let mut other = whole;
        other[0] = 0x1B;
        assert_eq!(parse(&other), None);
    }

    #[test]
    fn targets_that_would_change_are_refused() {
        for target in [&b""[..], b"a\\b", b"a\0b", b"\xff"] {
            assert!(SymlinkData::new(target).is_err(), "{target:?}");
        }
        assert!(SymlinkData::new(&[b'a'; LARGEST]).is_err());
    }
}
