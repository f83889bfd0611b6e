//! Arguments that cross as data (`--secluded-args`), out of reach of the far shell, and the names of
//! `--files-from` on their way to a sender at the far end. In both, a zero byte ends each string,
//! and an empty string ends all.
// rsync: rsync.c send_protected_args(); io.c read_args(), read_line(), forward_filesfrom_data()

use crate::int::byte;
use crate::{Error, Source};

/// As much as all arguments may take together; rsync has no bound.
pub const MAX_ARGUMENTS: usize = 8 << 20;

/// The longest argument: rsync cuts off longer ones.
// rsync: rsync.h BIGPATHBUFLEN
pub const MAX_ARGUMENT: usize = 4096 + 1024 - 1;

/// The longest name of a list.
// rsync: rsync.h MAXPATHLEN
pub const MAX_NAME: usize = 4095;

/// Appends arguments, to be read before all else; the first is the name of the program. An empty
/// one becomes `.`, as rsync has it.
///
/// # Errors
///
/// [`Error::Unsupported`], for what the peer would cut off or misunderstand.
pub fn put_arguments<A: AsRef<[u8]>>(out: &mut Vec<u8>, arguments: &[A]) -> Result<(), Error> {
    for argument in arguments.iter().map(AsRef::as_ref) {
        if argument.len() > MAX_ARGUMENT || argument.contains(&0) {
            let len = argument.len();
            return Err(Error::Unsupported(format!(
                "an argument of {len} bytes cannot be sent"
            )));
        }
        out.extend_from_slice(if argument.is_empty() { b"." } else { argument });
        out.push(0);
    }
    out.push(0);
    Ok(())
}

/// Takes arguments, the name of the program among them.
///
/// # Errors
///
/// Those of the source, and arguments that are too long or too many.
pub fn arguments<S: Source>(source: &mut S) -> Result<Vec<Vec<u8>>, S::Error> {
    let mut arguments = Vec::new();
    let mut total = 0;
    while let Some(argument) = string(source, MAX_ARGUMENT, "argument")? {
        total += argument.len() + size_of::<Vec<u8>>();
        if total > MAX_ARGUMENTS {
            return Err(Error::misbehaving("too many arguments").into());
        }
        arguments.push(argument);
    }
    Ok(arguments)
}

/// Takes the next name of a list; `None` at its end.
///
/// # Errors
///
/// Those of the source, and a name that is too long.
pub fn name<S: Source>(source: &mut S) -> Result<Option<Vec<u8>>, S::Error> {
    string(source, MAX_NAME, "name")
}

/// Makes a list of names out of a file's bytes, in pieces of any size.
#[derive(Debug, Clone)]
pub struct Names {
    lines: Lines,
    /// Whether a name has begun.
    within: bool,
}

/// What ends a name in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// A line feed, a carriage return, or a zero byte.
    Text,
    /// Only a zero byte (`--from0`).
    Zero,
}

impl Names {
    /// At the beginning of a file.
    pub const fn new(lines: Lines) -> Names {
        Names {
            lines,
            within: false,
        }
    }

    /// Appends the names, or their parts, that these bytes have. Empty ones, of which the first
    /// would be the end, are left out.
    pub fn put(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        for &byte in bytes {
            let ends = byte == 0 || self.lines == Lines::Text && matches!(byte, b'\n' | b'\r');
            if ends && self.within {
                out.push(0);
            } else if !ends {
                out.push(byte);
            }
            self.within = !ends;
        }
    }

    /// Appends the end.
    pub fn end(self, out: &mut Vec<u8>) {
        if self.within {
            out.push(0);
        }
        out.push(0);
    }
}

/// Takes a string, byte by byte: what is behind it is not ours to take.
fn string<S: Source>(source: &mut S, most: usize, what: &str) -> Result<Option<Vec<u8>>, S::Error> {
    let mut string = Vec::new();
    loop {
        match byte(source)? {
            0 if string.is_empty() => return Ok(None),
            0 => return Ok(Some(string)),
            _ if string.len() == most => {
                return Err(Error::misbehaving(format!("{what} longer than {most} bytes")).into());
            }
            byte => string.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(pieces: &[&str], lines: Lines) -> Vec<u8> {
        let mut out = Vec::new();
        let mut names = Names::new(lines);
        for piece in pieces {
            names.put(&mut out, piece.as_bytes());
        }
        names.end(&mut out);
        out
    }

    #[test]
    fn lines_become_names() {
        for (pieces, names) in [
            (&["a\n", "b/c\n"][..], &b"a\0b/c\0\0"[..]),
            (&["\r\na\r\n\r", "\n\nb"], b"a\0b\0\0"),
            (&["on", "e\0\0two\0"], b"one\0two\0\0"),
            (&[], b"\0"),
        ] {
            assert_eq!(list(pieces, Lines::Text), names, "{pieces:?}");
        }
        assert_eq!(list(&["a\nb\0\0", "\0c"], Lines::Zero), b"a\nb\0c\0\0");
    }

    #[test]
    fn lengths_are_bounded() {
        let long = vec![b'x'; MAX_ARGUMENT + 1];
        assert!(matches!(
            arguments(&mut &long[..]),
            Err(Error::Misbehaving(_))
        ));
        assert!(matches!(name(&mut &long[..]), Err(Error::Misbehaving(_))));
        assert!(put_arguments(&mut Vec::new(), &[&long]).is_err());
        assert!(put_arguments(&mut Vec::new(), &[b"a\0b"]).is_err());
        let many = b"x\0".repeat(MAX_ARGUMENTS / 24);
        assert!(matches!(
            arguments(&mut &many[..]),
            Err(Error::Misbehaving(_))
        ));
        assert_eq!(arguments(&mut &b"rsync\0--ser"[..]), Err(Error::Truncated));
    }

    #[test]
    fn an_empty_argument_is_a_dot() {
        let mut out = Vec::new();
        put_arguments(&mut out, &["rsync", ""]).expect("arguments");
        assert_eq!(out, b"rsync\0.\0\0");
    }

    proptest! {
        #[test]
        fn arguments_come_back(sent in prop::collection::vec("[^\0]{1,20}", 0..20)) {
            let mut out = Vec::new();
            put_arguments(&mut out, &sent).expect("short ones");
            out.push(b'x');
            let mut source = &out[..];
            let sent: Vec<_> = sent.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(arguments(&mut source), Ok(sent));
            prop_assert_eq!(source, b"x");
        }

        #[test]
        fn names_come_back_from_pieces(text in "[a\n\r\0#]{0,40}", piece in 1usize..10) {
            let pieces: Vec<_> = text.as_bytes().chunks(piece).collect();
            let pieces: Vec<_> = pieces.iter().map(|piece| str::from_utf8(piece).expect("ASCII")).collect();
            let out = list(&pieces, Lines::Text);
            let mut source = &out[..];
            for line in text.split(['\n', '\r', '\0']).filter(|line| !line.is_empty()) {
                prop_assert_eq!(name(&mut source), Ok(Some(line.as_bytes().to_vec())));
            }
            prop_assert_eq!(name(&mut source), Ok(None));
            prop_assert!(source.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = arguments(&mut &bytes[..]);
            let mut source = &bytes[..];
            while let Ok(Some(_)) = name(&mut source) {}
        }
    }
}
