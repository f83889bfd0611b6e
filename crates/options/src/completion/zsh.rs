//! The script for zsh: one specification for each name, for `_arguments`.

use super::{shown, summary};
use crate::flag::Takes;

pub(super) fn script() -> String {
    let mut specs = String::new();
    for flag in shown() {
        let help = escaped(summary(flag));
        let (mark, value) = match flag.takes {
            Takes::Nothing => ("", String::new()),
            Takes::Text(name) => ("=", format!(":{}", escaped(name))),
            Takes::File(name) => ("=", format!(":{name}:_files")),
            Takes::Dir(name) => ("=", format!(":{name}:_files -/")),
            Takes::OneOf(name, words) => ("=", format!(":{name}:({})", words.join(" "))),
            Takes::Maybe(words) => ("=-", format!("::kind:({})", words.join(" "))),
        };
        let short_mark = if mark.is_empty() { "" } else { "+" };
        let short = flag.short.map(|letter| format!("-{letter}{short_mark}"));
        let long = flag.long_names().map(|name| format!("--{name}{mark}"));
        for name in short.into_iter().chain(long) {
            specs += &format!("    '*{name}[{help}]{value}' \\\n");
        }
        for name in flag.undo_names() {
            specs += &format!("    '*--{name}[undo {}]' \\\n", flag.typed());
        }
    }
    format!("#compdef tidesync\n_arguments -s -S \\\n{specs}    '*:file:_files'\n")
}

/// Within single quotes and brackets.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\'' => escaped += "'\\''",
            '[' | ']' | ':' | '\\' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications() {
        let script = script();
        assert!(script.contains("'*-p[preserve permissions]' \\\n"));
        assert!(script.contains("'*--chown=[simple username/groupname mapping]:USER\\:GROUP'"));
        assert!(script.contains("'*--progress=-[show progress during transfer]::kind:(bar)'"));
    }
}
