//! Each row of the matrix, a tree and a command line, is tried by every pair of programs.

use crate::not_yet;
use crate::outcome::{Difference, Outcome, differences};
use crate::peer::{Peer, peers};
use crate::playground::Playground;
use crate::session::{Question, Way};
use crate::specimen::Tree;

const RSYNC_ASKED_AGAIN: usize = 3;

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
    let playground = Playground::new();
    let mut wrong = Vec::new();
    for words in rows {
        for &way in ways {
            let question = Question::new(tree, words, way);
            compare(&playground, &question, code, &mut wrong);
        }
    }
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

/// Lets every pair answer, and adds what is wrong with any of the answers.
fn compare(playground: &Playground, question: &Question, code: i32, wrong: &mut Vec<String>) {
    let peers = peers();
    let (ours, theirs) = (&peers.tidesync, &peers.rsync);
    let line = question.command_line();
    let mut round = |other: &Peer, reference: (&Peer, &Peer), pairs: &[(&Peer, &Peer)]| {
        let ask_reference = || question.ask(playground, reference.0, reference.1);
        let expected = ask_reference();
        if expected.ending != format!("exit code {code}") {
            let what = &expected.stderr.unordered;
            wrong.push(format!(
                "rsync and {}: {line}\n  {}, expected {code}: {what:?}\n",
                other.name, expected.ending
            ));
            return;
        }
        for (client, server) in pairs {
            let got = question.ask(playground, client, server);
            let found = judge(&expected, &got, ask_reference);
            let excuse = not_yet::reason(&client.name, &server.name, &line);
            match (found.is_empty(), excuse) {
                (true, None) | (false, Some(_)) => {}
                (true, Some(_)) => wrong.push(format!(
                    "{} -> {}: {line}\n  works; take it out of not_yet.rs\n",
                    client.name, server.name
                )),
                (false, None) => wrong.push(format!(
                    "{} -> {}: {line}\n{}",
                    client.name,
                    server.name,
                    describe(&found)
                )),
            }
        }
    };
    round(
        theirs,
        (theirs, theirs),
        &[(ours, theirs), (theirs, ours), (ours, ours)],
    );
    for old in &peers.older {
        round(old, (theirs, old), &[(ours, old)]);
        round(old, (old, theirs), &[(old, ours)]);
    }
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
