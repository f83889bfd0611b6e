//! `--files-from`, at either end.

use crate::playground::{Pair, Playground, Way, pairs};

const NAMES: [&str; 7] = [
    "a",
    "b",
    "with space",
    "#hash",
    "dir/x",
    "dir/sub/y",
    "other/z",
];
/// What is a comment where the sender reads a file.
const LIST: &str = "a\n#hash\n\nwith space\r\ndir/sub/\nother/z";
/// Without `-r`, a directory with a slash is listed with what is directly in it.
const LISTED: [&str; 4] = ["a", "dir/sub/y", "other/z", "with space"];

fn playground() -> Playground {
    let play = Playground::new();
    for name in NAMES {
        play.write(format!("src/{name}"));
    }
    play.write_text("list", LIST.as_bytes());
    play.write_text(
        "list0",
        LIST.replace('\n', "\0").replace('\r', "").as_bytes(),
    );
    play
}

/// A list that is at the sender's end has comments.
fn expected(way: Way, is_there: bool) -> Vec<&'static str> {
    let forwarded = is_there == (way == Way::Push);
    let mut names = LISTED.to_vec();
    if forwarded {
        names.push("#hash");
    }
    names.sort_unstable();
    names
}

fn check(play: &Playground, pair: &Pair, options: &[&str]) {
    for way in [Way::Push, Way::Pull] {
        for (is_there, is_zero) in [(false, false), (false, true), (true, false), (true, true)] {
            let list = play.path(if is_zero { "list0" } else { "list" });
            let host = if is_there { ":" } else { "" };
            let from = format!("--files-from={host}{}", list.display());
            let zero: &[&str] = if is_zero { &["-0"] } else { &[] };
            let options = [&[&*from][..], options, zero].concat();
            play.clear("dst");
            // With a slash at its end or without, a source means the same.
            let source = if is_zero { "src" } else { "src/" };
            play.succeed(pair, way, &options, source, "dst/");
            let context = format!("{pair:?} {way:?} {options:?}");
            assert_eq!(play.files("dst"), expected(way, is_there), "{context}");
        }
    }
}

#[test]
fn at_either_end_and_by_every_version() {
    let play = playground();
    for pair in pairs() {
        check(&play, &pair, &["-t"]);
        for protocol in [
            "--protocol=31",
            "--protocol=30",
            "--protocol=29",
            "--protocol=27",
        ] {
            check(&play, &pair, &["-t", protocol]);
        }
        check(&play, &pair, &["-rt"]);
        // The client has rules to send, where it does not read.
        check(&play, &pair, &["-rt", "--delete", "--exclude=*.none"]);
        check(&play, &pair, &["-rt", "--protocol=29", "-s"]);
    }
}

/// Names go one way while what is wrong with them comes the other.
#[test]
fn a_list_that_is_long_on_both_ways_does_not_stop() {
    let play = Playground::new();
    play.write("src/last");
    let missing = (0..20_000).map(|n| format!("a name that stands for nothing, number {n}\n"));
    let list: String = missing.chain(["last".to_owned()]).collect();
    play.write_text("list", list.as_bytes());
    for pair in pairs() {
        for protocol in ["--protocol=32", "--protocol=29"] {
            play.clear("dst");
            let options = ["-t", "--files-from=list", protocol];
            let ended = play.run(&pair, Way::Pull, &options, "src/", "dst/");
            assert_eq!(ended.code, Some(23), "{pair:?} {protocol}");
            let complaints = ended.stderr.matches("No such file").count();
            assert_eq!(complaints, 20_000, "{pair:?} {protocol}");
            assert_eq!(play.files("dst"), ["last"], "{pair:?} {protocol}");
        }
    }
}

#[test]
fn a_list_that_cannot_be_read_ends_the_session() {
    let play = playground();
    for pair in pairs() {
        for way in [Way::Push, Way::Pull] {
            for list in ["--files-from=absent", "--files-from=:absent"] {
                let ended = play.run(&pair, way, &["-t", list], "src/", "dst/");
                let context = format!("{pair:?} {way:?} {list}: {}", ended.stderr);
                assert_ne!(ended.code, Some(0), "{context}");
                assert!(ended.stderr.contains("files-from file"), "{context}");
                assert!(play.files("dst").is_empty(), "{context}");
            }
        }
    }
}
