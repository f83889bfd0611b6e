//! Both sides of a session through a remote shell that stays on this machine: the client starts it, and
//! it starts the same program as the server. `interop` does so with rsync at either end, on Linux.

use crate::scratch::{Scratch, file_lines, set_time};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::Output;

/// A program that every system has and that runs its arguments but the first few, as a remote shell
/// does; and what it takes for the host.
#[cfg(windows)]
const SHELL: (&str, &str) = ("--rsh=cmd /c", "call:");
#[cfg(not(windows))]
const SHELL: (&str, &str) = ("--rsh=env", "HOST=:");

/// `words`, of which those that begin with `@` are on the other host.
fn remote(scratch: &Scratch, words: &[&str]) -> Output {
    let mut server = OsString::from("--rsync-path=");
    server.push(crate::program::path());
    let words = words.iter().map(|word| match word.strip_prefix('@') {
        Some(path) => [SHELL.1, path].concat().into(),
        None => OsString::from(word),
    });
    scratch.run([SHELL.0.into(), server].into_iter().chain(words))
}

/// Expects success, and returns what was printed, with plain line ends.
fn succeed(scratch: &Scratch, words: &[&str]) -> String {
    let output = remote(scratch, words);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{words:?} {}: {stderr}",
        output.status
    );
    assert_eq!(stderr, "", "nothing to complain of: {words:?}");
    let printed = String::from_utf8(output.stdout).expect("names are UTF-8 here");
    printed.replace("\r\n", "\n")
}

/// A source with some of everything, and a destination that has old, equal and other files.
fn world() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("src/a.txt", "content");
    scratch.write("src/sub/deep/\u{fc}n\u{ef}code", "deeper");
    scratch.write("src/sub/with space", "spaced");
    scratch.write("src/empty", "");
    fs::create_dir(scratch.path("src/empty dir")).unwrap();
    scratch.write("dst/a.txt", "older");
    scratch.write("dst/empty", "");
    scratch.write("dst/gone/x", "not in the source");
    write_large(&scratch.path("src/large"), b"a middle");
    write_large(&scratch.path("dst/large"), b"a different one");
    scratch
}

/// 800 kB, of which the middle is given.
fn write_large(path: &Path, middle: &[u8]) {
    let numbers = |range: std::ops::Range<u32>| range.flat_map(u32::to_le_bytes);
    let content: Vec<u8> = numbers(0..100_000)
        .chain(middle.iter().copied())
        .chain(numbers(100_000..200_000))
        .collect();
    fs::write(path, content).unwrap();
    set_time(path, 1_000_000_000);
}

#[test]
fn a_tree_is_pushed_and_pulled() {
    for (sent, operands) in [("<", ["src/", "@dst/"]), (">", ["@src/", "dst/"])] {
        for options in [
            &["-a"][..],
            &["-az", "--no-inc-recursive"],
            &["-a", "--inplace"],
            &["-aH", "-s"],
            &["-a", "--protocol=29"],
        ] {
            let what = format!("{operands:?} {options:?}");
            let scratch = world();
            let words = [options, &["--delete", "-8i"], &operands].concat();
            let printed = succeed(&scratch, &words);
            assert!(scratch.tree("dst") == scratch.tree("src"), "{what}");
            let mut lines = file_lines(&printed);
            lines.sort_unstable();
            let expected = [
                "*deleting   gone/x",
                &format!("{sent}f+++++++++ sub/deep/\u{fc}n\u{ef}code"),
                &format!("{sent}f+++++++++ sub/with space"),
                &format!("{sent}f.s....... a.txt"),
                &format!("{sent}f.s....... large"),
            ];
            assert_eq!(lines, expected, "{what}");
            assert_eq!(succeed(&scratch, &words), "", "{what}: nothing is left");
        }
    }
}

#[test]
fn most_of_a_large_file_does_not_cross() {
    for operands in [["src/large", "@dst/"], ["@src/large", "dst/"]] {
        let scratch = world();
        let words = [&["-a", "--no-h", "--stats"][..], &operands].concat();
        let printed = succeed(&scratch, &words);
        let matched = printed
            .lines()
            .find_map(|line| line.strip_prefix("Matched data: "));
        let matched = matched.and_then(|rest| rest.split(' ').next()?.parse().ok());
        assert!(matched > Some(790_000), "{operands:?}: {printed}");
        let same = fs::read(scratch.path("src/large")).unwrap()
            == fs::read(scratch.path("dst/large")).unwrap();
        assert!(same, "{operands:?}");
    }
}

#[test]
fn what_is_not_worth_it_is_hardly_compressed() {
    for operands in [["src/text.Gz", "@dst/"], ["@src/text.Gz", "dst/"]] {
        let sent_with = |codec: &str, skip: &str| -> u64 {
            let scratch = Scratch::new();
            scratch.write("src/text.Gz", &"all the same ".repeat(20_000));
            let words = [&["-az", "--no-h", "--stats", codec, skip][..], &operands].concat();
            let printed = succeed(&scratch, &words);
            assert!(scratch.tree("dst") == scratch.tree("src"));
            let bytes = ["Total bytes sent: ", "Total bytes received: "].map(|what| {
                let number = printed.lines().find_map(|line| line.strip_prefix(what));
                number.and_then(|number| number.parse::<u64>().ok())
            });
            let [Some(sent), Some(received)] = bytes else {
                panic!("{printed}")
            };
            sent.max(received)
        };
        for codec in ["--zc=zlib", "--zc=zlibx"] {
            let sent = sent_with(codec, "--skip-compress=bz2");
            assert!(sent < 20_000, "{codec} {operands:?}: {sent}");
            let sent = sent_with(codec, "--skip-compress=bz2/gz");
            assert!(sent > 200_000, "{codec} {operands:?}: {sent}");
        }
    }
}

#[test]
fn absolute_paths_and_wildcards_are_the_servers() {
    let scratch = world();
    // As a person writes one who asks another computer: with slashes, on every system.
    let top = scratch.path("").to_str().unwrap().replace('\\', "/");
    succeed(&scratch, &["-a", "src/", &format!("@{top}pushed")]);
    assert!(scratch.tree("pushed") == scratch.tree("src"));
    succeed(&scratch, &["-a", &format!("@{top}src/"), "pulled"]);
    assert!(scratch.tree("pulled") == scratch.tree("src"));
    // No shell sees these names.
    succeed(
        &scratch,
        &["-as", "@src/s*/*space", "@src/[a-b].txt", "found"],
    );
    assert_eq!(scratch.read("found/with space"), "spaced");
    assert_eq!(scratch.read("found/a.txt"), "content");
}

#[test]
fn what_the_server_cannot_do_is_told_and_counts() {
    let scratch = world();
    let output = remote(&scratch, &["-a", "@none", "dst/"]);
    assert_eq!(output.status.code(), Some(23));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("none\" failed: "), "{stderr}");
    let output = remote(&scratch, &["-a", "src/", "@a/b/c"]);
    assert_eq!(output.status.code(), Some(11), "{output:?}");
    let output = scratch.run(["--rsh=./no such shell", "-a", "src/", "host:dst"].map(OsStr::new));
    assert_eq!(output.status.code(), Some(14), "{output:?}");
}

#[test]
fn a_session_is_written_down_and_played_again() {
    let scratch = world();
    scratch.succeed(["-a", "--write-batch=batch", "src/", "first"]);
    assert!(scratch.tree("first") == scratch.tree("src"));
    scratch.succeed(["-a", "--read-batch=batch", "second"]);
    assert!(scratch.tree("second") == scratch.tree("src"));
    // What crosses is what one destination lacks: one like it lacks the same.
    scratch.succeed(["-a", "dst/", "like it"]);
    succeed(&scratch, &["-a", "--write-batch=changes", "@src/", "dst/"]);
    scratch.succeed(["-a", "--read-batch=changes", "like it"]);
    assert!(scratch.tree("like it") == scratch.tree("dst"));
    assert_eq!(scratch.read("like it/a.txt"), "content");
}
