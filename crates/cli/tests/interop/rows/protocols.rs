//! The same things said in older protocols.

use crate::matrix::same;
use crate::specimen::Tree;
use crate::trees::{deltas, hard_links, usual};

#[test]
fn of_27() {
    everything_in(27);
}

#[test]
fn of_28() {
    everything_in(28);
}

#[test]
fn of_29() {
    everything_in(29);
}

#[test]
fn of_30() {
    everything_in(30);
}

#[test]
fn of_31() {
    everything_in(31);
}

#[test]
fn of_32() {
    everything_in(32);
}

fn everything_in(protocol: u8) {
    let try_all = |tree: &Tree, options: &[&str]| {
        let line = |options: &&str| format!("{options} --protocol={protocol} src/ dst/");
        let lines: Vec<String> = options.iter().map(line).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        same(tree, &lines);
    };
    try_all(
        &usual(),
        &[
            "-ai",
            "-ai --delete",
            "-aic --delete-after --exclude=*.o",
            "-ain --delete",
        ],
    );
    // Before 29 each process tells names when it comes to them: how their lines mix is a matter of luck.
    let verbose = if protocol < 29 { "-a" } else { "-av" };
    try_all(&usual(), &[&format!("{verbose} --stats --delete")]);
    try_all(&deltas(), &["-ai --no-W --stats"]);
    try_all(&hard_links(), &["-aiH", "-aHR"]);
}
