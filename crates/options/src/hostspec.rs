//! Operands, typed: a local path, or one on another computer, and how it is reached.
//!
//! `HOST:PATH`, `HOST::MODULE` and `rsync://HOST/MODULE` name another computer: a colon before the
//! first slash makes the difference, and `./a:b` is how a local file with a colon is written. On
//! Windows a single letter before the colon is a drive; a host of that name is written `[c]:`.
//!
//! rsync: options.c check_for_hostspec(), parse_hostspec()

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::Range;

use crate::sys;

/// What a source, a destination or a list of names is called, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// On this computer.
    Local(OsString),
    /// `HOST:PATH`: reached through a remote shell.
    Shell {
        /// Which computer.
        host: Host,
        /// What follows the colon; may be empty.
        path: OsString,
    },
    /// `HOST::MODULE/PATH`, `rsync://HOST:PORT/MODULE/PATH`: served by a daemon.
    Daemon {
        /// Which computer.
        host: Host,
        /// The port, if it was given.
        port: Option<u32>,
        /// The module and the path in it; may be empty.
        path: OsString,
    },
}

/// `[USER@]HOST`. An address in brackets is kept without them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Who logs in, if it was said.
    pub user: Option<OsString>,
    /// Name or address. Empty in `:PATH`, which is on the computer named before.
    pub name: OsString,
}

impl Operand {
    /// Reads one operand.
    pub fn parse(operand: &OsStr) -> Operand {
        let bytes = operand.as_encoded_bytes();
        let Some(spec) = Spec::read(bytes, cfg!(windows)) else {
            return Operand::Local(operand.to_os_string());
        };
        let host = Host {
            user: spec.user.map(|user| sys::part(operand, user)),
            name: sys::part(operand, spec.host),
        };
        let path = sys::part(operand, spec.path..bytes.len());
        match spec.access {
            Access::Shell => Operand::Shell { host, path },
            Access::Daemon { port } => Operand::Daemon { host, port, path },
        }
    }
}

impl Host {
    /// Whether this is `:`, which says "the same as before".
    pub(crate) fn is_empty(&self) -> bool {
        self.user.is_none() && self.name.is_empty()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{}@", user.display())?;
        }
        write!(f, "{}", self.name.display())
    }
}

/// Whether `operand` is on another computer.
pub fn names_a_host(operand: &OsStr) -> bool {
    Spec::read(operand.as_encoded_bytes(), cfg!(windows)).is_some()
}

/// How another computer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Through a remote shell, `ssh` by default.
    Shell,
    /// Through the socket of a daemon, or by way of a remote shell that is asked for.
    Daemon {
        /// The port, if it was given.
        port: Option<u32>,
    },
}

/// Where in the bytes of an operand the parts are.
struct Spec {
    user: Option<Range<usize>>,
    host: Range<usize>,
    access: Access,
    path: usize,
}

impl Spec {
    fn read(text: &[u8], has_drives: bool) -> Option<Spec> {
        Spec::url(text).or_else(|| Spec::colon(text, has_drives))
    }

    fn url(text: &[u8]) -> Option<Spec> {
        const URL: &[u8] = b"rsync://";
        if !text.get(..URL.len())?.eq_ignore_ascii_case(URL) {
            return None;
        }
        let authority = Authority::read(text, URL.len(), false)?;
        let mut path = authority.end;
        let mut port = None;
        if text.get(path) == Some(&b':') {
            let digits = &text[path + 1..];
            let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
            path += 1 + count;
            let number = std::str::from_utf8(&digits[..count]).ok()?;
            // No number, and 0, are the usual port.
            port = number.parse().ok().filter(|&port| port != 0);
        }
        match text.get(path) {
            None => {}
            Some(b'/') => path += 1,
            Some(_) => return None,
        }
        Some(authority.spec(Access::Daemon { port }, path))
    }

    fn colon(text: &[u8], has_drives: bool) -> Option<Spec> {
        let authority = Authority::read(text, 0, has_drives)?;
        let colon = authority.end;
        if text.get(colon) != Some(&b':') {
            return None;
        }
        if has_drives && colon == 1 && text[0].is_ascii_alphabetic() {
            return None;
        }
        Some(match text.get(colon + 1) {
            Some(b':') => authority.spec(Access::Daemon { port: None }, colon + 2),
            _ => authority.spec(Access::Shell, colon + 1),
        })
    }
}

/// `[USER@]HOST`, and where it ends.
struct Authority {
    user: Option<Range<usize>>,
    host: Range<usize>,
    end: usize,
}

impl Authority {
    fn read(text: &[u8], start: usize, has_drives: bool) -> Option<Authority> {
        let (mut user, mut bracketed) = (None, None);
        let (mut from, mut at) = (start, start);
        while let Some(&byte) = text.get(at) {
            match byte {
                b':' | b'/' => break,
                b'\\' if has_drives => break,
                b'@' => {
                    user = Some(start..at);
                    from = at + 1;
                }
                b'[' => {
                    // The colons within the brackets are the address's own.
                    let inside = &text[at + 1..];
                    let length = inside.iter().position(|b| matches!(b, b']' | b'/'))?;
                    let close = at + 1 + length;
                    let ends = matches!(text.get(close + 1), None | Some(b'/' | b':'));
                    if at != from || length == 0 || text[close] != b']' || !ends {
                        return None;
                    }
                    bracketed = Some(at + 1..close);
                    at = close;
                }
                _ => {}
            }
            at += 1;
        }
        Some(Authority {
            user,
            host: bracketed.unwrap_or(from..at),
            end: at,
        })
    }

    fn spec(self, access: Access, path: usize) -> Spec {
        Spec {
            user: self.user,
            host: self.host,
            access,
            path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_paths() {
        for (operand, on_unix, on_windows) in [
            ("host:path", true, true),
            ("user@host::module", true, true),
            ("RSYNC://host/module", true, true),
            ("[::1]:path", true, true),
            (":path", true, true),
            ("./a:b", false, false),
            ("/a:b", false, false),
            ("a/b:c", false, false),
            ("plain", false, false),
            ("[a]b:c", false, false),
            ("x[a]:c", false, false),
            ("[]:c", false, false),
            ("[a", false, false),
            ("c:\\dir", true, false),
            ("C:", true, false),
            ("[c]:dir", true, true),
            (".\\a:b", true, false),
            ("\\\\?\\C:\\a", true, false),
        ] {
            let read = |has_drives| Spec::read(operand.as_bytes(), has_drives).is_some();
            assert_eq!(read(false), on_unix, "{operand}");
            assert_eq!(read(true), on_windows, "{operand}");
        }
    }

    fn described(operand: &str) -> String {
        match Operand::parse(OsStr::new(operand)) {
            Operand::Local(path) => path.display().to_string(),
            Operand::Shell { host, path } => format!("{host} {}", path.display()),
            Operand::Daemon { host, port, path } => {
                format!("{host} {port:?} {}", path.display())
            }
        }
    }

    #[test]
    fn the_parts() {
        for (operand, parts) in [
            ("host:a b", "host a b"),
            ("me@host:", "me@host "),
            ("a@b@host:x", "a@b@host x"),
            ("me@[fe80::1]:/x", "me@fe80::1 /x"),
            ("host::mod/x", "host None mod/x"),
            ("host:::x", "host None :x"),
            ("rsync://me@host/mod/x", "me@host None mod/x"),
            ("rsync://host", "host None "),
            ("rsync://host:873/mod", "host Some(873) mod"),
            ("rsync://[::1]:8730/mod", "::1 Some(8730) mod"),
            ("rsync://host:/mod", "host None mod"),
            // Not a URL, and so a host of this name.
            ("rsync://host:12x/mod", "rsync //host:12x/mod"),
        ] {
            assert_eq!(described(operand), parts, "{operand}");
        }
    }
}
