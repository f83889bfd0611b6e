//! Turns rule text and files of rules into list entries.
//!
//! One loader serves both the global list, built from options, and the lists that directories
//! add to as they are entered.
//!
//! rsync: exclude.c parse_filter_str(), parse_filter_file(), parse_merge_name(), add_rule()

use std::io;
use std::sync::Arc;

use super::cvs;
use super::error::{FilterError, FilterNotice, Origin};
use super::list::{Entry, ListBuilder, Slot, last_component};
use super::merge_files::{MergeFiles, MergePath};
use super::parse::{Fault, Flags, ParsedRule, Syntax, is_space, next_rule};
use super::rule::Rule;
use super::standpoint::{Standpoint, clean_path};

/// A rule or path must be shorter than this. rsync: MAXPATHLEN on Linux
pub(super) const MAX_PATH: usize = 4096;
/// A line of a file of rules must be shorter than this. rsync: BIGPATHBUFLEN
pub(super) const MAX_LINE: usize = MAX_PATH + 1024;
/// How deep merge files may merge others. rsync: MAX_MERGE_DEPTH
const MAX_MERGE_DEPTH: usize = 32;

/// What holds for all rules of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// `--from0`: rules in files end with NUL.
    pub(super) from0: bool,
    /// `--delete-excluded`: rules without a side are for the sender.
    pub(super) delete_excluded: bool,
    /// The environment's `CVSIGNORE`.
    pub(super) cvsignore: Vec<u8>,
}

/// How a piece of rule text is to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) syntax: Syntax,
    /// The text is a directory's own: leading slashes are anchored at the directory, and rules
    /// for the other side are dropped.
    pub(super) of_directory: bool,
    /// A file that cannot be read ends the session.
    pub(super) must_exist: bool,
}

impl Reading {
    pub(super) const FILTER: Self = Self {
        syntax: Syntax::Modern,
        of_directory: false,
        must_exist: false,
    };
    pub(super) const PATTERN: Self = Self {
        syntax: Syntax::OldPrefixes,
        ..Self::FILTER
    };
    pub(super) const PATTERN_FILE: Self = Self {
        must_exist: true,
        ..Self::PATTERN
    };
    pub(super) const DIRECTORY_FILE: Self = Self {
        of_directory: true,
        ..Self::FILTER
    };
    const MERGED_FILE: Self = Self {
        must_exist: true,
        ..Self::FILTER
    };
}

pub(super) struct Loader<'f> {
    pub(super) files: &'f mut dyn MergeFiles,
    pub(super) settings: Settings,
    /// None while the global list is built.
    pub(super) standpoint: Option<Standpoint>,
    pub(super) slots: Vec<Option<Slot>>,
    /// The CVS rules, once a rule asked for them.
    pub(super) cvs_rules: Option<Arc<[Entry]>>,
    pub(super) origin: Origin,
    depth: usize,
}

impl<'f> Loader<'f> {
    pub(super) fn new(files: &'f mut dyn MergeFiles, settings: Settings) -> Self {
        Self {
            files,
            settings,
            standpoint: None,
            slots: Vec::new(),
            cvs_rules: None,
            origin: Origin::Argument,
            depth: 0,
        }
    }

    /// Adds the rules in `text` to `list`.
    pub(super) fn add_text(
        &mut self,
        list: &mut ListBuilder,
        mut text: &[u8],
        template: &Flags,
        reading: Reading,
    ) -> Result<(), FilterError> {
        loop {
            match next_rule(&mut text, template, reading.syntax) {
                Ok(None) => return Ok(()),
                Ok(Some(parsed)) => self.add_parsed(list, parsed, reading)?,
                Err(fault) => return Err(self.fault(fault, text)),
            }
        }
    }

    /// Adds the rules in the file `name`.
    pub(super) fn add_file(
        &mut self,
        list: &mut ListBuilder,
        name: &[u8],
        template: &Flags,
        reading: Reading,
    ) -> Result<(), FilterError> {
        let path = match &self.standpoint {
            _ if name.is_empty() => return Ok(()),
            _ if name == b"-" => MergePath::StandardInput,
            Some(standpoint) => standpoint.locate(name),
            None => MergePath::Outside(name),
        };
        self.add_file_at(list, path, name, template, reading)
    }

    fn add_file_at(
        &mut self,
        list: &mut ListBuilder,
        path: MergePath<'_>,
        name: &[u8],
        template: &Flags,
        reading: Reading,
    ) -> Result<(), FilterError> {
        let named_by_file = self.origin.is_file() || template.from_file;
        if self.depth >= MAX_MERGE_DEPTH {
            let name = self.origin.show(name, template.from_file);
            if reading.must_exist {
                return Err(FilterError::MergeDepth {
                    limit: MAX_MERGE_DEPTH,
                    name,
                });
            }
            self.files.notice(FilterNotice::MergeDepth {
                limit: MAX_MERGE_DEPTH,
                name,
            });
            return Ok(());
        }
        let contents = match self.files.read(path) {
            Ok(Some(contents)) => contents,
            _ if !reading.must_exist => return Ok(()),
            failed => {
                let error = failed
                    .err()
                    .unwrap_or_else(|| io::ErrorKind::NotFound.into());
                return Err(FilterError::Open {
                    include: template.include,
                    name: self.origin.show(name, template.from_file),
                    source: (!named_by_file).then_some(error),
                });
            }
        };
        let inside = Origin::File {
            name: (!named_by_file).then(|| name.to_vec()),
            named_at: (named_by_file && self.origin.is_file()).then(|| self.origin.place()),
            line: None,
        };
        let outside = std::mem::replace(&mut self.origin, inside);
        self.depth += 1;
        let added = self.add_contents(list, &contents, template, reading);
        self.depth -= 1;
        self.origin = outside;
        added
    }

    fn add_contents(
        &mut self,
        list: &mut ListBuilder,
        contents: &[u8],
        template: &Flags,
        reading: Reading,
    ) -> Result<(), FilterError> {
        let separator = Separator {
            nul: self.settings.from0,
            space: template.word_split,
        };
        let mut rest = contents;
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            if let Origin::File { line, .. } = &mut self.origin {
                *line = (!template.word_split).then_some(number);
            }
            let line = separator.take(&mut rest);
            if line.len() >= MAX_LINE {
                self.discard_over_long(line);
                continue;
            }
            // A NUL inside a line ends what rsync sees of it.
            let end = line
                .iter()
                .position(|&byte| byte == 0)
                .unwrap_or(line.len());
            let line = &line[..end];
            let is_comment = !template.word_split && matches!(line.first(), Some(b';' | b'#'));
            if !line.is_empty() && !is_comment {
                self.add_text(list, line, template, reading)?;
            }
        }
        Ok(())
    }

    fn add_parsed(
        &mut self,
        list: &mut ListBuilder,
        parsed: ParsedRule<'_>,
        reading: Reading,
    ) -> Result<(), FilterError> {
        let ParsedRule {
            mut flags,
            clear,
            pattern,
        } = parsed;
        flags.from_file |= self.origin.is_file();
        if self.settings.delete_excluded && !flags.names_side() && !flags.merge {
            flags.sender = true;
        }
        if pattern.len() >= MAX_PATH {
            self.discard_over_long(pattern);
            return Ok(());
        }
        if clear {
            list.clear(&mut self.slots);
            return Ok(());
        }
        if !flags.merge {
            return self.add_rule(list, pattern, flags, reading.of_directory);
        }
        let name: &[u8] = if pattern.is_empty() {
            b".cvsignore"
        } else {
            pattern
        };
        if flags.exclude_self {
            let exclude = Flags {
                from_file: flags.from_file,
                ..Flags::default()
            };
            self.add_rule(list, last_component(name), exclude, false)?;
            flags.exclude_self = false;
        }
        if !flags.per_directory {
            let path = self.merge_path(name);
            return self.add_file(list, &path, &flags, Reading::MERGED_FILE);
        }
        if self
            .standpoint
            .as_ref()
            .is_some_and(|standpoint| standpoint.in_parents)
        {
            let path = self.merge_path(name);
            return self.add_rule(list, &path, flags, false);
        }
        self.add_rule(list, name, flags, reading.of_directory)
    }

    /// `of_directory`: whether the rule stands in the file of the directory being entered.
    fn add_rule(
        &mut self,
        list: &mut ListBuilder,
        mut pattern: &[u8],
        mut flags: Flags,
        of_directory: bool,
    ) -> Result<(), FilterError> {
        if let [.., b' ' | b'\t'] = pattern {
            let rule = if flags.from_file {
                self.origin.show(pattern, true)
            } else {
                flags.prefix() + &String::from_utf8_lossy(pattern)
            };
            let from_file = flags.from_file;
            self.files
                .notice(FilterNotice::TrailingWhitespace { rule, from_file });
        }
        let standpoint = self.standpoint.as_ref().filter(|_| of_directory);
        if standpoint.is_some_and(|standpoint| !standpoint.side.sees(&flags)) {
            return Ok(());
        }
        if let [head @ .., b'/'] = pattern
            && !head.is_empty()
        {
            pattern = head;
            flags.directory = true;
        }
        let directory =
            standpoint.map(|standpoint| &standpoint.directory[..standpoint.directory.len() - 1]);
        let rule = Arc::new(Rule::new(pattern, flags, directory));
        if flags.per_directory {
            if let Some(slot) = self.activate(&rule) {
                list.push(Entry::Merge { slot, rule });
            }
        } else if flags.cvs {
            let rules = self.cvs_entries(&flags)?;
            list.push(Entry::Cvs { rule, rules });
        } else {
            list.push(Entry::Rule(rule));
        }
        Ok(())
    }

    /// A new slot for a per-directory merge rule; none if its file is being read already.
    fn activate(&mut self, rule: &Rule) -> Option<usize> {
        let file_name = last_component(rule.pattern());
        if self
            .slots
            .iter()
            .flatten()
            .any(|slot| slot.file_name() == file_name)
        {
            return None;
        }
        self.slots.push(Some(Slot {
            name: rule.pattern().into(),
            label: self.origin.show(file_name, rule.flags().from_file).into(),
            flags: *rule.flags(),
            needs_setup: true,
            rules: None,
        }));
        Some(self.slots.len() - 1)
    }

    /// The CVS rules: the built-in ones, the user's file, the environment's.
    ///
    /// rsync: exclude.c get_cvs_excludes()
    fn cvs_entries(&mut self, flags: &Flags) -> Result<Arc<[Entry]>, FilterError> {
        if let Some(rules) = &self.cvs_rules {
            return Ok(rules.clone());
        }
        let template = *flags;
        let mut list = ListBuilder::default();
        let built_in = Flags {
            perishable: true,
            ..template
        };
        self.add_text(
            &mut list,
            cvs::BUILT_IN_PATTERNS,
            &built_in,
            Reading::FILTER,
        )?;
        let name = b".cvsignore";
        let home = MergePath::Home(name);
        self.add_file_at(&mut list, home, name, &template, Reading::FILTER)?;
        let from_environment = self.settings.cvsignore.clone();
        self.add_text(&mut list, &from_environment, &template, Reading::FILTER)?;
        let rules: Arc<[Entry]> = list.into_entries().into();
        self.cvs_rules = Some(rules.clone());
        Ok(rules)
    }

    /// A merge file's name as a path: names with a slash are relative to the directory whose
    /// rules are being read, plain names to the transfer's base.
    fn merge_path(&self, name: &[u8]) -> Vec<u8> {
        let in_parents = self
            .standpoint
            .as_ref()
            .is_some_and(|standpoint| standpoint.in_parents);
        if name.first() == Some(&b'/') {
            return clean_path(name);
        }
        if !in_parents && !name.contains(&b'/') {
            return name.to_vec();
        }
        match &self.standpoint {
            Some(standpoint) => clean_path(&[&standpoint.directory, name].concat()),
            None => clean_path(name),
        }
    }

    fn discard_over_long(&mut self, text: &[u8]) {
        let rule = self.origin.show(text, false);
        self.files.notice(FilterNotice::OverLong { rule });
    }

    fn fault(&self, fault: Fault, text: &[u8]) -> FilterError {
        let rule = self.origin.show(text, false);
        match fault {
            Fault::UnknownRule => FilterError::UnknownRule { rule },
            Fault::InvalidModifier(modifier, position) => FilterError::InvalidModifier {
                detail: if self.origin.is_file() {
                    String::new()
                } else {
                    format!(" '{}' at position {position}", char::from(modifier))
                },
                rule,
            },
            Fault::UnexpectedEnd => FilterError::UnexpectedEnd { rule },
            Fault::ClearWithPattern => FilterError::ClearWithPattern { rule },
            Fault::SideInSidedMerge => FilterError::SideInSidedMerge { rule },
        }
    }
}

/// What ends a rule in a file.
struct Separator {
    nul: bool,
    space: bool,
}

impl Separator {
    /// Takes one line, or word, off the front of `rest`.
    fn take<'t>(&self, rest: &mut &'t [u8]) -> &'t [u8] {
        let ends = |&byte: &u8| {
            (self.space && is_space(byte))
                || if self.nul {
                    byte == 0
                } else {
                    matches!(byte, b'\n' | b'\r')
                }
        };
        let text = *rest;
        let Some(end) = text.iter().position(ends) else {
            *rest = &[];
            return text;
        };
        let is_crlf = !self.nul && !self.space && text[end..].starts_with(b"\r\n");
        *rest = &text[end + 1 + usize::from(is_crlf)..];
        &text[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_the_file_says() {
        let lines = |nul, space, mut text: &[u8]| {
            let mut lines = Vec::new();
            while !text.is_empty() {
                lines.push(Separator { nul, space }.take(&mut text).to_vec());
            }
            lines
        };
        assert_eq!(
            lines(false, false, b"a\r\nb\rc\nd e"),
            [&b"a"[..], b"b", b"c", b"d e"]
        );
        assert_eq!(lines(false, true, b"a b\tc\n"), [b"a", b"b", b"c"]);
        assert_eq!(lines(true, false, b"a\nb\0c"), [&b"a\nb"[..], b"c"]);
    }
}
