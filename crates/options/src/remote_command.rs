//! The command that starts the other side.
//!
//! rsync: main.c do_cmd(), rsync.c send_protected_args()

use std::ffi::OsString;

use crate::error::OptionError;
use crate::hostspec::Access;
use crate::quoting::{Meaning, keeps_tilde, quote};
use crate::remote::{AddressFamily, ArgumentStyle, BatchKind};
use crate::resolved::{FilesFrom, Options};
use crate::route::{Remote, Route};
use crate::server_args::ServerArgs;
use crate::sys;

/// What is run to reach the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCommand {
    /// The remote shell.
    pub program: OsString,
    /// Its arguments: its own options, user, host, and the command there.
    pub args: Vec<OsString>,
    /// `-s`: what is sent to it before all else, each ended by a NUL, and a NUL after the last.
    /// Under `--iconv` it is converted on the way.
    pub secluded: Option<Vec<Vec<u8>>>,
}

impl Options {
    /// The command that starts the other side of this transfer through a remote shell; `None` if
    /// there is no such side.
    pub fn remote_command(&self) -> Result<Option<RemoteCommand>, OptionError> {
        let (remote, pushes) = match &self.route {
            Route::Push(remote) => (remote, true),
            Route::Pull(remote) => (remote, false),
            Route::Local => return Ok(None),
        };
        if remote.access != Access::Shell {
            return Ok(None);
        }
        let (mut words, program) = self.shell_words()?;
        if let Some(user) = &remote.host.user {
            words.extend(["-l".into(), user.clone()]);
        }
        if program == "ssh" {
            words.extend(self.shell.family.map(|family| match family {
                AddressFamily::Ipv4 => OsString::from("-4"),
                AddressFamily::Ipv6 => OsString::from("-6"),
            }));
        }
        words.push(remote.host.name.clone());
        words.push(self.shell.rsync_path.clone());

        let mut server = ServerArgs::new(self, pushes);
        server.words.push(b".".to_vec());
        server.words.extend(self.remote_names(remote, pushes));
        let secluded = server.open.map(|open| {
            let hidden = server.words.split_off(open);
            // The receiver of the list takes an empty word for its end.
            let shown = hidden.into_iter().map(|word| match word.is_empty() {
                true => b".".to_vec(),
                false => word,
            });
            std::iter::once(b"rsync".to_vec()).chain(shown).collect()
        });
        words.extend(server.words.into_iter().map(sys::from_bytes));
        let mut words = words.into_iter();
        Ok(Some(RemoteCommand {
            program: words.next().unwrap_or_default(),
            args: words.collect(),
            secluded,
        }))
    }

    /// The command that starts the other side of a transfer within this computer where something has to
    /// cross between two sides: because their names are in different character sets, because it is to be
    /// written down, or not to go faster than so. `program` is this one. `None` for every other transfer.
    // rsync: main.c start_client() local_server; pipe.c local_child()
    pub fn own_server_command(&self, program: OsString) -> Option<RemoteCommand> {
        let is_written_down = self
            .batch
            .as_ref()
            .is_some_and(|b| b.kind != BatchKind::Read);
        if self.iconv.is_none() && !is_written_down && self.bwlimit.is_none() {
            return None;
        }
        let (destination, sources) = self.operands.split_last()?;
        if self.route != Route::Local || sources.is_empty() {
            return None;
        }
        // No shell is on the way.
        let options = Options {
            argument_style: ArgumentStyle::Old,
            ..self.clone()
        };
        let mut server = ServerArgs::new(&options, true);
        // What is written down is for others too, who may have less than the destination here.
        if options.whole_file.is_none() && !is_written_down {
            server.words.push(b"--whole-file".to_vec());
        }
        server.words.push(b".".to_vec());
        let name = Meaning::Name {
            literal_tilde: false,
        };
        let destination = destination.as_encoded_bytes();
        server
            .words
            .push(quote(destination, name, options.argument_style));
        Some(RemoteCommand {
            program,
            args: server.words.into_iter().map(sys::from_bytes).collect(),
            secluded: None,
        })
    }

    /// The shell's command line, split, and the shell's bare name.
    fn shell_words(&self) -> Result<(Vec<OsString>, String), OptionError> {
        let default = OsString::from("ssh");
        let command = self.shell.command.as_ref().unwrap_or(&default);
        let words = split(command.as_encoded_bytes())?;
        let name = words.first().cloned().unwrap_or_default();
        let is_separator = |b: &u8| *b == b'/' || cfg!(windows) && *b == b'\\';
        let name = name.rsplit(is_separator).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        let bare = match cfg!(windows) {
            true => name
                .to_ascii_lowercase()
                .trim_end_matches(".exe")
                .to_owned(),
            false => name.into_owned(),
        };
        let words: Vec<OsString> = words.into_iter().map(sys::from_bytes).collect();
        Ok((
            if words.is_empty() {
                vec![default]
            } else {
                words
            },
            bare,
        ))
    }

    fn remote_names(&self, remote: &Remote, pushes: bool) -> Vec<Vec<u8>> {
        // What arrives is not held against the names then.
        let trusts = self.trust_sender
            || matches!(
                self.argument_style,
                ArgumentStyle::OldNames | ArgumentStyle::Old
            )
            || matches!(self.files_from, Some(FilesFrom::Remote { .. }));
        let names = remote.paths.iter().map(|path| {
            let name = path.as_encoded_bytes();
            let literal_tilde = !pushes && !trusts && keeps_tilde(name, self.relative);
            quote(name, Meaning::Name { literal_tilde }, self.argument_style)
        });
        names.collect()
    }
}

/// Splits a command at its spaces, but not within quotes of either kind; a doubled quote within
/// quotes is one.
fn split(command: &[u8]) -> Result<Vec<Vec<u8>>, OptionError> {
    let mut words = Vec::new();
    let mut rest = command.iter().copied().peekable();
    while let Some(first) = rest.next_if(|_| true) {
        if first == b' ' {
            continue;
        }
        let mut word = Vec::new();
        let mut quote = None;
        let mut next = Some(first);
        while let Some(byte) = next.take().or_else(|| rest.next()) {
            match (quote, byte) {
                (None, b' ') => break,
                (None, b'\'' | b'"') => quote = Some(byte),
                (Some(open), _) if open == byte => match rest.next_if_eq(&open) {
                    Some(doubled) => word.push(doubled),
                    None => quote = None,
                },
                _ => word.push(byte),
            }
        }
        if let Some(quote) = quote {
            let quote = char::from(quote);
            let message = format!("Missing trailing-{quote} in remote-shell command.");
            return Err(OptionError::bare(message));
        }
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::sync;

    fn command(line: &str) -> RemoteCommand {
        sync(line).unwrap().remote_command().unwrap().unwrap()
    }

    fn words(line: &str) -> String {
        let command = command(line);
        let all = std::iter::once(&command.program).chain(&command.args);
        let all: Vec<String> = all.map(|word| word.display().to_string()).collect();
        all.join("|")
    }

    #[test]
    fn quotes_keep_words_together() {
        let split = |text: &str| {
            let words = split(text.as_bytes()).map_err(|e| e.to_string())?;
            Ok::<_, String>(
                words
                    .into_iter()
                    .map(|w| String::from_utf8(w).unwrap())
                    .collect::<Vec<_>>(),
            )
        };
        for (text, words) in [
            ("ssh -p 22", &["ssh", "-p", "22"][..]),
            ("  ssh  x ", &["ssh", "x"]),
            ("a 'b c' \"d'e\"", &["a", "b c", "d'e"]),
            ("a 'it''s'", &["a", "it's"]),
            ("a''b \"\"", &["ab", ""]),
            ("", &[]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text}");
        }
        let message = "Missing trailing-' in remote-shell command.";
        assert_eq!(split("a 'b").unwrap_err(), message);
    }

    #[test]
    fn user_host_and_shell() {
        assert_eq!(
            words("-a a host:b"),
            "ssh|host|rsync|--server|-logDtpre.iLsfxCIvu|.|b"
        );
        assert_eq!(
            words("-4 -r --rsync-path=x --protocol=29 me@h: a"),
            "ssh|-l|me|-4|h|x|--server|--sender|-r|.|."
        );
        assert!(words("-4 -e rsh a host:b").starts_with("rsh|host|rsync"));
    }

    #[test]
    fn no_command_where_no_shell_is() {
        for line in ["a b", "a host::m/x"] {
            assert_eq!(sync(line).unwrap().remote_command(), Ok(None), "{line}");
        }
    }

    #[test]
    fn a_computer_is_its_own_other_side_where_something_must_cross() {
        let command = |line: &str| {
            let command = sync(line).unwrap().own_server_command("tidesync".into());
            command.map(|command| {
                let words = std::iter::once(&command.program).chain(&command.args);
                let words: Vec<String> = words.map(|word| word.display().to_string()).collect();
                words.join("|")
            })
        };
        assert_eq!(
            command("-r --iconv=a,b x y z*&").as_deref(),
            Some("tidesync|--server|-re.iLsfxCIvu|--iconv=b|--whole-file|.|z*&")
        );
        assert_eq!(
            command("-r --bwlimit=8 --no-W x y").as_deref(),
            Some("tidesync|--server|-re.iLsfxCIvu|--bwlimit=8|.|y")
        );
        assert_eq!(
            command("-r --only-write-batch=b x y").as_deref(),
            Some("tidesync|--server|-re.iLsfxCIvu|--only-write-batch=X|.|y")
        );
        for line in ["-r x y", "-r --iconv=a,b x", "-r --iconv=a,b x host:y"] {
            assert_eq!(command(line), None, "{line}");
        }
    }

    #[test]
    fn secluded_arguments_are_sent_later() {
        let command = command("-rs --list-only --iconv=a,b host:x :-y");
        assert_eq!(
            command.args.last().map(|arg| arg.display().to_string()),
            Some("--iconv=b".into())
        );
        let sent = command.secluded.unwrap();
        assert_eq!(sent, [&b"rsync"[..], b"--list-only", b".", b"x", b"./-y"]);
    }
}
