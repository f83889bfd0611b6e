//! Where rules are being read: the transfer's base and the directory being entered.
//!
//! rsync: exclude.c set_filter_dir(); util1.c clean_fname()

use std::sync::Arc;

use super::Side;
use super::list::last_component;
use super::merge_files::MergePath;

/// Where in the file system rules are being read.
#[derive(Debug)]
pub(super) struct Standpoint {
    /// The transfer's base: absolute, no trailing `/`, empty for the root directory.
    pub(super) base: Arc<[u8]>,
    /// The directory being entered: absolute, with a trailing `/`.
    pub(super) directory: Vec<u8>,
    pub(super) side: Side,
    /// Parent directories of the transfer are being looked through.
    pub(super) in_parents: bool,
}

impl Standpoint {
    /// The standpoint of the directory `dir`, relative to `base`.
    pub(super) fn new(base: &Arc<[u8]>, dir: &[u8], side: Side) -> Self {
        let mut directory = clean_path(&[base.as_ref(), b"/", dir].concat());
        if directory != b"/" {
            directory.push(b'/');
        }
        Self {
            base: base.clone(),
            directory,
            side,
            in_parents: false,
        }
    }

    /// Where the file `name` is, as seen from here.
    pub(super) fn locate<'n>(&self, name: &'n [u8]) -> MergePath<'n> {
        let in_base = match name.first() {
            Some(b'/') => name
                .strip_prefix(&*self.base)
                .and_then(|rest| rest.strip_prefix(b"/")),
            _ => Some(name),
        };
        match in_base.map(|path| (path, last_component(path))) {
            Some((path, name)) if !path.starts_with(b"../") && !name.is_empty() => {
                let dir = &path[..path.len() - name.len()];
                MergePath::InTree {
                    dir: dir.strip_suffix(b"/").unwrap_or(dir),
                    name,
                }
            }
            _ => MergePath::Outside(name),
        }
    }
}

/// Without doubled slashes, `.` elements, and `..` elements that have something to undo.
///
/// rsync: util1.c clean_fname() with CFN_COLLAPSE_DOT_DOT_DIRS
pub(super) fn clean_path(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut kept: Vec<&[u8]> = Vec::new();
    for element in path.split(|&byte| byte == b'/') {
        match element {
            b"" | b"." => {}
            b".." if kept.last().is_some_and(|last| *last != b"..") => {
                kept.pop();
            }
            b".." if rooted => {}
            _ => kept.push(element),
        }
    }
    let joined = kept.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", &joined[..]].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_paths() {
        for (path, clean) in [
            ("/a//b/./c", "/a/b/c"),
            ("/a/../b", "/b"),
            ("/../b", "/b"),
            ("../../b", "../../b"),
            ("a/../..", ".."),
            ("a/..", "."),
            ("/", "/"),
        ] {
            assert_eq!(clean_path(path.as_bytes()), clean.as_bytes(), "{path}");
        }
    }

    #[test]
    fn locates_files_in_and_outside_the_base() {
        let standpoint = Standpoint::new(&Arc::from(&b"/home/me"[..]), b"sub", Side::Sender);
        assert_eq!(standpoint.directory, b"/home/me/sub/");
        let in_tree = |dir, name| MergePath::InTree { dir, name };
        assert_eq!(
            standpoint.locate(b"/home/me/sub/.f"),
            in_tree(b"sub", b".f")
        );
        assert_eq!(standpoint.locate(b"/home/me/.f"), in_tree(b"", b".f"));
        assert_eq!(standpoint.locate(b"plain"), in_tree(b"", b"plain"));
        assert_eq!(
            standpoint.locate(b"/home/.f"),
            MergePath::Outside(b"/home/.f")
        );
        assert_eq!(
            standpoint.locate(b"/home/meow"),
            MergePath::Outside(b"/home/meow")
        );
    }
}
