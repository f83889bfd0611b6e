//! Reads that would make a worker wait for the disk are given to a ring instead.
//!
//! A worker asks for what is in memory first, which costs no more than asking for all. Only where that
//! is not there a ring is better: it has as many reads under way as there are, and a worker one. The
//! ring is made with the first such read, so that whoever never has one pays nothing, and
//! privileges are dropped by then. Where the system refuses rings, or cannot tell what is in memory,
//! workers wait as they would without this.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use crate::driver::{Driver, Target};
use crate::operation::Kind;
use crate::slot::{Part, RunningSlot, Step, WaitingSlot};
use crate::sys;

/// The longest read that is given to the ring unasked. Longer ones that turn out to be in memory are
/// copied faster by several workers.
const SHORT: usize = 64 << 10;

/// The ring, once there is one.
pub(super) struct Cold {
    /// None says that there is none and will be none.
    ring: OnceLock<Option<Arc<dyn Driver>>>,
    /// Whether one could be made, for those who only ask.
    offered: OnceLock<bool>,
}

/// What reads of a file have shown about the next ones.
#[derive(Debug, Default)]
pub(crate) struct Temperature(AtomicU8);

/// How a read without waiting went.
pub(super) enum Tried {
    /// It has moved on by a part, or is over.
    Went(Step),
    /// The ring has it now.
    Given,
    /// It is to be done with calls that wait.
    Not(RunningSlot),
}

impl Cold {
    pub fn new() -> Self {
        Self {
            ring: OnceLock::new(),
            offered: OnceLock::new(),
        }
    }

    /// Whether cold reads go to a ring, or would.
    pub fn is_offered(&self) -> bool {
        match self.ring.get() {
            Some(made) => made.is_some(),
            None => *self.offered.get_or_init(sys::offers_rings),
        }
    }

    /// Whether the operation is best given to the ring unasked: the file's last reads had to wait.
    pub fn suits(&self, slot: &WaitingSlot) -> bool {
        match slot.kind() {
            Kind::Read { file, len, .. } => *len <= SHORT && file.temperature().is_cold(),
            _ => false,
        }
    }

    /// Gives an operation to the ring, or hands it back if there is none.
    pub fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        match self.ring.get_or_init(|| sys::start_ring().ok()) {
            Some(ring) => ring.push(slot),
            None => Err(slot),
        }
    }

    /// Does the next part of a read as far as that is possible without waiting, and gives the rest
    /// to the ring.
    pub fn try_read(&self, mut slot: RunningSlot) -> Tried {
        if matches!(self.ring.get(), Some(None)) {
            return Tried::Not(slot);
        }
        let Part::Read { file, offset, room } = slot.part() else {
            return Tried::Not(slot);
        };
        if file.temperature().is_unknowable() {
            return Tried::Not(slot);
        }
        let wants_some = !room.is_empty();
        match sys::read_at_once(file, room, offset) {
            // The end of the file, or a fault of Linux 5.9 and 5.10 (preadv2(2)).
            Ok(0) if wants_some => Tried::Not(slot),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                file.temperature().note_cold();
                self.give(slot)
            }
            Err(error) if sys::is_never_supported(&error) => {
                file.temperature().note_unknowable();
                Tried::Not(slot)
            }
            moved => Tried::Went(slot.absorb(moved)),
        }
    }

    fn give(&self, slot: RunningSlot) -> Tried {
        match self.push(slot.wait_again()) {
            Ok(()) => Tried::Given,
            Err(slot) => match slot.begin() {
                Ok(slot) => Tried::Not(slot),
                Err(cancelled) => Tried::Went(Step::Done(cancelled)),
            },
        }
    }

    /// See [`Driver::cancel`].
    pub fn cancel(&self, target: Target<'_>) {
        if let Some(Some(ring)) = self.ring.get() {
            ring.cancel(target);
        }
    }

    /// See [`Driver::shut_down`]. No ring is made any more.
    pub fn shut_down(&self) {
        if let Some(ring) = self.ring.get_or_init(|| None) {
            ring.shut_down();
        }
    }
}

impl Temperature {
    const UNKNOWABLE: u8 = u8::MAX;
    /// So many reads go to the ring unasked before one is tried again.
    const LASTS: u8 = 32;

    /// Whether the next read, which it counts, is expected to wait.
    fn is_cold(&self) -> bool {
        let cooling = |left| (left != 0 && left != Self::UNKNOWABLE).then(|| left - 1);
        // Looking costs nothing where, as mostly, there is nothing to count.
        self.0.load(Ordering::Relaxed) != 0
            && self
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, cooling)
                .is_ok()
    }

    fn note_cold(&self) {
        self.0.store(Self::LASTS, Ordering::Relaxed);
    }

    /// Whether its file system does not tell what would wait.
    fn is_unknowable(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::UNKNOWABLE
    }

    fn note_unknowable(&self) {
        self.0.store(Self::UNKNOWABLE, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Temperature;

    #[test]
    fn a_cold_file_is_tried_again_after_a_while() {
        let temperature = Temperature::default();
        assert!(!temperature.is_cold());
        temperature.note_cold();
        let unasked = (0..100).take_while(|_| temperature.is_cold()).count();
        assert_eq!(unasked, usize::from(Temperature::LASTS));
        temperature.note_unknowable();
        assert!(!temperature.is_cold() && temperature.is_unknowable());
    }
}
