//! What is told of a transfer while it runs is true: for programs (`--json`), and where a live
//! display was asked for that has no terminal.
#![forbid(unsafe_code)]

mod program;

use program::run;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Runs with JSON progress, and returns the events.
fn events(directory: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = run(directory, [&["--json", "--progress"], arguments].concat());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A source of two large files, many small ones, and what has no content.
fn source() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("src");
    fs::create_dir_all(source.join("dir/empty dir")).unwrap();
    for name in ["large 1", "large 2"] {
        fs::write(source.join(name), vec![b'x'; 20 << 20]).unwrap();
    }
    for number in 0..300 {
        fs::write(source.join(format!("dir/{number}")), vec![b'y'; number * 7]).unwrap();
    }
    scratch
}

fn number(event: &Value, member: &str) -> u64 {
    event["totals"][member]
        .as_u64()
        .unwrap_or_else(|| panic!("{member}: {event}"))
}

fn of<'a>(all: &'a [Value], event: &str) -> Vec<&'a Value> {
    all.iter().filter(|line| line["event"] == event).collect()
}

/// What must hold for the counters of any session, and that in the end all is done.
fn check_counters(all: &[Value]) {
    let told: Vec<&Value> = all
        .iter()
        .filter(|line| line["totals"].is_object())
        .collect();
    for member in [
        "files_known",
        "files_done",
        "files_transferred",
        "bytes_moved",
        "bytes_done",
        "bytes_known",
    ] {
        assert!(
            told.is_sorted_by_key(|event| number(event, member)),
            "{member} goes backwards"
        );
    }
    for event in &told {
        assert!(
            number(event, "files_done") <= number(event, "files_known"),
            "{event}"
        );
        assert!(
            number(event, "bytes_done") <= number(event, "bytes_known"),
            "{event}"
        );
        assert!(
            number(event, "bytes_moved") <= number(event, "bytes_done"),
            "{event}"
        );
    }
    let last = told.last().expect("totals at the end");
    assert_eq!(last["event"], "totals");
    assert_eq!(last["totals"]["list_complete"], true);
    assert_eq!(number(last, "files_to_check"), 0);
    assert_eq!(number(last, "files_done"), number(last, "files_known"));
    assert_eq!(number(last, "bytes_done"), number(last, "bytes_known"));
    let stats = &all.last().expect("a summary")["stats"];
    assert_eq!(last["totals"]["files_known"], stats["files"]["total"]);
    assert_eq!(last["totals"]["bytes_known"], stats["total_size"]);
}

#[test]
fn a_file_in_flight_is_not_done() {
    let scratch = source();
    let all = events(scratch.path(), &["-a", "src/", "dst/"]);
    check_counters(&all);
    let progress = of(&all, "progress");
    let first = progress[0];
    assert_eq!(first["stage"], "started");
    assert_eq!(number(first, "files_transferred"), 0);
    assert_eq!(number(first, "bytes_moved"), 0);
    let mut in_flight = 0;
    let mut finished = 0;
    for event in progress {
        match event["stage"].as_str() {
            Some("started") => in_flight += 1,
            Some("finished") => (in_flight, finished) = (in_flight - 1, finished + 1),
            stage => assert_eq!(stage, Some("moving")),
        }
        assert_eq!(number(event, "files_transferred"), finished, "{event}");
        let open = number(event, "files_known") - number(event, "files_done");
        assert!(open >= in_flight, "{in_flight} are in flight: {event}");
    }
    assert_eq!((in_flight, finished), (0, 302));
}

#[test]
fn each_large_file_is_told_of_as_it_moves() {
    let scratch = source();
    let all = events(scratch.path(), &["-a", "--no-W", "src/", "dst/"]);
    check_counters(&all);
    for name in ["large 1", "large 2"] {
        let progress = of(&all, "progress");
        let own: Vec<_> = progress
            .iter()
            .filter(|event| event["name"] == name)
            .collect();
        assert!(own.is_sorted_by_key(|event| event["offset"].as_u64().unwrap()));
        assert!(own.len() > 2, "{name} was never seen moving");
        assert_eq!(own[0]["offset"], 0);
        assert_eq!(own[own.len() - 1]["offset"], 20 << 20);
    }
}

#[test]
fn what_needs_no_transfer_is_done_too() {
    let scratch = source();
    assert!(run(scratch.path(), ["-a", "src/", "dst/"]).status.success());
    fs::write(scratch.path().join("src/dir/7"), "changed").unwrap();
    for more in [
        &[][..],
        &["-n"],
        &["--existing"],
        &["-c"],
        &["--ignore-existing"],
        &["-m"],
    ] {
        let all = events(scratch.path(), &[&["-a"], more, &["src/", "dst/"]].concat());
        check_counters(&all);
    }
    let all = events(
        scratch.path(),
        &["-aR", "src/dir/", "src/./dir/8", "relative/"],
    );
    check_counters(&all);
}

#[test]
fn entries_say_what_was_moved_whatever_else_is_asked_for() {
    for more in [&[][..], &["-v"], &["-i"]] {
        let scratch = source();
        let line = [&["-a", "--log-file=log", "--log-file-format=%b %n"], more].concat();
        let all = events(scratch.path(), &[&line[..], &["src/", "dst/"]].concat());
        let entries = of(&all, "entry");
        let large = entries.iter().find(|entry| entry["name"] == "large 1");
        assert_eq!(large.unwrap()["bytes_moved"], 20 << 20, "{more:?}");
        let log = fs::read_to_string(scratch.path().join("log")).unwrap();
        // A file of 7 bytes weighs 50.
        assert_eq!(log.matches("] 50 dir/1\n").count(), 1, "{more:?}: {log}");
    }
    let scratch = source();
    let line = "-av --log-file=log --log-file-format=%b|%n src/ dst/";
    let words: Vec<&str> = line.split(' ').collect();
    assert!(run(scratch.path(), &words).status.success());
    let log = fs::read_to_string(scratch.path().join("log")).unwrap();
    assert_eq!(log.matches("] 50|dir/1\n").count(), 1, "{log}");
}

#[test]
fn hard_links_are_counted_once_each() {
    let scratch = source();
    for name in ["a", "b", "dir/c"] {
        let link = scratch.path().join("src").join(name);
        fs::hard_link(scratch.path().join("src/large 1"), link).unwrap();
    }
    check_counters(&events(scratch.path(), &["-aH", "src/", "dst/"]));
    check_counters(&events(
        scratch.path(),
        &["-aH", "--max-size=1m", "src/", "small/"],
    ));
    check_counters(&events(
        scratch.path(),
        &["-aH", "--delete", "src/", "dst/"],
    ));
}

#[test]
fn a_bar_without_a_terminal_is_the_progress_of_each_file_and_says_so() {
    let scratch = source();
    let output = run(scratch.path(), ["-a", "--progress=bar", "src/", "dst/"]);
    let text = "tidesync: --progress=bar needs a terminal to draw on: showing --progress instead";
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim_end(), text);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.contains("large 1") && stdout.contains("(xfr#302, to-chk="),
        "{stdout}"
    );
    for (quiet, told) in [("-q", false), ("--json", false), ("-v", true)] {
        let output = run(
            scratch.path(),
            ["-a", "--progress=bar", quiet, "src/", "dst/"],
        );
        assert_eq!(!output.stderr.is_empty(), told, "{quiet}");
    }
}

/// As rsync 3.5.0: a line for each part of the list that is done, and three for a list in one.
#[test]
fn the_whole_has_a_line_for_each_part_of_the_list() {
    let scratch = source();
    fs::create_dir_all(scratch.path().join("src/a/b/c")).unwrap();
    assert!(run(scratch.path(), ["-a", "src/", "dst/"]).status.success());
    for (line, lines) in [
        ("-a src/ fresh", 302 + 6),
        ("-a src/ dst/", 6),
        ("-an src/ none", 6),
        ("-a --no-i-r src/ dst/", 3),
        ("-a --delete-after src/ dst/", 3),
        ("-t src/dir/7 other", 1 + 3),
    ] {
        let words: Vec<&str> = line.split(' ').chain(["--info=progress2"]).collect();
        let output = run(scratch.path(), &words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(text.matches("(xfr#").count(), lines, "{line}: {text}");
        assert!(
            text.trim_end().ends_with(')') && text.contains("to-chk=0/"),
            "{text}"
        );
    }
}
