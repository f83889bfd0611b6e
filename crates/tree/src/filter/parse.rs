//! Reads one rule at a time out of rule text.
//!
//! A rule is a name (`-`, `exclude`, …), modifiers and a pattern. What a merge rule says holds
//! for the rules in its file too: those arrive here as the *template*.
//!
//! rsync: exclude.c parse_rule_tok()

/// What a rule says beside its pattern; also the template for the rules of a merge file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Includes rather than excludes.
    pub include: bool,
    /// `!`: takes effect where the pattern does not match.
    pub negate: bool,
    /// The pattern ended in `/`: matches directories only.
    pub directory: bool,
    /// `/`: matched against the absolute path.
    pub absolute: bool,
    /// `p`: ignored in directories that are being deleted.
    pub perishable: bool,
    /// `x`: about names of extended attributes, not of files.
    pub xattr: bool,
    /// `s`: for the sending side.
    pub sender: bool,
    /// `r`: for the receiving side.
    pub receiver: bool,
    /// `.` or `:`: names a file to read rules from.
    pub merge: bool,
    /// `:`: the merge file is looked for in every directory.
    pub per_directory: bool,
    /// `n`: subdirectories do not inherit the file's rules.
    pub no_inherit: bool,
    /// `e`: the merge file itself is excluded.
    pub exclude_self: bool,
    /// `w`: the file's rules are separated by white space.
    pub word_split: bool,
    /// `-` or `+` on a merge rule: the file holds bare patterns.
    pub no_prefixes: bool,
    /// `C`: stands for the CVS rules.
    pub cvs: bool,
    /// The pattern came out of a file's contents, so messages must not show it.
    pub from_file: bool,
}

impl Flags {
    /// Whether the rule names the side or sides it is for.
    pub fn names_side(&self) -> bool {
        self.sender || self.receiver
    }

    /// What a rule takes over from its container.
    fn inherited(&self) -> Self {
        Self {
            include: self.include,
            negate: self.negate,
            directory: self.directory,
            absolute: self.absolute,
            perishable: self.perishable,
            ..Self::default()
        }
    }

    /// The rule's name and modifiers as text, with the space that ends them.
    ///
    /// rsync: exclude.c get_rule_prefix()
    pub fn prefix(&self) -> String {
        let mut text = String::from(match (self.per_directory, self.include) {
            (true, _) => ":",
            (false, true) => "+",
            (false, false) => "-",
        });
        text += &self.modifiers();
        text.push(' ');
        text
    }

    /// The modifiers alone.
    pub(super) fn modifiers(&self) -> String {
        let mut text = String::new();
        let mut push = |wanted: bool, letter: char| {
            if wanted {
                text.push(letter);
            }
        };
        push(self.absolute, '/');
        push(self.negate, '!');
        if self.cvs {
            push(true, 'C');
        } else {
            push(self.no_inherit, 'n');
            push(self.word_split, 'w');
            push(self.no_prefixes, if self.include { '+' } else { '-' });
        }
        push(self.exclude_self, 'e');
        push(self.xattr, 'x');
        push(self.sender, 's');
        push(self.receiver, 'r');
        push(self.perishable, 'p');
        text
    }
}

/// Which prefixes rule text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// The full grammar of `--filter`.
    Modern,
    /// Patterns of `--include`, `--exclude` and their files: only `+ `, `- ` and `!`.
    OldPrefixes,
}

/// One rule, its pattern still in the text it was read from.
#[derive(Debug, PartialEq, Eq)]
pub struct ParsedRule<'t> {
    /// Name and modifiers.
    pub flags: Flags,
    /// Whether this is the list-clearing rule.
    pub clear: bool,
    /// The pattern or file name.
    pub pattern: &'t [u8],
}

/// Why rule text is no rule. The caller knows what may be shown of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// No such rule name.
    UnknownRule,
    /// This byte at this offset is no modifier for this rule.
    InvalidModifier(u8, usize),
    /// The pattern is missing.
    UnexpectedEnd,
    /// `!` with something after it.
    ClearWithPattern,
    /// Container and rule both name a side.
    SideInSidedMerge,
}

/// Takes the next rule off the front of `text`; `None` at its end. On a fault, `text` begins
/// with the faulty rule.
pub fn next_rule<'t>(
    text: &mut &'t [u8],
    template: &Flags,
    syntax: Syntax,
) -> Result<Option<ParsedRule<'t>>, Fault> {
    if template.word_split {
        *text = text.trim_ascii_start_c();
    }
    if text.is_empty() {
        return Ok(None);
    }
    let whole = *text;
    let mut head = Head {
        flags: template.inherited(),
        clear: false,
        length: 0,
    };
    if template.no_prefixes {
        head.clear = template.cvs && whole[0] == b'!';
    } else if syntax == Syntax::OldPrefixes {
        head.read_old_prefix(whole);
    } else {
        head.read(whole, template.word_split)?;
    }
    let Head {
        mut flags,
        mut clear,
        length,
    } = head;

    if template.names_side() {
        if flags.names_side() {
            return Err(Fault::SideInSidedMerge);
        }
        flags.sender = template.sender;
        flags.receiver = template.receiver;
    }

    let rest = &whole[length..];
    let end = if template.word_split {
        rest.iter()
            .position(|&byte| is_space(byte))
            .unwrap_or(rest.len())
    } else {
        rest.len()
    };
    let pattern = &rest[..end];
    if clear {
        let bare = !template.no_prefixes && syntax == Syntax::Modern;
        if bare && !pattern.is_empty() {
            return Err(Fault::ClearWithPattern);
        }
        // In bare patterns, only a lone "!" clears: "!x" is a pattern.
        clear = pattern.len() <= 1;
    } else if pattern.is_empty() && !flags.cvs {
        return Err(Fault::UnexpectedEnd);
    }
    *text = &rest[end..];
    Ok(Some(ParsedRule {
        flags,
        clear,
        pattern,
    }))
}

/// C's isspace() in the C locale.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

trait TrimSpace {
    fn trim_ascii_start_c(&self) -> &Self;
}

impl TrimSpace for [u8] {
    fn trim_ascii_start_c(&self) -> &Self {
        let start = self
            .iter()
            .position(|&byte| !is_space(byte))
            .unwrap_or(self.len());
        &self[start..]
    }
}

/// The part of a rule before its pattern, as far as it has been read.
struct Head {
    flags: Flags,
    clear: bool,
    /// Bytes of the text that belong to the head.
    length: usize,
}

impl Head {
    fn read_old_prefix(&mut self, text: &[u8]) {
        if text.starts_with(b"- ") {
            self.flags.include = false;
            self.length = 2;
        } else if text.starts_with(b"+ ") {
            self.flags.include = true;
            self.length = 2;
        } else {
            self.clear = text[0] == b'!';
        }
    }

    fn read(&mut self, text: &[u8], word_split: bool) -> Result<(), Fault> {
        let (letter, mut at) = rule_letter(text).ok_or(Fault::UnknownRule)?;
        let mut letter_names_side = false;
        match letter {
            b':' => {
                self.flags.merge = true;
                self.flags.per_directory = true;
            }
            b'.' => self.flags.merge = true,
            b'+' => self.flags.include = true,
            b'-' => {}
            b'S' | b'H' => {
                self.flags.include |= letter == b'S';
                self.flags.sender = true;
                letter_names_side = true;
            }
            b'R' | b'P' => {
                self.flags.include |= letter == b'R';
                self.flags.receiver = true;
                letter_names_side = true;
            }
            b'!' => {
                self.clear = true;
                self.length = at + 1;
                return Ok(());
            }
            _ => return Err(Fault::UnknownRule),
        }
        loop {
            at += 1;
            match text.get(at) {
                None => break,
                Some(b' ' | b'_') => {
                    at += 1;
                    break;
                }
                Some(&byte) if word_split && is_space(byte) => break,
                Some(&byte) => {
                    if !self.apply_modifier(byte, letter_names_side) {
                        return Err(Fault::InvalidModifier(byte, at));
                    }
                }
            }
        }
        self.length = at;
        Ok(())
    }

    /// False if the modifier does not exist or does not fit what was read so far.
    fn apply_modifier(&mut self, modifier: u8, letter_names_side: bool) -> bool {
        let flags = &mut self.flags;
        match modifier {
            b'-' | b'+' if flags.merge && !flags.no_prefixes => {
                flags.no_prefixes = true;
                flags.include |= modifier == b'+';
            }
            b'/' => flags.absolute = true,
            b'!' if !flags.merge => flags.negate = true,
            b'C' if !flags.no_prefixes && !letter_names_side => {
                flags.no_prefixes = true;
                flags.word_split = true;
                flags.no_inherit = true;
                flags.cvs = true;
            }
            b'e' if flags.merge => flags.exclude_self = true,
            b'n' if flags.merge => flags.no_inherit = true,
            b'p' => flags.perishable = true,
            b'r' if !letter_names_side => flags.receiver = true,
            b's' if !letter_names_side => flags.sender = true,
            b'w' if flags.merge => flags.word_split = true,
            b'x' => flags.xattr = true,
            _ => return false,
        }
        true
    }
}

const LONG_NAMES: [(&[u8], u8); 9] = [
    (b"clear", b'!'),
    (b"dir-merge", b':'),
    (b"exclude", b'-'),
    (b"hide", b'H'),
    (b"include", b'+'),
    (b"merge", b'.'),
    (b"protect", b'P'),
    (b"risk", b'R'),
    (b"show", b'S'),
];

/// The rule's one-letter name and the offset of the last byte before its modifiers.
fn rule_letter(text: &[u8]) -> Option<(u8, usize)> {
    if let Some(&(name, letter)) = LONG_NAMES.iter().find(|(name, _)| name[0] == text[0]) {
        let after = text.strip_prefix(name)?;
        return match after.first() {
            Some(b',') => Some((letter, name.len())),
            None | Some(b'_') => Some((letter, name.len() - 1)),
            Some(&byte) if is_space(byte) => Some((letter, name.len() - 1)),
            Some(_) => None,
        };
    }
    Some((text[0], usize::from(text.get(1) == Some(&b','))))
}

#[cfg(test)]
mod tests;
