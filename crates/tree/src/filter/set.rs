//! The rules that options give, in order.

use std::sync::Arc;

use super::Side;
use super::directory::DirFilters;
use super::error::FilterError;
use super::exchange::Dialect;
use super::list::{Entry, ListBuilder, Slot};
use super::load::{Loader, Reading, Settings};
use super::merge_files::MergeFiles;
use super::parse::Flags;

/// The global rules of a session. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FilterSet(Arc<Contents>);

#[derive(Debug)]
struct Contents {
    entries: Vec<Entry>,
    implied: Implied,
    slots: Vec<Option<Slot>>,
    settings: Settings,
    cvs_rules: Option<Arc<[Entry]>>,
}

/// Which of the entries no rule of the user's stands behind: they are last in the list.
#[derive(Clone, Copy, Debug, Default)]
struct Implied {
    /// The one of `--partial-dir`.
    partial_dir: Option<usize>,
    /// From here on those of `-C`.
    cvs: usize,
}

/// Where an entry comes from, as far as the other side of a session cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    User,
    PartialDir,
    Cvs,
}

impl FilterSet {
    /// All entries, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Origin, &Entry)> {
        let implied = self.0.implied;
        let numbered = self.0.entries.iter().enumerate();
        numbered.map(move |(at, entry)| {
            let origin = match at {
                _ if Some(at) == implied.partial_dir => Origin::PartialDir,
                _ if at >= implied.cvs => Origin::Cvs,
                _ => Origin::User,
            };
            (origin, entry)
        })
    }

    /// Starts a list. `files` reads the files that rules name.
    pub fn builder(files: &mut dyn MergeFiles) -> FilterSetBuilder<'_> {
        FilterSetBuilder {
            loader: Loader::new(files, Settings::default()),
            list: ListBuilder::default(),
            partial_dir: None,
            cvs_rules: &[],
        }
    }

    /// Whether there are no rules at all.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Whether there are rules about extended attributes: then these alone say which count.
    // rsync: exclude.c saw_xattr_filter
    pub fn has_xattr_rules(&self) -> bool {
        self.0.entries.iter().any(|entry| match entry {
            Entry::Merge { .. } | Entry::Cvs { .. } => false,
            other => other.rule().flags().xattr,
        })
    }

    /// Whether `--delete-excluded` holds: rules that name no side are for the sender alone.
    pub fn deletes_excluded(&self) -> bool {
        self.0.settings.delete_excluded
    }

    /// The state before any directory is entered.
    ///
    /// `base` is the absolute path of the directory that names in the transfer are relative to
    /// (rsync's working directory: for `rsync -a /home/me /dest` it is `/home` on the sending
    /// side, for `/home/me/` it is `/home/me`; with `-R /home/me` it is `/`). It begins with
    /// `/` on every system (`/C:/Users`); only rules with the `/` modifier and anchored rules
    /// of per-directory files look at it. Sources with different bases each get their own state.
    pub fn root(&self, side: Side, base: &[u8]) -> DirFilters {
        if self.is_empty() {
            return DirFilters::default();
        }
        let base: Arc<[u8]> = base.strip_suffix(b"/").unwrap_or(base).into();
        DirFilters::root(
            self.entries_for(side),
            self.0.slots.clone(),
            side,
            base,
            self.0.settings.clone(),
            self.0.cvs_rules.clone(),
        )
    }

    /// The entries that `side` looks at. Merge rules always stay: their files' rules are
    /// chosen by side as they are read.
    ///
    /// rsync: exclude.c send_rules(), which sets filter_rule.elide
    fn entries_for(&self, side: Side) -> Vec<Entry> {
        let is_for_side = |entry: &Entry| {
            matches!(entry, Entry::Merge { .. } | Entry::Cvs { .. })
                || if entry.rule().flags().names_side() {
                    side.sees(entry.rule().flags())
                } else {
                    side == Side::Sender || !self.deletes_excluded()
                }
        };
        let mut entries: Vec<Entry> = self
            .0
            .entries
            .iter()
            .filter(|entry| is_for_side(entry))
            .cloned()
            .collect();
        for entry in &mut entries {
            if let Entry::Cvs { rules, .. } = entry {
                *rules = rules
                    .iter()
                    .filter(|entry| is_for_side(entry))
                    .cloned()
                    .collect();
            }
        }
        entries
    }
}

/// Gathers rules, in the order of the options.
pub struct FilterSetBuilder<'f> {
    loader: Loader<'f>,
    list: ListBuilder,
    partial_dir: Option<usize>,
    cvs_rules: &'static [&'static [u8]],
}

impl FilterSetBuilder<'_> {
    /// `--from0`: whether, from here on, rules in files end with NUL instead of a line's end.
    pub fn from0(&mut self, nul: bool) -> &mut Self {
        self.loader.settings.from0 = nul;
        self
    }

    /// `--delete-excluded`: rules that name no side are for the sender alone.
    pub fn delete_excluded(&mut self) -> &mut Self {
        self.loader.settings.delete_excluded = true;
        self
    }

    /// The value of the environment variable `CVSIGNORE`, which `-C` looks at.
    pub fn cvsignore_variable(&mut self, patterns: &[u8]) -> &mut Self {
        self.loader.settings.cvsignore = patterns.to_vec();
        self
    }

    /// `--filter=RULE`.
    pub fn add_rule(&mut self, rule: &[u8]) -> Result<&mut Self, FilterError> {
        self.add(rule, Flags::default(), Reading::FILTER)
    }

    /// `--include=PATTERN`.
    pub fn add_include(&mut self, pattern: &[u8]) -> Result<&mut Self, FilterError> {
        self.add(pattern, include(), Reading::PATTERN)
    }

    /// `--exclude=PATTERN`.
    pub fn add_exclude(&mut self, pattern: &[u8]) -> Result<&mut Self, FilterError> {
        self.add(pattern, Flags::default(), Reading::PATTERN)
    }

    /// `--include-from=FILE`; `-` is standard input.
    pub fn add_include_from(&mut self, file: &[u8]) -> Result<&mut Self, FilterError> {
        self.loader
            .add_file(&mut self.list, file, &include(), Reading::PATTERN_FILE)?;
        Ok(self)
    }

    /// `--exclude-from=FILE`; `-` is standard input.
    pub fn add_exclude_from(&mut self, file: &[u8]) -> Result<&mut Self, FilterError> {
        let flags = Flags::default();
        self.loader
            .add_file(&mut self.list, file, &flags, Reading::PATTERN_FILE)?;
        Ok(self)
    }

    /// `--partial-dir=DIR`: keeps a relative one out of the transfer and from deletion, unless
    /// its directory goes. To be called after all options' rules.
    ///
    /// rsync: compat.c setup_protocol()
    pub fn exclude_partial_dir(&mut self, dir: &[u8]) -> Result<&mut Self, FilterError> {
        let flags = Flags {
            no_prefixes: true,
            directory: true,
            perishable: true,
            ..Flags::default()
        };
        self.partial_dir = Some(self.list.len());
        self.add(dir, flags, Reading::FILTER)
    }

    /// `-C`: its rules go after all others.
    pub fn cvs_exclude(&mut self) -> &mut Self {
        self.cvs_rules = &[b":C", b"-C"];
        self
    }

    /// `-C` on a server of this side: a client that sends has told most of it.
    ///
    /// rsync: exclude.c recv_filter_list()
    pub fn cvs_exclude_of_server(&mut self, server: Side, dialect: Dialect) -> &mut Self {
        self.cvs_rules = match server {
            Side::Sender => &[b":C", b"-C"],
            Side::Receiver if !dialect.modifiers => &[b":C"],
            Side::Receiver => &[],
        };
        self
    }

    /// A rule that the client sent.
    ///
    /// rsync: exclude.c recv_filter_list()
    pub fn add_received(
        &mut self,
        rule: &[u8],
        dialect: Dialect,
    ) -> Result<&mut Self, FilterError> {
        // A NUL ends what rsync sees of it.
        let end = rule.iter().position(|&byte| byte == 0);
        let rule = &rule[..end.unwrap_or(rule.len())];
        let reading = match dialect.modifiers {
            true => Reading::FILTER,
            false => Reading::PATTERN,
        };
        self.add(rule, Flags::default(), reading)
    }

    /// The finished set.
    pub fn finish(mut self) -> Result<FilterSet, FilterError> {
        let implied = Implied {
            partial_dir: self.partial_dir,
            cvs: self.list.len(),
        };
        for rule in self.cvs_rules {
            self.add_rule(rule)?;
        }
        Ok(FilterSet(Arc::new(Contents {
            implied,
            entries: self.list.into_entries(),
            slots: self.loader.slots,
            settings: self.loader.settings,
            cvs_rules: self.loader.cvs_rules,
        })))
    }

    fn add(
        &mut self,
        text: &[u8],
        template: Flags,
        reading: Reading,
    ) -> Result<&mut Self, FilterError> {
        self.loader
            .add_text(&mut self.list, text, &template, reading)?;
        Ok(self)
    }
}

/// The template of `--include` and `--include-from`.
fn include() -> Flags {
    Flags {
        include: true,
        ..Flags::default()
    }
}
