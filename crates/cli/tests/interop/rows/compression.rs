//! Content that is compressed on the way.

use crate::matrix::same;
use crate::trees::{deltas, usual};

#[test]
fn with_each_codec() {
    for codec in ["zlib", "zlibx", "zstd", "lz4", "none"] {
        same(
            &deltas(),
            &[
                &format!("-aiz --zc={codec} --stats src/ dst/"),
                &format!("-aiz --zc={codec} -W src/ dst/"),
                &format!("-aiz --zc={codec} --inplace -B900 src/ dst/"),
                &format!("-aiz --zc={codec} --skip-compress=gz/mp[34] src/ dst/"),
            ],
        );
    }
}

#[test]
fn as_agreed() {
    same(
        &deltas(),
        &[
            "-aiz src/ dst/",
            "-aizz src/ dst/",
            "-ai --old-compress src/ dst/",
            "-ai --new-compress src/ dst/",
            "-aiz --zl=1 src/ dst/",
            "-aiz --zl=9 --zc=zlib src/ dst/",
            "-aiz --zl=19 --zc=zstd src/ dst/",
            "-aiz --protocol=30 src/ dst/",
        ],
    );
    same(&usual(), &["-aiz --delete src/ dst/"]);
}
