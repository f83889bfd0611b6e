//! Messages beside a stream's data, each of which has a frame of its own.
// rsync: io.c read_a_msg(), send_msg(); rsync.h enum msgcode

use crate::Error;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageCode {
    /// The stream itself.
    Data = 0,
    /// Text: a file could not be transferred.
    ErrorXfer = 1,
    /// Text to show.
    Info = 2,
    /// Text: an error.
    Error = 3,
    /// Text: a warning.
    Warning = 4,
    /// Text: an error; only among rsync's own processes.
    ErrorSocket = 5,
    /// Text for the log; only among rsync's own processes.
    Log = 6,
    /// Text for the client; only among rsync's own processes.
    Client = 7,
    /// Text: an error, not to be converted; only among rsync's own processes.
    ErrorUtf8 = 8,
    /// A file that must be done again; only among rsync's own processes.
    Redo = 9,
    /// How much was read; only among rsync's own processes.
    Stats = 10,
    /// The sender met errors.
    IoError = 22,
    /// The timeout that a daemon has.
    IoTimeout = 33,
    /// Nothing: version 30 says so that it is alive.
    Noop = 42,
    /// The session ends by an error.
    ErrorExit = 86,
    /// A file has arrived.
    Success = 100,
    /// An entry was deleted.
    Deleted = 101,
    /// A file that was asked for cannot be sent.
    NoSend = 102,
}

impl MessageCode {
    pub(crate) const ALL: [MessageCode; 18] = [
        MessageCode::Data,
        MessageCode::ErrorXfer,
        MessageCode::Info,
        MessageCode::Error,
        MessageCode::Warning,
        MessageCode::ErrorSocket,
        MessageCode::Log,
        MessageCode::Client,
        MessageCode::ErrorUtf8,
        MessageCode::Redo,
        MessageCode::Stats,
        MessageCode::IoError,
        MessageCode::IoTimeout,
        MessageCode::Noop,
        MessageCode::ErrorExit,
        MessageCode::Success,
        MessageCode::Deleted,
        MessageCode::NoSend,
    ];

    /// The header of a frame of this kind, with `len` bytes.
    ///
    /// # Panics
    ///
    /// If that is more than [`MAX_FRAME`].
    pub fn header(self, len: usize) -> [u8; HEADER] {
        assert!(len <= MAX_FRAME, "a frame of {len} bytes");
        let [a, b, c, _] = (len as u32).to_le_bytes();
        [a, b, c, BASE + self as u8]
    }
}

impl TryFrom<u8> for MessageCode {
    type Error = Error;

    fn try_from(code: u8) -> Result<MessageCode, Error> {
        let found = Self::ALL.into_iter().find(|known| *known as u8 == code);
        found.ok_or_else(|| Error::Garbled(format!("unexpected tag {code}")))
    }
}

/// What the highest byte of a header has beside the code.
// rsync: rsync.h MPLEX_BASE
pub(crate) const BASE: u8 = 7;

/// As much as a frame can hold.
pub const MAX_FRAME: usize = 0xff_ffff;

/// The longest message; only data is longer.
// rsync: rsync.h BIGPATHBUFLEN
pub const MAX_MESSAGE: usize = 4096 + 1024 - 1;

/// Bytes of a frame's header.
pub const HEADER: usize = 4;

/// A message beside the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text of one of the kinds that have text.
    Text(TextKind, Vec<u8>),
    /// The file of this index must be done again.
    Redo(i32),
    /// As many bytes were read.
    Stats(u64),
    /// The sender met errors: bits of rsync's `IOERR_*`, none but those that have a meaning.
    IoError(u32),
    /// A daemon's timeout in seconds, 1 to a day. What disables timeouts is [`Message::Noop`].
    IoTimeout(u32),
    /// Nothing.
    Noop,
    /// The session ends, with this exit code; without one where the peer answers such a message.
    ErrorExit(Option<i32>),
    /// The file of this index has arrived.
    Success(i32),
    /// An entry was deleted.
    Deleted {
        /// Its path, to be shown.
        name: Vec<u8>,
        /// Whether it was a directory.
        is_dir: bool,
    },
    /// The file of this index cannot be sent.
    NoSend(i32),
}

/// Which text a message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// [`MessageCode::Info`]
    Info,
    /// [`MessageCode::Error`]
    Error,
    /// [`MessageCode::ErrorXfer`]
    ErrorXfer,
    /// [`MessageCode::Warning`]
    Warning,
    /// [`MessageCode::ErrorUtf8`]
    ErrorUtf8,
    /// [`MessageCode::ErrorSocket`]
    ErrorSocket,
    /// [`MessageCode::Log`]
    Log,
    /// [`MessageCode::Client`]
    Client,
}

impl From<TextKind> for MessageCode {
    fn from(kind: TextKind) -> MessageCode {
        match kind {
            TextKind::Info => MessageCode::Info,
            TextKind::Error => MessageCode::Error,
            TextKind::ErrorXfer => MessageCode::ErrorXfer,
            TextKind::Warning => MessageCode::Warning,
            TextKind::ErrorUtf8 => MessageCode::ErrorUtf8,
            TextKind::ErrorSocket => MessageCode::ErrorSocket,
            TextKind::Log => MessageCode::Log,
            TextKind::Client => MessageCode::Client,
        }
    }
}

// rsync: rsync.h IOERR_VALID_MASK
const IO_ERRORS: u32 = 0b111;

const LONGEST_TIMEOUT: i32 = 24 * 60 * 60;

impl Message {
    /// What kind of frame it takes.
    pub fn code(&self) -> MessageCode {
        match self {
            Message::Text(kind, _) => (*kind).into(),
            Message::Redo(_) => MessageCode::Redo,
            Message::Stats(_) => MessageCode::Stats,
            Message::IoError(_) => MessageCode::IoError,
            Message::IoTimeout(_) => MessageCode::IoTimeout,
            Message::Noop => MessageCode::Noop,
            Message::ErrorExit(_) => MessageCode::ErrorExit,
            Message::Success(_) => MessageCode::Success,
            Message::Deleted { .. } => MessageCode::Deleted,
            Message::NoSend(_) => MessageCode::NoSend,
        }
    }

    /// Appends its frame. Text and names are cut off after [`MAX_MESSAGE`] bytes: a longer one would
    /// end the peer.
    pub fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0; HEADER]);
        match self {
            Message::Text(_, text) => out.extend_from_slice(&text[..text.len().min(MAX_MESSAGE)]),
            Message::Deleted { name, is_dir } => {
                let most = MAX_MESSAGE - usize::from(*is_dir);
                out.extend_from_slice(&name[..name.len().min(most)]);
                out.extend(is_dir.then_some(0));
            }
            Message::Redo(number) | Message::Success(number) | Message::NoSend(number) => {
                out.extend(number.to_le_bytes());
            }
            Message::IoError(number) | Message::IoTimeout(number) => {
                out.extend(number.to_le_bytes());
            }
            Message::Stats(number) => out.extend(number.to_le_bytes()),
            Message::ErrorExit(code) => out.extend(code.iter().flat_map(|code| code.to_le_bytes())),
            Message::Noop => {}
        }
        let header = self.code().header(out.len() - start - HEADER);
        out[start..start + HEADER].copy_from_slice(&header);
    }

    /// What a whole frame says, but not of [`MessageCode::Data`].
    ///
    /// # Errors
    ///
    /// [`Error::Garbled`], where a frame of that kind cannot have that length.
    pub fn decode(code: MessageCode, payload: &[u8]) -> Result<Message, Error> {
        check_len(code, payload.len())?;
        let number = match payload {
            &[a, b, c, d] => i32::from_le_bytes([a, b, c, d]),
            _ => 0,
        };
        let text = |kind| Message::Text(kind, payload.to_vec());
        Ok(match code {
            MessageCode::Data => return Err(invalid(code, payload.len())),
            MessageCode::ErrorXfer => text(TextKind::ErrorXfer),
            MessageCode::Info => text(TextKind::Info),
            MessageCode::Error => text(TextKind::Error),
            MessageCode::Warning => text(TextKind::Warning),
            MessageCode::ErrorSocket => text(TextKind::ErrorSocket),
            MessageCode::Log => text(TextKind::Log),
            MessageCode::Client => text(TextKind::Client),
            MessageCode::ErrorUtf8 => text(TextKind::ErrorUtf8),
            MessageCode::Redo => Message::Redo(number),
            MessageCode::Stats => {
                let read = payload.try_into().map(u64::from_le_bytes);
                Message::Stats(read.map_err(|_| invalid(code, payload.len()))?)
            }
            MessageCode::IoError => Message::IoError(number as u32 & IO_ERRORS),
            MessageCode::IoTimeout => match number {
                1..=LONGEST_TIMEOUT => Message::IoTimeout(number as u32),
                _ => Message::Noop,
            },
            MessageCode::Noop => Message::Noop,
            MessageCode::ErrorExit => Message::ErrorExit((payload.len() == 4).then_some(number)),
            MessageCode::Success => Message::Success(number),
            MessageCode::Deleted => match payload.split_last() {
                Some((0, name)) => Message::Deleted {
                    name: name.to_vec(),
                    is_dir: true,
                },
                _ => Message::Deleted {
                    name: payload.to_vec(),
                    is_dir: false,
                },
            },
            MessageCode::NoSend => Message::NoSend(number),
        })
    }
}

/// Whether a frame of that kind may have that length.
pub(crate) fn check_len(code: MessageCode, len: usize) -> Result<(), Error> {
    let fits = match code {
        MessageCode::Data => true,
        MessageCode::Redo
        | MessageCode::IoError
        | MessageCode::IoTimeout
        | MessageCode::Success
        | MessageCode::NoSend => len == 4,
        MessageCode::Stats => len == 8,
        MessageCode::Noop => len == 0,
        MessageCode::ErrorExit => len == 0 || len == 4,
        _ if len > MAX_MESSAGE => {
            let code = code as u8;
            return Err(Error::Garbled(format!(
                "multiplexing overflow {code}:{len}"
            )));
        }
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(invalid(code, len))
    }
}

pub(crate) fn invalid(code: MessageCode, len: usize) -> Error {
    Error::Garbled(format!("invalid multi-message {}:{len}", code as u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_timeout_that_disables_ours_says_nothing() {
        for (seconds, message) in [
            (0, Message::Noop),
            (-1, Message::Noop),
            (i32::MAX, Message::Noop),
            (60, Message::IoTimeout(60)),
        ] {
            let decoded = Message::decode(MessageCode::IoTimeout, &seconds.to_le_bytes());
            assert_eq!(decoded, Ok(message));
        }
    }

    #[test]
    fn unknown_bits_of_errors_are_dropped() {
        let decoded = Message::decode(MessageCode::IoError, &(-1i32).to_le_bytes());
        assert_eq!(decoded, Ok(Message::IoError(7)));
    }

    proptest! {
        #[test]
        fn messages_among_processes_come_back(number: i32, read: u64, text: Vec<u8>) {
            for message in [
                Message::Redo(number),
                Message::Stats(read),
                Message::Text(TextKind::ErrorUtf8, text.clone()),
                Message::Text(TextKind::ErrorSocket, text.clone()),
                Message::Text(TextKind::Log, text.clone()),
                Message::Text(TextKind::Client, text.clone()),
            ] {
                let mut bytes = Vec::new();
                message.put(&mut bytes);
                prop_assert_eq!(Message::decode(message.code(), &bytes[HEADER..]), Ok(message));
            }
        }

        #[test]
        fn no_bytes_panic(payload: Vec<u8>) {
            for code in MessageCode::ALL {
                let _ = Message::decode(code, &payload);
            }
        }
    }
}
