//! Filters against the real rsync: the same rules, the same tree, the same entries listed and
//! the same entries deleted.
//!
//! `filter_vs_rsync/cases.txt` is the table of cases; further rule sets are generated from
//! seeds. Each case runs rsync twice: as a sender into an empty directory, and as a receiver
//! that deletes all it may.
#![cfg(unix)]

#[path = "filter_vs_rsync/ours.rs"]
mod ours;
#[path = "filter_vs_rsync/peer.rs"]
mod peer;
#[path = "filter_vs_rsync/random_rules.rs"]
mod random_rules;

use peer::{Bench, Case};

const CASES: &str = include_str!("filter_vs_rsync/cases.txt");

#[test]
fn the_table_of_cases_selects_what_rsync_selects() {
    let cases: Vec<Case> = CASES
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("//"))
        .map(Case::parse)
        .collect();
    assert!(
        cases.len() >= 150,
        "the table has shrunk to {} cases",
        cases.len()
    );
    compare_all(&cases);
}

#[test]
fn generated_rules_select_what_rsync_selects() {
    // More by hand: FILTER_CASES=20000 cargo test -p tree --test filter_vs_rsync generated
    let count = std::env::var("FILTER_CASES").map_or(300, |count| count.parse().expect("a number"));
    let cases: Vec<Case> = (0..count).map(random_rules::case).collect();
    compare_all(&cases);
}

#[test]
fn faulty_rules_are_refused_in_rsyncs_words() {
    let bench = Bench::new();
    for line in [
        "foo",
        "+",
        "-",
        "- ",
        "+ ",
        "-q foo",
        "-,q foo",
        "--foo",
        "-e foo",
        "-n foo",
        "-w foo",
        "-\tfoo",
        "exclude",
        "excludes foo",
        "exclude,q foo",
        "include foo || x",
        "hide,s foo",
        "Hr foo",
        "PC",
        "Rs x",
        "! x",
        "!x",
        "clear x",
        "clear_",
        ".",
        ":",
        ". missing-file",
        ".+ missing-file",
        "merge sub/missing",
        ".!- missing",
        ":! .f",
        ":+- .f",
        ":-C .f",
        ":CC",
        "q",
        "* foo",
        " - foo",
        "dirmerge .f",
        "-,foo",
        "-s,foo",
        ":-,.f",
        "--exclude-from=missing",
        "--include-from=missing",
        "@a/.f=bad rule || : .f",
        "@a/.f=- ok\\n\\n# note\\n- ok\\nworse || : .f",
        "@a/.f=-z ok || : .f",
        "@a/.f=-s ok || :s .f",
        "@a/.f=P ok || :r .f",
        "@a/.f=. other || : .f",
        "@a/.f=. ./other || : .f",
        "@a/.f=. ./b/.g || @a/b/.g=nonsense || : .f",
        "@a/.f=- foo || :w .f",
        "@rules=nonsense || . src/rules",
        "@rules=- x\\n. missing || . src/rules",
        "@rules=- x\\n. src/more || @more=- y\\nnonsense || . src/rules",
        "@rules=- x\\r\\n\\r\\nnonsense || . src/rules",
        "@rules=a b -q || .w src/rules",
        "@rules=. src/rules || . src/rules",
    ] {
        bench.compare_refusal(&Case::parse(line));
    }
}

#[test]
fn decisions_are_explained_in_rsyncs_words() {
    let bench = Bench::new();
    for line in [
        "- *.o",
        "- foo/",
        "+ *.c || - *",
        "- /a/b/*",
        "-s foo || S bar",
        "@a/.f=- foo\\n+ bar || : .f",
        "@.f=: .g || @a/.g=- foo || : .f",
        "-C",
        "@.cvsignore=foo bar || -C",
        "-! */",
        "- **/foo",
        "@rules=- foo || . src/rules",
    ] {
        bench.compare_explanations(&Case::parse(line));
    }
}

/// Runs the cases on two threads, each with trees of its own.
fn compare_all(cases: &[Case]) {
    let half = cases.len().div_ceil(2);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = cases
            .chunks(half)
            .map(|chunk| {
                scope.spawn(move || {
                    let bench = Bench::new();
                    chunk
                        .iter()
                        .filter_map(|case| bench.compare(case).err())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        runs.into_iter()
            .flat_map(|run| run.join().expect("a comparison panicked"))
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
