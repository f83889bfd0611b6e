//! The rules as they cross from a client to its server.
//!
//! A server that sends gets all rules that are for it. One that receives gets them only if it
//! deletes or prunes, and then of those for the sender nothing. What `-C` stands for is told rule
//! by rule by a client that sends; one that receives leaves it to the server, which was given
//! `-C` too.
//!
//! rsync: exclude.c send_filter_list(), send_rules(), get_rule_prefix(), recv_filter_list()

use super::Side;
use super::error::FilterError;
use super::list::Entry;
use super::parse::Flags;
use super::rule::Rule;
use super::set::{FilterSet, Origin};

/// A rule that is sent must be shorter than this. rsync: BIGPATHBUFLEN
pub const MAX_RULE: usize = super::load::MAX_LINE;

/// What the version of the protocol has words for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// From 29 on: modifiers, one-sided rules, and merge files of directories.
    pub modifiers: bool,
    /// From 30 on: rules that do not keep a directory from being deleted.
    pub perishable: bool,
}

/// What a receiver is to do, as far as it needs rules for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `--prune-empty-dirs`.
    pub prune_empty_dirs: bool,
    /// `--delete` in any form.
    pub delete: bool,
    /// `--delete-excluded`.
    pub delete_excluded: bool,
}

impl Dialect {
    /// Whether a list of rules crosses to a server that receives.
    pub fn receiver_wants_rules(self, wanted: Wanted) -> bool {
        let for_deletion = wanted.delete && (!wanted.delete_excluded || self.modifiers);
        wanted.prune_empty_dirs || for_deletion
    }
}

impl FilterSet {
    /// The rules that a client of this side sends, each one's text. After the last one an empty
    /// one crosses.
    pub fn for_server(&self, client: Side, dialect: Dialect) -> Result<Vec<Vec<u8>>, FilterError> {
        let mut telling = Telling {
            client,
            dialect,
            deletes_excluded: self.deletes_excluded(),
            rules: Vec::new(),
        };
        for (origin, entry) in self.entries() {
            let is_merge = matches!(entry, Entry::Merge { .. });
            match origin {
                // Given `-C`, the server adds them.
                Origin::Cvs if client == Side::Receiver => {}
                Origin::Cvs if is_merge && !dialect.modifiers => {}
                _ => telling.entry(entry, origin)?,
            }
        }
        Ok(telling.rules)
    }
}

struct Telling {
    client: Side,
    dialect: Dialect,
    deletes_excluded: bool,
    rules: Vec<Vec<u8>>,
}

impl Telling {
    fn entry(&mut self, entry: &Entry, origin: Origin) -> Result<(), FilterError> {
        let rule = entry.rule();
        if !self.is_for_server(rule.flags()) {
            return Ok(());
        }
        if let Entry::Cvs { rules, .. } = entry
            && (self.client == Side::Sender || !self.dialect.modifiers)
        {
            for entry in rules.iter() {
                self.entry(entry, origin)?;
            }
            return Ok(());
        }
        let mut flags = *rule.flags();
        if origin != Origin::User && !self.dialect.perishable {
            // The user did not ask for it, so it may be lost.
            flags.perishable = false;
        }
        let prefix = self.prefix(flags, rule).ok_or(FilterError::TooModern)?;
        let end: &[u8] = if flags.directory { b"/" } else { b"" };
        let text = [prefix.as_bytes(), rule.pattern(), end].concat();
        if !text.is_empty() {
            self.rules.push(text);
        }
        Ok(())
    }

    fn is_for_server(&self, flags: &Flags) -> bool {
        let server = match self.client {
            Side::Sender => Side::Receiver,
            Side::Receiver => Side::Sender,
        };
        if flags.names_side() {
            return server.sees(flags);
        }
        // Such a rule is the sender's alone, but merge files may hold rules for either side.
        let by_deletion = self.deletes_excluded && (!flags.per_directory || flags.no_prefixes);
        server == Side::Sender || !by_deletion
    }

    /// Name and modifiers; `None` if there are no words for them.
    fn prefix(&self, mut flags: Flags, rule: &Rule) -> Option<String> {
        if !self.dialect.perishable && flags.perishable {
            if self.client == Side::Sender {
                return None;
            }
            flags.perishable = false;
        }
        if self.dialect.modifiers {
            return Some(flags.prefix());
        }
        // Which side a rule is for was decided by not sending it.
        flags.sender = false;
        flags.receiver &= self.deletes_excluded && self.client == Side::Sender;
        if flags.per_directory || !flags.modifiers().is_empty() {
            return None;
        }
        let looks_prefixed = matches!(rule.pattern(), [b'-' | b'+', b' ', ..]);
        Some(match (flags.include, looks_prefixed) {
            (true, _) => "+ ".to_owned(),
            (false, true) => "- ".to_owned(),
            (false, false) => String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{CommandLineFiles, FilterSetBuilder};

    const NEW: Dialect = Dialect {
        modifiers: true,
        perishable: true,
    };
    const OLD: Dialect = Dialect {
        modifiers: false,
        perishable: false,
    };

    fn sent(
        client: Side,
        dialect: Dialect,
        build: impl Fn(&mut FilterSetBuilder<'_>),
    ) -> Result<Vec<String>, String> {
        let mut files = CommandLineFiles::default();
        let mut builder = FilterSet::builder(&mut files);
        build(&mut builder);
        let rules = builder.finish().unwrap().for_server(client, dialect);
        let rules = rules.map_err(|e| e.to_string())?;
        Ok(rules
            .into_iter()
            .map(|rule| String::from_utf8(rule).unwrap())
            .collect())
    }

    #[test]
    fn receivers_want_rules_for_what_they_delete() {
        let wanted = Wanted::default();
        assert!(!NEW.receiver_wants_rules(wanted));
        let prune_empty_dirs = true;
        assert!(OLD.receiver_wants_rules(Wanted {
            prune_empty_dirs,
            ..wanted
        }));
        let delete = Wanted {
            delete: true,
            ..wanted
        };
        assert!(OLD.receiver_wants_rules(delete));
        let excluded = Wanted {
            delete_excluded: true,
            ..delete
        };
        assert!(!OLD.receiver_wants_rules(excluded) && NEW.receiver_wants_rules(excluded));
    }

    #[test]
    fn old_versions_lack_words() {
        for rule in ["-! x", ":n .f", "-p x", "-/ x", "-x x"] {
            let refused = sent(Side::Sender, OLD, |b| {
                b.add_rule(rule.as_bytes()).unwrap();
            });
            let message = "filter rules are too modern for remote rsync.";
            assert_eq!(refused.unwrap_err(), message, "{rule}");
        }
        let told = sent(Side::Sender, OLD, |b| {
            b.exclude_partial_dir(b".part").unwrap();
        });
        assert_eq!(told.unwrap(), [".part/"]);
    }

    #[test]
    fn what_a_client_sends_a_server_reads() {
        let build = |b: &mut FilterSetBuilder<'_>| {
            b.add_exclude(b"+ x").unwrap();
            b.add_exclude(b"*.o").unwrap();
            b.add_rule(b"H h/").unwrap();
            b.add_rule(b"P p").unwrap();
        };
        for dialect in [NEW, OLD] {
            let first = sent(Side::Receiver, dialect, build).unwrap();
            let mut files = CommandLineFiles::default();
            let mut builder = FilterSet::builder(&mut files);
            for rule in &first {
                builder.add_received(rule.as_bytes(), dialect).unwrap();
            }
            builder.cvs_exclude_of_server(Side::Receiver, NEW);
            let again = builder
                .finish()
                .unwrap()
                .for_server(Side::Receiver, dialect);
            let again: Vec<String> = again
                .unwrap()
                .into_iter()
                .map(|rule| String::from_utf8(rule).unwrap())
                .collect();
            assert_eq!(again, first);
        }
    }

    #[test]
    fn a_server_adds_what_its_client_leaves_out() {
        let count = |server, dialect| {
            let mut files = CommandLineFiles::default();
            let mut builder = FilterSet::builder(&mut files);
            builder.cvs_exclude_of_server(server, dialect);
            builder.finish().unwrap().entries().count()
        };
        assert_eq!(count(Side::Sender, NEW), 2);
        assert_eq!(count(Side::Receiver, OLD), 1);
        assert_eq!(count(Side::Receiver, NEW), 0);
    }
}
