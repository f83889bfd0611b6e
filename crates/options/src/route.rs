//! Where sources and destination are, and so which role this side has.
//!
//! One of the two may be on another computer. Then the operands there are turned into what its
//! side is told: paths without the host.
//!
//! rsync: main.c start_client()

use std::ffi::OsString;

use crate::error::OptionError;
use crate::given::Given;
use crate::hostspec::{Access, Host, Operand};
use crate::remote::{ArgumentStyle, BatchKind};
use crate::resolved::{FilesFrom, Options};

/// Which way a transfer goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Both sides are this program; also when a batch file is read.
    #[default]
    Local,
    /// The last operand is on another computer: this side sends all operands before.
    Push(Remote),
    /// The sources are on another computer: this side receives.
    Pull(Remote),
}

/// The part of a transfer that is on another computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Which computer.
    pub host: Host,
    /// How it is reached.
    pub access: Access,
    /// Of a push: the destination. Of a pull: the sources. Empty is `.`, but for a daemon.
    pub paths: Vec<OsString>,
}

impl Route {
    /// The other computer, if there is one.
    pub fn remote(&self) -> Option<&Remote> {
        match self {
            Route::Local => None,
            Route::Push(remote) | Route::Pull(remote) => Some(remote),
        }
    }
}

impl Options {
    /// Of a pull: the local destination, the last operand. `None` lists the sources.
    pub fn pull_destination(&self) -> Option<&OsString> {
        match &self.route {
            Route::Pull(remote) if remote.paths.len() < self.operands.len() => self.operands.last(),
            _ => None,
        }
    }
}

/// Finds the route, and refuses operands that do not go together.
pub(crate) fn find(given: &mut Given) -> Result<(), OptionError> {
    let options = &mut given.options;
    let operands: Vec<Operand> = options.operands.iter().map(|o| Operand::parse(o)).collect();
    let Some((last, before)) = operands.split_last() else {
        return Ok(());
    };
    let first = &operands[0];
    let reads_batch = options
        .batch
        .as_ref()
        .is_some_and(|batch| batch.kind == BatchKind::Read);
    options.route = if reads_batch {
        if is_remote(last) {
            let message = "remote destination is not allowed with --read-batch";
            return Err(OptionError::bare(message));
        }
        Route::Local
    } else if let Some((host, access, path)) = remote(first) {
        let shares_host = matches!(last, Operand::Shell { host, .. } if host.is_empty())
            || matches!(last, Operand::Daemon { host, .. } if host.is_empty());
        let sources = if before.is_empty() || shares_host {
            &operands[..]
        } else if is_remote(last) {
            let message = "The source and destination cannot both be remote.";
            return Err(OptionError::bare(message));
        } else {
            before
        };
        list_is_there(options, Some(host))?;
        Route::Pull(pull(host, access, path, sources, options)?)
    } else if let Some((host, access, path)) = remote(last).filter(|_| !before.is_empty()) {
        list_is_there(options, Some(host))?;
        Route::Push(Remote {
            host: host.clone(),
            access,
            paths: vec![or_dot(path, access)],
        })
    } else {
        list_is_there(options, None)?;
        Route::Local
    };
    if !matches!(options.route, Route::Pull(_)) && !reads_batch {
        local_sources(before, options)?;
    }
    only_for_daemons(given)
}

/// Whether the list of names is where `host` is.
fn list_is_there(options: &Options, host: Option<&Host>) -> Result<(), OptionError> {
    let Some(FilesFrom::Remote { host: list, .. }) = &options.files_from else {
        return Ok(());
    };
    match host {
        None => {
            let message = "--files-from cannot be remote when the transfer is local";
            Err(OptionError::bare(message))
        }
        Some(host) if !list.is_empty() && list != host => {
            let message = "--files-from hostname is not the same as the transfer hostname";
            Err(OptionError::bare(message))
        }
        Some(_) => Ok(()),
    }
}

fn pull(
    host: &Host,
    access: Access,
    first: &OsString,
    sources: &[Operand],
    options: &Options,
) -> Result<Remote, OptionError> {
    let mut paths = vec![or_dot(first, access)];
    for (at, source) in sources.iter().enumerate().skip(1) {
        let Some((other, how, path)) = remote(source) else {
            return Err(OptionError::bare(format!(
                "Unexpected local arg: {}\n\
                 If arg is a remote file/dir, prefix it with a colon (:).",
                options.operands[at].display()
            )));
        };
        let complaint = match (access, how) {
            _ if !other.is_empty() && other != host => {
                "All source args must come from the same machine."
            }
            (Access::Shell, Access::Daemon { .. }) | (Access::Daemon { .. }, Access::Shell) => {
                "All source args must use the same hostspec format."
            }
            _ if access != how => "All source args must use the same port number.",
            _ => {
                paths.push(or_dot(path, access));
                continue;
            }
        };
        return Err(OptionError::bare(complaint));
    }
    Ok(Remote {
        host: host.clone(),
        access,
        paths,
    })
}

/// Operands that came out empty (`"$UNSET"`) must not mean the working directory, and of local
/// sources each is local.
fn local_sources(sources: &[Operand], options: &mut Options) -> Result<(), OptionError> {
    let last = options.operands.len() - 1;
    if options.operands[last].is_empty() {
        match options.argument_style {
            _ if last == 0 => {}
            ArgumentStyle::OldNames | ArgumentStyle::Old => options.operands[last] = ".".into(),
            _ => {
                let message = "Empty destination arg specified (use \".\" or see --old-args).";
                return Err(OptionError::bare(message));
            }
        }
    }
    if options.operands.iter().any(|operand| operand.is_empty()) {
        return Err(OptionError::bare("Empty source arg specified."));
    }
    match sources.iter().position(is_remote) {
        Some(at) => {
            let operand = options.operands[at].display();
            Err(OptionError::bare(format!(
                "Unexpected remote arg: {operand}"
            )))
        }
        None => Ok(()),
    }
}

fn only_for_daemons(given: &Given) -> Result<(), OptionError> {
    let remote = given.options.route.remote();
    let option = match remote.map(|remote| remote.access) {
        Some(Access::Daemon { .. }) => None,
        _ if given.password_file => Some(("password-file", "accessing")),
        _ if given.contimeout => Some(("contimeout", "connecting to")),
        _ => None,
    };
    if let Some((long, doing)) = option {
        let message = format!("The --{long} option may only be used when {doing} an rsync daemon.");
        return Err(OptionError::bare(message));
    }
    if remote.is_some_and(|r| r.host.name.as_encoded_bytes().starts_with(b"-")) {
        let message = "Invalid remote host: hostnames may not start with '-'.";
        return Err(OptionError::bare(message));
    }
    Ok(())
}

/// An empty path is the directory in which the remote shell starts.
fn or_dot(path: &OsString, access: Access) -> OsString {
    match access {
        Access::Shell if path.is_empty() => ".".into(),
        _ => path.clone(),
    }
}

fn remote(operand: &Operand) -> Option<(&Host, Access, &OsString)> {
    match operand {
        Operand::Local(_) => None,
        Operand::Shell { host, path } => Some((host, Access::Shell, path)),
        Operand::Daemon { host, port, path } => Some((host, Access::Daemon { port: *port }, path)),
    }
}

fn is_remote(operand: &Operand) -> bool {
    remote(operand).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, sync};

    fn route(line: &str) -> String {
        let options = sync(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let (way, remote) = match &options.route {
            Route::Local => return "local".into(),
            Route::Push(remote) => ("push", remote),
            Route::Pull(remote) => ("pull", remote),
        };
        let daemon = match remote.access {
            Access::Shell => "",
            Access::Daemon { .. } => " daemon",
        };
        let paths: Vec<String> = remote
            .paths
            .iter()
            .map(|p| p.display().to_string())
            .collect();
        let to = options
            .pull_destination()
            .map_or(String::new(), |to| format!(" to {}", to.display()));
        format!("{way}{daemon} {} {}{to}", remote.host, paths.join("+"))
    }

    #[test]
    fn the_way_of_a_transfer() {
        for (line, expected) in [
            ("a b", "local"),
            ("a", "local"),
            ("a host:b", "push host b"),
            ("a b me@host:", "push me@host ."),
            ("host:a b", "pull host a to b"),
            ("host:", "pull host ."),
            ("host:a", "pull host a"),
            ("host:a :b host:c d", "pull host a+b+c to d"),
            ("host:a :b", "pull host a+b"),
            ("host:a : d", "pull host a+. to d"),
            ("a host::mod/x", "push daemon host mod/x"),
            ("rsync://host:8/mod ::mod2 x", "error"),
            ("host::mod/a ::mod/b x", "pull daemon host mod/a+mod/b to x"),
            ("host::", "pull daemon host "),
        ] {
            if expected == "error" {
                let message = "All source args must use the same port number.";
                assert_eq!(error(line).to_string(), message);
            } else {
                assert_eq!(route(line), expected, "{line}");
            }
        }
    }

    #[test]
    fn operands_that_do_not_go_together() {
        for (line, message) in [
            (
                "host:a host:b",
                "The source and destination cannot both be remote.",
            ),
            (
                "host:a me@host:b c",
                "All source args must come from the same machine.",
            ),
            (
                "host:a host::b c",
                "All source args must use the same hostspec format.",
            ),
            ("a host:b c", "Unexpected remote arg: host:b"),
            (
                "host:a b c",
                "Unexpected local arg: b\nIf arg is a remote file/dir, prefix it with a colon (:).",
            ),
            (
                "a -- -x:b",
                "Invalid remote host: hostnames may not start with '-'.",
            ),
            (
                "--files-from=other:list host:a b",
                "--files-from hostname is not the same as the transfer hostname",
            ),
            (
                "--files-from=host:list a b",
                "--files-from cannot be remote when the transfer is local",
            ),
            (
                "--read-batch=x host:a",
                "remote destination is not allowed with --read-batch",
            ),
        ] {
            assert_eq!(error(line).to_string(), message, "{line}");
        }
        sync("--files-from=:list host:a b").unwrap();
        sync("--files-from=host:list a host:b").unwrap();
    }

    #[test]
    fn empty_operands() {
        let parse = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            crate::parse_in(&args, &crate::Environment::default())
        };
        let source = "Empty source arg specified.";
        let destination = "Empty destination arg specified (use \".\" or see --old-args).";
        for (args, message) in [
            (&["", "b"][..], source),
            (&["a", "", "b"], source),
            (&[""], source),
            (&["a", ""], destination),
        ] {
            assert_eq!(parse(args).unwrap_err().to_string(), message, "{args:?}");
        }
        match parse(&["--old-args", "a", ""]) {
            Ok(crate::Request::Sync(options)) => assert_eq!(options.operands, ["a", "."]),
            other => panic!("{other:?}"),
        }
    }
}
