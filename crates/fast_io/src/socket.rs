//! A socket that operations in flight hold on to.
//!
//! What a [`SharedFile`](crate::SharedFile) is for files: operations outlive the call that submits
//! them, so they share the socket instead of borrowing it. It is one type for listeners and
//! streams, of TCP and of Unix: what one of them cannot do, the system refuses.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::file::HandleId;
#[cfg(windows)]
use crate::sys;

/// A shared socket. Cloning it shares the same one; it is closed when the last clone, and the last
/// operation on it, has gone.
///
/// Make it from a listener or a stream of the standard library, or by
/// [`unconnected`](Self::unconnected). Options are set through its handle: it is an `AsFd` or an
/// `AsSocket`, as `socket2::SockRef` wants it. A socket's operations belong to one pump: drivers
/// change whether plain calls on it block.
#[derive(Clone)]
pub struct SharedSocket {
    shared: Arc<Shared>,
}

struct Shared {
    /// Goes before the socket does: see [`sys::KernelSocket`].
    #[cfg(windows)]
    kernel: sys::KernelSocket,
    socket: Socket,
    id: HandleId,
    calls: AtomicU8,
    reset: AtomicBool,
}

/// Whether plain calls on a socket wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    Block = 1,
    ReturnAtOnce = 2,
}

/// Not known, as the socket came from elsewhere.
const CALLS_UNKNOWN: u8 = 0;

impl SharedSocket {
    /// A TCP socket for [`Operation::connect`](crate::Operation::connect) to `address`. There is
    /// one connection in it: after a failure make another.
    ///
    /// # Errors
    /// If the system has no more sockets, or none for this kind of address.
    pub fn unconnected(address: &SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
        Ok(Self::new(socket))
    }

    /// A Unix socket for [`Operation::connect_unix`](crate::Operation::connect_unix).
    ///
    /// # Errors
    /// If the system has no more sockets.
    #[cfg(unix)]
    pub fn unconnected_unix() -> io::Result<Self> {
        Ok(Self::new(Socket::new(Domain::UNIX, Type::STREAM, None)?))
    }

    /// The Internet address at this end.
    ///
    /// # Errors
    /// The system's; `Unsupported` for sockets that are not of the Internet.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        internet_address(&self.shared.socket.local_addr()?)
    }

    /// The Internet address at the other end.
    ///
    /// # Errors
    /// The system's; `Unsupported` for sockets that are not of the Internet.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        internet_address(&self.shared.socket.peer_addr()?)
    }

    /// Tells the other end that nothing more will be sent; receiving goes on. It never waits:
    /// call it when the last send has completed.
    ///
    /// # Errors
    /// The system's, if the socket is not connected (any more).
    pub fn shut_down_sending(&self) -> io::Result<()> {
        self.shared.socket.shutdown(Shutdown::Write)
    }

    /// The stream on its own, its calls blocking, if nobody else holds on to it; otherwise `self`
    /// again.
    ///
    /// # Errors
    /// Hands `self` back while an operation or another clone still holds the socket, or if the
    /// system does not let its calls block.
    pub fn into_tcp_stream(self) -> Result<TcpStream, SharedSocket> {
        // Not before it is ours alone: a driver may be about to make a call that must not wait.
        let shared = Arc::try_unwrap(self.shared).map_err(|shared| Self { shared })?;
        match shared.make_calls(Calls::Block) {
            Ok(()) => Ok(shared.socket.into()),
            Err(_) => Err(Self {
                shared: Arc::new(shared),
            }),
        }
    }

    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            shared: Arc::new(Shared {
                #[cfg(windows)]
                kernel: sys::KernelSocket::default(),
                socket,
                id: HandleId::next(),
                calls: AtomicU8::new(CALLS_UNKNOWN),
                reset: AtomicBool::new(false),
            }),
        }
    }

    pub(crate) fn id(&self) -> HandleId {
        self.shared.id
    }

    /// What a port remembers of it.
    #[cfg(windows)]
    pub(crate) fn kernel(&self) -> &sys::KernelSocket {
        &self.shared.kernel
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.shared.socket
    }

    /// Has the socket's calls wait or not, as a driver needs it.
    pub(crate) fn make_calls(&self, calls: Calls) -> io::Result<()> {
        self.shared.make_calls(calls)
    }

    /// Whether a driver that waits for readiness has it.
    pub(crate) fn returns_at_once(&self) -> bool {
        self.shared.calls.load(Ordering::Acquire) == Calls::ReturnAtOnce as u8
    }

    /// Has [`make_calls`](Self::make_calls) look again: somebody outside has changed it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn doubt_calls(&self) {
        self.shared.calls.store(CALLS_UNKNOWN, Ordering::Release);
    }

    /// Remembers that the connection was reset: systems say so once, and then that it ended.
    pub(crate) fn note_reset(&self) {
        self.shared.reset.store(true, Ordering::Release);
    }

    pub(crate) fn was_reset(&self) -> bool {
        self.shared.reset.load(Ordering::Acquire)
    }
}

impl Shared {
    fn make_calls(&self, calls: Calls) -> io::Result<()> {
        if self.calls.load(Ordering::Acquire) != calls as u8 {
            self.socket.set_nonblocking(calls == Calls::ReturnAtOnce)?;
            self.calls.store(calls as u8, Ordering::Release);
        }
        Ok(())
    }
}

fn internet_address(address: &SockAddr) -> io::Result<SocketAddr> {
    address
        .as_socket()
        .ok_or_else(|| io::ErrorKind::Unsupported.into())
}

impl fmt::Debug for SharedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedSocket")
            .field(&self.shared.socket)
            .finish()
    }
}

impl From<TcpListener> for SharedSocket {
    fn from(listener: TcpListener) -> Self {
        Self::new(listener.into())
    }
}

impl From<TcpStream> for SharedSocket {
    fn from(stream: TcpStream) -> Self {
        Self::new(stream.into())
    }
}

#[cfg(unix)]
mod of_unix {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::SharedSocket;

    impl From<UnixListener> for SharedSocket {
        fn from(listener: UnixListener) -> Self {
            Self::new(OwnedFd::from(listener).into())
        }
    }

    impl From<UnixStream> for SharedSocket {
        fn from(stream: UnixStream) -> Self {
            Self::new(OwnedFd::from(stream).into())
        }
    }

    impl AsFd for SharedSocket {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket().as_fd()
        }
    }

    impl AsRawFd for SharedSocket {
        fn as_raw_fd(&self) -> RawFd {
            self.socket().as_raw_fd()
        }
    }
}

#[cfg(windows)]
mod of_windows {
    use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

    use super::SharedSocket;

    impl AsSocket for SharedSocket {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            self.socket().as_socket()
        }
    }

    impl AsRawSocket for SharedSocket {
        fn as_raw_socket(&self) -> RawSocket {
            self.socket().as_raw_socket()
        }
    }
}
