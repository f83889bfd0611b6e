//! Starting operations on a port and ending them: what the submitters and the workers share.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::windows::io::BorrowedHandle;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_IO_PENDING, ERROR_LOCK_VIOLATION, ERROR_MORE_DATA, ERROR_OPERATION_ABORTED,
};

use crate::completion::PumpClosed;
use crate::config::IocpPumpConfig;
use crate::driver::lending::{Attendance, Roll};
use crate::driver::threads::Threads;
use crate::driver::{Driver, Target, perform_part};
use crate::ledger::Ledger;
use crate::posting::{PostHandler, Posted};
use crate::slot::{EndedSlot, RunningSlot, Step, caught};
use crate::sys::iocp::attachment::{Attachment, Handle, Inline, Packets};
use crate::sys::iocp::call::{Asked, Call};
use crate::sys::iocp::hold::PortSlot;
use crate::sys::iocp::port::{Batch, Packet, Port};
use crate::sys::iocp::socket;
use crate::sys::iocp::timekeeper::Timekeeper;

/// How many handlers of what ended at once a worker runs before it looks at the port again.
const TURNS: u32 = 32;

/// A port, and the books of what is under way on it.
pub(crate) struct Engine {
    port: Port,
    ledger: Arc<Ledger>,
    on_post: Option<PostHandler>,
    /// Operations and posts that have not ended.
    under_way: Attendance,
    timekeeper: Timekeeper,
    strays: AtomicU64,
    /// All handles attached that may still be open, and whether more may come.
    attached: Mutex<Attached>,
    /// What is lent on handles whose packets are doubted.
    roll: Roll,
    /// Where sockets wait that the system has no room for, and who closes files.
    lane: Arc<Threads>,
}

#[derive(Default)]
struct Attached {
    handles: Vec<Weak<Attachment>>,
    /// How many there may be before the closed ones are swept out.
    sweep_at: usize,
    closed: bool,
}

impl Engine {
    pub fn new(
        concurrency: usize,
        config: &IocpPumpConfig,
        ledger: Arc<Ledger>,
        lane: Arc<Threads>,
    ) -> io::Result<Self> {
        Ok(Self {
            port: Port::new(concurrency)?,
            ledger,
            on_post: config.on_post().cloned(),
            under_way: Attendance::new(),
            timekeeper: Timekeeper::new(),
            strays: AtomicU64::new(0),
            attached: Mutex::default(),
            roll: Roll::new(),
            lane,
        })
    }

    pub fn strays(&self) -> u64 {
        self.strays.load(Ordering::Relaxed)
    }

    /// What is under way now.
    pub fn under_way(&self) -> usize {
        self.under_way.count()
    }

    /// Attaches a handle for its life. `ask` asks the attached handle what follows a success.
    ///
    /// # Errors
    /// The system's; and `Unsupported` if the promise of its packets takes a mode that it cannot
    /// have.
    pub(super) fn attach(
        self: &Arc<Self>,
        handle: Handle,
        packets: Packets,
        ask: impl FnOnce(BorrowedHandle<'_>) -> Inline,
    ) -> io::Result<Arc<Attachment>> {
        let mut attached = lock(&self.attached);
        if attached.closed {
            return Err(PumpClosed.into());
        }
        // Asking first would change a handle that is another port's.
        let attach = |handle: BorrowedHandle<'_>| {
            self.port.attach(handle, packets)?;
            Ok::<_, io::Error>(ask(handle))
        };
        let inline = handle.with(attach).ok_or(io::ErrorKind::NotFound)??;
        if inline == Inline::Queued && packets == Packets::Promised {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let engine = Arc::downgrade(self);
        let attachment = Arc::new(Attachment::new(handle, inline, packets, engine));
        if attached.handles.len() >= attached.sweep_at {
            attached.handles.retain(|handle| handle.strong_count() > 0);
            attached.sweep_at = 64.max(attached.handles.len() * 2);
        }
        attached.handles.push(Arc::downgrade(&attachment));
        Ok(attachment)
    }

    /// Cancels everything that the kernel has.
    pub fn cancel_all(&self) {
        let handles: Vec<_> = lock(&self.attached).handles.clone();
        for attachment in handles.iter().filter_map(Weak::upgrade) {
            attachment.cancel_all();
        }
    }

    /// Lets nothing join any more and cancels what is under way; the last to leave ends the
    /// workers.
    pub fn close(&self) {
        let nobody_left = self.under_way.close();
        lock(&self.attached).closed = true;
        self.cancel_all();
        self.timekeeper.shut_down();
        if nobody_left {
            self.end_workers();
        }
    }

    pub fn is_closed(&self) -> bool {
        self.under_way.is_closed()
    }

    /// Joins what is under way, unless it is too late.
    #[must_use]
    pub fn enter(&self) -> bool {
        self.under_way.enter()
    }

    /// Leaves what is under way.
    pub fn leave(&self) {
        if self.under_way.leave() {
            self.end_workers();
        }
    }

    fn end_workers(&self) {
        // Without this packet the workers would wait for ever; the system may be out of memory for
        // a moment.
        while self.port.post_last().is_err() {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Posts a caller's packet.
    pub fn post(&self, posted: Posted) -> io::Result<()> {
        if !self.enter() {
            return Err(PumpClosed.into());
        }
        self.port.post_callers(posted).inspect_err(|_| self.leave())
    }

    /// Starts an operation. Returns it if it ended at once; otherwise the kernel has it, and a packet
    /// will come.
    #[must_use]
    pub fn begin(&self, slot: &Arc<PortSlot>, running: RunningSlot) -> Option<EndedSlot> {
        match self.timekeeper.watch(slot) {
            Ok(()) => self.go_on(slot, running),
            Err(error) => Some(running.fail(error)),
        }
    }

    /// Does what is left of an operation, as far as that can be done at once.
    fn go_on(&self, slot: &Arc<PortSlot>, running: RunningSlot) -> Option<EndedSlot> {
        let ended = self.issue(slot, running)?;
        self.timekeeper.forget(slot);
        Some(ended)
    }

    fn issue(&self, slot: &Arc<PortSlot>, mut running: RunningSlot) -> Option<EndedSlot> {
        loop {
            let call = match Call::next_of(slot, &mut running) {
                Ok(call) => call,
                Err(error) => return Some(running.fail(error)),
            };
            match self.start(slot, running, &call) {
                Started::Queued => {
                    // A worker may have the operation already: this looks at the books only. Who
                    // closes marks that first and then cancels what the kernel has, so one of us
                    // two cancels it.
                    if self.is_closed() {
                        slot.life().request_cancel();
                    }
                    if slot.is_to_stop() {
                        slot.cancel();
                    }
                    return None;
                }
                Started::Over(given_back, moved) => match settle(slot, given_back, moved) {
                    Step::More(rest) => running = rest,
                    Step::Wait(rest) => return self.wait_until_ready(slot, rest),
                    Step::Done(ended) => return Some(ended),
                },
            }
        }
    }

    /// Has the system refused to wait for a socket (`WSAEWOULDBLOCK`: more calls wait than it has
    /// room for), its operation leaves the port, and waits as all those do whose sockets no port can
    /// have: to ask again at once would only keep a processor busy.
    fn wait_until_ready(&self, slot: &Arc<PortSlot>, running: RunningSlot) -> Option<EndedSlot> {
        self.timekeeper.forget(slot);
        let life = Arc::clone(running.life());
        if let Err(waiting) = self.lane.push(running.wait_again()) {
            return Some(waiting.refuse(PumpClosed.into()));
        }
        // Who cancels asks the port first and the lane then. Neither had it just now, perhaps. (A
        // deadline is watched over there as well.)
        slot.is_to_stop();
        if life.cancel_requested() {
            self.lane.cancel(Target::One(&life));
        }
        self.leave();
        None
    }

    /// The one place that decides whether a call is over or a packet follows.
    fn start(&self, slot: &Arc<PortSlot>, running: RunningSlot, call: &Call) -> Started {
        let (inline, packets) = (slot.attachment().inline(), slot.attachment().packets());
        let asked = Asked::by(&running);
        let (lent, number) = slot.lend(running, call.offset());
        if packets == Packets::Doubted {
            self.roll.enter(lent.addr());
        }
        let refusal = match call.make(slot, lent) {
            Ok(()) if inline == Inline::Queued => return Started::Queued,
            Ok(()) => None,
            Err(error) if is(&error, ERROR_IO_PENDING) => return Started::Queued,
            Err(error) => Some(error),
        };
        // Part of a message has come: half an error. Only pipes have messages, and theirs are doubted.
        let more_to_come = refusal.as_ref().is_some_and(|e| is(e, ERROR_MORE_DATA));
        // SAFETY: just lent, and alive as `slot` is. The call is over and no packet was promised;
        // should one come nevertheless, it is a doubted one.
        let take = || unsafe { PortSlot::take_back(lent.cast(), Some(number)) };
        let taken = match packets {
            Packets::Promised => take(),
            Packets::Doubted => self.roll.take(lent.addr(), take),
        };
        let Some((_, running)) = taken else {
            // It has come, and brought the result.
            return Started::Queued;
        };
        let moved = match refusal {
            Some(error) if !more_to_come => asked.unless_the_end(error),
            // SAFETY: the call is over, and the operation is ours.
            _ => unsafe { slot.outcome(asked) },
        };
        Started::Over(running, moved)
    }

    /// Has a worker run the handler of an operation that ended where no handler may run.
    pub fn hand_over(self: &Arc<Self>, ended: EndedSlot) {
        let not_mine = DONE_HERE.with_borrow_mut(|done_here| match done_here {
            Some(done) if ptr::eq(done.engine, Arc::as_ptr(self)) => {
                done.ended.push_back(ended);
                None
            }
            _ => Some(ended),
        });
        if let Some(ended) = not_mine
            && let Err(ended) = self.port.post_ended(Box::new(ended))
        {
            // The system has no memory for a packet: better here than never.
            self.dispatch(*ended);
        }
    }

    /// The life of one worker.
    pub fn work(self: &Arc<Self>, batch_size: usize, busy: &AtomicUsize) {
        DONE_HERE.set(Some(DoneHere {
            engine: Arc::as_ptr(self),
            ended: VecDeque::new(),
        }));
        let mut batch = Batch::of(batch_size);
        let mut last = false;
        while !last {
            match self.port.wait(&mut batch) {
                Ok(packets) => {
                    busy.fetch_add(1, Ordering::SeqCst);
                    for packet in packets {
                        last |= self.take(packet);
                        self.dispatch_done_here();
                    }
                    busy.fetch_sub(1, Ordering::SeqCst);
                }
                // Out of memory, at worst: nothing else is wrong with an open port.
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
        // For the next worker; the last one's stays in the port.
        self.end_workers();
    }

    /// Does what a packet says; says whether it was the last.
    fn take(self: &Arc<Self>, packet: Packet) -> bool {
        match packet {
            Packet::Operation(lent) => {
                // SAFETY: the packet's key is that of attached handles, on which all overlapped
                // calls are ours (`file.rs` and `socket.rs` say why), and which send a packet only
                // for what the kernel was still lent when its call returned.
                self.complete(unsafe { PortSlot::take_back_if_done(lent) });
            }
            Packet::Doubted(lent) => {
                // SAFETY: while it is on the roll it is lent, and exists.
                let take = || unsafe { PortSlot::take_back_if_done(lent) };
                self.complete(self.roll.take(lent.addr(), take));
            }
            Packet::Ended(ended) => self.dispatch(*ended),
            Packet::Posted(posted) => self.run_post_handler(posted),
            Packet::Stray => self.count_stray(),
            Packet::Last => return true,
        }
        false
    }

    /// Takes in that the kernel is done with a call.
    fn complete(&self, taken: Option<(Arc<PortSlot>, RunningSlot)>) {
        let Some((slot, running)) = taken else {
            return self.count_stray();
        };
        // SAFETY: the kernel is done with it, and the operation is ours.
        let moved = unsafe { slot.outcome(Asked::by(&running)) };
        let ended = match settle(&slot, running, moved) {
            Step::More(rest) => self.go_on(&slot, rest),
            Step::Wait(rest) => self.wait_until_ready(&slot, rest),
            Step::Done(ended) => {
                self.timekeeper.forget(&slot);
                Some(ended)
            }
        };
        drop(slot);
        if let Some(ended) = ended {
            self.dispatch(ended);
        }
    }

    fn dispatch(&self, ended: EndedSlot) {
        self.lane.closers().finish(ended);
        self.leave();
    }

    /// Runs the handlers of what ended within other handlers of this thread. Where each of them
    /// submits the next, others' packets have their turn too.
    fn dispatch_done_here(&self) {
        let next = || DONE_HERE.with_borrow_mut(|done| done.as_mut()?.ended.pop_front());
        let mut turns = 0;
        while let Some(ended) = next() {
            turns += 1;
            if turns <= TURNS {
                self.dispatch(ended);
            } else if let Err(ended) = self.port.post_ended(Box::new(ended)) {
                self.dispatch(*ended);
            }
        }
    }

    fn run_post_handler(&self, posted: Posted) {
        match &self.on_post {
            Some(handler) => {
                caught(&self.ledger, || handler.run(posted));
            }
            None => self.count_stray(),
        }
        self.leave();
    }

    fn count_stray(&self) {
        self.strays.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn port(&self) -> &Port {
        &self.port
    }

    #[cfg(test)]
    pub(super) fn roll(&self) -> &Roll {
        &self.roll
    }

    #[cfg(test)]
    pub(super) fn timekeeper(&self) -> &Timekeeper {
        &self.timekeeper
    }
}

/// Whether a call is over.
enum Started {
    Over(RunningSlot, io::Result<usize>),
    Queued,
}

/// Takes in what a call came to, of which the kernel is done.
fn settle(slot: &PortSlot, mut running: RunningSlot, moved: io::Result<usize>) -> Step {
    slot.is_to_stop();
    match socket::conclude(&mut running, moved) {
        Err(error) if is(&error, ERROR_OPERATION_ABORTED) => {
            if running.life().reason_to_stop().is_none() {
                // All of the handle was cancelled while this one was on its way into the kernel.
                running.life().request_cancel();
            }
            // SAFETY: the kernel is done with it, and the operation is ours.
            running.count_moved(unsafe { slot.moved_till_then() });
            Step::Done(running.give_up())
        }
        // The caller's handle holds the lock that keeps ours out.
        Err(error) if is(&error, ERROR_LOCK_VIOLATION) && running.kind().socket().is_none() => {
            perform_part(running, usize::MAX)
        }
        moved => running.absorb(moved),
    }
}

fn is(error: &io::Error, number: u32) -> bool {
    error.raw_os_error() == Some(number as i32)
}

thread_local! {
    /// On a worker: what ended at once when its handlers submitted it. It is dispatched after the
    /// handler that runs, not within it: handlers do not nest.
    static DONE_HERE: RefCell<Option<DoneHere>> = const { RefCell::new(None) };
}

struct DoneHere {
    engine: *const Engine,
    ended: VecDeque<EndedSlot>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
