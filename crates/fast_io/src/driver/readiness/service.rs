//! The loop of the thread that waits for sockets.
//!
//! Each socket with operations has two queues, as listeners accept and streams receive and send
//! both ways at once. The head of a queue is tried when it gets there and whenever the socket is
//! ready. A socket is registered with the poller only while something waits for it, so that
//! nothing here keeps one open that its operations have let go of.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use polling::{Event, Events, Poller};

use super::{Conduct, Fault};
use crate::driver::deadlines::Deadlines;
use crate::driver::inbox::{Command, Delivery, Inbox};
use crate::driver::perform_part;
use crate::file::HandleId;
use crate::operation::Kind;
use crate::slot::{Life, RunningSlot, Step, WaitingSlot};
use crate::socket::SharedSocket;

/// Serves the inbox until that is closed and every operation has ended.
pub(super) fn serve(inbox: &Inbox<Poller>, conduct: &dyn Conduct) {
    let mut service = Service {
        poller: inbox.bell(),
        conduct,
        watched: HashMap::new(),
        deadlines: Deadlines::new(),
        ready: Vec::new(),
        begun: 0,
    };
    let mut events = Events::new();
    let mut spare = Vec::new();
    loop {
        let mut sleep = false;
        match inbox.take(mem::take(&mut spare)) {
            Delivery::Commands(mut commands) => {
                for command in commands.drain(..) {
                    service.obey(command);
                }
                spare = commands;
            }
            Delivery::Nothing => sleep = true,
            Delivery::Closed if service.watched.is_empty() => return,
            Delivery::Closed => sleep = true,
        }
        service.serve_ready();
        events.clear();
        service.wait(&mut events, sleep);
        if sleep {
            inbox.awake();
        }
        service.note(&events);
        service.serve_ready();
        service.expire();
    }
}

struct Service<'a> {
    poller: &'a Poller,
    conduct: &'a dyn Conduct,
    watched: HashMap<HandleId, Watched>,
    deadlines: Deadlines<(HandleId, u64)>,
    /// What is to be tried in this turn.
    ready: Vec<Ready>,
    /// How many operations have begun: each is known by its number.
    begun: u64,
}

/// A queue of a socket whose head is to be tried.
pub(in crate::driver) type Ready = (HandleId, Direction);

/// Which readiness an operation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::driver) enum Direction {
    /// Accepting and receiving.
    Inward,
    /// Connecting and sending.
    Outward,
}

/// A socket with operations.
struct Watched {
    socket: SharedSocket,
    inward: VecDeque<Waiting>,
    outward: VecDeque<Waiting>,
    /// What the poller was told to look for, if it was told of the socket at all.
    armed: Option<Interest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interest {
    inward: bool,
    outward: bool,
}

struct Waiting {
    slot: RunningSlot,
    number: u64,
    fault: Option<Fault>,
}

impl Service<'_> {
    fn obey(&mut self, command: Command) {
        match command {
            Command::Run(slot) => self.begin(slot),
            Command::CancelOne(one) => {
                if let Some(handle) = one.handle() {
                    self.cancel(handle, |waiting| Arc::ptr_eq(waiting.slot.life(), &one));
                }
            }
            Command::CancelHandle(handle) => self.cancel(handle, |_| true),
            Command::CancelAll => {
                let all: Vec<_> = self.watched.keys().copied().collect();
                for handle in all {
                    self.cancel(handle, |_| true);
                }
            }
        }
    }

    /// Queues an operation, to be tried in this turn.
    fn begin(&mut self, slot: WaitingSlot) {
        let slot = match slot.begin() {
            Ok(running) => running,
            Err(cancelled) => return cancelled.dispatch(),
        };
        let Some(socket) = slot.kind().socket().cloned() else {
            // None of ours, but an operation all the same.
            return slot.fail(io::ErrorKind::InvalidInput.into()).dispatch();
        };
        let handle = socket.id();
        let direction = match slot.kind() {
            Kind::Connect { .. } | Kind::Send { .. } => Direction::Outward,
            _ => Direction::Inward,
        };
        self.begun += 1;
        self.deadlines.insert(slot.deadline(), (handle, self.begun));
        let waiting = Waiting {
            fault: self.conduct.fault(slot.kind()),
            number: self.begun,
            slot,
        };
        self.watched
            .entry(handle)
            .or_insert_with(|| Watched {
                socket,
                inward: VecDeque::new(),
                outward: VecDeque::new(),
                armed: None,
            })
            .queue(direction)
            .push_back(waiting);
        self.ready.push((handle, direction));
    }

    /// Sleeps, if it may, until a socket is ready, the bell rings or a deadline has passed.
    fn wait(&self, events: &mut Events, sleep: bool) {
        let limit = if sleep {
            self.deadlines.until_nearest()
        } else {
            Some(Duration::ZERO)
        };
        if self.poller.wait(events, limit).is_err() {
            // Short of memory, say: whoever has some may give it back.
            std::thread::yield_now();
        }
    }

    fn note(&mut self, events: &Events) {
        for event in events.iter() {
            let handle = HandleId(event.key as u64);
            if let Some(watched) = self.watched.get_mut(&handle) {
                // Each event is the last until the poller is told again.
                watched.armed = watched.armed.map(|_| Interest::NONE);
                self.ready.push((handle, Direction::Inward));
                self.ready.push((handle, Direction::Outward));
            }
        }
    }

    fn serve_ready(&mut self) {
        let mut ready = mem::take(&mut self.ready);
        self.conduct.order(&mut ready);
        for (handle, direction) in ready.drain(..) {
            self.serve(handle, direction);
        }
        self.ready = ready;
    }

    /// Carries a queue on until the socket is not ready any more.
    fn serve(&mut self, handle: HandleId, direction: Direction) {
        while let Some(watched) = self.watched.get_mut(&handle)
            && let Some(mut waiting) = watched.queue(direction).pop_front()
        {
            self.conduct.pass();
            let (number, deadline) = (waiting.number, waiting.slot.deadline());
            let ended = match waiting.take_due_fault() {
                Some(error) => waiting.slot.fail(error),
                None => match perform_part(waiting.slot, self.conduct.longest_part()) {
                    Step::Done(ended) => ended,
                    Step::More(slot) => {
                        let again = Waiting { slot, ..waiting };
                        watched.queue(direction).push_front(again);
                        continue;
                    }
                    Step::Wait(slot) => {
                        let again = Waiting { slot, ..waiting };
                        watched.queue(direction).push_front(again);
                        break;
                    }
                },
            };
            self.deadlines.remove(deadline, (handle, number));
            self.let_go_if_idle(handle);
            ended.dispatch();
        }
        self.arm(handle);
    }

    /// Ends those operations on a socket that are wanted.
    fn cancel(&mut self, handle: HandleId, wanted: impl Fn(&Waiting) -> bool) {
        self.stop(handle, wanted, |life| {
            life.request_cancel();
        });
    }

    /// Ends the operations whose deadlines have passed.
    fn expire(&mut self) {
        while let Some((handle, number)) = self.deadlines.pop_expired() {
            self.stop(handle, |waiting| waiting.number == number, Life::time_out);
        }
    }

    fn stop(
        &mut self,
        handle: HandleId,
        wanted: impl Fn(&Waiting) -> bool,
        give_reason: impl Fn(&Life),
    ) {
        let Some(watched) = self.watched.get_mut(&handle) else {
            return;
        };
        let mut stopped = Vec::new();
        for queue in [&mut watched.inward, &mut watched.outward] {
            for waiting in mem::take(queue) {
                if wanted(&waiting) {
                    stopped.push(waiting);
                } else {
                    queue.push_back(waiting);
                }
            }
        }
        self.let_go_if_idle(handle);
        for Waiting { slot, number, .. } in stopped {
            self.deadlines.remove(slot.deadline(), (handle, number));
            give_reason(slot.life());
            slot.give_up().dispatch();
        }
    }

    /// Tells the poller what to look for, unless it knows.
    fn arm(&mut self, handle: HandleId) {
        let Some(watched) = self.watched.get_mut(&handle) else {
            return;
        };
        let interest = watched.interest();
        if watched.armed == Some(interest) {
            return;
        }
        let event = Event::new(handle.0 as usize, interest.inward, interest.outward);
        let told = match watched.armed {
            Some(_) => self.poller.modify(&watched.socket, event),
            // SAFETY: the socket stays open while it is among the watched, which hold it, and it is
            // deleted from the poller when it leaves them.
            None => unsafe { self.poller.add(&watched.socket, event) },
        };
        match told {
            Ok(()) => watched.armed = Some(interest),
            Err(error) => self.fail_all(handle, &error),
        }
    }

    /// Ends all operations on a socket that cannot be waited for.
    fn fail_all(&mut self, handle: HandleId, error: &io::Error) {
        let Some(watched) = self.watched.get_mut(&handle) else {
            return;
        };
        let mut failed = mem::take(&mut watched.inward);
        failed.append(&mut watched.outward);
        self.let_go_if_idle(handle);
        for Waiting { slot, number, .. } in failed {
            self.deadlines.remove(slot.deadline(), (handle, number));
            let error = match error.raw_os_error() {
                Some(number) => io::Error::from_raw_os_error(number),
                None => error.kind().into(),
            };
            slot.fail(error).dispatch();
        }
    }

    /// Lets go of a socket that has no operations any more: before the handler of the last one
    /// runs, so that this one can have the socket to itself, or close it.
    fn let_go_if_idle(&mut self, handle: HandleId) {
        if let Some(watched) = self.watched.get(&handle)
            && watched.inward.is_empty()
            && watched.outward.is_empty()
        {
            if watched.armed.is_some() {
                // It fails if the poller does not know the socket, which is as well.
                let _ = self.poller.delete(&watched.socket);
            }
            self.watched.remove(&handle);
        }
    }
}

impl Watched {
    fn queue(&mut self, direction: Direction) -> &mut VecDeque<Waiting> {
        match direction {
            Direction::Inward => &mut self.inward,
            Direction::Outward => &mut self.outward,
        }
    }

    fn interest(&self) -> Interest {
        Interest {
            inward: !self.inward.is_empty(),
            outward: !self.outward.is_empty(),
        }
    }
}

impl Interest {
    const NONE: Interest = Interest {
        inward: false,
        outward: false,
    };
}

impl Waiting {
    /// The error that was made up for it, when its time has come.
    fn take_due_fault(&mut self) -> Option<io::Error> {
        let fault = self
            .fault
            .take_if(|fault| !fault.after_first_part || self.slot.transferred() > 0)?;
        Some(fault.error)
    }
}
