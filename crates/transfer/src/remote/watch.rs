//! Watches over a session: ends it when nothing moves for too long, and waits no longer than is decent
//! for one that was stopped.
//!
//! A session hangs where its peer wants it to: in a read or a write that nobody can break off. So it
//! has a thread of its own, which is left behind when it does not come back.
// rsync: io.c check_timeout(), set_io_timeout()

use super::outlet::Outlet;
use crate::control::Control;
use crate::error::{Fatal, SessionError};
use crate::event::{Event, EventSink, Message, Role, Severity};
use crate::session::{Outcome, STOPPED_AT_LIMIT, time_left};
use crate::stats::Stats;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long a session that was stopped may take to tidy up and to tell the other side.
const TO_END: Duration = Duration::from_secs(10);
/// The same before it has begun with files.
const TO_END_EARLY: Duration = Duration::from_millis(200);
/// How long unfinished files may take after its end.
const TO_TIDY: Duration = Duration::from_secs(1);
/// As much stack as a program's first thread has.
const STACK: usize = 8 * 1024 * 1024;

/// What is watched.
pub(super) struct Watch {
    pub control: Arc<Control>,
    pub outlet: Arc<Outlet>,
    pub sink: Arc<dyn EventSink>,
    /// When it ends, finished or not.
    pub stop_at: Option<SystemTime>,
    /// Who says that nothing moves.
    pub role: Role,
    /// Whether the session has begun with files.
    pub has_begun: Arc<AtomicBool>,
}

enum News {
    Ended(Box<Outcome>),
    /// The session is stopped, the other side is given up, or less silence is allowed than before.
    Look,
}

impl Watch {
    /// Runs a session to its end, or to that of our patience.
    pub fn over(self, session: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
        let (tell, news) = mpsc::channel();
        let (stopped, limited, given_up) = (tell.clone(), tell.clone(), tell.clone());
        let outlet = self.outlet.clone();
        // Who listens may be gone already.
        self.control.on_stop(move || {
            outlet.hurry();
            let _ = stopped.send(News::Look);
        });
        self.outlet.on_given_up(move || {
            let _ = given_up.send(News::Look);
        });
        self.control.on_limit(move || {
            let _ = limited.send(News::Look);
        });
        let thread = thread::Builder::new()
            .name("session".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let _ = tell.send(News::Ended(Box::new(session())));
            });
        match thread {
            Ok(_) => self.wait(&news),
            Err(error) => self.no_thread(error),
        }
    }

    fn wait(&self, news: &mpsc::Receiver<News>) -> Outcome {
        // Why this side ended it.
        let mut verdict = None;
        let mut last_moment = None;
        let mut known_timeout = None;
        loop {
            let timeout = self.control.timeout();
            if timeout != known_timeout
                && let Some(timeout) = timeout
            {
                known_timeout = Some(timeout);
                self.outlet.keep_alive(lull(timeout));
            }
            let left = match (last_moment, timeout) {
                (Some(last), _) => Some(Instant::saturating_duration_since(&last, Instant::now())),
                (None, timeout) => {
                    let patience = timeout.map(|t| t.saturating_sub(self.control.silence()));
                    patience.into_iter().chain(time_left(self.stop_at)).min()
                }
            };
            let heard = match left {
                Some(left) => news.recv_timeout(left),
                None => news.recv().map_err(RecvTimeoutError::from),
            };
            match heard {
                Ok(News::Ended(mut outcome)) => {
                    if outcome.error.is_some() {
                        // The reader may still hold a file: it has come to the end of the stream, or
                        // never will.
                        self.control.wait_until_tidy_for(TO_TIDY);
                    }
                    if let Some(why) = verdict {
                        outcome.error = Some(self.end(why));
                    }
                    return *outcome;
                }
                Ok(News::Look) => {
                    if self.outlet.is_given_up() && last_moment.is_none() {
                        verdict = Some(Fatal::StreamIo);
                        last_moment = Some(Instant::now() + self.patience());
                        self.control.stop();
                        let who = self.role.name();
                        let text =
                            format!("[{who}] the other side takes nothing of what it is told");
                        self.tell(text, None);
                    }
                    if self.control.is_stopped() && last_moment.is_none() {
                        last_moment = Some(Instant::now() + self.patience());
                    }
                }
                Err(RecvTimeoutError::Timeout) if last_moment.is_some() => {
                    return self.left_behind(self.end(verdict.unwrap_or(Fatal::Interrupted)));
                }
                Err(RecvTimeoutError::Timeout)
                    if time_left(self.stop_at).is_some_and(|left| left.is_zero()) =>
                {
                    verdict = Some(Fatal::Timeout);
                    last_moment = Some(Instant::now() + self.patience());
                    self.tell(STOPPED_AT_LIMIT.to_owned(), None);
                    self.control.stop_at_limit();
                }
                Err(RecvTimeoutError::Timeout) => {
                    let silence = self.control.silence();
                    if timeout.is_some_and(|timeout| silence >= timeout) {
                        verdict = Some(Fatal::Timeout);
                        // What is told now cannot go to the other side.
                        self.outlet.abandon();
                        last_moment = Some(Instant::now() + self.patience());
                        self.control.stop();
                        self.tell_silence(silence);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    // Its panic has been told.
                    return self.left_behind(self.end(Fatal::Internal));
                }
            }
        }
    }

    fn patience(&self) -> Duration {
        if self.has_begun.load(Ordering::Relaxed) {
            TO_END
        } else {
            TO_END_EARLY
        }
    }

    fn tell_silence(&self, silence: Duration) {
        let (who, seconds) = (self.role.name(), silence.as_secs());
        self.tell(
            format!("[{who}] io timeout after {seconds} seconds -- exiting"),
            None,
        );
    }

    fn tell(&self, text: String, os_error: Option<io::Error>) {
        self.sink.event(Event::Message(&Message {
            severity: Severity::Error,
            role: self.role,
            text: text.into(),
            os_error,
        }));
    }

    fn end(&self, kind: Fatal) -> SessionError {
        SessionError {
            kind,
            role: self.role,
        }
    }

    fn no_thread(&self, error: io::Error) -> Outcome {
        self.tell("cannot start a thread".to_owned(), Some(error));
        self.left_behind(self.end(Fatal::Internal))
    }

    /// The outcome of a session that is not waited for.
    fn left_behind(&self, error: SessionError) -> Outcome {
        Outcome {
            stats: Stats::default(),
            error: Some(error),
            trouble: None,
        }
    }
}

/// How long this side is silent before it says that it is there.
// rsync: io.c set_io_timeout(), allowed_lull
fn lull(timeout: Duration) -> Duration {
    Duration::from_secs(timeout.as_secs().div_ceil(2).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::message::MessageCode;

    struct Deaf;

    impl EventSink for Deaf {
        fn event(&self, _: Event<'_>) {}
    }

    #[test]
    fn a_peer_that_is_given_up_ends_the_session() {
        let (unread, to) = io::pipe().unwrap();
        let outlet = Arc::new(Outlet::start(Box::new(to), None).unwrap());
        outlet.start_frames();
        let control = Arc::new(Control::new());
        let watch = Watch {
            control: control.clone(),
            outlet: outlet.clone(),
            sink: Arc::new(Deaf),
            stop_at: None,
            role: Role::Receiver,
            has_begun: Arc::default(),
        };
        let outcome = watch.over(move || {
            while !outlet.is_given_up() {
                outlet.message(MessageCode::Info, &[b'x'; 32 * 1024]);
            }
            while !control.is_stopped() {
                thread::yield_now();
            }
            Outcome {
                stats: Stats::default(),
                error: None,
                trouble: None,
            }
        });
        let error = outcome.error.map(|error| error.kind);
        assert_eq!(error, Some(Fatal::StreamIo));
        drop(unread);
    }
}
