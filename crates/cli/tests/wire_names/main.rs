//! How names reach the other side of a wire: lists of them, wildcards, other character sets. Each
//! session runs between this program and itself, and between this program and rsync, either of them
//! as the client; a script stands for the remote shell.
#![cfg(unix)]
#![forbid(unsafe_code)]

mod charsets;
mod lists;
mod playground;
mod secluded;

use playground::{Playground, Way, pairs};

#[test]
fn what_is_not_there_ends_a_session() {
    let play = Playground::new();
    play.write("src/a");
    for pair in pairs() {
        for protocol in ["--protocol=27", "--protocol=30", "--protocol=32"] {
            for way in [Way::Push, Way::Pull] {
                let ended = play.run(&pair, way, &["-r", protocol], "src/none", "dst/");
                assert_eq!(
                    ended.code,
                    Some(23),
                    "{pair:?} {way:?} {protocol}: {ended:?}"
                );
            }
        }
    }
}

/// Before protocol 29 lists were in another order.
#[test]
fn entries_have_the_numbers_that_old_versions_give_them() {
    let play = Playground::new();
    for name in ["a", "d.c", "d/x", "d/e/y", "d-x/z", "z", "dd/q", "d/zz"] {
        play.write(format!("src/{name}"));
    }
    for pair in pairs() {
        for protocol in ["--protocol=27", "--protocol=28", "--protocol=29"] {
            for way in [Way::Push, Way::Pull] {
                play.clear("dst");
                play.succeed(&pair, way, &["-rt", protocol], "src/", "dst/");
                let context = format!("{pair:?} {way:?} {protocol}");
                assert_eq!(play.tree("dst"), play.tree("src"), "{context}");
            }
        }
    }
}
