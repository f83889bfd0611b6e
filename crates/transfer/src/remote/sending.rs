//! The sending side of a session over the wire: hands over the list as far ahead as is useful, and
//! answers requests in their order.
// rsync: sender.c send_files(), flist.c send_extra_file_list(), main.c read_final_goodbye()

use super::StreamError;
use super::agreement::Agreement;
use super::list_out::ListWriter;
use super::outlet::Outlet;
use super::request_queue::{Request, RequestQueue};
use super::skip_compress::SkipCompress;
use crate::context::{Context, line};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use crate::item::ItemFlags;
use crate::link::{Next, SegmentQueue};
use crate::narrator::ItemRecord;
use crate::segment::{EntryRef, Segment};
use crate::sender::Sender;
use crate::xattrs;
use delta::MatchStats;
use fast_io::{Buffer, BufferPool};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use tree::entry::Entry;
use tree::xattrs::LongValue;
use wire::Ndx;
use wire::flist::xattr::{put_value, put_wanted, put_wanted_end};
use wire::item::Item;
use wire::message::MessageCode;
use wire::ndx::NdxWriter;
use wire::stats::Statistics;
use wire::token::TokenEncoder;

pub(super) const ROLE: Role = Role::Sender;

/// Hands over the list and answers requests.
pub(crate) struct Sending {
    pub(super) ctx: Arc<Context>,
    pub(super) sender: Arc<Sender>,
    list: Arc<SegmentQueue>,
    pub(super) outlet: Arc<Outlet>,
    requests: Arc<RequestQueue>,
    /// Those whose turn comes next.
    next: VecDeque<Request>,
    pub(super) agreement: Agreement,
    is_server: bool,
    exchanges_xattrs: bool,
    /// Content goes into a batch file instead of to the other side.
    pub(super) goes_aside: bool,
    writer: ListWriter,
    pub(super) numbers: NdxWriter,
    pub(super) tokens: TokenEncoder,
    /// What is not worth compressing.
    pub(super) skip: SkipCompress,
    pub(super) buffers: BufferPool,
    /// What one file after the other is put together in.
    pub(super) scratch: Vec<u8>,
    /// What one small file after the other is read into.
    pub(super) small: Buffer,
    /// Segments that were handed over and are not done with.
    segments: VecDeque<Arc<Segment>>,
    /// How many entries were handed over.
    handed_over: u64,
    /// Up to which entry the receiving side is.
    reached: u64,
    list_ended: bool,
    /// Files that were sent once: the second time they are sent without taking anything for granted.
    sent: HashSet<u32>,
    pub(super) matches: MatchStats,
    /// What the other side knows of errors in the source.
    told_errors: u8,
    /// The directory of the file that was opened last.
    pub(super) parent: Option<(EntryRef, std::io::Result<fast_io::dir::Dir>)>,
}

/// How far ahead of the receiving side the list is kept, and how far it may be.
// rsync: rsync.h MIN_FILECNT_LOOKAHEAD, MAX_FILECNT_LOOKAHEAD
const LEAST_AHEAD: u64 = 1_000;
const MOST_AHEAD: u64 = 10_000;

impl Sending {
    pub fn new(
        sender: Arc<Sender>,
        list: Arc<SegmentQueue>,
        outlet: Arc<Outlet>,
        requests: Arc<RequestQueue>,
        agreement: Agreement,
        is_server: bool,
    ) -> Sending {
        let ctx = sender.ctx.clone();
        Sending {
            exchanges_xattrs: xattrs::are_exchanged(&ctx.options),
            goes_aside: !is_server && ctx.options.only_writes_batch(),
            writer: ListWriter::new(
                agreement.list_rules(&ctx.options),
                agreement.list_charset(ctx.charset.as_ref()),
            ),
            numbers: NdxWriter::new(agreement.protocol),
            tokens: TokenEncoder::new(agreement.compression, agreement.protocol),
            skip: SkipCompress::parse(ctx.options.compress.skip.as_deref().unwrap_or_default()),
            buffers: BufferPool::new(256 * 1024, 16),
            scratch: Vec::new(),
            small: sender.small_buffer(),
            ctx,
            sender,
            list,
            outlet,
            requests,
            next: VecDeque::new(),
            agreement,
            is_server,
            segments: VecDeque::new(),
            handed_over: 0,
            reached: 0,
            list_ended: false,
            sent: HashSet::new(),
            matches: MatchStats::default(),
            told_errors: 0,
            parent: None,
        }
    }

    /// Runs to the end of the session. The error has been told.
    pub fn run(mut self) -> Result<(), SessionError> {
        let result = self.session();
        self.list.abandon();
        result
    }

    fn session(&mut self) -> Result<(), SessionError> {
        let Some(top) = self.list.receive() else {
            return Err(self.list_failed());
        };
        let is_empty = top.entries.is_empty();
        self.hand_over(top)?;
        if is_empty && self.is_server {
            // The client asks for nothing then.
            return Ok(());
        }
        let mut phase = 0;
        loop {
            let request = self.next_request()?;
            match request {
                Request::Done => {
                    if self.part_is_done() {
                        continue;
                    }
                    phase += 1;
                    if phase > self.agreement.protocol.phases() {
                        break;
                    }
                    self.done();
                }
                Request::Transfer(..) if phase > 1 => {
                    return Err(self.misbehaved("got transfer request in phase 2 [sender]"));
                }
                other => self.answer(other)?,
            }
        }
        self.ctx.report_matches(&self.matches);
        self.tell_errors();
        self.done();
        self.say_goodbye()
    }

    fn answer(&mut self, request: Request) -> Result<(), SessionError> {
        match request {
            Request::Item(number, item, _)
                if item.is_keep_alive(
                    self.agreement.protocol,
                    Ndx::File(number),
                    self.handed_over as u32,
                ) => {}
            Request::Item(number, item, values) => {
                let entry = self.entry(number)?;
                self.want(entry.entry(), &values)?;
                self.item(&entry, number, item);
            }
            Request::Transfer(number, item, basis, values) => {
                let entry = self.entry(number)?;
                self.want(entry.entry(), &values)?;
                if !entry.entry().is_regular() {
                    let text =
                        format!("received request to transfer non-regular file: {number} [sender]");
                    return Err(self.misbehaved(&text));
                }
                self.transfer(&entry, number, item, *basis)?;
            }
            Request::Success(number) => {
                let entry = self.entry(number)?;
                self.sender.remove_source(entry.entry(), None);
            }
            Request::Deleted(deleted) => {
                super::stats::take_deletions(&mut self.ctx.tally().stats.deleted, &deleted);
                if self.is_server {
                    let mut out = Vec::new();
                    self.numbers.put(&mut out, Ndx::Deletions);
                    deleted.put(&mut out);
                    self.outlet.data(&out);
                }
            }
            Request::Done => {}
        }
        Ok(())
    }

    /// An entry that needs no content, or of which none is wanted.
    fn item(&mut self, entry: &EntryRef, number: u32, item: Item) {
        let mut out = Vec::new();
        self.numbers.put(&mut out, Ndx::File(number));
        self.put_item(&mut out, entry.entry(), &item);
        self.outlet.data(&out);
        let flags = ItemFlags::of_wire(&item, self.agreement.protocol);
        let transfers = flags.contains(ItemFlags::TRANSFER);
        let record = ItemRecord {
            entry: entry.clone(),
            flags,
            // That of a transfer names a basis.
            link_name: item.name.filter(|_| !transfers).map(Into::into),
            checksum: self.agreement.listed_sum(entry.entry()),
        };
        self.count(&record, transfers);
        if transfers {
            self.ctx.narrator.pretended(record);
        } else {
            self.ctx.narrator.item(record);
        }
    }

    /// Takes note of which values of an entry's attributes the other side asks for.
    // rsync: xattrs.c recv_xattr_request()
    fn want(&self, entry: &Entry, values: &[u32]) -> Result<(), SessionError> {
        for number in values {
            let long = entry.xattrs().and_then(|list| list.long(*number));
            if !long.is_some_and(LongValue::want) {
                let start = format!("could not find xattr #{number} for ");
                let text = line!("[sender] ", start, entry.path());
                return Err(self.ctx.fatal(Fatal::Protocol, ROLE, text));
            }
        }
        Ok(())
    }

    /// Appends an item, and the values that were asked for with it. They are as they are now.
    // rsync: sender.c write_ndx_and_attrs(); xattrs.c send_xattr_request()
    pub(super) fn put_item(&self, out: &mut Vec<u8>, entry: &Entry, item: &Item) {
        item.put(out, self.agreement.protocol);
        if !self.exchanges_xattrs || !item.xattrs_follow(self.agreement.protocol) {
            return;
        }
        let mut prior = 0;
        for wanted in entry.xattrs().iter().flat_map(|list| list.take_wanted()) {
            put_wanted(out, &mut prior, wanted.number);
            let value = self.sender.xattr_value(entry, &wanted.name);
            put_value(out, &value.unwrap_or_default());
        }
        put_wanted_end(out);
    }

    pub(super) fn count(&self, record: &ItemRecord, transfers: bool) {
        let file = record.entry.entry();
        let mut tally = self.ctx.tally();
        if record.flags.contains(ItemFlags::IS_NEW) {
            tally.stats.created.add(file.mode());
        }
        if transfers {
            tally.stats.transferred_files += 1;
            tally.stats.transferred_size += file.size;
        }
    }

    /// Whether a file was sent before; it counts as sent from now on.
    pub(super) fn was_sent(&self, number: u32) -> bool {
        self.sent.contains(&number)
    }

    pub(super) fn is_sent(&mut self, number: u32) {
        self.sent.insert(number);
    }

    /// The entry of a number that the other side knows.
    fn entry(&mut self, number: u32) -> Result<EntryRef, SessionError> {
        let number = u64::from(number);
        let at = self
            .segments
            .partition_point(|s| s.wire_start() <= number + 1)
            .checked_sub(1);
        let found = at
            .and_then(|at| self.segments.get(at))
            .and_then(|segment| segment.by_wire_number(number));
        match found {
            Some(entry) => {
                let segment = entry.content.as_ref().unwrap_or(&entry.segment);
                self.reached = self.reached.max(segment.first_index + segment.listed);
                Ok(entry)
            }
            None => Err(self.misbehaved(&format!("Invalid file index: {number} [sender]"))),
        }
    }

    /// What comes next. Until it comes, more of the list is handed over.
    fn next_request(&mut self) -> Result<Request, SessionError> {
        loop {
            self.ctx.check_stopped(ROLE)?;
            let ahead = self.handed_over.saturating_sub(self.reached);
            if !self.list_ended && ahead < LEAST_AHEAD {
                match self.list.receive() {
                    Some(segment) => self.hand_over(segment)?,
                    None => self.end_list()?,
                }
                continue;
            }
            if let Some(request) = self.next.pop_front() {
                return Ok(request);
            }
            if let Err(why) = self.requests.take(&mut self.next) {
                return Err(why.tell(&self.ctx, ROLE));
            }
            if !self.next.is_empty() {
                continue;
            }
            self.outlet.flush();
            if self.list_ended || ahead >= MOST_AHEAD {
                let control = self.ctx.control.clone();
                let requests = self.requests.clone();
                self.list
                    .wait_until(|| requests.is_ready() || control.is_stopped());
                continue;
            }
            let requests = self.requests.clone();
            let control = self.ctx.control.clone();
            match self
                .list
                .receive_or(|| requests.is_ready() || control.is_stopped())
            {
                Next::Segment(segment) => self.hand_over(segment)?,
                Next::News => {}
                Next::End => self.end_list()?,
            }
        }
    }

    fn hand_over(&mut self, segment: Arc<Segment>) -> Result<(), SessionError> {
        let mut out = Vec::new();
        // What was met further down, while this waited, must not keep anything from being deleted here.
        let is_whole = !self.agreement.protocol.is_incremental();
        let errors = if segment.after_errors || is_whole {
            self.ctx.problems.sending_bits()
        } else {
            self.told_errors
        };
        let told = if errors == self.told_errors || self.ctx.options.ignore_errors {
            0
        } else {
            errors
        };
        let is_first = self.handed_over == 0 && self.segments.is_empty();
        self.writer
            .put(&mut out, &mut self.numbers, &segment, told.into())
            .map_err(|e| StreamError::from(e).tell(&self.ctx, ROLE))?;
        if self.agreement.protocol.has_safe_list_end() || !self.agreement.protocol.is_packed() {
            self.told_errors = errors;
        } else if errors != self.told_errors {
            self.tell_errors();
        }
        self.ctx.tally().stats.list_size += out.len() as u64;
        self.handed_over += segment.listed;
        if is_first {
            self.reached = 0;
        }
        self.segments.push_back(segment);
        self.outlet.owned_data(out);
        if !self.agreement.protocol.is_incremental() {
            self.list_ended = true;
            self.outlet.flush();
        }
        Ok(())
    }

    fn end_list(&mut self) -> Result<(), SessionError> {
        if self.list.is_broken() {
            return Err(self.list_failed());
        }
        self.list_ended = true;
        let mut out = Vec::new();
        self.numbers.put(&mut out, Ndx::ListEnd);
        self.outlet.data(&out);
        self.outlet.flush();
        Ok(())
    }

    /// The other side is done with a part of an incremental list that is not the last one.
    fn part_is_done(&mut self) -> bool {
        let protocol = self.agreement.protocol;
        if !protocol.is_incremental() {
            return false;
        }
        let Some(first) = self.segments.pop_front() else {
            return false;
        };
        let end = first.first_index + first.listed;
        self.reached = self.reached.max(end);
        self.ctx.narrator.part_end(end, || self.ctx.totals());
        if self.segments.is_empty() {
            return false;
        }
        self.done();
        true
    }

    fn done(&mut self) {
        let mut out = Vec::new();
        self.numbers.put(&mut out, Ndx::Done);
        self.outlet.data(&out);
        self.outlet.flush();
    }

    /// Tells the other side of errors that it has not heard of.
    fn tell_errors(&mut self) {
        let errors = self.ctx.problems.sending_bits();
        if errors != self.told_errors && self.agreement.protocol.is_packed() {
            self.told_errors = errors;
            let errors = i32::from(errors).to_le_bytes();
            self.outlet.message(MessageCode::IoError, &errors);
        }
    }

    // rsync: main.c handle_stats(), read_final_goodbye()
    fn say_goodbye(&mut self) -> Result<(), SessionError> {
        let protocol = self.agreement.protocol;
        {
            let stats = self.ctx.tally().stats;
            let mut out = Vec::new();
            let statistics = Statistics {
                read: self.requests.read(),
                written: self.outlet.accepted(),
                size: stats.total_size,
                list_build: (stats.list_seconds * 1000.0) as u64,
                list_transfer: (stats.list_transfer_seconds * 1000.0) as u64,
            };
            statistics.put(&mut out, protocol);
            if self.is_server {
                self.outlet.data(&out);
                self.outlet.flush();
            } else {
                // Whoever reads a batch file is a client that receives.
                self.outlet.aside(out);
            }
        }
        if protocol.has_long_goodbye() {
            self.wait_for_done()?;
            self.done();
        }
        self.wait_for_done()
    }

    fn wait_for_done(&mut self) -> Result<(), SessionError> {
        loop {
            match self.next_request()? {
                Request::Done => return Ok(()),
                request @ (Request::Success(_) | Request::Deleted(_)) => self.answer(request)?,
                _ => return Err(self.misbehaved("Invalid packet at end of run [sender]")),
            }
        }
    }

    fn misbehaved(&self, text: &str) -> SessionError {
        self.ctx.fatal(Fatal::Protocol, ROLE, line!(text))
    }

    /// The list broke off; whoever made it has told why.
    fn list_failed(&self) -> SessionError {
        SessionError {
            kind: Fatal::Interrupted,
            role: ROLE,
        }
    }
}
