//! One table of flags, from which parsing, help, manual and completions come.
//!
//! ```text
//!   arguments ── parse ──▶ Given ── resolve ──▶ Options
//!                  ▲
//!               flags/*      the table: names, effect, help, manual, one test beside each
//!                  ▼
//!        help · man · completion
//!
//!   operands ── hostspec ── route ──▶ who is where, and who sends
//!   Options ── server_args ── quoting ── remote_command ──▶ ssh HOST rsync --server ...
//!   tidesync --server ... ── parse ── server ──▶ Server
//! ```
//!
//! [`parse`] turns a command line into a [`Request`]. `parse` (the module) knows popt's rules
//! and no flag; `flags` knows each flag by itself; `resolve` knows what flags mean together, and
//! all that the rest of the program sees is [`Options`]. The way back, to the command line of the
//! other side, is [`Options::remote_command`]; that command line comes in as a [`Server`]. The
//! crate reads no file, looks up no name and prints nothing.
//!
//! rsync: options.c
#![forbid(unsafe_code)]

use std::ffi::OsString;

mod alt_dest;
mod as_given;
mod chmod;
mod completion;
mod error;
mod flag;
mod flags;
mod format;
mod given;
mod help;
mod hostspec;
mod levels;
mod man;
mod name_map;
mod parse;
mod quoting;
mod remote;
mod remote_command;
mod resolve;
mod resolved;
mod route;
mod server;
mod server_args;
mod stop_time;
mod sys;
mod value;

#[cfg(test)]
mod asked;

pub use alt_dest::{AltDest, AltDestKind};
pub use as_given::AsGiven;
pub use chmod::Chmod;
pub use completion::{Shell, completion};
pub use error::{ErrorKind, OptionError};
pub use format::{LineTime, MOST_DIGITS, OutFormat};
pub use help::help;
pub use hostspec::{Access, Host, Operand, names_a_host};
pub use levels::{DebugLevels, InfoLevels};
pub use man::man_page;
pub use name_map::{MapFrom, MapTo, NameMap, NameMapRule};
pub use remote::{
    AddressFamily, ArgumentStyle, Batch, BatchKind, Charset, Codec, Compress, Compression, Iconv,
    RemoteShell,
};
pub use remote_command::RemoteCommand;
pub use resolved::{
    Append, Checksum, ChecksumChoice, DeleteWhen, FilesFrom, FilterDirective, IoBackend, ListEnds,
    LogFile, MissingArgs, Options, RemoveSource, StderrMode, SuperMode,
};

pub use route::{Remote, Route};
pub use server::{Secluded, Server, ServerRole};

use given::{Given, Stop};
use value::Value;

/// The program's name in messages.
pub(crate) const PROGRAM: &str = "tidesync";

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// A transfer, or the list of a source.
    Sync(Box<Options>),
    /// `--server`: to be the other side of another rsync, on standard input and output.
    Serve(Box<Server>),
    /// `--server -s`: likewise, as soon as the arguments are complete.
    ServeSecluded(Box<Secluded>),
    /// Who the program is, and what it can do.
    Version {
        /// How to say it.
        format: VersionFormat,
        /// Whose driver is asked about.
        io_backend: IoBackend,
    },
    /// Only that this text is printed to standard output, as it is: help, manual, completions.
    Print(String),
}

/// How `--version` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionFormat {
    /// For people.
    Text,
    /// `-VV`: for programs.
    Json,
}

/// The variables of the environment that count as options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `RSYNC_PARTIAL_DIR`.
    pub partial_dir: Option<OsString>,
    /// `RSYNC_RSH`.
    pub rsh: Option<OsString>,
    /// `RSYNC_PROTECT_ARGS`.
    pub protect_args: Option<OsString>,
    /// `RSYNC_OLD_ARGS`.
    pub old_args: Option<OsString>,
    /// `RSYNC_ICONV`.
    pub iconv: Option<OsString>,
    /// `RSYNC_MAX_ALLOC`.
    pub max_alloc: Option<OsString>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Environment {
        Environment {
            partial_dir: std::env::var_os("RSYNC_PARTIAL_DIR"),
            rsh: std::env::var_os("RSYNC_RSH"),
            protect_args: std::env::var_os("RSYNC_PROTECT_ARGS"),
            old_args: std::env::var_os("RSYNC_OLD_ARGS"),
            iconv: std::env::var_os("RSYNC_ICONV"),
            max_alloc: std::env::var_os("RSYNC_MAX_ALLOC"),
        }
    }
}

/// What the user asks for with `args`, which do not begin with the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Request, OptionError> {
    let args: Vec<OsString> = args.into_iter().collect();
    parse_in(&args, &Environment::of_process())
}

/// What the user asks for with `args` in an environment other than that of this process.
pub fn parse_in(args: &[OsString], env: &Environment) -> Result<Request, OptionError> {
    let iconv = env.iconv.as_ref().filter(|spec| !spec.is_empty());
    let mut given = Given {
        iconv: iconv.map(|spec| spec.as_encoded_bytes().to_vec()),
        ..Given::default()
    };
    if let Some(size) = env.max_alloc.as_ref().filter(|size| !size.is_empty()) {
        let size = Value::new("RSYNC_MAX_ALLOC".into(), size, 0);
        flags::bound_memory(&mut given, &size)?;
    }
    let given = match parse::read(given, args) {
        Ok(given) => given,
        Err(Stop::Error(error)) => return Err(error),
        Err(Stop::Print(text)) => return Ok(Request::Print(text)),
    };
    if given.version > 0 {
        return Ok(Request::Version {
            format: match given.version {
                1 => VersionFormat::Text,
                _ => VersionFormat::Json,
            },
            io_backend: given.options.io_backend,
        });
    }
    if given.server {
        return server::request(given);
    }
    // The old meaning of `-h`, which it keeps where the other makes no sense.
    if given.options.human_readable > 1 && args.len() == 1 {
        return Ok(Request::Print(help()));
    }
    Ok(Request::Sync(Box::new(resolve::resolve(given, env)?)))
}
