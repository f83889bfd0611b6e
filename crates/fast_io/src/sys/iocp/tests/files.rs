//! Which way the operations on a file go, and whose file it stays.

use std::fs::OpenOptions;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::Arc;

use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_OVERLAPPED;
use windows_sys::Win32::System::IO::CreateIoCompletionPort;
use windows_sys::Win32::System::Ioctl::{FILE_REGION_OUTPUT, FSCTL_QUERY_FILE_REGIONS};

use super::{pump, read};
use crate::sys::iocp::attachment::Inline;
use crate::sys::windows::control::control;
use crate::{Operation, SharedFile, oneshot_handler};

#[test]
fn only_writes_within_the_file_are_for_the_port() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, [0; 100]).unwrap();
    let file = SharedFile::from(OpenOptions::new().write(true).open(&path).unwrap());
    let later = |end| file.kernel().can_write_later(&file, end);
    assert_eq!([later(100), later(101)], [true, false]);
    let (handler, receiver) = oneshot_handler();
    let write = Operation::write(file.clone(), 100, vec![1; 50].into(), ..);
    pump.submit(write, handler);
    receiver.wait().result.unwrap();
    assert_eq!([later(150), later(151)], [true, false]);
    assert!(
        file.kernel().existing_attachment().is_none(),
        "nothing needed one so far"
    );
    let (handler, receiver) = oneshot_handler();
    pump.submit(
        Operation::write(file.clone(), 0, vec![2; 50].into(), ..),
        handler,
    );
    receiver.wait().result.unwrap();
    let attachment = file.kernel().existing_attachment().unwrap();
    assert_eq!(
        attachment.inline(),
        Inline::Taken,
        "the skip mode can be set"
    );
}

/// Who submits looks at an operation once more when the kernel has it, and may do so late.
#[test]
fn the_pumps_handle_closes_with_the_file_whoever_still_knows_it() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, b"content").unwrap();
    let file = SharedFile::from(std::fs::File::open(&path).unwrap());
    let (handler, receiver) = oneshot_handler();
    pump.submit(read(&file, 7), handler);
    assert_eq!(receiver.wait().result.unwrap(), 7);
    let known = Arc::clone(file.kernel().existing_attachment().unwrap());
    let alone = || OpenOptions::new().read(true).share_mode(0).open(&path);
    drop(file.into_file().unwrap());
    alone().unwrap();
    known.cancel_all();
}

#[test]
fn a_length_that_was_set_is_not_taken_for_bytes_that_were_written() {
    let (pump, _) = pump();
    let file = SharedFile::from(tempfile::tempfile().unwrap());
    file.set_len(1 << 20).unwrap();
    let later = |end| file.kernel().can_write_later(&file, end);
    let told: std::io::Result<Option<FILE_REGION_OUTPUT>> =
        control(&file, FSCTL_QUERY_FILE_REGIONS, &());
    match told {
        Ok(_) => assert!(!later(1), "nothing has been written"),
        Err(error) => {
            eprintln!("NOT RUN: the volume tells no valid data length: {error}");
            assert_eq!([later(1 << 20), later((1 << 20) + 1)], [true, false]);
        }
    }
    // What is written, at whatever place, is so up to there.
    let (handler, receiver) = oneshot_handler();
    let write = Operation::write(file.clone(), 1 << 20, vec![1; 50].into(), ..);
    pump.submit(write, handler);
    receiver.wait().result.unwrap();
    assert!(later((1 << 20) + 50) && later(1));
}

#[test]
fn a_file_is_its_callers_too_however_it_was_opened() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, [9; 4096]).unwrap();
    for flags in [0, FILE_FLAG_OVERLAPPED] {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&path);
        let file = SharedFile::from(file.unwrap());
        for _ in 0..200 {
            let (handler, receiver) = oneshot_handler();
            pump.submit(read(&file, 4096), handler);
            let mut bytes = [0; 4096];
            assert_eq!(file.seek_read(&mut bytes, 0).unwrap(), 4096);
            assert_eq!(&*receiver.wait().buffer, [9; 4096]);
            assert_eq!(bytes, [9; 4096]);
        }
        assert!(file.kernel().existing_attachment().is_some());
        let file = file.into_file().expect("no operation holds it any more");
        drop(file);
    }
    std::fs::remove_file(path).unwrap();
    pump.shut_down();
    assert_eq!(pump.stray_packets(), 0);
}

#[test]
fn an_overlapped_handle_of_a_file_is_left_to_its_caller() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, b"shared").unwrap();
    let open = || {
        let mut options = OpenOptions::new();
        let options = options.read(true).custom_flags(FILE_FLAG_OVERLAPPED);
        options.open(&path).unwrap()
    };
    // SAFETY: just opened, and never used but by the pump.
    let exclusive = unsafe { SharedFile::exclusive(open()) };
    for file in [SharedFile::new(open()), exclusive] {
        let (handler, receiver) = oneshot_handler();
        pump.submit(read(&file, 6), handler);
        assert_eq!(&*receiver.wait().buffer, b"shared");
        assert!(file.kernel().existing_attachment().is_some());
        // A file object is attached once for its life, and the caller's is still to be had.
        // SAFETY: the handle is open; no handle of a port is given.
        let port = unsafe { CreateIoCompletionPort(file.as_raw_handle(), ptr::null_mut(), 7, 1) };
        assert!(!port.is_null());
        // SAFETY: just made, and nobody else owns it.
        drop(unsafe { OwnedHandle::from_raw_handle(port) });
    }
}

#[test]
fn a_file_that_belongs_to_another_pump_is_read_all_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, b"shared").unwrap();
    for flags in [0, FILE_FLAG_OVERLAPPED] {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&path);
        let file = SharedFile::from(file.unwrap());
        let pumps = [pump(), pump()];
        for (pump, _) in pumps.iter().chain(&pumps) {
            let receivers: Vec<_> = (0..20)
                .map(|_| {
                    let (handler, receiver) = oneshot_handler();
                    pump.submit(read(&file, 6), handler);
                    receiver
                })
                .collect();
            for receiver in receivers {
                assert_eq!(&*receiver.wait().buffer, b"shared");
            }
        }
    }
}

#[test]
fn a_file_that_its_owner_has_locked_is_read_by_its_owners_handle() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, b"locked").unwrap();
    let file = OpenOptions::new().read(true).write(true).open(&path);
    let file = SharedFile::from(file.unwrap());
    file.lock().unwrap();
    let (handler, receiver) = oneshot_handler();
    pump.submit(read(&file, 6), handler);
    assert_eq!(&*receiver.wait().buffer, b"locked");
}
