//! Frames: a stream's data, with messages beside it. Each frame has 4 bytes of header: its length in
//! 24 bits, and above them what it is.
// rsync: io.c read_a_msg(), send_msg()

use crate::message::{BASE, HEADER, MAX_FRAME, Message, MessageCode, check_len, invalid};
use crate::{Error, Side};

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
    use crate::message::{MAX_MESSAGE, TextKind};
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
        fn no_bytes_panic(bytes: Vec<u8>, piece in 1usize..300) {
            let _ = taken_apart(&bytes, piece);
        }
    }
}
