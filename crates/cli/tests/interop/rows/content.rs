//! How the content of files gets across, and how it is checked.

use crate::matrix::same;
use crate::trees::{deltas, usual};

#[test]
fn whole_files() {
    same(
        &usual(),
        &[
            "-ai src/ fresh/",
            "-aiW src/ dst/",
            "-ai src fresh",
            "-ai src/equal fresh",
        ],
    );
}

#[test]
fn changed_files() {
    same(
        &deltas(),
        &[
            "-ai --stats src/ dst/",
            "-aiI src/ dst/",
            "-aic src/ dst/",
            "-ai --size-only src/ dst/",
        ],
    );
}

#[test]
fn blocks_of_each_size() {
    same(
        &deltas(),
        &[
            "-ai -B600 --stats src/ dst/",
            "-ai -B131072 --stats src/ dst/",
        ],
    );
}

#[test]
fn each_checksum() {
    for name in [
        "xxh128",
        "xxh3",
        "xxh64",
        "md5",
        "md4",
        "sha1",
        "auto",
        "md5,xxh64",
    ] {
        same(
            &deltas(),
            &[
                &format!("-ai --stats --cc={name} src/ dst/"),
                &format!("-aic --cc={name} src/ dst/"),
            ],
        );
    }
    same(&deltas(), &["-ai --cc=none src/ dst/"]);
}

#[test]
fn a_seed_for_checksums() {
    same(
        &deltas(),
        &[
            "-ai --checksum-seed=7 src/ dst/",
            "-aic --checksum-seed=7 --cc=md4 src/ dst/",
            "-ai --checksum-seed=7 --cc=xxh64 src/ dst/",
        ],
    );
}
