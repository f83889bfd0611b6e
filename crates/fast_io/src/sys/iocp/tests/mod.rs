//! What only a port can do to us, and pipes on which operations really wait.

mod cancelling;
mod exhaustion;
pub(super) mod faults;
mod files;
mod idle;
mod packets;
mod pipes;
mod sockets;

use std::fs::{File, OpenOptions};
use std::net::{TcpListener, TcpStream};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX,
};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, NAMED_PIPE_MODE, PIPE_TYPE_BYTE, PIPE_WAIT,
};

use super::Iocp;
use crate::config::PumpConfig;
use crate::ledger::Ledger;
use crate::{
    Buffer, Completion, CompletionPump, IocpPumpConfig, Operation, SharedFile, SharedSocket,
    oneshot_handler,
};

/// The driver with one thread at the port, and a pump's front for it.
fn pump() -> (Arc<CompletionPump>, Arc<Iocp>) {
    pump_with(IocpPumpConfig::default().with_concurrency(1))
}

fn pump_with(iocp: IocpPumpConfig) -> (Arc<CompletionPump>, Arc<Iocp>) {
    let config = PumpConfig::default().with_workers(2).with_iocp(iocp);
    let ledger = Arc::new(Ledger::new(10_000, 64 << 20));
    let driver = Arc::new(Iocp::start(&config, Arc::clone(&ledger)).unwrap());
    let pump = CompletionPump::on(driver.clone(), ledger);
    (Arc::new(pump), driver)
}

/// Two ends of a new pipe: one overlapped, for the pump, and one that waits, for the test.
fn pipe() -> (SharedFile, File) {
    pipe_of(PIPE_TYPE_BYTE)
}

fn pipe_of(mode: NAMED_PIPE_MODE) -> (SharedFile, File) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!(r"\\.\pipe\fast_io-{}-{number}", std::process::id());
    let wide: Vec<u16> = Path::new(&name)
        .as_os_str()
        .encode_wide()
        .chain([0])
        .collect();
    // SAFETY: the name is live and ends with a zero.
    let handle = unsafe {
        CreateNamedPipeW(
            wide.as_ptr(),
            PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
            mode | PIPE_WAIT,
            1,
            4096,
            4096,
            0,
            ptr::null(),
        )
    };
    assert_ne!(handle, INVALID_HANDLE_VALUE);
    // SAFETY: just made, and nobody else owns it.
    let ours = unsafe { OwnedHandle::from_raw_handle(handle) };
    let theirs = OpenOptions::new().read(true).write(true).open(name);
    // SAFETY: just made, and whoever clones the handle makes no overlapped calls on it.
    let ours = unsafe { SharedFile::exclusive(ours.into()) };
    (ours, theirs.unwrap())
}

fn read(pipe: &SharedFile, len: usize) -> Operation {
    Operation::read(pipe.clone(), 0, Buffer::with_capacity(len), len)
}

/// Two ends of a connection: one for the pump, and one that waits, for the test.
fn pair() -> (SharedSocket, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0.into(), theirs)
}

fn receive(socket: &SharedSocket, len: usize) -> Operation {
    Operation::receive(socket.clone(), Buffer::with_capacity(len), len)
}

fn run(pump: &CompletionPump, operation: Operation) -> Completion {
    let (handler, receiver) = oneshot_handler();
    pump.submit(operation, handler);
    receiver.wait()
}
