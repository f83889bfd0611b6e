//! What both sides of a wire agreed on before the list comes.

use crate::charset::{Converter, ListCharset};
use crate::segment::Numbering;
use delta::{ChecksumKind, Digest, FileSum, SeedPlace, StrongSum};
use options::{MissingArgs, Options};
use tree::entry::Entry;
use tree::filter::Dialect;
use wire::flist::ListRules;
use wire::token::Compression;
use wire::{CompatFlags, Protocol};

/// What both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Agreement {
    pub protocol: Protocol,
    /// What checksums of blocks begin with.
    pub seed: i32,
    /// The checksum of blocks and of transferred files.
    pub checksum: ChecksumKind,
    /// The checksum that the list has of files under `-c`.
    pub list_checksum: ChecksumKind,
    pub compression: Compression,
}

impl Agreement {
    /// What rules of filters can say.
    pub fn dialect(&self) -> Dialect {
        Dialect {
            modifiers: self.protocol.has_items(),
            perishable: self.protocol.is_packed(),
        }
    }

    /// How blocks are summed.
    // rsync: checksum.c get_checksum2()
    pub fn block_sum(&self) -> StrongSum {
        let sum = StrongSum::new(self.checksum, self.seed);
        if self.protocol.seeds_first() {
            sum
        } else {
            sum.with_seed(SeedPlace::After)
        }
    }

    /// The sum of a file that is transferred.
    // rsync: checksum.c sum_init()
    pub fn file_sum(&self) -> FileSum {
        let mut sum = FileSum::new(self.checksum);
        if !self.protocol.is_packed() {
            sum.update(&self.seed.to_le_bytes());
        }
        sum
    }

    /// The sum of a transferred file that is all at hand.
    pub fn sum_of(&self, file: &[u8]) -> Digest {
        if self.protocol.is_packed() {
            return FileSum::of(self.checksum, file);
        }
        let mut sum = self.file_sum();
        sum.update(file);
        sum.finish()
    }

    /// What the numbers of entries follow that the other side lists. Names that are converted sort
    /// differently there.
    // rsync: options.c need_unsorted_flist
    pub fn received_numbering(&self, charset: Option<&ListCharset>) -> Numbering {
        match charset {
            Some(_) => Numbering::Arrival,
            None => Numbering::Sorted,
        }
    }

    /// What of a list is converted.
    // rsync: compat.c sender_symlink_iconv
    pub fn list_charset(&self, charset: Option<&Converter>) -> Option<ListCharset> {
        charset.map(|charset| ListCharset {
            names: charset.clone(),
            links: self.protocol.flags().contains(CompatFlags::SYMLINK_ICONV),
        })
    }

    /// The checksum that the list has of an entry's content, under `-c`.
    pub fn listed_sum(&self, entry: &Entry) -> Option<Digest> {
        Digest::from_bytes(self.list_checksum, entry.checksum())
    }

    /// What of an entry crosses.
    pub fn list_rules(&self, o: &Options) -> ListRules {
        ListRules {
            uid: o.preserve_uid,
            gid: o.preserve_gid,
            devices: o.preserve_devices,
            specials: o.preserve_specials,
            links: o.preserve_links,
            hard_links: o.preserve_hard_links,
            acls: o.preserve_acls,
            xattrs: o.preserve_xattrs > 0,
            atimes: o.preserve_atimes,
            checksum_len: if o.checksum {
                self.list_checksum.digest_len() as u8
            } else {
                0
            },
            numeric_ids: o.numeric_ids,
            missing_args: o.missing_args == MissingArgs::Delete,
            ..ListRules::new(self.protocol)
        }
    }
}
