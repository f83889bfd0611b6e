//! Gives entries of the destination their extended attributes: files when they are complete, all
//! else when the other side has told the values that were asked for.
// rsync: xattrs.c set_xattr(), rsync_xal_set(); receiver.c recv_files()

use super::{ROLE, Receiver};
use crate::attrs::{Handle, keeps_time};
use crate::context::line;
use crate::destination::DestDir;
use crate::origin::Origin;
use crate::xattrs::{each, names, sum};
use fast_io::dir::{FileKind, XattrsOf, remove_xattr, set_xattr, xattr};
use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use tree::entry::Entry;
use tree::xattrs::{LongValue, Xattr, XattrValue};

/// Where an entry stands whose attributes are to be set, or compared.
#[derive(Clone)]
pub(crate) struct Standing {
    pub dir: Arc<DestDir>,
    pub leaf: Vec<u8>,
}

impl Receiver {
    /// Sets the attributes of an entry of which no content is transferred. `old` has values that were
    /// not asked for.
    pub(crate) fn set_late_xattrs(&self, entry: &Entry, at: &Standing, old: Option<&Standing>) {
        let handle = Handle::Name(&at.dir.dir, &at.leaf);
        let path = match &at.leaf[..] {
            b"." if !at.dir.path.is_empty() => at.dir.path.clone(),
            leaf => tree::entry::join(&at.dir.path, leaf),
        };
        let shown = || self.shown(&path);
        let old = old.map(|old| XattrsOf::Entry(&old.dir.dir, &old.leaf));
        let set = self.set_xattrs(entry, &handle, old, shown);
        // rsync sets the time whenever it set an attribute, as some systems change it with that.
        if set
            && keeps_time(&self.ctx.options, entry.mode())
            && let Err(e) = handle.set_mtime(entry.mtime())
        {
            let text = line!("failed to set times on ", shown());
            self.ctx.transfer_error_os(ROLE, text, e);
        }
    }

    /// Makes an entry's attributes those that the list has. `old` is what a new file replaces: values
    /// that it has already are not asked for. `shown` is what errors call it. True if rsync would have
    /// set or removed one: it sets short ones that are there already once more.
    pub(super) fn set_xattrs(
        &self,
        entry: &Entry,
        handle: &Handle<'_>,
        old: Option<XattrsOf<'_>>,
        shown: impl Fn() -> Vec<u8>,
    ) -> bool {
        let Some(rules) = &self.xattrs else {
            return false;
        };
        let of = handle.xattrs();
        let there = match names(of) {
            Ok(names) => names,
            Err(e) => {
                let text = line!("get_xattr_names: llistxattr(", shown(), ",1024) failed");
                self.ctx.transfer_error_os(ROLE, text, e);
                return false;
            }
        };
        let mut set = false;
        let mut access = Access::new(handle);
        let failed = |what: &str, name: &[u8], e| {
            let text = line!(
                "rsync_xal_set: ",
                what,
                "(",
                shown(),
                ",\"",
                name,
                "\") failed"
            );
            self.ctx.transfer_error_os(ROLE, text, e);
        };
        let wanted = entry.xattrs();
        for item in wanted.map_or(&[][..], |list| list.items()) {
            let Some(value) = self.xattr_value(entry, item, old.unwrap_or(of)) else {
                let text = line!("Missing abbreviated xattr value, ", item.name, ", for ");
                self.ctx.transfer_error(ROLE, line!(text, shown()));
                continue;
            };
            let stands = each(&there).any(|name| *name == *item.name)
                && xattr(of, &item.name).is_ok_and(|now| now.as_deref() == Some(&*value));
            set |= !stands || matches!(item.value, XattrValue::Whole(_));
            if !stands && let Err(e) = access.change(|| set_xattr(of, &item.name, &value)) {
                failed("lsetxattr", &item.name, e);
            }
        }
        let is_wanted = |name: &[u8]| wanted.is_some_and(|list| list.contains(name));
        for name in each(&there).filter(|name| rules.replaces(name) && !is_wanted(name)) {
            set = true;
            if let Err(e) = access.change(|| remove_xattr(of, name)) {
                failed("lremovexattr", name, e);
            }
        }
        access.restore();
        set
    }

    /// Whether all values of an entry's attributes are at hand.
    pub(super) fn has_xattr_values(&self, entry: &Entry, old: XattrsOf<'_>) -> bool {
        let items = entry.xattrs().map_or(&[][..], |list| list.items());
        items
            .iter()
            .all(|item| self.xattr_value(entry, item, old).is_some())
    }

    /// The value of an attribute: what crossed of it, or else what is there already, or what the
    /// source has.
    fn xattr_value<'a>(
        &self,
        entry: &Entry,
        item: &'a Xattr,
        old: XattrsOf<'_>,
    ) -> Option<Cow<'a, [u8]>> {
        let long = match &item.value {
            XattrValue::Whole(value) => return Some(Cow::Borrowed(value)),
            XattrValue::Long(long) => long,
        };
        if let Some(known) = long.known() {
            return Some(Cow::Borrowed(known));
        }
        let is_same = |value: &Vec<u8>, long: &LongValue| {
            value.len() == long.len as usize && sum(value) == long.sum
        };
        let there = xattr(old, &item.name).ok().flatten();
        if let Some(value) = there.filter(|value| is_same(value, long)) {
            return Some(Cow::Owned(value));
        }
        match &self.origin {
            Origin::Here(sender) => sender.xattr_value(entry, &item.name).map(Cow::Owned),
            Origin::Away(_) => None,
        }
    }
}

/// The permission to change attributes. Whoever owns what they may not write to gives it to themselves
/// for the time being.
// rsync: xattrs.c set_xattr(), added_write_perm
struct Access<'a> {
    handle: &'a Handle<'a>,
    /// The permissions to be restored.
    before: Option<u32>,
}

impl<'a> Access<'a> {
    fn new(handle: &'a Handle<'a>) -> Access<'a> {
        Access {
            handle,
            before: None,
        }
    }

    fn change(&mut self, change: impl Fn() -> io::Result<()>) -> io::Result<()> {
        match change() {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && self.widen() => change(),
            result => result,
        }
    }

    fn widen(&mut self) -> bool {
        if self.before.is_some() {
            return false;
        }
        let Ok(stat) = self.handle.stat() else {
            return false;
        };
        let is_shut = stat.permissions & 0o200 == 0 && stat.kind != FileKind::Symlink;
        if is_shut
            && self
                .handle
                .set_permissions(stat.permissions | 0o200)
                .is_ok()
        {
            self.before = Some(stat.permissions);
        }
        self.before.is_some()
    }

    fn restore(self) {
        if let Some(permissions) = self.before {
            // What could be widened can be narrowed.
            let _ = self.handle.set_permissions(permissions);
        }
    }
}
