//! What one program writes into a batch file, another can read.

use crate::matrix::verdict;
use crate::outcome::{Difference, Outcome, differences};
use crate::peer::{Peer, peers};
use crate::playground::Playground;
use crate::session::{Question, Way};
use crate::specimen::Tree;
use crate::trees::{deltas, hard_links, usual};

/// Outside of the tree, which is built anew for the reader.
const WRITE: &[u8] = b"--write-batch=../batch";
const ONLY_WRITE: &[u8] = b"--only-write-batch=../batch";

#[cfg(target_os = "linux")]
#[test]
fn extended_attributes_are_written_down() {
    use crate::compared::attributed::{attributed, guarded};
    let mut wrong = Vec::new();
    pass_on(&guarded(), Way::Push, &[b"-aiA", WRITE], &mut wrong);
    // Out of a batch, rsync's generator may look at attributes while its receiver removes them.
    let mut tree = attributed();
    let older = tree.nodes.iter_mut().filter(|n| n.path.starts_with(b"dst"));
    older.for_each(|node| node.xattrs.clear());
    for write in [WRITE, ONLY_WRITE] {
        for way in [Way::AsWritten, Way::Push, Way::Pull] {
            pass_on(&tree, way, &[b"-aiX", write], &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn written_by_one_and_read_by_another() {
    let mut wrong = Vec::new();
    for write in [WRITE, ONLY_WRITE] {
        for way in [Way::AsWritten, Way::Push, Way::Pull] {
            pass_on(&usual(), way, &[b"-ai", b"--delete", write], &mut wrong);
        }
    }
    pass_on(
        &deltas(),
        Way::Push,
        &[b"-ai", b"--no-W", WRITE],
        &mut wrong,
    );
    pass_on(&deltas(), Way::Pull, &[b"-aiz", WRITE], &mut wrong);
    pass_on(
        &hard_links(),
        Way::AsWritten,
        &[b"-aiH", ONLY_WRITE],
        &mut wrong,
    );
    pass_on(
        &usual(),
        Way::Push,
        &[b"-ai", b"--protocol=29", WRITE],
        &mut wrong,
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lets one write what it does with `options`, and another do it again. What comes of both, with each
/// writer and each reader, must be what comes of it with rsync and rsync.
fn pass_on(tree: &Tree, way: Way, options: &[&[u8]], wrong: &mut Vec<String>) {
    let playground = Playground::new();
    let words = [options, &[b"src/", b"dst/"]].concat();
    let written = Question::new(tree, &words, way);
    let read = [&b"-ai"[..], b"--read-batch=../batch", b"dst/"];
    let read = Question::new(tree, &read, Way::AsWritten);
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
        let found: Vec<Difference> = expected
            .iter()
            .zip(&ask(writer, reader))
            .flat_map(|(expected, got)| differences(expected, got))
            .collect();
        wrong.extend(verdict(writer, reader, &written.command_line(), &found));
    }
}
