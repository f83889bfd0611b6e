//! Completion scripts for shells, from the table of flags.

mod bash;
mod fish;
mod powershell;
mod zsh;

use crate::flag::Flag;
use crate::flags;

/// A shell that can complete our options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    PowerShell,
}

impl Shell {
    pub(crate) fn from_name(name: &str) -> Option<Shell> {
        Some(match name {
            "bash" => Shell::Bash,
            "zsh" => Shell::Zsh,
            "fish" => Shell::Fish,
            "powershell" => Shell::PowerShell,
            _ => return None,
        })
    }
}

/// A script that has `shell` complete our options.
pub fn completion(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash::script(),
        Shell::Zsh => zsh::script(),
        Shell::Fish => fish::script(),
        Shell::PowerShell => powershell::script(),
    }
}

/// The flags that shells offer.
fn shown() -> impl Iterator<Item = &'static Flag> {
    flags::all().filter(|flag| flag.is_supported() && !flag.doc.is_empty())
}

/// The first line of a flag's help.
fn summary(flag: &Flag) -> &'static str {
    flag.help.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_is_offered_every_flag() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let script = completion(shell);
            for name in
                shown().flat_map(|flag| flag.long_names().chain(flag.undo_names().iter().copied()))
            {
                assert!(script.contains(name), "{shell:?}: {name}");
            }
            assert!(!script.contains("fake-super"), "{shell:?}");
        }
    }
}
