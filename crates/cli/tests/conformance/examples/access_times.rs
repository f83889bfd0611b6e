//! Times of access: preserved (`-U`), and left alone (`--open-noatime`). Trees are made with those of
//! their modification.

use super::{same, usual};

#[test]
fn preserved() {
    let tree = usual()
        .file("src/read", "read")
        .mtime(1_200_000_000, 0)
        .file("dst/read", "read")
        .mtime(1_300_000_000, 0);
    for options in [
        "-aiU",
        "-aiUvv",
        "-rliU",
        "-aiUJ",
        "-aiUn",
        "-aiUc",
        "-aiUb",
        "-aiU --no-W",
    ] {
        same(&tree, &format!("{options} src/ dst/"), 0);
    }
    same(&tree, "-aiUU --delay-updates src/ dst/", 0);
    same(&tree, "-iU --size-only -r src/ dst/", 0);
    same(&tree, "-aiU -@-1 src/ dst/", 0);
}

#[test]
fn listed() {
    same(&usual(), "-aU --list-only src/", 0);
    same(&usual(), "-aU --no-h src/", 0);
}

#[test]
fn of_creation_cannot_be() {
    for options in ["-aN", "--crtimes"] {
        same(&usual(), &format!("{options} src/ dst/"), 1);
    }
    same(
        &usual(),
        "-ai --no-N --no-crtimes --no-U --no-open-noatime src/ dst/",
        0,
    );
}
