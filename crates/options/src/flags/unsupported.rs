//! Every option of rsync 3.5.0 that we know and cannot obey yet.
//!
//! Known, so that the refusal names it and says what to do. What only takes such an option
//! back asks for what we do anyway, and is obeyed. An option leaves this file for one of its
//! neighbours when it is built.
//!
//! rsync: options.c long_options

use crate::flag::{Effect, Flag, Takes};
use crate::given::Given;

pub(super) const FLAGS: &[Flag] = &[
    no("acls", Some('A'), LEAVE_OUT).undo(&["no-acls", "no-A"], nothing),
    no("xattrs", Some('X'), LEAVE_OUT).undo(&["no-xattrs", "no-X"], nothing),
    no("fake-super", None, LEAVE_OUT),
    no_value("compare-dest", None, Takes::Dir("DIR"), LEAVE_OUT),
    no_value("copy-dest", None, Takes::Dir("DIR"), LEAVE_OUT),
    no_value("link-dest", None, Takes::Dir("DIR"), LEAVE_OUT),
    no("fuzzy", Some('y'), LEAVE_OUT).undo(&["no-fuzzy", "no-y"], nothing),
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

/// It is off already.
fn nothing(_: &mut Given) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, options};
    use crate::error::ErrorKind;
    use crate::resolved::Options;

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
            error("-y").to_string(),
            "tidesync: --fuzzy (-y) is not supported yet: leave it out, or use rsync"
        );
    }

    #[test]
    fn taking_one_back_changes_nothing() {
        let plain: Options = options("-a");
        for name in FLAGS.iter().flat_map(Flag::undo_names) {
            assert_eq!(options(&format!("-a --{name}")), plain, "{name}");
        }
    }
}
