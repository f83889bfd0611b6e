//! Protocol versions 27 to 32: each difference between them has a name here, and no other place
//! compares version numbers.
// rsync: compat.c setup_protocol(); rsync.h CF_*

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What two ends agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    version: u8,
    flags: CompatFlags,
}

/// Which end of a session this is: rsync's client is the program that the user called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The user's program.
    Client,
    /// What the client started or connected to.
    Server,
}

impl Side {
    /// The one at the far end.
    #[must_use]
    pub const fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Client => "Client",
            Side::Server => "Server",
        })
    }
}

/// What the server says from version 30 on; before, it is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompatFlags(u32);

impl CompatFlags {
    /// The list comes in parts, a directory each.
    pub const INC_RECURSE: CompatFlags = CompatFlags(1 << 0);
    /// The receiving side can set the times of symbolic links.
    pub const SYMLINK_TIMES: CompatFlags = CompatFlags(1 << 1);
    /// What symbolic links hold is converted by `--iconv` too.
    pub const SYMLINK_ICONV: CompatFlags = CompatFlags(1 << 2);
    /// The end of a part of the list may say that there were errors.
    pub const SAFE_FLIST: CompatFlags = CompatFlags(1 << 3);
    /// Extended attributes are not left out where they look equal.
    pub const AVOID_XATTR_OPTIM: CompatFlags = CompatFlags(1 << 4);
    /// The seed comes before the data in every checksum.
    pub const CHECKSUM_SEED_FIX: CompatFlags = CompatFlags(1 << 5);
    /// `--inplace` goes for files in the `--partial-dir`.
    pub const INPLACE_PARTIAL_DIR: CompatFlags = CompatFlags(1 << 6);
    /// An entry's flags are a varint, and the checksum and the compression are negotiated.
    pub const VARINT_FLIST_FLAGS: CompatFlags = CompatFlags(1 << 7);
    /// The names of user and group 0 are sent too.
    pub const ID0_NAMES: CompatFlags = CompatFlags(1 << 8);

    /// All that this program knows.
    pub const KNOWN: CompatFlags = CompatFlags((1 << 9) - 1);

    /// Flags as they crossed, also such as this program does not know.
    pub const fn from_bits(bits: u32) -> CompatFlags {
        CompatFlags(bits)
    }

    /// What crosses.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The others of these flags.
    #[must_use]
    pub const fn without(self, flags: CompatFlags) -> CompatFlags {
        CompatFlags(self.0 & !flags.0)
    }

    /// Whether all of these flags are among them.
    pub const fn contains(self, flags: CompatFlags) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl BitOr for CompatFlags {
    type Output = CompatFlags;

    fn bitor(self, other: CompatFlags) -> CompatFlags {
        CompatFlags(self.0 | other.0)
    }
}

impl BitOrAssign for CompatFlags {
    fn bitor_assign(&mut self, other: CompatFlags) {
        self.0 |= other.0;
    }
}

impl Protocol {
    /// The oldest version that is spoken: that of rsync 2.6.0.
    pub const OLDEST: u8 = 27;
    /// The newest: that of rsync 3.5.
    pub const NEWEST: u8 = 32;

    /// A version from [`Self::OLDEST`] to [`Self::NEWEST`], without flags.
    pub const fn new(version: u8) -> Option<Protocol> {
        if version < Self::OLDEST || version > Self::NEWEST {
            return None;
        }
        Some(Protocol {
            version,
            flags: CompatFlags(0),
        })
    }

    /// The same version with these flags.
    #[must_use]
    pub const fn with_flags(self, flags: CompatFlags) -> Protocol {
        Protocol { flags, ..self }
    }

    /// The number.
    pub const fn version(self) -> u8 {
        self.version
    }

    /// What the server said.
    pub const fn flags(self) -> CompatFlags {
        self.flags
    }

    /// An entry may have a second byte of flags.
    pub const fn has_extended_flags(self) -> bool {
        self.version >= 28
    }

    /// Item flags cross, a summary is itemized, filters have modifiers, `--fuzzy` and several
    /// `--link-dest` are known; a phase has its own "done".
    pub const fn has_items(self) -> bool {
        self.version >= 29
    }

    /// A list is sorted by its entries' whole names, whatever they are.
    // rsync: flist.c f_name_cmp()
    pub const fn sorts_whole_names(self) -> bool {
        self.version < 29
    }

    /// Numbers are packed, the server says flags, ids have their names beside them, hard links
    /// have numbers, both directions carry messages, MD5 is the checksum.
    pub const fn is_packed(self) -> bool {
        self.version >= 30
    }

    /// Nanoseconds, the statistics of deletions and errors that end both sides cross.
    pub const fn has_late_errors(self) -> bool {
        self.version >= 31
    }

    /// How many phases a session has, each of which the generator ends with a "done": files, files
    /// that did not arrive well, and from version 29 on what waited for the end (`--delay-updates`).
    ///
    /// With incremental recursion, the generator ends the first phase once for each part of the list.
    /// Behind the phases it says "done" once more, in a phase without anything. The sender answers
    /// each of these with a "done" of its own, the last when it has nothing more to send, and says
    /// no other before the goodbye; see [`Self::has_long_goodbye`].
    // rsync: sender.c send_files() max_phase, generator.c generate_files()
    pub const fn phases(self) -> usize {
        if self.version >= 29 { 2 } else { 1 }
    }

    /// After the phases and, where the sender is the server, after the statistics, the generator
    /// says its last "done". Here it does so twice: once when all deletions are made, which the
    /// sender answers with "done", and once when the receiver has ended.
    // rsync: main.c read_final_goodbye(); generator.c EARLY_DELETE_DONE_MSG()
    pub const fn has_long_goodbye(self) -> bool {
        self.version >= 31
    }

    /// Names of `--files-from` cross in frames as all else does; before, while they do, no frames
    /// go to the sender.
    // rsync: io.c start_filesfrom_forwarding()
    pub const fn frames_names(self) -> bool {
        self.version >= 31
    }

    /// What the client sends crosses in frames, so that messages may be among it. What the server
    /// sends always does.
    // rsync: compat.c need_messages_from_generator
    pub const fn frames_both_ways(self) -> bool {
        self.version >= 30
    }

    /// The longest block of a basis, in bytes.
    // rsync: rsync.h MAX_BLOCK_SIZE, OLD_MAX_BLOCK_SIZE
    pub const fn max_block_len(self) -> i32 {
        if self.version >= 30 { 1 << 17 } else { 1 << 29 }
    }

    /// Before, both ends put the first 65535 bytes of a longer matched block into zlib's window
    /// again and again, instead of the block.
    // rsync: token.c send_deflated_token(), see_deflate_token()
    pub const fn inserts_whole_blocks(self) -> bool {
        self.version >= 31
    }

    /// The list comes in parts.
    pub const fn is_incremental(self) -> bool {
        self.flags.contains(CompatFlags::INC_RECURSE)
    }

    /// An entry's flags are a varint.
    pub const fn has_varint_flags(self) -> bool {
        self.flags.contains(CompatFlags::VARINT_FLIST_FLAGS)
    }

    /// Checksum and compression are negotiated.
    pub const fn negotiates(self) -> bool {
        self.flags.contains(CompatFlags::VARINT_FLIST_FLAGS)
    }

    /// The end of a part of the list may say that there were errors.
    // rsync: compat.c use_safe_inc_flist
    pub const fn has_safe_list_end(self) -> bool {
        self.version >= 31 || self.flags.contains(CompatFlags::SAFE_FLIST)
    }

    /// The names of user and group 0 are sent too.
    pub const fn has_id0_names(self) -> bool {
        self.flags.contains(CompatFlags::ID0_NAMES)
    }

    /// The seed comes before the data in every checksum.
    pub const fn seeds_first(self) -> bool {
        self.flags.contains(CompatFlags::CHECKSUM_SEED_FIX)
    }

    /// Extended attributes that look equal are left out.
    // rsync: compat.c want_xattr_optim
    pub const fn omits_equal_xattrs(self) -> bool {
        self.version >= 31 && !self.flags.contains(CompatFlags::AVOID_XATTR_OPTIM)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)
    }
}
