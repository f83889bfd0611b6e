//! The other side of the command line: what another rsync tells this program to be.
//!
//! A client starts its server with `--server`, the options that matter there, and after a lone
//! `.` the names. Versions from 3.0 on say after the letter `e` what they can do; those before
//! say nothing. An option that is not there yet is refused by name, as for users.
//!
//! rsync: main.c start_server(), do_server_sender(), do_server_recv(); options.c

use std::ffi::OsString;

use crate::error::OptionError;
use crate::given::{Given, Stop};
use crate::resolved::Options;
use crate::{Environment, Request, parse, resolve, sys};

/// What a client wants of its server.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The options. The operands are the names: sources of a sender, of a receiver the
    /// destination, if any. Their route says nothing.
    pub options: Options,
    /// Which side this is.
    pub role: ServerRole,
    /// Where names start from, as a rule `.`.
    pub directory: OsString,
    /// The names may have wildcards that no shell has expanded.
    pub names_are_patterns: bool,
    /// What stood after the `e`: `.iLsfxCIvu`, or with a version of its own in front,
    /// `31.14iLsf`. Empty from clients before 3.0.
    pub abilities: Vec<u8>,
}

/// Which side a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerRole {
    /// `--sender`.
    Sender,
    /// The rest.
    Receiver,
}

impl Server {
    /// Whether the client said that it can do this.
    // rsync: compat.c client_info
    pub fn client_has(&self, ability: u8) -> bool {
        self.abilities.contains(&ability)
    }
}

/// A server whose arguments are not complete: the client sends more of them first of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Secluded(Given);

impl Secluded {
    /// The character sets that the rest of the arguments is converted by, if any.
    pub fn iconv(&self) -> Option<crate::remote::Iconv> {
        let spec = self.0.iconv.as_ref()?;
        Some(crate::remote::Iconv::parse(spec, true))
    }

    /// Completes the arguments with what the client sent: words, the first of which is a
    /// program's name.
    pub fn complete(mut self, sent: Vec<Vec<u8>>) -> Result<Server, OptionError> {
        let args: Vec<OsString> = sent.into_iter().skip(1).map(sys::from_bytes).collect();
        self.0.secluded_args = None;
        let given = match parse::read(self.0, &args) {
            Ok(given) => given,
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Print(_)) => return Err(no_transfer()),
        };
        server(given, true)
    }
}

/// What `given` asks for, which has `--server`.
pub(crate) fn request(given: Given) -> Result<Request, OptionError> {
    if given.secluded_args == Some(true) {
        return Ok(Request::ServeSecluded(Box::new(Secluded(given))));
    }
    Ok(Request::Serve(Box::new(server(given, false)?)))
}

fn server(mut given: Given, names_are_patterns: bool) -> Result<Server, OptionError> {
    let role = match given.sender {
        true => ServerRole::Sender,
        false => ServerRole::Receiver,
    };
    let abilities = given.options.shell.command.take();
    let mut options = resolve::resolve(given, &Environment::default())?;
    let directory = options.operands.remove(0);
    Ok(Server {
        options,
        role,
        directory,
        names_are_patterns,
        abilities: abilities.map_or_else(Vec::new, |text| text.into_encoded_bytes()),
    })
}

fn no_transfer() -> OptionError {
    OptionError::syntax("on remote machine: no transfer is asked for")
}
