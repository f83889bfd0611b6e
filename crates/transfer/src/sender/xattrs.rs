//! The extended attributes of what is listed, and their values when they are asked for.
// rsync: xattrs.c get_xattr(), send_xattr_request(); flist.c send_file_name()

use super::Sender;
use super::entry::Surroundings;
use crate::context::{Context, full_name, line};
use crate::error::Problem;
use crate::event::Role;
use crate::xattrs::{XattrRules, read};
use fast_io::dir::{FileKind, XattrsOf, xattr};
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tree::entry::Entry;
use tree::filter::{FilterSet, Side};
use tree::xattrs::Xattrs;

/// What a sender knows of attributes.
pub(super) struct SenderXattrs {
    rules: XattrRules,
    /// In a local session only what is taken too needs to be listed.
    taken: Option<XattrRules>,
    /// Lists that there are, which many entries share.
    lists: Mutex<HashSet<Arc<Xattrs>>>,
}

/// How many lists are remembered where nothing else keeps them. Over a wire all are, as numbers stand
/// for them.
const LISTS: usize = 10_000;

impl SenderXattrs {
    pub fn new(ctx: &Context, filters: &FilterSet) -> Option<SenderXattrs> {
        Some(SenderXattrs {
            rules: XattrRules::of(ctx, filters, Side::Sender)?,
            taken: XattrRules::of(ctx, filters, Side::Receiver),
            lists: Mutex::default(),
        })
    }

    /// The list that is to be used for one that was made: the same as before if it is equal.
    fn shared(&self, list: Xattrs, is_local: bool) -> Arc<Xattrs> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.get(&list) {
            return known.clone();
        }
        if is_local && lists.len() >= LISTS {
            lists.clear();
        }
        let list = Arc::new(list);
        lists.insert(list.clone());
        list
    }
}

impl Sender {
    /// Adds the attributes of an entry. False if they cannot be read, which has been told.
    pub(super) fn add_xattrs(&self, around: &Surroundings<'_>, entry: &mut Entry) -> bool {
        let o = &self.ctx.options;
        let Some(xattrs) = &self.xattrs else {
            return true;
        };
        let has_them = match entry.kind() {
            Some(FileKind::Regular | FileKind::Directory) => true,
            Some(FileKind::Symlink) => o.preserve_links,
            Some(kind) if kind.is_device() => o.preserve_devices,
            Some(_) => o.preserve_specials,
            None => false,
        };
        if !has_them {
            return true;
        }
        let is_local = self.for_wire.is_none();
        let counts = |name: &[u8]| {
            let is_taken = || xattrs.taken.as_ref().is_none_or(|rules| rules.takes(name));
            xattrs.rules.sends(name) && (!is_local || is_taken())
        };
        let of = XattrsOf::Entry(around.dir, entry.basename());
        let shown = || full_name(&around.source.absolute, &entry.path());
        match read(&self.ctx, Role::Sender, of, counts, shown) {
            Ok(Some(list)) => {
                entry.extra_mut().xattrs = Some(xattrs.shared(list, is_local));
                true
            }
            Ok(None) => true,
            Err(()) => {
                self.ctx.problems.add(Role::Sender, Problem::General);
                false
            }
        }
    }

    /// The value of an entry's attribute as it is now. If it cannot be had, that has been told.
    pub(crate) fn xattr_value(&self, entry: &Entry, name: &[u8]) -> Option<Vec<u8>> {
        let value = self
            .open_parent(entry)
            .and_then(|dir| xattr(XattrsOf::Entry(&dir, entry.basename()), name))
            .and_then(|value| value.ok_or_else(|| io::ErrorKind::NotFound.into()));
        match value {
            Ok(value) => Some(value),
            Err(e) => {
                let path = entry.path();
                let text = line!("failed to re-read xattr ", name, " for ", path);
                self.ctx.transfer_error_os(Role::Sender, text, e);
                None
            }
        }
    }
}
