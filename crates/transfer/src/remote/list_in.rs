//! Takes the file list off the wire: entries become the same segments that a local sender makes.
// rsync: flist.c recv_file_list(), recv_file_entry(); uidlist.c recv_id_list()

use super::StreamError;
use super::asked_for::{AskedFor, Standing};
use super::inlet::Inlet;
use crate::context::Context;
use crate::error::Problem;
use crate::event::{FileList, Role};
use crate::ids::Ids;
use crate::segment::{EntryRef, Parent, Segment, sort_and_clean};
use fast_io::dir::{DeviceNumber, FileKind, Stat, Timestamp};
use std::sync::Arc;
use tree::entry::{Entry, EntryFlags, Extra, FileId, split};
use tree::names::Gatherer;
use tree::symlink::MUNGE_PREFIX;
use wire::flist::{
    Attributes, DirectoryRole, EntryDecoder, HardLink, Item, ListRules, Names, WireEntry,
    check_name, check_segment_name, ids, late_io_error,
};

/// What of a mode says what an entry is, and what it is for a directory.
const FORMAT: u32 = 0o170000;
const DIRECTORY: u32 = 0o040000;

/// What an entry takes at least, by rsync's reckoning.
// rsync: flist.c flist_expand(), which asks for an array of pointers
const POINTER: u64 = 8;

/// Reads the list.
pub(crate) struct ListReader {
    ctx: Arc<Context>,
    ids: Arc<Ids>,
    asked: AskedFor,
    rules: ListRules,
    decoder: EntryDecoder,
    /// Every directory so far, in the order in which both sides number them, until its content came.
    directories: Vec<Option<EntryRef>>,
    /// How many entries all segments have.
    listed: u64,
    has_begun: bool,
    segments: u64,
    /// Before protocol 30: the directory below which everything is content.
    top_name: Option<Vec<u8>>,
}

/// Entries of one segment, as they come.
#[derive(Default)]
struct Gathering {
    entries: Vec<Entry>,
    /// Names of the directory that comes now, and what belongs to them.
    names: Option<Gatherer>,
    described: Vec<Described>,
}

struct Described {
    stat: Stat,
    flags: EntryFlags,
    extra: Option<Box<Extra>>,
}

impl ListReader {
    pub fn new(ctx: Arc<Context>, ids: Arc<Ids>, rules: ListRules, asked: AskedFor) -> ListReader {
        ListReader {
            asked,
            decoder: EntryDecoder::new(rules),
            ctx,
            ids,
            rules,
            directories: Vec::new(),
            listed: 0,
            has_begun: false,
            segments: 0,
            top_name: None,
        }
    }

    /// Reads the first segment, or all of the list.
    pub fn first(&mut self, inlet: &mut Inlet) -> Result<Arc<Segment>, StreamError> {
        let segment = self.segment(inlet, None)?;
        self.has_begun = true;
        Ok(segment)
    }

    /// Whether its first segment is there.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Reads the content of a directory that was announced by its number.
    pub fn content_of(
        &mut self,
        inlet: &mut Inlet,
        directory: u32,
    ) -> Result<Arc<Segment>, StreamError> {
        let known = self.directories.len();
        let Some(slot) = self.directories.get_mut(directory as usize) else {
            let text = format!("Invalid dir index: {directory} (0 - {known})");
            return Err(wire::Error::misbehaving(text).into());
        };
        let parent = slot.take().ok_or_else(|| {
            let text = format!("refusing malicious duplicate flist for dir {directory}");
            wire::Error::misbehaving(text)
        })?;
        self.segment(inlet, Some(parent))
    }

    fn segment(
        &mut self,
        inlet: &mut Inlet,
        parent: Option<EntryRef>,
    ) -> Result<Arc<Segment>, StreamError> {
        let incremental = self.rules.protocol.is_incremental();
        let directory = parent.as_ref().map(|p| p.entry().path());
        let directory = directory.as_deref().filter(|d| *d != b".").unwrap_or(b"");
        let mut gathering = Gathering::default();
        let most = match self.ctx.options.max_alloc {
            0 => u64::MAX,
            bytes => bytes / POINTER,
        };
        let io_error = loop {
            match self.decoder.next(inlet)? {
                Item::End { io_error, .. } => break io_error,
                Item::Entry { index, mut entry } => {
                    let names = if self.ctx.options.relative {
                        Names::Rooted
                    } else {
                        Names::Beneath
                    };
                    let name = check_name(entry.name, entry.attributes.mode, names)?;
                    if incremental {
                        check_segment_name(&name, directory)?;
                    }
                    let is_dir = entry.attributes.mode & FORMAT == DIRECTORY;
                    let standing = self.asked.check(&name, is_dir)?;
                    if standing == Standing::OnTheWay
                        && (self.rules.protocol.is_packed()
                            || entry.directory == DirectoryRole::Top)
                    {
                        // The rest of its content is not the sender's to speak for.
                        entry.directory = DirectoryRole::Implied;
                    }
                    if let (Some(id), Some(name)) = (
                        self.rules.uid.then_some(entry.attributes.uid),
                        entry.user_name,
                    ) {
                        self.ids.learn_user(id, name);
                    }
                    if let (Some(id), Some(name)) = (
                        self.rules.gid.then_some(entry.attributes.gid),
                        entry.group_name,
                    ) {
                        self.ids.learn_group(id, name);
                    }
                    let recurses = self.ctx.options.recurse;
                    let top = &mut self.top_name;
                    let munged;
                    if self.ctx.options.munge_links {
                        munged = [MUNGE_PREFIX, entry.link_target].concat();
                        entry.link_target = &munged;
                    }
                    gathering.add(&name, index, &entry, &self.rules, recurses, top)?;
                    if gathering.len() as u64 > most {
                        return Err(StreamError::TooLarge(self.ctx.options.max_alloc));
                    }
                    if !incremental && self.segments == 0 {
                        self.count_progress(gathering.len());
                    }
                }
            }
        };
        let entries = gathering.finish();
        if !incremental {
            self.read_ids(inlet)?;
        }
        let io_error = io_error | late_io_error(inlet, self.rules.protocol)?;
        self.remember(io_error);
        Ok(self.make(entries, parent))
    }

    fn count_progress(&self, entries: usize) {
        if entries.is_multiple_of(100) {
            let grown = FileList::Grown(entries as u64);
            self.ctx.narrator.file_list(grown);
        }
    }

    fn read_ids(&self, inlet: &mut Inlet) -> Result<(), StreamError> {
        let protocol = self.rules.protocol;
        if self.rules.lists_users() {
            ids::ids(inlet, protocol, |id, name| self.ids.learn_user(id, name))?;
        }
        if self.rules.lists_groups() {
            ids::ids(inlet, protocol, |id, name| self.ids.learn_group(id, name))?;
        }
        Ok(())
    }

    fn remember(&self, io_error: u32) {
        if self.ctx.options.ignore_errors {
            return;
        }
        for problem in Problem::of_bits(io_error as u8) {
            self.ctx.problems.add(Role::Sender, problem);
        }
    }

    fn make(&mut self, entries: Vec<Entry>, parent: Option<EntryRef>) -> Arc<Segment> {
        {
            let mut tally = self.ctx.tally();
            for entry in &entries {
                tally.stats.files.add(entry.mode());
                if entry.is_regular() || entry.is_symlink() {
                    tally.stats.total_size += entry.size;
                }
            }
            tally.totals.files_known = tally.stats.files.total;
            tally.totals.files_to_check += entries.len() as u64;
            tally.totals.total_size = tally.stats.total_size;
        }
        let cleaned = sort_and_clean(entries);
        let incremental = self.rules.protocol.is_incremental();
        if incremental {
            self.segments += 1;
        }
        let begins_with_dot = cleaned
            .entries
            .first()
            .is_some_and(|e| e.is_dir() && e.basename() == b".");
        let parent = match parent {
            Some(parent) => Parent::Entry(parent),
            None if begins_with_dot => Parent::Dot,
            None => Parent::None,
        };
        let dropped_dirs = cleaned.dropped_dirs.clone();
        let after_errors = self.ctx.problems.source_is_incomplete();
        let segment = Arc::new(Segment::new(
            cleaned,
            self.listed,
            self.segments,
            parent,
            after_errors,
        ));
        self.listed += segment.listed;
        if incremental {
            self.number_directories(&segment, &dropped_dirs);
        }
        segment
    }

    /// Directories are numbered in the order of the list, those that were dropped too: nothing
    /// comes for these.
    fn number_directories(&mut self, segment: &Arc<Segment>, dropped: &[u32]) {
        let mut dropped = dropped.iter().peekable();
        let dirs = (0..segment.entries.len()).filter(|&i| segment.entries[i].is_dir());
        for index in dirs {
            let place = segment.place(index) as u32;
            while dropped.next_if(|&&p| p < place).is_some() {
                self.directories.push(None);
            }
            self.directories.push(Some(EntryRef {
                segment: segment.clone(),
                index,
                content: None,
            }));
        }
        self.directories.extend(dropped.map(|_| None));
    }
}

impl Gathering {
    fn add(
        &mut self,
        name: &[u8],
        index: i32,
        entry: &WireEntry<'_>,
        rules: &ListRules,
        recurses: bool,
        top: &mut Option<Vec<u8>>,
    ) -> Result<(), StreamError> {
        let Some(stat) = stat(&entry.attributes) else {
            let text = "the sender lists an argument that is missing there, which is not supported";
            return Err(wire::Error::Unsupported(text.to_owned()).into());
        };
        let flags = flags(name, entry, rules, recurses, top);
        let mut extra = Extra::default();
        if rules.links && stat.kind == FileKind::Symlink {
            extra.link_target = Some(entry.link_target.into());
        }
        if !entry.checksum.is_empty() && stat.kind == FileKind::Regular {
            extra.checksum = Some(entry.checksum.into());
        }
        extra.identity = identity(entry.hard_link, index);
        let extra = (extra != Extra::default()).then(|| Box::new(extra));
        let (dirname, basename) = split(name);
        let same = self.names.as_ref().is_some_and(|n| n.dirname() == dirname);
        if !same {
            self.end_directory();
            self.names = Some(Gatherer::new(0, dirname));
        }
        if let Some(names) = &mut self.names {
            names.add(basename, Some(stat.kind));
        }
        self.described.push(Described { stat, flags, extra });
        Ok(())
    }

    fn len(&self) -> usize {
        self.entries.len() + self.described.len()
    }

    fn end_directory(&mut self) {
        let Some(names) = self.names.take() else {
            return;
        };
        let mut described = self.described.drain(..);
        for name in names.finish().iter().flat_map(|batch| batch.names()) {
            let Some(Described { stat, flags, extra }) = described.next() else {
                break;
            };
            let mut entry = Entry::new(name, &stat);
            entry.set_flags(flags);
            if let Some(extra) = extra {
                let Extra {
                    link_target,
                    checksum,
                    identity,
                    ..
                } = *extra;
                let own = entry.extra_mut();
                (own.link_target, own.checksum, own.identity) = (link_target, checksum, identity);
            }
            self.entries.push(entry);
        }
    }

    fn finish(mut self) -> Vec<Entry> {
        self.end_directory();
        self.entries
    }
}

/// What an entry says of itself; `None` for one that stands for a missing argument.
fn stat(attributes: &Attributes) -> Option<Stat> {
    Some(Stat {
        kind: FileKind::from_mode(attributes.mode)?,
        permissions: attributes.mode & 0o7777,
        uid: attributes.uid,
        gid: attributes.gid,
        size: attributes.size,
        mtime: Timestamp {
            secs: attributes.mtime,
            nanos: attributes.mtime_nsec,
        },
        atime: Timestamp::default(),
        device: 0,
        inode: 0,
        links: 1,
        allocated: 0,
        special: DeviceNumber {
            major: attributes.device.major,
            minor: attributes.device.minor,
        },
    })
}

// rsync: flist.c recv_file_entry(), XMIT_TOP_DIR and XMIT_NO_CONTENT_DIR
fn flags(
    name: &[u8],
    entry: &WireEntry<'_>,
    rules: &ListRules,
    recurses: bool,
    top: &mut Option<Vec<u8>>,
) -> EntryFlags {
    let mut flags = EntryFlags::default();
    if FileKind::from_mode(entry.attributes.mode) != Some(FileKind::Directory) {
        return flags;
    }
    match entry.directory {
        DirectoryRole::Top => {
            flags.top_dir = true;
            flags.content_dir = true;
            *top = recurses.then(|| name.to_vec());
        }
        DirectoryRole::Content if rules.protocol.is_packed() => flags.content_dir = true,
        // Before, only the names say what lies below a directory that was named.
        DirectoryRole::Content => {
            flags.content_dir = top.as_ref().is_some_and(|top| {
                top == b"."
                    || name
                        .strip_prefix(&top[..])
                        .is_some_and(|n| n.starts_with(b"/"))
            });
        }
        DirectoryRole::Implied => flags.implied_dir = true,
        DirectoryRole::Bare => {}
    }
    flags
}

/// What names of one file have in common. Numbers of a group and of a device never meet in one
/// session.
fn identity(link: HardLink, own: i32) -> Option<FileId> {
    match link {
        HardLink::None => None,
        HardLink::First => Some(FileId {
            device: 0,
            inode: own as u64,
        }),
        HardLink::Of(first) => Some(FileId {
            device: 0,
            inode: first as u64,
        }),
        HardLink::Inode { device, inode } => Some(FileId {
            device: device as u64,
            inode: inode as u64,
        }),
    }
}
