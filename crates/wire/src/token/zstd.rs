//! Tokens whose literals are Zstandard: one stream for the session, flushed before each run of
//! blocks and at the end of each file.
// rsync: token.c send_zstd_token(), recv_zstd_token()

use std::fmt;

use zstd_safe::zstd_sys::ZSTD_EndDirective::{self, ZSTD_e_continue, ZSTD_e_end, ZSTD_e_flush};
use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer};

use super::Token;
use super::frame::{Chunk, Frame, FrameDecoder, RunEncoder, put_data};
use crate::{Error, Source};

/// The longest window that is decompressed, as a power of two: that of every level, and what
/// rsync takes.
// rsync: zstd's own default, ZSTD_WINDOWLOG_LIMIT_DEFAULT
const MAX_WINDOW_LOG: u32 = 27;

/// Compresses literals.
pub struct ZstdEncoder {
    context: CCtx<'static>,
    level: i32,
    runs: RunEncoder,
    compressed: Box<[u8]>,
    /// There are literals that were not flushed.
    is_open: bool,
    /// A frame has begun.
    in_frame: bool,
    workers: u32,
    /// What the next frame has, if that is another level or number of workers.
    next: Option<(i32, u32)>,
}

/// What one worker compresses at a time. By its own measure zstd would take pieces so large that
/// only files of many megabytes gave work to two.
const JOB: u32 = 1 << 20;

impl fmt::Debug for ZstdEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdEncoder")
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

impl ZstdEncoder {
    /// With `workers` threads, or none.
    pub(super) fn new(level: i32, workers: u32) -> Self {
        let mut context = CCtx::create();
        set(&mut context, CParameter::CompressionLevel(level));
        set_workers(&mut context, workers);
        ZstdEncoder {
            context,
            level,
            runs: RunEncoder::default(),
            compressed: vec![0; CCtx::out_size()].into(),
            is_open: false,
            in_frame: false,
            workers,
            next: None,
        }
    }

    /// Sets the level of the files from the next on. It begins a frame, and so forgets what the
    /// files before had in common with them.
    pub(super) fn set_level(&mut self, level: i32) {
        let (_, workers) = self.next.unwrap_or((self.level, self.workers));
        self.change((level, workers));
    }

    /// Sets the number of threads of the files from the next on, likewise.
    pub(super) fn set_workers(&mut self, workers: u32) {
        let (level, _) = self.next.unwrap_or((self.level, self.workers));
        self.change((level, workers));
    }

    fn change(&mut self, next: (i32, u32)) {
        self.next = (next != (self.level, self.workers)).then_some(next);
    }

    pub(super) fn literal(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.runs.flush(out);
        if let Some((level, workers)) = self.next.take() {
            if self.in_frame {
                self.compress(&[], ZSTD_e_end, out);
            }
            set(&mut self.context, CParameter::CompressionLevel(level));
            set_workers(&mut self.context, workers);
            (self.level, self.workers) = (level, workers);
        }
        self.in_frame = true;
        self.is_open = true;
        self.compress(bytes, ZSTD_e_continue, out);
    }

    fn compress(&mut self, bytes: &[u8], how: ZSTD_EndDirective, out: &mut Vec<u8>) {
        let mut from = InBuffer::around(bytes);
        loop {
            let mut to = OutBuffer::around(&mut *self.compressed);
            let left = self
                .context
                .compress_stream2(&mut to, &mut from, how)
                .unwrap_or_else(|code| panic!("{}", zstd_safe::get_error_name(code)));
            let made = to.pos();
            put_data(out, &self.compressed[..made]);
            let is_done = match how {
                ZSTD_e_continue => from.pos() == bytes.len(),
                _ => left == 0,
            };
            if is_done {
                return;
            }
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.is_open {
            self.compress(&[], ZSTD_e_flush, out);
            self.is_open = false;
        }
    }

    pub(super) fn copy(&mut self, first: u32, count: u32, out: &mut Vec<u8>) {
        self.flush(out);
        self.runs.copy(first, count, out);
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        self.runs.end(out);
    }
}

fn set_workers(context: &mut CCtx<'_>, workers: u32) {
    set(context, CParameter::NbWorkers(workers));
    if workers > 0 {
        set(context, CParameter::JobSize(JOB));
    }
}

fn set(context: &mut CCtx<'_>, parameter: CParameter) {
    context
        .set_parameter(parameter)
        .unwrap_or_else(|code| panic!("{parameter:?}: {}", zstd_safe::get_error_name(code)));
}

/// Decompresses literals.
pub struct ZstdDecoder {
    context: DCtx<'static>,
    frames: FrameDecoder,
    chunk: Chunk,
    piece: Box<[u8]>,
    /// The last piece was full: there may be more although the chunk is done.
    is_full: bool,
}

impl fmt::Debug for ZstdDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdDecoder").finish_non_exhaustive()
    }
}

impl ZstdDecoder {
    pub(super) fn new() -> Self {
        let mut context = DCtx::create();
        context
            .set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))
            .expect("a window within zstd's bounds");
        ZstdDecoder {
            context,
            frames: FrameDecoder::default(),
            chunk: Chunk::default(),
            piece: vec![0; DCtx::out_size()].into(),
            is_full: false,
        }
    }

    pub(super) fn next<'a, S: Source>(
        &'a mut self,
        source: &'a mut S,
    ) -> Result<Token<'a>, S::Error> {
        loop {
            while self.is_full || !self.chunk.rest().is_empty() {
                let mut from = InBuffer::around(self.chunk.rest());
                let mut to = OutBuffer::around(&mut *self.piece);
                if let Err(code) = self.context.decompress_stream(&mut to, &mut from) {
                    let error = zstd_safe::get_error_name(code);
                    return Err(Error::misbehaving(format!("compressed data: {error}")).into());
                }
                let (taken, made) = (from.pos(), to.pos());
                if taken == 0 && made == 0 && !self.chunk.rest().is_empty() {
                    return Err(Error::misbehaving("compressed data make no progress").into());
                }
                self.chunk.advance(taken);
                self.is_full = made == self.piece.len();
                if made > 0 {
                    return Ok(Token::Literal(&self.piece[..made]));
                }
            }
            match self.frames.next(source)? {
                Frame::Data(len) => self.chunk.fill(source, len)?,
                Frame::Token(token) => return Ok(token),
            }
        }
    }
}
