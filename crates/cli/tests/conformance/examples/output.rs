//! What is printed, and in which order.

use super::{same, same_case, same_words, usual};
use crate::case::Case;
use crate::specimen::Tree;

#[test]
fn verbose_names_what_is_copied() {
    same(&usual(), "-av src/ dst/", 0);
    same(&usual(), "-av src/ fresh", 0);
    same(&usual(), "-av src fresh/", 0);
}

#[test]
fn very_verbose_names_what_is_up_to_date_and_the_method() {
    same(&usual(), "-avv src/ dst/", 0);
    same(&usual(), "-avv --no-W src/ dst/", 0);
    same(
        &usual(),
        "-avv --delete --exclude=*.o --exclude=foreign src/ dst/",
        0,
    );
}

#[test]
fn itemized_changes() {
    same(&usual(), "-ai --delete src/ dst/", 0);
    same(&usual(), "-aii --delete-after src/ dst/", 0);
    same(&usual(), "-rlpi src/ dst/", 0);
    same(&usual(), "-aci src/ dst/", 0);
    same(&usual(), "-aiI src/ fresh", 0);
}

#[test]
fn a_dry_run_tells_the_same_and_changes_nothing() {
    same(&usual(), "-anv --delete src/ dst/", 0);
    same(&usual(), "-ani src/ fresh", 0);
    same(&usual(), "-anvv --stats src/ dst/", 0);
}

#[test]
fn every_escape_of_the_output_format() {
    for escape in [
        "%i", "%n", "%f", "%L", "%l", "%o", "%M", "%B", "%U", "%G", "%C", "%b", "%c", "%%", "%h",
        "%a", "%m", "%P", "%u", "%'l", "%''l", "%12l", "%-12n|", "%20n", "%q", "%", "plain",
    ] {
        let format = format!("--out-format=[{escape}]");
        same_words(&usual(), &["-a", "--delete", &format, "src/", "dst/"], 0);
    }
    same_words(&usual(), &["-ac", "--out-format=%C %n", "src/", "dst/"], 0);
    let tree = usual().file("src/large", vec![b'x'; 1_234_567]);
    same_words(
        &tree,
        &["-a", "--out-format=%b %c %l %n", "src/", "fresh"],
        0,
    );
}

#[test]
fn the_sum_of_an_appended_file() {
    let tree = Tree::new()
        .dir("src")
        .dir("dst")
        .file("src/log", "the first lines, and those that came later")
        .file("dst/log", "the first lines");
    for mode in ["--append", "--append-verify"] {
        same_words(
            &tree,
            &["-a", mode, "--out-format=%n %C", "src/", "dst/"],
            0,
        );
    }
}

#[test]
fn statistics() {
    same(&usual(), "-a --stats src/ dst/", 0);
    same(&usual(), "-a --stats --delete --no-W src/ dst/", 0);
    same(&usual(), "-a --stats -h src/ fresh", 0);
    same(&usual(), "-a --stats --no-h src/ fresh", 0);
    same(&usual(), "-a --info=stats1 src/ fresh", 0);
    same(&usual(), "-a --info=stats2 -n src/ fresh", 0);
}

#[test]
fn listings() {
    let tree = usual()
        .file("src/large", vec![b'x'; 1_234_567])
        .file("src/before 1970", "x")
        .mtime(-1_000_000, 0)
        .file("src/after 2038", "x")
        .mtime(3_000_000_000, 0)
        .file("src/sticky", "x")
        .mode(0o7755);
    for line in ["src/", "src", "src/dir/", "--list-only src/ dst/"] {
        same(&tree, line, 0);
        same(&tree, &format!("-r {line}"), 0);
    }
    same(&tree, "-a --list-only src/", 0);
    same(&tree, "-ah --list-only src/", 0);
    same(&tree, "-ahh --list-only src/", 0);
    same(&tree, "-a --no-h --list-only src/", 0);
    same(&tree, "-aq --list-only src/", 0);
    same(&tree, "-av --list-only src/", 0);
}

#[test]
fn listings_are_in_local_time() {
    for time_zone in ["EST5EDT,M3.2.0,M11.1.0", "Asia/Kolkata"] {
        let mut case = Case::new(usual(), Vec::new(), vec!["-r".into(), "src/".into()]);
        case.time_zone = time_zone;
        same_case(&case, 0);
    }
}

#[test]
fn progress_of_the_whole_where_nothing_moves() {
    same(&usual(), "-an --info=progress2 src/ dst/", 0);
    same(&usual(), "-an --info=progress2 --no-i-r src/ fresh", 0);
    same(&usual(), "-a --info=progress2 src/none fresh", 23);
}

#[test]
fn progress_of_small_files() {
    same(&usual(), "-a --progress src/ dst/", 0);
    same(&usual(), "-av --progress --no-i-r src/ fresh", 0);
    same(&usual(), "-aP src/dir src/changed fresh/", 0);
    same(
        &usual(),
        "-a --info=progress2 --no-i-r src/changed fresh",
        0,
    );
}

#[test]
fn odd_names_are_escaped_as_the_locale_asks() {
    let tree = Tree::new()
        .dir("src")
        .file("src/new\nline", "1")
        .file("src/tab\there", "2")
        .file(b"src/bad\xff", "3")
        .file("src/日本", "4")
        .file("src/back\\slash", "5")
        .file("src/\\#123", "6")
        .file("src/\x07\x7f", "7");
    for locale in ["C", "C.UTF-8"] {
        for options in ["-av", "-av8", "-ai"] {
            let words = [options, "src/", "dst"].map(Into::into).to_vec();
            let mut case = Case::new(tree.clone(), Vec::new(), words);
            case.locale = locale;
            same_case(&case, 0);
        }
    }
}

#[test]
fn quiet_prints_nothing_but_errors() {
    same(&usual(), "-avq src/ dst/", 0);
    same(&usual(), "-aq src/ src/none dst/", 23);
}

#[test]
fn info_flags_choose_messages() {
    same(&usual(), "-a --info=name1 src/ dst/", 0);
    same(&usual(), "-a --info=name2,del --delete src/ dst/", 0);
    same(&usual(), "-av --info=none src/ dst/", 0);
    same(&usual(), "-av --info=name0 src/ dst/", 0);
    same(&usual(), "-a --info=all0,name src/ dst/", 0);
    same(&usual(), "-ab --info=backup src/ dst/", 0);
    same(&usual(), "-au --info=skip src/ dst/", 0);
    same(
        &usual(),
        "-a --remove-source-files --info=remove src/ dst/",
        0,
    );
    same(&usual(), "--info=help", 0);
}
