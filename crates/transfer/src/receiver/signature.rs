//! The signature of what new content is compared with.
// rsync: generator.c generate_and_send_sums()

use super::file::Attempt;
use super::{Basis, DestDir, Elsewhere, Job, ROLE, Receiver};
use crate::context::line;
use crate::remote::agreement::Agreement;
use crate::remote::sums::to_wire;
use delta::{
    BlockLayout, BlockSums, ChecksumKind, LayoutRule, Signature, SignatureBuilder, StrongSum,
    SumStrength,
};
use fast_io::dir::{Dir, Follow, Stat};
use options::{Append, Checksum};
use wire::sums::{SumHead, put_block_sum, put_sum_head};

/// What new content is compared with.
pub(crate) struct Compared<'a> {
    /// The destination's directory; there is one if anything is compared.
    pub dir: Option<&'a DestDir>,
    pub leaf: &'a [u8],
    pub existing: Option<Stat>,
    /// What `--partial-dir` has of it, which comes before what exists.
    pub partial: Option<Stat>,
    /// What stands in for what exists, if nothing does.
    pub elsewhere: Option<&'a Elsewhere>,
    pub attempt: Attempt,
}

impl Job {
    pub(crate) fn compared(&self) -> Compared<'_> {
        Compared {
            dir: Some(&self.dir),
            leaf: self.leaf(),
            existing: self.existing,
            partial: match &self.basis {
                Basis::Partial(stat) => Some(**stat),
                Basis::Existing | Basis::Elsewhere(_) => None,
            },
            elsewhere: match &self.basis {
                Basis::Elsewhere(elsewhere) => Some(elsewhere),
                Basis::Existing | Basis::Partial(_) => None,
            },
            attempt: self.attempt,
        }
    }
}

impl Receiver {
    /// The signature of what the new content is compared with, if anything is.
    pub(super) fn signature(&self, job: &Job, attempt: Attempt) -> Option<Signature> {
        let o = &self.ctx.options;
        if o.append != Append::No || o.whole_file != Some(false) || attempt == Attempt::Again {
            return None;
        }
        let mut rule = LayoutRule::new(self.checksum_kind);
        rule.block_size = o.block_size.and_then(std::num::NonZero::new);
        self.sign(&job.compared(), rule, StrongSum::new(self.checksum_kind, 0))
    }

    /// Appends the signature of what the content is compared with, as the other side of a wire wants
    /// it.
    // rsync: generator.c recv_generator(), the end
    pub(crate) fn put_signature(
        &self,
        compared: &Compared<'_>,
        agreement: &Agreement,
        out: &mut Vec<u8>,
    ) {
        let o = &self.ctx.options;
        let again = compared.attempt == Attempt::Again;
        let rule = LayoutRule {
            protocol: agreement.protocol.version(),
            kind: agreement.checksum,
            strength: if again {
                SumStrength::Full
            } else {
                SumStrength::Short
            },
            block_size: o.block_size.and_then(std::num::NonZero::new),
        };
        if o.append != Append::No && !again {
            // What is there stays: only how much that is needs to be known.
            let size = compared.existing.map_or(0, |s| s.size);
            let head = BlockLayout::for_file(size, &rule).map(|layout| to_wire(layout.head()));
            return put_sum_head(out, &head.unwrap_or_default());
        }
        let signature = match o.whole_file {
            Some(true) => None,
            _ => self.sign(compared, rule, agreement.block_sum()),
        };
        let Some(signature) = signature else {
            return put_sum_head(out, &SumHead::default());
        };
        let layout = signature.layout();
        out.reserve(16 + layout.count() as usize * (4 + layout.strong_len()));
        put_sum_head(out, &to_wire(layout.head()));
        for (weak, strong) in signature.blocks() {
            put_block_sum(out, weak, strong);
        }
    }

    fn sign(&self, compared: &Compared<'_>, rule: LayoutRule, sum: StrongSum) -> Option<Signature> {
        let open = |dir: &Dir, name: &[u8]| dir.open_file(name, self.ctx.reading(), Follow::Never);
        let (size, dir, leaf, opened) = match (compared.partial, compared.elsewhere) {
            (Some(stat), _) => {
                let (dir, leaf) = (compared.dir?, compared.leaf);
                let opened = open(&self.open_partial_dir(dir).ok()?, leaf);
                (stat.size, dir, leaf, opened)
            }
            (
                None,
                Some(Elsewhere {
                    dir, name, stat, ..
                }),
            ) => (stat.size, &**dir, &**name, open(&dir.dir, name)),
            (None, None) => {
                let (dir, leaf) = (compared.dir?, compared.leaf);
                (compared.existing?.size, dir, leaf, open(&dir.dir, leaf))
            }
        };
        if size == 0 {
            return None;
        }
        let file = match opened {
            Ok(file) => file,
            Err(e) => {
                let name = self.shown(&tree::entry::join(&dir.path, leaf));
                self.ctx
                    .error_os(ROLE, line!("failed to open ", name, ", continuing"), e);
                return None;
            }
        };
        let layout = BlockLayout::for_file(size, &rule).ok()?;
        let mut builder = SignatureBuilder::new(layout, sum).ok()?;
        let block_len = u64::from(layout.block_len());
        let sums = self
            .read_ahead(file, 0, size)
            .in_units_of(block_len)
            .on_arrival(move |offset, piece| {
                BlockSums::of(&layout, sum, (offset / block_len) as u32, &piece)
            });
        for stretch in sums {
            // A basis that cannot be read, or that changes meanwhile, is no basis.
            builder.push(&stretch.ok()?.ok()?).ok()?;
            self.ctx.control.sign_of_life();
        }
        builder.finish().ok()
    }
}

/// The checksum of the delta search: what was asked for, else what rsync would choose.
pub(super) fn transfer_checksum(o: &options::Options) -> ChecksumKind {
    match o.checksum_choice.map(|c| c.transfer) {
        Some(Checksum::Xxh3) => ChecksumKind::Xxh3,
        Some(Checksum::Xxh64) => ChecksumKind::Xxh64,
        Some(Checksum::Md5) => ChecksumKind::Md5,
        Some(Checksum::Md4) => ChecksumKind::Md4,
        Some(Checksum::Sha1) => ChecksumKind::Sha1,
        Some(Checksum::None) => ChecksumKind::None,
        Some(Checksum::Xxh128 | Checksum::Auto) | None => ChecksumKind::Xxh128,
    }
}
