//! The ring and the loop of its thread.
//!
//! All that is unsafe about a ring is one promise, that what an entry points to stays valid until its
//! completion has come. It is kept here: an entry's operation moves into the [`Table`] before the
//! entry is pushed and leaves it only by its completion, and an operation's buffer does not move with
//! it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use io_uring::squeue::Entry;
use io_uring::{Builder, IoUring, Probe, opcode, types};

use super::table::{Number, Table};
use super::{Eventfd, Patience};
use crate::driver::closing::Closers;
use crate::driver::deadlines::Deadlines;
use crate::driver::inbox::{Bell, Command, Delivery, Inbox};
use crate::driver::perform_part;
use crate::slot::{Life, Part, RunningSlot, SocketPart, Step, WaitingSlot};
use crate::socket::{Calls, SharedSocket};
use crate::sys;

/// Entries of the submission queue: how many operations one system call can submit.
const ENTRIES: u32 = 256;
/// Entries of the completion queue. More completions than that are kept by the kernel, at a price.
const COMPLETIONS: u32 = 1024;
/// The most that one entry asks for. The kernel's own limit is a page less than 2 GiB.
const LONGEST: usize = 1 << 30;

/// How often the patient try again, with a pause in between.
const TRIES: u32 = 100;
/// How long to wait for what the kernel is short of.
const PAUSE: Duration = Duration::from_millis(10);

/// A ring.
pub(super) struct Ring {
    uring: IoUring,
    /// Entries that the submission queue had no room for, in their order.
    aside: VecDeque<Entry>,
}

impl Ring {
    /// Makes a ring for the calling thread.
    pub fn new(patience: Patience) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(COMPLETIONS).setup_clamp();
        let mut modern = builder.clone();
        // The kernel does its part of completions when this thread asks for them, in batches; the
        // flag tells when there is something to ask for.
        modern.setup_single_issuer().setup_defer_taskrun();
        modern.setup_taskrun_flag();
        let uring = match build(&modern, patience) {
            // Before Linux 6.1.
            Err(error) if error.raw_os_error() == Some(EINVAL) => build(&builder, patience)?,
            other => other?,
        };
        let mut probe = Probe::new();
        uring.submitter().register_probe(&mut probe)?;
        let needed = [
            opcode::Read::CODE,
            opcode::Write::CODE,
            opcode::Fsync::CODE,
            opcode::AsyncCancel::CODE,
            opcode::Accept::CODE,
            opcode::Connect::CODE,
            opcode::Recv::CODE,
            opcode::Send::CODE,
        ];
        // Since Linux 5.11 one can wait for completions until a deadline.
        let can_wait = uring.params().is_feature_ext_arg();
        if !can_wait || !needed.iter().all(|&code| probe.is_supported(code)) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let aside = VecDeque::new();
        Ok(Self { uring, aside })
    }

    /// Submits what is queued, and sleeps until something completes or the time is up.
    fn enter_for(&self, limit: Duration) -> io::Result<usize> {
        let limit = types::Timespec::from(limit);
        let limited = types::SubmitArgs::new().timespec(&limit);
        self.uring.submitter().submit_with_args(1, &limited)
    }

    /// Puts an entry into the submission queue, emptying that if need be. If the kernel takes nothing now
    /// (it may be short of memory, or want its completions reaped first), the entry waits aside.
    ///
    /// # Safety
    /// What the entry points to must stay valid until its completion has come.
    unsafe fn push(&mut self, entry: &Entry) {
        if self.aside.is_empty() {
            // SAFETY: the caller's promise.
            if unsafe { self.uring.submission().push(entry) }.is_ok() {
                return;
            }
            // Full.
            let _ = self.uring.submit();
        }
        self.aside.push_back(entry.clone());
        self.refill();
    }

    /// Moves what waits aside into the submission queue; says whether that is all of it.
    fn refill(&mut self) -> bool {
        let mut queue = self.uring.submission();
        while let Some(entry) = self.aside.front() {
            // SAFETY: the promise of `push`, for an entry whose completion cannot have come yet.
            if unsafe { queue.push(entry) }.is_err() {
                return false;
            }
            self.aside.pop_front();
        }
        true
    }

    /// Submits what is queued and, if asked to, sleeps until something completes or the time is up.
    /// While entries wait aside there is no time to sleep.
    fn enter(&mut self, sleep: bool, limit: Option<Duration>) -> io::Result<usize> {
        let sleep = self.refill() && sleep;
        match limit {
            Some(limit) if sleep => self.enter_for(limit),
            _ => self.uring.submit_and_wait(usize::from(sleep)),
        }
    }
}

fn build(builder: &Builder, patience: Patience) -> io::Result<IoUring> {
    let mut tries = match patience {
        Patience::None => 0,
        Patience::Some => TRIES,
    };
    loop {
        match builder.build(ENTRIES) {
            Err(error) if error.raw_os_error() == Some(ENOMEM) && tries > 0 => {
                tries -= 1;
                thread::sleep(PAUSE);
            }
            built => return built,
        }
    }
}

const ENOMEM: i32 = rustix::io::Errno::NOMEM.raw_os_error();
const EINVAL: i32 = rustix::io::Errno::INVAL.raw_os_error();
const ECANCELED: i32 = rustix::io::Errno::CANCELED.raw_os_error();
const ETIME: i32 = rustix::io::Errno::TIME.raw_os_error();

/// Serves the inbox until that is closed and every operation has ended.
pub(super) fn serve(ring: Ring, inbox: &Inbox<Eventfd>, closers: Closers) {
    let mut service = Service {
        ring,
        closers,
        table: Table::default(),
        ended: Vec::new(),
        deadlines: Deadlines::new(),
    };
    let mut bell = Box::new([0u8; 8]);
    service.arm(&mut bell, inbox);
    let mut closed = false;
    let mut spare = Vec::new();
    loop {
        let mut sleep = false;
        match inbox.take(std::mem::take(&mut spare)) {
            Delivery::Commands(mut commands) => {
                cancel_unbegun(&commands);
                for command in commands.drain(..) {
                    service.obey(command);
                }
                spare = commands;
            }
            Delivery::Nothing => sleep = true,
            Delivery::Closed => {
                sleep = true;
                closed = true;
            }
        }
        if closed && service.table.is_empty() {
            break;
        }
        service.enter(sleep);
        if sleep {
            inbox.awake();
        }
        if service.reap() {
            service.arm(&mut bell, inbox);
        }
        service.expire();
    }
    // The bell's bytes are the kernel's until its last stroke has been heard.
    inbox.bell().ring();
    loop {
        service.enter(true);
        if service.reap() {
            break;
        }
    }
}

/// Marks what is cancelled by the very commands that it has come with: that never begins, and the
/// kernel need not be asked.
fn cancel_unbegun(commands: &[Command]) {
    let mut handles = Vec::new();
    let mut all = false;
    for command in commands.iter().rev() {
        match command {
            Command::Run(slot) => {
                if all || handles.iter().any(|&handle| slot.life().touches(handle)) {
                    slot.life().request_cancel();
                }
            }
            // Its life is marked by whoever asked.
            Command::CancelOne(_) => {}
            Command::CancelHandle(handle) => handles.push(*handle),
            Command::CancelAll => all = true,
        }
    }
}

struct Service {
    ring: Ring,
    closers: Closers,
    table: Table,
    /// Completions of one turn, taken off the queue before their handlers run.
    ended: Vec<(Number, i32)>,
    deadlines: Deadlines<Number>,
}

impl Service {
    /// Has the ring woken by the next stroke of the bell.
    fn arm(&mut self, bell: &mut Box<[u8; 8]>, inbox: &Inbox<Eventfd>) {
        let fd = fd(inbox.bell());
        let entry = opcode::Read::new(fd, bell.as_mut_ptr(), 8)
            .build()
            .user_data(Number::BELL.user_data());
        // SAFETY: the eight bytes are on the heap and freed by nobody; the ring's owner keeps
        // the descriptor open.
        unsafe { self.ring.push(&entry) };
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Run(slot) => self.begin(slot),
            Command::CancelOne(one) => {
                if let Some(number) = self.table.number_of(&one) {
                    self.stop(number, |_| {});
                }
            }
            Command::CancelHandle(handle) => self.cancel(|life| life.touches(handle)),
            Command::CancelAll => self.cancel(|_| true),
        }
    }

    fn begin(&mut self, slot: WaitingSlot) {
        match slot.begin() {
            Ok(running) => self.submit(running),
            Err(cancelled) => self.closers.finish(cancelled),
        }
    }

    /// Gives the kernel what is left of an operation.
    fn submit(&mut self, slot: RunningSlot) {
        let deadline = slot.deadline();
        let number = self.table.insert(slot);
        self.deadlines.insert(deadline, number);
        let Some(slot) = self.table.slot_mut(number) else {
            return;
        };
        let entry = match slot.part() {
            // To the ring, the highest of these means where the file's cursor is.
            Part::Read { offset, .. } | Part::Write { offset, .. } if offset > i64::MAX as u64 => {
                if let Some(slot) = self.remove(number) {
                    let error = io::Error::from_raw_os_error(EINVAL);
                    self.closers.finish(slot.fail(error));
                }
                return;
            }
            Part::Read { file, offset, room } => {
                let len = room.len().min(LONGEST) as u32;
                let read = opcode::Read::new(fd(&**file), room.as_mut_ptr(), len);
                read.offset(offset).build()
            }
            Part::Write {
                file,
                offset,
                bytes,
            } => {
                let len = bytes.len().min(LONGEST) as u32;
                let write = opcode::Write::new(fd(&**file), bytes.as_ptr(), len);
                write.offset(offset).build()
            }
            Part::Sync { file } => opcode::Fsync::new(fd(&**file)).build(),
            Part::Socket(part) => match socket_entry(part) {
                Ok(entry) => entry,
                Err(error) => {
                    if let Some(slot) = self.remove(number) {
                        self.closers.finish(slot.fail(error));
                    }
                    return;
                }
            },
            Part::Whole => {
                if let Some(slot) = self.remove(number) {
                    slot.run_whole().dispatch();
                }
                return;
            }
        };
        // SAFETY: the operation owns its buffer, whose bytes are on the heap, holds its file or socket,
        // and is itself on the heap with the address to connect to; it stays in the table, and thereby alive, until this entry's completion has come.
        unsafe { self.ring.push(&entry.user_data(number.user_data())) };
    }

    fn remove(&mut self, number: Number) -> Option<RunningSlot> {
        let slot = self.table.remove(number)?;
        self.deadlines.remove(slot.deadline(), number);
        Some(slot)
    }

    /// Asks the kernel to give up what is wanted, and notes that it was asked.
    fn cancel(&mut self, wanted: impl Fn(&Arc<Life>) -> bool) {
        for number in self.table.numbers(wanted) {
            self.stop(number, |life| {
                life.request_cancel();
            });
        }
    }

    /// Asks the kernel to give up what has come to its deadline.
    fn expire(&mut self) {
        while let Some(number) = self.deadlines.pop_expired() {
            self.stop(number, Life::time_out);
        }
    }

    fn stop(&mut self, number: Number, give_reason: impl Fn(&Life)) {
        if let Some(slot) = self.table.slot_mut(number) {
            give_reason(slot.life());
        }
        let entry = opcode::AsyncCancel::new(number.user_data())
            .build()
            .user_data(Number::CANCEL.user_data());
        // SAFETY: it points to nothing.
        unsafe { self.ring.push(&entry) };
    }

    /// Submits what is queued and, if asked to, sleeps until something completes or the nearest
    /// deadline has passed.
    fn enter(&mut self, sleep: bool) {
        match self.ring.enter(sleep, self.deadlines.until_nearest()) {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(ETIME) => {}
            // A signal, or completions that have to be reaped first.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::ResourceBusy
                ) => {}
            // Short of memory for requests: those in flight will give some back. Should it be
            // something that lasts, trying again without a pause would keep a processor busy for as
            // long; the port pauses as long as this.
            Err(_) => thread::sleep(PAUSE),
        }
    }

    /// Takes in what has completed. Says whether the bell was among it.
    fn reap(&mut self) -> bool {
        let mut rung = false;
        let completions = self.ring.uring.completion();
        self.ended.extend(completions.map(|entry| {
            let number = Number::from_user_data(entry.user_data());
            (number, entry.result())
        }));
        let mut ended = std::mem::take(&mut self.ended);
        for (number, result) in ended.drain(..) {
            match number {
                Number::BELL => rung = true,
                Number::CANCEL => {}
                number => self.complete(number, result),
            }
        }
        self.ended = ended;
        rung
    }

    fn complete(&mut self, number: Number, result: i32) {
        // A number that nobody has is not ours to judge: nothing is done, nothing is freed.
        let Some(mut slot) = self.remove(number) else {
            return;
        };
        let moved = match usize::try_from(result) {
            Ok(moved) => match slot.part() {
                Part::Socket(SocketPart::Accept { accepted, .. }) => {
                    // SAFETY: the kernel has just made this descriptor and told nobody else.
                    let socket = unsafe { OwnedFd::from_raw_fd(result) };
                    *accepted = Some(SharedSocket::new(socket.into()));
                    Ok(0)
                }
                _ => Ok(moved),
            },
            Err(_) if result == -ECANCELED && slot.life().reason_to_stop().is_some() => {
                return self.closers.finish(slot.give_up());
            }
            Err(_) => Err(io::Error::from_raw_os_error(-result)),
        };
        let step = match moved {
            // A file that was opened so as not to wait: before Linux 5.15 a ring takes that to heart,
            // as nothing else does.
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && slot.kind().socket().is_none() =>
            {
                perform_part(slot, LONGEST)
            }
            moved => slot.absorb(moved),
        };
        match step {
            Step::More(rest) => self.submit(rest),
            // Somebody has made the socket one whose calls do not wait, and so the ring's do not.
            Step::Wait(rest) => {
                if let Some(socket) = rest.kind().socket() {
                    socket.doubt_calls();
                }
                self.submit(rest);
            }
            Step::Done(ended) => self.closers.finish(ended),
        }
    }
}

/// The entry for the next part of an operation on a socket, which waits for as long as that takes.
fn socket_entry(part: SocketPart<'_>) -> io::Result<Entry> {
    Ok(match part {
        SocketPart::Accept { listener, .. } => {
            listener.make_calls(Calls::Block)?;
            let accept = opcode::Accept::new(fd(listener), ptr::null_mut(), ptr::null_mut());
            let flags = rustix::net::SocketFlags::CLOEXEC.bits() as i32;
            accept.flags(flags).build()
        }
        SocketPart::Connect {
            socket, address, ..
        } => {
            socket.make_calls(Calls::Block)?;
            opcode::Connect::new(fd(socket), address.as_ptr().cast(), address.len()).build()
        }
        SocketPart::Receive { socket, room } => {
            socket.make_calls(Calls::Block)?;
            let len = room.len().min(LONGEST) as u32;
            opcode::Recv::new(fd(socket), room.as_mut_ptr(), len).build()
        }
        SocketPart::Send { socket, bytes } => {
            socket.make_calls(Calls::Block)?;
            let len = bytes.len().min(LONGEST) as u32;
            let send = opcode::Send::new(fd(socket), bytes.as_ptr(), len);
            send.flags(sys::SEND_FLAGS).build()
        }
    })
}

fn fd(handle: &impl AsRawFd) -> types::Fd {
    types::Fd(handle.as_raw_fd())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use io_uring::opcode;

    use super::{ENTRIES, Patience, Ring};

    #[test]
    fn what_the_kernel_does_not_take_waits_aside() {
        let Ok(mut ring) = Ring::new(Patience::Some) else {
            return eprintln!("NOT RUN: this system forbids io_uring");
        };
        let count = u64::from(ENTRIES) * 3 + 7;
        // The kernel takes nothing from a thread that is not the ring's.
        let push_all = move || {
            for number in 0..count {
                let entry = opcode::Nop::new().build().user_data(number);
                // SAFETY: it points to nothing.
                unsafe { ring.push(&entry) };
            }
            ring
        };
        let mut ring = std::thread::spawn(push_all).join().unwrap();
        assert!(!ring.uring.params().is_setup_single_issuer() || !ring.aside.is_empty());
        let mut completed = Vec::new();
        while completed.len() < count as usize {
            ring.enter(true, None).unwrap();
            completed.extend(ring.uring.completion().map(|entry| entry.user_data()));
        }
        assert!(completed.into_iter().eq(0..count), "each once, in order");
        assert!(ring.aside.is_empty());
    }
}
