//! Flags that rsync has not, and those that are answered without a transfer.
//!
//! Few on purpose. `--progress=bar` is with its relative in [`super::output`].

use crate::completion::{self, Shell};
use crate::error::OptionError;
use crate::flag::{Effect, Flag, Takes};
use crate::given::Stop;
use crate::resolved::IoBackend;
use crate::{help, man};

pub(super) const FLAGS: &[Flag] = &[JSON, IO_BACKEND, COMPLETIONS, MAN, VERSION, HELP];

const JSON: Flag = Flag::switch("json", None, "print one JSON event a line", |given| {
    given.options.json = true;
})
.undo(&["no-json"], |given| given.options.json = false)
.doc(
    "Write what happens as JSON, one event a line: start, entry, progress, warning, summary. \
     Nothing else goes to standard output.",
);

const IO_BACKEND: Flag = Flag::valued(
    "io-backend",
    None,
    Takes::OneOf("NAME", &["auto", "iocp", "uring", "threads"]),
    "choose how files are read and written",
    |given, value| {
        given.options.io_backend = match &*value.text() {
            "auto" => IoBackend::Auto,
            "iocp" => IoBackend::Iocp,
            "uring" => IoBackend::Uring,
            "threads" => IoBackend::Threads,
            other => {
                let message =
                    format!("--io-backend={other} is not known; use auto, iocp, uring or threads");
                return Err(OptionError::syntax(message).into());
            }
        };
        Ok(())
    },
)
.doc(
    "`iocp` (Windows), `uring` (Linux), `threads` (anywhere), or `auto`, the default: what \
     `--version` shows.",
);

const COMPLETIONS: Flag = Flag::valued(
    "completions",
    None,
    Takes::OneOf("SHELL", &["bash", "zsh", "fish", "powershell"]),
    "print a completion script for SHELL and exit",
    |_, value| {
        let name = value.text();
        let shell = Shell::from_name(&name).ok_or_else(|| {
            let message =
                format!("--completions={name} is not known; use bash, zsh, fish or powershell");
            OptionError::syntax(message)
        })?;
        Err(Stop::Print(completion::completion(shell)))
    },
)
.doc("Have the shell complete options: `eval \"$(tidesync --completions=bash)\"`.");

const MAN: Flag = Flag::new(
    "man",
    None,
    Takes::Nothing,
    "print the manual page and exit",
    Effect::Answer(|| Stop::Print(man::man_page())),
)
.doc("This page, in roff: `tidesync --man | man -l -`.");

const VERSION: Flag = Flag::switch(
    "version",
    Some('V'),
    "print the version + other info and exit",
    |given| given.version = given.version.saturating_add(1),
)
.doc("What this program is and can do. Given twice, as JSON.");

const HELP: Flag = Flag::new(
    "help",
    None,
    Takes::Nothing,
    "show this help (-h is help only on its own)",
    Effect::Answer(|| Stop::Print(help::help())),
)
.doc("The options, a line each.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, options, printed, request};
    use crate::{Request, VersionFormat};

    #[test]
    fn json() {
        assert!(options("--json").json && !options("--json --no-json").json);
    }

    #[test]
    fn io_backend() {
        assert_eq!(options("").io_backend, IoBackend::Auto);
        assert_eq!(options("--io-backend=iocp").io_backend, IoBackend::Iocp);
        assert_eq!(options("--io-backend uring").io_backend, IoBackend::Uring);
        assert_eq!(
            options("--io-backend=threads").io_backend,
            IoBackend::Threads
        );
        let both = "--io-backend=uring --io-backend=auto";
        assert_eq!(options(both).io_backend, IoBackend::Auto);
        let message = "tidesync: --io-backend=x is not known; use auto, iocp, uring or threads";
        assert_eq!(error("--io-backend=x").to_string(), message);
    }

    #[test]
    fn completions() {
        for (name, mark) in [
            ("bash", "complete -o"),
            ("zsh", "#compdef"),
            ("fish", "complete -c"),
            ("powershell", "Register-ArgumentCompleter"),
        ] {
            assert!(
                printed(&format!("--completions={name}")).contains(mark),
                "{name}"
            );
        }
        assert!(
            error("--completions=x")
                .to_string()
                .contains("use bash, zsh")
        );
    }

    #[test]
    fn man() {
        assert!(printed("--man").starts_with(".TH"));
    }

    #[test]
    fn version() {
        let asked = |format, io_backend| Ok(Request::Version { format, io_backend });
        for line in ["-V", "--version a b", "-rV"] {
            let expected = asked(VersionFormat::Text, IoBackend::Auto);
            assert_eq!(request(line), expected, "{line}");
        }
        let expected = asked(VersionFormat::Json, IoBackend::Uring);
        assert_eq!(request("-VV --io-backend=uring"), expected);
        assert!(request("-V --foo").is_err());
    }

    #[test]
    fn help() {
        let text = printed("--help --foo");
        assert!(text.contains("\n--perms, -p              preserve permissions\n"));
        for line in ["-h", "-rh"] {
            assert_eq!(printed(line), text, "{line}");
        }
        assert!(matches!(request("-h -r a b"), Ok(Request::Sync(_))));
    }
}
