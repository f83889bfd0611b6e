//! Reading a directory: many names a call, with what each is.

use super::metadata::Shape;
use super::wide;
use crate::dir::FileKind;
use crate::sys::error_of_status;
use std::io;
use std::mem::offset_of;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_FULL_DIR_INFORMATION, FileFullDirectoryInformation, NtQueryDirectoryFile,
};
use windows_sys::Win32::Foundation::{STATUS_NO_MORE_FILES, STATUS_NO_SUCH_FILE};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

/// How much of a directory one call reads. Servers of network drives give no more at once.
const BUFFER: usize = 64 * 1024;

/// All names but `.` and `..`. The handle's read position must be nobody else's.
pub(super) fn read(
    dir: &OwnedHandle,
    found: &mut dyn FnMut(&[u8], Option<FileKind>),
) -> io::Result<()> {
    // In words of eight bytes: the records must be aligned.
    let mut buffer = vec![0u64; BUFFER / 8];
    while let Some(records) = fill(dir, &mut buffer)? {
        hand_over(records, found).ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(())
}

/// Reads on in the directory; nothing at its end.
fn fill<'a>(dir: &OwnedHandle, buffer: &'a mut [u64]) -> io::Result<Option<&'a [u8]>> {
    let mut status = IO_STATUS_BLOCK::default();
    // SAFETY: `buffer` is live, writable and as large as said, and the handle is synchronous, so
    // the kernel is done with it when the call returns.
    let result = unsafe {
        NtQueryDirectoryFile(
            dir.as_raw_handle(),
            null_mut(),
            None,
            null(),
            &mut status,
            buffer.as_mut_ptr().cast(),
            size_of_val(buffer) as u32,
            FileFullDirectoryInformation,
            false,
            null(),
            false,
        )
    };
    match result {
        STATUS_NO_MORE_FILES | STATUS_NO_SUCH_FILE => return Ok(None),
        failed if failed < 0 => return Err(error_of_status(failed)),
        _ => {}
    }
    let length = status.Information.min(size_of_val(buffer));
    // SAFETY: the buffer was initialised to begin with, and `length` is within it.
    Ok(Some(unsafe {
        std::slice::from_raw_parts(buffer.as_ptr().cast(), length)
    }))
}

/// Takes the records apart; nothing if one of them is not as it must be.
fn hand_over(records: &[u8], found: &mut dyn FnMut(&[u8], Option<FileKind>)) -> Option<()> {
    type Record = FILE_FULL_DIR_INFORMATION;
    let mut record = records;
    loop {
        let next = u32_at(record, offset_of!(Record, NextEntryOffset))? as usize;
        let attributes = u32_at(record, offset_of!(Record, FileAttributes))?;
        // Of a reparse point the file system says the tag here.
        let tag = u32_at(record, offset_of!(Record, EaSize))?;
        let name_length = u32_at(record, offset_of!(Record, FileNameLength))? as usize;
        let name = record
            .get(offset_of!(Record, FileName)..)?
            .get(..name_length)?;
        let units = name
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let name = wide::encode(&units.collect::<Vec<_>>());
        if name != b"." && name != b".." {
            found(&name, Some(Shape { attributes, tag }.kind()));
        }
        if next == 0 {
            return Some(());
        }
        record = record.get(next..)?;
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use windows_sys::Win32::Storage::FileSystem::{
        FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_REPARSE_POINT,
    };
    use windows_sys::Win32::System::SystemServices::IO_REPARSE_TAG_MOUNT_POINT;

    fn record(next: u32, attributes: u32, tag: u32, name: &str) -> Vec<u8> {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut bytes = vec![0; 56];
        bytes[..4].copy_from_slice(&next.to_le_bytes());
        bytes.extend(
            [attributes, name.len() as u32, tag]
                .map(u32::to_le_bytes)
                .concat(),
        );
        bytes.extend(name);
        bytes.resize(bytes.len().max(next as usize), 0);
        bytes
    }

    #[test]
    fn records_become_entries() {
        let link = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
        let records = [
            record(72, FILE_ATTRIBUTE_DIRECTORY, 0, "."),
            record(72, FILE_ATTRIBUTE_DIRECTORY, 0, ".."),
            record(80, link, IO_REPARSE_TAG_MOUNT_POINT, "jü"),
            record(0, FILE_ATTRIBUTE_DIRECTORY, 0, "d"),
        ];
        let mut found = Vec::new();
        hand_over(&records.concat(), &mut |name, kind| {
            found.push((name.to_vec(), kind.unwrap()));
        })
        .unwrap();
        assert_eq!(
            found,
            [
                ("jü".into(), FileKind::Symlink),
                (b"d".to_vec(), FileKind::Directory)
            ]
        );
    }

    #[test]
    fn records_that_point_outside_the_buffer_are_refused() {
        let whole = record(0, 0, 0, "name");
        for length in 0..whole.len() {
            assert_eq!(
                hand_over(&whole[..length], &mut |_, _| {}),
                None,
                "{length}"
            );
        }
        assert_eq!(
            hand_over(&record(0, 0, 0, "name")[..], &mut |_, _| {}),
            Some(())
        );
        let mut far = whole;
        far[0] = 200;
        assert_eq!(hand_over(&far, &mut |_, _| {}), None);
    }
}
