//! The ring and the loop of its thread.
//!
//! All that is unsafe about a ring is one promise, that what an entry points to stays valid until its
//! completion has come. It is kept here: an entry's operation moves into the [`Table`] before the
//! entry is pushed and leaves it only by its completion, and an operation's buffer does not move with
//! it.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use io_uring::squeue::Entry;
use io_uring::{IoUring, Probe, opcode, types};

use super::table::{Number, Table};
use super::{Command, Delivery, Inbox};
use crate::completion::Cancelled;
use crate::file::SharedFile;
use crate::slot::{Life, Part, RunningSlot, Step, WaitingSlot};

/// Entries of the submission queue: how many operations one system call can submit.
const ENTRIES: u32 = 256;
/// Entries of the completion queue. More completions than that are kept by the kernel, at a price.
const COMPLETIONS: u32 = 4096;
/// The most that one entry asks for. The kernel's own limit is a page less than 2 GiB.
const LONGEST: usize = 1 << 30;

/// A ring.
pub(super) struct Ring {
    uring: IoUring,
}

impl Ring {
    /// Makes a ring for the calling thread.
    pub fn new() -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(COMPLETIONS).setup_clamp();
        let mut modern = builder.clone();
        // The kernel does its part of completions when this thread asks for them, in batches; the
        // flag tells when there is something to ask for.
        modern.setup_single_issuer().setup_defer_taskrun();
        modern.setup_taskrun_flag();
        let uring = match modern.build(ENTRIES) {
            // Before Linux 6.1.
            Err(error) if error.raw_os_error() == Some(EINVAL) => builder.build(ENTRIES)?,
            other => other?,
        };
        let mut probe = Probe::new();
        uring.submitter().register_probe(&mut probe)?;
        let needed = [
            opcode::Read::CODE,
            opcode::Write::CODE,
            opcode::AsyncCancel::CODE,
        ];
        if !needed.iter().all(|&code| probe.is_supported(code)) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Self { uring })
    }

    /// Puts an entry into the submission queue, emptying that if need be.
    ///
    /// # Safety
    /// What the entry points to must stay valid until its completion has come.
    unsafe fn push(&mut self, entry: &Entry) {
        loop {
            // SAFETY: the caller's promise.
            if unsafe { self.uring.submission().push(entry) }.is_ok() {
                return;
            }
            // Full: the kernel takes all of it. Should it be short of memory, or of room for
            // completions, then reaping some makes the next try better.
            if self.uring.submit().is_err() {
                std::thread::yield_now();
            }
        }
    }
}

const EINVAL: i32 = rustix::io::Errno::INVAL.raw_os_error();
const ECANCELED: i32 = rustix::io::Errno::CANCELED.raw_os_error();

/// Serves the inbox until that is closed and every operation has ended.
pub(super) fn serve(ring: Ring, inbox: &Inbox) {
    let mut service = Service {
        ring,
        table: Table::default(),
        ended: Vec::new(),
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
    }
    // The bell's bytes are the kernel's until its last stroke has been heard.
    inbox.ring();
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
    let mut files = Vec::new();
    let mut all = false;
    for command in commands.iter().rev() {
        match command {
            Command::Run(slot) => {
                if all || files.iter().any(|&file| slot.life().touches(file)) {
                    slot.life().request_cancel();
                }
            }
            // Its life is marked by whoever asked.
            Command::CancelOne(_) => {}
            Command::CancelFile(file) => files.push(*file),
            Command::CancelAll => all = true,
        }
    }
}

struct Service {
    ring: Ring,
    table: Table,
    /// Completions of one turn, taken off the queue before their handlers run.
    ended: Vec<(Number, i32)>,
}

impl Service {
    /// Has the ring woken by the next stroke of the bell.
    fn arm(&mut self, bell: &mut Box<[u8; 8]>, inbox: &Inbox) {
        let fd = types::Fd(inbox.bell().as_raw_fd());
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
            Command::CancelOne(one) => self.cancel(|life| Arc::ptr_eq(life, &one)),
            Command::CancelFile(file) => self.cancel(|life| life.touches(file)),
            Command::CancelAll => self.cancel(|_| true),
        }
    }

    fn begin(&mut self, slot: WaitingSlot) {
        match slot.begin() {
            Ok(running) => self.submit(running),
            Err(cancelled) => cancelled.dispatch(),
        }
    }

    /// Gives the kernel what is left of an operation.
    fn submit(&mut self, slot: RunningSlot) {
        let number = self.table.insert(slot);
        let Some(slot) = self.table.slot_mut(number) else {
            return;
        };
        let entry = match slot.part() {
            Part::Read { file, offset, room } => {
                let len = room.len().min(LONGEST) as u32;
                let read = opcode::Read::new(fd(file), room.as_mut_ptr(), len);
                read.offset(offset).build()
            }
            Part::Write {
                file,
                offset,
                bytes,
            } => {
                let len = bytes.len().min(LONGEST) as u32;
                let write = opcode::Write::new(fd(file), bytes.as_ptr(), len);
                write.offset(offset).build()
            }
            Part::Whole => {
                if let Some(slot) = self.table.remove(number) {
                    slot.run_whole().dispatch();
                }
                return;
            }
        };
        // SAFETY: the operation owns its buffer, whose bytes are on the heap, and holds its file; it
        // stays in the table, and thereby alive, until this entry's completion has come.
        unsafe { self.ring.push(&entry.user_data(number.user_data())) };
    }

    /// Asks the kernel to give up what is wanted, and notes that it was asked.
    fn cancel(&mut self, wanted: impl Fn(&Arc<Life>) -> bool) {
        for number in self.table.numbers(wanted) {
            if let Some(slot) = self.table.slot_mut(number) {
                slot.life().request_cancel();
            }
            let entry = opcode::AsyncCancel::new(number.user_data())
                .build()
                .user_data(Number::CANCEL.user_data());
            // SAFETY: it points to nothing.
            unsafe { self.ring.push(&entry) };
        }
    }

    /// Submits what is queued and, if asked to, sleeps until something completes.
    fn enter(&mut self, sleep: bool) {
        let want = usize::from(sleep);
        match self.ring.uring.submit_and_wait(want) {
            Ok(_) => {}
            // A signal, or completions that have to be reaped first.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::ResourceBusy
                ) => {}
            // Short of memory for requests: those in flight will give some back.
            Err(_) => std::thread::yield_now(),
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
        let Some(slot) = self.table.remove(number) else {
            return;
        };
        let moved = match usize::try_from(result) {
            Ok(moved) => Ok(moved),
            Err(_) if result == -ECANCELED && slot.life().cancel_requested() => {
                Err(Cancelled.into())
            }
            Err(_) => Err(io::Error::from_raw_os_error(-result)),
        };
        match slot.absorb(moved) {
            Step::More(rest) => self.submit(rest),
            Step::Done(ended) => ended.dispatch(),
        }
    }
}

fn fd(file: &SharedFile) -> types::Fd {
    types::Fd(file.as_raw_fd())
}
