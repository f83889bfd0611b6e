//! The calls on sockets of the drivers that wait for readiness: none of them waits, and one that
//! would have to says `WouldBlock`.

use std::io;

use socket2::SockAddr;

use crate::slot::SocketPart;
use crate::socket::{Calls, SharedSocket};
use crate::sys;

/// Does the next part of an operation on a socket, moving at most `longest` bytes.
pub(super) fn perform(part: SocketPart<'_>, longest: usize) -> io::Result<usize> {
    match part {
        SocketPart::Accept { listener, accepted } => {
            listener.make_calls(Calls::ReturnAtOnce)?;
            let (socket, _) = listener.socket().accept()?;
            *accepted = Some(SharedSocket::new(socket));
            Ok(0)
        }
        SocketPart::Connect {
            socket,
            address,
            begun,
        } => {
            if *begun {
                look_how_connecting_went(socket)?;
            } else {
                socket.make_calls(Calls::ReturnAtOnce)?;
                *begun = true;
                begin_to_connect(socket, address)?;
            }
            Ok(0)
        }
        SocketPart::Receive { socket, room } => {
            socket.make_calls(Calls::ReturnAtOnce)?;
            let len = room.len().min(longest);
            io::Read::read(&mut socket.socket(), &mut room[..len])
        }
        SocketPart::Send { socket, bytes } => {
            socket.make_calls(Calls::ReturnAtOnce)?;
            let len = bytes.len().min(longest);
            let socket = socket.socket();
            socket.send_with_flags(&bytes[..len], sys::SEND_FLAGS)
        }
    }
}

fn begin_to_connect(socket: &SharedSocket, address: &SockAddr) -> io::Result<()> {
    match socket.socket().connect(address) {
        // A Unix socket connects at once or not at all: nothing tells when the listener has room.
        Err(error) if address.is_unix() && error.kind() == io::ErrorKind::WouldBlock => Err(
            io::Error::new(io::ErrorKind::ResourceBusy, "the listener is full"),
        ),
        Err(error) if sys::is_connecting(&error) => Err(io::ErrorKind::WouldBlock.into()),
        other => other,
    }
}

/// The error of a connect that failed; `WouldBlock` while it goes on, as not every wake-up is about
/// its end.
fn look_how_connecting_went(socket: &SharedSocket) -> io::Result<()> {
    if let Some(error) = socket.socket().take_error()? {
        return Err(error);
    }
    match socket.socket().peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}
