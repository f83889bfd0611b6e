//! `--compare-dest`, `--copy-dest`, `--link-dest`: what other directories have of an entry that the
//! destination lacks, and what is made of it.
// rsync: generator.c try_dests_reg(), try_dests_non(); hlink.c hard_link_check(), the part for basis_dir

use super::decide::kind_class;
use super::xattrs::Place;
use super::{Generator, ROLE};
use crate::attrs::{AclsDiffer, TimeRule, Wanted, differences, unchanged};
use crate::context::line;
use crate::destination::DestDir;
use crate::era::Itemizing;
use crate::error::SessionError;
use crate::item::ItemFlags;
use crate::narrator::PlaceId;
use crate::paths::without_leading_slashes;
use crate::receiver::{Attempt, Basis, Elsewhere, Job, Standing};
use crate::segment::EntryRef;
use fast_io::dir::{Follow, Stat};
use options::{AltDestKind, Append};
use std::io;
use std::sync::Arc;
use tree::entry::{Entry, split};
use tree::temp::{Location, unique};

/// What came of looking for a regular file elsewhere.
pub(super) enum RegularElsewhere {
    /// It is of no use.
    Nothing,
    /// The entry is done with.
    Settled,
    /// The entry is compared with this one, and told as a change of it.
    Basis(Box<Elsewhere>),
}

/// What came of looking for another kind of entry elsewhere.
pub(super) enum OtherElsewhere {
    /// There is none of its kind.
    Nothing,
    /// One differs: what is made is told as a change of this.
    Differs(Stat),
    /// One is as it should be, which has been told; the entry is made here all the same.
    Told,
    /// The entry is done with.
    Settled,
}

/// The directories in which the entries of one directory are looked for.
#[derive(Default)]
pub(super) struct Opened {
    path: Vec<u8>,
    /// With the numbers of those that they are in.
    dirs: Option<Vec<(usize, Arc<DestDir>)>>,
}

/// An entry of one of the directories.
struct Candidate {
    at: usize,
    dir: Arc<DestDir>,
    stat: Stat,
    likeness: Likeness,
}

/// How much it is like what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Kind,
    Content,
    Attributes,
}

/// How much of an alternate is known of one of several names of a file.
pub(super) struct NameElsewhere {
    /// What the name is told as a change of.
    pub seen: Stat,
    /// It is no change that anybody wants to hear of.
    pub is_silent: bool,
}

impl Generator {
    /// Looks for a regular file in the other directories, and makes it from one of them if it can be.
    /// What exists at the destination gives way only to what is exactly as wanted.
    // rsync: generator.c try_dests_reg()
    pub(super) fn regular_elsewhere(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        existing: Option<&Stat>,
    ) -> Result<RegularElsewhere, SessionError> {
        let found = self.look_for_regular(entry, wanted, existing)?;
        if matches!(found, RegularElsewhere::Nothing) {
            self.compared = None;
        }
        Ok(found)
    }

    fn look_for_regular(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        existing: Option<&Stat>,
    ) -> Result<RegularElsewhere, SessionError> {
        let Some(kind) = self.alternates.as_ref().map(|a| a.kind) else {
            return Ok(RegularElsewhere::Nothing);
        };
        if existing.is_some() && kind == AltDestKind::Copy {
            return Ok(RegularElsewhere::Nothing);
        }
        let Some(found) = self.best_elsewhere(wanted) else {
            return Ok(RegularElsewhere::Nothing);
        };
        let file = entry.entry();
        let is_equal = found.likeness == Likeness::Attributes;
        if is_equal && kind != AltDestKind::Copy {
            if let Some(existing) = existing
                && kind == AltDestKind::Link
                && is_same_file(existing, &found.stat)
            {
                return Ok(RegularElsewhere::Nothing);
            }
            let made = match kind {
                AltDestKind::Link => self.link_from(file, &found, existing),
                _ => existing.is_none() || self.remove_for_alternate(file),
            };
            if made {
                return self.equal_elsewhere(entry, wanted, &found, kind);
            }
            if kind != AltDestKind::Link {
                return Ok(RegularElsewhere::Nothing);
            }
            // rsync removes it before it knows that it cannot be linked.
            if existing.is_some() && !self.remove_for_alternate(file) {
                return Ok(RegularElsewhere::Nothing);
            }
        } else if existing.is_some() {
            return Ok(RegularElsewhere::Nothing);
        }
        if found.likeness >= Likeness::Content {
            if !self.ctx.options.dry_run && !self.copy_from(entry, wanted, &found) {
                return Ok(RegularElsewhere::Nothing);
            }
            return self.copied_from_elsewhere(entry, wanted, &found);
        }
        if self.ctx.options.append != Append::No {
            // Nothing can be appended to what is somewhere else.
            return Ok(RegularElsewhere::Nothing);
        }
        let elsewhere = Elsewhere {
            kind: wire::item::Basis::AlternateDir(found.at as u8),
            dir: found.dir,
            name: self.leaf(file).into(),
            stat: found.stat,
        };
        Ok(RegularElsewhere::Basis(Box::new(elsewhere)))
    }

    /// Tells of a file that is exactly as wanted elsewhere.
    fn equal_elsewhere(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        found: &Candidate,
        kind: AltDestKind,
    ) -> Result<RegularElsewhere, SessionError> {
        let o = &self.ctx.options;
        if kind == AltDestKind::Link {
            let (itemizes, level) = (self.itemizes(), o.itemize());
            let tells = itemizes && (o.info.name >= 2 || level > 1);
            self.finish_links_elsewhere(entry, Some(&found.stat), Some(found.at))?;
            if tells {
                let flags = ItemFlags::LOCAL_CHANGE | ItemFlags::XNAME_FOLLOWS;
                self.itemize(entry, wanted, Some(&found.stat), flags, Some(b""));
            }
        } else {
            self.itemize(entry, wanted, Some(&found.stat), ItemFlags::NONE, None);
        }
        if self.reports_names() {
            let text = line!(self.name(entry.entry()), " is uptodate");
            self.ctx.client(ROLE, text);
        }
        Ok(RegularElsewhere::Settled)
    }

    fn copied_from_elsewhere(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        found: &Candidate,
    ) -> Result<RegularElsewhere, SessionError> {
        let names = self.ctx.era.itemizing == Itemizing::Names;
        if !names {
            let flags = ItemFlags::LOCAL_CHANGE;
            self.itemize(entry, wanted, Some(&found.stat), flags, None);
        }
        let is_equal = found.likeness == Likeness::Attributes;
        let name = self.name(entry.entry());
        if is_equal && self.reports_names() {
            self.ctx.client(ROLE, line!(name, " is uptodate"));
        } else if !is_equal && names && self.ctx.options.info.name >= 1 {
            self.ctx.info(ROLE, name);
        }
        self.finish_links(entry, Some(&found.stat))?;
        Ok(RegularElsewhere::Settled)
    }

    /// Looks for a directory, link or node in the other directories, and links to one if that is
    /// what was asked for.
    // rsync: generator.c try_dests_non()
    pub(super) fn other_elsewhere(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
    ) -> Result<OtherElsewhere, SessionError> {
        let Some(kind) = self.alternates.as_ref().map(|a| a.kind) else {
            return Ok(OtherElsewhere::Nothing);
        };
        let Some(found) = self.best_elsewhere(wanted) else {
            return Ok(OtherElsewhere::Nothing);
        };
        if found.likeness < Likeness::Attributes {
            return Ok(OtherElsewhere::Differs(found.stat));
        }
        let file = entry.entry();
        let links = kind == AltDestKind::Link && !file.is_dir();
        // Not every file system has several names of such an entry: it is made anew then.
        let linked = links && (self.ctx.options.dry_run || self.try_link(file, &found).is_ok());
        if linked {
            self.finish_links(entry, None)?;
        }
        let o = &self.ctx.options;
        if self.itemizes() && (o.info.name >= 2 || o.itemize() > 1) {
            let mut flags = ItemFlags::NONE;
            if kind != AltDestKind::Compare || file.is_dir() {
                flags |= ItemFlags::LOCAL_CHANGE;
            }
            if linked {
                flags |= ItemFlags::XNAME_FOLLOWS;
            }
            let (ctx, ids) = (&self.ctx, &self.ids);
            let flags = differences(ctx, ids, wanted, &found.stat, flags, true, false);
            self.tell_item(entry, flags, linked.then_some(&b""[..]));
        }
        if self.reports_names() {
            let slash = if file.is_dir() { "/" } else { "" };
            let text = line!(self.name(file), slash, " is uptodate");
            self.ctx.client(ROLE, text);
        }
        let is_made = file.is_dir() || kind == AltDestKind::Copy || links && !linked;
        Ok(match is_made {
            true => OtherElsewhere::Told,
            false => OtherElsewhere::Settled,
        })
    }

    /// What the other directories have of a name that becomes a link to `target`.
    // rsync: hlink.c hard_link_check()
    pub(super) fn name_elsewhere(
        &mut self,
        wanted: Wanted<'_>,
        target: Option<&Stat>,
    ) -> Option<NameElsewhere> {
        let kind = self.alternates.as_ref()?.kind;
        let file = wanted.entry;
        let mut last = None;
        let mut matches = false;
        for (_, dir) in self.dirs_elsewhere(file) {
            let Ok(stat) = dir.dir.stat(self.leaf(file), Follow::Never) else {
                continue;
            };
            last = Some(stat);
            if kind == AltDestKind::Link {
                if target.is_some_and(|target| is_same_file(target, &stat)) {
                    let o = &self.ctx.options;
                    let level = o.itemize();
                    let is_silent = level == 0 || (o.info.name < 2 && level < 2);
                    if is_silent && self.reports_names() {
                        let text = line!(self.name(file), " is uptodate");
                        self.ctx.client(ROLE, text);
                    }
                    return Some(NameElsewhere {
                        seen: stat,
                        is_silent,
                    });
                }
            } else if file.is_regular()
                && self.quick_check_at(file, &stat, Some((&dir, self.leaf(file))))
            {
                matches = true;
                if unchanged(&self.ctx, &self.ids, wanted, &stat, TimeRule::Window) {
                    break;
                }
            }
        }
        last.filter(|_| matches).map(|seen| NameElsewhere {
            seen,
            is_silent: false,
        })
    }

    /// What stands at a path below one of the other directories.
    pub(super) fn stat_elsewhere(&self, at: usize, path: &[u8]) -> io::Result<Stat> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let alternates = self.alternates.as_ref().ok_or_else(missing)?;
        let (dir, name) = split(path);
        let dir = alternates.dir(at, dir, self.follows_within())?;
        dir.dir.stat(name, Follow::Never)
    }

    fn best_elsewhere(&mut self, wanted: Wanted<'_>) -> Option<Candidate> {
        let file = wanted.entry;
        let mut best: Option<Candidate> = None;
        for (at, dir) in self.dirs_elsewhere(file) {
            let leaf = self.leaf(file);
            let stat = match leaf {
                b"." => dir.dir.stat_self(),
                leaf => dir.dir.stat(leaf, Follow::Never),
            };
            let Ok(stat) = stat else { continue };
            if kind_class(stat.mode()) != kind_class(file.mode()) {
                continue;
            }
            let leaf = leaf.to_vec();
            self.compared = Some(Place {
                dir: dir.clone(),
                leaf: leaf.clone(),
            });
            let likeness = if !self.quick_check_at(file, &stat, Some((&dir, &leaf))) {
                Likeness::Kind
            } else if unchanged(&self.ctx, &self.ids, wanted, &stat, TimeRule::Window)
                && self.acls_differ(file, &stat) == AclsDiffer::default()
                && !self.xattrs_differ(file)
            {
                Likeness::Attributes
            } else {
                Likeness::Content
            };
            if best.as_ref().is_none_or(|best| likeness > best.likeness) {
                best = Some(Candidate {
                    at,
                    dir,
                    stat,
                    likeness,
                });
            }
            if likeness == Likeness::Attributes {
                break;
            }
        }
        self.compared = best.as_ref().map(|best| Place {
            dir: best.dir.clone(),
            leaf: self.leaf(file).to_vec(),
        });
        best
    }

    /// The directories that stand for the one that an entry belongs into, with their numbers.
    pub(super) fn dirs_elsewhere(&mut self, file: &Entry) -> Vec<(usize, Arc<DestDir>)> {
        let Some(alternates) = &self.alternates else {
            return Vec::new();
        };
        let path = match self.destination.solo_name {
            Some(_) => b"",
            None => without_leading_slashes(file.dirname()),
        };
        if let Some(dirs) = &self.elsewhere.dirs
            && self.elsewhere.path == path
        {
            return dirs.clone();
        }
        let follow = self.follows_within();
        let open = |at| Some((at, alternates.dir(at, path, follow).ok()?));
        let dirs: Vec<_> = (0..alternates.len()).filter_map(open).collect();
        self.dirs_opened += dirs.len();
        self.elsewhere = Opened {
            path: path.to_vec(),
            dirs: Some(dirs.clone()),
        };
        dirs
    }

    /// Makes an entry another name of the one that was found. What exists is replaced in one step.
    fn link_from(&mut self, file: &Entry, found: &Candidate, existing: Option<&Stat>) -> bool {
        if self.ctx.options.dry_run {
            return true;
        }
        let linked = match existing {
            None => self.try_link(file, found),
            Some(_) => self.link_over(file, found),
        };
        let Err(e) = linked else { return true };
        if self.ctx.options.info.name >= 1 {
            let name = self.shown(&self.name(file));
            let from = tree::entry::join(&found.dir.path, self.leaf(file));
            let text = line!("link ", name, " => ", from, " failed");
            self.ctx.info_os(ROLE, text, e);
        }
        false
    }

    fn try_link(&mut self, file: &Entry, found: &Candidate) -> io::Result<()> {
        let dir = self.enter(file)?;
        dir.touch();
        let leaf = self.leaf(file);
        found.dir.dir.link(leaf, &dir.dir, leaf)
    }

    fn link_over(&mut self, file: &Entry, found: &Candidate) -> io::Result<()> {
        let dir = self.enter(file)?;
        dir.touch();
        let leaf = self.leaf(file);
        let link = |temp: &[u8]| found.dir.dir.link(leaf, &dir.dir, temp);
        let ((), temp) = unique(leaf, Location::Beside, link)?;
        dir.dir
            .rename(&temp, &dir.dir, leaf)
            .inspect_err(|_| drop(dir.dir.remove_file(&temp)))
    }

    /// Removes what stands where another directory has the file. False if it cannot be done.
    fn remove_for_alternate(&mut self, file: &Entry) -> bool {
        if self.ctx.options.dry_run {
            return true;
        }
        let Ok(dir) = self.enter(file) else {
            return false;
        };
        dir.touch();
        self.take_similar(file);
        let removed = dir.dir.remove_file(self.leaf(file));
        removed.is_ok()
    }

    /// Makes a file a copy of the one that was found, with the attributes that are wanted.
    // rsync: generator.c copy_altdest_file()
    fn copy_from(&mut self, entry: &EntryRef, wanted: Wanted<'_>, found: &Candidate) -> bool {
        let file = entry.entry();
        let Ok(dir) = self.enter(file) else {
            return false;
        };
        dir.touch();
        let job = Job {
            entry: entry.clone(),
            flags: ItemFlags::NONE,
            place: PlaceId::NONE,
            dir,
            name: self.destination.solo_name.as_deref().map(Into::into),
            mode: wanted.mode,
            existing: None,
            basis: Basis::Elsewhere(Box::new(Elsewhere {
                kind: wire::item::Basis::AlternateDir(found.at as u8),
                dir: found.dir.clone(),
                name: self.leaf(file).into(),
                stat: found.stat,
            })),
            linked: false,
            standing: Standing::Apart,
            attempt: Attempt::First,
        };
        self.receiver.copy_from(&job, &found.dir)
    }

    /// Whether items are told, and shown as such.
    fn itemizes(&self) -> bool {
        self.ctx.options.itemize() > 0 && self.ctx.era.itemizing != Itemizing::Names
    }
}

fn is_same_file(a: &Stat, b: &Stat) -> bool {
    (a.device, a.inode) == (b.device, b.inode)
}
