//! The one reader of the stream from the other side. Data comes out of it as a [`Source`] for the
//! decoders of `wire`; messages that come between are given to whoever hears them.
// rsync: io.c read_buf(), read_a_msg()

use super::StreamError;
use std::io::{self, Read, Write};
use wire::Source;
use wire::mux::{self, Message, MessageCode};
use wire::source::MAX_TAKE;

/// How much is read at a time.
const READ: usize = 256 * 1024;

/// What is done with a message that comes between the data.
pub(crate) type OnMessage = Box<dyn FnMut(Message) -> Result<(), StreamError> + Send>;

/// Bytes from the other side.
pub(crate) struct Inlet {
    from: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    /// What of the buffer is not taken yet.
    at: usize,
    end: usize,
    /// What of the frame at hand is not taken yet; `None` while there are no frames.
    frame: Option<usize>,
    /// Pieces put together.
    joined: Vec<u8>,
    on_message: OnMessage,
    read: u64,
    before_waiting: Option<Box<dyn FnMut() + Send>>,
    copy: Option<Box<dyn Write + Send>>,
    /// What was already read of the stream when it ended.
    ended: bool,
}

impl Inlet {
    pub fn new(from: Box<dyn Read + Send>) -> Inlet {
        Inlet {
            from,
            buffer: vec![0; READ].into(),
            at: 0,
            end: 0,
            frame: None,
            joined: Vec::new(),
            on_message: Box::new(|_| Ok(())),
            read: 0,
            before_waiting: None,
            copy: None,
            ended: false,
        }
    }

    /// From here on the stream comes in frames, with messages between them.
    pub fn start_frames(&mut self, on_message: OnMessage) {
        self.frame = Some(0);
        self.on_message = on_message;
    }

    /// Whether the stream comes in frames.
    pub fn has_frames(&self) -> bool {
        self.frame.is_some()
    }

    /// What is done each time before it waits for the other side.
    pub fn before_waiting(&mut self, act: impl FnMut() + Send + 'static) {
        self.before_waiting = Some(Box::new(act));
    }

    /// From here on everything that is taken is written to `copy` too (`--write-batch`).
    pub fn copy_to(&mut self, copy: Option<Box<dyn Write + Send>>) {
        self.copy = copy;
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
                Ok(0) => {
                    self.ended = true;
                    return Err(StreamError::Closed { read: self.read });
                }
                Ok(read) => {
                    self.end = read;
                    self.read += read as u64;
                    return Ok(());
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(StreamError::Io(e)),
            }
        }
    }

    /// Fills a slice with what comes next, whatever frames there are.
    fn raw(&mut self, into: &mut [u8]) -> Result<(), StreamError> {
        let mut filled = 0;
        while filled < into.len() {
            self.fill()?;
            let some = (self.end - self.at).min(into.len() - filled);
            into[filled..filled + some].copy_from_slice(&self.buffer[self.at..self.at + some]);
            self.at += some;
            filled += some;
        }
        Ok(())
    }

    /// How many bytes of data are at hand, at least one: hears the messages before them.
    fn data(&mut self) -> Result<usize, StreamError> {
        while self.frame == Some(0) {
            let mut header = [0; mux::HEADER_LEN];
            self.raw(&mut header)?;
            let (code, len) = mux::header(header)?;
            if code == MessageCode::Data {
                self.frame = Some(len);
                continue;
            }
            mux::check_len(code, len)?;
            let mut payload = vec![0; len];
            self.raw(&mut payload)?;
            (self.on_message)(Message::decode(code, payload)?)?;
        }
        self.fill()?;
        let at_hand = self.end - self.at;
        Ok(self.frame.map_or(at_hand, |left| left.min(at_hand)))
    }

    fn consume(&mut self, len: usize) -> &[u8] {
        let from = self.at;
        self.at += len;
        if let Some(left) = &mut self.frame {
            *left -= len;
        }
        let bytes = &self.buffer[from..from + len];
        if let Some(copy) = &mut self.copy {
            // A batch file that cannot be written is told when it is closed.
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
