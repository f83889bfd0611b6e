//! Extended attributes: which of them count, and how a list of them is made of what the system says.
// rsync: xattrs.c rsync_xal_get(), receive_xattr()

use crate::context::{Context, line};
use crate::event::Role;
use delta::{ChecksumKind, FileSum};
use fast_io::dir::{XattrsOf, xattr, xattr_names};
use options::Options;
use std::io;
use std::sync::Arc;
use tree::filter::{DirFilters, EntryKind, FilterSet, Side};
use tree::xattrs::{MAX_WHOLE, SUM_LEN, Xattr, XattrValue, Xattrs};

/// Which attributes count on one side of a session.
#[derive(Debug, Clone)]
pub(crate) struct XattrRules {
    /// Rules that are about them decide alone.
    filters: Option<DirFilters>,
    /// Only those that ordinary users have.
    user_only: bool,
    /// Those too by which rsync remembers what it could not set (`-XX`).
    private: bool,
}

const USER: &[u8] = b"user.";
const SYSTEM: &[u8] = b"system.";
// rsync: xattrs.c RSYNC_PREFIX
const PRIVATE: &[u8] = b"user.rsync.%";

impl XattrRules {
    /// The rules of a session; none if attributes are not looked at.
    pub fn of(ctx: &Context, filters: &FilterSet, side: Side) -> Option<XattrRules> {
        let o = &ctx.options;
        (o.preserve_xattrs > 0).then(|| XattrRules {
            filters: filters.has_xattr_rules().then(|| filters.root(side, b"/")),
            user_only: !ctx.am_root,
            private: o.preserve_xattrs > 1,
        })
    }

    /// Whether a sender lists this one.
    pub fn sends(&self, name: &[u8]) -> bool {
        let counts = match self.chosen(name) {
            Some(chosen) => chosen,
            None => !name.starts_with(SYSTEM),
        };
        counts && (self.private || !name.starts_with(PRIVATE))
    }

    /// Whether one of a list is made at the destination.
    pub fn takes(&self, name: &[u8]) -> bool {
        let counts = match self.chosen(name) {
            Some(chosen) => chosen,
            None => !self.user_only || name.starts_with(USER),
        };
        counts && (self.private || !name.starts_with(PRIVATE))
    }

    /// Whether one of the destination counts: it is removed if the source lacks it.
    pub fn replaces(&self, name: &[u8]) -> bool {
        match self.chosen(name) {
            Some(chosen) => chosen,
            None if self.user_only => name.starts_with(USER),
            None => !name.starts_with(SYSTEM),
        }
    }

    fn chosen(&self, name: &[u8]) -> Option<bool> {
        let filters = self.filters.as_ref()?;
        Some(!filters.check(b"", name, EntryKind::Xattr).is_excluded())
    }
}

/// Whether requests and values cross, and not only lists.
// rsync: generator.c itemize(), do_xfers
pub(crate) fn are_exchanged(o: &Options) -> bool {
    o.preserve_xattrs > 0 && (!o.dry_run || o.only_writes_batch())
}

/// The names of attributes; none where the file system knows of none.
pub(crate) fn names(of: XattrsOf<'_>) -> io::Result<Vec<u8>> {
    match xattr_names(of) {
        Err(e) if e.kind() == io::ErrorKind::Unsupported => Ok(Vec::new()),
        other => other,
    }
}

/// The names in a list that [`names`] made.
pub(crate) fn each(names: &[u8]) -> impl Iterator<Item = &[u8]> {
    names.split(|&b| b == 0).filter(|name| !name.is_empty())
}

/// Makes a list of the attributes that count. What prevented it has been told; `shown` is the name in
/// that.
pub(crate) fn read(
    ctx: &Context,
    role: Role,
    of: XattrsOf<'_>,
    counts: impl Fn(&[u8]) -> bool,
    shown: impl Fn() -> Vec<u8>,
) -> Result<Option<Xattrs>, ()> {
    let names = names(of).map_err(|e| {
        let text = line!("get_xattr_names: llistxattr(", shown(), ",1024) failed");
        ctx.transfer_error_os(role, text, e);
    })?;
    let mut items = Vec::new();
    for name in each(&names).filter(|name| counts(name)) {
        let value = match xattr(of, name) {
            Ok(Some(value)) => value,
            // It was removed just now.
            Ok(None) => continue,
            Err(e) => {
                let end = line!(",\"", name, "\",0) failed");
                let text = line!("get_xattr_data: lgetxattr(", shown(), end);
                ctx.transfer_error_os(role, text, e);
                return Err(());
            }
        };
        items.push(Xattr {
            name: name.into(),
            number: 0,
            value: if value.len() <= MAX_WHOLE {
                XattrValue::Whole(value.into())
            } else {
                XattrValue::long(value.len() as u32, sum(&value))
            },
        });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    for (number, item) in (1..).zip(&mut items) {
        item.number = number;
    }
    Ok(Xattrs::new(items))
}

/// The checksum by which a long value is known.
// rsync: compat.c xattr_sum_nni
pub(crate) fn sum(value: &[u8]) -> [u8; SUM_LEN] {
    let mut sum = FileSum::new(ChecksumKind::Md5);
    sum.update(value);
    let mut bytes = [0; SUM_LEN];
    bytes.copy_from_slice(sum.finish().as_bytes());
    bytes
}

/// A list as it came over a wire, without what is not taken.
// rsync: xattrs.c receive_xattr()
pub(crate) fn of_wire(list: &wire::flist::XattrList, rules: &XattrRules) -> Option<Arc<Xattrs>> {
    use wire::flist::xattr::XattrValue as Wire;
    let items = (1..).zip(list.iter()).filter(|(_, x)| rules.takes(x.name));
    let items = items.map(|(number, xattr)| Xattr {
        name: xattr.name.into(),
        number,
        value: match xattr.value {
            Wire::Whole(value) => XattrValue::Whole(value.into()),
            Wire::Abbreviated { len, checksum } => XattrValue::long(len, *checksum),
        },
    });
    Xattrs::new(items.collect()).map(Arc::new)
}

/// A list as it goes over a wire.
// rsync: xattrs.c send_xattr()
pub(crate) fn to_wire(list: &Xattrs) -> wire::flist::XattrList {
    use wire::flist::xattr::XattrValue as Wire;
    let mut wire = wire::flist::XattrList::default();
    for xattr in list.items() {
        let value = match &xattr.value {
            XattrValue::Whole(value) => Wire::Whole(value),
            XattrValue::Long(long) => Wire::Abbreviated {
                len: long.len,
                checksum: &long.sum,
            },
        };
        wire.push(&xattr.name, value);
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(user_only: bool, private: bool, filters: &[&str]) -> XattrRules {
        let mut files = tree::filter::CommandLineFiles::default();
        let mut set = FilterSet::builder(&mut files);
        for rule in filters {
            set.add_rule(rule.as_bytes()).unwrap();
        }
        let set = set.finish().unwrap();
        XattrRules {
            filters: set
                .has_xattr_rules()
                .then(|| set.root(Side::Receiver, b"/")),
            user_only,
            private,
        }
    }

    #[test]
    fn users_and_root_have_namespaces() {
        let (user, root) = (rules(true, false, &[]), rules(false, false, &[]));
        for (name, sent, by_user, by_root) in [
            (&b"user.a"[..], true, true, true),
            (b"user.rsync.a", true, true, true),
            (b"trusted.a", true, false, true),
            (b"security.capability", true, false, true),
        ] {
            assert_eq!(user.sends(name), sent);
            assert_eq!((user.takes(name), user.replaces(name)), (by_user, by_user));
            assert_eq!((root.takes(name), root.replaces(name)), (by_root, by_root));
        }
        let acl = b"system.posix_acl_access";
        assert!(!user.sends(acl) && !root.replaces(acl));
    }

    #[test]
    fn what_rsync_remembers_is_asked_for_twice() {
        let name = b"user.rsync.%stat";
        let once = rules(false, false, &[]);
        assert!(!once.sends(name) && !once.takes(name) && once.replaces(name));
        let twice = rules(true, true, &[]);
        assert!(twice.sends(name) && twice.takes(name) && twice.replaces(name));
    }

    #[test]
    fn rules_decide_alone() {
        let rules = rules(true, false, &["-x user.old*", "+x *", "- *.o"]);
        for name in [&b"user.a"[..], b"trusted.a", b"user.x.o"] {
            assert!(rules.sends(name) && rules.takes(name) && rules.replaces(name));
        }
        let old = b"user.older";
        assert!(!rules.sends(old) && !rules.takes(old) && !rules.replaces(old));
        assert!(!rules.sends(b"user.rsync.%stat"));
    }
}
