//! The `--chmod` language: text to a list of changes, and their effect on a mode.
//!
//! It is chmod(1)'s symbolic language with octal numbers, plus the prefixes `D` (directories
//! only) and `F` (everything else only). The umask that the language falls back on when nobody
//! is named (`+w`) is an argument of [`Chmod::apply`], so that parsing stays pure.
//!
//! rsync: chmod.c parse_chmod(), tweak_mode()

/// An ordered list of mode changes; empty changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chmod {
    steps: Vec<Step>,
}

/// One comma-separated element.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    target: Target,
    /// Whom it concerns: a `1` in the place of each of `u`, `g`, `o`. Zero: nobody was named,
    /// so everybody within the umask.
    who: u32,
    op: Op,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Any,
    Directories,
    Files,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Remove,
    Equal,
    /// An octal number replaces all twelve bits.
    Set,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// An octal number.
    Number(u32),
    /// Letters of `rwxXst`.
    Letters {
        /// The three bits that each of `who` gets.
        bits: u32,
        /// `X`: execution only for directories and what somebody may execute already.
        keep_x: bool,
        /// Set-id and sticky bits, in place.
        special: u32,
    },
    /// `u`, `g` or `o`: the bits that this one has; a `1` in its place.
    CopyOf(u32),
}

const USER: u32 = 0o100;
const GROUP: u32 = 0o010;
const OTHER: u32 = 0o001;
const EVERYBODY: u32 = 0o111;
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
/// All that a change may touch.
const CHMOD_BITS: u32 = 0o7777;

impl Chmod {
    /// Adds the changes in `text`, or says nothing about what is wrong with it.
    pub(crate) fn append(&mut self, text: &[u8]) -> Result<(), BadChmod> {
        let steps: Result<Vec<Step>, BadChmod> =
            text.split(|&b| b == b',').map(Step::parse).collect();
        self.steps.extend(steps?);
        Ok(())
    }

    /// Whether `--chmod` was not given.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The mode that `mode` becomes. `mode` is a whole `st_mode`: its file type decides between
    /// `D` and `F` and is kept. `umask` bounds the changes that name nobody.
    // rsync: chmod.c tweak_mode()
    pub fn apply(&self, mode: u32, umask: u32) -> u32 {
        const TYPE: u32 = 0o170000;
        const DIRECTORY: u32 = 0o040000;
        let file_type = mode & !CHMOD_BITS;
        let is_dir = file_type & TYPE == DIRECTORY;
        // `X` asks about the mode as it was, not as earlier steps left it.
        let x_allowed = is_dir || mode & EVERYBODY != 0;
        let mut bits = mode & CHMOD_BITS;
        for step in &self.steps {
            let concerns = match step.target {
                Target::Any => true,
                Target::Directories => is_dir,
                Target::Files => !is_dir,
            };
            if concerns {
                bits = step.apply(bits, x_allowed, umask);
            }
        }
        file_type | bits
    }
}

/// The text is not of the `--chmod` language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadChmod;

impl Step {
    fn parse(text: &[u8]) -> Result<Step, BadChmod> {
        let mut step = Step {
            target: Target::Any,
            who: 0,
            op: Op::Set,
            what: What::Number(0),
        };
        for (at, &letter) in text.iter().enumerate() {
            match letter {
                b'D' if step.target != Target::Files => step.target = Target::Directories,
                b'F' if step.target != Target::Directories => step.target = Target::Files,
                b'u' => step.who |= USER,
                b'g' => step.who |= GROUP,
                b'o' => step.who |= OTHER,
                b'a' => step.who |= EVERYBODY,
                b'+' | b'-' | b'=' => {
                    step.op = match letter {
                        b'+' => Op::Add,
                        b'-' => Op::Remove,
                        _ => Op::Equal,
                    };
                    step.what = What::parse(&text[at + 1..], step.who)?;
                    return Ok(step);
                }
                b'0'..=b'7' if step.who == 0 => {
                    step.what = What::parse_octal(&text[at..])?;
                    return Ok(step);
                }
                _ => return Err(BadChmod),
            }
        }
        Err(BadChmod)
    }

    fn apply(&self, mode: u32, x_allowed: bool, umask: u32) -> u32 {
        let (who, within) = match self.who {
            0 => (EVERYBODY, !umask),
            named => (named, CHMOD_BITS),
        };
        match self.what {
            What::Number(number) => number,
            What::Letters {
                bits,
                keep_x,
                special,
            } => {
                let change = (who * bits) & within | special;
                let added = if keep_x && !x_allowed {
                    change & !EVERYBODY
                } else {
                    change
                };
                match self.op {
                    Op::Add | Op::Set => mode | added,
                    // Removal does not ask whether `X` applies.
                    Op::Remove => mode & !change,
                    Op::Equal => mode & !self.cleared_by_equal(who, special) | added,
                }
            }
            What::CopyOf(source) => {
                let shift = match source {
                    USER => 6,
                    GROUP => 3,
                    _ => 0,
                };
                let copied = (who * (mode >> shift & 7)) & within;
                match self.op {
                    Op::Add | Op::Set => mode | copied,
                    Op::Remove => mode & !copied,
                    Op::Equal => mode & !((who * 7) | special_bits(who)) | copied,
                }
            }
        }
    }

    /// What `=` clears before it sets: the named ones' bits, and their set-id bits if the
    /// right-hand side speaks of special bits at all.
    fn cleared_by_equal(&self, who: u32, special: u32) -> u32 {
        let set_ids = if special != 0 {
            special_bits(self.who) & !STICKY
        } else {
            0
        };
        (who * 7) | set_ids
    }
}

impl What {
    fn parse(text: &[u8], who: u32) -> Result<What, BadChmod> {
        if let [source @ (b'u' | b'g' | b'o')] = text {
            return Ok(What::CopyOf(match source {
                b'u' => USER,
                b'g' => GROUP,
                _ => OTHER,
            }));
        }
        let (mut bits, mut keep_x, mut special) = (0, false, 0);
        for letter in text {
            match letter {
                b'r' => bits |= 4,
                b'w' => bits |= 2,
                b'x' => bits |= 1,
                b'X' => (bits, keep_x) = (bits | 1, true),
                // A bare `s` is set-user-ID, and forgets a `t` before it, as rsync does.
                b's' => {
                    special = match special_bits(who) & !STICKY {
                        0 => SETUID,
                        set_ids => special | set_ids,
                    }
                }
                b't' => special |= STICKY,
                _ => return Err(BadChmod),
            }
        }
        Ok(What::Letters {
            bits,
            keep_x,
            special,
        })
    }

    fn parse_octal(digits: &[u8]) -> Result<What, BadChmod> {
        let mut number = 0;
        for digit in digits {
            match digit {
                b'0'..=b'7' => number = number * 8 + u32::from(digit - b'0'),
                _ => return Err(BadChmod),
            }
            if number > CHMOD_BITS {
                return Err(BadChmod);
            }
        }
        Ok(What::Number(number))
    }
}

/// The set-id and sticky bits that belong to those in `who`.
fn special_bits(who: u32) -> u32 {
    let mut bits = 0;
    if who & USER != 0 {
        bits |= SETUID;
    }
    if who & GROUP != 0 {
        bits |= SETGID;
    }
    if who & OTHER != 0 {
        bits |= STICKY;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: u32 = 0o100000;
    const DIR: u32 = 0o040000;

    fn changed(text: &str, mode: u32) -> u32 {
        let mut chmod = Chmod::default();
        chmod.append(text.as_bytes()).unwrap();
        chmod.apply(mode, 0o022)
    }

    #[test]
    fn bad_texts() {
        for text in [
            "", "zz", "u", "DF+x", "8", "u7", "17777777", "u+ug", "u+xg", "u+gx", "+x,", "a=rwz",
        ] {
            assert_eq!(
                Chmod::default().append(text.as_bytes()),
                Err(BadChmod),
                "{text}"
            );
        }
    }

    #[test]
    fn symbolic_changes() {
        for (text, before, after) in [
            ("u+x", 0o644, 0o744),
            ("+x", 0o644, 0o755),
            ("+w", 0o444, 0o644),
            ("-w", 0o666, 0o466),
            ("a-w", 0o666, 0o444),
            ("go=", 0o755, 0o700),
            ("a=r", 0o755, 0o444),
            ("+X", 0o644, 0o644),
            ("+X", 0o744, 0o755),
            ("a-X", 0o755, 0o644),
            ("u+s", 0o755, 0o4755),
            ("+s", 0o755, 0o4755),
            ("a+s", 0o755, 0o6755),
            ("g+s", 0o755, 0o2755),
            ("o+s", 0o755, 0o4755),
            ("+t", 0o755, 0o1755),
            ("+ts", 0o755, 0o4755),
            ("u+ts", 0o755, 0o5755),
            ("u=rwx", 0o6755, 0o6755),
            ("u=rws", 0o6755, 0o6655),
            ("g=u", 0o2741, 0o771),
            ("o+g", 0o750, 0o755),
            ("g-u", 0o775, 0o705),
            ("a=u", 0o1741, 0o777),
            ("=o", 0o757, 0o755),
            ("640", 0o4755, 0o640),
            ("F600", 0o755, 0o600),
            ("D700", 0o755, 0o755),
            ("u+w,u-r,g=u", 0o444, 0o224),
        ] {
            assert_eq!(
                changed(text, FILE | before),
                FILE | after,
                "{text} on {before:o}"
            );
        }
    }

    #[test]
    fn directories() {
        assert_eq!(changed("D2755,F644", DIR | 0o700), DIR | 0o2755);
        assert_eq!(changed("D2755,F644", FILE | 0o700), FILE | 0o644);
        assert_eq!(changed("a+X", DIR | 0o600), DIR | 0o711);
    }
}
