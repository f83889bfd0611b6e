//! Walks a tree with our filters, as rsync's sender and its deleting receiver do.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tree::filter::{
    CommandLineFiles, DirFilters, EntryKind, FilterError, FilterNotice, MergeFiles, MergePath,
    Side, Verdict,
};

#[derive(Default)]
pub struct Sent {
    pub names: BTreeSet<String>,
    pub reasons: BTreeSet<String>,
}

impl Sent {
    /// A source without a trailing slash. Says whether it was a directory that was entered.
    pub fn add_source(
        &mut self,
        base: &Path,
        path: &str,
        root: &DirFilters,
        files: &mut BenchFiles,
    ) -> Result<bool, FilterError> {
        if !base.join(path).is_dir() {
            if !self.note(
                check_path(root, path, EntryKind::File),
                path,
                EntryKind::File,
            ) {
                self.names.insert(path.to_string());
            }
            return Ok(false);
        }
        let verdict = check_path(root, path, EntryKind::Directory);
        if self.note(verdict, path, EntryKind::Directory) {
            return Ok(false);
        }
        self.names.insert(format!("{path}/"));
        self.walk(base, path, &root.enter(path.as_bytes(), files)?, files)?;
        Ok(true)
    }

    /// A source whose path is part of the transfer: the directories on the way are in it
    /// whatever the rules say, and their merge files count.
    pub fn add_source_with_path(
        &mut self,
        base: &Path,
        path: &str,
        root: &DirFilters,
        files: &mut BenchFiles,
    ) -> Result<(), FilterError> {
        let verdict = check_path(root, path, EntryKind::Directory);
        if self.note(verdict, path, EntryKind::Directory) {
            return Ok(());
        }
        let mut filters = root.clone();
        for (slash, _) in path.match_indices('/') {
            self.names.insert(path[..=slash].to_string());
            filters = filters.enter(&path.as_bytes()[..slash], files)?;
        }
        self.names.insert(format!("{path}/"));
        self.walk(base, path, &filters.enter(path.as_bytes(), files)?, files)
    }

    pub fn walk(
        &mut self,
        base: &Path,
        dir: &str,
        filters: &DirFilters,
        files: &mut BenchFiles,
    ) -> Result<(), FilterError> {
        for (name, kind) in entries(&base.join(dir)) {
            let path = join(dir, &name);
            let verdict = filters.check(dir.as_bytes(), name.as_bytes(), kind);
            if self.note(verdict, &path, kind) {
                continue;
            }
            if kind == EntryKind::Directory {
                self.names.insert(format!("{path}/"));
                self.walk(base, &path, &filters.enter(path.as_bytes(), files)?, files)?;
            } else {
                self.names.insert(path);
            }
        }
        Ok(())
    }

    /// Keeps the reason; says whether the entry is left out.
    fn note(&mut self, verdict: Verdict<'_>, path: &str, kind: EntryKind) -> bool {
        if let Some(decided) = verdict.decided_by() {
            let reason = decided.explain(Side::Sender, path.as_bytes(), kind);
            self.reasons
                .insert(String::from_utf8_lossy(&reason).into_owned());
        }
        verdict.is_excluded()
    }
}

/// rsync: generator.c delete_in_dir(), for the top of the transfer
pub fn delete_in(
    base: &Path,
    top: &DirFilters,
    files: &mut BenchFiles,
    deleted: &mut BTreeSet<String>,
) -> Result<(), FilterError> {
    for (name, kind) in entries(base) {
        if top.check(b"", name.as_bytes(), kind).is_excluded() {
            continue;
        }
        if kind == EntryKind::File {
            deleted.insert(name);
        } else if empty_directory(base, &name, top, files, deleted)? {
            deleted.insert(format!("{name}/"));
        }
    }
    Ok(())
}

/// Whether nothing is left. In a dry run, rsync names a directory inside a doomed one as
/// deleted even where something in it stays.
///
/// rsync: delete.c delete_dir_contents()
fn empty_directory(
    base: &Path,
    dir: &str,
    parent: &DirFilters,
    files: &mut BenchFiles,
    deleted: &mut BTreeSet<String>,
) -> Result<bool, FilterError> {
    let filters = parent.enter(dir.as_bytes(), files)?;
    let mut emptied = true;
    for (name, kind) in entries(&base.join(dir)) {
        if filters
            .check_in_doomed(dir.as_bytes(), name.as_bytes(), kind)
            .is_excluded()
        {
            emptied = false;
            continue;
        }
        let path = join(dir, &name);
        if kind == EntryKind::Directory {
            emptied &= empty_directory(base, &path, &filters, files, deleted)?;
            deleted.insert(format!("{path}/"));
        } else {
            deleted.insert(path);
        }
    }
    Ok(emptied)
}

fn entries(dir: &Path) -> Vec<(String, EntryKind)> {
    fs::read_dir(dir)
        .expect("a directory of the tree")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let is_dir = entry.file_type().expect("its type").is_dir();
            let kind = if is_dir {
                EntryKind::Directory
            } else {
                EntryKind::File
            };
            (
                entry.file_name().into_string().expect("a name in UTF-8"),
                kind,
            )
        })
        .collect()
}

/// Files as the two sides find them: named files are relative to the bench's directory.
pub struct BenchFiles {
    pub root: PathBuf,
    pub inner: CommandLineFiles<'static>,
}

impl MergeFiles for BenchFiles {
    fn read(&mut self, path: MergePath<'_>) -> io::Result<Option<Vec<u8>>> {
        let named;
        let path = match path {
            MergePath::Home(name) => {
                named = self.root.join("home").join(OsStr::from_bytes(name));
                MergePath::Outside(path_bytes(&named))
            }
            MergePath::Outside(name) => {
                named = self.root.join(OsStr::from_bytes(name));
                MergePath::Outside(path_bytes(&named))
            }
            other => other,
        };
        self.inner.read(path)
    }

    fn notice(&mut self, notice: FilterNotice) {
        self.inner.notice(notice);
    }
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() {
        name.to_string()
    } else {
        format!("{dir}/{name}")
    }
}

pub fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// What the rules of a source's top say of a path below it.
fn check_path<'a>(root: &'a DirFilters, path: &str, kind: EntryKind) -> Verdict<'a> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    root.check(dir.as_bytes(), name.as_bytes(), kind)
}
