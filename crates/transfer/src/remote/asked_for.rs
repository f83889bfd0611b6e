//! What a receiver asked a sender for, and so what may be in the list that comes.
//!
//! A sender is another program on another computer. It gets to name the files that this side writes, so
//! it is held to the names on the command line (or in `--files-from`) and to the filters: a name
//! that neither asks for ends the session. Directories on the way to what was asked for
//! (`--relative`) may be named too, but their other content is not the sender's to speak for:
//! under `--delete` that would be a way to empty them.
//!
//! A remote shell expands wildcards, so names count as patterns; one with a bracket also stands for
//! itself, as the shell leaves it when nothing matches.
// rsync: exclude.c add_implied_include(), is_implied_parent_dir(), options.c trust_sender_args,
// trust_sender_filter

use options::{Access, ArgumentStyle, FilesFrom, Options};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tree::entry::split;
use tree::filter::{DirFilters, EntryKind, FilterSet, Side, wildmatch};
use wire::Error;

/// What may be in the list.
#[derive(Default)]
pub(crate) struct AskedFor {
    /// `None`: any name is taken.
    names: Option<Arc<Mutex<Requested>>>,
    /// What the sender was told to leave out.
    filters: Option<DirFilters>,
}

/// Where the names go that this side's `--files-from` lists, before the sender hears of them.
#[derive(Default)]
pub(crate) struct Listed {
    names: Option<Arc<Mutex<Requested>>>,
    relative: bool,
}

impl Listed {
    /// Asks for one more.
    pub fn add(&self, name: &[u8]) {
        if let Some(names) = &self.names {
            lock(names).add(name, self.relative);
        }
    }
}

/// How an entry stands to what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was asked for.
    Wanted,
    /// A directory above something that was asked for, and nothing else.
    OnTheWay,
}

impl AskedFor {
    /// What a client asks for with its options, and with what it adds to [`Self::listed`].
    /// `base` is where this side's names are relative to.
    pub fn of_client(options: &Options, filters: &FilterSet, base: &[u8]) -> AskedFor {
        if options.trust_sender {
            return AskedFor::default();
        }
        let filters = filters.root(Side::Sender, base);
        // What directories' own files say is known to the sender alone.
        let filters = (!filters.reads_directories()).then_some(filters);
        AskedFor {
            names: Requested::of_client(options).map(|names| Arc::new(Mutex::new(names))),
            filters,
        }
    }

    /// Where the names of a list on this side go.
    pub fn listed(&self, options: &Options) -> Listed {
        Listed {
            names: self.names.clone(),
            relative: options.relative,
        }
    }

    /// Holds an entry's name against what was asked for. The name is tidied, and has no `..`.
    ///
    /// # Errors
    /// [`Error::Unsupported`], as rsync ends with: nobody asked for it, or the filters exclude it.
    // rsync: flist.c recv_file_entry()
    pub fn check(&self, name: &[u8], is_dir: bool) -> Result<Standing, Error> {
        if self.names.is_none() && self.filters.is_none() {
            return Ok(Standing::Wanted);
        }
        let name = name.strip_prefix(b"/").unwrap_or(name);
        if name != b"." {
            self.refuse(name, is_dir)?;
        }
        match &self.names {
            Some(names) if is_dir && lock(names).is_only_on_the_way(name) => Ok(Standing::OnTheWay),
            _ => Ok(Standing::Wanted),
        }
    }

    fn refuse(&self, name: &[u8], is_dir: bool) -> Result<(), Error> {
        let refused = |why: &str| {
            let name = String::from_utf8_lossy(name);
            Err(Error::Unsupported(format!(
                "ERROR: rejecting {why} file-list name: {name}"
            )))
        };
        if let Some(filters) = &self.filters {
            let kind = if is_dir {
                EntryKind::Directory
            } else {
                EntryKind::File
            };
            let (dir, last) = split(name);
            if filters.check(dir, last, kind).is_excluded() {
                return refused("excluded");
            }
        }
        match &self.names {
            Some(names) if !lock(names).has(name, is_dir) => refused("unrequested"),
            _ => Ok(()),
        }
    }
}

fn lock(names: &Mutex<Requested>) -> MutexGuard<'_, Requested> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names that were asked for: plain ones, of which there may be a great many, and patterns.
#[derive(Debug, Default)]
struct Requested {
    depth: Depth,
    plain: HashSet<Box<[u8]>>,
    /// Directories above plain names.
    above_plain: HashSet<Box<[u8]>>,
    wild: Vec<Wild>,
    above_wild: Vec<Box<[u8]>>,
    /// Content of the transfer's own root.
    root: bool,
}

/// How far below a name the request goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Depth {
    #[default]
    NameOnly,
    Content,
    Everything,
}

#[derive(Debug)]
struct Wild {
    pattern: Box<[u8]>,
    /// The same, with what the request's depth adds.
    beneath: Box<[u8]>,
}

impl Requested {
    /// `None` if what is asked for is not known on this side.
    fn of_client(options: &Options) -> Option<Requested> {
        let old = ArgumentStyle::OldNames;
        let split_there = [old, ArgumentStyle::Old].contains(&options.argument_style);
        if split_there || matches!(options.files_from, Some(FilesFrom::Remote { .. })) {
            return None;
        }
        let remote = options.route.remote()?;
        let mut requested = Requested::new(options.recurse, options.xfer_dirs);
        if options.files_from.is_some() {
            // Only what is listed is asked for.
            return Some(requested);
        }
        for path in &remote.paths {
            let path = path.as_encoded_bytes();
            let name = match remote.access {
                Access::Shell => path,
                Access::Daemon { .. } => without_module(path),
            };
            requested.add(name, options.relative);
        }
        Some(requested)
    }

    fn new(recurse: bool, dirs: bool) -> Requested {
        Requested {
            depth: match (recurse, dirs) {
                (true, _) => Depth::Everything,
                (false, true) => Depth::Content,
                (false, false) => Depth::NameOnly,
            },
            ..Requested::default()
        }
    }

    fn add(&mut self, argument: &[u8], relative: bool) {
        let named = named(argument, relative);
        let is_wild = named.iter().any(|b| b"*[?".contains(b));
        let pattern = tidied(named, is_wild);
        if pattern.is_empty() {
            self.root = true;
            return;
        }
        let above = || ancestors(&pattern).filter(|_| relative);
        if !is_wild {
            self.above_plain.extend(above().map(Box::from));
            self.plain.insert(pattern.into());
            return;
        }
        let patterns = |pattern: &[u8]| [Some(pattern.to_vec()), bracketed(pattern)];
        for above in above().flat_map(patterns).flatten() {
            self.above_wild.push(above.into());
        }
        let stars: &[u8] = match self.depth {
            Depth::Everything => b"/**",
            Depth::Content | Depth::NameOnly => b"/*",
        };
        for pattern in patterns(&pattern).into_iter().flatten() {
            self.wild.push(Wild {
                beneath: [&pattern, stars].concat().into(),
                pattern: pattern.into(),
            });
        }
    }

    /// Whether the name may be in the list at all.
    fn has(&self, name: &[u8], is_dir: bool) -> bool {
        self.asks_for(name) || (is_dir && self.is_above(name))
    }

    fn is_only_on_the_way(&self, name: &[u8]) -> bool {
        if name == b"." {
            return !(self.root && self.depth != Depth::NameOnly);
        }
        self.is_above(name) && !self.asks_for(name)
    }

    fn is_above(&self, name: &[u8]) -> bool {
        self.above_plain.contains(name) || self.above_wild.iter().any(|p| wildmatch(p, name))
    }

    fn asks_for(&self, name: &[u8]) -> bool {
        if self.plain.contains(name) || self.wild.iter().any(|w| wildmatch(&w.pattern, name)) {
            return true;
        }
        let parent = split(name).0;
        match self.depth {
            Depth::NameOnly => return false,
            Depth::Content => {
                if self.plain.contains(parent) || (self.root && parent.is_empty()) {
                    return true;
                }
            }
            Depth::Everything => {
                if self.root || ancestors(name).any(|above| self.plain.contains(above)) {
                    return true;
                }
            }
        }
        self.wild.iter().any(|w| wildmatch(&w.beneath, name))
    }
}

/// The part of an argument that names in the list begin with.
fn named(argument: &[u8], relative: bool) -> &[u8] {
    let part = if relative {
        let pivot = argument.windows(3).position(|w| w == b"/./");
        pivot.map_or(argument, |at| &argument[at + 3..])
    } else {
        let slash = argument.iter().rposition(|&b| b == b'/');
        slash.map_or(argument, |at| &argument[at + 1..])
    };
    if part == b"." { b"" } else { part }
}

/// A daemon's names begin with the module's.
fn without_module(path: &[u8]) -> &[u8] {
    let slash = path.iter().position(|&b| b == b'/');
    slash.map_or(b"", |at| &path[at + 1..])
}

/// An argument as a name in the list, without superfluous slashes and dots. In a pattern a backslash
/// stands for itself only if it is doubled.
fn tidied(argument: &[u8], is_wild: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(argument.len());
    for part in argument.split(|&b| b == b'/') {
        if part.is_empty() || part == b"." {
            continue;
        }
        if !out.is_empty() {
            out.push(b'/');
        }
        let mut bytes = part.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            if byte != b'\\' {
                out.push(byte);
                continue;
            }
            match bytes.peek() {
                Some(b']') if !is_wild => {}
                Some(b'*' | b'[' | b'?' | b']') => {
                    out.push(b'\\');
                    out.extend(bytes.next());
                }
                _ => out.extend(if is_wild { &b"\\\\"[..] } else { b"\\" }),
            }
        }
    }
    out
}

/// A pattern with brackets as a shell leaves it when nothing matches: they are but brackets.
fn bracketed(pattern: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(pattern.len() + 2);
    let mut found = false;
    let mut bytes = pattern.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b'[' {
            found = true;
            out.push(b'\\');
        }
        out.push(byte);
        if byte == b'\\' {
            out.extend(bytes.next());
        }
    }
    found.then_some(out)
}

/// The directories above a name, nearest last.
fn ancestors(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = name.iter().enumerate().filter(|&(_, &b)| b == b'/');
    slashes.map(|(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a request says of names; a directory's ends with a slash. `-` is refused, `^` is on the
    /// way, `+` is wanted.
    fn judge(recurse: bool, relative: bool, arguments: &[&str], names: &str) -> String {
        let mut requested = Requested::new(recurse, true);
        for argument in arguments {
            requested.add(argument.as_bytes(), relative);
        }
        let asked = AskedFor {
            names: Some(Arc::new(Mutex::new(requested))),
            filters: None,
        };
        let verdict = |name: &str| {
            let is_dir = name.ends_with('/');
            match asked.check(name.trim_end_matches('/').as_bytes(), is_dir) {
                Ok(Standing::Wanted) => '+',
                Ok(Standing::OnTheWay) => '^',
                Err(_) => '-',
            }
        };
        names.split(' ').map(verdict).collect()
    }

    #[test]
    fn a_name_and_what_is_below_it() {
        let names = "a/ a/b a/b/c ab b ./";
        assert_eq!(judge(true, false, &["x/a"], names), "+++--^");
        assert_eq!(judge(false, false, &["x/a"], names), "++---^");
        assert_eq!(judge(true, false, &["x/b", "a"], names), "+++-+^");
        assert_eq!(judge(true, false, &["a/"], names), "++++++");
        assert_eq!(judge(false, false, &["."], names), "+--+++");
    }

    #[test]
    fn directories_on_the_way() {
        let names = "x/ x/y/ x/y/a x/b x y/ ./ /x/y/a";
        assert_eq!(judge(true, true, &["x/y/a"], names), "^^+---^+");
        assert_eq!(judge(true, true, &["/q/./x//y/./a/"], names), "^^+---^+");
        assert_eq!(judge(true, true, &["x/y/a", "x"], names), "+++++-^+");
        assert_eq!(judge(true, true, &["x/[xy]/?"], names), "^^+---^+");
        assert_eq!(judge(true, true, &["."], names), "++++++++");
    }

    #[test]
    fn wildcards_are_the_shell_s() {
        let names = "a.c a.d/ a.d/e [ab] a *.c a\\b";
        assert_eq!(judge(true, false, &["q/*.[cd]"], names), "+++--+-");
        assert_eq!(judge(true, false, &["[ab]"], names), "---++--");
        assert_eq!(judge(true, false, &["\\*.c"], names), "-----+-");
        assert_eq!(judge(true, false, &["a\\b"], names), "------+");
        assert_eq!(judge(true, false, &["a\\b*"], names), "------+");
    }

    #[test]
    fn what_is_listed_is_asked_for_from_then_on() {
        let requested = Requested::new(false, true);
        let asked = AskedFor {
            names: Some(Arc::new(Mutex::new(requested))),
            filters: None,
        };
        let options = Options {
            relative: true,
            ..Options::default()
        };
        let listed = asked.listed(&options);
        assert!(asked.check(b"d/a", false).is_err());
        listed.add(b"/d//a");
        assert_eq!(asked.check(b"d/a", false), Ok(Standing::Wanted));
        assert_eq!(asked.check(b"d", true), Ok(Standing::OnTheWay));
        assert!(asked.check(b"d/b", false).is_err());
    }

    #[test]
    fn filters_hold_for_the_sender() {
        let mut files = tree::filter::CommandLineFiles::default();
        let mut rules = FilterSet::builder(&mut files);
        rules.add_rule(b"- *.o").unwrap();
        rules.add_rule(b"P *.p").unwrap();
        let filters = rules.finish().unwrap().root(Side::Sender, b"/");
        let asked = AskedFor {
            names: None,
            filters: Some(filters),
        };
        assert_eq!(asked.check(b"d/a.p", false), Ok(Standing::Wanted));
        let refused = asked.check(b"d/a.o", false).unwrap_err();
        let text = "ERROR: rejecting excluded file-list name: d/a.o";
        assert_eq!(refused, Error::Unsupported(text.to_owned()));
    }
}
