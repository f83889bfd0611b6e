//! What was said about the other side: its shell, its arguments, what crosses on the way there,
//! and the batch file that may stand for it.
//!
//! rsync: options.c, the globals that main.c do_cmd(), compat.c, batch.c and io.c read

use std::ffi::OsString;
use std::path::PathBuf;

/// How the rsync at the other end is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteShell {
    /// `-e`, or `RSYNC_RSH`: the shell with its arguments, not yet split. `None` is `ssh`.
    pub command: Option<OsString>,
    /// `--rsync-path`. The remote shell splits it.
    pub rsync_path: OsString,
    /// `-M`: options for the other side alone, in order.
    pub options: Vec<OsString>,
    /// `--blocking-io`, `--no-blocking-io`; `None` leaves it to the kind of shell.
    pub blocking_io: Option<bool>,
    /// `-4`, `-6`.
    pub family: Option<AddressFamily>,
}

impl Default for RemoteShell {
    fn default() -> RemoteShell {
        RemoteShell {
            command: None,
            rsync_path: "rsync".into(),
            options: Vec::new(),
            blocking_io: None,
            family: None,
        }
    }
}

/// Which kind of address is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    /// `-4`.
    Ipv4,
    /// `-6`.
    Ipv6,
}

/// How arguments get past the remote shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArgumentStyle {
    /// What the shell would act on is quoted, but for wildcards in names.
    #[default]
    Quoted,
    /// `-s`: they do not meet the shell, but are sent once it has started the other side.
    Secluded,
    /// `--old-args`: names are split by the shell, values of options are quoted.
    OldNames,
    /// `--old-args` twice: nothing is quoted.
    Old,
}

/// What is asked for about compression on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compress {
    /// Whether, and how.
    pub algorithm: Compression,
    /// `--compress-level`; `None` is the algorithm's own default.
    pub level: Option<i32>,
    /// `--compress-threads`; 0 is none beside the caller.
    pub threads: u32,
    /// `--skip-compress`: suffixes that are not worth it, as given.
    pub skip: Option<Vec<u8>>,
}

/// Which compression is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// None.
    #[default]
    Off,
    /// What both sides know best; zlib where there is nothing to negotiate with.
    Negotiated,
    /// Exactly this one.
    Chosen(Codec),
}

/// A compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// zstd.
    Zstd,
    /// lz4.
    Lz4,
    /// zlib without the matched data in its window.
    Zlibx,
    /// zlib as it always was.
    Zlib,
}

/// `--iconv`: in which character sets names are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iconv {
    /// On this side.
    pub local: Charset,
    /// What the other side is told.
    pub remote: Vec<u8>,
}

/// A character set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charset {
    /// `.`: that of the locale.
    OfLocale,
    /// One by name.
    Named(Vec<u8>),
}

impl Iconv {
    /// Reads `LOCAL,REMOTE`, or one name for both.
    // rsync: rsync.c setup_iconv()
    pub(crate) fn parse(text: &[u8], server: bool) -> Iconv {
        let comma = text.iter().position(|&b| b == b',');
        let remote = comma.map_or(text, |at| &text[at + 1..]);
        let local = match comma {
            Some(at) if !server => &text[..at],
            _ => remote,
        };
        Iconv {
            local: match local {
                b"" | b"." => Charset::OfLocale,
                name => Charset::Named(name.to_vec()),
            },
            remote: remote.to_vec(),
        }
    }
}

/// A file that holds what one side of a session said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What is done with it.
    pub kind: BatchKind,
    /// Its name. Under the same name with `.sh` goes the script that applies it.
    pub file: PathBuf,
}

/// What is done with a batch file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// `--read-batch`: it takes the sender's place.
    Read,
    /// `--write-batch`: the session happens and is written down.
    Write,
    /// `--only-write-batch`: it is only written down. On the server that receives: the session
    /// changes nothing.
    OnlyWrite,
}
