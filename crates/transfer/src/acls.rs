//! Access control lists: reading those of an entry, and what of them crosses.
// rsync: acls.c get_acl(), send_acl(), receive_acl()

use crate::ids::Ids;
use fast_io::dir::{Stat, XattrsOf, xattr};
use options::Options;
use std::io;
use tree::acl::{ACCESS, Acl, AclId, AclName, Acls, DEFAULT};

/// Reads the lists of an entry that `stat` describes. Where there are none, the mode says it all.
///
/// # Errors
/// What the system says, and a list that is none.
pub(crate) fn read(o: &Options, of: XattrsOf<'_>, stat: &Stat) -> io::Result<Acls> {
    use fast_io::dir::FileKind;
    let mut acls = Acls::default();
    let has_them = match stat.kind {
        FileKind::Regular | FileKind::Directory => true,
        FileKind::Symlink => false,
        kind if kind.is_device() => o.preserve_devices,
        _ => o.preserve_specials,
    };
    if !has_them {
        return Ok(acls);
    }
    acls.access = list(of, ACCESS)?.unwrap_or_else(|| Acl::of_mode(stat.permissions));
    if stat.is_dir() {
        acls.default = list(of, DEFAULT)?.unwrap_or_default();
    }
    Ok(acls)
}

/// The default list of a directory, if it has one.
pub(crate) fn default_list(of: XattrsOf<'_>) -> Option<Acl> {
    list(of, DEFAULT).ok().flatten()
}

fn list(of: XattrsOf<'_>, name: &[u8]) -> io::Result<Option<Acl>> {
    match xattr(of, name) {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => match Acl::of_system(&bytes) {
            Some(acl) => Ok(Some(acl)),
            None => Err(io::ErrorKind::InvalidData.into()),
        },
        Err(e) if e.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(e) => Err(e),
    }
}

/// The lists that an entry is to have, with the numbers that users and groups have here.
pub(crate) fn mapped(acls: &Acls, ids: &Ids) -> Acls {
    let id = |who| match who {
        AclId::User(id) => AclId::User(ids.uid(id)),
        AclId::Group(id) => AclId::Group(ids.any_gid(id)),
    };
    Acls {
        access: acls.access.mapped(id),
        default: acls.default.mapped(id),
    }
}

/// A list as it came over a wire.
pub(crate) fn of_wire(wire: &wire::flist::Acl) -> Acl {
    let names = wire.names.iter().map(|name| AclName {
        who: match name.who {
            wire::flist::acl::AclId::User(id) => AclId::User(id),
            wire::flist::acl::AclId::Group(id) => AclId::Group(id),
        },
        access: name.access,
    });
    Acl {
        user_obj: wire.user_obj,
        group_obj: wire.group_obj,
        mask: wire.mask,
        other: wire.other,
        names: names.collect(),
    }
}

/// A list as it goes over a wire, with what users and groups are called, where that is to be said.
pub(crate) fn to_wire(
    acl: &Acl,
    mut name: impl FnMut(AclId) -> Option<Vec<u8>>,
) -> wire::flist::Acl {
    use wire::flist::acl as w;
    let names = acl.names.iter().map(|entry| w::AclName {
        who: match entry.who {
            AclId::User(id) => w::AclId::User(id),
            AclId::Group(id) => w::AclId::Group(id),
        },
        access: entry.access,
        name: name(entry.who).map(Into::into),
    });
    wire::flist::Acl {
        user_obj: acl.user_obj,
        group_obj: acl.group_obj,
        mask: acl.mask,
        other: acl.other,
        names: names.collect(),
    }
}
