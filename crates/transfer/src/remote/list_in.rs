//! Takes the file list off the wire: entries become the same segments that a local sender makes.
// rsync: flist.c recv_file_list(), recv_file_entry(); uidlist.c recv_id_list()

use super::StreamError;
use super::asked_for::{AskedFor, Standing};
use super::inlet::Inlet;
use super::listed_attributes::{ListedAttributes, Own};
use super::session::Messenger;
use crate::charset::ListCharset;
use crate::context::{Context, line};
use crate::error::Problem;
use crate::event::{FileList, Role, Severity};
use crate::ids::Ids;
use crate::segment::{EntryRef, Numbering, Parent, Segment, sort_and_clean};
use crate::xattrs::XattrRules;
use fast_io::dir::{DeviceNumber, FileKind, Stat, Timestamp};
use options::Options;
use std::sync::Arc;
use tree::entry::{Entry, EntryFlags, Extra, FileId, Times, split};
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
    numbering: Numbering,
    charset: Option<Conversion>,
    decoder: EntryDecoder,
    /// Every directory so far, in the order in which both sides number them.
    directories: Vec<Directory>,
    /// How many entries all segments have.
    listed: u64,
    has_begun: bool,
    segments: u64,
    /// Extended attributes and access control lists.
    attributes: ListedAttributes,
    /// Before protocol 30: the directory below which everything is content.
    top_name: Option<Vec<u8>>,
}

/// By what a list is converted.
pub(crate) struct Conversion {
    pub charset: ListCharset,
    /// Where a server tells of names that are not of its character set: as they came.
    pub client: Option<Messenger>,
}

/// A directory that the other side may announce the content of.
#[derive(Clone)]
enum Directory {
    Known(EntryRef),
    /// Its name, and so that of all that is in it, is not of our character set.
    Unnamed,
    /// Its content came, or never comes.
    Closed,
}

/// Entries of one segment, as they come.
#[derive(Default)]
struct Gathering {
    entries: Vec<Entry>,
    /// Names of the directory that comes now, and what belongs to them.
    names: Option<Gatherer>,
    described: Vec<Described>,
    /// How many have come.
    came: u32,
    /// Which of them are left out, and whether that is a directory.
    missing: Vec<(u32, bool)>,
}

struct Described {
    /// `None`: an argument that is missing.
    stat: Option<Stat>,
    flags: EntryFlags,
    extra: Option<Box<Extra>>,
}

impl ListReader {
    pub fn new(
        ctx: Arc<Context>,
        ids: Arc<Ids>,
        rules: ListRules,
        numbering: Numbering,
        charset: Option<Conversion>,
        asked: AskedFor,
    ) -> ListReader {
        ListReader {
            asked,
            attributes: ListedAttributes::new(ctx.options.max_alloc),
            numbering,
            charset,
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

    /// Has it take extended attributes.
    pub fn with_xattrs(mut self, rules: Option<XattrRules>) -> ListReader {
        self.attributes.rules = rules;
        self
    }

    /// Takes so much memory for values of extended attributes.
    pub fn take_memory(&mut self, bytes: u64) -> Result<(), StreamError> {
        self.attributes.take_memory(bytes)
    }

    /// Reads the first segment, or all of the list.
    pub fn first(&mut self, inlet: &mut Inlet) -> Result<Arc<Segment>, StreamError> {
        let segment = self.segment(inlet, &Directory::Closed)?;
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
        let parent = std::mem::replace(slot, Directory::Closed);
        if matches!(parent, Directory::Closed) {
            let text = format!("refusing malicious duplicate flist for dir {directory}");
            return Err(wire::Error::misbehaving(text).into());
        }
        self.segment(inlet, &parent)
    }

    fn segment(
        &mut self,
        inlet: &mut Inlet,
        parent: &Directory,
    ) -> Result<Arc<Segment>, StreamError> {
        let incremental = self.rules.protocol.is_incremental();
        let directory = match parent {
            Directory::Known(parent) => Some(parent.entry().path()),
            Directory::Unnamed | Directory::Closed => None,
        };
        let directory = directory.as_deref().filter(|d| *d != b".").unwrap_or(b"");
        let is_named = !matches!(parent, Directory::Unnamed);
        let mut gathering = Gathering::default();
        let most = match self.ctx.options.max_alloc {
            0 => u64::MAX,
            bytes => bytes / POINTER,
        };
        let io_error = loop {
            match self.decoder.next(inlet)? {
                Item::End { io_error, .. } => break io_error,
                Item::Entry { index, mut entry } => {
                    let (mode, xattrs, acls) = (entry.attributes.mode, entry.xattrs, entry.acls);
                    let own = self.attributes.take(mode, xattrs, acls, &self.ids)?;
                    let converted = match &self.charset {
                        None => Some(None),
                        Some(conversion) => conversion.convert(&self.ctx, &entry).map(Some),
                    };
                    let names = if self.ctx.options.relative {
                        Names::Rooted
                    } else {
                        Names::Beneath
                    };
                    if let (Some(id), Some(name)) = (
                        self.rules.uid.then_some(entry.attributes.uid),
                        entry.user_name,
                    ) {
                        self.ids.learn_user(id, name)?;
                    }
                    if let (Some(id), Some(name)) = (
                        self.rules.gid.then_some(entry.attributes.gid),
                        entry.group_name,
                    ) {
                        self.ids.learn_group(id, name)?;
                    }
                    let Some(converted) = converted.filter(|_| is_named) else {
                        gathering.leave_out(entry.attributes.mode);
                        continue;
                    };
                    if let Some((name, link_target)) = &converted {
                        (entry.name, entry.link_target) = (name, link_target);
                    }
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
                    let options = &self.ctx.options;
                    let top = &mut self.top_name;
                    gathering.add(&name, index, &entry, &self.rules, options, top)?;
                    gathering.give(own);
                    if gathering.len() as u64 > most {
                        return Err(StreamError::TooLarge(self.ctx.options.max_alloc));
                    }
                    if !incremental && self.segments == 0 {
                        self.count_progress(gathering.len());
                    }
                }
            }
        };
        let missing = std::mem::take(&mut gathering.missing);
        let mut entries = gathering.finish();
        self.adapt(&mut entries);
        if !incremental {
            let all = FileList::Finished(entries.len() as u64);
            self.ctx.narrator.file_list(all);
            self.read_ids(inlet)?;
        }
        let io_error = io_error | late_io_error(inlet, self.rules.protocol)?;
        self.remember(io_error);
        Ok(self.make(entries, &missing, parent))
    }

    /// What this side's options make of the sender's entries.
    // rsync: flist.c recv_file_entry(), chmod_modes and munge_symlinks
    fn adapt(&self, entries: &mut [Entry]) {
        let o = &self.ctx.options;
        for entry in entries {
            if entry.is_missing() {
                continue;
            }
            if !entry.is_symlink() {
                if !o.chmod.is_empty() {
                    entry.set_mode(o.chmod.apply(entry.mode(), self.ctx.umask));
                }
            } else if o.munge_links
                && let Some(target) = &mut entry.extra_mut().link_target
            {
                *target = [MUNGE_PREFIX, target].concat().into();
            }
        }
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

    fn make(
        &mut self,
        entries: Vec<Entry>,
        missing: &[(u32, bool)],
        parent: &Directory,
    ) -> Arc<Segment> {
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
        let mut cleaned = sort_and_clean(entries, self.ctx.era.order, self.numbering);
        if !missing.is_empty() {
            let numbers: Vec<u32> = missing.iter().map(|(number, _)| *number).collect();
            cleaned.leave_out(&numbers);
        }
        let incremental = self.rules.protocol.is_incremental();
        if incremental {
            self.segments += 1;
        }
        let begins_with_dot = cleaned
            .entries
            .first()
            .is_some_and(|e| e.is_dir() && e.basename() == b".");
        let parent = match parent {
            Directory::Known(parent) => Parent::Entry(parent.clone()),
            Directory::Closed if begins_with_dot => Parent::Dot,
            Directory::Closed | Directory::Unnamed => Parent::None,
        };
        let dropped = cleaned.dropped_dirs.iter();
        let dropped = dropped.map(|&place| (cleaned.number_at(place), Directory::Closed));
        let missing = missing.iter().filter(|(_, is_dir)| *is_dir);
        let missing = missing.map(|(number, _)| (*number, Directory::Unnamed));
        let other_dirs: Vec<_> = dropped.chain(missing).collect();
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
            self.number_directories(&segment, other_dirs);
        }
        segment
    }

    /// Directories are numbered in the order of all numbers, those too that are not in the list.
    fn number_directories(&mut self, segment: &Arc<Segment>, others: Vec<(u32, Directory)>) {
        let listed = (0..segment.entries.len()).filter(|&index| segment.entries[index].is_dir());
        let listed = listed.map(|index| EntryRef {
            segment: segment.clone(),
            index,
            content: None,
        });
        let first = segment.first_index;
        let others = others
            .into_iter()
            .map(|(number, directory)| (first + u64::from(number), directory));
        let mut numbered: Vec<_> = listed
            .map(|entry| (entry.number(), Directory::Known(entry)))
            .chain(others)
            .collect();
        numbered.sort_by_key(|(number, _)| *number);
        self.directories
            .extend(numbered.into_iter().map(|(_, directory)| directory));
    }
}

impl Gathering {
    fn add(
        &mut self,
        name: &[u8],
        index: i32,
        entry: &WireEntry<'_>,
        rules: &ListRules,
        options: &Options,
        top: &mut Option<Vec<u8>>,
    ) -> Result<(), StreamError> {
        // Only where `--delete-missing-args` was given, there are entries that are nothing.
        let stat = stat(&entry.attributes);
        let kind = stat.as_ref().map(|stat| stat.kind);
        let named = (options.recurse, options.relative);
        let flags = flags(name, entry, rules, named, top);
        let mut extra = Extra::default();
        if rules.links && kind == Some(FileKind::Symlink) {
            extra.link_target = Some(entry.link_target.into());
        }
        if !entry.checksum.is_empty() && kind == Some(FileKind::Regular) {
            extra.checksum = Some(entry.checksum.into());
        }
        if kind.is_some() {
            extra.identity = identity(entry.hard_link, index);
        }
        if rules.atimes && kind.is_some_and(|kind| kind != FileKind::Directory) {
            extra.times = Some(Box::new(Times {
                atime: Some(entry.attributes.atime),
                ..Times::default()
            }));
        }
        let extra = (extra != Extra::default()).then(|| Box::new(extra));
        let (dirname, basename) = split(name);
        let same = self.names.as_ref().is_some_and(|n| n.dirname() == dirname);
        if !same {
            self.end_directory();
            self.names = Some(Gatherer::new(0, dirname));
        }
        if let Some(names) = &mut self.names {
            names.add(basename, kind);
        }
        self.came += 1;
        self.described.push(Described { stat, flags, extra });
        Ok(())
    }

    /// Gives the entry that was added last its further attributes.
    fn give(&mut self, own: Own) {
        if let Some(last) = self.described.last_mut() {
            own.give(&mut last.extra);
        }
    }

    /// Counts an entry that is not to be in the list.
    fn leave_out(&mut self, mode: u32) {
        let is_dir = FileKind::from_mode(mode) == Some(FileKind::Directory);
        self.missing.push((self.came, is_dir));
        self.came += 1;
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
            let mut entry = match &stat {
                Some(stat) => Entry::new(name, stat),
                None => Entry::missing(name),
            };
            entry.set_flags(flags);
            if let Some(extra) = extra {
                let Extra {
                    link_target,
                    checksum,
                    identity,
                    xattrs,
                    acls,
                    times,
                    ..
                } = *extra;
                if let Some(atime) = times.and_then(|times| times.atime) {
                    entry.set_atime(atime);
                }
                let own = entry.extra_mut();
                (own.link_target, own.checksum, own.identity) = (link_target, checksum, identity);
                (own.xattrs, own.acls) = (xattrs, acls);
            }
            self.entries.push(entry);
        }
    }

    fn finish(mut self) -> Vec<Entry> {
        self.end_directory();
        self.entries
    }
}

impl Conversion {
    /// An entry's name and what it holds as a symbolic link, in our character set; says so if they
    /// are not of that.
    fn convert(&self, ctx: &Context, entry: &WireEntry<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
        // Nothing is deleted for the want of what cannot be named.
        let failed = || ctx.problems.add(Role::Sender, Problem::General);
        let ListCharset { names, links } = &self.charset;
        let name = match names.off_wire(entry.name) {
            Ok(name) => name,
            Err(e) => {
                failed();
                let end = format!(" ({e})");
                let text = line!("[receiver] cannot convert filename: ", entry.name, end);
                match &self.client {
                    Some(client) if client.tell(Severity::Error, &line!(text, "\n")) => {}
                    _ => ctx.error(Role::Receiver, text),
                }
                return None;
            }
        };
        if !links {
            return Some((name, entry.link_target.to_vec()));
        }
        match names.off_wire(entry.link_target) {
            Ok(target) => Some((name, target)),
            Err(e) => {
                failed();
                let end = format!("\" ({e})");
                let text = line!("[receiver] cannot convert symlink data for: \"", name, end);
                ctx.transfer_error(Role::Receiver, text);
                None
            }
        }
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
    (recurses, relative): (bool, bool),
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
        // Before, what lies below a directory that was named comes behind it.
        DirectoryRole::Content => {
            if let Some(above) = top {
                flags.content_dir = !relative
                    || above == b"."
                    || name
                        .strip_prefix(&above[..])
                        .is_some_and(|n| n.starts_with(b"/"));
                if !flags.content_dir {
                    *top = None;
                }
            }
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
