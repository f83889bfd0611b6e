//! Frames: a stream's data, with messages beside it. Each frame has 4 bytes of header: its length in
//! 24 bits, and above them what it is.
// rsync: io.c read_a_msg(), send_msg(); rsync.h enum msgcode

use crate::{Error, Side};

/// As much as a frame can hold.
pub const MAX_FRAME: usize = 0xff_ffff;

/// The longest message; only data is longer.
// rsync: rsync.h BIGPATHBUFLEN
pub const MAX_MESSAGE: usize = 4096 + 1024 - 1;

/// Bytes of a frame's header.
pub const HEADER: usize = 4;

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
    const ALL: [MessageCode; 18] = [
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

// rsync: rsync.h MPLEX_BASE
const BASE: u8 = 7;

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
fn check_len(code: MessageCode, len: usize) -> Result<(), Error> {
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

fn invalid(code: MessageCode, len: usize) -> Error {
    Error::Garbled(format!("invalid multi-message {}:{len}", code as u8))
}

/// Appends data in frames.
pub fn put_data(out: &mut Vec<u8>, data: &[u8]) {
    for part in data.chunks(MAX_FRAME) {
        out.extend(MessageCode::Data.header(part.len()));
        out.extend_from_slice(part);
    }
}

/// What a [`Deframer`] finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Data, as much as is at hand; not empty.
    Data(&'a [u8]),
    /// A whole message.
    Message(Message),
}

/// Takes apart what arrives, in pieces of any size. Data is not copied, and no more of a message is
/// kept than it may have.
#[derive(Debug)]
pub struct Deframer {
    side: Side,
    state: State,
}

#[derive(Debug)]
enum State {
    Header {
        have: usize,
        bytes: [u8; HEADER],
    },
    Data {
        left: usize,
    },
    Message {
        code: MessageCode,
        len: usize,
        have: Vec<u8>,
    },
}

impl State {
    const START: State = State::Header {
        have: 0,
        bytes: [0; HEADER],
    };
}

impl Deframer {
    /// At the beginning of the frames that arrive at this end.
    pub const fn new(side: Side) -> Deframer {
        Deframer {
            side,
            state: State::START,
        }
    }

    /// Takes the next piece of data or the next message out of `input`; `None` when all of it is
    /// used up.
    ///
    /// # Errors
    ///
    /// [`Error::Garbled`], for frames that no correct peer sends; nothing after them can be read.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, Error> {
        loop {
            match &mut self.state {
                State::Data { left } => {
                    let data = split(input, *left);
                    *left -= data.len();
                    if *left == 0 {
                        self.state = State::START;
                    }
                    if !data.is_empty() {
                        return Ok(Some(Frame::Data(data)));
                    }
                    if matches!(self.state, State::Data { .. }) {
                        return Ok(None);
                    }
                }
                State::Header { have, bytes } => {
                    let part = split(input, HEADER - *have);
                    bytes[*have..*have + part.len()].copy_from_slice(part);
                    *have += part.len();
                    if *have < HEADER {
                        return Ok(None);
                    }
                    let header = *bytes;
                    self.state = self.begin(header)?;
                }
                State::Message { code, len, have } => {
                    let part = split(input, *len - have.len());
                    let whole = if part.len() == *len {
                        Message::decode(*code, part)?
                    } else {
                        have.extend_from_slice(part);
                        if have.len() < *len {
                            return Ok(None);
                        }
                        Message::decode(*code, have)?
                    };
                    self.state = State::START;
                    return Ok(Some(Frame::Message(whole)));
                }
            }
        }
    }

    /// Whether the stream may end here.
    pub const fn is_between_frames(&self) -> bool {
        matches!(self.state, State::Header { have: 0, .. })
    }

    fn begin(&self, [a, b, c, tag]: [u8; HEADER]) -> Result<State, Error> {
        let len = u32::from_le_bytes([a, b, c, 0]) as usize;
        let Some(code) = tag.checked_sub(BASE) else {
            let code = i16::from(tag) - i16::from(BASE);
            return Err(Error::Garbled(format!("unexpected tag {code}")));
        };
        let code = MessageCode::try_from(code)?;
        check_len(code, len)?;
        match code {
            MessageCode::Data => return Ok(State::Data { left: len }),
            // rsync's processes say these to each other; no peer does.
            MessageCode::ErrorSocket
            | MessageCode::ErrorUtf8
            | MessageCode::Log
            | MessageCode::Client
            | MessageCode::Redo
            | MessageCode::Stats => return Err(invalid(code, len)),
            MessageCode::IoTimeout if self.side == Side::Server => return Err(invalid(code, len)),
            _ => {}
        }
        let have = Vec::new();
        Ok(State::Message { code, len, have })
    }
}

fn split<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (part, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All of the data and all messages, from pieces of at most `piece` bytes.
    fn taken_apart(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<Message>), Error> {
        let mut deframer = Deframer::new(Side::Client);
        let (mut data, mut messages) = (Vec::new(), Vec::new());
        for mut input in bytes.chunks(piece) {
            while let Some(frame) = deframer.next(&mut input)? {
                match frame {
                    Frame::Data(part) => data.extend_from_slice(part),
                    Frame::Message(message) => messages.push(message),
                }
            }
            assert!(input.is_empty());
        }
        Ok((data, messages))
    }

    #[test]
    fn lengths_are_checked() {
        let garbled = |bytes: &[u8], side| {
            let mut deframer = Deframer::new(side);
            let found = deframer.next(&mut &bytes[..]);
            assert!(
                matches!(found, Err(Error::Garbled(_))),
                "{bytes:?}: {found:?}"
            );
        };
        for code in MessageCode::ALL {
            if code != MessageCode::Data {
                garbled(&code.header(MAX_MESSAGE + 1), Side::Client);
            }
        }
        for (code, len) in [
            (MessageCode::IoError, 3),
            (MessageCode::Success, 20),
            (MessageCode::NoSend, 0),
            (MessageCode::IoTimeout, 8),
            (MessageCode::Noop, 1),
            (MessageCode::ErrorExit, 1),
            (MessageCode::Redo, 4),
            (MessageCode::Stats, 8),
            (MessageCode::Log, 1),
        ] {
            garbled(&code.header(len), Side::Client);
        }
        garbled(&MessageCode::IoTimeout.header(4), Side::Server);
        garbled(&[0, 0, 0, 6], Side::Client);
        garbled(&[0, 0, 0, 255], Side::Client);
    }

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

    #[test]
    fn data_is_not_copied() {
        let mut bytes = Vec::new();
        put_data(&mut bytes, b"abcdef");
        let mut deframer = Deframer::new(Side::Server);
        let mut input = &bytes[..8];
        let Ok(Some(Frame::Data(part))) = deframer.next(&mut input) else {
            panic!("no data");
        };
        assert_eq!(part.as_ptr(), bytes[4..].as_ptr());
        assert_eq!(deframer.next(&mut input), Ok(None));
        assert!(!deframer.is_between_frames());
        assert_eq!(
            deframer.next(&mut &bytes[8..]),
            Ok(Some(Frame::Data(b"ef")))
        );
        assert!(deframer.is_between_frames());
    }

    #[test]
    fn large_data_takes_several_frames() {
        let data = vec![7; MAX_FRAME + 5];
        let mut bytes = Vec::new();
        put_data(&mut bytes, &data);
        assert_eq!(bytes.len(), data.len() + 2 * HEADER);
        let (back, _) = taken_apart(&bytes, 1 << 20).expect("frames");
        assert!(back == data);
    }

    fn any_message() -> impl Strategy<Value = Message> {
        use prop::collection::vec;
        prop_oneof![
            vec(any::<u8>(), 0..200).prop_map(|text| Message::Text(TextKind::Info, text)),
            vec(any::<u8>(), 0..20).prop_map(|text| Message::Text(TextKind::Error, text)),
            vec(any::<u8>(), 0..20).prop_map(|text| Message::Text(TextKind::ErrorXfer, text)),
            vec(any::<u8>(), 0..20).prop_map(|text| Message::Text(TextKind::Warning, text)),
            (0..8u32).prop_map(Message::IoError),
            (1..86400u32).prop_map(Message::IoTimeout),
            Just(Message::Noop),
            any::<Option<i32>>().prop_map(Message::ErrorExit),
            any::<i32>().prop_map(Message::Success),
            any::<i32>().prop_map(Message::NoSend),
            (vec(1..255u8, 1..20), any::<bool>())
                .prop_map(|(name, is_dir)| Message::Deleted { name, is_dir }),
        ]
    }

    proptest! {
        #[test]
        fn frames_come_back(
            sent in prop::collection::vec((any_message(), any::<Vec<u8>>()), 0..10),
            piece in 1usize..300,
        ) {
            let (mut bytes, mut all) = (Vec::new(), Vec::new());
            for (message, data) in &sent {
                message.put(&mut bytes);
                put_data(&mut bytes, data);
                all.extend_from_slice(data);
            }
            let (data, messages) = taken_apart(&bytes, piece).expect("frames");
            prop_assert_eq!(data, all);
            let told: Vec<_> = sent.into_iter().map(|(message, _)| message).collect();
            prop_assert_eq!(messages, told);
        }

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
        fn no_bytes_panic(bytes: Vec<u8>, piece in 1usize..300) {
            let _ = taken_apart(&bytes, piece);
        }
    }
}
