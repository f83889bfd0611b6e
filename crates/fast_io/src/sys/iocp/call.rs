//! One call that starts something in the kernel, and what its result means.

use std::ffi::c_void;
use std::io;
use std::os::windows::io::AsRawSocket;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_BROKEN_PIPE, ERROR_HANDLE_EOF, HANDLE, NTSTATUS};
use windows_sys::Win32::Networking::WinSock::{SOCKADDR, SOCKET, WSABUF, WSARecv, WSASend};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, WriteFile};
use windows_sys::Win32::System::IO::OVERLAPPED;

use crate::operation::Kind;
use crate::slot::{Part, RunningSlot, SocketPart};
use crate::sys::iocp::hold::PortSlot;
use crate::sys::iocp::socket::{AcceptEx, ConnectEx, bind_to_any, connect_ex, socket_to_accept};
#[cfg(test)]
use crate::sys::iocp::tests::faults;
use crate::sys::{error_of_status, socket_error_of_status};

/// One call moves no more than this; a longer operation is continued.
const LONGEST_CALL: usize = 1 << 30;

/// What a status is an answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    ToRead,
    ToWrite,
    OfSocket,
}

impl Asked {
    pub fn by(running: &RunningSlot) -> Self {
        match running.kind() {
            Kind::Read { .. } => Self::ToRead,
            Kind::Write { .. } | Kind::Sync { .. } | Kind::Work(_) => Self::ToWrite,
            _ => Self::OfSocket,
        }
    }

    /// What the call has come to.
    pub fn outcome(self, status: NTSTATUS, moved: usize) -> io::Result<usize> {
        // Successes and warnings ("there is more in this message") have moved bytes.
        let is_error = status as u32 >> 30 == 3;
        if !is_error {
            Ok(moved)
        } else if self == Self::OfSocket {
            Err(socket_error_of_status(status))
        } else {
            self.unless_the_end(error_of_status(status))
        }
    }

    /// The end of a file, or of a pipe, is no error to a reader but no more bytes.
    pub fn unless_the_end(self, error: io::Error) -> io::Result<usize> {
        match error.raw_os_error().map(|number| number as u32) {
            Some(ERROR_HANDLE_EOF | ERROR_BROKEN_PIPE) if self == Self::ToRead => Ok(0),
            _ => Err(error),
        }
    }
}

/// The arguments of one call, in the memory of an operation that is on the heap.
pub(super) struct Call {
    function: Function,
    bytes: *mut u8,
    len: u32,
    offset: u64,
}

enum Function {
    Read(HANDLE),
    Write(HANDLE),
    Receive(SOCKET),
    Send(SOCKET),
    Accept {
        accept_ex: AcceptEx,
        listener: SOCKET,
        accepted: SOCKET,
    },
    Connect {
        connect_ex: ConnectEx,
        socket: SOCKET,
        address: *const SOCKADDR,
        address_len: i32,
    },
}

impl Call {
    /// What to ask the kernel next for an operation.
    ///
    /// # Errors
    /// If something that it takes cannot be had: a socket to accept into, say.
    pub fn next_of(slot: &PortSlot, running: &mut RunningSlot) -> io::Result<Self> {
        let (function, bytes, len, offset) = match running.part() {
            Part::Read { offset, room, .. } => {
                let read = Function::Read(file_handle(slot)?);
                (read, room.as_mut_ptr(), room.len(), offset)
            }
            Part::Write { offset, bytes, .. } => {
                let write = Function::Write(file_handle(slot)?);
                // Only read from.
                (write, bytes.as_ptr().cast_mut(), bytes.len(), offset)
            }
            Part::Socket(SocketPart::Receive { socket, room }) => {
                let receive = Function::Receive(socket.as_raw_socket() as SOCKET);
                (receive, room.as_mut_ptr(), room.len(), 0)
            }
            Part::Socket(SocketPart::Send { socket, bytes }) => {
                let send = Function::Send(socket.as_raw_socket() as SOCKET);
                // Only read from.
                (send, bytes.as_ptr().cast_mut(), bytes.len(), 0)
            }
            Part::Socket(SocketPart::Accept { listener, accepted }) => {
                let accept_ex = listener.kernel().accept_ex(listener)?;
                let socket = accepted.insert(socket_to_accept(listener)?);
                let accept = Function::Accept {
                    accept_ex,
                    listener: listener.as_raw_socket() as SOCKET,
                    accepted: socket.as_raw_socket() as SOCKET,
                };
                (accept, ptr::null_mut(), 0, 0)
            }
            Part::Socket(SocketPart::Connect {
                socket, address, ..
            }) => {
                bind_to_any(socket, address)?;
                let connect = Function::Connect {
                    connect_ex: connect_ex(socket)?,
                    socket: socket.as_raw_socket() as SOCKET,
                    address: address.as_ptr().cast(),
                    address_len: address.len(),
                };
                (connect, ptr::null_mut(), 0, 0)
            }
            Part::Sync { .. } | Part::Whole => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(Self {
            function,
            bytes,
            len: len.min(LONGEST_CALL) as u32,
            offset,
        })
    }

    /// Where in a file it begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes the call. Any error but `ERROR_IO_PENDING` means that the kernel refused it.
    pub fn make(&self, slot: &PortSlot, lent: *mut OVERLAPPED) -> io::Result<()> {
        #[cfg(test)]
        faults::at(faults::Place::Calling)?;
        let buffer = WSABUF {
            len: self.len,
            buf: self.bytes,
        };
        let mut flags = 0;
        // SAFETY: the handle is open and overlapped: it is closed no sooner than the file or socket,
        // which the operation holds, and that goes only when the kernel has had this call and is done
        // with it. `bytes` covers `len` bytes on the heap that the operation
        // owns, which was lent together with its `OVERLAPPED` and is not touched or freed before it
        // is taken back. So it is with the address to connect to, and the room for addresses is the
        // slot's, which lives as long. `buffer` and `flags` are read within the call. The extension
        // functions are those of the sockets they are called for.
        let succeeded = unsafe {
            match self.function {
                Function::Read(file) => {
                    ReadFile(file, self.bytes, self.len, ptr::null_mut(), lent) != 0
                }
                Function::Write(file) => {
                    WriteFile(file, self.bytes, self.len, ptr::null_mut(), lent) != 0
                }
                Function::Receive(socket) => {
                    let received = ptr::null_mut();
                    WSARecv(socket, &buffer, 1, received, &mut flags, lent, None) == 0
                }
                Function::Send(socket) => {
                    WSASend(socket, &buffer, 1, ptr::null_mut(), 0, lent, None) == 0
                }
                Function::Accept {
                    accept_ex,
                    listener,
                    accepted,
                } => {
                    let mut received = 0;
                    let room = slot.room_for_addresses().cast::<c_void>();
                    let each = ADDRESS_ROOM as u32;
                    accept_ex(listener, accepted, room, 0, each, each, &mut received, lent) != 0
                }
                Function::Connect {
                    connect_ex,
                    socket,
                    address,
                    address_len,
                } => {
                    let nothing = ptr::null();
                    connect_ex(
                        socket,
                        address,
                        address_len,
                        nothing,
                        0,
                        ptr::null_mut(),
                        lent,
                    ) != 0
                }
            }
        };
        if succeeded {
            Ok(())
        } else {
            // Sockets' errors are kept in the same place.
            Err(io::Error::last_os_error())
        }
    }
}

/// Room for one address, in the form in which an accepted connection's two are written down: it
/// takes 16 bytes more than an address has.
pub(super) const ADDRESS_ROOM: usize =
    size_of::<windows_sys::Win32::Networking::WinSock::SOCKADDR_STORAGE>() + 16;

fn file_handle(slot: &PortSlot) -> io::Result<HANDLE> {
    let handle = slot.attachment().file_handle();
    handle.ok_or(io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use windows_sys::Win32::Foundation::{
        STATUS_ACCESS_DENIED, STATUS_BUFFER_OVERFLOW, STATUS_CANCELLED, STATUS_CONNECTION_ABORTED,
        STATUS_CONNECTION_REFUSED, STATUS_CONNECTION_RESET, STATUS_DISK_FULL, STATUS_END_OF_FILE,
        STATUS_FILE_LOCK_CONFLICT, STATUS_HOST_UNREACHABLE, STATUS_INSUFFICIENT_RESOURCES,
        STATUS_INVALID_CONNECTION, STATUS_INVALID_PARAMETER, STATUS_IO_TIMEOUT,
        STATUS_LOCAL_DISCONNECT, STATUS_NETWORK_UNREACHABLE, STATUS_PIPE_BROKEN,
        STATUS_REMOTE_DISCONNECT, STATUS_SUCCESS,
    };

    use super::*;

    /// What std has no stable kind for.
    const NONE_OF_STDS: ErrorKind = ErrorKind::Other;

    fn assert_come_out(asked: &[Asked], table: &[(NTSTATUS, i32, ErrorKind)]) {
        for &asked in asked {
            for &(status, number, kind) in table {
                let error = asked.outcome(status, 7).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(number), "{status:x} {asked:?}");
                if kind != NONE_OF_STDS {
                    assert_eq!(error.kind(), kind, "{status:x} {asked:?}");
                }
            }
        }
    }

    #[test]
    fn every_status_of_a_file_comes_out_as_the_right_error() {
        assert_come_out(
            &[Asked::ToRead, Asked::ToWrite],
            &[
                (STATUS_CANCELLED, 995, ErrorKind::TimedOut),
                (STATUS_INSUFFICIENT_RESOURCES, 1450, NONE_OF_STDS),
                (STATUS_IO_TIMEOUT, 121, ErrorKind::TimedOut),
                (STATUS_DISK_FULL, 112, ErrorKind::StorageFull),
                // A file on another computer: "the specified network name is no longer available".
                (STATUS_CONNECTION_RESET, 64, NONE_OF_STDS),
                (STATUS_ACCESS_DENIED, 5, ErrorKind::PermissionDenied),
                (STATUS_FILE_LOCK_CONFLICT, 33, NONE_OF_STDS),
                (STATUS_INVALID_PARAMETER, 87, ErrorKind::InvalidInput),
            ],
        );
        // To a reader this one is no error at all.
        let end = (STATUS_END_OF_FILE, 38, NONE_OF_STDS);
        assert_come_out(&[Asked::ToWrite], &[end]);
    }

    #[test]
    fn every_status_of_a_socket_comes_out_as_the_right_error() {
        assert_come_out(
            &[Asked::OfSocket],
            &[
                (STATUS_CANCELLED, 995, ErrorKind::TimedOut),
                (STATUS_INSUFFICIENT_RESOURCES, 10055, NONE_OF_STDS),
                (STATUS_IO_TIMEOUT, 10060, ErrorKind::TimedOut),
                (STATUS_DISK_FULL, 112, ErrorKind::StorageFull),
                (STATUS_CONNECTION_RESET, 10054, ErrorKind::ConnectionReset),
                (STATUS_REMOTE_DISCONNECT, 10054, ErrorKind::ConnectionReset),
                (
                    STATUS_CONNECTION_ABORTED,
                    10053,
                    ErrorKind::ConnectionAborted,
                ),
                (STATUS_LOCAL_DISCONNECT, 10053, ErrorKind::ConnectionAborted),
                (
                    STATUS_CONNECTION_REFUSED,
                    10061,
                    ErrorKind::ConnectionRefused,
                ),
                (STATUS_ACCESS_DENIED, 10013, ErrorKind::PermissionDenied),
                (STATUS_INVALID_CONNECTION, 10057, ErrorKind::NotConnected),
                (STATUS_HOST_UNREACHABLE, 10065, ErrorKind::HostUnreachable),
                (
                    STATUS_NETWORK_UNREACHABLE,
                    10051,
                    ErrorKind::NetworkUnreachable,
                ),
                (STATUS_INVALID_PARAMETER, 87, ErrorKind::InvalidInput),
                // No end of a stream is told like that.
                (STATUS_END_OF_FILE, 38, NONE_OF_STDS),
            ],
        );
    }

    #[test]
    fn the_end_is_no_error_to_a_reader_and_one_to_a_writer() {
        for (status, number) in [(STATUS_END_OF_FILE, 38), (STATUS_PIPE_BROKEN, 109)] {
            assert_eq!(Asked::ToRead.outcome(status, 0).unwrap(), 0);
            let error = Asked::ToWrite.outcome(status, 0).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(number));
        }
    }

    #[test]
    fn successes_and_warnings_count_bytes() {
        for status in [STATUS_SUCCESS, STATUS_BUFFER_OVERFLOW] {
            for asked in [Asked::ToRead, Asked::ToWrite, Asked::OfSocket] {
                assert_eq!(asked.outcome(status, 7).unwrap(), 7);
            }
        }
    }
}
