//! Quoting what the remote shell must not act on.
//!
//! Names keep their wildcards, which are for the shell there to expand; values of options do not.
//! Since version 3.2.4 rsync escapes; before, all was split and expanded, which `--old-args` still
//! asks for.
//!
//! rsync: options.c safe_arg()

use crate::remote::ArgumentStyle;

/// What an argument is, as far as quoting cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A name, which may have wildcards.
    Name {
        /// A `~` at its front is a part of the name: see [`keeps_tilde`].
        literal_tilde: bool,
    },
    /// The value of an option.
    Value,
    /// A whole option out of `-M`.
    RemoteOption,
}

const WILDCARDS: &[u8] = b"*?[]";
const SHELL: &[u8] = b"!#$&;|<>(){}\"'` \t\n\r\\";

/// `arg` as it is written on the command line for the remote shell.
pub(crate) fn quote(arg: &[u8], meaning: Meaning, style: ArgumentStyle) -> Vec<u8> {
    let is_name = matches!(meaning, Meaning::Name { .. });
    let mut quoted = Vec::with_capacity(arg.len() + 8);
    if is_name && arg.first() == Some(&b'-') {
        quoted.extend_from_slice(b"./");
    }
    let quotes = match style {
        ArgumentStyle::Quoted => true,
        ArgumentStyle::OldNames => meaning == Meaning::Value,
        ArgumentStyle::Secluded | ArgumentStyle::Old => false,
    };
    if !quotes {
        quoted.extend_from_slice(arg);
        return quoted;
    }
    let literal_tilde = Meaning::Name {
        literal_tilde: true,
    };
    if meaning == literal_tilde && arg.first() == Some(&b'~') {
        quoted.push(b'\\');
    }
    for (at, byte) in arg.iter().enumerate() {
        let before_wildcard = || arg.get(at + 1).is_some_and(|next| WILDCARDS.contains(next));
        let escapes = match byte {
            // The user escaped the wildcard.
            b'\\' if is_name => !before_wildcard(),
            _ => SHELL.contains(byte) || !is_name && WILDCARDS.contains(byte),
        };
        if escapes {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted
}

/// Whether a name of a pull may not begin with a home directory: where what arrives is held
/// against what was asked for, the shell must not turn `~` into a name that nobody asked for.
pub(crate) fn keeps_tilde(name: &[u8], relative: bool) -> bool {
    let marks_its_begin = name.windows(3).any(|part| part == b"/./");
    relative && !marks_its_begin || !name.contains(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Meaning = Meaning::Name {
        literal_tilde: false,
    };

    fn quoted(arg: &str, meaning: Meaning, style: ArgumentStyle) -> String {
        String::from_utf8(quote(arg.as_bytes(), meaning, style)).unwrap()
    }

    #[test]
    fn names_keep_their_wildcards() {
        for (arg, expected) in [
            ("plain/~x", "plain/~x"),
            ("a b*.[ch]?", "a\\ b*.[ch]?"),
            ("a\\*b\\c\\", "a\\*b\\\\c\\\\"),
            ("$HOME;`x`", "\\$HOME\\;\\`x\\`"),
            ("-x y", "./-x\\ y"),
            ("{a,b}", "\\{a,b\\}"),
            ("~/x", "~/x"),
        ] {
            assert_eq!(quoted(arg, NAME, ArgumentStyle::Quoted), expected, "{arg}");
        }
    }

    #[test]
    fn values_do_not() {
        for (arg, expected) in [("*:u", "\\*:u"), ("a\\*", "a\\\\\\*"), ("-x", "-x")] {
            let value = quoted(arg, Meaning::Value, ArgumentStyle::Quoted);
            assert_eq!(value, expected, "{arg}");
        }
    }

    #[test]
    fn a_tilde_may_be_literal() {
        let name = Meaning::Name {
            literal_tilde: true,
        };
        assert_eq!(quoted("~x", name, ArgumentStyle::Quoted), "\\~x");
        assert_eq!(quoted("~x", name, ArgumentStyle::Secluded), "~x");
        assert!(keeps_tilde(b"~", false) && keeps_tilde(b"~/x", true));
        assert!(!keeps_tilde(b"~/x", false) && !keeps_tilde(b"~/./x", true));
    }

    #[test]
    fn styles() {
        let all = |meaning| {
            [
                ArgumentStyle::OldNames,
                ArgumentStyle::Old,
                ArgumentStyle::Secluded,
            ]
            .map(|style| quoted("-a b", meaning, style))
        };
        assert_eq!(all(NAME), ["./-a b", "./-a b", "./-a b"]);
        assert_eq!(all(Meaning::Value), ["-a\\ b", "-a b", "-a b"]);
        assert_eq!(all(Meaning::RemoteOption), ["-a b", "-a b", "-a b"]);
    }
}
