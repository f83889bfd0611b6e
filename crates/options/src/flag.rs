//! What the table says of one flag.
//!
//! A flag is one constant: its names, what it takes, what it does to [`Given`], its line of
//! `--help`, its paragraph of the manual and what undoes it. The parser, the help, the manual
//! and the completions all read the same constants, and so cannot disagree.
//!
//! rsync: options.c long_options, rsync.1.md

use crate::given::{Given, Stop};
use crate::value::Value;

/// One flag of the table.
pub(crate) struct Flag {
    /// The long name without dashes; empty for the few that are only a letter.
    pub(crate) long: &'static str,
    /// The letter.
    pub(crate) short: Option<char>,
    /// Other long names for the same.
    pub(crate) aliases: &'static [&'static str],
    /// What it takes.
    pub(crate) takes: Takes,
    /// What it does.
    pub(crate) effect: Effect,
    /// What undoes it, if anything does.
    pub(crate) undo: Option<Undo>,
    /// The line of `--help`; empty keeps the flag out of help and manual.
    pub(crate) help: &'static str,
    /// The paragraph of the manual.
    pub(crate) doc: &'static str,
}

/// The names that take a flag back.
pub(crate) struct Undo {
    /// Long names.
    pub(crate) names: &'static [&'static str],
    /// What they do.
    pub(crate) effect: fn(&mut Given),
    /// A line of `--help`, for those that are more than a reset to the default.
    pub(crate) help: &'static str,
}

/// What a flag takes.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// A text of this name.
    Text(&'static str),
    /// The path of a file.
    File(&'static str),
    /// The path of a directory.
    Dir(&'static str),
    /// One of these words.
    OneOf(&'static str, &'static [&'static str]),
    /// Nothing, or after an equals sign one of these words.
    Maybe(&'static [&'static str]),
}

/// What a flag does.
#[derive(Clone, Copy)]
pub(crate) enum Effect {
    /// It takes nothing and sets something.
    Switch(fn(&mut Given)),
    /// It takes nothing and is answered at once.
    Answer(fn() -> Stop),
    /// It takes a value.
    Value(fn(&mut Given, &Value<'_>) -> Result<(), Stop>),
    /// It may take a value.
    MaybeValue(fn(&mut Given, Option<&Value<'_>>) -> Result<(), Stop>),
    /// rsync has it and we have not.
    Refuse(&'static str),
    /// An rsync built without it refuses it in these words, and so does this.
    // rsync: options.c set_refuse_options(), create_refuse_error()
    Lack(&'static str),
}

impl Flag {
    /// A flag that takes nothing.
    pub(crate) const fn switch(
        long: &'static str,
        short: Option<char>,
        help: &'static str,
        set: fn(&mut Given),
    ) -> Flag {
        Flag::new(long, short, Takes::Nothing, help, Effect::Switch(set))
    }

    /// A flag that takes a value.
    pub(crate) const fn valued(
        long: &'static str,
        short: Option<char>,
        takes: Takes,
        help: &'static str,
        set: fn(&mut Given, &Value<'_>) -> Result<(), Stop>,
    ) -> Flag {
        Flag::new(long, short, takes, help, Effect::Value(set))
    }

    /// A flag of any kind.
    pub(crate) const fn new(
        long: &'static str,
        short: Option<char>,
        takes: Takes,
        help: &'static str,
        effect: Effect,
    ) -> Flag {
        Flag {
            long,
            short,
            aliases: &[],
            takes,
            effect,
            undo: None,
            help,
            doc: "",
        }
    }

    /// Adds other long names.
    pub(crate) const fn or(mut self, aliases: &'static [&'static str]) -> Flag {
        self.aliases = aliases;
        self
    }

    /// Adds what takes the flag back.
    pub(crate) const fn undo(self, names: &'static [&'static str], set: fn(&mut Given)) -> Flag {
        self.undo_with_help(names, "", set)
    }

    /// Adds what takes the flag back, with a line of help of its own.
    pub(crate) const fn undo_with_help(
        mut self,
        names: &'static [&'static str],
        help: &'static str,
        set: fn(&mut Given),
    ) -> Flag {
        self.undo = Some(Undo {
            names,
            effect: set,
            help,
        });
        self
    }

    /// Adds the paragraph of the manual. Backquotes set off what is typed.
    pub(crate) const fn doc(mut self, doc: &'static str) -> Flag {
        self.doc = doc;
        self
    }

    /// The flag as the user would type it: `--perms`, or `-D`.
    pub(crate) fn typed(&self) -> String {
        match (self.long, self.short) {
            ("", Some(letter)) => format!("-{letter}"),
            (long, _) => format!("--{long}"),
        }
    }

    /// All its long names but those that undo it.
    pub(crate) fn long_names(&self) -> impl Iterator<Item = &'static str> {
        let own = Some(self.long).filter(|long| !long.is_empty());
        own.into_iter().chain(self.aliases.iter().copied())
    }

    /// All names that undo it.
    pub(crate) fn undo_names(&self) -> &'static [&'static str] {
        self.undo.as_ref().map_or(&[], |undo| undo.names)
    }

    /// Whether the flag does anything here.
    pub(crate) fn is_supported(&self) -> bool {
        !matches!(self.effect, Effect::Refuse(_) | Effect::Lack(_))
    }
}

impl Takes {
    /// What stands for the value in help: `SIZE`.
    pub(crate) fn metavar(&self) -> &'static str {
        match self {
            Takes::Nothing | Takes::Maybe(_) => "",
            Takes::Text(name) | Takes::File(name) | Takes::Dir(name) | Takes::OneOf(name, _) => {
                name
            }
        }
    }
}
