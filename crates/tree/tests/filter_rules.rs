//! What a set of rules says of names, without a file system.

use std::collections::HashMap;
use std::io;

use tree::filter::{
    DirFilters, EntryKind, FilterError, FilterNotice, FilterSet, MergeFiles, MergePath, Side,
};

/// Merge files by path: `dir/name` in the tree, `/…` or as given outside, `~/name` at home.
#[derive(Default)]
struct Shelf {
    files: HashMap<Vec<u8>, Vec<u8>>,
    asked: Vec<String>,
    notices: Vec<FilterNotice>,
}

impl Shelf {
    fn with(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| (path.as_bytes().into(), text.as_bytes().into()));
        Self {
            files: files.collect(),
            ..Self::default()
        }
    }
}

impl MergeFiles for Shelf {
    fn read(&mut self, path: MergePath<'_>) -> io::Result<Option<Vec<u8>>> {
        let path = match path {
            MergePath::InTree { dir: b"", name } => name.to_vec(),
            MergePath::InTree { dir, name } => [dir, b"/", name].concat(),
            MergePath::Outside(path) => path.to_vec(),
            MergePath::Home(name) => [b"~/", name].concat(),
            MergePath::StandardInput => b"-".to_vec(),
        };
        self.asked.push(String::from_utf8_lossy(&path).into_owned());
        Ok(self.files.get(&path).cloned())
    }

    fn notice(&mut self, notice: FilterNotice) {
        self.notices.push(notice);
    }
}

fn set(shelf: &mut Shelf, rules: &[&str]) -> FilterSet {
    let mut builder = FilterSet::builder(shelf);
    for rule in rules {
        builder.add_rule(rule.as_bytes()).expect("a good rule");
    }
    builder.finish().expect("a good set")
}

fn excluded(filters: &DirFilters, path: &str) -> bool {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let verdict = filters.check(dir.as_bytes(), name.as_bytes(), EntryKind::File);
    verdict.is_excluded()
}

#[test]
fn no_rules_match_nothing_and_read_nothing() {
    let mut shelf = Shelf::default();
    let root = set(&mut shelf, &[]).root(Side::Sender, b"/x");
    let inner = root.enter(b"a", &mut shelf).expect("no rules, no faults");
    assert!(!inner.reads_directories());
    assert!(!excluded(&inner, "a/b"));
    assert!(shelf.asked.is_empty());
}

#[test]
fn each_directory_is_asked_for_its_file_once_and_states_stand_alone() {
    let mut shelf = Shelf::with(&[("a/.f", "- one"), ("b/.f", "- two"), ("a/c/.f", "- three")]);
    let root = set(&mut shelf, &[": .f"]).root(Side::Sender, b"/x");
    let top = root.enter(b"", &mut shelf).expect("top");
    let b = top.enter(b"b", &mut shelf).expect("b");
    let a = top.enter(b"a", &mut shelf).expect("a");
    let c = a.enter(b"a/c", &mut shelf).expect("c");
    assert_eq!(shelf.asked, [".f", "b/.f", "a/.f", "a/c/.f"]);
    assert!(excluded(&c, "a/c/one") && excluded(&c, "a/c/three") && !excluded(&c, "a/c/two"));
    assert!(excluded(&a, "a/one") && !excluded(&a, "a/three"));
    assert!(excluded(&b, "b/two") && !excluded(&b, "b/one"));
    assert!(!excluded(&top, "one"));
}

#[test]
fn states_can_be_used_from_any_thread() {
    fn sendable<T: Send + Sync + Clone>() {}
    sendable::<DirFilters>();
    sendable::<FilterSet>();
}

#[test]
fn parents_of_the_transfer_are_looked_through() {
    let mut shelf = Shelf::with(&[("/.f", "- root"), ("/home/.f", "- home\n- /me/anchored")]);
    let root = set(&mut shelf, &[": /.f"]).root(Side::Sender, b"/home/me");
    let top = root.enter(b"", &mut shelf).expect("top");
    assert_eq!(shelf.asked, ["/.f", "/home/.f", ".f"]);
    assert!(excluded(&top, "root") && excluded(&top, "home") && excluded(&top, "anchored"));
    let sub = top.enter(b"sub", &mut shelf).expect("sub");
    assert_eq!(shelf.asked.len(), 4);
    assert!(excluded(&sub, "sub/home") && !excluded(&sub, "sub/anchored"));
    let second = root
        .once_entered()
        .enter(b"other", &mut shelf)
        .expect("other");
    assert_eq!(shelf.asked.last().map(String::as_str), Some("other/.f"));
    assert!(!excluded(&second, "other/home"));
}

#[test]
fn cvs_rules_come_from_three_places_in_order() {
    let mut shelf = Shelf::with(&[("~/.cvsignore", "mine *.mine")]);
    let mut builder = FilterSet::builder(&mut shelf);
    builder.cvsignore_variable(b"theirs").cvs_exclude();
    let root = builder.finish().expect("a set").root(Side::Sender, b"/x");
    for name in ["core", "x.o", "mine", "x.mine", "theirs", "RCS"] {
        assert!(excluded(&root, name), "{name}");
    }
    assert!(!excluded(&root, "x.c"));
    let git = root.check(b"", b".git", EntryKind::Directory);
    assert!(git.is_excluded());
    assert!(
        !root
            .check_in_doomed(b"", b".git", EntryKind::Directory)
            .is_excluded()
    );
    assert!(
        root.check_in_doomed(b"", b"mine", EntryKind::File)
            .is_excluded()
    );
}

#[test]
fn partial_directories_are_perishable_excludes() {
    let mut shelf = Shelf::default();
    let mut builder = FilterSet::builder(&mut shelf);
    builder.exclude_partial_dir(b".~tmp~").expect("a rule");
    let root = builder.finish().expect("a set").root(Side::Receiver, b"/x");
    assert!(
        root.check(b"a", b".~tmp~", EntryKind::Directory)
            .is_excluded()
    );
    assert!(!root.check(b"a", b".~tmp~", EntryKind::File).is_excluded());
    assert!(
        !root
            .check_in_doomed(b"a", b".~tmp~", EntryKind::Directory)
            .is_excluded()
    );
}

#[test]
fn attribute_rules_and_file_rules_do_not_meet() {
    let mut shelf = Shelf::default();
    let root = set(&mut shelf, &["-x user.*", "- *.o"]).root(Side::Sender, b"/x");
    assert!(root.check(b"", b"user.a", EntryKind::Xattr).is_excluded());
    assert!(!root.check(b"", b"user.a", EntryKind::File).is_excluded());
    assert!(!root.check(b"", b"x.o", EntryKind::Xattr).is_excluded());
}

#[test]
fn over_long_rules_and_lines_are_dropped_with_a_notice() {
    let long = "x".repeat(4096);
    let longer = "y".repeat(6000);
    let mut shelf = Shelf::with(&[("rules", &format!("- {long}\n{longer}\n- foo"))]);
    let rules = set(&mut shelf, &["- bar", &format!("- {long}"), ". rules"]);
    let root = rules.root(Side::Sender, b"/");
    for (name, is_out) in [
        ("bar", true),
        ("foo", true),
        (&long, false),
        (&longer, false),
    ] {
        assert_eq!(excluded(&root, name), is_out, "{name}");
    }
    let shown: Vec<String> = shelf.notices.iter().map(ToString::to_string).collect();
    assert_eq!(shown[0], format!("discarding over-long filter: {long}"));
    assert_eq!(
        shown[1],
        "discarding over-long filter: <rule from rules line 1>"
    );
    assert_eq!(
        shown[2],
        "discarding over-long filter: <rule from rules line 2>"
    );
}

#[test]
fn trailing_spaces_are_remarked_on() {
    let mut shelf = Shelf::with(&[("rules", "- bar ")]);
    set(&mut shelf, &["-s foo ", ". rules"]);
    let shown: Vec<String> = shelf.notices.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown[0],
        "add_rule(-s foo ) -- CAUTION: trailing whitespace!"
    );
    assert!(!shown[1].contains("bar"), "{}", shown[1]);
}

#[test]
fn endless_merging_ends() {
    let mut shelf = Shelf::with(&[("rules", ". rules")]);
    let mut builder = FilterSet::builder(&mut shelf);
    let Err(error) = builder.add_rule(b". rules") else {
        panic!("merged for ever")
    };
    assert!(
        matches!(error, FilterError::MergeDepth { limit: 32, .. }),
        "{error}"
    );
    assert!(!error.is_syntax());
}

#[test]
fn standard_input_and_the_home_directory_are_asked_for_as_such() {
    let mut shelf = Shelf::with(&[("-", "foo\0bar")]);
    let mut builder = FilterSet::builder(&mut shelf);
    builder.from0(true).add_exclude_from(b"-").expect("a list");
    let root = builder.finish().expect("a set").root(Side::Sender, b"/x");
    assert!(excluded(&root, "foo") && excluded(&root, "bar"));
}
