//! Puts the file list onto the wire, a segment at a time.
// rsync: flist.c send_file_entry(), send_file_list(), send_extra_file_list(); uidlist.c
// send_id_lists(); hlink.c hard_link_check() for the sender's part

use crate::charset::ListCharset;
use crate::ids;
use crate::segment::{Parent, Segment};
use crate::{acls, xattrs};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tree::acl::{AclId, Acls};
use tree::entry::{Entry, FileId};
use tree::order::ListOrder;
use tree::xattrs::Xattrs;
use wire::Ndx;
use wire::flist::{
    Attributes, Device, DirectoryRole, EntryAcls, EntryEncoder, HardLink, ListRules, Listed,
    WireEntry, XattrList,
    ids::{put_id, put_ids_end},
    put_late_io_error,
};
use wire::ndx::NdxWriter;

/// Which of an entry's access control lists: they are numbered apart.
#[derive(Clone, Copy)]
enum List {
    Access,
    Default,
}

/// An access control list on its way.
enum Crossing {
    Earlier(u32),
    New(wire::flist::Acl),
}

impl Crossing {
    fn listed(&self) -> Listed<'_, wire::flist::Acl> {
        match self {
            Crossing::Earlier(number) => Listed::Earlier(*number),
            Crossing::New(acl) => Listed::New(acl),
        }
    }
}

/// Writes the list.
pub(crate) struct ListWriter {
    rules: ListRules,
    charset: Option<ListCharset>,
    encoder: EntryEncoder,
    /// The first entry of each file with several names.
    links: HashMap<FileId, First>,
    /// Ids whose names were sent, or are to be.
    users: HashSet<u32>,
    groups: HashSet<u32>,
    /// The number of each directory whose content has not been sent, by its number in the list.
    directories: HashMap<u64, u32>,
    directories_sent: u32,
    /// Access control lists that crossed, by [`List`], and how many did before.
    acls: [HashMap<tree::acl::Acl, u32>; 2],
    /// Those of an entry whose mode says all.
    no_acls: Arc<Acls>,
    /// Extended attributes that crossed, and how many did before.
    xattrs: HashMap<Arc<Xattrs>, u32>,
    /// Those of an entry that has none.
    no_xattrs: Arc<Xattrs>,
}

/// The first of several names.
struct First {
    index: i32,
    attributes: Attributes,
    target: Box<[u8]>,
    checksum: Box<[u8]>,
}

impl ListWriter {
    pub fn new(rules: ListRules, charset: Option<ListCharset>) -> ListWriter {
        ListWriter {
            charset,
            encoder: EntryEncoder::new(rules),
            rules,
            links: HashMap::new(),
            users: HashSet::new(),
            groups: HashSet::new(),
            directories: HashMap::new(),
            directories_sent: 0,
            acls: Default::default(),
            no_acls: Arc::default(),
            xattrs: HashMap::new(),
            no_xattrs: Arc::default(),
        }
    }

    /// Appends a segment, announced by the directory that it is the content of if it is not the
    /// first.
    ///
    /// # Errors
    /// The list is longer than numbers reach.
    pub fn put(
        &mut self,
        out: &mut Vec<u8>,
        numbers: &mut NdxWriter,
        segment: &Arc<Segment>,
        io_error: u32,
    ) -> Result<(), wire::Error> {
        if let Parent::Entry(parent) = &segment.parent {
            let number = self.directories.remove(&parent.number()).ok_or_else(|| {
                wire::Error::misbehaving("a directory's content without the directory")
            })?;
            numbers.put(out, Ndx::List(number));
        }
        let incremental = self.rules.protocol.is_incremental();
        for (at, entry) in in_sending_order(segment) {
            self.put_entry(out, entry)?;
            if incremental && entry.is_dir() {
                // These are sent in the order of their numbers.
                let number = segment.first_index + at as u64;
                self.directories.insert(number, self.directories_sent);
                self.directories_sent += 1;
            }
        }
        self.encoder.end(out, io_error)?;
        if !incremental {
            self.put_ids(out);
        }
        put_late_io_error(out, self.rules.protocol, io_error);
        Ok(())
    }

    fn put_entry(&mut self, out: &mut Vec<u8>, entry: &Entry) -> Result<(), wire::Error> {
        let mut name = entry.path();
        let mut link_target = Cow::Borrowed(entry.link_target());
        if let Some(charset) = &self.charset {
            // What cannot be converted is not in the list.
            name = charset.names.text_to_wire(&name);
            if charset.links {
                link_target = Cow::Owned(charset.names.text_to_wire(&link_target));
            }
        }
        let attributes = attributes(entry);
        let user_name = self.user_name(attributes.uid);
        let group_name = self.group_name(attributes.gid);
        let mut wire = WireEntry {
            name: &name,
            attributes,
            directory: role(entry),
            user_name: user_name.as_deref(),
            group_name: group_name.as_deref(),
            link_target: &link_target,
            hard_link: HardLink::None,
            checksum: entry.checksum(),
            acls: None,
            xattrs: None,
        };
        let (access, default);
        if self.rules.acls && !entry.is_symlink() {
            let acls = entry.acls().unwrap_or(&self.no_acls).clone();
            (access, default) = (
                self.acl(&acls.access, List::Access),
                entry
                    .is_dir()
                    .then(|| self.acl(&acls.default, List::Default)),
            );
            wire.acls = Some(EntryAcls {
                access: access.listed(),
                default: default.as_ref().map(Crossing::listed),
            });
        }
        let list;
        if self.rules.xattrs {
            wire.xattrs = Some(
                match self.xattrs.get(entry.xattrs().unwrap_or(&self.no_xattrs)) {
                    Some(&number) => Listed::Earlier(number),
                    None => {
                        list = self.new_xattrs(entry);
                        Listed::New(&list)
                    }
                },
            );
        }
        let zeros = [0; 32];
        if self.rules.checksum_len > 0 && wire.checksum.is_empty() {
            // What could not be summed has a sum that nothing has.
            wire.checksum = &zeros[..usize::from(self.rules.checksum_len)];
        }
        let Some(id) = entry.identity().filter(|_| self.rules.hard_links) else {
            self.encoder.put(out, &wire)?;
            return Ok(());
        };
        if !self.rules.protocol.is_packed() {
            wire.hard_link = HardLink::Inode {
                device: id.device as i64,
                inode: id.inode as i64,
            };
            self.encoder.put(out, &wire)?;
            return Ok(());
        }
        if let Some(first) = self.links.get(&id) {
            wire.hard_link = HardLink::Of(first.index);
            wire.attributes = first.attributes;
            wire.link_target = &first.target;
            wire.checksum = &first.checksum;
            self.encoder.put(out, &wire)?;
            return Ok(());
        }
        wire.hard_link = HardLink::First;
        let index = self.encoder.put(out, &wire)?;
        let first = First {
            index,
            attributes,
            target: wire.link_target.into(),
            checksum: wire.checksum.into(),
        };
        self.links.insert(id, first);
        Ok(())
    }

    /// How an access control list crosses.
    fn acl(&mut self, acl: &tree::acl::Acl, which: List) -> Crossing {
        let known = &mut self.acls[which as usize];
        if let Some(&number) = known.get(acl) {
            return Crossing::Earlier(number);
        }
        known.insert(acl.clone(), known.len() as u32);
        let (numeric, incremental) = (self.rules.numeric_ids, self.rules.protocol.is_incremental());
        let wire = acls::to_wire(acl, |who| {
            let name = match who {
                _ if numeric => None,
                AclId::User(uid) => self.new_user(uid),
                AclId::Group(gid) => self.new_group(gid),
            };
            name.filter(|_| incremental)
        });
        Crossing::New(wire)
    }

    /// The attributes of an entry, which cross in full for the first time.
    fn new_xattrs(&mut self, entry: &Entry) -> XattrList {
        let number = self.xattrs.len() as u32;
        let list = entry.xattrs().unwrap_or(&self.no_xattrs).clone();
        let wire = xattrs::to_wire(&list);
        self.xattrs.insert(list, number);
        wire
    }

    /// The name of an owner where it goes beside the entry.
    fn user_name(&mut self, uid: u32) -> Option<Vec<u8>> {
        let wanted = self.rules.uid && !self.rules.numeric_ids;
        wanted.then(|| self.new_user(uid)).flatten()
    }

    /// The name of a user that was not listed before.
    fn new_user(&mut self, uid: u32) -> Option<Vec<u8>> {
        if (uid == 0 && !self.rules.protocol.has_id0_names()) || !self.users.insert(uid) {
            return None;
        }
        let incremental = self.rules.protocol.is_incremental();
        incremental.then(|| ids::user_name(uid)).flatten()
    }

    fn group_name(&mut self, gid: u32) -> Option<Vec<u8>> {
        let wanted = self.rules.gid && !self.rules.numeric_ids;
        wanted.then(|| self.new_group(gid)).flatten()
    }

    /// The name of a group that was not listed before.
    fn new_group(&mut self, gid: u32) -> Option<Vec<u8>> {
        if (gid == 0 && !self.rules.protocol.has_id0_names()) || !self.groups.insert(gid) {
            return None;
        }
        let incremental = self.rules.protocol.is_incremental();
        incremental.then(|| ids::group_name(gid)).flatten()
    }

    fn put_ids(&self, out: &mut Vec<u8>) {
        let protocol = self.rules.protocol;
        type NameOf = fn(u32) -> Option<Vec<u8>>;
        let lists: [(bool, &HashSet<u32>, NameOf); 2] = [
            (self.rules.lists_users(), &self.users, ids::user_name),
            (self.rules.lists_groups(), &self.groups, ids::group_name),
        ];
        for (wanted, known, name_of) in lists {
            if !wanted {
                continue;
            }
            let mut known: Vec<u32> = known.iter().copied().filter(|&id| id != 0).collect();
            known.sort_unstable();
            for id in known {
                if let Some(name) = name_of(id) {
                    put_id(out, protocol, id, &name);
                }
            }
            put_ids_end(out, protocol, &name_of(0).unwrap_or_default());
        }
    }
}

/// An order in which the content of a directory comes right behind it: the receiver sorts, and before
/// protocol 30 takes what comes there for content.
// rsync: flist.c recv_file_entry(), in_del_hier
pub(crate) const SENDING_ORDER: ListOrder = ListOrder::FilesFirst;

/// The entries and their places in [`SENDING_ORDER`].
fn in_sending_order(segment: &Segment) -> impl Iterator<Item = (usize, &Entry)> {
    let order = SENDING_ORDER;
    let all = 0..segment.entries.len();
    let mut places: Option<Vec<usize>> = (segment.order != order).then(|| all.clone().collect());
    if let Some(places) = &mut places {
        let entry = |at: usize| &segment.entries[at];
        places.sort_by(|&a, &b| order.compare_entries(entry(a), entry(b)));
    }
    all.map(move |at| {
        let at = places.as_ref().map_or(at, |places| places[at]);
        (at, &segment.entries[at])
    })
}

fn attributes(entry: &Entry) -> Attributes {
    let mtime = entry.mtime();
    let device = entry.device();
    Attributes {
        mode: entry.mode(),
        size: entry.size,
        mtime: mtime.secs,
        mtime_nsec: mtime.nanos,
        atime: entry.atime().unwrap_or_default(),
        crtime: 0,
        uid: entry.uid,
        gid: entry.gid,
        device: Device {
            major: device.major,
            minor: device.minor,
        },
    }
}

// rsync: flist.c send_file_entry(), XMIT_TOP_DIR and XMIT_NO_CONTENT_DIR
fn role(entry: &Entry) -> DirectoryRole {
    let flags = entry.flags();
    match (entry.is_dir(), flags.top_dir, flags.content_dir) {
        (false, ..) => DirectoryRole::Content,
        (true, true, true) => DirectoryRole::Top,
        (true, _, true) => DirectoryRole::Content,
        (true, ..) if flags.implied_dir => DirectoryRole::Implied,
        (true, ..) => DirectoryRole::Bare,
    }
}
