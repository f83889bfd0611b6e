//! What a file has besides its content.

use crate::matrix::same;
use crate::power::Power;
use crate::specimen::Tree;
use crate::trees::usual;

/// Owners that have names, and numbers that have none.
fn owned() -> Tree {
    let mut tree = usual()
        .file("src/set", "id")
        .mode(0o6755)
        .dir("src/sticky")
        .mode(0o1777)
        .file("src/before", "1970")
        .mtime(-1_000_000, 0)
        .file("src/late", "2065")
        .mtime(3_000_000_000, 5);
    if Power::of_this_process() == Power::Root {
        for (node, owner) in tree.nodes.iter_mut().zip(
            [(0, 0), (1, 1), (54_321, 54_322), (2, 65_534), (0, 7)]
                .iter()
                .cycle(),
        ) {
            node.owner = Some(*owner);
        }
    }
    tree
}

#[test]
fn owners_and_modes() {
    same(
        &owned(),
        &[
            "-ai src/ dst/",
            "-ai --numeric-ids src/ dst/",
            "-rlti src/ dst/",
            "-rltpi src/ dst/",
            "-rltEi src/ dst/",
            "-ai --no-o --no-g src/ dst/",
            "-ai --protocol=29 src/ fresh",
        ],
    );
}

#[test]
fn owners_changed() {
    if Power::of_this_process() == Power::Root {
        same(
            &owned(),
            &[
                "-ai --chown=daemon:bin src/ dst/",
                "-ai --usermap=54321:daemon,bin:sys --groupmap=*:54321 src/ dst/",
                "-ai --numeric-ids --usermap=1-5:9 src/ dst/",
            ],
        );
    }
}

#[test]
fn modes_changed() {
    same(
        &owned(),
        &[
            "-ai --chmod=D711,Fgo-rwx src/ dst/",
            "-rti --chmod=u=rwX,go= src/ dst/",
            "-ai --chmod=a+w --no-p src/ fresh",
        ],
    );
}

#[test]
fn times() {
    same(
        &owned(),
        &[
            "-rlpi src/ dst/",
            "-aiO src/ dst/",
            "-aiJ src/ dst/",
            "-ai -@2 src/ dst/",
            "-ai -@-1 src/ dst/",
        ],
    );
}

#[test]
fn times_of_access() {
    same(
        &usual(),
        &[
            "-aiU src/ dst/",
            "-aiUU src/ dst/",
            "-aiUH --open-noatime src/ fresh",
            "-aiU --protocol=29 src/ dst/",
            "-aU --list-only src/ dst/",
        ],
    );
}
