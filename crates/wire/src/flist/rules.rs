//! What of an entry crosses: both sides know it from the options and the protocol, and nothing
//! in the list tells.
// rsync: flist.c, the options that send_file_entry() and recv_file_entry() look at

use super::entry::Kind;
use crate::Protocol;

/// What the entries of a session have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListRules {
    /// The version, and whether the list comes in parts.
    pub protocol: Protocol,
    /// Owners cross: `--owner`.
    pub uid: bool,
    /// Groups cross: `--group`.
    pub gid: bool,
    /// Device numbers cross: `--devices`.
    pub devices: bool,
    /// Sockets and FIFOs do: `--specials`. They had a device number before protocol 31.
    pub specials: bool,
    /// The targets of symbolic links cross: `--links`.
    pub links: bool,
    /// Hard links are told: `--hard-links`.
    pub hard_links: bool,
    /// Access times cross: `--atimes`.
    pub atimes: bool,
    /// Creation times cross: `--crtimes`. Needs flags that are a varint.
    pub crtimes: bool,
    /// Access control lists cross: `--acls`. Needs protocol 30.
    pub acls: bool,
    /// Extended attributes cross: `--xattrs`. Needs protocol 30.
    pub xattrs: bool,
    /// How long a checksum is with `--checksum`, and 0 without.
    pub checksum_len: u8,
    /// No names of ids cross: `--numeric-ids`.
    pub numeric_ids: bool,
    /// An entry of mode 0 is one that is missing: `--delete-missing-args`.
    pub missing_args: bool,
}

/// The longest checksum that [`ListRules::checksum_len`] may say.
// rsync: rsync.h MAX_DIGEST_LEN
pub(super) const MAX_CHECKSUM_LEN: usize = 64;

impl ListRules {
    /// Names, modes, sizes and times only.
    pub const fn new(protocol: Protocol) -> ListRules {
        ListRules {
            protocol,
            uid: false,
            gid: false,
            devices: false,
            specials: false,
            links: false,
            hard_links: false,
            atimes: false,
            crtimes: false,
            acls: false,
            xattrs: false,
            checksum_len: 0,
            numeric_ids: false,
            missing_args: false,
        }
    }

    /// The ids of users have their names at the end of the list.
    pub const fn lists_users(&self) -> bool {
        (self.uid || self.acls) && self.lists_ids()
    }

    /// The ids of groups have.
    pub const fn lists_groups(&self) -> bool {
        (self.gid || self.acls) && self.lists_ids()
    }

    const fn lists_ids(&self) -> bool {
        !self.numeric_ids && !self.protocol.is_incremental()
    }

    /// The name of an id stands beside it, where it is new.
    pub(super) const fn names_inline(&self) -> bool {
        !self.numeric_ids && self.protocol.is_incremental()
    }

    pub(super) const fn sends_nanoseconds(&self) -> bool {
        self.protocol.has_late_errors()
    }

    pub(super) const fn sends_device(&self, kind: Kind) -> bool {
        match kind {
            Kind::CharDevice | Kind::BlockDevice => self.devices,
            Kind::Fifo | Kind::Socket => self.specials && !self.protocol.has_late_errors(),
            _ => false,
        }
    }

    pub(super) const fn sends_atime(&self, kind: Kind) -> bool {
        self.atimes && !matches!(kind, Kind::Directory)
    }

    pub(super) const fn sends_target(&self, kind: Kind) -> bool {
        self.links && matches!(kind, Kind::Symlink)
    }

    /// Before protocol 28, everything had a checksum, if of zeros.
    pub(super) const fn sends_checksum(&self, kind: Kind) -> bool {
        self.checksum_len > 0
            && (matches!(kind, Kind::Regular) || !self.protocol.has_extended_flags())
    }

    /// Device and inode number stand at the end of the entry, rather than another's number
    /// behind the name.
    pub(super) const fn links_by_inode(&self) -> bool {
        self.hard_links && !self.protocol.is_packed()
    }

    pub(super) const fn sends_acl(&self, kind: Kind) -> bool {
        self.acls && !matches!(kind, Kind::Symlink)
    }
}
