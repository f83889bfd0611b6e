//! The script for PowerShell: a table of names, looked through by prefix.

use super::{shown, summary};
use crate::flag::Takes;

pub(super) fn script() -> String {
    let mut table = String::new();
    let mut row = |name: String, help: &str| {
        table += &format!("        @('{name}', '{}')\n", help.replace('\'', "''"));
    };
    for flag in shown() {
        let help = summary(flag);
        if let Some(letter) = flag.short {
            row(format!("-{letter}"), help);
        }
        for name in flag.long_names() {
            match flag.takes {
                Takes::Nothing => row(format!("--{name}"), help),
                Takes::Text(_) | Takes::File(_) | Takes::Dir(_) => row(format!("--{name}="), help),
                Takes::OneOf(_, words) => {
                    words
                        .iter()
                        .for_each(|word| row(format!("--{name}={word}"), help));
                }
                Takes::Maybe(words) => {
                    row(format!("--{name}"), help);
                    words
                        .iter()
                        .for_each(|word| row(format!("--{name}={word}"), help));
                }
            }
        }
        for name in flag.undo_names() {
            row(format!("--{name}"), &format!("undo {}", flag.typed()));
        }
    }
    format!(
        r#"Register-ArgumentCompleter -Native -CommandName tidesync -ScriptBlock {{
    param($wordToComplete, $commandAst, $cursorPosition)
    $flags = @(
{table}    )
    # An empty answer leaves it to PowerShell to complete file names.
    if ($wordToComplete -notlike '-*') {{ return }}
    # Letters are told apart by case: -a is not -A.
    $flags | Where-Object {{ $_[0].StartsWith($wordToComplete, 'Ordinal') }} | ForEach-Object {{
        [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterName', $_[1])
    }}
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let script = script();
        assert!(script.contains("@('-p', 'preserve permissions')\n"));
        assert!(script.contains("@('--io-backend=uring', "));
        assert!(script.contains("same as --filter=''dir-merge /.rsync-filter''')\n"));
    }
}
