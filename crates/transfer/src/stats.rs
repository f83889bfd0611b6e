//! What a session counted.
// rsync: rsync.h struct stats, main.c output_summary()

use fast_io::dir::FileKind;

/// Entries counted by type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindCounts {
    /// All of them, whatever their type.
    pub total: u64,
    /// Directories.
    pub dirs: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Character and block devices.
    pub devices: u64,
    /// Named pipes and sockets.
    pub specials: u64,
}

impl KindCounts {
    /// Counts one entry with this mode.
    pub fn add(&mut self, mode: u32) {
        self.total += 1;
        match FileKind::from_mode(mode) {
            Some(FileKind::Directory) => self.dirs += 1,
            Some(FileKind::Symlink) => self.symlinks += 1,
            Some(kind) if kind.is_device() => self.devices += 1,
            Some(kind) if kind.is_special() => self.specials += 1,
            _ => {}
        }
    }

    /// Regular files: what is left.
    pub fn regular(&self) -> u64 {
        self.total - self.dirs - self.symlinks - self.devices - self.specials
    }
}

/// What a session counted, complete when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// The protocol's version: old ones know less of this on both sides, and rsync then prints less.
    pub protocol: u8,
    /// Entries of the file list.
    pub files: KindCounts,
    /// Entries that were made anew.
    pub created: KindCounts,
    /// Entries that were deleted.
    pub deleted: KindCounts,
    /// Regular files whose content was transferred.
    pub transferred_files: u64,
    /// The sizes of all files in the list.
    pub total_size: u64,
    /// The sizes of the files whose content was transferred.
    pub transferred_size: u64,
    /// Bytes of content that had to cross.
    pub literal_data: u64,
    /// Bytes of content that were found at the destination.
    pub matched_data: u64,
    /// Bytes of the file list.
    pub list_size: u64,
    /// How long the making of the list took.
    pub list_seconds: f64,
    /// How long handing it over took.
    pub list_transfer_seconds: f64,
    /// Bytes that the user's side wrote to the other. A local session encodes nothing: it
    /// counts what rsync's messages would weigh at their plainest.
    pub bytes_sent: u64,
    /// Bytes that the user's side read from the other, counted likewise.
    pub bytes_received: u64,
    /// How long the session took.
    pub seconds: f64,
}
