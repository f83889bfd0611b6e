//! Which names are asked for, and how they get there whole.

use crate::matrix::{same, same_as_written, same_code, same_words};
use crate::session::Way;
use crate::trees::{listed, odd_names, usual};

const BOTH: [Way; 2] = [Way::Push, Way::Pull];

#[test]
fn relative() {
    same(
        &usual(),
        &[
            "-aiR src/dir/a.txt fresh",
            "-aiR src/./dir/deep/file fresh",
            "-aiR src/dir/./deep src/./equal dst/",
            "-aiR --no-implied-dirs src/dir/deep fresh",
            "-aiR --delete src/./dir dst/",
            "-aiR ./src/dir/ fresh",
            "-ai --no-R src/dir/a.txt fresh",
        ],
    );
}

#[test]
fn from_a_list() {
    for side in ["", ":", "h:"] {
        same(
            &listed(),
            &[
                &format!("-ai --files-from={side}list src/ fresh"),
                &format!("-ai0 --files-from={side}list0 src/ dst/"),
                &format!("-ai --files-from={side}crlf src/ dst/"),
                &format!("-air --delete --files-from={side}list src/ dst/"),
                &format!("-ai --no-R --files-from={side}list src/ fresh"),
                &format!("-ais --files-from={side}list src/ fresh"),
            ],
        );
        same_code(
            &listed(),
            23,
            &[&format!("-ai --files-from={side}gone src/ fresh")],
        );
    }
}

#[test]
fn from_a_list_with_comments() {
    // Whoever has the list takes comments out, if it is at that side that it is read.
    same_as_written(
        &listed(),
        0,
        &[
            "-ai --files-from=told src/ h:fresh",
            "-ai --files-from=:told h:src/ fresh",
        ],
    );
    same_as_written(
        &listed(),
        23,
        &[
            "-ai --files-from=told h:src/ fresh",
            "-ai --files-from=:told src/ h:fresh",
        ],
    );
}

#[test]
fn several_sources() {
    same(
        &usual(),
        &[
            "-ai src/dir src/equal src/link dst/",
            "-ai src/dir/ src/equal fresh",
            "-rti src/dir src/dir fresh",
        ],
    );
    same_as_written(
        &usual(),
        0,
        &[
            "-ai h:src/dir :src/equal h:src/link dst/",
            "-ai h:src/dir/ :src/ dst/",
        ],
    );
    same_as_written(
        &usual(),
        1,
        &["-ai h:src/dir src/equal dst/", "-ai h:src/dir h:dst/"],
    );
}

#[test]
fn of_any_bytes() {
    same(
        &odd_names(),
        &[
            "-ai src/ dst/",
            "-ais --delete src/ dst/",
            "-ai8 --delete src/ dst/",
            "-v -a src/ fresh",
            "-ai --old-args src/ dst/",
            "-ai --protocol=29 src/ fresh",
        ],
    );
}

#[test]
fn of_any_bytes_as_operands() {
    let names: [&[u8]; 8] = [
        b"src/with space",
        b"src/qu'ote",
        b"src/dou\"ble",
        b"src/back\\slash",
        b"src/se;mi&co|lon",
        b"src/\xff\xfe not UTF-8",
        b"src/d with space/",
        "src/ümläut €".as_bytes(),
    ];
    for name in names {
        same_words(
            &odd_names(),
            0,
            &BOTH,
            &[
                vec![b"-ai", name, b"fresh dir/"],
                vec![b"-ais", name, b"fresh'dir/"],
            ],
        );
    }
    // Where a shell reads them, rsync 3.5.0 loses the end of the line, and 3.2.7 the quote.
    for name in [&b"src/new\nline"[..], b"src/dol$HOME`lar"] {
        same_words(&odd_names(), 0, &BOTH, &[vec![b"-ais", name, b"fresh"]]);
    }
    same_words(
        &odd_names(),
        0,
        &BOTH,
        &[vec![
            b"-ai",
            b"src/d with space",
            b"src/co:lon",
            b"fresh;dir",
        ]],
    );
}

#[test]
fn with_wildcards() {
    same_as_written(
        &usual(),
        0,
        &[
            "-ai h:src/*e* dst/",
            "-ai h:src/d?r/[ab].* fresh",
            "-aiR h:src/*/*.txt fresh",
            "-ai --old-args h:src/*e* dst/",
            "-ais h:src/*e* dst/",
        ],
    );
    same_as_written(&usual(), 23, &["-ai h:src/*none* dst/"]);
    same_words(
        &usual(),
        0,
        &[Way::AsWritten],
        &[vec![
            b"-ai",
            b"--old-args",
            b"h:src/equal src/changed",
            b"dst/",
        ]],
    );
}

#[test]
fn in_another_character_set() {
    same(
        &odd_names().file(b"src/latin \xe4", "x"),
        &["-ai --iconv=. --exclude=*UTF-8* --exclude=latin* src/ fresh"],
    );
    same(
        &usual()
            .file("src/ümläut", "x")
            .symlink("src/to ä", "ümläut"),
        &[
            "-ai --iconv=utf8,latin1 src/ fresh",
            "-ai --iconv=utf8,latin1 --delete src/ dst/",
            "-ai --iconv=- src/ fresh",
            "-ais --iconv=utf8,latin1 src/ fresh",
        ],
    );
}
