//! The signature of what new content is compared with.
// rsync: generator.c generate_and_send_sums()

use super::file::Attempt;
use super::{Basis, Job, ROLE, Receiver};
use crate::context::line;
use delta::{
    BlockLayout, BlockSums, ChecksumKind, LayoutRule, Signature, SignatureBuilder, StrongSum,
};
use fast_io::dir::{Access, Follow};
use options::{Append, Checksum};

impl Receiver {
    /// The signature of what the new content is compared with, if anything is.
    pub(super) fn signature(&self, job: &Job, attempt: Attempt) -> Option<Signature> {
        let o = &self.ctx.options;
        if o.append != Append::No || o.whole_file != Some(false) || attempt == Attempt::Again {
            return None;
        }
        let (stat, opened) = match (&job.basis, &job.existing) {
            (Basis::Partial(stat), _) => {
                let dir = self.open_partial_dir(&job.dir).ok()?;
                (stat, dir.open_file(job.leaf(), Access::Read, Follow::Never))
            }
            (Basis::Existing, Some(stat)) => (
                stat,
                job.dir
                    .dir
                    .open_file(job.leaf(), Access::Read, Follow::Never),
            ),
            (Basis::Existing, None) => return None,
        };
        if stat.size == 0 {
            return None;
        }
        let file = match opened {
            Ok(file) => file,
            Err(e) => {
                let name = self.shown(&job.path());
                self.ctx
                    .error_os(ROLE, line!("failed to open ", name, ", continuing"), e);
                return None;
            }
        };
        let mut rule = LayoutRule::new(self.checksum_kind);
        rule.block_size = o.block_size.and_then(std::num::NonZero::new);
        let layout = BlockLayout::for_file(stat.size, &rule).ok()?;
        let sum = StrongSum::new(self.checksum_kind, 0);
        let mut builder = SignatureBuilder::new(layout, sum).ok()?;
        let block_len = u64::from(layout.block_len());
        let sums = self
            .read_ahead(file, 0, stat.size)
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
