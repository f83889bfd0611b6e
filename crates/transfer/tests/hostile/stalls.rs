//! Peers that say nothing, or take nothing.

use crate::peer::{DIR, FILE, Script, Step, World};
use crate::senders::REQUEST;
use std::fs;
use transfer::Fatal;
use wire::CompatFlags;
use wire::message::MessageCode;

fn server() -> Script {
    Script::server(CompatFlags::default())
}

#[test]
fn a_silent_peer_ends_with_the_timeout() {
    let words = "io timeout after 1 seconds -- exiting";
    let hello = 32i32.to_le_bytes().to_vec();
    for (what, steps) in [
        ("nothing", vec![Step::Hang]),
        ("half a version", vec![Step::Send(vec![32, 0]), Step::Hang]),
        ("a version", vec![Step::Send(hello), Step::Hang]),
        ("a handshake", server().step(Step::Hang).steps()),
        (
            "half a list",
            server().entry("a", FILE).step(Step::Hang).steps(),
        ),
        (
            "a list",
            server().entry("a", FILE).end().step(Step::Hang).steps(),
        ),
    ] {
        let world = World::new();
        let options = ["-r", "--no-inc-recursive", "--timeout=1"];
        let ended = world.pull_over(&options, "dir/", steps, false);
        ended.expect(what, Fatal::Timeout, words);
        world.expect_untouched(what);
        world.leave_behind();
    }
}

#[test]
fn a_server_s_client_that_is_silent() {
    for (what, steps) in [
        ("no filters", Script::client().step(Step::Hang).steps()),
        (
            "no requests",
            Script::client().no_filters().step(Step::Hang).steps(),
        ),
    ] {
        let world = World::new();
        let ended = world.send_over(&["-r", "--timeout=1"], steps, false);
        ended.expect(what, Fatal::Timeout, "[sender] io timeout after 1 seconds");
        world.leave_behind();
    }
}

#[test]
fn a_peer_that_takes_nothing() {
    let world = World::new();
    fs::write(world.root().join("large"), vec![7; 20_000_000]).unwrap();
    let script = Script::client()
        .no_filters()
        .transfer(1)
        .head(0, 0, 0, 0)
        .transfer(2)
        .head(0, 0, 0, 0)
        .step(Step::Hang);
    let options = ["-r", "--no-inc-recursive", "--timeout=1"];
    let ended = world.send_over(&options, script.steps(), true);
    ended.expect("takes nothing", Fatal::Timeout, "io timeout");

    let script = server()
        .entry(".", DIR)
        .entry("a", FILE)
        .end()
        .step(Step::Hang);
    let ended = world.pull_over(&options, "dir/", script.steps(), true);
    ended.expect("takes nothing", Fatal::Timeout, "io timeout");
    fs::remove_file(world.root().join("large")).unwrap();
    world.leave_behind();
}

#[test]
fn a_peer_that_takes_nothing_and_breaks_off() {
    let world = World::new();
    let script = server().entry("../a", FILE).end();
    let options = ["-r", "--no-inc-recursive"];
    let ended = world.pull_over(&options, "dir/", script.steps(), true);
    ended.expect("breaks off", Fatal::Unsupported, "unsafe pathname");
}

#[test]
fn a_server_s_shorter_timeout_is_taken() {
    let world = World::new();
    let script = server()
        .message(MessageCode::IoTimeout, &1i32.to_le_bytes())
        .step(Step::Hang);
    let ended = world.pull(&["-r"], "dir/", script);
    ended.expect("the server's", Fatal::Timeout, "io timeout after 1 seconds");
    world.leave_behind();
}

#[test]
fn content_that_never_ends_fills_no_memory() {
    // As much as it likes goes to the disk, as with any rsync, but what is put together in memory
    // is small.
    let world = World::new();
    let piece = [&32_768i32.to_le_bytes()[..], &[3; 32_768]].concat();
    let script = server().entry("a", FILE).end();
    let script = (0..400).fold(
        script
            .step(Step::Await(REQUEST))
            .transfer(0)
            .head(0, 0, 0, 0),
        |script, _| script.bytes(&piece),
    );
    let ended = world.pull(&["-r", "--no-inc-recursive"], "dir/", script);
    let words = "connection unexpectedly closed";
    ended.expect("a file without an end", Fatal::StreamIo, words);
    world.expect_untouched("a file without an end");
}
