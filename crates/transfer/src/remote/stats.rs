//! What both sides count, between `wire`, which reads and writes it, and the session's own figures.
// rsync: main.c handle_stats(), write_del_stats()

use crate::context::Context;
use crate::stats::KindCounts;
use wire::stats::{Deletions, Statistics};

/// What was deleted, for the other side.
pub(crate) fn deletions(counts: &KindCounts) -> Deletions {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Deletions {
        files: number(counts.regular()),
        dirs: number(counts.dirs),
        symlinks: number(counts.symlinks),
        devices: number(counts.devices),
        specials: number(counts.specials),
    }
}

/// Adds what the other side deleted.
pub(crate) fn take_deletions(counts: &mut KindCounts, deleted: &Deletions) {
    let Deletions {
        files,
        dirs,
        symlinks,
        devices,
        specials,
    } = *deleted;
    counts.dirs += u64::from(dirs);
    counts.symlinks += u64::from(symlinks);
    counts.devices += u64::from(devices);
    counts.specials += u64::from(specials);
    counts.total += [files, dirs, symlinks, devices, specials]
        .map(u64::from)
        .iter()
        .sum::<u64>();
}

/// Takes over what a server counted that sent.
pub(crate) fn take_statistics(ctx: &Context, counted: &Statistics) {
    let stats = &mut ctx.tally().stats;
    // Its reading is our writing.
    stats.bytes_sent = counted.read;
    stats.bytes_received = counted.written;
    stats.total_size = counted.size;
    stats.list_seconds = counted.list_build as f64 / 1000.0;
    stats.list_transfer_seconds = counted.list_transfer as f64 / 1000.0;
}
