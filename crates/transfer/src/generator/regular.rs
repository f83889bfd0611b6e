//! Regular files: up to date, or to be transferred, and from which basis.
// rsync: generator.c recv_generator(), the part for regular files

use super::alt_dest::RegularElsewhere;
use super::decide::kind_class;
use super::{Found, Generator, ROLE};
use crate::attrs::{TimeRule, Wanted, dest_mode, keeps_time, seen_after_setting};
use crate::context::line;
use crate::devices;
use crate::error::SessionError;
use crate::item::ItemFlags;
use crate::narrator::ItemRecord;
use crate::receiver::backup::Backup;
use crate::receiver::signature::Compared;
use crate::receiver::{Attempt, Basis, Elsewhere, Job, Standing};
use crate::segment::EntryRef;
use fast_io::dir::{FileKind, Follow, Stat};
use options::{Append, RemoveSource};
use tree::entry::Entry;

/// What a transfer starts from.
struct TransferFrom {
    existing: Option<Stat>,
    /// What it is told as a change of: what exists, or what another directory has.
    seen: Option<Stat>,
    partial: Option<Stat>,
    elsewhere: Option<Box<Elsewhere>>,
    attempt: Attempt,
}

/// The mode of some directory.
const DIRECTORY: u32 = 0o040000;

impl Generator {
    pub(super) fn regular(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        found: Found,
    ) -> Result<(), SessionError> {
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        let file = entry.entry();
        let skip = |reason: &str| {
            if o.info.skip >= 1 {
                ctx.info(ROLE, line!(file.path(), reason));
            }
        };
        if o.max_size.is_some_and(|max| file.size > max) {
            skip(" is over max-size");
            return Ok(());
        }
        if o.min_size.is_some_and(|min| file.size < min) {
            skip(" is under min-size");
            return Ok(());
        }
        let mut stat = match found {
            Found::There(stat) => Some(stat),
            Found::Missing => None,
            Found::Failed(e) => {
                let name = self.shown(&self.name(file));
                ctx.transfer_error_os(ROLE, line!("recv_generator: failed to stat ", name), e);
                return Ok(());
            }
        };
        if o.update
            && let Some(stat) = &stat
            && kind_class(stat.mode()) == kind_class(file.mode())
            && file.mtime().secs - stat.mtime.secs < i64::from(o.modify_window)
        {
            if o.info.skip >= 1 {
                ctx.info(ROLE, line!(self.name(file), " is newer"));
            }
            return self.skip_hard_link(entry);
        }
        if let Some(device) = stat.as_mut().filter(|stat| self.is_written_into(stat)) {
            self.measure_device(file, device);
        } else if let Some(other) = stat
            && kind_class(other.mode()) != kind_class(file.mode())
        {
            if !self.make_room(file, &other, "regular file") {
                return Ok(());
            }
            stat = None;
        }
        let (mut elsewhere, mut seen) = (None, None);
        match self.regular_elsewhere(entry, wanted, stat.as_ref())? {
            RegularElsewhere::Nothing => {}
            RegularElsewhere::Settled => {
                if o.remove_source_files == Some(RemoveSource::Synchronized) {
                    self.remove_synchronized(entry);
                }
                return Ok(());
            }
            RegularElsewhere::Basis(basis) => {
                seen = Some(basis.stat);
                elsewhere = Some(basis);
            }
        }
        let partial = self.receiver.find_partial(self.there(file));

        let Some(stat) = stat else {
            if elsewhere.is_none() && partial.is_none() {
                elsewhere = self.similar_to(file).map(Box::new);
            }
            if elsewhere.is_none() && partial.is_none() && self.hard_links.waits_for_later(entry) {
                self.hold(entry);
                return Ok(());
            }
            let from = TransferFrom {
                existing: None,
                seen,
                partial,
                elsewhere,
                attempt: Attempt::First,
            };
            return self.transfer(entry, wanted, from);
        };
        if self.quick_check(file, &stat) {
            if partial.is_some() {
                self.receiver.drop_partial(self.there(file));
            }
            let time = if o.checksum {
                TimeRule::Exact
            } else {
                TimeRule::Window
            };
            let applied = self.set_existing(wanted, &stat, time);
            self.report_name(file, applied);
            let seen = seen_after_setting(&self.ctx, &self.ids, file, &stat);
            let seen = self.seen_after_acls(wanted, seen);
            self.itemize(entry, wanted, Some(&seen), ItemFlags::NONE, None);
            self.finish_links(entry, Some(&stat))?;
            if o.remove_source_files == Some(RemoveSource::Synchronized) {
                self.remove_synchronized(entry);
            }
            return Ok(());
        }
        if o.append != Append::No && stat.size >= file.size {
            return self.skip_hard_link(entry);
        }
        let from = TransferFrom {
            existing: Some(stat),
            seen: Some(stat),
            partial,
            elsewhere: None,
            attempt: Attempt::First,
        };
        self.transfer(entry, wanted, from)
    }

    /// Whether what stands in a file's place is a device that gets its content.
    fn is_written_into(&self, stat: &Stat) -> bool {
        self.ctx.options.write_devices && stat.kind.is_device()
    }

    /// Finds out how much a device holds that does not say it.
    fn measure_device(&self, file: &Entry, stat: &mut Stat) {
        if stat.size == 0
            && let Some((dir, leaf)) = self.there(file)
            && let Ok(device) = dir.dir.open_file(leaf, self.ctx.reading(), Follow::Never)
        {
            stat.size = devices::size(&self.ctx, ROLE, &device, &self.name(file));
        }
    }

    /// Asks for a file's content.
    fn transfer(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        from: TransferFrom,
    ) -> Result<(), SessionError> {
        let TransferFrom {
            existing: stat,
            mut seen,
            partial,
            elsewhere,
            attempt,
        } = from;
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        let file = entry.entry();
        let mut flags = ItemFlags::TRANSFER;
        if o.checksum {
            flags |= ItemFlags::REPORT_CHANGE;
        }
        if partial.is_some() || elsewhere.is_some() {
            flags |= ItemFlags::BASIS_TYPE_FOLLOWS;
        }
        if self.receiver.uses_delta() {
            self.take_similar(file);
        }
        // rsync has appended before it finds out that the beginning differs: then only the time
        // is still wrong. We have left the file alone.
        if attempt == Attempt::Again
            && o.append != Append::No
            && let Some(seen) = &mut seen
        {
            seen.size = file.size;
            seen.mtime.secs = i64::MIN;
        }
        let flags = self.item_flags(wanted, seen.as_ref(), flags, None);
        self.hard_links.sent(entry);
        {
            let mut tally = ctx.tally();
            if flags.contains(ItemFlags::IS_NEW) {
                tally.stats.created.add(file.mode());
            }
            tally.stats.transferred_files += 1;
            tally.stats.transferred_size += file.size;
        }
        let record = ItemRecord {
            entry: entry.clone(),
            flags,
            link_name: None,
            checksum: None,
        };
        if o.dry_run {
            let checksum = self.receiver.listed_sum(file);
            let record = ItemRecord { checksum, ..record };
            let there = self.there(file);
            let compared = Compared {
                dir: there.map(|(dir, _)| &**dir),
                leaf: there.map_or(&b""[..], |(_, leaf)| leaf),
                existing: stat,
                partial,
                elsewhere: elsewhere.as_deref(),
                attempt,
            };
            let receiver = &self.receiver;
            self.origin.pretended(&ctx, record, receiver, &compared);
            return self.finish_links(entry, seen.as_ref());
        }
        let dir = match self.enter(file) {
            Ok(dir) => dir,
            Err(e) => {
                let name = self.shown(&self.name(file));
                ctx.transfer_error_os(ROLE, line!("mkstemp ", name, " failed"), e);
                return Ok(());
            }
        };
        if !(o.inplace && stat.is_some()) {
            dir.touch();
        }
        // What is written over in its place has to be kept before.
        if o.inplace && o.backup && stat.is_some() && attempt == Attempt::First {
            let leaf = self.leaf(file).to_vec();
            if let Backup::Failed(_) = self.receiver.backup_copy(&dir, &leaf) {
                return Ok(());
            }
        }
        let place = self.origin.transfer(&ctx, record);
        let job = Job {
            entry: entry.clone(),
            flags,
            place,
            dir,
            name: self.destination.solo_name.as_deref().map(Into::into),
            // A link or the like in its place says nothing of the permissions a file gets.
            mode: if o.preserve_perms {
                wanted.mode
            } else {
                // rsync gives it those of what it is compared with.
                let elsewhere = elsewhere.as_ref().map(|elsewhere| &elsewhere.stat);
                let like = stat.as_ref().or(elsewhere);
                dest_mode(&ctx, self.new_permissions(), file.mode(), like)
            },
            existing: stat,
            basis: match (partial, elsewhere) {
                (Some(stat), _) => Basis::Partial(Box::new(stat)),
                (None, Some(elsewhere)) => Basis::Elsewhere(elsewhere),
                (None, None) => Basis::Existing,
            },
            linked: file.identity().is_some(),
            standing: if attempt == Attempt::First {
                self.standing
            } else {
                Standing::BytesDone
            },
            attempt,
        };
        self.hand_over(job)
    }

    /// Asks once more for the files that did not arrive as they should. False if there are none.
    // rsync: generator.c check_for_finished_files(), the part for redo
    pub(super) fn transfer_again(&mut self) -> Result<bool, SessionError> {
        let again = self.receiver.take_again();
        let any = !again.is_empty();
        for entry in again {
            let file = entry.entry();
            let stat = match self.look(file, false) {
                Found::There(stat) if stat.kind == FileKind::Regular => Some(stat),
                Found::There(mut stat) if self.is_written_into(&stat) => {
                    self.measure_device(file, &mut stat);
                    Some(stat)
                }
                _ => None,
            };
            if keeps_time(&self.ctx.options, DIRECTORY)
                && let Ok(dir) = self.enter(file)
            {
                dir.keep_time();
            }
            let wanted = Wanted {
                entry: file,
                mode: if self.ctx.options.preserve_perms {
                    file.mode()
                } else {
                    dest_mode(
                        &self.ctx,
                        self.new_permissions(),
                        file.mode(),
                        stat.as_ref(),
                    )
                },
            };
            let from = TransferFrom {
                existing: stat,
                seen: stat,
                partial: None,
                elsewhere: None,
                attempt: Attempt::Again,
            };
            self.transfer(&entry, wanted, from)?;
        }
        self.open_dirs.truncate(1);
        Ok(any)
    }
}
