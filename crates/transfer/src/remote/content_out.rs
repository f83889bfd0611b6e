//! A file's content on its way out: what the other side lacks as bytes, the rest as numbers of blocks.
// rsync: sender.c send_files(), match.c match_sums()

use super::outlet::Outlet;
use super::request_queue::Basis;
use super::sending::{ROLE, Sending};
use super::sums::to_wire;
use crate::error::SessionError;
use crate::item::ItemFlags;
use crate::narrator::{ItemRecord, Moved, PlaceId};
use crate::segment::EntryRef;
use crate::sender::content::{Content, Purpose};
use delta::{BasisUse, CopyRun, Digest, Feed, FileSum, MatchStats, Matcher, Seam, TokenSink};
use fast_io::offload::read_small;
use fast_io::{Buffer, ReadAhead, SharedFile};
use options::Append;
use std::convert::Infallible;
use std::ops::Range;
use tree::entry::Entry;
use wire::Ndx;
use wire::item::{Basis as BasisKind, Item};
use wire::message::MessageCode;
use wire::sums::put_sum_head;
use wire::token::TokenEncoder;

/// Reads in flight for one file.
const READ_DEPTH: usize = 4;
/// What is sent off at a time.
const SEND: usize = 256 * 1024;
/// Up to this size a file is read at once.
const SMALL: usize = 128 * 1024;
/// From this size on a file is compressed on several threads, if the user does not say otherwise.
const LONG: u64 = 4 * 1024 * 1024;
const MOST_THREADS: usize = 4;

impl Sending {
    /// Sends a file's content, or says that it cannot be had.
    pub(super) fn transfer(
        &mut self,
        entry: &EntryRef,
        number: u32,
        item: Item,
        basis: Basis,
    ) -> Result<(), SessionError> {
        let again = self.was_sent(number);
        let file = entry.entry();
        let record = ItemRecord {
            entry: entry.clone(),
            flags: ItemFlags::of_wire(&item, self.agreement.protocol),
            link_name: None,
            checksum: self.agreement.listed_sum(file),
        };
        self.count(&record, true);
        if !matches!(&self.parent, Some((last, _)) if last.entry().is_beside(file)) {
            self.parent = Some((entry.clone(), self.sender.open_parent(file)));
        }
        let mut small = std::mem::take(&mut self.small);
        let purpose = match (&basis.signature, self.ctx.options.append) {
            (None, Append::No) => Purpose::Copy(&mut small),
            _ => Purpose::Stream,
        };
        let content = self
            .parent
            .as_ref()
            .and_then(|(_, dir)| self.sender.open_content(dir, file, purpose));
        let Some(content) = content else {
            self.small = small;
            if self.agreement.protocol.is_packed() {
                let number = (number as i32).to_le_bytes();
                self.outlet.message(MessageCode::NoSend, &number);
            }
            return Ok(());
        };
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        self.numbers.put(&mut out, Ndx::File(number));
        let updates_basis = self.updates_basis(&item);
        self.put_item(&mut out, file, &item);
        if self.goes_aside {
            self.outlet.data(&out);
            out.clear();
        }
        put_sum_head(&mut out, &to_wire(basis.layout.head()));

        let narrator = &self.ctx.narrator;
        let place = narrator.transfer(record);
        narrator.begin(place, file, || self.ctx.totals());
        let sent_before = self.outlet.accepted();
        let transfer = Outgoing {
            file,
            place,
            basis,
            updates_basis,
            again,
        };
        let moved = self.send_content(transfer, content, out);
        self.small = small;
        let totals = || {
            let mut tally = self.ctx.tally();
            tally.totals.transferred_files += 1;
            tally.totals.files_done += 1;
            tally.totals
        };
        let moved = Moved {
            sent_bytes: self.outlet.accepted() - sent_before,
            ..moved
        };
        self.ctx.narrator.end(place, file, Some(moved), totals);
        self.is_sent(number);
        self.ctx.check_stopped(ROLE)
    }

    /// Whether the other side changes its old file while it reads from it.
    // rsync: sender.c, updating_basis_file
    fn updates_basis(&self, item: &Item) -> BasisUse {
        let o = &self.ctx.options;
        let in_partial_dir = item.basis == Some(BasisKind::PartialDir);
        let inplace = if self.agreement.protocol.has_items() {
            o.inplace && item.basis.is_none()
        } else {
            o.inplace && !o.backup
        };
        let partial = self
            .agreement
            .protocol
            .flags()
            .contains(wire::CompatFlags::INPLACE_PARTIAL_DIR)
            && in_partial_dir;
        if inplace || partial {
            BasisUse::InPlace
        } else {
            BasisUse::Separate
        }
    }

    fn send_content(
        &mut self,
        transfer: Outgoing<'_>,
        content: Content<'_>,
        mut out: Vec<u8>,
    ) -> Moved {
        let file = transfer.file;
        let append = self.ctx.options.append;
        let appends = append != Append::No && !transfer.again;
        let size = content.size;
        let start = if appends {
            transfer.basis.layout.file_len().min(size)
        } else {
            0
        };
        if size <= SMALL as u64 && start == 0 && transfer.basis.signature.is_none() {
            return self.send_whole(&transfer, &content, out);
        }
        let block_len = transfer.basis.layout.block_len() as usize;
        let mut sum = self.agreement.file_sum();
        let mut fault = None;
        let mut pieces = if size <= SMALL as u64 && start == 0 {
            Pieces::Small(Some(self.read_small(&content)))
        } else {
            let mut pieces = self.read_ahead(content.file);
            if append == Append::AppendVerify {
                pieces.restart(0..start);
                for piece in &mut pieces {
                    match piece {
                        Ok(piece) => sum.update(&piece),
                        Err(e) => fault = Some(e),
                    }
                    self.ctx.control.sign_of_life();
                }
            }
            pieces.restart(start..size);
            Pieces::Ahead(pieces)
        };
        if transfer.basis.signature.is_none()
            && let Pieces::Ahead(pieces) = &mut pieces
            && matches!(self.tokens, TokenEncoder::Plain)
            && !self.goes_aside
        {
            self.outlet.data(&out);
            let sent = self.send_literals(&transfer, pieces, start..size, sum, fault);
            return sent;
        }
        let matcher = match (transfer.basis.signature, appends) {
            (Some(signature), false) => Matcher::new(signature, transfer.updates_basis),
            _ => Matcher::literal_only(),
        };
        self.set_compression(file, size);
        let mut matcher = matcher.with_file_sum(sum);
        let mut seam = Seam::new(matcher.least_window());
        let mut offset = start;
        for piece in &mut pieces {
            let piece = match piece {
                Ok(piece) => piece,
                Err(e) => {
                    fault = Some(e);
                    break;
                }
            };
            offset += piece.len() as u64;
            let feed = if offset == size {
                Feed::Last
            } else {
                Feed::More
            };
            let (tokens, outlet, goes_aside) = (&mut self.tokens, &self.outlet, self.goes_aside);
            let Ok(()) = seam.pass(&piece, feed, |window, feed| {
                let mut sink = Sink {
                    tokens,
                    out: &mut out,
                    outlet,
                    goes_aside,
                    window,
                    taken: 0,
                    block_len,
                };
                matcher.scan(window, feed, &mut sink)
            });
            let ctx = &self.ctx;
            ctx.control.sign_of_life();
            ctx.narrator
                .moving(transfer.place, file, offset, || ctx.totals());
            if self.is_in_vain() {
                break;
            }
        }
        let is_right = self.is_right(file, offset, size, fault);
        self.tokens.end(&mut out);
        let outcome = matcher.finish();
        let digest = outcome.file_sum;
        put_digest(&mut out, digest.as_ref(), is_right);
        self.send_off(out);
        self.count_content(&outcome.stats);
        Moved {
            bytes: outcome.stats.literal_bytes,
            checksum_bytes: 16,
            checksum: digest,
            sent_bytes: 0,
        }
    }

    /// How hard a file is compressed, and on how many threads.
    // rsync: token.c set_compression()
    fn set_compression(&mut self, file: &Entry, size: u64) {
        let compression = self.agreement.compression;
        let level = if self.skip.matches(file.basename()) {
            compression.codec.least_level()
        } else {
            compression.level
        };
        self.tokens.set_level(level);
        let is_long = size >= LONG && compression.threads == 0;
        self.tokens.set_workers(if is_long {
            processors()
        } else {
            compression.threads
        });
    }

    /// Sends a small file of which the other side has nothing: the search, and a sum that grows
    /// with the pieces, would cost more than all else.
    fn send_whole(
        &mut self,
        transfer: &Outgoing<'_>,
        content: &Content<'_>,
        mut out: Vec<u8>,
    ) -> Moved {
        let size = content.size;
        let (mut read, mut fault) = (Buffer::default(), None);
        let bytes = match content.bytes {
            Some(bytes) => bytes,
            None => {
                match self.read_small(content) {
                    Ok(buffer) => read = buffer,
                    Err(e) => fault = Some(e),
                }
                &read
            }
        };
        let len = bytes.len() as u64;
        self.set_compression(transfer.file, size);
        if len > 0 {
            self.tokens.literal(bytes, &mut out);
            let ctx = &self.ctx;
            ctx.control.sign_of_life();
            ctx.narrator
                .moving(transfer.place, transfer.file, len, || ctx.totals());
        }
        let is_right = self.is_right(transfer.file, len, size, fault);
        self.tokens.end(&mut out);
        let digest = self.agreement.sum_of(bytes);
        put_digest(&mut out, Some(&digest), is_right);
        self.send_off(out);
        self.count_content(&MatchStats {
            literal_bytes: len,
            ..MatchStats::default()
        });
        Moved {
            bytes: len,
            checksum_bytes: 16,
            checksum: Some(digest),
            sent_bytes: 0,
        }
    }

    /// Hands over what is left to say of a file.
    fn send_off(&mut self, out: Vec<u8>) {
        if self.goes_aside {
            self.outlet.aside(out);
        } else if out.len() < SMALL {
            self.outlet.data(&out);
            self.scratch = out;
        } else {
            self.outlet.owned_data(out);
        }
    }

    /// Sends content as it is, piece by piece.
    fn send_literals(
        &mut self,
        transfer: &Outgoing<'_>,
        pieces: &mut ReadAhead,
        range: Range<u64>,
        mut sum: FileSum,
        mut fault: Option<std::io::Error>,
    ) -> Moved {
        let ctx = &self.ctx;
        let mut offset = range.start;
        for piece in pieces {
            let piece = match piece {
                Ok(piece) => piece,
                Err(e) => {
                    fault = Some(e);
                    break;
                }
            };
            offset += piece.len() as u64;
            sum.update(&piece);
            self.outlet.literals(piece);
            ctx.control.sign_of_life();
            ctx.narrator
                .moving(transfer.place, transfer.file, offset, || ctx.totals());
            if ctx.control.is_stopped() || self.outlet.is_lost() {
                break;
            }
        }
        let mut out = Vec::new();
        self.tokens.end(&mut out);
        let digest = sum.finish();
        let is_right = self.is_right(transfer.file, offset, range.end, fault);
        put_digest(&mut out, Some(&digest), is_right);
        self.outlet.data(&out);
        let stats = MatchStats {
            literal_bytes: offset - range.start,
            ..MatchStats::default()
        };
        self.count_content(&stats);
        Moved {
            bytes: stats.literal_bytes,
            checksum_bytes: 16,
            checksum: Some(digest),
            sent_bytes: 0,
        }
    }

    /// Whether all of a file was read. Tells if not.
    fn is_right(
        &self,
        file: &Entry,
        read: u64,
        size: u64,
        mut fault: Option<std::io::Error>,
    ) -> bool {
        if read < size && fault.is_none() && !self.is_in_vain() {
            fault = Some(std::io::ErrorKind::UnexpectedEof.into());
        }
        let is_right = fault.is_none() && read == size;
        if let Some(e) = fault {
            self.sender.read_failed(file, e);
        }
        is_right
    }

    /// Nobody wants what is sent any more.
    fn is_in_vain(&self) -> bool {
        self.ctx.control.is_stopped() || self.outlet.is_lost()
    }

    /// Reads a small file at once: handing that over would cost more.
    fn read_small(&self, content: &Content<'_>) -> std::io::Result<Buffer> {
        let mut buffer = self.buffers.take();
        read_small(&content.file, &mut buffer, content.size as usize)?;
        Ok(buffer)
    }

    fn read_ahead(&self, file: std::fs::File) -> ReadAhead {
        ReadAhead::new(
            self.ctx.pump.clone(),
            SharedFile::new(file),
            0..0,
            self.buffers.clone(),
            READ_DEPTH,
        )
    }

    fn count_content(&mut self, stats: &MatchStats) {
        self.matches += *stats;
        let mut tally = self.ctx.tally();
        tally.stats.literal_data += stats.literal_bytes;
        tally.stats.matched_data += stats.matched_bytes;
        tally.totals.bytes_moved += stats.literal_bytes + stats.matched_bytes;
        tally.totals.bytes_done += stats.literal_bytes + stats.matched_bytes;
    }
}

/// Among how many threads a long file is shared out.
fn processors() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if processors > 1 {
        processors.min(MOST_THREADS) as u32
    } else {
        0
    }
}

/// The pieces of a file.
enum Pieces {
    Small(Option<std::io::Result<Buffer>>),
    Ahead(ReadAhead),
}

impl Iterator for Pieces {
    type Item = std::io::Result<Buffer>;

    fn next(&mut self) -> Option<std::io::Result<Buffer>> {
        match self {
            // Nothing is no piece.
            Pieces::Small(piece) => piece.take().filter(|p| !matches!(p, Ok(b) if b.is_empty())),
            Pieces::Ahead(pieces) => pieces.next(),
        }
    }
}

/// A file on its way out.
struct Outgoing<'a> {
    file: &'a Entry,
    place: PlaceId,
    basis: Basis,
    updates_basis: BasisUse,
    /// It was sent before, and did not arrive as it should.
    again: bool,
}

/// Puts what a search finds into the stream.
struct Sink<'a> {
    tokens: &'a mut TokenEncoder,
    out: &'a mut Vec<u8>,
    outlet: &'a Outlet,
    goes_aside: bool,
    /// What is searched, and how much of it has been dealt with.
    window: &'a [u8],
    taken: usize,
    /// Of the basis.
    block_len: usize,
}

impl TokenSink for Sink<'_> {
    type Error = Infallible;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.tokens.literal(bytes, self.out);
        self.taken += bytes.len();
        if self.out.len() >= SEND {
            let whole = std::mem::replace(self.out, Vec::with_capacity(SEND + 1024));
            if self.goes_aside {
                self.outlet.aside(whole);
            } else {
                self.outlet.owned_data(whole);
            }
        }
        Ok(())
    }

    fn copy(&mut self, run: CopyRun) -> Result<(), Infallible> {
        let bytes = &self.window[self.taken..][..run.len as usize];
        self.tokens.copy(run.first, run.count, self.out);
        if self.tokens.wants_matched() {
            bytes
                .chunks(self.block_len.max(1))
                .for_each(|block| self.tokens.matched(block));
        }
        self.taken += bytes.len();
        Ok(())
    }
}

/// The sum of a file that could be read; else one that is certainly wrong.
// rsync: match.c match_sums(), the end
fn put_digest(out: &mut Vec<u8>, digest: Option<&Digest>, is_right: bool) {
    let Some(digest) = digest else { return };
    let at = out.len();
    out.extend_from_slice(digest.as_bytes());
    if !is_right {
        let sum = &mut out[at..];
        let is_zero = sum.iter().all(|&b| b == 0);
        sum.fill(0);
        if let (true, Some(last)) = (is_zero, sum.last_mut()) {
            *last = 1;
        }
    }
}
