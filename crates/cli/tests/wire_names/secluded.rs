//! Arguments that no shell sees (`-s`): their wildcards are the server's to expand.

use crate::playground::{Playground, Way, pairs};

const NAMES: [&str; 8] = [
    "a b",
    "c*d",
    "cxd",
    ".hidden",
    "it's",
    "$HOME",
    "d 1/sub/y",
    "[x]",
];

fn playground() -> Playground {
    let play = Playground::new();
    for name in NAMES {
        play.write(format!("s q/{name}"));
    }
    play
}

#[test]
fn the_server_expands_wildcards() {
    let play = playground();
    for (pattern, found) in [
        ("s q/c[*]d", &["c*d"][..]),
        ("s q/c*d", &["c*d", "cxd"]),
        ("s q/?h*n", &[".hidden"]),
        ("s q/d */", &["sub/y"]),
        ("s q/*/sub", &["sub/y"]),
        ("s q/it's", &["it's"]),
        ("s q/$HOME", &["$HOME"]),
        ("s q/[[]x]", &["[x]"]),
        ("s q/[[]y]", &[]),
    ] {
        for pair in pairs() {
            play.clear("dst");
            let ended = play.run(&pair, Way::Pull, &["-rts"], pattern, "dst/");
            let code = if found.is_empty() { 23 } else { 0 };
            assert_eq!(
                ended.code,
                Some(code),
                "{pair:?} {pattern}: {}",
                ended.stderr
            );
            assert_eq!(play.files("dst"), found, "{pair:?} {pattern}");
        }
    }
}

#[test]
fn nothing_is_special_in_a_destination() {
    let play = playground();
    for destination in ["dst/x y", "dst/new*", "dst/$y 'z'"] {
        for pair in pairs() {
            play.clear("dst");
            let options = [
                "-rts",
                "--backup-dir=b u",
                "--suffix=~ x",
                "--partial-dir=p t",
            ];
            play.succeed(&pair, Way::Push, &options, "s q/", destination);
            let context = format!("{pair:?} {destination}");
            assert_eq!(play.tree(destination), play.tree("s q"), "{context}");
        }
    }
}
