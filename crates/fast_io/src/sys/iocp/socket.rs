//! Sockets on a port: what is remembered of one while it is open, and the two calls that Windows'
//! sockets have beyond those of everyone, to accept and to connect without waiting.
//!
//! A socket is attached as it is. It needs no second handle, as files do. Who has a clone of it may
//! use it by safe code of the standard library, of socket2 and of what waits for readiness (polling,
//! mio, tokio): all those make plain calls on the socket itself, which have no `OVERLAPPED`, and so
//! send no packets. Libraries with ports of their own cannot have it either: a socket is attached
//! once for its life, and the second to try is refused. Who makes overlapped calls without a port
//! does so by `unsafe` on a raw socket, and must know whose it is. Nor is there safe code that has a
//! file's or a child's overlapped calls made on a socket: nothing makes a `File` of one.

use std::ffi::c_void;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::windows::io::{AsRawSocket, BorrowedHandle};
use std::ptr;
use std::sync::{Arc, OnceLock};

use socket2::{SockAddr, Socket, Type};
use windows_sys::Win32::Networking::WinSock::{
    SIO_GET_EXTENSION_FUNCTION_POINTER, SO_PROTOCOL_INFOW, SO_UPDATE_ACCEPT_CONTEXT,
    SO_UPDATE_CONNECT_CONTEXT, SOCKADDR, SOCKET, SOL_SOCKET, WSAEINVAL, WSAID_ACCEPTEX,
    WSAID_CONNECTEX, WSAIoctl, WSAPROTOCOL_INFOW, XP1_IFS_HANDLES, getsockopt, setsockopt,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::core::{BOOL, GUID};

use crate::operation::Kind;
use crate::slot::{Part, RunningSlot, SocketPart};
use crate::socket::SharedSocket;
use crate::sys::iocp::attachment::{Attachment, Attempts, Handle, Inline, Owner, Packets};
use crate::sys::iocp::engine::Engine;
#[cfg(test)]
use crate::sys::iocp::tests::faults;

/// What is remembered of one shared socket.
#[derive(Debug, Default)]
pub(crate) struct KernelSocket {
    attachment: Attempts,
    accept_ex: OnceLock<AcceptEx>,
}

pub(super) type AcceptEx = unsafe extern "system" fn(
    SOCKET,
    SOCKET,
    *mut c_void,
    u32,
    u32,
    u32,
    *mut u32,
    *mut OVERLAPPED,
) -> BOOL;

pub(super) type ConnectEx = unsafe extern "system" fn(
    SOCKET,
    *const SOCKADDR,
    i32,
    *const c_void,
    u32,
    *mut u32,
    *mut OVERLAPPED,
) -> BOOL;

impl KernelSocket {
    /// How this engine works on the socket. None if it cannot, or if the socket belongs to another
    /// port.
    pub fn attachment(
        &self,
        socket: &SharedSocket,
        engine: &Arc<Engine>,
    ) -> Option<Arc<Attachment>> {
        self.attachment.attach(engine, || {
            if !is_the_kernels(socket)? {
                return Err(io::ErrorKind::Unsupported.into());
            }
            let ask = |handle: BorrowedHandle<'_>| Inline::asked_of(handle, Owner::Caller);
            engine.attach(Handle::of_socket(socket), Packets::Promised, ask)
        })
    }

    /// The attachment, if there has been reason for one.
    pub fn existing_attachment(&self) -> Option<&Arc<Attachment>> {
        self.attachment.attachment()
    }

    #[cfg(test)]
    pub(super) fn attach_by_hand(&self, attachment: Arc<Attachment>) {
        self.attachment.attach_by_hand(attachment);
    }

    /// The function that accepts without waiting, for this listener.
    pub(super) fn accept_ex(&self, listener: &SharedSocket) -> io::Result<AcceptEx> {
        if let Some(known) = self.accept_ex.get() {
            return Ok(*known);
        }
        // SAFETY: this is the signature that belongs to the name.
        let found = unsafe { extension::<AcceptEx>(listener, &WSAID_ACCEPTEX) }?;
        Ok(*self.accept_ex.get_or_init(|| found))
    }
}

impl Drop for KernelSocket {
    fn drop(&mut self) {
        if let Some(attachment) = self.existing_attachment() {
            attachment.forget_handle();
        }
    }
}

/// The function that connects without waiting.
pub(super) fn connect_ex(socket: &SharedSocket) -> io::Result<ConnectEx> {
    // SAFETY: this is the signature that belongs to the name.
    unsafe { extension::<ConnectEx>(socket, &WSAID_CONNECTEX) }
}

/// Gives a socket the address at this end that connecting without waiting asks for, unless it has one.
pub(super) fn bind_to_any(socket: &SharedSocket, peer: &SockAddr) -> io::Result<()> {
    let any: SocketAddr = if peer.is_ipv6() {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    };
    match socket.socket().bind(&any.into()) {
        Err(error) if error.raw_os_error() != Some(WSAEINVAL) => Err(error),
        // The error says that it is bound.
        _ => Ok(()),
    }
}

/// A socket for what connects to `listener`.
pub(super) fn socket_to_accept(listener: &SharedSocket) -> io::Result<SharedSocket> {
    #[cfg(test)]
    faults::at(faults::Place::Accepting)?;
    let domain = listener.socket().local_addr()?.domain();
    Ok(SharedSocket::new(Socket::new(domain, Type::STREAM, None)?))
}

/// What remains to be done on a socket when a call on it is over.
pub(super) fn conclude(running: &mut RunningSlot, moved: io::Result<usize>) -> io::Result<usize> {
    if !matches!(running.kind(), Kind::Accept { .. } | Kind::Connect { .. }) {
        return moved;
    }
    match running.part() {
        Part::Socket(SocketPart::Accept { listener, accepted }) => {
            let known = moved.and_then(|_| match accepted {
                Some(socket) => {
                    let listener = listener.as_raw_socket() as SOCKET;
                    set_option(socket, SO_UPDATE_ACCEPT_CONTEXT, &listener.to_ne_bytes())
                }
                None => Err(io::ErrorKind::NotConnected.into()),
            });
            if known.is_err() {
                *accepted = None;
            }
            match known {
                // Who had connected has gone again. It is not the listener that was reset.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    Err(io::ErrorKind::ConnectionAborted.into())
                }
                known => known.map(|()| 0),
            }
        }
        Part::Socket(SocketPart::Connect { socket, .. }) => {
            moved?;
            set_option(socket, SO_UPDATE_CONNECT_CONTEXT, &[]).map(|()| 0)
        }
        _ => moved,
    }
}

/// Whether a socket is the kernel's own, and not one that some other software stands in for: with
/// those a call that succeeds at once may send a packet all the same.
fn is_the_kernels(socket: &SharedSocket) -> io::Result<bool> {
    let mut protocol = WSAPROTOCOL_INFOW::default();
    let mut len = size_of::<WSAPROTOCOL_INFOW>() as i32;
    // SAFETY: the socket is open, and the structure is live and of the length that is said.
    let result = unsafe {
        getsockopt(
            socket.as_raw_socket() as SOCKET,
            SOL_SOCKET,
            SO_PROTOCOL_INFOW,
            ptr::from_mut(&mut protocol).cast(),
            &mut len,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(protocol.dwServiceFlags1 & XP1_IFS_HANDLES != 0)
}

/// Asks the socket's provider for one of its functions.
///
/// # Safety
/// `F` must be the type of a pointer to the function that `name` names.
unsafe fn extension<F: Copy>(socket: &SharedSocket, name: &GUID) -> io::Result<F> {
    const { assert!(size_of::<Option<F>>() == size_of::<*const c_void>()) };
    let mut function: Option<F> = None;
    let mut returned = 0;
    // SAFETY: the socket is open, the name is live and read only, and into `function`, which a null
    // or a pointer to a function fits, goes one pointer.
    let result = unsafe {
        WSAIoctl(
            socket.as_raw_socket() as SOCKET,
            SIO_GET_EXTENSION_FUNCTION_POINTER,
            ptr::from_ref(name).cast(),
            size_of::<GUID>() as u32,
            ptr::from_mut(&mut function).cast(),
            size_of::<Option<F>>() as u32,
            &mut returned,
            ptr::null_mut(),
            None,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    function.ok_or_else(|| io::ErrorKind::Unsupported.into())
}

fn set_option(socket: &SharedSocket, option: i32, value: &[u8]) -> io::Result<()> {
    let bytes = if value.is_empty() {
        ptr::null()
    } else {
        value.as_ptr()
    };
    // SAFETY: the socket is open, and the value is live and of the length that is said.
    let result = unsafe {
        setsockopt(
            socket.as_raw_socket() as SOCKET,
            SOL_SOCKET,
            option,
            bytes,
            value.len() as i32,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
