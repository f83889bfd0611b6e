//! Peers that receive: requests for what is not there, sums that cost, filters.

use crate::peer::{Script, Step, World, framed};
use std::fs;
use std::time::{Duration, Instant};
use transfer::Fatal;
use wire::Ndx;
use wire::message::MessageCode;

const SEND: &[&str] = &["-rlt", "--no-inc-recursive"];

/// A client that is through with filters.
fn client() -> Script {
    Script::client().no_filters()
}

#[test]
fn requests_for_what_is_not_there() {
    for (what, script, words) in [
        (
            "number",
            client().transfer(99).head(0, 0, 0, 0),
            "Invalid file index: 99 [sender]",
        ),
        ("list", client().number(Ndx::List(0)), "Invalid file index"),
        (
            "list end",
            client().number(Ndx::ListEnd),
            "Invalid file index",
        ),
        (
            "count",
            client().transfer(1).head(-5, 700, 2, 0),
            "Invalid checksum count -5",
        ),
        (
            "strong",
            client().transfer(1).head(1, 700, 99, 0),
            "Invalid checksum length 99",
        ),
        (
            "late",
            client()
                .number(Ndx::Done)
                .number(Ndx::Done)
                .transfer(1)
                .head(0, 0, 0, 0),
            "got transfer request in phase 2",
        ),
    ] {
        let world = World::new();
        let ended = world.send(SEND, script);
        ended.expect(what, Fatal::Protocol, words);
    }
}

#[test]
fn a_directory_is_not_sent_as_a_file() {
    let world = World::new();
    fs::create_dir(world.root().join("d")).unwrap();
    for number in 0..4 {
        let ended = world.send(SEND, client().transfer(number).head(0, 0, 0, 0));
        assert!(ended.kind().is_some(), "{number}: {ended:?}");
    }
}

#[test]
fn sums_that_never_come() {
    let world = World::new();
    let ended = world.send(SEND, client().transfer(1).head(i32::MAX, 1 << 17, 16, 0));
    assert!(
        matches!(ended.kind(), Some(Fatal::StreamIo | Fatal::Protocol)),
        "{ended:?}"
    );
}

#[test]
fn sums_that_all_look_the_same() {
    let world = World::new();
    let zeros = vec![0; 300_000];
    fs::write(world.root().join("zeros"), &zeros).unwrap();
    const BLOCKS: i32 = 200_000;
    let mut sums = Vec::new();
    for block in 0..BLOCKS {
        // The weak sum of zeros, and a strong one that is not theirs.
        sums.extend(0i32.to_le_bytes());
        sums.extend((block | 1 << 30).to_le_bytes());
    }
    // `.`, then the files by name.
    let script = client().transfer(2).head(BLOCKS, 700, 4, 0).bytes(&sums);
    let began = Instant::now();
    let ended = world.send(SEND, script);
    ended.expect(
        "equal sums",
        Fatal::StreamIo,
        "connection unexpectedly closed",
    );
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn more_is_done_than_there_are_phases() {
    let world = World::new();
    let script = client().for_ever(&[0]);
    let ended = world.send(SEND, script);
    assert!(
        matches!(ended.kind(), None | Some(Fatal::Protocol)),
        "{ended:?}"
    );
}

#[test]
fn success_that_is_told_again_and_again() {
    let world = World::new();
    let told = [&MessageCode::Success.header(4)[..], &1i32.to_le_bytes()].concat();
    let script = client().step(Step::Send(told.repeat(100_000)));
    let ended = world.send(&[SEND, &["--remove-source-files"]].concat(), script);
    assert!(ended.kind().is_some(), "{:?}", ended.outcome);
}

#[test]
fn a_source_is_not_removed_without_a_transfer() {
    let world = World::new();
    let script = client()
        .message(MessageCode::Success, &1i32.to_le_bytes())
        .message(MessageCode::Success, &0i32.to_le_bytes())
        .message(MessageCode::Success, &(-4i32).to_le_bytes())
        .message(MessageCode::Success, &77i32.to_le_bytes());
    world.send(&[SEND, &["--remove-source-files"]].concat(), script);
    assert!(world.root().is_dir());
}

#[test]
fn a_source_is_not_removed_unless_that_was_asked_for() {
    let world = World::new();
    let kept = world.root().join("kept");
    fs::write(&kept, "kept").unwrap();
    let script = (0..5i32).fold(client(), |script, number| {
        script.message(MessageCode::Success, &number.to_le_bytes())
    });
    world.send(SEND, script);
    assert!(kept.is_file());
}

#[test]
fn filters_without_bounds() {
    for (what, bytes) in [
        ("length", i32::MAX.to_le_bytes().to_vec()),
        ("negative", (-1i32).to_le_bytes().to_vec()),
        ("nonsense", [&5i32.to_le_bytes()[..], b"?????"].concat()),
    ] {
        let world = World::new();
        let ended = world.send(SEND, Script::client().bytes(&bytes));
        assert!(
            matches!(
                ended.kind(),
                Some(Fatal::Protocol | Fatal::Syntax | Fatal::StreamIo)
            ),
            "{what}: {ended:?}"
        );
    }
    let rule = [&4i32.to_le_bytes()[..], b"- *a"].concat();
    let world = World::new();
    let many = framed(&rule.repeat(1000));
    let ended = world.send(SEND, Script::client().step(Step::Repeat(many)));
    ended.expect("many", Fatal::Protocol, "too many filter rules");
}

#[test]
fn a_pattern_of_stars_takes_no_time() {
    let world = World::new();
    fs::write(world.root().join("a".repeat(200)), b"").unwrap();
    let pattern = format!("- {}b", "*a".repeat(90));
    let rule = [
        &(pattern.len() as i32).to_le_bytes()[..],
        pattern.as_bytes(),
    ]
    .concat();
    let began = Instant::now();
    let ended = world.send(SEND, Script::client().bytes(&rule).no_filters());
    ended.expect("stars", Fatal::StreamIo, "connection unexpectedly closed");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}
