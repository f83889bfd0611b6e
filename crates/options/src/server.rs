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
use crate::remote::ArgumentStyle;
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
    if names_are_patterns {
        options.argument_style = ArgumentStyle::Secluded;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, request};
    use crate::error::ErrorKind;
    use crate::resolved::{Append, DeleteWhen, FilesFrom};

    fn server(line: &str) -> Server {
        match request(line) {
            Ok(Request::Serve(server)) => *server,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn clients_of_all_ages() {
        for (line, abilities) in [
            // 2.6.0 to 2.6.9
            ("--server -vlogDtpr . dst", ""),
            (
                "--server -vvlogDtprz --delete-after --numeric-ids . dst",
                "",
            ),
            // 3.0, 3.1, 3.2 and later
            ("--server -vlogDtpre.iLsf . dst", ".iLsf"),
            ("--server -vlogDtpre.iLsfx --log-format=%i . dst", ".iLsfx"),
            (
                "--server -vlogDtprze.iLsfxCIvu --partial . dst",
                ".iLsfxCIvu",
            ),
            // A version that was never released.
            ("--server -vlogDtpre31.14iLsf . dst", "31.14iLsf"),
        ] {
            let server = server(line);
            assert_eq!(server.role, ServerRole::Receiver, "{line}");
            assert_eq!(server.abilities, abilities.as_bytes(), "{line}");
            assert_eq!(server.directory, ".", "{line}");
            assert_eq!(server.options.operands, ["dst"], "{line}");
            assert!(
                server.options.recurse && server.options.preserve_uid,
                "{line}"
            );
            assert!(!server.options.list_only, "{line}");
        }
        let sender = server("--server --sender -de.LsfxCIvu --list-only . a b");
        assert_eq!(sender.role, ServerRole::Sender);
        assert!(sender.client_has(b'v') && !sender.client_has(b'i'));
        assert!(sender.options.list_only && sender.options.xfer_dirs);
        assert_eq!(sender.options.operands, ["a", "b"]);
        assert!(!sender.names_are_patterns);
    }

    #[test]
    fn what_means_something_else_than_for_users() {
        let options = |line: &str| server(&format!("--server -r {line} . x")).options;
        assert_eq!(options("--append").append, Append::Append);
        assert_eq!(options("--append --append").append, Append::AppendVerify);
        assert_eq!(options("--log-format=%i%I").itemize(), 2);
        assert_eq!(options("--log-format=%i").itemize(), 1);
        assert_eq!(options("--log-format=X").itemize(), 0);
        assert!(options("-b --delete").filters.is_empty());
        assert_eq!(options("--write-batch=x").batch, None);
        let only_writes = options("--only-write-batch=X");
        assert!(only_writes.only_writes_batch() && only_writes.dry_run);
        assert_eq!(options("-n --only-write-batch=X").batch, None);
        assert_eq!(
            options("--files-from=- --from0").files_from,
            Some(FilesFrom::Stdin)
        );
        let delete = options("--delete");
        assert_eq!(delete.delete, Some(DeleteWhen::During));
        assert!(delete.as_given.deletes_at_any_moment());
        assert!(options("").as_given.leaves_stderr_open());
        assert!(!options("--msgs2stderr").as_given.leaves_stderr_open());
        // Names that look like hosts are names.
        assert_eq!(server("--server -r . a:b").options.operands, ["a:b"]);
    }

    #[test]
    fn arguments_that_come_later() {
        let request = request("--server --sender -svre.iLsfxCIvu --iconv=latin1");
        let Ok(Request::ServeSecluded(secluded)) = request else {
            panic!("{request:?}");
        };
        assert!(secluded.iconv().is_some());
        let sent = ["rsync", "-x", "--timeout=5", ".", "a b", "--server"];
        let complete = |sent: &[&str]| {
            let sent = sent.iter().map(|word| word.as_bytes().to_vec()).collect();
            secluded.clone().complete(sent)
        };
        let server = complete(&sent[..5]).unwrap();
        assert_eq!(server.role, ServerRole::Sender);
        assert!(server.names_are_patterns && server.client_has(b'i'));
        let options = &server.options;
        assert_eq!((options.verbose, options.one_file_system), (1, 1));
        assert!(options.iconv.is_some() && options.timeout.is_some() && options.recurse);
        assert_eq!(options.operands, ["a b"]);
        for sent in [
            &["rsync", "--bad", "."][..],
            &["rsync", "--help"],
            &["rsync"],
            &[],
        ] {
            complete(sent).unwrap_err();
        }
    }

    #[test]
    fn what_cannot_be_served() {
        for (line, message, kind) in [
            (
                "-logDtpre.iLsfxCIvu --foo . x",
                "tidesync: on remote machine: --foo: unknown option",
                ErrorKind::Syntax,
            ),
            (
                "-logDtpre.iLsfxCIvu --fake-super . x",
                "tidesync: --fake-super is not supported yet: leave it out, or use rsync",
                ErrorKind::Unsupported,
            ),
            (
                "-r --files-from=host:x . x",
                "tidesync: The --files-from sent to the server cannot specify a host.",
                ErrorKind::Syntax,
            ),
            (
                "-r",
                "tidesync: no source or destination given; see tidesync --help",
                ErrorKind::Syntax,
            ),
        ] {
            let error = error(&format!("--server {line}"));
            assert_eq!((error.kind, &*error.to_string()), (kind, message), "{line}");
        }
    }
}
