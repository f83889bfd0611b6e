//! What one program writes into a batch file, another can read.

use crate::command_line::as_typed;
use crate::outcome::{Outcome, differences};
use crate::peer::{Peer, peers};
use crate::playground::Playground;
use crate::session::{Question, Way};
use crate::specimen::Tree;
use crate::trees::{deltas, hard_links, usual};

/// Outside of the tree, which is built anew for the reader.
const WRITE: &[u8] = b"--write-batch=../batch";
const ONLY_WRITE: &[u8] = b"--only-write-batch=../batch";

#[test]
fn written_by_one_and_read_by_another() {
    for write in [WRITE, ONLY_WRITE] {
        for way in [Way::AsWritten, Way::Push, Way::Pull] {
            pass_on(&usual(), way, &[b"-ai", b"--delete", write]);
        }
    }
    pass_on(&deltas(), Way::Push, &[b"-ai", b"--no-W", WRITE]);
    pass_on(&deltas(), Way::Pull, &[b"-aiz", WRITE]);
    pass_on(&hard_links(), Way::AsWritten, &[b"-aiH", ONLY_WRITE]);
    pass_on(&usual(), Way::Push, &[b"-ai", b"--protocol=29", WRITE]);
}

/// Asserts that with each writer and each reader both sessions end as with rsync and rsync.
fn pass_on(tree: &Tree, way: Way, options: &[&[u8]]) {
    let playground = Playground::new();
    let words = [options, &[b"src/", b"dst/"]].concat();
    let written = Question::new(tree, &words, way);
    let read = Question::new(tree, &[b"-ai", b"--read-batch=../batch", b"dst/"], Way::AsWritten);
    let (ours, theirs) = (&peers().tidesync, &peers().rsync);
    let ask = |writer: &Peer, reader: &Peer| -> [Outcome; 2] {
        let written = written.ask(&playground, writer, theirs);
        [written, read.ask(&playground, reader, theirs)]
    };
    let expected = ask(theirs, theirs);
    for outcome in &expected {
        assert_eq!(outcome.ending, "exit code 0", "rsync itself: {outcome:?}");
    }
    for (writer, reader) in [(ours, theirs), (theirs, ours), (ours, ours)] {
        let got = ask(writer, reader);
        for (step, (expected, got)) in ["writing", "reading"].iter().zip(expected.iter().zip(&got))
        {
            let found = differences(expected, got);
            let text: String = found.iter().map(|d| d.text.as_str()).collect();
            assert!(
                found.is_empty(),
                "{step}, by {} and {}:{} ({way:?})\n{text}",
                writer.name,
                reader.name,
                as_typed(&written.words)
            );
        }
    }
}
