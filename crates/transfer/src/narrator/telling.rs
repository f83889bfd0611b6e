//! Tells what is due: lines, progress and what waits for them, in the queue's order.
// rsync: log.c log_item(), progress.c

use super::{Moved, Narrator, Notice, Place, PlaceState, State};
use crate::event::{Audience, Event, Item, Progress, Stage, Totals};
use std::sync::PoisonError;

impl Narrator {
    /// Tells what is due: everything done at the head of the closed windows.
    pub(super) fn tell(&self, state: &mut State) {
        while state.first < state.closed {
            self.tell_notices(state);
            let totals = state.totals;
            let Some(place) = state.queue.front_mut() else {
                break;
            };
            match place.state {
                PlaceState::Waiting => break,
                PlaceState::Failed => {}
                PlaceState::Line => self.line(place, Audience::All, Moved::default()),
                PlaceState::Moving => {
                    self.announce(place, totals);
                    break;
                }
                PlaceState::Done(moved) => {
                    self.announce(place, totals);
                    self.progress(place, Stage::Finished, totals);
                    let audience = if self.lines_before_transfer {
                        Audience::Log
                    } else {
                        Audience::All
                    };
                    self.line(place, audience, moved);
                }
            }
            state.queue.pop_front();
            state.first += 1;
        }
        self.tell_notices(state);
        if state.queue.is_empty() {
            state.late.sort_by_key(|(place, _)| *place);
            for (_, notice) in state.late.drain(..) {
                self.notice(&notice);
            }
        }
    }

    fn tell_part_ends(&self, state: &mut State) {
        while let Some((after, entries, then)) = state.part_ends.front().copied()
            && after <= state.first
        {
            state.part_ends.pop_front();
            let now = if then.files_known >= state.totals.files_known {
                then
            } else {
                state.totals
            };
            self.sink.event(Event::PartDone(&Totals {
                files_to_check: now.files_known.saturating_sub(entries),
                ..now
            }));
        }
    }

    fn tell_notices(&self, state: &mut State) {
        self.tell_part_ends(state);
        while let Some((after, _)) = state.notices.front()
            && *after <= state.first
            && let Some((_, notice)) = state.notices.pop_front()
        {
            self.notice(&notice);
        }
    }

    fn notice(&self, notice: &Notice) {
        match notice {
            Notice::Message(message) => self.sink.event(Event::Message(message)),
            &Notice::Deleted(ref name, mode) => self.sink.event(Event::Deleted { name, mode }),
        }
    }

    fn announce(&self, place: &mut Place, totals: Totals) {
        if std::mem::replace(&mut place.announced, true) {
            return;
        }
        if self.lines_before_transfer {
            self.line(place, Audience::User, Moved::default());
        }
        self.progress(place, Stage::Started, totals);
    }

    fn progress(&self, place: &Place, stage: Stage, mut totals: Totals) {
        totals.files_to_check = place.to_check(totals);
        let entry = place.record.entry.entry();
        let offset = if stage == Stage::Finished {
            entry.size
        } else {
            0
        };
        self.sink.event(Event::Progress(&Progress {
            entry,
            stage,
            offset,
            size: entry.size,
            totals,
        }));
    }

    fn line(&self, place: &Place, audience: Audience, moved: Moved) {
        let record = &place.record;
        let entry = record.entry.entry();
        let dirs = self
            .source_dirs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.sink.event(Event::Item(&Item {
            entry,
            flags: record.flags,
            link_name: record.link_name.as_deref(),
            source_dir: dirs.get(entry.source() as usize).map_or(b"", |d| d),
            checksum: record.checksum.or(moved.checksum),
            audience,
            bytes_moved: moved.bytes,
            bytes_sent: moved.sent_bytes,
            checksum_bytes: moved.checksum_bytes,
        }));
    }
}
