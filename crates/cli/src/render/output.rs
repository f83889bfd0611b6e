//! A standard stream, buffered so that a million lines cost little, and yet never late.
//!
//! rsync flushes after each line. We write each line at once on a terminal; elsewhere lines are
//! gathered until they have lain for a moment, so that a program that reads our lines from a
//! pipe is not kept waiting while a large file is copied.
//!
//! All writing is done by a thread of its own. Whoever has text waits for that thread where
//! order demands it or the buffer is full, but no longer when the session is told to stop: a
//! reader that does not read must not keep files in flight from being tidied up.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use transfer::Control;

/// How long a line may lie in the buffer.
const PATIENCE: Duration = Duration::from_millis(50);

/// How much may lie there.
const CAPACITY: usize = 64 * 1024;

/// How long a reader is waited for after the session was told to stop, and again at the end.
const GRACE: Duration = Duration::from_millis(200);

/// Called once, when nobody reads the stream any more or it cannot be written.
pub type OnLost = Box<dyn Fn(&io::Error) + Send + Sync>;

/// A buffered output stream.
pub struct Output {
    shared: Arc<Shared>,
    when: Flush,
    writer: Option<JoinHandle<()>>,
}

/// When lines are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Each at once.
    EachLine,
    /// Soon.
    Soon,
}

struct Shared {
    state: Mutex<State>,
    /// Something is to be done, or has been.
    changed: Condvar,
    to: Mutex<Box<dyn Write + Send>>,
    on_lost: OnLost,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// The writer has taken text and is not done with it.
    writing: bool,
    /// Somebody waits for the text.
    urgent: bool,
    closed: bool,
    lost: bool,
    /// Nobody waits for the reader after this.
    deadline: Option<Instant>,
}

impl Output {
    /// Standard output; the stop of `control`'s session ends all waiting for its reader.
    pub fn stdout(control: &Control, on_lost: OnLost) -> Output {
        let when = if io::stdout().is_terminal() {
            Flush::EachLine
        } else {
            Flush::Soon
        };
        let output = Output::new(Box::new(io::stdout()), when, on_lost);
        output.hurry_on_stop(control);
        output
    }

    /// Standard error, likewise. Where that is lost there is nobody to tell.
    pub fn stderr(control: &Control) -> Output {
        let output = Output::new(Box::new(io::stderr()), Flush::EachLine, Box::new(|_| ()));
        output.hurry_on_stop(control);
        output
    }

    /// An output that ends in `to`.
    pub fn new(to: Box<dyn Write + Send>, when: Flush, on_lost: OnLost) -> Output {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            to: Mutex::new(to),
            on_lost,
        });
        Output {
            shared,
            when,
            writer: None,
        }
    }

    fn hurry_on_stop(&self, control: &Control) {
        let shared = Arc::clone(&self.shared);
        control.on_stop(move || shared.hurry());
    }

    /// Adds text, one or more whole lines.
    pub fn lines(&mut self, text: &[u8]) {
        match self.when {
            Flush::EachLine => self.at_once(text),
            Flush::Soon => {
                self.start_writer();
                drop(self.shared.add(text));
            }
        }
    }

    /// Adds text and sees everything written out: for text without an end of line.
    pub fn at_once(&mut self, text: &[u8]) {
        self.start_writer();
        let mut state = self.shared.add(text);
        state.urgent = true;
        self.shared.changed.notify_all();
        if self.writer.is_none() {
            state = self.shared.write(state);
        }
        let unwritten = |state: &State| state.writing || !state.buffer.is_empty();
        drop(self.shared.wait_while(state, unwritten));
    }

    /// Writes out what lies here.
    pub fn flush(&mut self) {
        if self.writer.is_some() {
            self.at_once(b"");
        }
    }

    fn start_writer(&mut self) {
        if self.writer.is_none() {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("output".to_owned());
            self.writer = thread.spawn(move || shared.write_now_and_then()).ok();
            if self.writer.is_none() {
                // Without the thread lines are not gathered, and readers are waited for.
                self.when = Flush::EachLine;
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.writer.is_none() {
            return;
        }
        self.shared.grant_more_time();
        self.flush();
        let mut state = self.shared.lock();
        state.closed = true;
        let stuck = state.writing;
        drop(state);
        self.shared.changed.notify_all();
        // A writer whose reader does not read ends with the process.
        if let Some(writer) = self.writer.take().filter(|_| !stuck) {
            // It cannot have panicked: it only writes, and errors are kept in the state.
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn add(&self, text: &[u8]) -> MutexGuard<'_, State> {
        let mut state = self.wait_while(self.lock(), |state| state.buffer.len() >= CAPACITY);
        if !state.lost && state.buffer.len() < CAPACITY {
            let was_empty = state.buffer.is_empty();
            state.buffer.extend_from_slice(text);
            if was_empty || state.buffer.len() >= CAPACITY {
                self.changed.notify_all();
            }
        }
        state
    }

    fn write_now_and_then(&self) {
        let mut state = self.lock();
        while !state.closed {
            if state.buffer.is_empty() {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let may_lie =
                |state: &mut State| !state.closed && !state.urgent && state.buffer.len() < CAPACITY;
            let waited = self.changed.wait_timeout_while(state, PATIENCE, may_lie);
            state = self.write(waited.unwrap_or_else(PoisonError::into_inner).0);
        }
    }

    /// Writes out the buffer, without holding it.
    fn write<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let text = std::mem::take(&mut state.buffer);
        state.urgent = false;
        if text.is_empty() || state.lost {
            return state;
        }
        state.writing = true;
        drop(state);
        self.changed.notify_all();
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let written = to.write_all(&text).and_then(|()| to.flush());
        drop(to);
        if let Err(error) = &written {
            (self.on_lost)(error);
        }
        let mut state = self.lock();
        state.writing = false;
        state.lost |= written.is_err();
        self.changed.notify_all();
        state
    }

    /// Waits for the reader, but not for ever when the session is to stop.
    fn wait_while<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        condition: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        while !state.lost && condition(&state) {
            state = match state.deadline {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state
    }

    /// From now on the reader is waited for only a little longer.
    fn hurry(&self) {
        self.lock().deadline = Some(Instant::now() + GRACE);
        self.changed.notify_all();
    }

    /// What was told last gets as long as what was under way when the session was stopped.
    fn grant_more_time(&self) {
        let mut state = self.lock();
        if state.deadline.is_some() {
            state.deadline = Some(Instant::now() + GRACE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Text that is kept for a test to look at.
    #[derive(Clone, Default)]
    pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        pub(crate) fn output(&self) -> Output {
            Output::new(Box::new(self.clone()), Flush::EachLine, Box::new(|_| ()))
        }
    }

    impl Write for Kept {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Pipe(Sender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let sent = self.0.send(text.to_vec());
            sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn pipe(when: Flush, on_lost: OnLost) -> (Output, Receiver<Vec<u8>>) {
        let (sender, receiver) = channel();
        (Output::new(Box::new(Pipe(sender)), when, on_lost), receiver)
    }

    #[test]
    fn gathered_lines_come_without_being_asked_for() {
        let (mut output, received) = pipe(Flush::Soon, Box::new(|_| ()));
        output.lines(b"one\n");
        output.lines(b"two\n");
        let mut all = Vec::new();
        while all.len() < 8 {
            all.extend(received.recv().unwrap());
        }
        assert_eq!(all, b"one\ntwo\n");
    }

    #[test]
    fn nothing_is_left_behind() {
        let (mut output, received) = pipe(Flush::Soon, Box::new(|_| ()));
        for number in 0..50_000 {
            output.lines(format!("line {number}\n").as_bytes());
        }
        drop(output);
        let all: Vec<u8> = received.iter().flatten().collect();
        assert_eq!(all.iter().filter(|&&byte| byte == b'\n').count(), 50_000);
        assert!(all.ends_with(b"line 49999\n"));
    }

    #[test]
    fn a_reader_that_left_is_told_of_once() {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let on_lost = Box::new(move |_: &io::Error| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let (mut output, received) = pipe(Flush::EachLine, on_lost);
        drop(received);
        output.lines(b"one\n");
        output.at_once(b"two\n");
        drop(output);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    /// A reader that takes nothing until it is let.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_stuck_reader_once_the_session_is_stopped() {
        for when in [Flush::Soon, Flush::EachLine] {
            let (_reader, never) = channel();
            let control = Control::new();
            let mut output = Output::new(Box::new(Stuck(never)), when, Box::new(|_| ()));
            output.hurry_on_stop(&control);
            let (done, ended) = channel();
            thread::spawn(move || {
                // More than fits.
                for _ in 0..4 {
                    output.lines(&[b'x'; CAPACITY]);
                }
                drop(output);
                done.send(()).unwrap();
            });
            let early = ended.recv_timeout(Duration::from_millis(100));
            assert!(early.is_err(), "what fits in no buffer waits");
            control.stop();
            ended.recv_timeout(Duration::from_secs(20)).unwrap();
        }
    }
}
