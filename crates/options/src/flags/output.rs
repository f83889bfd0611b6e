//! Flags that decide what is told, and where.
//!
//! rsync: options.c, log.c

use crate::error::OptionError;
use crate::flag::{Effect, Flag, Takes};
use crate::given::Stop;
use crate::levels::{Asked, Chosen};
use crate::resolved::StderrMode;
use crate::value::Value;

pub(super) const FLAGS: &[Flag] = &[
    VERBOSE,
    INFO,
    DEBUG,
    STDERR,
    MSGS2STDERR,
    QUIET,
    ITEMIZE_CHANGES,
    OUT_FORMAT,
    LOG_FORMAT,
    STATS,
    HUMAN_READABLE,
    EIGHT_BIT_OUTPUT,
    PROGRESS,
    PARTIAL_AND_PROGRESS,
    LOG_FILE,
    LOG_FILE_FORMAT,
];

const VERBOSE: Flag = Flag::switch("verbose", Some('v'), "increase verbosity", |given| {
    given.options.verbose = given.options.verbose.saturating_add(1);
})
.undo(&["no-verbose", "no-v"], |given| given.options.verbose = 0)
.doc(
    "Name what is transferred, and sum up at the end. Given twice it tells also what is skipped; \
     given more often it is for debugging.",
);

const INFO: Flag = Flag::valued(
    "info",
    None,
    Takes::Text("FLAGS"),
    "fine-grained informational verbosity",
    |given, value| levels(&mut given.info, value),
)
.doc(
    "Set what is told, word by word: `--info=name0,progress2`. A number is a level, none is 1, \
     0 silences; `all` and `none` are every word. `--info=help` lists the words.",
);

const DEBUG: Flag = Flag::valued(
    "debug",
    None,
    Takes::Text("FLAGS"),
    "fine-grained debug verbosity",
    |given, value| levels(&mut given.debug, value),
)
.doc("The same for what is told for debugging. `--debug=help` lists the words.");

fn levels(chosen: &mut Chosen, value: &Value<'_>) -> Result<(), Stop> {
    match chosen.user(&value.text())? {
        Asked::Levels => Ok(()),
        Asked::Help => Err(Stop::Print(chosen.help())),
    }
}

const STDERR: Flag = Flag::valued(
    "stderr",
    None,
    Takes::OneOf("e|a|c", &["errors", "all", "client"]),
    "change stderr output mode (default: errors)",
    |given, value| {
        let mode = value.text();
        let is = |word: &str| !mode.is_empty() && word.starts_with(&*mode);
        given.options.stderr = if is("errors") {
            StderrMode::Errors
        } else if is("all") {
            StderrMode::All
        } else if is("client") {
            StderrMode::Client
        } else {
            let message = format!("--stderr mode \"{mode}\" is not one of errors, all, or client");
            return Err(OptionError::syntax(message).into());
        };
        given.options.as_given.stderr = true;
        Ok(())
    },
)
.doc("Which messages go to standard error: `errors`, or `all`. `client` is about remote errors.");

/// The older name of `--stderr`'s modes; rsync no longer shows it.
const MSGS2STDERR: Flag = Flag::switch("msgs2stderr", None, "", |given| {
    given.options.stderr = StderrMode::All;
    given.options.as_given.stderr = true;
})
.undo(&["no-msgs2stderr"], |given| {
    given.options.stderr = StderrMode::Client;
    given.options.as_given.stderr = true;
});

const QUIET: Flag = Flag::switch("quiet", Some('q'), "suppress non-error messages", |given| {
    given.options.quiet = given.options.quiet.saturating_add(1);
})
.doc("Print errors only.");

const ITEMIZE_CHANGES: Flag = Flag::switch(
    "itemize-changes",
    Some('i'),
    "output a change-summary for all updates",
    |given| given.itemize = given.itemize.saturating_add(1),
)
.undo(&["no-itemize-changes", "no-i"], |given| given.itemize = 0)
.doc(
    "Before each name print what is different about it, eleven letters like `>f.st......`: what \
     is done, the type of file, and which of checksum, size, time, permissions, owner and group \
     change. Given twice, unchanged names are printed too.",
);

const OUT_FORMAT: Flag = Flag::valued(
    "out-format",
    None,
    Takes::Text("FORMAT"),
    "output updates using the specified FORMAT",
    |given, value| {
        given.out_format = Some(value.bytes().to_vec());
        Ok(())
    },
)
.doc("The line printed for each update: text with escapes such as `%i` (changes), `%n` (name), `%L` (link), `%l` (length), `%b` (bytes moved), `%o` (operation).");

/// The older name, deprecated by rsync, and so not shown.
const LOG_FORMAT: Flag = Flag::new("log-format", None, OUT_FORMAT.takes, "", OUT_FORMAT.effect);

const STATS: Flag = Flag::switch("stats", None, "give some file-transfer stats", |given| {
    given.stats = true;
})
.doc("Print counts of files and bytes at the end.");

const HUMAN_READABLE: Flag = Flag::switch(
    "human-readable",
    Some('h'),
    "output numbers in a human-readable format",
    |given| {
        let level = &mut given.options.human_readable;
        *level = level.saturating_add(1);
    },
)
.undo(&["no-human-readable", "no-h"], |given| {
    given.options.human_readable = 0
})
.doc(
    "Numbers with units of 1000, given twice of 1024. Without it digits are grouped by threes, \
     with `--no-h` they are not. As the only argument, `-h` is `--help`.",
);

const EIGHT_BIT_OUTPUT: Flag = Flag::switch(
    "8-bit-output",
    Some('8'),
    "leave high-bit chars unescaped in output",
    |given| given.options.eight_bit_output = true,
)
.undo(&["no-8-bit-output", "no-8"], |given| given.options.eight_bit_output = false)
.doc("Print bytes of names that are no text in the terminal's encoding as they are, instead of as `\\#ooo`.");

const PROGRESS: Flag = Flag::new(
    "progress",
    None,
    Takes::Maybe(&["bar"]),
    "show progress during transfer",
    Effect::MaybeValue(|given, value| {
        match value.map(Value::text) {
            None => given.progress = true,
            Some(kind) if kind == "bar" => given.options.progress_bar = true,
            Some(kind) => {
                let message = format!("--progress={kind} is not known; it is --progress=bar");
                return Err(OptionError::syntax(message).into());
            }
        }
        Ok(())
    }),
)
.undo(&["no-progress"], |given| {
    given.progress = false;
    given.options.progress_bar = false;
})
.doc(
    "Show how far each file has got. `--progress=bar` is one live display of the whole transfer \
     instead, where standard output is a terminal (else it says so and shows `--progress`); \
     `--info=progress2` one line for the whole, as rsync prints it.",
);

const PARTIAL_AND_PROGRESS: Flag =
    Flag::switch("", Some('P'), "same as --partial --progress", |given| {
        given.options.partial = true;
        given.progress = true;
    })
    .doc("The same as `--partial --progress`.");

const LOG_FILE: Flag = Flag::valued(
    "log-file",
    None,
    Takes::File("FILE"),
    "log what we're doing to the specified FILE",
    |given, value| {
        given.log_file = Some(value.path());
        Ok(())
    },
)
.doc("Append what is done to this file.");

const LOG_FILE_FORMAT: Flag = Flag::valued(
    "log-file-format",
    None,
    Takes::Text("FMT"),
    "log updates using the specified FMT",
    |given, value| {
        given.log_file_format = Some(value.bytes().to_vec());
        Ok(())
    },
)
.doc("The line logged for each update, `%i %n%L` by default.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, options, printed};
    use crate::format::LineTime;

    fn format(line: &str) -> Option<String> {
        let format = options(line).out_format?;
        Some(String::from_utf8(format.text).unwrap())
    }

    #[test]
    fn verbose() {
        let twice = options("-vv");
        assert_eq!((twice.verbose, twice.info.name, twice.debug.del), (2, 2, 1));
        assert_eq!(options("-vv --no-v --verbose").info.name, 1);
        assert_eq!(options("-v --no-verbose").verbose, 0);
        assert_eq!(format("-v").as_deref(), Some("%n%L"));
        assert_eq!(format(""), None);
    }

    #[test]
    fn info() {
        assert_eq!(options("--info=name0 -vv").info.name, 0);
        assert_eq!(options("--info=progress2").info.progress, 2);
        assert!(printed("--info=help --foo").starts_with("Use OPT"));
        assert_eq!(
            error("--info=foo").to_string(),
            "Unknown --info item: \"foo\""
        );
    }

    #[test]
    fn debug() {
        assert_eq!(options("--debug=flist2").debug.flist, 2);
        assert!(printed("--debug=HELP").contains("Debug send"));
        assert_eq!(
            error("--debug=foo").to_string(),
            "Unknown --debug item: \"foo\""
        );
    }

    #[test]
    fn stderr() {
        assert_eq!(options("").stderr, StderrMode::Errors);
        assert_eq!(options("--stderr=a").stderr, StderrMode::All);
        assert_eq!(
            options("--stderr=all --stderr=err").stderr,
            StderrMode::Errors
        );
        assert_eq!(options("--stderr=client").stderr, StderrMode::Client);
        let message = "tidesync: --stderr mode \"x\" is not one of errors, all, or client";
        assert_eq!(error("--stderr=x").to_string(), message);
    }

    #[test]
    fn msgs2stderr() {
        assert_eq!(options("--msgs2stderr").stderr, StderrMode::All);
        assert_eq!(options("--no-msgs2stderr").stderr, StderrMode::Client);
    }

    #[test]
    fn quiet() {
        assert_eq!(options("-qq").quiet, 2);
        assert_eq!(options("--quiet -v").quiet, 1);
    }

    #[test]
    fn itemize_changes() {
        assert_eq!(format("-i").as_deref(), Some("%i %n%L"));
        assert_eq!(options("-i").itemize(), 1);
        assert!(options("-ii").itemize() > 1);
        assert_eq!(options("-i --no-i -v").itemize(), 0);
        assert_eq!(
            options("--itemize-changes --no-itemize-changes").itemize(),
            0
        );
    }

    #[test]
    fn out_format() {
        let after = options("--out-format=%n:%b -ii").out_format.unwrap();
        assert_eq!((after.itemize, after.when), (0, LineTime::After));
        assert_eq!(format("--out-format= -v").as_deref(), Some(""));
    }

    #[test]
    fn log_format() {
        assert!(options("--log-format=%i -ii").itemize() > 1);
    }

    #[test]
    fn stats() {
        assert_eq!(options("").info.stats, 0);
        assert_eq!(options("--stats").info.stats, 2);
        assert_eq!(options("--stats -vv").info.stats, 3);
        assert_eq!(options("--stats --info=stats0").info.stats, 0);
    }

    #[test]
    fn human_readable() {
        assert_eq!(options("").human_readable, 1);
        assert_eq!(options("-hh").human_readable, 3);
        assert_eq!(options("--human-readable --no-h").human_readable, 0);
        assert_eq!(options("--no-human-readable -h").human_readable, 1);
    }

    #[test]
    fn eight_bit_output() {
        assert!(options("-8").eight_bit_output && options("--8-bit-output").eight_bit_output);
        assert!(!options("-8 --no-8").eight_bit_output);
        assert!(!options("-8 --no-8-bit-output").eight_bit_output);
    }

    #[test]
    fn progress() {
        let progress = options("--progress");
        assert_eq!((progress.info.progress, progress.info.flist), (1, 2));
        assert_eq!((progress.info.name, progress.progress_bar), (1, false));
        assert_eq!(options("--progress -i").info.name, 0);
        assert_eq!(options("--progress --info=progress2").info.progress, 2);
        assert_eq!(options("--progress --no-progress").info.progress, 0);
        let bar = options("--progress=bar");
        assert!(bar.progress_bar && bar.info.progress == 0);
        assert!(!options("--progress=bar --no-progress").progress_bar);
        let message = "tidesync: --progress=x is not known; it is --progress=bar";
        assert_eq!(error("--progress=x").to_string(), message);
    }

    #[test]
    fn partial_and_progress() {
        let both = options("-P");
        assert!(both.partial && both.info.progress == 1);
        assert_eq!(options("-P --no-progress").info.progress, 0);
    }

    #[test]
    fn log_file() {
        let log = options("--log-file=x").log_file.unwrap();
        assert_eq!(log.path, std::path::PathBuf::from("x"));
        assert_eq!(
            (&log.format.text[..], log.format.itemize),
            (&b"%i %n%L"[..], 1)
        );
    }

    #[test]
    fn log_file_format() {
        assert_eq!(options("--log-file-format=%n").log_file, None);
        let log = options("--log-file=x --log-file-format=%n")
            .log_file
            .unwrap();
        assert_eq!((&log.format.text[..], log.format.itemize), (&b"%n"[..], 0));
    }
}
