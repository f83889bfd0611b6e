//! The text of `--help`: the table of flags, a line each.
//!
//! rsync: help-from-md.awk, usage.c

use crate::flag::{Flag, Takes};
use crate::flags::{THEMES, Theme};

/// What `--help` prints, to standard output.
pub fn help() -> String {
    let mut text = String::from(
        "tidesync brings a directory tree up to date with another, as rsync does.\n\
         \n\
         Usage: tidesync [OPTION]... SRC [SRC]... DEST\n  \
           or   tidesync [OPTION]... SRC            (lists SRC)\n\
         A SRC that ends in a slash stands for the content of the directory. SRC or\n\
         DEST may be on another computer that has rsync or tidesync and is reached by\n\
         ssh: [USER@]HOST:PATH.\n",
    );
    for theme in shown_themes() {
        text += &format!("\n{}\n", theme.heading);
        for flag in theme.flags {
            text += &lines(flag);
        }
        if theme.heading == "tidesync's own" {
            text += &line("--no-OPTION", "turn off an implied OPTION (e.g. --no-D)");
        }
    }
    text += "\nThe manual says more: tidesync --man | man -l -\n";
    text
}

/// The themes of which help and manual tell.
pub(crate) fn shown_themes() -> impl Iterator<Item = &'static Theme> {
    THEMES
        .iter()
        .filter(|theme| theme.flags.iter().any(Flag::is_supported))
}

/// The lines of one flag: its own, its aliases' and that of what undoes it.
fn lines(flag: &Flag) -> String {
    let mut text = String::new();
    let mut help = flag.help.lines();
    if let Some(first) = help.next() {
        // An alias stands on the flag's line if there is room, or if `help` names it.
        let mut left = heading(flag);
        let mut apart = Vec::new();
        for alias in flag.aliases {
            let alias = format!("--{alias}");
            if left.len() + 2 + alias.len() <= NAMES {
                left += &format!(", {alias}");
            } else if !first.contains(&alias) {
                apart.push(line(&alias, &format!("same as {}", flag.typed())));
            }
        }
        text += &line(&left, first);
        text.extend(help.map(|more| line("", more)));
        text.extend(apart);
    }
    if let Some(undo) = flag.undo.as_ref().filter(|undo| !undo.help.is_empty()) {
        let names = undo.names.iter().map(|name| format!("--{name}"));
        let all = names.collect::<Vec<_>>().join(", ");
        let left = match all.len() {
            0..=NAMES => all,
            _ => format!("--{}", undo.names[0]),
        };
        text += &line(&left, undo.help);
    }
    text
}

/// The width of the column of names.
const NAMES: usize = 24;

/// The names of a flag as a heading: `--block-size=SIZE, -B`.
pub(crate) fn heading(flag: &Flag) -> String {
    let mut heading = flag.typed();
    match flag.takes {
        Takes::Nothing => {}
        Takes::Maybe(words) => heading += &format!("[={}]", words.join("|")),
        takes => heading += &format!("={}", takes.metavar()),
    }
    match flag.short {
        Some(letter) if !flag.long.is_empty() => heading + &format!(", -{letter}"),
        _ => heading,
    }
}

fn line(left: &str, right: &str) -> String {
    format!("{left:<NAMES$} {right}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_looks_like_that_of_rsync() {
        let help = help();
        for line in [
            "--verbose, -v            increase verbosity",
            "--archive, -a            archive mode is -rlptgoD (no -A,-X,-U,-N,-H)",
            "--no-whole-file, --no-W  use the delta-xfer algorithm",
            "--checksum-choice=STR    choose the checksum algorithm (aka --cc)",
            "--block-size=SIZE, -B    force a fixed checksum block-size",
            "-F                       same as --filter='dir-merge /.rsync-filter'",
            "                         repeated: --filter='- .rsync-filter'",
            "--inc-recursive, --i-r   enable incremental recursion",
            "--no-inc-recursive       disable incremental recursion",
            "--no-OPTION              turn off an implied OPTION (e.g. --no-D)",
            "--progress[=bar]         show progress during transfer",
        ] {
            assert!(help.contains(&format!("\n{line}\n")), "{line}\n{help}");
        }
    }

    #[test]
    fn help_keeps_quiet_about_what_is_not_there() {
        let help = help();
        assert!(!help.contains("--fake-super") && !help.contains("Not supported"));
        assert!(!help.contains("--remove-sent-files") && !help.contains("msgs2stderr"));
    }
}
