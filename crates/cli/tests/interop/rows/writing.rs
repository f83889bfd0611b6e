//! How files are replaced, and what is left of the older ones.

use crate::matrix::same;
use crate::trees::{beginnings, deltas, usual};

#[test]
fn in_place() {
    same(
        &deltas(),
        &[
            "-ai --inplace src/ dst/",
            "-ai --inplace --no-W -B700 --stats src/ dst/",
            "-aib --inplace src/ dst/",
            "-ai --inplace --backup-dir=kept -b src/ dst/",
        ],
    );
}

#[test]
fn appended() {
    same(
        &beginnings(),
        &[
            "-ai --append --stats src/ dst/",
            "-ai --append-verify --stats src/ dst/",
            "-ai --append --protocol=29 src/ dst/",
        ],
    );
}

#[test]
fn resumed() {
    same(
        &beginnings(),
        &[
            "-ai --partial-dir=.part --stats src/ dst/",
            "-ai --partial-dir=.part --delete src/ dst/",
            "-aiP src/ dst/",
        ],
    );
}

#[test]
fn delayed() {
    same(
        &usual(),
        &[
            "-ai --delay-updates src/ dst/",
            "-aib --delay-updates --delete src/ dst/",
            "-ai --delay-updates --delete-after --partial-dir=.part src/ dst/",
            "-ai --delay-updates --delete-delay --protocol=29 src/ dst/",
            "-aiH --delay-updates --remove-source-files src/ fresh",
            "-ai --delay-updates --protocol=28 src/ dst/",
        ],
    );
    same(
        &beginnings(),
        &["-ai --delay-updates --partial-dir=.part --no-W src/ dst/"],
    );
}

#[test]
fn backed_up() {
    same(
        &usual(),
        &[
            "-aib src/ dst/",
            "-aib --delete src/ dst/",
            "-aivb --suffix=.old --delete src/ dst/",
            "-aib --backup-dir=kept --delete src/ dst/",
            "-aib --backup-dir=../kept --delete-after src/ dst/",
        ],
    );
}

#[test]
fn otherwise() {
    same(
        &usual(),
        &[
            "-ai -Told src/ dst/",
            "-ai --preallocate src/ dst/",
            "-ai --fsync src/ dst/",
            "-ai --bwlimit=100000 src/ dst/",
            "-ai --timeout=20 src/ dst/",
            "-ai --blocking-io src/ dst/",
            "-ai --mkpath src/ fresh/deeper/still",
        ],
    );
}

#[test]
fn and_the_source_removed() {
    same(
        &usual(),
        &[
            "-ai --remove-source-files src/ dst/",
            "-aiH --remove-source-files src/ fresh",
            "-ain --remove-source-files src/ dst/",
            "-ai --remove-source-files --protocol=29 src/ dst/",
        ],
    );
}

#[test]
fn or_not() {
    same(
        &usual(),
        &[
            "-aiu src/ dst/",
            "-ai --existing src/ dst/",
            "-ai --ignore-existing src/ dst/",
            "-ai --max-size=10 src/ dst/",
            "-ai --min-size=5 src/ dst/",
            "-aim src/ fresh",
            "-aim --exclude=file src/ dst/",
            "-di src/ dst/",
            "-ai --no-r --dirs src/ dst/",
        ],
    );
}
