//! One table of flags; user, server and daemon command lines all parse here.
#![forbid(unsafe_code)]

mod chmod;
mod error;
mod format;
mod levels;
mod name_map;
mod resolved;

pub use chmod::Chmod;
pub use error::{ErrorKind, OptionError};
pub use format::{LineTime, OutFormat};
pub use levels::{DebugLevels, InfoLevels};
pub use name_map::{MapFrom, MapTo, NameMap, NameMapRule};
pub use resolved::{
    Append, Checksum, ChecksumChoice, DeleteWhen, FilesFrom, FilterDirective, IoBackend, LogFile,
    Options, RemoveSource, StderrMode, SuperMode,
};

/// The program's name in messages.
pub(crate) const PROGRAM: &str = "tidesync";
