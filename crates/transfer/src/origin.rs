//! Where the receiving side's content comes from, and whom it tells what is done: the seam
//! between a local session and one over a wire.
//!
//! Generator and receiver decide and rebuild the same way in both. Here the sender is of this
//! process and opens what is asked for; there it is asked over the wire.

use crate::context::Context;
use crate::era::Itemizing;
use crate::narrator::{ItemRecord, PlaceId};
use crate::receiver::Receiver;
use crate::receiver::signature::Compared;
use crate::remote::requests::Requests;
use crate::segment::{EntryRef, Segment};
use crate::sender::Sender;
use std::io;
use std::sync::Arc;
use tree::entry::{Entry, FileId};

/// Where content comes from.
#[derive(Clone)]
pub(crate) enum Origin {
    /// From the sender of this process.
    Here(Arc<Sender>),
    /// From another process.
    Away(Arc<Requests>),
}

impl Origin {
    /// Tells an item that needs no content.
    pub fn item(&self, ctx: &Context, record: ItemRecord) {
        match self {
            Origin::Away(requests) if ctx.era.itemizing == Itemizing::Items => {
                requests.item(record);
            }
            _ => ctx.narrator.item(record),
        }
    }

    /// Tells an item whose transfer is only pretended. For a batch file alone its content comes
    /// nevertheless, as it follows from what is there.
    pub fn pretended(
        &self,
        ctx: &Context,
        record: ItemRecord,
        receiver: &Receiver,
        compared: &Compared<'_>,
    ) {
        match self {
            Origin::Here(_) => ctx.narrator.pretended(record),
            Origin::Away(requests) => requests.pretend(record, receiver, compared),
        }
    }

    /// Takes a place for an item whose transfer begins soon. Over the wire it gets one when its
    /// content comes.
    pub fn transfer(&self, ctx: &Context, record: ItemRecord) -> PlaceId {
        match self {
            Origin::Here(_) => ctx.narrator.transfer(record),
            Origin::Away(_) => PlaceId::NONE,
        }
    }

    /// The source of this entry is safely at the destination, and may be removed.
    pub fn remove_source(&self, entry: &EntryRef, destination: Option<FileId>) {
        match self {
            Origin::Here(sender) => sender.remove_source(entry.entry(), destination),
            Origin::Away(requests) => requests.remove_source(entry),
        }
    }

    /// Reading an entry's content failed half-way.
    pub fn read_failed(&self, entry: &Entry, error: io::Error) {
        match self {
            Origin::Here(sender) => sender.read_failed(entry, error),
            // Whoever read it has told it.
            Origin::Away(_) => {}
        }
    }

    /// A name waits for another one's transfer: its part of the list is not done with.
    // rsync: hlink.c hard_link_check(), in_progress
    pub fn hold(&self, entry: &EntryRef) {
        if let Origin::Away(requests) = self {
            requests.hold(entry);
        }
    }

    /// A transfer ended, well or badly, or what a name waited for has.
    pub fn ended(&self, entry: &EntryRef) {
        if let Origin::Away(requests) = self {
            requests.ended(entry);
        }
    }

    /// The generator is through with a segment.
    pub fn leave(&self, segment: &Arc<Segment>) {
        if let Origin::Away(requests) = self {
            requests.leave(segment);
        }
    }

    /// Waits while much is on its way to the other side: the generator does so between what it tells,
    /// which nothing else would hold back.
    pub fn keep_pace(&self) {
        if let Origin::Away(requests) = self {
            requests.keep_pace();
        }
    }

    /// Sends off what was asked for, before the caller waits for something.
    pub fn flush(&self) {
        if let Origin::Away(requests) = self {
            requests.flush();
        }
    }
}
