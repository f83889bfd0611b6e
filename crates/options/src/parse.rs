//! Reading the arguments: which flag is meant, and what is its value.
//!
//! popt's rules, which rsync's users know without knowing them: options and operands in any
//! order; `--` ends the options; a lone `-` is an operand; `--name=value` and `--name value`;
//! letters in bundles, the value of the last one attached (`-B700`, `-B=700`) or following; no
//! abbreviations of long names.
//!
//! rsync: popt.c poptGetNextOpt()

use std::ffi::{OsStr, OsString};

use crate::error::OptionError;
use crate::flag::{Effect, Flag, Takes};
use crate::flags::{self, Found};
use crate::given::{Given, Stop};
use crate::value::Value;

/// Adds to `given` what all of `args` say, which do not begin with the program's name.
pub(crate) fn read(mut given: Given, args: &[OsString]) -> Result<Given, Stop> {
    let mut rest = args.iter();
    let mut options_end = false;
    while let Some(arg) = rest.next() {
        let bytes = arg.as_encoded_bytes();
        match bytes {
            b"--" if !options_end => options_end = true,
            [b'-', b'-', ..] if !options_end => long(&mut given, arg, &mut rest)?,
            [b'-', _, ..] if !options_end => bundle(&mut given, arg, &mut rest)?,
            _ => given.options.operands.push(arg.clone()),
        }
    }
    match given.refused.take() {
        Some(refused) => Err(refused.into()),
        None => Ok(given),
    }
}

/// Arguments not yet looked at.
type Rest<'a> = std::slice::Iter<'a, OsString>;

/// `--name`, `--name=value`.
fn long<'a>(given: &mut Given, arg: &'a OsStr, rest: &mut Rest<'a>) -> Result<(), Stop> {
    let bytes = arg.as_encoded_bytes();
    let equals = bytes.iter().position(|&b| b == b'=');
    let name = &bytes[2..equals.unwrap_or(bytes.len())];
    let found = flags::by_long_name(name).ok_or_else(|| complaint(given, arg, "unknown option"))?;
    let attached = equals.map(|at| at + 1);
    obey(given, found, arg, attached, rest)
}

/// `-abc`, `-Bvalue`.
fn bundle<'a>(given: &mut Given, arg: &'a OsStr, rest: &mut Rest<'a>) -> Result<(), Stop> {
    let bytes = arg.as_encoded_bytes();
    let mut at = 1;
    while at < bytes.len() {
        let letter = bytes[at];
        at += 1;
        let flag =
            flags::by_letter(letter).ok_or_else(|| complaint(given, arg, "unknown option"))?;
        let next = bytes.get(at).copied();
        let takes_value = !matches!(flag.takes, Takes::Nothing | Takes::Maybe(_));
        let attached = match next {
            Some(b'=') => Some(at + 1),
            Some(_) if takes_value => Some(at),
            _ => None,
        };
        obey(given, Found::Flag(flag), arg, attached, rest)?;
        if takes_value {
            break;
        }
    }
    Ok(())
}

/// Does what the flag says. Its value, if `attached`, begins there in `arg`.
fn obey<'a>(
    given: &mut Given,
    found: Found,
    arg: &'a OsStr,
    attached: Option<usize>,
    rest: &mut Rest<'a>,
) -> Result<(), Stop> {
    let flag = match found {
        Found::Flag(flag) => flag,
        Found::Undo(undo) => {
            no_value(given, arg, attached)?;
            (undo.effect)(given);
            return Ok(());
        }
    };
    let typed = || flag.typed();
    match flag.effect {
        Effect::Switch(set) => {
            no_value(given, arg, attached)?;
            set(given);
            Ok(())
        }
        Effect::Answer(answer) => {
            no_value(given, arg, attached)?;
            Err(answer())
        }
        Effect::Value(set) => {
            let value = value(given, flag, arg, attached, rest)?;
            set(given, &value)
        }
        Effect::MaybeValue(set) => {
            let value = attached.map(|at| Value::new(typed(), arg, at));
            set(given, value.as_ref())
        }
        Effect::Lack(what) => {
            let who = if given.server {
                "The server"
            } else {
                "This rsync"
            };
            Err(OptionError::syntax(format!("{who} does not support {what}")).into())
        }
        Effect::Refuse(why) => {
            match flag.takes {
                Takes::Nothing => no_value(given, arg, attached)?,
                _ => drop(value(given, flag, arg, attached, rest)?),
            }
            given.refused.get_or_insert_with(|| refusal(flag, why));
            Ok(())
        }
    }
}

/// The value of a flag that must have one.
fn value<'a>(
    given: &Given,
    flag: &Flag,
    arg: &'a OsStr,
    attached: Option<usize>,
    rest: &mut Rest<'a>,
) -> Result<Value<'a>, Stop> {
    match attached {
        Some(at) => Ok(Value::new(flag.typed(), arg, at)),
        None => {
            let next = rest
                .next()
                .ok_or_else(|| complaint(given, arg, "missing argument"))?;
            Ok(Value::new(flag.typed(), next, 0))
        }
    }
}

fn no_value(given: &Given, arg: &OsStr, attached: Option<usize>) -> Result<(), Stop> {
    match attached {
        Some(_) => Err(complaint(given, arg, "option does not take an argument")),
        None => Ok(()),
    }
}

/// popt names the whole argument, bundle and value and all.
fn complaint(given: &Given, arg: &OsStr, what: &str) -> Stop {
    let arg = String::from_utf8_lossy(arg.as_encoded_bytes());
    let place = if given.server {
        "on remote machine: "
    } else {
        ""
    };
    Stop::Error(OptionError::syntax(format!("{place}{arg}: {what}")))
}

fn refusal(flag: &Flag, why: &str) -> OptionError {
    let typed = flag.typed();
    let letter = match flag.short {
        Some(letter) if !flag.long.is_empty() => format!(" (-{letter})"),
        _ => String::new(),
    };
    let message = format!("{typed}{letter} is not supported yet: {why}");
    OptionError::unsupported(message)
}

#[cfg(test)]
mod tests {
    use crate::asked::{error, operands, options};

    #[test]
    fn options_and_operands_in_any_order() {
        assert_eq!(operands("a -r b --times c"), ["a", "b", "c"]);
        assert!(options("a b -r").recurse);
        assert_eq!(operands("-r a -- -b --c"), ["a", "-b", "--c"]);
        assert_eq!(operands("- a"), ["-", "a"]);
        assert_eq!(operands("-r a -- b --"), ["a", "b", "--"]);
    }

    #[test]
    fn values_are_attached_or_follow() {
        for line in ["--suffix=x", "--suffix x"] {
            assert_eq!(options(line).suffix, b"x", "{line}");
        }
        for line in [
            "-B700",
            "-B=700",
            "-B 700",
            "-rtB700",
            "-rB 700",
            "--block-size 700",
        ] {
            assert_eq!(options(line).block_size, Some(700), "{line}");
        }
        assert_eq!(options("--suffix=a=b").suffix, b"a=b");
        assert_eq!(options("-T -r").tmp_dir, Some("-r".into()));
    }

    #[test]
    fn later_flags_override_earlier_ones() {
        assert!(!options("-a --no-p").preserve_perms);
        assert!(options("--no-p -a").preserve_perms);
        assert!(!options("-rtp --no-perms --no-t").preserve_times);
    }

    #[test]
    fn a_mistake_counts_more_than_a_flag_not_supported_yet() {
        let mistaken = error("--fake-super --foo a b");
        assert_eq!(mistaken.to_string(), "tidesync: --foo: unknown option");
        assert_eq!(
            error("--fake-super --copy-as=x a b"),
            error("--fake-super a b")
        );
    }

    #[test]
    fn complaints_are_those_of_popt() {
        for (line, message) in [
            ("--foo", "tidesync: --foo: unknown option"),
            ("--foo=bar", "tidesync: --foo=bar: unknown option"),
            ("-aYr", "tidesync: -aYr: unknown option"),
            ("-ra-", "tidesync: -ra-: unknown option"),
            ("--recurs", "tidesync: --recurs: unknown option"),
            ("--no-archive", "tidesync: --no-archive: unknown option"),
            ("--=x", "tidesync: --=x: unknown option"),
            ("--max-size", "tidesync: --max-size: missing argument"),
            ("-rT", "tidesync: -rT: missing argument"),
            (
                "--recursive=3",
                "tidesync: --recursive=3: option does not take an argument",
            ),
            ("-Sr=a", "tidesync: -Sr=a: option does not take an argument"),
            (
                "--no-r=",
                "tidesync: --no-r=: option does not take an argument",
            ),
            (
                "--fuzzy=x",
                "tidesync: --fuzzy=x: option does not take an argument",
            ),
            (
                "--timeout=abc",
                "tidesync: --timeout=abc: invalid numeric value",
            ),
            (
                "--timeout 99999999999999",
                "tidesync: --timeout 99999999999999: number too large or too small",
            ),
        ] {
            // Nothing may follow: a flag that lacks its value would take it.
            assert_eq!(error(line).to_string(), message, "{line}");
        }
    }
}
