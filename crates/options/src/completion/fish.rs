//! The script for fish: one line for each flag.

use super::{shown, summary};
use crate::flag::Takes;

pub(super) fn script() -> String {
    let mut script = String::new();
    for flag in shown() {
        let mut line = String::from("complete -c tidesync");
        if let Some(letter) = flag.short {
            line += &format!(" -s {letter}");
        }
        for name in flag.long_names() {
            line += &format!(" -l {name}");
        }
        match flag.takes {
            Takes::Nothing => {}
            Takes::Text(_) => line += " -x",
            Takes::File(_) => line += " -r -F",
            Takes::Dir(_) => line += " -x -a '(__fish_complete_directories)'",
            Takes::OneOf(_, words) => line += &format!(" -x -a '{}'", words.join(" ")),
            // fish knows no optional values: both spellings are names.
            Takes::Maybe(words) => {
                for word in words {
                    line += &format!(" -l {}={word}", flag.long);
                }
            }
        }
        script += &format!("{line} -d '{}'\n", escaped(summary(flag)));
        for name in flag.undo_names() {
            script += &format!(
                "complete -c tidesync -l {name} -d 'undo {}'\n",
                flag.typed()
            );
        }
    }
    script
}

/// Within single quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let script = script();
        let perms = "complete -c tidesync -s p -l perms -d 'preserve permissions'\n";
        assert!(script.contains(perms));
        assert!(script.contains("-l no-perms -d 'undo --perms'\n"));
        assert!(script.contains("--filter=\\'dir-merge /.rsync-filter\\''\n"));
    }
}
