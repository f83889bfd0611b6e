//! Each row of the matrix, a tree and a command line, is tried by every pair of programs.

use std::sync::Mutex;

use crate::outcome::{Difference, Outcome, differences};
use crate::peer::{Peer, peers};
use crate::playground::Playground;
use crate::session::{Question, Way};
use crate::specimen::Tree;

const RSYNC_ASKED_AGAIN: usize = 3;
/// How many sessions a test has under way at a time.
const AT_ONCE: usize = 3;

/// Asserts that every pair does with each of `lines`, pushing and pulling, what two rsyncs do, and
/// that those succeed. The words of a line have no spaces.
pub fn same(tree: &Tree, lines: &[&str]) {
    same_code(tree, 0, lines);
}

/// As [`same`], for lines that end with `code`.
pub fn same_code(tree: &Tree, code: i32, lines: &[&str]) {
    let rows: Vec<Vec<&[u8]>> = lines.iter().map(|line| split(line)).collect();
    same_words(tree, code, &[Way::Push, Way::Pull], &rows);
}

/// As [`same_code`], for lines in which the host is written.
pub fn same_as_written(tree: &Tree, code: i32, lines: &[&str]) {
    let rows: Vec<Vec<&[u8]>> = lines.iter().map(|line| split(line)).collect();
    same_words(tree, code, &[Way::AsWritten], &rows);
}

/// As [`same_code`], for words of any bytes.
pub fn same_words(tree: &Tree, code: i32, ways: &[Way], rows: &[Vec<&[u8]>]) {
    let questions = rows
        .iter()
        .flat_map(|words| ways.iter().map(|&way| Question::new(tree, words, way)));
    let questions = Mutex::new(questions);
    let wrong = Mutex::new(Vec::new());
    // A session mostly waits: for processes to start, and rsync's to end.
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let playground = Playground::new();
                loop {
                    let question = questions.lock().expect("no panic").next();
                    let Some(question) = question else { break };
                    let found = compare(&playground, &question, code);
                    wrong.lock().expect("no panic").extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(
        wrong.is_empty(),
        "{} sessions:\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn split(line: &str) -> Vec<&[u8]> {
    line.split_ascii_whitespace().map(str::as_bytes).collect()
}

/// Lets every pair answer, and tells what is wrong with any of the answers.
fn compare(playground: &Playground, question: &Question, code: i32) -> Vec<String> {
    let peers = peers();
    let (ours, theirs) = (&peers.tidesync, &peers.rsync);
    let line = question.command_line();
    let expected = question.ask(playground, theirs, theirs);
    if expected.ending != format!("exit code {code}") {
        let (ending, words) = (expected.ending, expected.stderr.unordered.join("\n  "));
        return vec![format!(
            "rsync itself: {line}\n  {ending}, expected {code}\n  {words}\n"
        )];
    }
    let mut wrong = Vec::new();
    let mut try_pairs =
        |reference: (&Peer, &Peer), expected: &Outcome, pairs: &[(&Peer, &Peer)]| {
            for (client, server) in pairs {
                let got = question.ask(playground, client, server);
                let ask_again = || question.ask(playground, reference.0, reference.1);
                let found = judge(expected, &got, ask_again);
                wrong.extend(verdict(client, server, &line, &found));
            }
        };
    let pairs = [(ours, theirs), (theirs, ours), (ours, ours)];
    try_pairs((theirs, theirs), &expected, &pairs);
    for old in &peers.older {
        for (reference, pair) in [((theirs, old), (ours, old)), ((old, theirs), (old, ours))] {
            let expected = question.ask(playground, reference.0, reference.1);
            try_pairs(reference, &expected, &[pair]);
        }
    }
    wrong
}

/// What is wrong, if `found` is how a session of these two differs from one of two rsyncs.
pub fn verdict(client: &Peer, server: &Peer, line: &str, found: &[Difference]) -> Option<String> {
    let pair = format!("{} -> {}", client.name, server.name);
    (!found.is_empty()).then(|| format!("{pair}: {line}\n{}", describe(found)))
}

/// In what `got` differs from every one of rsync's own runs: by a race between its processes, they
/// do not all end alike.
fn judge(expected: &Outcome, got: &Outcome, ask_again: impl Fn() -> Outcome) -> Vec<Difference> {
    let found = differences(expected, got);
    for _ in 0..RSYNC_ASKED_AGAIN {
        if found.is_empty() {
            break;
        }
        let again = ask_again();
        if !again.is_useless() && differences(&again, got).is_empty() {
            return Vec::new();
        }
    }
    found
}

fn describe(found: &[Difference]) -> String {
    let one = |difference: &Difference| {
        format!(
            "  {} (- expected, + got):\n{}",
            difference.aspect, difference.text
        )
    };
    found.iter().map(one).collect()
}
