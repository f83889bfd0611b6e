//! Lists of rules, and the lists that directories inherit from one another.
//!
//! A per-directory merge rule stands in its list as a reference to a *slot*; each directory has
//! its own rules in that slot, followed by those its parent had. The chains are immutable and
//! shared, so a directory's state is cheap to keep and can be used from any thread.
//!
//! rsync: rsync.h struct filter_list_struct, exclude.c pop_filter_list()

use std::sync::Arc;

use super::parse::Flags;
use super::rule::Rule;

/// One element of a list.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A pattern.
    Rule(Arc<Rule>),
    /// A per-directory merge rule: the rules of its slot stand here.
    Merge {
        /// Which slot.
        slot: usize,
        /// The rule itself, its pattern being the file's name.
        rule: Arc<Rule>,
    },
    /// `-C`: the CVS rules stand here.
    Cvs {
        /// The rule itself.
        rule: Arc<Rule>,
        /// What it stands for.
        rules: Arc<[Entry]>,
    },
}

impl Entry {
    /// The rule as written.
    pub fn rule(&self) -> &Arc<Rule> {
        match self {
            Self::Rule(rule) | Self::Merge { rule, .. } | Self::Cvs { rule, .. } => rule,
        }
    }

    pub(super) fn needs_path(&self) -> bool {
        match self {
            Self::Rule(rule) => rule.needs_path(),
            Self::Merge { .. } => false,
            Self::Cvs { rules, .. } => rules.iter().any(Self::needs_path),
        }
    }
}

/// The rules of one directory in one slot, and the way to those it inherits.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) entries: Vec<Entry>,
    pub(super) inherited: Option<Arc<Link>>,
    /// Whether a rule here or further up needs an entry's path.
    pub(super) needs_path: bool,
}

/// One active per-directory merge rule.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The file's name as given; once set up, its last component.
    pub(super) name: Arc<[u8]>,
    /// The file's name, or where it was named, for messages.
    pub(super) label: Arc<str>,
    /// The template for the file's rules.
    pub(super) flags: Flags,
    /// A name with a path has yet to be looked for in parent directories.
    pub(super) needs_setup: bool,
    pub(super) rules: Option<Arc<Link>>,
}

impl Slot {
    pub(super) fn file_name(&self) -> &[u8] {
        last_component(&self.name)
    }
}

/// What follows the last `/`.
pub(super) fn last_component(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => &path[slash + 1..],
        None => path,
    }
}

/// A list while rules are being added to it.
#[derive(Debug, Default)]
pub(super) struct ListBuilder {
    local: Vec<Entry>,
    inherited: Option<Arc<Link>>,
}

impl ListBuilder {
    pub(super) fn inheriting(inherited: Option<Arc<Link>>) -> Self {
        Self {
            local: Vec::new(),
            inherited,
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.local.push(entry);
    }

    /// How many rules were added here.
    pub(super) fn len(&self) -> usize {
        self.local.len()
    }

    /// Forgets all rules, inherited ones too. Merge rules added here cease to be active;
    /// inherited ones stay active, out of reach, as in rsync.
    pub(super) fn clear(&mut self, slots: &mut Vec<Option<Slot>>) {
        for entry in self.local.drain(..) {
            if let Entry::Merge { slot, .. } = entry
                && let Some(active) = slots.get_mut(slot)
            {
                *active = None;
            }
        }
        while let Some(None) = slots.last() {
            slots.pop();
        }
        self.inherited = None;
    }

    /// Turns the rules added so far into inherited ones.
    pub(super) fn seal(&mut self) {
        if self.local.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut self.local);
        let inherited = self.inherited.take();
        let needs_path = entries.iter().any(Entry::needs_path)
            || inherited.as_ref().is_some_and(|link| link.needs_path);
        self.inherited = Some(Arc::new(Link {
            entries,
            inherited,
            needs_path,
        }));
    }

    pub(super) fn finish(mut self) -> Option<Arc<Link>> {
        self.seal();
        self.inherited
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.local
    }
}
