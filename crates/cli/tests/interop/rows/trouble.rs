//! Sessions in which something cannot be done, and those that cannot begin.

use crate::matrix::{same, same_code, same_words};
use crate::power::Power;
use crate::session::Way;
use crate::trees::usual;

#[test]
fn missing_sources() {
    same_code(
        &usual(),
        23,
        &[
            "-ai src/none dst/",
            "-ai src/none src/equal dst/",
            "-ai src/none/ src/ fresh",
            "-ai --delete src/ src/none dst/",
            "-aiR src/none src/./equal fresh",
        ],
    );
}

#[test]
fn vanished_sources() {
    // Before anything is sent, its directory is deleted.
    let tree = usual()
        .dir("dst/sub")
        .file("dst/sub/one", "1")
        .file("dst/sub/two", "22");
    same_code(&tree, 24, &["-rti --delete-before dst/sub/ dst/"]);
}

#[test]
fn unreadable_sources() {
    let tree = usual()
        .file("src/secret", "x")
        .mode(0)
        .dir("src/closed")
        .mode(0);
    // Root reads everything.
    let code = match Power::of_this_process() {
        Power::Root => 0,
        Power::User => 23,
    };
    same_code(&tree, code, &["-ai src/ fresh", "-ai --delete src/ dst/"]);
}

#[test]
fn a_destination_that_is_not_there() {
    same(
        &usual(),
        &[
            "-ai src/ fresh",
            "-ai src/equal fresh",
            "-ain src/ fresh",
            "-ai src/equal fresh/",
        ],
    );
    same_code(&usual(), 11, &["-ai src/ none/deeper"]);
    same_code(&usual(), 3, &["-ai src/dir src/equal dst/changed"]);
    same_code(&usual(), 3, &["-ai src/ dst/changed"]);
}

#[test]
fn a_directory_in_the_way() {
    let tree = usual().dir("dst/new file").file("dst/new file/x", "x");
    same_code(&tree, 23, &["-ai src/ dst/"]);
}

#[test]
fn options_that_are_refused() {
    same_code(
        &usual(),
        1,
        &[
            "-ai --bogus src/ dst/",
            "-ai --delete-before --delete-after src/ dst/",
            "-ai --max-size=big src/ dst/",
        ],
    );
    same_code(&usual(), 12, &["-ai -M--bogus src/ dst/"]);
}

#[test]
fn no_program_there() {
    // What stands in for it reads the client's first word: whether that finds a reader must not hang
    // on who is faster.
    let words: [&[u8]; 4] = [
        b"-ai",
        b"--rsync-path=head -c4 >greeting; true",
        b"src/",
        b"dst/",
    ];
    same_words(&usual(), 12, &[Way::Push, Way::Pull], &[words.to_vec()]);
}
