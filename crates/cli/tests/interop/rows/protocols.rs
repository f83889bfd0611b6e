//! The same things said in older protocols.

use crate::matrix::same;
use crate::trees::{deltas, hard_links, usual};

#[test]
fn each_protocol() {
    for protocol in 27..=32 {
        same(
            &usual(),
            &[
                &format!("-ai --protocol={protocol} src/ dst/"),
                &format!("-ai --delete --protocol={protocol} src/ dst/"),
                &format!("-av --stats --protocol={protocol} src/ fresh"),
                &format!("-aic --delete-after --exclude=*.o --protocol={protocol} src/ dst/"),
                &format!("-ain --delete --protocol={protocol} src/ dst/"),
            ],
        );
        same(
            &deltas(),
            &[&format!(
                "-ai --no-W --stats --protocol={protocol} src/ dst/"
            )],
        );
        same(
            &hard_links(),
            &[
                &format!("-aiH --protocol={protocol} src/ dst/"),
                &format!("-aHiR --protocol={protocol} src/./d src/./a dst/"),
            ],
        );
    }
}
