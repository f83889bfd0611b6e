//! The checksums of files' content that go over a wire with the list (`-c`): several files at once,
//! on the pump's work lane.
// rsync: flist.c make_file(), checksum.c file_checksum()

use super::Sender;
use delta::{ChecksumKind, Digest, FileSum};
use fast_io::dir::Dir;
use fast_io::{Completion, Operation};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc;
use tree::entry::Entry;

/// What one piece of work sums.
const FILES: usize = 64;
const BYTES: u64 = 4 * 1024 * 1024;
/// What is read at a time.
const READ: usize = 256 * 1024;

impl Sender {
    /// Sums the content of all files among these entries. What cannot be read has no sum; its
    /// transfer will meet the error again, and tell it.
    pub(super) fn sum_all(self: &Arc<Self>, entries: &mut [Entry], kind: ChecksumKind) {
        let (sums, summed) = mpsc::channel();
        let mut batch = Vec::new();
        let mut bytes = 0;
        for (at, entry) in entries.iter().enumerate().filter(|(_, e)| e.is_regular()) {
            bytes += entry.size;
            batch.push((at, entry.clone()));
            if batch.len() >= FILES || bytes >= BYTES {
                bytes = 0;
                self.sum_batch(std::mem::take(&mut batch), kind, sums.clone());
            }
        }
        if !batch.is_empty() {
            self.sum_batch(batch, kind, sums.clone());
        }
        drop(sums);
        for (at, sum) in summed {
            let sum: Digest = sum;
            entries[at].extra_mut().checksum = Some(sum.as_bytes().into());
        }
    }

    fn sum_batch(
        self: &Arc<Self>,
        batch: Vec<(usize, Entry)>,
        kind: ChecksumKind,
        sums: mpsc::Sender<(usize, Digest)>,
    ) {
        let sender = self.clone();
        let work = move || {
            let mut buffer = vec![0; READ];
            let mut parent: Option<(&Entry, io::Result<Dir>)> = None;
            for (at, entry) in &batch {
                if sender.ctx.control.is_stopped() {
                    break;
                }
                if !matches!(&parent, Some((last, _)) if last.is_beside(entry)) {
                    parent = Some((entry, sender.open_parent(entry)));
                }
                let Some((_, Ok(dir))) = &parent else {
                    continue;
                };
                if let Ok(sum) = sender.sum_file(dir, entry, kind, &mut buffer) {
                    // Who waits for sums is there until all are.
                    let _ = sums.send((*at, sum));
                }
            }
            Ok(0)
        };
        // What is lost, as when the session stops, has no sum.
        self.ctx
            .pump
            .submit(Operation::work(work), |_: Completion| {});
    }

    fn sum_file(
        &self,
        dir: &Dir,
        entry: &Entry,
        kind: ChecksumKind,
        buffer: &mut [u8],
    ) -> io::Result<Digest> {
        let file = dir.open_file(entry.basename(), self.ctx.reading(), self.follow_files())?;
        // A device need not have an end.
        let most = match self.ctx.options.copy_devices {
            true => entry.size,
            false => u64::MAX,
        };
        let mut file = file.take(most);
        let mut sum = FileSum::new(kind);
        loop {
            let read = match file.read(buffer) {
                Ok(0) => return Ok(sum.finish()),
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            sum.update(&buffer[..read]);
            self.ctx.control.sign_of_life();
        }
    }
}
