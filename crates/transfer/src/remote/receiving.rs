//! The receiving side's reader of the wire: the list as it comes, what is done with entries, and the
//! content that was asked for.
// rsync: receiver.c recv_files(), rsync.c read_ndx_and_attrs()

use super::StreamError;
use super::agreement::Agreement;
use super::hearing::Destined;
use super::inlet::Inlet;
use super::list_in::ListReader;
use super::requests::{Missing, Phase, Requests};
use super::small_files::SmallFiles;
use crate::context::{Context, line};
use crate::event::Role;
use crate::item::ItemFlags;
use crate::link::SegmentQueue;
use crate::narrator::ItemRecord;
use crate::receiver::arriving::{Arrival, Piece, Plan, discard};
use crate::receiver::{Attempt, Basis, Job, Receiver};
use crate::segment::{EntryRef, Segment};
use delta::{BlockLayout, Digest};
use std::collections::VecDeque;
use std::sync::Arc;
use tree::entry::Entry;
use wire::Ndx;
use wire::Source;
use wire::flist::xattr::{MAX_COUNT, take_value, wanted};
use wire::item::Item;
use wire::ndx::NdxReader;
use wire::stats::{Deletions, Statistics};
use wire::sums::sum_head;
use wire::token::{Token, TokenDecoder};

/// Reads the wire.
pub(crate) struct Receiving {
    pub ctx: Arc<Context>,
    pub inlet: Inlet,
    pub agreement: Agreement,
    pub list: ListReader,
    pub queue: Arc<SegmentQueue>,
    pub requests: Arc<Requests>,
    /// Where content goes, once the destination is known.
    pub receiver: Destined,
    pub is_server: bool,
    /// Values of extended attributes come with items.
    pub exchanges_xattrs: bool,
}

/// How many entries may wait for the generator when a further part of the list comes. A sender that
/// keeps to the protocol stops a hundred times earlier.
// rsync: rsync.h MAX_FILECNT_LOOKAHEAD
const FAR_AHEAD: u64 = 1_000_000;

impl Receiving {
    /// Reads to the end of the session, and tells what the other side counted and what went wrong.
    pub fn run(mut self) {
        if let Err(error) = self.read() {
            if matches!(self.receiver.get(), Some(None)) {
                // The session ended on this side before it began: what comes after that is no news.
                return;
            }
            // As rsync has it, generator and receiver part when the first of the list is there.
            let role = if self.list.has_begun() {
                Role::Receiver
            } else {
                Role::Destination
            };
            let error = error.tell(&self.ctx, role);
            self.requests.fail(error);
            if let Some(Some(receiver)) = self.receiver.get() {
                receiver.end_session(error);
            }
        } else if !self.is_server {
            let mut tally = self.ctx.tally();
            tally.stats.bytes_received = tally.stats.bytes_received.max(self.inlet.read());
        }
    }

    fn read(&mut self) -> Result<(), StreamError> {
        let top = self.list.first(&mut self.inlet)?;
        let is_empty = top.listed == 0;
        let mut session = Session {
            segments: VecDeque::new(),
            numbers: NdxReader::new(self.agreement.protocol),
            tokens: TokenDecoder::new(self.agreement.compression.codec, self.agreement.protocol),
            receiver: None,
            small: Arc::new(SmallFiles::new(self.agreement)),
        };
        if is_empty && !self.is_server {
            // A server that has nothing to send ends here, and answers nothing.
            self.queue.end(true);
            self.inlet.read_to_end();
            for _ in 0..=self.agreement.protocol.phases() {
                self.requests.phase_ended();
            }
            self.requests.all_read();
            return Ok(());
        }
        self.begin(&mut session, top);
        if !self.agreement.protocol.is_incremental() {
            self.list_is_complete();
        }
        self.read_phases(&mut session)?;
        session.write_small_files(&self.ctx);
        if !self.is_server {
            let counted = Statistics::take(&mut self.inlet, self.agreement.protocol)?;
            super::stats::take_statistics(&self.ctx, &counted);
        }
        if self.agreement.protocol.has_long_goodbye() {
            self.read_goodbye(&mut session)?;
        }
        self.requests.all_read();
        Ok(())
    }

    fn list_is_complete(&self) {
        self.ctx.tally().totals.list_complete = true;
        self.queue.end(true);
    }

    fn begin(&self, session: &mut Session, segment: Arc<Segment>) {
        self.requests.begin(&segment);
        session.segments.push_back(segment.clone());
        self.queue.send(segment);
    }

    fn read_phases(&mut self, session: &mut Session) -> Result<(), StreamError> {
        let mut phase = 0;
        loop {
            match session.numbers.take(&mut self.inlet)? {
                Ndx::Done => {
                    if self.part_is_done(session) {
                        continue;
                    }
                    phase += 1;
                    session.write_small_files(&self.ctx);
                    let ended = if phase == 1 {
                        Phase::List
                    } else {
                        Phase::Again
                    };
                    while self.requests.is_replay() {
                        let missing = self.requests.wait_for_all_asked();
                        if missing.is_empty() {
                            break;
                        }
                        self.give_up(session, missing)?;
                    }
                    self.give_up_unanswered(session, ended)?;
                    self.requests.phase_ended();
                    if phase > self.agreement.protocol.phases() {
                        return Ok(());
                    }
                }
                Ndx::ListEnd if self.agreement.protocol.is_incremental() => self.list_is_complete(),
                Ndx::List(directory) if self.agreement.protocol.is_incremental() => {
                    if self.queue.waiting() > FAR_AHEAD {
                        let text = "the file list runs too far ahead of the transfer [receiver]";
                        return Err(wire::Error::misbehaving(text).into());
                    }
                    let segment = self.list.content_of(&mut self.inlet, directory)?;
                    self.begin(session, segment);
                }
                Ndx::Deletions => self.read_deletions()?,
                Ndx::File(number) => {
                    let item = Item::take(&mut self.inlet, self.agreement.protocol)?;
                    // Where there are keep-alives of this kind there is one segment.
                    let listed = session.segments.front().map_or(0, |s| s.listed);
                    if item.is_keep_alive(self.agreement.protocol, Ndx::File(number), listed as u32)
                    {
                        continue;
                    }
                    self.item(session, number, item)?;
                }
                other => {
                    let text = format!("Invalid file index: {other:?} [receiver]");
                    return Err(wire::Error::misbehaving(text).into());
                }
            }
        }
    }

    fn read_deletions(&mut self) -> Result<(), StreamError> {
        // They are our own, which the other side sends back.
        Deletions::take(&mut self.inlet)?;
        Ok(())
    }

    /// The other side is done with a part of an incremental list that is not the last one.
    fn part_is_done(&self, session: &mut Session) -> bool {
        if !self.agreement.protocol.is_incremental() {
            return false;
        }
        let first = session.segments.pop_front();
        if let Some(first) = first {
            let end = first.first_index + first.listed;
            self.ctx.narrator.part_end(end, || self.ctx.totals());
        }
        !session.segments.is_empty()
    }

    /// What was asked for in a phase that has ended and did not come will not come.
    fn give_up_unanswered(
        &mut self,
        session: &mut Session,
        ended: Phase,
    ) -> Result<(), StreamError> {
        let missing = self.requests.take_unanswered(ended);
        self.give_up(session, missing)
    }

    fn give_up(&mut self, session: &mut Session, missing: Vec<Missing>) -> Result<(), StreamError> {
        for Missing { entry, job } in missing {
            if self.requests.is_replay() {
                let again = match &job {
                    Some(job) if job.attempt == Attempt::Again => " resend of",
                    _ => "",
                };
                let name = entry.entry().path();
                let text = line!("(No batched update for", again, " \"", name, "\")");
                self.ctx.transfer_error(Role::Receiver, text);
            }
            if let Some(job) = job {
                session
                    .receiver(&self.ctx, &self.receiver, &mut self.inlet)?
                    .not_sent(job);
            }
        }
        Ok(())
    }

    fn read_goodbye(&mut self, session: &mut Session) -> Result<(), StreamError> {
        loop {
            match session.numbers.take(&mut self.inlet)? {
                Ndx::Done => return Ok(()),
                Ndx::Deletions => self.read_deletions()?,
                other => {
                    let text = format!("Invalid packet at end of run ({other:?}) [receiver]");
                    return Err(wire::Error::misbehaving(text).into());
                }
            }
        }
    }

    fn item(&mut self, session: &mut Session, number: u32, item: Item) -> Result<(), StreamError> {
        let entry = session.entry(number)?;
        let protocol = self.agreement.protocol;
        let brings_xattrs = self.exchanges_xattrs && item.xattrs_follow(protocol);
        if brings_xattrs {
            self.take_xattrs(entry.entry())?;
        }
        let flags = ItemFlags::of_wire(&item, self.agreement.protocol);
        let transfers = flags.contains(ItemFlags::TRANSFER);
        let Item { basis, name, .. } = item;
        // That of a transfer names a basis.
        let (basis_name, link_name) = if transfers {
            (name, None)
        } else {
            (None, name)
        };
        let record = ItemRecord {
            entry: entry.clone(),
            flags,
            link_name: link_name.map(Into::into),
            checksum: self.agreement.listed_sum(entry.entry()),
        };
        if !transfers {
            self.ctx.narrator.item(record);
            if brings_xattrs {
                self.wait_to_know(session, &entry, number)?;
                if let Some(at) = self.requests.take_late(number) {
                    let receiver = session.receiver(&self.ctx, &self.receiver, &mut self.inlet)?;
                    receiver.set_late_xattrs(entry.entry(), &at, None);
                }
            }
            return Ok(());
        }
        self.wait_to_know(session, &entry, number)?;
        let unasked = || {
            let text = format!("a file comes that was not asked for: {number} [receiver]");
            Err(wire::Error::misbehaving(text).into())
        };
        if self.requests.is_dry_run() {
            let (is_replay, only_writes) = (self.requests.is_replay(), self.requests.only_writes());
            if (is_replay || only_writes) && !self.requests.take_pretended(number) {
                return match is_replay {
                    true => self.skip(session, &entry),
                    false => unasked(),
                };
            }
            self.ctx.narrator.pretended(record);
            // What a client only writes down it keeps for itself: its server sees none of it.
            return match is_replay || (only_writes && !self.is_server) {
                true => self.discard(session),
                false => Ok(()),
            };
        }
        let Some(mut job) = self.requests.take(number) else {
            if self.requests.is_replay() {
                return self.skip(session, &entry);
            }
            return unasked();
        };
        if !self.requests.is_replay() {
            self.check_basis(&job, basis, basis_name.as_deref())?;
        }
        job.place = self.ctx.narrator.transfer(record);
        self.content(session, job)
    }

    /// What a file is compared with is this side's choice; the other side repeats it.
    // rsync: receiver.c recv_files(), the choice of fnamecmp
    fn check_basis(
        &self,
        job: &Job,
        told: Option<wire::item::Basis>,
        name: Option<&[u8]>,
    ) -> Result<(), StreamError> {
        use wire::item::Basis::{AlternateDir, Fuzzy};
        let asked = match &job.basis {
            Basis::Elsewhere(asked) => (Some(asked.kind), asked.similar_name()),
            _ => (None, None),
        };
        let o = &self.ctx.options;
        let dirs = o.alt_dest.as_ref().map_or(0, |alt| alt.dirs.len());
        let text = match told {
            Some(AlternateDir(at)) if usize::from(at) >= dirs => {
                format!("invalid basis_dir index: {at}.")
            }
            Some(Fuzzy(_)) if o.fuzzy == 0 => {
                let name = job.entry.entry().path();
                let name = String::from_utf8_lossy(&name);
                format!("refusing malicious fuzzy operation for {name}")
            }
            Some(AlternateDir(_)) if told == asked.0 => return Ok(()),
            Some(Fuzzy(_)) if (told, name) == asked => return Ok(()),
            Some(AlternateDir(_) | Fuzzy(_)) => {
                format!(
                    "the basis of a file is not the one that was asked for: {told:?} [receiver]"
                )
            }
            _ => return Ok(()),
        };
        Err(wire::Error::misbehaving(text).into())
    }

    /// In a batch file, waits until it is known whether what comes is wanted.
    fn wait_to_know(
        &mut self,
        session: &mut Session,
        entry: &EntryRef,
        number: u32,
    ) -> Result<(), StreamError> {
        while self.requests.is_replay() {
            // A directory's turn comes with its content.
            let ordinal = entry.content.as_ref().unwrap_or(&entry.segment).ordinal();
            let missing = self.requests.wait_to_know(number, ordinal);
            if missing.is_empty() {
                break;
            }
            self.give_up(session, missing)?;
        }
        Ok(())
    }

    /// Takes the values of attributes that were asked for with this item or with one of an entry that
    /// has the same.
    // rsync: xattrs.c recv_xattr_request()
    fn take_xattrs(&mut self, entry: &Entry) -> Result<(), StreamError> {
        let mut prior = 0;
        let mut value = Vec::new();
        while let Some(number) = wanted(&mut self.inlet, &mut prior, MAX_COUNT as usize)? {
            let long = entry.xattrs().and_then(|list| list.long(number));
            let is_replay = self.requests.is_replay();
            let Some(long) = long.filter(|l| l.is_awaited() || (is_replay && l.known().is_none()))
            else {
                let text = line!("could not find xattr #", number.to_string(), " for ");
                let text = line!(text, entry.path());
                let text = String::from_utf8_lossy(&text).into_owned();
                return Err(wire::Error::misbehaving(text).into());
            };
            take_value(&mut self.inlet, &mut value)?;
            self.list.take_memory(value.len() as u64)?;
            long.arrived(value[..].into());
        }
        Ok(())
    }

    /// Content that nobody wants.
    fn skip(&mut self, session: &mut Session, entry: &EntryRef) -> Result<(), StreamError> {
        let name = entry.entry().path();
        let text = line!("(Skipping batched update for \"", name, "\")");
        self.ctx.info(Role::Receiver, text);
        self.discard(session)
    }

    /// Reads content for nothing.
    // rsync: receiver.c discard_receive_data()
    fn discard(&mut self, session: &mut Session) -> Result<(), StreamError> {
        let digest_len = self.agreement.checksum.digest_len();
        let layout = self.take_layout()?;
        let mut content = Content {
            inlet: &mut self.inlet,
            tokens: &mut session.tokens,
            digest_len,
            copying: None,
        };
        discard(&mut content, layout)
    }

    /// How the basis is cut that content refers to.
    fn take_layout(&mut self) -> Result<BlockLayout, StreamError> {
        let (protocol, sum) = (self.agreement.protocol, self.agreement.checksum);
        let head = sum_head(&mut self.inlet, protocol, sum.digest_len())?;
        let layout = BlockLayout::from_head(super::sums::to_delta(head), sum, protocol.version());
        Ok(layout.map_err(super::sums::refused)?)
    }

    fn content(&mut self, session: &mut Session, job: Job) -> Result<(), StreamError> {
        let digest_len = self.agreement.checksum.digest_len();
        let layout = self.take_layout()?;
        let receiver = session.receiver(&self.ctx, &self.receiver, &mut self.inlet)?;
        let mut content = Content {
            inlet: &mut self.inlet,
            tokens: &mut session.tokens,
            digest_len,
            copying: None,
        };
        let mut begun = Vec::new();
        if receiver.is_small(&job) {
            let most = 2 * job.entry.entry().size as usize;
            // A file that grew is put together like a large one.
            let mut len = 0;
            while len <= most {
                match content.next()? {
                    Piece::Literal(bytes) => len = session.small.extend(bytes),
                    Piece::Block(block) => {
                        content.put_back(block);
                        break;
                    }
                    Piece::End => {
                        let expected = content.inlet.take(digest_len)?;
                        let expected = Digest::from_bytes(self.agreement.checksum, expected);
                        if session.small.end(job, expected) {
                            session.write_small_files(&self.ctx);
                        }
                        return Ok(());
                    }
                }
            }
            begun = session.small.take_begun();
        }
        let plan = Plan {
            layout,
            sum: self.agreement.file_sum(),
        };
        receiver.arrive(&job, plan, &begun, &mut content)
    }
}

/// What the reader keeps from one message to the next.
struct Session {
    segments: VecDeque<Arc<Segment>>,
    numbers: NdxReader,
    tokens: TokenDecoder,
    receiver: Option<Arc<Receiver>>,
    small: Arc<SmallFiles>,
}

impl Session {
    fn entry(&self, number: u32) -> Result<EntryRef, StreamError> {
        let number = u64::from(number);
        let at = self
            .segments
            .partition_point(|s| s.wire_start() <= number + 1)
            .checked_sub(1);
        at.and_then(|at| self.segments.get(at))
            .and_then(|segment| segment.by_wire_number(number))
            .ok_or_else(|| {
                wire::Error::misbehaving(format!("Invalid file index: {number} [receiver]")).into()
            })
    }

    /// Where content goes. The first to come may have to wait until the destination is known.
    fn receiver(
        &mut self,
        ctx: &Arc<Context>,
        destined: &Destined,
        inlet: &mut Inlet,
    ) -> Result<Arc<Receiver>, StreamError> {
        if self.receiver.is_none() {
            // Who would have said where has ended the session.
            let receiver = destined.wait().clone().ok_or(StreamError::Ended)?;
            let (small, ctx, writer) = (self.small.clone(), ctx.clone(), receiver.clone());
            inlet.before_waiting(move || SmallFiles::write(&small, &ctx, &writer));
            self.receiver = Some(receiver);
        }
        self.receiver.clone().ok_or(StreamError::Ended)
    }

    fn write_small_files(&mut self, ctx: &Context) {
        if let Some(receiver) = &self.receiver {
            SmallFiles::write(&self.small, ctx, receiver);
        }
    }
}

/// One file's content, as tokens of the stream.
struct Content<'a> {
    inlet: &'a mut Inlet,
    tokens: &'a mut TokenDecoder,
    digest_len: usize,
    /// Blocks that are still to be given out, one by one: the next, and how many.
    copying: Option<(u32, u32)>,
}

impl Content<'_> {
    /// Has a block that was given out come again.
    fn put_back(&mut self, block: u32) {
        let left = self.copying.map_or(0, |(_, left)| left);
        self.copying = Some((block, left + 1));
    }
}

impl Arrival for Content<'_> {
    type Error = StreamError;

    fn next(&mut self) -> Result<Piece<'_>, StreamError> {
        if let Some((block, left)) = self.copying {
            self.copying = (left > 1).then_some((block.saturating_add(1), left - 1));
            return Ok(Piece::Block(block));
        }
        match self.tokens.next(self.inlet)? {
            Token::Literal(bytes) => Ok(Piece::Literal(bytes)),
            Token::Copy { first, count } => {
                self.copying = (count > 1).then_some((first.saturating_add(1), count - 1));
                Ok(Piece::Block(first))
            }
            Token::End => Ok(Piece::End),
        }
    }

    fn digest(&mut self) -> Result<Vec<u8>, StreamError> {
        Ok(self.inlet.take(self.digest_len)?.to_vec())
    }

    fn wants_copied(&self) -> bool {
        self.tokens.wants_matched()
    }

    fn copied(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        self.tokens.matched(bytes);
        Ok(())
    }
}
