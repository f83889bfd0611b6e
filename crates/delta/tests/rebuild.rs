//! The one property that matters: a receiver that applies the tokens to its basis gets the
//! source, whatever the two files, the checksum, the block size and the pieces in which the
//! source was fed; in place too, where applying a token destroys basis bytes.

use std::convert::Infallible;
use std::num::NonZeroU32;

use delta::{
    BasisUse, BlockLayout, ChecksumKind, CopyRun, Feed, FileSum, LayoutRule, MatchStats, Matcher,
    Outcome, Signature, SignatureReceiver, StrongSum, SumHead, SumStrength, TokenSink,
};
use proptest::prelude::*;

/// A receiver beside the basis.
struct Beside<'a> {
    layout: BlockLayout,
    basis: &'a [u8],
    out: Vec<u8>,
}

impl TokenSink for Beside<'_> {
    type Error = Infallible;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        assert!(!bytes.is_empty());
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn copy(&mut self, run: CopyRun) -> Result<(), Infallible> {
        let before = self.out.len();
        for block in run.blocks() {
            let start = self.layout.start_of(block) as usize;
            let len = self.layout.len_of(block) as usize;
            self.out.extend_from_slice(&self.basis[start..start + len]);
        }
        assert_eq!(run.len as usize, self.out.len() - before);
        assert_eq!(run.offset, self.layout.start_of(run.first));
        Ok(())
    }
}

/// A receiver that writes over the basis.
struct Over {
    layout: BlockLayout,
    file: Vec<u8>,
    at: usize,
}

impl Over {
    fn write(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if self.file.len() < end {
            self.file.resize(end, 0);
        }
        self.file[self.at..end].copy_from_slice(bytes);
        self.at = end;
    }
}

impl TokenSink for Over {
    type Error = Infallible;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.write(bytes);
        Ok(())
    }

    fn copy(&mut self, run: CopyRun) -> Result<(), Infallible> {
        for block in run.blocks() {
            let start = self.layout.start_of(block) as usize;
            let len = self.layout.len_of(block) as usize;
            let bytes = self.file[start..start + len].to_vec();
            self.write(&bytes);
        }
        Ok(())
    }
}

/// Feeds a source in pieces, keeping what the matcher did not consume.
fn feed<T: TokenSink<Error = Infallible>>(
    mut matcher: Matcher,
    source: &[u8],
    piece: usize,
    sink: &mut T,
) -> Outcome {
    let (mut start, mut end) = (0, 0);
    loop {
        end = source.len().min(end + piece);
        let feed = if end == source.len() {
            Feed::Last
        } else {
            Feed::More
        };
        let window = &source[start..end];
        let Ok(done) = matcher.scan(window, feed, sink);
        assert!(window.len() - done < matcher.least_window());
        start += done;
        if feed == Feed::Last {
            assert_eq!(start, source.len());
            return matcher.finish();
        }
    }
}

fn signature(sum: StrongSum, block: u32, basis: &[u8]) -> Signature {
    let rule = LayoutRule {
        block_size: NonZeroU32::new(block),
        strength: SumStrength::Full,
        ..LayoutRule::new(sum.kind())
    };
    let layout = BlockLayout::for_file(basis.len() as u64, &rule).unwrap();
    Signature::of(layout, sum, basis).unwrap()
}

/// Rebuilds the source both ways, and returns the figures of the first.
fn rebuild(sum: StrongSum, block: u32, piece: usize, basis: &[u8], source: &[u8]) -> MatchStats {
    let signature = std::sync::Arc::new(signature(sum, block, basis));
    let layout = *signature.layout();
    let file_sum = Some(FileSum::of(sum.kind(), source));

    let matcher =
        Matcher::new(signature.clone(), BasisUse::Separate).with_file_sum(FileSum::new(sum.kind()));
    let mut beside = Beside {
        layout,
        basis,
        out: Vec::new(),
    };
    let outcome = feed(matcher, source, piece, &mut beside);
    assert_eq!(beside.out, source);
    assert_eq!(outcome.file_sum, file_sum);
    let total = outcome.stats.literal_bytes + outcome.stats.matched_bytes;
    assert_eq!(total, source.len() as u64);

    let matcher =
        Matcher::new(signature, BasisUse::InPlace).with_file_sum(FileSum::new(sum.kind()));
    let mut over = Over {
        layout,
        file: basis.to_vec(),
        at: 0,
    };
    let in_place = feed(matcher, source, piece, &mut over);
    over.file.truncate(source.len());
    assert_eq!(over.file, source);
    assert_eq!(in_place.file_sum, file_sum);
    outcome.stats
}

/// An edit script for a basis, which keeps much of it.
#[derive(Debug, Clone)]
enum Edit {
    Keep(usize),
    Skip(usize),
    Insert(Vec<u8>),
    Fill(u8, usize),
    Jump(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        4 => (0usize..400).prop_map(Edit::Keep),
        1 => (0usize..100).prop_map(Edit::Skip),
        1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Edit::Insert),
        1 => (prop::sample::select(vec![0, 1, 255]), 0usize..200).prop_map(|(b, n)| Edit::Fill(b, n)),
        1 => (0usize..2000).prop_map(Edit::Jump),
    ];
    prop::collection::vec(edit, 0..20)
}

fn apply(edits: &[Edit], basis: &[u8]) -> Vec<u8> {
    let mut source = Vec::new();
    let mut at = 0;
    for edit in edits {
        match edit {
            Edit::Keep(len) => {
                let end = basis.len().min(at + len);
                source.extend_from_slice(&basis[at..end]);
                at = end;
            }
            Edit::Skip(len) => at = basis.len().min(at + len),
            Edit::Insert(bytes) => source.extend_from_slice(bytes),
            Edit::Fill(byte, len) => source.extend(std::iter::repeat_n(*byte, *len)),
            Edit::Jump(to) => at = basis.len().min(*to),
        }
    }
    source
}

/// Bytes with few distinct values and long runs, so that blocks repeat.
fn basis() -> impl Strategy<Value = Vec<u8>> {
    let run = prop_oneof![
        (prop::sample::select(vec![0u8, 0, 7, 255]), 0usize..150)
            .prop_map(|(byte, len)| vec![byte; len]),
        prop::collection::vec(any::<u8>(), 0..300),
    ];
    prop::collection::vec(run, 0..10).prop_map(|runs| runs.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tokens_rebuild_the_source(
        basis in basis(),
        edits in edits(),
        kind in prop::sample::select(ChecksumKind::PREFERENCE[..6].to_vec()),
        seed: i32,
        block in prop_oneof![1u32..20, 20u32..200, 700u32..800],
        piece in prop_oneof![Just(1usize), 2usize..900, Just(usize::MAX / 2)],
    ) {
        let source = apply(&edits, &basis);
        rebuild(StrongSum::new(kind, seed), block, piece, &basis, &source);
    }

    #[test]
    fn the_size_of_the_pieces_changes_nothing(
        basis in basis(),
        edits in edits(),
        block in 1u32..100,
        piece in 1usize..500,
    ) {
        let source = apply(&edits, &basis);
        let sum = StrongSum::new(ChecksumKind::Xxh3, 1);
        let whole = rebuild(sum, block, usize::MAX / 2, &basis, &source);
        prop_assert_eq!(rebuild(sum, block, piece, &basis, &source), whole);
    }

    #[test]
    fn an_equal_source_is_all_matches(basis in basis(), block in 1u32..100) {
        let sum = StrongSum::new(ChecksumKind::Xxh128, 0);
        let stats = rebuild(sum, block, usize::MAX / 2, &basis, &basis);
        prop_assert_eq!(stats.literal_bytes, 0);
        prop_assert_eq!(stats.matches, (basis.len() as u64).div_ceil(block.into()));
    }

    /// A peer's signature may say anything; the search must end, and emit all of the source.
    #[test]
    fn a_hostile_signature_is_survived(
        source: Vec<u8>,
        head in (0i32..40, 1i32..200, 0i32..9, 0i32..300),
        sums in prop::collection::vec((prop::sample::select(vec![0u32, 1, 0xffff_ffff, 0x0061_0061]), any::<[u8; 8]>()), 40),
        in_place: bool,
        piece in 1usize..200,
    ) {
        let (count, block_len, strong_len, remainder) = head;
        let head = SumHead { count, block_len, strong_len, remainder };
        let sum = StrongSum::new(ChecksumKind::Xxh64, 0);
        let Ok(layout) = BlockLayout::from_head(head, sum.kind(), 32) else {
            return Ok(());
        };
        let mut receiver = SignatureReceiver::new(layout, sum).unwrap();
        for (weak, strong) in &sums[..count as usize] {
            receiver.push(*weak, &strong[..strong_len as usize]).unwrap();
        }
        let basis = if in_place { BasisUse::InPlace } else { BasisUse::Separate };
        let matcher = Matcher::new(receiver.finish().unwrap(), basis);
        let mut length = Length(0);
        feed(matcher, &source, piece, &mut length);
        prop_assert_eq!(length.0, source.len() as u64);
    }
}

struct Length(u64);

impl TokenSink for Length {
    type Error = Infallible;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 += bytes.len() as u64;
        Ok(())
    }

    fn copy(&mut self, run: CopyRun) -> Result<(), Infallible> {
        self.0 += run.len;
        Ok(())
    }
}

/// Records tokens as text.
struct Record(Vec<String>);

impl TokenSink for Record {
    type Error = Infallible;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.push(format!("{} bytes", bytes.len()));
        Ok(())
    }

    fn copy(&mut self, run: CopyRun) -> Result<(), Infallible> {
        self.0.push(format!("blocks {:?}", run.blocks()));
        Ok(())
    }
}

fn tokens(block: u32, basis: &[u8], source: &[u8], basis_use: BasisUse) -> Vec<String> {
    let sum = StrongSum::new(ChecksumKind::Md5, 0);
    let matcher = Matcher::new(signature(sum, block, basis), basis_use);
    let mut record = Record(Vec::new());
    feed(matcher, source, source.len(), &mut record);
    record.0
}

#[test]
fn among_equal_blocks_the_next_in_line_is_preferred() {
    // Blocks 0 to 3 are equal, and 4 differs: the run must lead up to it.
    let basis = [[1u8; 10], [1; 10], [1; 10], [1; 10], [2; 10]].concat();
    assert_eq!(
        tokens(10, &basis, &basis, BasisUse::Separate),
        ["blocks 0..5"]
    );
    // Out of line, rsync takes the last of the equal blocks.
    let basis = [&[3u8; 10][..], &basis].concat();
    let source = [&[9u8; 3][..], &[1; 10], &[2; 10]].concat();
    assert_eq!(
        tokens(10, &basis, &source, BasisUse::Separate),
        ["3 bytes", "blocks 4..6"]
    );
}

#[test]
fn in_place_blocks_behind_are_not_used() {
    let basis = [[1u8; 10], [2; 10], [3; 10]].concat();
    let source = [[3u8; 10], [1; 10], [2; 10]].concat();
    assert_eq!(
        tokens(10, &basis, &source, BasisUse::Separate),
        ["blocks 2..3", "blocks 0..2"]
    );
    assert_eq!(
        tokens(10, &basis, &source, BasisUse::InPlace),
        ["blocks 2..3", "20 bytes"]
    );
}

#[test]
fn in_place_a_block_in_its_own_place_can_be_copied_later() {
    let basis = [[1u8; 10], [2; 10], [3; 10]].concat();
    let source = [[1u8; 10], [9; 10], [1; 10]].concat();
    assert_eq!(
        tokens(10, &basis, &source, BasisUse::InPlace),
        ["blocks 0..1", "10 bytes", "blocks 0..1"]
    );
}

#[test]
fn in_place_zeros_are_realigned_with_the_basis() {
    let basis = [0u8; 50];
    let source = [&[9u8; 4][..], &[0; 46]].concat();
    assert_eq!(
        tokens(10, &basis, &source, BasisUse::InPlace),
        ["10 bytes", "blocks 1..5"]
    );
    assert_eq!(
        tokens(10, &basis, &source, BasisUse::Separate),
        ["4 bytes", "blocks 0..4", "6 bytes"]
    );
}

#[test]
fn a_sinks_error_ends_the_scan() {
    struct Full;
    impl TokenSink for Full {
        type Error = &'static str;
        fn literal(&mut self, _: &[u8]) -> Result<(), Self::Error> {
            Err("full")
        }
        fn copy(&mut self, _: CopyRun) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    let mut matcher = Matcher::literal_only();
    assert_eq!(matcher.scan(b"x", Feed::Last, &mut Full), Err("full"));
}
