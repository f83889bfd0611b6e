//! The rules that hold in one directory.
//!
//! rsync keeps one mutable state that follows its walk (push, pop, change by depth); here each
//! directory has its own immutable state, which shares its parent's rules.
//!
//! rsync: exclude.c push_local_filters(), setup_merge_file(), check_filter()

use std::sync::Arc;

use super::Side;
use super::error::{FilterError, FilterNotice};
use super::list::{Entry, Link, ListBuilder, Slot, last_component};
use super::load::{Loader, MAX_PATH, Reading, Settings};
use super::merge_files::MergeFiles;
use super::rule::{EntryKind, INLINE_PATH, PathText};
use super::standpoint::{Standpoint, clean_path};
use super::verdict::{ListName, Verdict};

/// The filter state of a directory. Cheap to clone, and free where there are no rules.
#[derive(Clone, Debug, Default)]
pub struct DirFilters {
    /// None: no rules.
    node: Option<Arc<Node>>,
}

#[derive(Debug)]
struct Node {
    session: Arc<Session>,
    slots: Vec<Option<Slot>>,
    needs_path: bool,
}

/// What all states of one transfer share.
#[derive(Debug)]
struct Session {
    entries: Arc<[Entry]>,
    side: Side,
    base: Arc<[u8]>,
    settings: Settings,
    cvs_rules: Option<Arc<[Entry]>>,
}

/// Whether perishable rules count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Perishable {
    Counts,
    Ignored,
}

impl DirFilters {
    pub(super) fn root(
        entries: Vec<Entry>,
        slots: Vec<Option<Slot>>,
        side: Side,
        base: Arc<[u8]>,
        settings: Settings,
        cvs_rules: Option<Arc<[Entry]>>,
    ) -> Self {
        let session = Arc::new(Session {
            entries: entries.into(),
            side,
            base,
            settings,
            cvs_rules,
        });
        Self {
            node: Some(Arc::new(Node::new(session, slots))),
        }
    }

    /// What the rules say of the entry `name` in directory `dir` (relative to the base, without
    /// a trailing `/`; empty for the base). This state must be that of `dir`, or the root state
    /// for the transfer's own arguments. The transfer's top directory, `.`, is never asked about.
    pub fn check(&self, dir: &[u8], name: &[u8], kind: EntryKind) -> Verdict<'_> {
        match &self.node {
            None => Verdict::Unmatched,
            Some(node) => node.check(dir, name, kind, Perishable::Counts),
        }
    }

    /// As [`check`](Self::check), for an entry of a directory that is being deleted: perishable
    /// rules do not count.
    pub fn check_in_doomed(&self, dir: &[u8], name: &[u8], kind: EntryKind) -> Verdict<'_> {
        match &self.node {
            None => Verdict::Unmatched,
            Some(node) => node.check(dir, name, kind, Perishable::Ignored),
        }
    }

    /// Whether entering directories reads anything: there are per-directory rules.
    pub fn reads_directories(&self) -> bool {
        self.node
            .as_ref()
            .is_some_and(|node| !node.slots.is_empty())
    }

    /// The state of directory `dir` (relative to the base), whose parent's state this is: it has
    /// in addition the rules of the merge files in `dir`. A directory that is itself named as a
    /// source is entered from the root state.
    ///
    /// Where a merge file's name has a path that leads to a parent of `dir`
    /// (`: /.rsync-filter`), the parents' files are read too, once, when `dir` is the first to
    /// be entered; see [`MergePath::Outside`](super::MergePath::Outside).
    ///
    /// # Errors
    /// A faulty rule in a merge file. Merge files that cannot be read count as absent.
    pub fn enter(&self, dir: &[u8], files: &mut dyn MergeFiles) -> Result<Self, FilterError> {
        match &self.node {
            Some(node) if !node.slots.is_empty() => Ok(Self {
                node: Some(node.enter(dir, files)?),
            }),
            _ => Ok(self.clone()),
        }
    }

    /// This state once a directory has been entered from it and left again.
    ///
    /// rsync looks through parent directories for merge files (`: /.rsync-filter`) when it first
    /// enters a directory, and forgets what it found there when it leaves that; for what it enters
    /// next from the same state, the parents' files do not count.
    pub fn once_entered(&self) -> Self {
        let is_new = |slot: &Slot| slot.needs_setup;
        let Some(node) = &self.node else {
            return Self::default();
        };
        if !node.slots.iter().flatten().any(is_new) {
            return self.clone();
        }
        let mut slots = node.slots.clone();
        for slot in slots.iter_mut().flatten() {
            if let Some(parents) = node.session.parent_names(slot, b"") {
                slot.name = last_component(&parents).into();
            }
            slot.needs_setup = false;
        }
        Self {
            node: Some(Arc::new(Node::new(node.session.clone(), slots))),
        }
    }

    /// The same rules, asked about names that start from another base. Sources with different
    /// bases share one state in rsync: what a directory of one brought holds in another until it
    /// is left.
    pub fn seen_from(&self, base: &[u8]) -> Self {
        let base = base.strip_suffix(b"/").unwrap_or(base);
        let Some(node) = &self.node else {
            return Self::default();
        };
        if *node.session.base == *base {
            return self.clone();
        }
        let session = Session {
            entries: node.session.entries.clone(),
            side: node.session.side,
            base: base.into(),
            settings: node.session.settings.clone(),
            cvs_rules: node.session.cvs_rules.clone(),
        };
        Self {
            node: Some(Arc::new(Node::new(Arc::new(session), node.slots.clone()))),
        }
    }
}

impl Node {
    fn new(session: Arc<Session>, slots: Vec<Option<Slot>>) -> Self {
        let rules_need_path = |slot: &Slot| slot.rules.as_ref().is_some_and(|r| r.needs_path);
        let needs_path = session.entries.iter().any(Entry::needs_path)
            || slots.iter().flatten().any(rules_need_path);
        Self {
            session,
            slots,
            needs_path,
        }
    }

    fn check(
        &self,
        dir: &[u8],
        name: &[u8],
        kind: EntryKind,
        perishable: Perishable,
    ) -> Verdict<'_> {
        if name.is_empty() {
            return Verdict::Unmatched;
        }
        let entries = &self.session.entries;
        if !self.needs_path {
            let entry = Subject {
                name,
                path: None,
                kind,
                perishable,
            };
            return self.first_match(entries, ListName::Global, &entry);
        }
        let mut inline = [0; INLINE_PATH];
        let mut spill = Vec::new();
        let path = PathText::new(&self.session.base, dir, name, &mut inline, &mut spill);
        let entry = Subject {
            name,
            path: Some(path),
            kind,
            perishable,
        };
        self.first_match(entries, ListName::Global, &entry)
    }

    fn first_match<'a>(
        &'a self,
        entries: &'a [Entry],
        list: ListName<'a>,
        subject: &Subject<'_>,
    ) -> Verdict<'a> {
        for entry in entries {
            let rule = entry.rule();
            if subject.perishable == Perishable::Ignored && rule.flags().perishable {
                continue;
            }
            let verdict = match entry {
                Entry::Rule(rule) => {
                    if rule.matches(subject.name, subject.path.as_ref(), subject.kind) {
                        return Verdict::of(rule, list);
                    }
                    continue;
                }
                Entry::Merge { slot, .. } => self.first_match_in_slot(*slot, subject),
                Entry::Cvs { rules, .. } => self.first_match(rules, ListName::Cvs, subject),
            };
            if !matches!(verdict, Verdict::Unmatched) {
                return verdict;
            }
        }
        Verdict::Unmatched
    }

    fn first_match_in_slot(&self, slot: usize, subject: &Subject<'_>) -> Verdict<'_> {
        let Some(Some(slot)) = self.slots.get(slot) else {
            return Verdict::Unmatched;
        };
        let mut link = slot.rules.as_ref();
        while let Some(rules) = link {
            let list = ListName::PerDirectory(slot);
            let verdict = self.first_match(&rules.entries, list, subject);
            if !matches!(verdict, Verdict::Unmatched) {
                return verdict;
            }
            link = rules.inherited.as_ref();
        }
        Verdict::Unmatched
    }

    fn enter(
        self: &Arc<Self>,
        dir: &[u8],
        files: &mut dyn MergeFiles,
    ) -> Result<Arc<Self>, FilterError> {
        let session = &self.session;
        let mut loader = Loader::new(files, session.settings.clone());
        loader.cvs_rules = session.cvs_rules.clone();
        loader.slots = self.slots.clone();
        loader.standpoint = Some(Standpoint::new(&session.base, dir, session.side));
        // Files may activate further slots: those are read in this directory too.
        let mut index = 0;
        while index < loader.slots.len() {
            self.enter_slot(index, dir, &mut loader)?;
            index += 1;
        }
        let slots = loader.slots;
        if same_slots(&slots, &self.slots) {
            return Ok(self.clone());
        }
        Ok(Arc::new(Self::new(session.clone(), slots)))
    }

    fn enter_slot(
        &self,
        index: usize,
        dir: &[u8],
        loader: &mut Loader<'_>,
    ) -> Result<(), FilterError> {
        let Some(Some(slot)) = loader.slots.get(index).cloned() else {
            return Ok(());
        };
        let inherited = if slot.flags.no_inherit {
            None
        } else {
            slot.rules.clone()
        };
        let mut list = ListBuilder::inheriting(inherited);
        let mut name = slot.name.clone();
        if slot.needs_setup {
            let path = self.session.parent_names(&slot, dir);
            let fits = path.as_ref().is_none_or(|path| path.len() < MAX_PATH);
            if !fits {
                let name = loader.origin.show(&slot.name, slot.flags.from_file);
                loader.files.notice(FilterNotice::LongName { name });
            }
            if let Some(path) = path.filter(|_| fits) {
                name = last_component(&path).into();
                self.set_up(index, &name, loader);
                self.scan_parents(&path, &slot, &mut list, loader)?;
                loader.standpoint =
                    Some(Standpoint::new(&self.session.base, dir, self.session.side));
            } else {
                self.set_up(index, &name, loader);
            }
        }
        let directory = loader
            .standpoint
            .as_ref()
            .map_or(&[][..], |standpoint| &standpoint.directory);
        let path = [directory, &name].concat();
        if path.len() > MAX_PATH {
            let directory = loader.origin.show(&path, slot.flags.from_file);
            loader
                .files
                .notice(FilterNotice::LongDirectory { directory });
        } else {
            loader.add_file(&mut list, &path, &slot.flags, Reading::DIRECTORY_FILE)?;
        }
        if let Some(Some(slot)) = loader.slots.get_mut(index) {
            slot.rules = list.finish();
        }
        Ok(())
    }

    fn set_up(&self, index: usize, name: &Arc<[u8]>, loader: &mut Loader<'_>) {
        if let Some(Some(slot)) = loader.slots.get_mut(index) {
            slot.name = name.clone();
            slot.needs_setup = false;
        }
    }

    /// Reads the merge file `path` names in its directory and in each one on the way from there
    /// to the directory being entered, exclusive. Nothing, if that is not below `path`.
    fn scan_parents(
        &self,
        path: &[u8],
        slot: &Slot,
        list: &mut ListBuilder,
        loader: &mut Loader<'_>,
    ) -> Result<(), FilterError> {
        let name = last_component(path);
        let first = &path[..path.len() - name.len()];
        let Some(standpoint) = &loader.standpoint else {
            return Ok(());
        };
        let entered = standpoint.directory.clone();
        if !entered.starts_with(first) {
            return Ok(());
        }
        let mut end = first.len();
        while end < entered.len() {
            if let Some(standpoint) = &mut loader.standpoint {
                standpoint.directory = entered[..end].to_vec();
                standpoint.in_parents = true;
            }
            let file = [&entered[..end], name].concat();
            loader.add_file(list, &file, &slot.flags, Reading::DIRECTORY_FILE)?;
            if slot.flags.no_inherit {
                list.clear(&mut loader.slots);
            }
            list.seal();
            let next = entered[end..].iter().position(|&byte| byte == b'/');
            end = next.map_or(entered.len(), |at| end + at + 1);
        }
        Ok(())
    }
}

impl Session {
    /// The absolute path of a merge file that is named with a path, seen from `dir`; none for a
    /// plain name.
    fn parent_names(&self, slot: &Slot, dir: &[u8]) -> Option<Vec<u8>> {
        if !slot.name.contains(&b'/') {
            return None;
        }
        Some(if slot.name.starts_with(b"/") {
            clean_path(&slot.name)
        } else {
            clean_path(&[&*self.base, b"/", dir, b"/", &*slot.name].concat())
        })
    }
}

/// An entry being asked about.
struct Subject<'s> {
    name: &'s [u8],
    path: Option<PathText<'s>>,
    kind: EntryKind,
    perishable: Perishable,
}

/// Whether entering changed nothing, so that the parent's state will do.
fn same_slots(entered: &[Option<Slot>], parent: &[Option<Slot>]) -> bool {
    let same_link = |a: &Option<Arc<Link>>, b: &Option<Arc<Link>>| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    entered.len() == parent.len()
        && entered.iter().zip(parent).all(|pair| match pair {
            (None, None) => true,
            (Some(a), Some(b)) => a.needs_setup == b.needs_setup && same_link(&a.rules, &b.rules),
            _ => false,
        })
}
