//! What the receiving side asks of us, read off the wire ahead of the sender's turn.
// rsync: rsync.c read_ndx_and_attrs(), sender.c receive_sums()

use super::StreamError;
use super::agreement::Agreement;
use super::inlet::Inlet;
use crate::link::SegmentQueue;
use delta::{BlockLayout, Signature, SignatureReceiver};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::Ndx;
use wire::flist::xattr::{MAX_COUNT, wanted};
use wire::item::{Item, ItemFlags};
use wire::ndx::NdxReader;
use wire::stats::Deletions;
use wire::sums::{block_sums, sum_head};

/// Something that the other side asks for or says, in its order.
pub(crate) enum Request {
    /// An entry that needs no content, or of which none is wanted.
    Item(u32, Item, Values),
    /// A file's content.
    Transfer(u32, Item, Box<Basis>, Values),
    /// It is done with a part or a phase.
    Done,
    /// A file is safely there.
    Success(u32),
    /// How much it deleted.
    Deleted(Deletions),
}

/// The long values of extended attributes that are asked for with an item, by their numbers.
pub(crate) type Values = Box<[u32]>;

/// What the other side has of a file.
pub(crate) struct Basis {
    pub layout: BlockLayout,
    /// `None`: it has nothing, or wants it appended to.
    pub signature: Option<Signature>,
}

impl Request {
    fn weight(&self) -> usize {
        let values = match self {
            Request::Item(.., values) | Request::Transfer(.., values) => 4 * values.len(),
            _ => 0,
        };
        let sums = match self {
            Request::Transfer(_, _, basis, _) => basis.signature.as_ref().map_or(0, |s| {
                s.layout().count() as usize * (4 + s.layout().strong_len())
            }),
            _ => 0,
        };
        128 + sums + values
    }
}

/// How many requests are handed over together at most.
const TOGETHER: usize = 64;

/// Requests that wait for their turn.
pub(crate) struct RequestQueue {
    state: Mutex<State>,
    /// Who waits for a request also waits for the list: it is woken through its queue.
    list: Arc<SegmentQueue>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    weight: usize,
    ended: Option<StreamError>,
    /// How many bytes the stream has had.
    read: u64,
}

/// How much may wait. The other side need not be read from meanwhile: its receiver, which reads what
/// we write, does not depend on that.
const AT_MOST: usize = 64 * 1024 * 1024;

impl RequestQueue {
    pub fn new(list: Arc<SegmentQueue>) -> RequestQueue {
        RequestQueue {
            state: Mutex::default(),
            list,
        }
    }

    /// Adds requests; never waits.
    pub fn push(&self, requests: impl IntoIterator<Item = Request>) {
        let mut state = self.lock();
        let was_empty = state.waiting.is_empty();
        for request in requests {
            state.weight += request.weight();
            state.waiting.push_back(request);
        }
        drop(state);
        if was_empty {
            self.list.ring();
        }
    }

    /// Waits until there is room.
    pub fn wait_for_room(&self) {
        if self.lock().weight < AT_MOST {
            return;
        }
        self.list
            .wait_until(|| self.lock().weight < AT_MOST || self.has_ended());
    }

    /// The stream ended, or cannot be understood.
    pub fn end(&self, why: StreamError) {
        self.lock().ended.get_or_insert(why);
        self.list.ring();
    }

    /// Whether there is a request, or never will be.
    pub fn is_ready(&self) -> bool {
        let state = self.lock();
        !state.waiting.is_empty() || state.ended.is_some()
    }

    /// How many bytes have come from the other side.
    pub fn read(&self) -> u64 {
        self.lock().read
    }

    fn has_ended(&self) -> bool {
        self.lock().ended.is_some()
    }

    /// Moves all requests that there are to the end of others.
    ///
    /// # Errors
    /// Why there will be none.
    pub fn take(&self, into: &mut VecDeque<Request>) -> Result<(), StreamError> {
        let mut state = self.lock();
        if !state.waiting.is_empty() {
            let was_full = state.weight >= AT_MOST;
            state.weight = 0;
            into.append(&mut state.waiting);
            drop(state);
            if was_full {
                self.list.ring();
            }
            return Ok(());
        }
        match state.ended.take() {
            Some(why) => {
                state.ended = Some(StreamError::Closed { read: 0 });
                Err(why)
            }
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads requests into a queue until the stream ends.
pub(crate) struct RequestReader {
    pub inlet: Inlet,
    pub queue: Arc<RequestQueue>,
    pub agreement: Agreement,
    /// Content is only pretended to be transferred.
    pub dry_run: bool,
    /// What is there already is appended to: no sums come, unless a file is asked for again.
    pub appends: bool,
    /// Values of extended attributes are asked for.
    pub exchanges_xattrs: bool,
    /// The files that were asked for, where that counts.
    pub asked: HashSet<u32>,
}

impl RequestReader {
    pub fn run(mut self) {
        let mut numbers = NdxReader::new(self.agreement.protocol);
        let mut together = Vec::with_capacity(TOGETHER);
        let why = loop {
            match self.next(&mut numbers) {
                Ok(request) => together.push(request),
                Err(why) => break why,
            }
            // What is there already is handed over together.
            if together.len() == TOGETHER || self.inlet.is_dry() {
                self.queue.lock().read = self.inlet.read();
                self.queue.push(together.drain(..));
                self.queue.wait_for_room();
            }
        };
        self.queue.lock().read = self.inlet.read();
        self.queue.push(together);
        self.queue.end(why);
    }

    fn next(&mut self, numbers: &mut NdxReader) -> Result<Request, StreamError> {
        let protocol = self.agreement.protocol;
        let number = match numbers.take(&mut self.inlet)? {
            Ndx::Done => return Ok(Request::Done),
            Ndx::Deletions => {
                return Ok(Request::Deleted(Deletions::take(&mut self.inlet)?));
            }
            Ndx::File(number) => number,
            other => {
                return Err(wire::Error::misbehaving(format!(
                    "Invalid file index: {other:?} [sender]"
                ))
                .into());
            }
        };
        let item = Item::take(&mut self.inlet, protocol)?;
        let values = if self.exchanges_xattrs && item.xattrs_follow(protocol) {
            self.values()?
        } else {
            Values::default()
        };
        if !item.flags.contains(ItemFlags::TRANSFER) || self.dry_run {
            return Ok(Request::Item(number, item, values));
        }
        let is_first = !self.appends || self.asked.insert(number);
        let basis = self.basis(self.appends && is_first)?;
        Ok(Request::Transfer(number, item, Box::new(basis), values))
    }

    // rsync: xattrs.c recv_xattr_request()
    fn values(&mut self) -> Result<Values, StreamError> {
        let mut values = Vec::new();
        let mut prior = 0;
        while let Some(number) = wanted(&mut self.inlet, &mut prior, MAX_COUNT as usize)? {
            // Each can be asked for once.
            if values.len() == MAX_COUNT as usize {
                let text = "more extended attributes are asked for than there can be [sender]";
                return Err(wire::Error::misbehaving(text).into());
            }
            values.push(number);
        }
        Ok(values.into())
    }

    // rsync: sender.c receive_sums()
    fn basis(&mut self, appends: bool) -> Result<Basis, StreamError> {
        let protocol = self.agreement.protocol;
        let sum = self.agreement.block_sum();
        let digest_len = self.agreement.checksum.digest_len();
        let head = sum_head(&mut self.inlet, protocol, digest_len)?;
        let layout = BlockLayout::from_head(
            super::sums::to_delta(head),
            self.agreement.checksum,
            protocol.version(),
        )
        .map_err(super::sums::refused)?;
        if layout.count() == 0 || appends {
            return Ok(Basis {
                layout,
                signature: None,
            });
        }
        let mut receiver = SignatureReceiver::new(layout, sum).map_err(super::sums::refused)?;
        block_sums(&mut self.inlet, &head, |weak, strong| {
            receiver.push(weak, strong).map_err(super::sums::refused)
        })?;
        let signature = receiver.finish().map_err(super::sums::refused)?;
        Ok(Basis {
            layout,
            signature: Some(signature),
        })
    }
}
