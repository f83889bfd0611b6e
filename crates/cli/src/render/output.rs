//! Standard output, buffered so that a million lines cost little, and yet never late.
//!
//! rsync flushes after each line. We flush each line on a terminal; elsewhere lines are
//! gathered, and a thread of its own writes out what has lain for a moment, so that a program
//! that reads our lines from a pipe is not kept waiting while a large file is copied.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a line may lie in the buffer.
const PATIENCE: Duration = Duration::from_millis(50);

/// How much may lie there.
const CAPACITY: usize = 64 * 1024;

/// Called once, when nobody reads the output any more or it cannot be written.
pub type OnLost = Box<dyn Fn() + Send + Sync>;

/// A buffered output stream.
pub struct Output {
    shared: Arc<Shared>,
    when: Flush,
    flusher: Option<JoinHandle<()>>,
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
    wake: Condvar,
    on_lost: OnLost,
}

struct State {
    buffer: Vec<u8>,
    to: Box<dyn Write + Send>,
    closed: bool,
    lost: bool,
}

impl Output {
    /// Standard output.
    pub fn stdout(on_lost: OnLost) -> Output {
        let when = if io::stdout().is_terminal() {
            Flush::EachLine
        } else {
            Flush::Soon
        };
        Output::new(Box::new(io::stdout()), when, on_lost)
    }

    /// An output that ends in `to`.
    pub fn new(to: Box<dyn Write + Send>, when: Flush, on_lost: OnLost) -> Output {
        let state = State {
            buffer: Vec::new(),
            to,
            closed: false,
            lost: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            wake: Condvar::new(),
            on_lost,
        });
        Output {
            shared,
            when,
            flusher: None,
        }
    }

    /// Adds text, one or more whole lines.
    pub fn lines(&mut self, text: &[u8]) {
        let mut state = self.shared.lock();
        let was_empty = state.buffer.is_empty();
        if !state.lost {
            state.buffer.extend_from_slice(text);
        }
        if self.when == Flush::EachLine || state.buffer.len() >= CAPACITY {
            self.shared.flush(&mut state);
        } else if was_empty {
            drop(state);
            self.wake_flusher();
        }
    }

    /// Adds text and writes everything out: for text without an end of line.
    pub fn at_once(&mut self, text: &[u8]) {
        let mut state = self.shared.lock();
        if !state.lost {
            state.buffer.extend_from_slice(text);
        }
        self.shared.flush(&mut state);
    }

    /// Writes out what lies here.
    pub fn flush(&mut self) {
        self.at_once(b"");
    }

    fn wake_flusher(&mut self) {
        if self.flusher.is_none() {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("output".to_owned());
            match thread.spawn(move || shared.flush_now_and_then()) {
                Ok(flusher) => self.flusher = Some(flusher),
                // Without the thread lines are not gathered.
                Err(_) => {
                    self.when = Flush::EachLine;
                    self.flush();
                }
            }
        }
        self.shared.wake.notify_one();
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.flush();
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        if let Some(flusher) = self.flusher.take() {
            // It cannot have panicked: it only writes, and errors are kept in the state.
            let _ = flusher.join();
        }
    }
}

impl Shared {
    fn flush_now_and_then(&self) {
        let mut state = self.lock();
        while !state.closed {
            if state.buffer.is_empty() {
                state = self
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self
                .wake
                .wait_timeout_while(state, PATIENCE, |state| !state.closed);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            self.flush(&mut state);
        }
    }

    fn flush(&self, state: &mut State) {
        if state.lost {
            return;
        }
        let State { buffer, to, .. } = state;
        let written = if buffer.is_empty() {
            Ok(())
        } else {
            to.write_all(buffer)
        };
        buffer.clear();
        if written.and_then(|()| to.flush()).is_err() {
            state.lost = true;
            (self.on_lost)();
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
            Output::new(Box::new(self.clone()), Flush::EachLine, Box::new(|| ()))
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
        let (mut output, received) = pipe(Flush::Soon, Box::new(|| ()));
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
        let (mut output, received) = pipe(Flush::Soon, Box::new(|| ()));
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
        let on_lost = Box::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let (mut output, received) = pipe(Flush::EachLine, on_lost);
        drop(received);
        output.lines(b"one\n");
        output.at_once(b"two\n");
        drop(output);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
