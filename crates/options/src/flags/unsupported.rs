//! Every option of rsync 3.5.0 that we know and cannot obey yet.
//!
//! Known, so that the refusal names it and says what to do. An option leaves this file for one of
//! its neighbours when it is built.
//!
//! rsync: options.c long_options

use crate::flag::{Effect, Flag, Takes};

pub(super) const FLAGS: &[Flag] = &[
    no("fake-super", None, LEAVE_OUT),
    no_value(
        "copy-as",
        None,
        Takes::Text("USER[:GROUP]"),
        "run it as that user",
    ),
    // The daemon.
    no("daemon", None, DAEMON),
    no_value("config", None, Takes::File("FILE"), DAEMON),
    no_value("dparam", None, Takes::Text("OVERRIDE"), DAEMON),
    no("detach", None, DAEMON),
    no("no-detach", None, DAEMON),
];

const LEAVE_OUT: &str = "leave it out, or use rsync";
const DAEMON: &str = "it is about the daemon, which is still to come";

const fn no(long: &'static str, short: Option<char>, why: &'static str) -> Flag {
    no_value(long, short, Takes::Nothing, why)
}

const fn no_value(
    long: &'static str,
    short: Option<char>,
    takes: Takes,
    why: &'static str,
) -> Flag {
    Flag::new(long, short, takes, "", Effect::Refuse(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::error;
    use crate::error::ErrorKind;

    #[test]
    fn every_one_is_refused_by_name() {
        for flag in FLAGS {
            let long = flag.long_names().map(|name| format!("--{name}"));
            let short = flag.short.map(|letter| format!("-{letter}"));
            for name in long.chain(short) {
                let value = match flag.takes {
                    Takes::Nothing => "",
                    _ => " 1",
                };
                let refusal = error(&format!("-r {name}{value} a b"));
                assert_eq!(refusal.kind, ErrorKind::Unsupported, "{name}");
                let named = format!("tidesync: {}", flag.typed());
                assert!(refusal.to_string().starts_with(&named), "{name}: {refusal}");
            }
        }
        assert_eq!(
            error("--fake-super").to_string(),
            "tidesync: --fake-super is not supported yet: leave it out, or use rsync"
        );
    }
}
