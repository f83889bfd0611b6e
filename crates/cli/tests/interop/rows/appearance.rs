//! What the client prints.

use crate::matrix::same;
use crate::trees::usual;

#[test]
fn at_each_verbosity() {
    same(
        &usual(),
        &[
            "-a src/ dst/",
            "-av src/ dst/",
            "-avv --delete src/ dst/",
            "-aq --delete src/ dst/",
            "-ai src/ dst/",
            "-aii src/ dst/",
            "-avi src/ dst/",
        ],
    );
}

#[test]
fn of_what_would_be_done() {
    same(
        &usual(),
        &[
            "-ain --delete src/ dst/",
            "-avn src/ dst/",
            "-avn --stats src/ fresh",
            "-anR --delete -v src/./dir dst/",
        ],
    );
}

#[test]
fn in_a_list() {
    same(
        &usual(),
        &["-r --list-only src/ dst/", "--list-only src/ dst/"],
    );
    crate::matrix::same_as_written(
        &usual(),
        0,
        &[
            "h:src/",
            "-r h:src",
            "-a --list-only -h h:src/",
            "-v h:src/dir/",
            "h:",
        ],
    );
}

#[test]
fn in_numbers() {
    same(
        &usual(),
        &[
            "-a --stats src/ dst/",
            "-ah --stats --delete src/ dst/",
            "-av --no-inc-recursive --stats src/ dst/",
            "-a --info=stats2,del --delete src/ dst/",
        ],
    );
}

#[test]
fn in_a_format() {
    same(
        &usual(),
        &[
            "-a --out-format=%i:%n:%L:%l:%f src/ dst/",
            "-a --delete --out-format=%o:%B:%U:%G:%n src/ dst/",
            "-a --out-format=%C:%n -c src/ dst/",
            "-a --info=name,skip,misc2 --update src/ dst/",
            "-a --progress src/changed dst/",
            "-ai -M--max-size=10 src/ fresh",
        ],
    );
}
