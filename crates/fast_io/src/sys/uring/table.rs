//! The operations that the kernel has, each under a number that it hands back with the result.
//!
//! The kernel knows where their buffers are, so none may be freed before its completion has come:
//! only [`Table::remove`] lets one go, and a table that is dropped with operations in it, which
//! only a bug can bring about, leaks them.

use std::mem;
use std::sync::Arc;

use crate::slot::{Life, RunningSlot};

/// Slots by number. A number is an index and how often that place was used before, so that
/// a stale or made-up one finds nothing.
#[derive(Default)]
pub(super) struct Table {
    places: Vec<Place>,
    free: Vec<u32>,
}

struct Place {
    uses: u32,
    slot: Option<RunningSlot>,
}

/// The number under which the kernel knows an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(u64);

impl Number {
    /// Above all numbers of operations: the bell, and answers to cancels.
    pub const BELL: Number = Number(u64::MAX);
    pub const CANCEL: Number = Number(u64::MAX - 1);

    pub fn from_user_data(user_data: u64) -> Self {
        Self(user_data)
    }

    pub fn user_data(self) -> u64 {
        self.0
    }

    fn of(index: u32, uses: u32) -> Self {
        // The index stays below 2^31, so that no number is one of those above.
        Self(u64::from(index) << 32 | u64::from(uses))
    }

    fn index(self) -> usize {
        (self.0 >> 32) as usize
    }

    fn uses(self) -> u32 {
        self.0 as u32
    }
}

impl Table {
    /// Takes an operation in. It is found under its number until it is removed.
    pub fn insert(&mut self, slot: RunningSlot) -> Number {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                uses: 0,
                slot: None,
            });
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[index as usize];
        let number = Number::of(index, place.uses);
        slot.life().set_number(number.user_data());
        place.slot = Some(slot);
        number
    }

    /// The operation under this number, if there is one.
    pub fn slot_mut(&mut self, number: Number) -> Option<&mut RunningSlot> {
        let place = self.places.get_mut(number.index())?;
        if place.uses != number.uses() {
            return None;
        }
        place.slot.as_mut()
    }

    /// Lets an operation go whose completion has come.
    pub fn remove(&mut self, number: Number) -> Option<RunningSlot> {
        self.slot_mut(number)?;
        let place = &mut self.places[number.index()];
        place.uses = place.uses.wrapping_add(1);
        self.free.push(number.index() as u32);
        place.slot.take()
    }

    /// The number of the operation whose life this is, if it is here.
    pub fn number_of(&mut self, life: &Arc<Life>) -> Option<Number> {
        let number = Number::from_user_data(life.number());
        let slot = self.slot_mut(number)?;
        Arc::ptr_eq(slot.life(), life).then_some(number)
    }

    /// The numbers of the operations whose lives are asked for.
    pub fn numbers(&self, wanted: impl Fn(&Arc<Life>) -> bool) -> Vec<Number> {
        let numbered = self.places.iter().enumerate();
        numbered
            .filter(|(_, place)| place.slot.as_ref().is_some_and(|s| wanted(s.life())))
            .map(|(index, place)| Number::of(index as u32, place.uses))
            .collect()
    }

    pub fn is_empty(&self) -> bool {
        self.free.len() == self.places.len()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if !self.is_empty() {
            mem::forget(mem::take(&mut self.places));
        }
    }
}
