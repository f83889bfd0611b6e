//! The script for bash: names from a list of words, values by kind.

use super::shown;
use crate::flag::Takes;

pub(super) fn script() -> String {
    let mut words = Vec::new();
    let mut values = String::new();
    for flag in shown() {
        let equals = if flag.takes.metavar().is_empty() {
            ""
        } else {
            "="
        };
        words.extend(flag.short.map(|letter| format!("-{letter}")));
        words.extend(flag.long_names().map(|name| format!("--{name}{equals}")));
        words.extend(flag.undo_names().iter().map(|name| format!("--{name}")));
        let mut names: Vec<String> = flag.long_names().map(|name| format!("--{name}")).collect();
        names.extend(flag.short.map(|letter| format!("-{letter}")));
        let reply = match flag.takes {
            Takes::Nothing | Takes::Text(_) => continue,
            Takes::File(_) => "-f -- \"$cur\"".to_string(),
            Takes::Dir(_) => "-d -- \"$cur\"".to_string(),
            Takes::OneOf(_, choices) | Takes::Maybe(choices) => {
                format!("-W '{}' -- \"$cur\"", choices.join(" "))
            }
        };
        let names = names.join("|");
        values += &format!("        {names}) COMPREPLY=($(compgen {reply})); return ;;\n");
    }
    let words = words.join(" ");
    format!(
        r#"_tidesync() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
    # bash takes "=" for a word of its own.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" ]]; then
        prev=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    case $prev in
{values}    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '{words}' -- "$cur"))
        [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
    else
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}}
complete -o filenames -F _tidesync tidesync
"#
    )
}
