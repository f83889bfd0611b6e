//! `--info` and `--debug`: the words, their levels, and what `-v` means in them.
//!
//! Each word has a level of its own, 0 to 4. `-v`, `--stats` and `--progress` raise levels too,
//! but never one that the user set by name, wherever on the command line that stood.
//!
//! rsync: options.c info_words, debug_words, parse_output_words(), set_output_verbosity()

use crate::error::OptionError;

/// A word of `--info` or `--debug` and its line of help.
#[derive(PartialEq)]
pub(crate) struct Word {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    /// Which server is told its level.
    told: Told,
}

/// Which role a server has to be told a level: it does not act on the others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nobody,
    Receiver,
    Sender,
    Both,
}

/// Defines the struct of levels, one field a word, and the table of words beside it.
macro_rules! levels {
    ($(#[$doc:meta])* $levels:ident, $words:ident:
     $($field:ident $name:literal $told:ident $help:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $levels {
            $(#[doc = $help] pub $field: u8,)*
        }

        pub(crate) const $words: &[Word] = &[$(Word {
            name: $name,
            help: $help,
            told: Told::$told,
        },)*];

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
    backup "BACKUP" Receiver "Mention files backed up",
    copy "COPY" Receiver "Mention files copied locally on the receiving side",
    del "DEL" Receiver "Mention deletions on the receiving side",
    flist "FLIST" Nobody "Mention file-list receiving/sending (levels 1-2)",
    misc "MISC" Both "Mention miscellaneous information (levels 1-2)",
    mount "MOUNT" Both "Mention mounts that were found or skipped",
    name "NAME" Both "Mention 1) updated file/dir names, 2) unchanged names",
    nonreg "NONREG" Receiver "Mention skipped non-regular files (default 1, 0 disables)",
    progress "PROGRESS" Nobody "Mention 1) per-file progress or 2) total transfer progress",
    remove "REMOVE" Sender "Mention files removed on the sending side",
    skip "SKIP" Receiver "Mention files skipped due to transfer overrides (levels 1-2)",
    stats "STATS" Both "Mention statistics at end of run (levels 1-3)",
    symsafe "SYMSAFE" Both "Mention symlinks that are unsafe",
}

levels! {
    /// The levels of `--debug`.
    DebugLevels, DEBUG_WORDS:
    acl "ACL" Nobody "Debug extra ACL info",
    backup "BACKUP" Nobody "Debug backup actions (levels 1-2)",
    bind "BIND" Nobody "Debug socket bind actions",
    chdir "CHDIR" Nobody "Debug when the current directory changes",
    connect "CONNECT" Nobody "Debug connection events (levels 1-2)",
    cmd "CMD" Nobody "Debug commands+options that are issued (levels 1-2)",
    del "DEL" Nobody "Debug delete actions (levels 1-3)",
    deltasum "DELTASUM" Nobody "Debug delta-transfer checksumming (levels 1-4)",
    dup "DUP" Nobody "Debug weeding of duplicate names",
    exit "EXIT" Nobody "Debug exit events (levels 1-3)",
    filter "FILTER" Nobody "Debug filter actions (levels 1-3)",
    flist "FLIST" Nobody "Debug file-list operations (levels 1-4)",
    fuzzy "FUZZY" Nobody "Debug fuzzy scoring (levels 1-2)",
    genr "GENR" Nobody "Debug generator functions",
    hash "HASH" Nobody "Debug hashtable code",
    hlink "HLINK" Nobody "Debug hard-link actions (levels 1-3)",
    iconv "ICONV" Nobody "Debug iconv character conversions (levels 1-2)",
    io "IO" Nobody "Debug I/O routines (levels 1-4)",
    nstr "NSTR" Nobody "Debug negotiation strings",
    own "OWN" Nobody "Debug ownership changes in users & groups (levels 1-2)",
    proto "PROTO" Nobody "Debug protocol information",
    recv "RECV" Nobody "Debug receiver functions",
    send "SEND" Nobody "Debug sender functions",
    time "TIME" Nobody "Debug setting of modified times (levels 1-2)",
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
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    option: &'static str,
    words: &'static [Word],
    verbosity: &'static [&'static str; 6],
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
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

    /// What a server that receives, or sends, is told: the option with the words that the user
    /// set, as short as it gets.
    // rsync: options.c make_output_option()
    pub(crate) fn for_server(&self, receives: bool) -> Option<String> {
        let role = if receives {
            Told::Receiver
        } else {
            Told::Sender
        };
        let told = |word: &Word| word.told == Told::Both || word.told == role;
        let slots = self.words.iter().zip(&self.slots);
        let (chosen, left): (Vec<_>, Vec<_>) = slots
            .filter(|(word, _)| told(word))
            .partition(|(_, slot)| slot.by_user);
        if chosen.is_empty() {
            return None;
        }
        let common = Some(most_frequent(chosen.iter().map(|(_, slot)| slot.level)))
            .filter(|&(_, count)| left.is_empty() && count >= 5)
            .map(|(level, _)| level);
        let every = common.map(|level| match level {
            0 => "NONE".to_owned(),
            level => with_level("ALL", level),
        });
        let others = chosen
            .iter()
            .filter(|(_, slot)| Some(slot.level) != common)
            .map(|(word, slot)| with_level(word.name, slot.level));
        let items: Vec<String> = every.into_iter().chain(others).collect();
        Some(format!("{}={}", self.option, items.join(",")))
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

/// The level that is there most often, the first to be so, and how often.
fn most_frequent(levels: impl Iterator<Item = u8>) -> (u8, usize) {
    let mut counts = [0; MAX_LEVEL as usize + 1];
    let mut most = (0, 0);
    for level in levels {
        let count = &mut counts[usize::from(level.min(MAX_LEVEL))];
        *count += 1;
        if *count > most.1 {
            most = (level, *count);
        }
    }
    most
}

/// Level 1 goes without saying.
fn with_level(name: &str, level: u8) -> String {
    match level {
        1 => name.to_owned(),
        level => format!("{name}{level}"),
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
    fn servers_are_told_what_they_act_on() {
        let told = |text: &str, receives| {
            let mut chosen = Chosen::info();
            chosen.user(text).unwrap();
            chosen.verbosity(2);
            chosen.for_server(receives)
        };
        assert_eq!(told("", true), None);
        assert_eq!(told("progress2", true), None);
        assert_eq!(told("name0,del", true).as_deref(), Some("--info=DEL,NAME0"));
        assert_eq!(told("name0,del", false).as_deref(), Some("--info=NAME0"));
        assert_eq!(told("none,name", true).as_deref(), Some("--info=NONE,NAME"));
        assert_eq!(told("all2", false).as_deref(), Some("--info=ALL2"));
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
