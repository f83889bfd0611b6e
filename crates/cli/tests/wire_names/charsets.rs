//! `--iconv`: each side has names in a character set of its own.

use crate::playground::{Playground, Way, pairs};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;

/// Letters of ISO 8859-1, which do not sort as their bytes in UTF-8 do beside others.
const NAMES: [&str; 9] = [
    "a\u{e9}",
    "z",
    "\u{e9}",
    "\u{ff}/x",
    "\u{e4}/\u{f6}/\u{fc}",
    "b/y",
    "n\u{c3}",
    "\u{e9}d/q",
    "zd/\u{e9}",
];

fn latin1(name: &str) -> OsString {
    OsString::from_vec(name.chars().map(|c| u32::from(c) as u8).collect())
}

fn utf8(name: &str) -> OsString {
    name.into()
}

fn in_dir(dir: &str, name: OsString) -> OsString {
    let mut path = OsString::from(dir);
    path.push(name);
    path
}

/// The same files under names of both sets, and symbolic links to them.
fn playground() -> Playground {
    let play = Playground::new();
    for (dir, encode) in [("utf8/", utf8 as fn(&str) -> OsString), ("latin1/", latin1)] {
        for name in NAMES {
            play.write_text(in_dir(dir, encode(name)), name.as_bytes());
        }
        symlink(encode("a\u{e9}"), play.path(dir).join("link")).unwrap();
    }
    play
}

/// The option for a source of one set and a destination of the other.
fn option(way: Way, from: &str, to: &str) -> String {
    match way {
        Way::Push => format!("--iconv={from},{to}"),
        Way::Pull => format!("--iconv={to},{from}"),
    }
}

#[test]
fn names_and_links_are_converted() {
    let play = playground();
    let options = [
        &[][..],
        &["--no-inc-recursive"],
        &["--delete", "-c"],
        &["--protocol=30"],
        &["--protocol=29"],
        &["--protocol=28"],
        &["-s"],
    ];
    for pair in pairs() {
        for (from, to) in [("utf8", "latin1"), ("latin1", "utf8")] {
            for way in [Way::Push, Way::Pull] {
                for more in options {
                    play.clear("dst");
                    // Some of it is there already, and something else.
                    fs::write(play.path("dst").join(latin1("\u{e8}")), "").unwrap();
                    let iconv = option(way, from, to);
                    let options = [&["-rlt", &*iconv][..], more].concat();
                    let source = format!("{from}/");
                    play.succeed(&pair, way, &options, &source, "dst/");
                    let mut expected = play.tree(to);
                    if !more.contains(&"--delete") {
                        expected.insert(latin1("\u{e8}"), Vec::new());
                    }
                    // Links are converted from protocol 30 on.
                    if more.iter().any(|option| option.starts_with("--protocol=2")) {
                        let target = play.tree(from)[&OsString::from("link")].clone();
                        expected.insert("link".into(), target);
                    }
                    let context = format!("{pair:?} {way:?} {options:?}");
                    assert_eq!(play.tree("dst"), expected, "{context}");
                }
            }
        }
    }
}

#[test]
fn a_copy_within_this_computer_is_converted_too() {
    let play = playground();
    for (from, to) in [("utf8", "latin1"), ("latin1", "utf8")] {
        play.clear("dst");
        play.write("dst/old");
        let iconv = format!("--iconv={from},{to}");
        play.succeed_here(&["-rlt", "--delete", &iconv, &format!("{from}/"), "dst/"]);
        assert_eq!(play.tree("dst"), play.tree(to), "{iconv}");
    }
}

/// rsync's receiver gives up where a directory has no name, so only ours is asked.
#[test]
fn what_has_no_name_at_the_other_end_is_left_out_and_nothing_deleted() {
    let play = playground();
    for name in ["\u{20ac}", "d\u{20ac}/x", "d\u{20ac}/sub/y", "b/\u{20ac}"] {
        play.write(format!("utf8/{name}"));
    }
    play.write_text(in_dir("utf8/", latin1("broken \u{e9}")), b"");
    let [ours, ours_first, ours_last] = pairs();
    for (pair, way) in [
        (&ours, Way::Push),
        (&ours, Way::Pull),
        (&ours_first, Way::Pull),
        (&ours_last, Way::Push),
    ] {
        for recursion in ["--inc-recursive", "--no-inc-recursive"] {
            play.clear("dst");
            play.write("dst/old");
            let iconv = option(way, "utf8", "latin1");
            let options = ["-rlt", "--delete", recursion, &*iconv];
            let ended = play.run(pair, way, &options, "utf8/", "dst/");
            let context = format!("{pair:?} {way:?} {options:?}: {}", ended.stderr);
            assert_eq!(ended.code, Some(23), "{context}");
            for complaint in ["[sender] cannot convert", "[receiver] cannot convert"] {
                assert!(ended.stderr.contains(complaint), "{context}");
            }
            let mut expected = play.tree("latin1");
            expected.insert("old".into(), b"dst/old".to_vec());
            assert_eq!(play.tree("dst"), expected, "{context}");
        }
    }
}

#[test]
fn arguments_and_lists_are_converted_where_they_are_secluded() {
    let play = playground();
    play.write_text("list", "a\u{e9}\n\u{e4}/\u{f6}/\n\u{ff}/x\n".as_bytes());
    let iconv = "--iconv=utf8,latin1";
    for pair in pairs() {
        for wildcard in ["latin1/\u{e9}*", "latin1/*d"] {
            play.clear("dst");
            play.succeed(&pair, Way::Pull, &["-rts", iconv], wildcard, "dst/");
            let found = play.files("dst");
            assert!(
                found.contains(&"\u{e9}d/q".to_owned()),
                "{pair:?} {found:?}"
            );
        }
        play.clear("dst");
        let options = ["-rts", iconv, "--files-from=list"];
        play.succeed(&pair, Way::Pull, &options, "latin1/", "dst/");
        let expected = ["a\u{e9}", "\u{e4}/\u{f6}/\u{fc}", "\u{ff}/x"];
        assert_eq!(play.files("dst"), expected, "{pair:?}");
    }
}

#[test]
fn a_set_that_nobody_knows_is_refused_by_name() {
    let play = playground();
    let [ours, ..] = pairs();
    // Of a server that has refused, its client sees the end of the stream.
    for (iconv, code) in [("--iconv=ebcdic,utf8", 4), ("--iconv=utf8,ebcdic", 12)] {
        let ended = play.run(&ours, Way::Push, &["-r", iconv], "utf8/", "dst/");
        assert_eq!(ended.code, Some(code), "{iconv}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("character set ebcdic"),
            "{}",
            ended.stderr
        );
    }
}
