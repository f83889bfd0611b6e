//! What is refused, with which words and which exit code.

use super::{same, same_words, usual};
use crate::specimen::Tree;

#[test]
fn a_missing_source() {
    same(&usual(), "-a none dst/", 23);
    same(&usual(), "-av src/ none dst/", 23);
    same(&usual(), "-a none1 none2 fresh", 23);
}

#[test]
fn a_destination_that_is_a_file() {
    same(&usual(), "-a src/ src/equal dst/equal", 3);
    same(&usual(), "-a src/ dst/equal", 3);
    same(&usual(), "-a src/changed dst/equal/", 3);
    same(&usual(), "-a src/changed dst/equal/deeper", 3);
    same(&usual(), "-a --mkpath src/ dst/equal/deeper", 11);
    same(&usual(), "-an --mkpath src/ dst/equal/deeper", 11);
    same(&usual(), "-a --mkpath src/changed dst/equal/deeper/", 11);
}

#[test]
fn a_destination_whose_parent_is_missing() {
    same(&usual(), "-a src/ none/deeper", 11);
    same(&usual(), "-a src/changed none/deeper", 3);
}

#[test]
fn directories_without_recursion_are_skipped() {
    same(&usual(), "src/ fresh", 0);
    same(&usual(), "-v src/dir src/equal fresh/", 0);
    same(&usual(), "-lptv src dst", 0);
}

#[test]
fn unknown_and_malformed_options() {
    for line in [
        "--bogus src/ dst/",
        "-a --recursive=yes src/ dst/",
        "-a --max-size=big src/ dst/",
        "-a --max-delete=many src/ dst/",
        "-a --timeout=soon src/ dst/",
        "-a --suffix",
        "-Q src/ dst/",
        "-a --chmod=bogus src/ dst/",
        "-a --info=bogus src/ dst/",
        "-a --debug=bogus src/ dst/",
        "-a --modify-window=x src/ dst/",
    ] {
        same(&usual(), line, 1);
    }
}

#[test]
fn options_that_do_not_go_together() {
    same(&usual(), "--delete src/ dst/", 1);
    same(&usual(), "-a --delete-before --delete-after src/ dst/", 1);
    same(&usual(), "-ab --suffix=a/b src/ dst/", 1);
    same(&usual(), "-a --inplace --partial-dir=p src/ dst/", 1);
    same(&usual(), "-a --delete-during --delete-delay src/ dst/", 0);
    same(&usual(), "-a --append --inplace src/ dst/", 0);
    same(&usual(), "-a --append --whole-file src/ dst/", 1);
    same(&usual(), "-ab --suffix= src/ dst/", 1);
}

#[test]
fn unreadable_and_malformed_rules() {
    same(&usual(), "-a --exclude-from=none src/ dst/", 11);
    same(&usual(), "-a --files-from=none src/ dst/", 1);
    for rule in ["bogus rule", "-z x", "+", ": ", "-,", ". none"] {
        let rule = format!("--filter={rule}");
        let code = if rule.ends_with("none") { 11 } else { 1 };
        same_words(&usual(), &["-a", &rule, "src/", "dst/"], code);
    }
}

#[test]
fn a_source_inside_its_destination() {
    let tree = Tree::new()
        .dir("src")
        .file("src/a", "a")
        .dir("src/in")
        .file("src/in/b", "b");
    same(&tree, "-ai src/in/ src/", 0);
    same(&tree, "-ain src/ src/in/", 0);
    same(&tree, "-ai src/ src/", 0);
}

#[test]
fn values_that_make_no_sense() {
    for line in [
        "-a --max-delete=x --delete src/ dst/",
        "-a --max-size=1x src/ dst/",
        "-a --max-size=-1 src/ dst/",
        "-a --min-size=1kk src/ dst/",
        "-a --max-size=1.2.3 src/ dst/",
        "-a --timeout=5x src/ dst/",
        "-a -@x src/ dst/",
        "-a --chmod=zz src/ dst/",
        "-a --chmod=99 src/ dst/",
        "-a --usermap=x src/ dst/",
        "-a --usermap=a:b,c src/ dst/",
        "-a --usermap=0-:1 src/ dst/",
        "-a --usermap=0:1 --chown=1 src/ dst/",
        "-a --groupmap=0:1 --chown=:1 src/ dst/",
        "-a --info=FOO,name src/ dst/",
        "-a --debug=flist-1 src/ dst/",
        "-a --stderr=x src/ dst/",
        "-a -Bx src/ dst/",
        "-a -B99999999999 src/ dst/",
        "-ab --suffix=a/b src/ dst/",
        "-a --zl=x src/ dst/",
        "-a --port=x src/ dst/",
        "-a --outbuf=X src/ dst/",
        "-a --contimeout=5 src/ dst/",
        "-a --password-file=none src/ dst/",
        "-a --modify-window=999999999999 src/ dst/",
        "--no-archive src/ dst/",
        "-a --delet src/ dst/",
        "-a --no-checksum=1 src/ dst/",
        "-r=1 src/ dst/",
        "-aQ src/ dst/",
        "-a --filter",
        "-aB",
    ] {
        same(&usual(), line, 1);
    }
}

#[test]
fn more_options_that_do_not_go_together() {
    for line in [
        "-a --append-verify -W src/ dst/",
        "-a --append --partial-dir=p src/ dst/",
        "-a --files-from=host:list src/ dst/",
        "--delete src/changed dst/",
    ] {
        same(&usual(), line, 1);
    }
}

#[test]
fn operands_that_are_odd() {
    same_words(&usual(), &["-a", "", "dst/"], 1);
    same_words(&usual(), &["-a", "src/", ""], 1);
    same(&usual(), "-a - dst/", 23);
    same(&usual(), "-a src/changed src/equal dst/equal", 3);
    same(&usual(), "-a src/ --exclude-from=src dst/", 0);
    same(&usual(), "-a --log-file= src/ dst/", 0);
    same(&usual(), "-az --log-file-format=%i src/ dst/", 0);
    same(&usual(), "-a -- -s dst/", 23);
}
