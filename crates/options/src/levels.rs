//! `--info` and `--debug`: the words, their levels, and what `-v` means in them.
//!
//! Each word has a level of its own, 0 to 4. `-v`, `--stats` and `--progress` raise levels too,
//! but never one that the user set by name, wherever on the command line that stood.
//!
//! rsync: options.c info_words, debug_words, parse_output_words(), set_output_verbosity()

use crate::error::OptionError;

/// A word of `--info` or `--debug` and its line of help.
pub(crate) struct Word {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
}

/// Defines the struct of levels, one field a word, and the table of words beside it.
macro_rules! levels {
    ($(#[$doc:meta])* $levels:ident, $words:ident: $($field:ident $name:literal $help:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $levels {
            $(#[doc = $help] pub $field: u8,)*
        }

        pub(crate) const $words: &[Word] = &[$(Word { name: $name, help: $help },)*];

        impl From<&Chosen> for $levels {
            /// `chosen` was made for the words of this struct.
            fn from(chosen: &Chosen) -> Self {
                let mut levels = chosen.slots.iter().map(|slot| slot.level);
                $levels { $($field: levels.next().unwrap_or(0),)* }
            }
        }
    };
}

levels! {
    /// The levels of `--info`.
    InfoLevels, INFO_WORDS:
    backup "BACKUP" "Mention files backed up",
    copy "COPY" "Mention files copied locally on the receiving side",
    del "DEL" "Mention deletions on the receiving side",
    flist "FLIST" "Mention file-list receiving/sending (levels 1-2)",
    misc "MISC" "Mention miscellaneous information (levels 1-2)",
    mount "MOUNT" "Mention mounts that were found or skipped",
    name "NAME" "Mention 1) updated file/dir names, 2) unchanged names",
    nonreg "NONREG" "Mention skipped non-regular files (default 1, 0 disables)",
    progress "PROGRESS" "Mention 1) per-file progress or 2) total transfer progress",
    remove "REMOVE" "Mention files removed on the sending side",
    skip "SKIP" "Mention files skipped due to transfer overrides (levels 1-2)",
    stats "STATS" "Mention statistics at end of run (levels 1-3)",
    symsafe "SYMSAFE" "Mention symlinks that are unsafe",
}

levels! {
    /// The levels of `--debug`.
    DebugLevels, DEBUG_WORDS:
    acl "ACL" "Debug extra ACL info",
    backup "BACKUP" "Debug backup actions (levels 1-2)",
    bind "BIND" "Debug socket bind actions",
    chdir "CHDIR" "Debug when the current directory changes",
    connect "CONNECT" "Debug connection events (levels 1-2)",
    cmd "CMD" "Debug commands+options that are issued (levels 1-2)",
    del "DEL" "Debug delete actions (levels 1-3)",
    deltasum "DELTASUM" "Debug delta-transfer checksumming (levels 1-4)",
    dup "DUP" "Debug weeding of duplicate names",
    exit "EXIT" "Debug exit events (levels 1-3)",
    filter "FILTER" "Debug filter actions (levels 1-3)",
    flist "FLIST" "Debug file-list operations (levels 1-4)",
    fuzzy "FUZZY" "Debug fuzzy scoring (levels 1-2)",
    genr "GENR" "Debug generator functions",
    hash "HASH" "Debug hashtable code",
    hlink "HLINK" "Debug hard-link actions (levels 1-3)",
    iconv "ICONV" "Debug iconv character conversions (levels 1-2)",
    io "IO" "Debug I/O routines (levels 1-4)",
    nstr "NSTR" "Debug negotiation strings",
    own "OWN" "Debug ownership changes in users & groups (levels 1-2)",
    proto "PROTO" "Debug protocol information",
    recv "RECV" "Debug receiver functions",
    send "SEND" "Debug sender functions",
    time "TIME" "Debug setting of modified times (levels 1-2)",
}

impl Default for InfoLevels {
    /// The levels without any `-v`.
    fn default() -> Self {
        let mut chosen = Chosen::info();
        chosen.verbosity(0);
        InfoLevels::from(&chosen)
    }
}

impl Default for DebugLevels {
    fn default() -> Self {
        DebugLevels::from(&Chosen::debug())
    }
}

/// The largest level a word can have.
const MAX_LEVEL: u8 = 4;

/// What each `-v` adds, the first element without any.
const INFO_VERBOSITY: [&str; 6] = [
    "NONREG",
    "COPY,DEL,FLIST,MISC,NAME,STATS,SYMSAFE",
    "BACKUP,MISC2,MOUNT,NAME2,REMOVE,SKIP",
    "",
    "",
    "",
];

/// The same for `--debug`.
const DEBUG_VERBOSITY: [&str; 6] = [
    "",
    "",
    "BIND,CMD,CONNECT,DEL,DELTASUM,DUP,FILTER,FLIST,ICONV",
    "ACL,BACKUP,CONNECT2,DELTASUM2,DEL2,EXIT,FILTER2,FLIST2,FUZZY,GENR,OWN,RECV,SEND,TIME",
    "CMD2,DELTASUM3,DEL3,EXIT2,FLIST3,ICONV2,OWN2,PROTO,TIME2",
    "CHDIR,DELTASUM4,FLIST4,FUZZY2,HASH,HLINK",
];

/// Levels being chosen: who set a level decides who may change it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    option: &'static str,
    words: &'static [Word],
    verbosity: &'static [&'static str; 6],
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    level: u8,
    by_user: bool,
}

// A table of words is fixed text; its names say all that a debugger needs.
impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What the value of `--info` or `--debug` asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Levels,
    Help,
}

impl Chosen {
    pub(crate) fn info() -> Chosen {
        Chosen::of("--info", INFO_WORDS, &INFO_VERBOSITY)
    }

    pub(crate) fn debug() -> Chosen {
        Chosen::of("--debug", DEBUG_WORDS, &DEBUG_VERBOSITY)
    }

    fn of(
        option: &'static str,
        words: &'static [Word],
        verbosity: &'static [&'static str; 6],
    ) -> Chosen {
        let slots = vec![Slot::default(); words.len()];
        Chosen {
            option,
            words,
            verbosity,
            slots,
        }
    }

    /// Obeys the value of the option: `name2,skip0,...`, `all`, `none`, `help`.
    pub(crate) fn user(&mut self, text: &str) -> Result<Asked, OptionError> {
        for item in text.split(',').filter(|item| !item.is_empty()) {
            let (name, level) = name_and_level(item);
            if name.eq_ignore_ascii_case("help") {
                return Ok(Asked::Help);
            }
            if !self.set(name, level, true) {
                let option = self.option;
                return Err(OptionError::bare(format!(
                    "Unknown {option} item: \"{name}\""
                )));
            }
        }
        Ok(Asked::Levels)
    }

    /// Adds what another option implies; what the user set by name stays.
    pub(crate) fn implied(&mut self, text: &str) {
        for item in text.split(',').filter(|item| !item.is_empty()) {
            let (name, level) = name_and_level(item);
            self.set(name, level, false);
        }
    }

    /// Adds what so many `-v` imply.
    pub(crate) fn verbosity(&mut self, count: u8) {
        for implied in self.verbosity.iter().take(usize::from(count) + 1) {
            self.implied(implied);
        }
    }

    /// Whether there is such a word.
    fn set(&mut self, name: &str, level: u8, by_user: bool) -> bool {
        let none = name.eq_ignore_ascii_case("none");
        let every = none || name.eq_ignore_ascii_case("all");
        let level = if none { 0 } else { level };
        let mut found = every;
        for (word, slot) in self.words.iter().zip(&mut self.slots) {
            if every || word.name.eq_ignore_ascii_case(name) {
                found = true;
                if by_user || !slot.by_user {
                    *slot = Slot { level, by_user };
                }
            }
        }
        found
    }

    /// What `--info=help` or `--debug=help` prints.
    // rsync: options.c output_item_help()
    pub(crate) fn help(&self) -> String {
        let option = self.option;
        let mut text = String::from(
            "Use OPT or OPT1 for level 1 output, OPT2 for level 2, etc.; OPT0 silences.\n\n",
        );
        let mut line = |name: &str, help: &str| text += &format!("{name:<10} {help}\n");
        for word in self.words {
            line(word.name, word.help);
        }
        text += "\n";
        let mut line = |name: &str, help: &str| text += &format!("{name:<10} {help}\n");
        line(
            "ALL",
            &format!("Set all {option} options (e.g. all{MAX_LEVEL})"),
        );
        line(
            "NONE",
            &format!("Silence all {option} options (same as all0)"),
        );
        line("HELP", "Output this help message");
        text += "\nOptions added at each level of verbosity:\n";
        for (count, added) in self.verbosity.iter().enumerate() {
            if !added.is_empty() {
                text += &format!("{count}) {}\n", self.in_table_order(added));
            }
        }
        text
    }

    /// The items of `list` in the order of the table of words.
    fn in_table_order(&self, list: &str) -> String {
        let mut items: Vec<&str> = list.split(',').collect();
        items.sort_by_key(|item| {
            let (name, _) = name_and_level(item);
            self.words.iter().position(|word| word.name == name)
        });
        items.join(",")
    }
}

/// Splits `name2` into `name` and 2; no number is 1, and no level is above the largest. A name
/// that begins with a digit is not split.
fn name_and_level(item: &str) -> (&str, u8) {
    let name = item.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &item[name.len()..];
    if name.is_empty() || item.starts_with(|c: char| c.is_ascii_digit()) {
        return (item, 1);
    }
    if digits.is_empty() {
        return (name, 1);
    }
    (
        name,
        digits
            .parse()
            .map_or(MAX_LEVEL, |level: u8| level.min(MAX_LEVEL)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str, verbose: u8) -> InfoLevels {
        let mut chosen = Chosen::info();
        assert_eq!(chosen.user(text).unwrap(), Asked::Levels);
        chosen.verbosity(verbose);
        InfoLevels::from(&chosen)
    }

    #[test]
    fn verbosity_raises_levels() {
        assert_eq!(InfoLevels::default().nonreg, 1);
        assert_eq!(InfoLevels::default().name, 0);
        assert_eq!(info("", 1).name, 1);
        assert_eq!(
            (info("", 2).name, info("", 2).misc, info("", 9).name),
            (2, 2, 2)
        );
        let mut debug = Chosen::debug();
        debug.verbosity(3);
        let debug = DebugLevels::from(&debug);
        assert_eq!((debug.del, debug.recv, debug.hlink), (2, 1, 0));
    }

    #[test]
    fn the_user_has_the_last_word() {
        assert_eq!(info("name0", 2).name, 0);
        assert_eq!(info("NaMe2,name", 0).name, 1);
        assert_eq!(info("all3,skip", 0).stats, 3);
        assert_eq!(info("none", 2).stats, 0);
        assert_eq!(info("stats99", 0).stats, 4);
        assert_eq!(info("stats99999999999999999999", 0).stats, 4);
    }

    #[test]
    fn unknown_words_are_named() {
        let mut chosen = Chosen::info();
        let message = chosen.user("name,foo7").unwrap_err().to_string();
        assert_eq!(message, "Unknown --info item: \"foo\"");
        assert!(chosen.user("2name").is_err());
        assert_eq!(chosen.user("HELP").unwrap(), Asked::Help);
    }

    #[test]
    fn help_lists_words_and_verbosity() {
        let help = Chosen::info().help();
        assert!(help.contains("\nNAME       Mention 1) updated"));
        assert!(help.contains("\n0) NONREG\n1) COPY,DEL,"));
        assert!(
            Chosen::debug()
                .help()
                .contains("\n3) ACL,BACKUP,CONNECT2,DEL2,DELTASUM2,EXIT,")
        );
    }
}
