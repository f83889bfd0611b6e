//! The one reader of the stream from the other side. Data comes out of it as a [`Source`] for the
//! decoders of `wire`; messages that come between are given to whoever hears them.
// rsync: io.c read_buf(), read_a_msg()

use super::StreamError;
use crate::control::Control;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use wire::message::Message;
use wire::mux::{Deframer, Frame};
use wire::source::MAX_TAKE;
use wire::{Side, Source};

/// How much is read at a time.
const READ: usize = 256 * 1024;

/// What is done with a message that comes between the data.
pub(crate) type OnMessage = Box<dyn FnMut(Message) -> Result<(), StreamError> + Send>;

/// Bytes from the other side.
pub(crate) struct Inlet {
    from: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    /// What of the buffer is not looked at yet.
    at: usize,
    end: usize,
    /// Data that is at hand and not taken yet.
    run: Range<usize>,
    /// `None` while there are no frames.
    deframer: Option<Deframer>,
    /// What they are resumed with.
    paused: Option<Deframer>,
    /// Pieces put together.
    joined: Vec<u8>,
    on_message: OnMessage,
    read: u64,
    /// Is told of whatever comes.
    alive: Option<Arc<Control>>,
    before_waiting: Option<Box<dyn FnMut() + Send>>,
    copy: Option<Box<dyn Write + Send>>,
}

impl Inlet {
    pub fn new(from: Box<dyn Read + Send>) -> Inlet {
        Inlet {
            from,
            buffer: vec![0; READ].into(),
            at: 0,
            end: 0,
            run: 0..0,
            deframer: None,
            paused: None,
            joined: Vec::new(),
            on_message: Box::new(|_| Ok(())),
            read: 0,
            alive: None,
            before_waiting: None,
            copy: None,
        }
    }

    /// One that takes no byte from the stream before it is wanted.
    pub fn unbuffered(from: Box<dyn Read + Send>) -> Inlet {
        Inlet {
            buffer: vec![0; 1].into(),
            ..Inlet::new(from)
        }
    }

    /// From here on the stream comes in frames, with messages between them.
    pub fn start_frames(&mut self, side: Side, on_message: OnMessage) {
        self.deframer = Some(Deframer::new(side));
        // What was read ahead is in frames already.
        self.at = self.run.start.min(self.at);
        self.run = 0..0;
        self.on_message = on_message;
    }

    /// From here on `control` is told of whatever comes.
    pub fn keeps_alive(&mut self, control: Arc<Control>) {
        self.alive = Some(control);
    }

    /// From here on the stream comes as it is, if it came in frames.
    pub fn pause_frames(&mut self) {
        self.paused = self.deframer.take();
    }

    /// From here on it comes in frames again, if it did before a pause.
    pub fn resume_frames(&mut self) {
        if let Some(deframer) = self.paused.take() {
            self.deframer = Some(deframer);
            // What was read ahead is in frames already.
            if !self.run.is_empty() {
                self.at = self.run.start;
                self.run = 0..0;
            }
        }
    }

    /// What is done each time before it waits for the other side.
    pub fn before_waiting(&mut self, act: impl FnMut() + Send + 'static) {
        self.before_waiting = Some(Box::new(act));
    }

    /// From here on everything that is taken is written to `copy` too (`--write-batch`).
    pub fn copy_to(&mut self, copy: Option<Box<dyn Write + Send>>) {
        self.copy = copy;
    }

    /// Whether no more data is at hand: the next byte may have to be waited for. What else is in the
    /// buffer may be messages alone.
    pub fn is_dry(&self) -> bool {
        self.run.is_empty()
    }

    /// Bytes read so far, headers included.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Reads what still comes, and its messages, until the end of the stream.
    pub fn read_to_end(&mut self) {
        while self.take_some(MAX_TAKE).is_ok() {}
    }

    /// Has at least one byte in the buffer, or says why there is none.
    fn fill(&mut self) -> Result<(), StreamError> {
        if self.at < self.end {
            return Ok(());
        }
        (self.at, self.end) = (0, 0);
        if let Some(act) = &mut self.before_waiting {
            act();
        }
        loop {
            match self.from.read(&mut self.buffer) {
                Ok(0) => return Err(StreamError::Closed { read: self.read }),
                Ok(read) => {
                    self.end = read;
                    self.read += read as u64;
                    if let Some(control) = &self.alive {
                        control.sign_of_life();
                    }
                    return Ok(());
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(StreamError::Io(e)),
            }
        }
    }

    /// How many bytes of data are at hand, at least one: hears the messages before them.
    fn data(&mut self) -> Result<usize, StreamError> {
        loop {
            if !self.run.is_empty() {
                return Ok(self.run.len());
            }
            self.fill()?;
            let Some(deframer) = &mut self.deframer else {
                self.run = self.at..self.end;
                self.at = self.end;
                continue;
            };
            let mut input = &self.buffer[self.at..self.end];
            let frame = deframer.next(&mut input)?;
            self.at = self.end - input.len();
            match frame {
                Some(Frame::Data(bytes)) => self.run = self.at - bytes.len()..self.at,
                Some(Frame::Message(message)) => (self.on_message)(message)?,
                None => {}
            }
        }
    }

    fn consume(&mut self, len: usize) -> &[u8] {
        let from = self.run.start;
        self.run.start += len;
        let bytes = &self.buffer[from..from + len];
        if let Some(copy) = &mut self.copy {
            // What cannot be written is found out when all is over.
            let _ = copy.write_all(bytes);
        }
        bytes
    }
}

impl Source for Inlet {
    type Error = StreamError;

    fn take(&mut self, len: usize) -> Result<&[u8], StreamError> {
        assert!(len <= MAX_TAKE, "{len} bytes in one piece");
        if len == 0 {
            return Ok(&[]);
        }
        if self.data()? >= len {
            return Ok(self.consume(len));
        }
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        while joined.len() < len {
            let some = self.data()?.min(len - joined.len());
            joined.extend_from_slice(self.consume(some));
        }
        self.joined = joined;
        Ok(&self.joined)
    }

    fn take_some(&mut self, most: usize) -> Result<&[u8], StreamError> {
        if most == 0 {
            return Ok(&[]);
        }
        let some = self.data()?.min(most);
        Ok(self.consume(some))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::message::MessageCode;

    fn frame(bytes: &[u8]) -> Vec<u8> {
        [&MessageCode::Data.header(bytes.len()), bytes].concat()
    }

    /// Frames, bytes as they are, and frames again, of which all is read ahead or every byte alone.
    #[test]
    fn frames_pause() {
        let stream = [
            frame(b"rules"),
            b"a\0\0".to_vec(),
            frame(b""),
            frame(b"more"),
        ]
        .concat();
        for mut inlet in [
            Inlet::new(Box::new(io::Cursor::new(stream.clone()))),
            Inlet::unbuffered(Box::new(io::Cursor::new(stream.clone()))),
        ] {
            inlet.start_frames(Side::Client, Box::new(|_| Ok(())));
            assert_eq!(inlet.take(5).unwrap(), b"rules");
            inlet.pause_frames();
            assert_eq!(inlet.take(3).unwrap(), b"a\0\0");
            inlet.resume_frames();
            assert_eq!(inlet.take(4).unwrap(), b"more");
            assert!(matches!(inlet.take(1), Err(StreamError::Closed { .. })));
        }
    }

    /// Who waits for more data would wait in vain while what it has is not handed on.
    #[test]
    fn messages_alone_are_no_data() {
        let message = [&MessageCode::Info.header(2)[..], b"hi"].concat();
        let stream = [frame(b"ab"), message].concat();
        let mut inlet = Inlet::new(Box::new(io::Cursor::new(stream)));
        inlet.start_frames(Side::Client, Box::new(|_| Ok(())));
        assert_eq!(inlet.take(1).unwrap(), b"a");
        assert!(!inlet.is_dry());
        assert_eq!(inlet.take(1).unwrap(), b"b");
        assert!(inlet.is_dry());
    }

    #[test]
    fn without_frames_a_pause_changes_nothing() {
        let mut inlet = Inlet::new(Box::new(io::Cursor::new(b"abcd")));
        assert_eq!(inlet.take(1).unwrap(), b"a");
        inlet.pause_frames();
        assert_eq!(inlet.take(1).unwrap(), b"b");
        inlet.resume_frames();
        assert_eq!(inlet.take(2).unwrap(), b"cd");
    }
}
