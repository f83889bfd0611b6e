//! The line printed or logged for each entry: its text, and what follows from its text.
//!
//! rsync looks through the format once, after parsing, and keeps a handful of global flags of
//! what it found (`stdout_format_has_i`, `log_before_transfer`, ...). Here they travel with the
//! text they were found in.
//!
//! rsync: log.c log_format_has(), options.c parse_arguments()

/// A format of `%` escapes with the facts that the transfer needs to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutFormat {
    /// The text, escapes and all.
    pub text: Vec<u8>,
    /// How far changes are itemized: 0 no `%i`, 1 the changed, 2 the unchanged too (`-ii`).
    pub itemize: u8,
    /// `%o` or `%i` is there: deletions are lines of this format too.
    pub operation: bool,
    /// When the line can be written.
    pub when: LineTime,
}

/// Whether an entry's line needs the outcome of its transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTime {
    /// Written as the transfer of the entry begins.
    Before,
    /// The line tells bytes moved or checksums (`%b`, `%c`, `%C`), known only afterwards.
    After,
}

impl OutFormat {
    /// Looks through `text`. `itemize` is the number of `-i` options given.
    pub fn new(text: impl Into<Vec<u8>>, itemize: u8) -> OutFormat {
        let text = text.into();
        let itemize = if has_escape(&text, b'i') {
            itemize | 1
        } else {
            0
        };
        OutFormat {
            itemize,
            operation: itemize > 0 || has_escape(&text, b'o'),
            when: if [b'b', b'c', b'C'].iter().any(|&e| has_escape(&text, e)) {
                LineTime::After
            } else {
                LineTime::Before
            },
            text,
        }
    }

    /// What the client of a server wants to know: the server writes no line itself, but must tell
    /// what the client's line has. `%I` stands for the unchanged.
    // rsync: options.c server_options(), --log-format
    pub(crate) fn of_client(text: Vec<u8>) -> OutFormat {
        let unchanged = if has_escape(&text, b'I') { 2 } else { 0 };
        let format = OutFormat::new(text, 0);
        OutFormat {
            itemize: format.itemize.max(unchanged),
            operation: format.operation || unchanged > 0,
            ..format
        }
    }

    /// Whether the line is written as an entry's transfer begins.
    pub fn is_written_before(&self) -> bool {
        self.when == LineTime::Before
    }
}

/// Whether the escape `%...esc` occurs in `format`.
// rsync: log.c log_format_has()
fn has_escape(format: &[u8], esc: u8) -> bool {
    let mut rest = format;
    while let Some(percent) = rest.iter().position(|&b| b == b'%') {
        rest = skip_width(&rest[percent + 1..]);
        if rest.first() == Some(&esc) {
            return true;
        }
        // `%%` is a percent sign, and begins nothing.
        rest = rest.strip_prefix(b"%").unwrap_or(rest);
    }
    false
}

/// So many digits, with a `-` before them, rsync takes for a width; what follows is the letter.
// rsync: log.c LOG_FMT_SIZE
pub const MOST_DIGITS: usize = 23;

/// Steps over what may stand between `%` and its letter: `'`, `-`, digits, `'`.
fn skip_width(mut spec: &[u8]) -> &[u8] {
    let skip = |s: &mut &[u8], f: fn(&u8) -> bool| {
        *s = &s[s.iter().take_while(|b| f(b)).count()..];
    };
    skip(&mut spec, |b| *b == b'\'');
    let (left, most) = match spec.strip_prefix(b"-") {
        Some(rest) => (rest, MOST_DIGITS - 1),
        None => (spec, MOST_DIGITS),
    };
    let digits = left.iter().take_while(|b| b.is_ascii_digit());
    spec = &left[digits.take(most).count()..];
    skip(&mut spec, |b| *b == b'\'');
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_the_text() {
        let plain = OutFormat::new("%n%L", 2);
        assert_eq!(
            (plain.itemize, plain.operation, plain.when),
            (0, false, LineTime::Before)
        );
        let items = OutFormat::new("%i %n%L", 0);
        assert_eq!((items.itemize, items.operation), (1, true));
        assert_eq!(OutFormat::new("%i", 2).itemize, 3);
        assert_eq!(OutFormat::new("%'-10'b", 0).when, LineTime::After);
        assert_eq!(OutFormat::new("%%i %%%n", 2).itemize, 0);
        assert_eq!(OutFormat::new("%%%i", 0).itemize, 1);
        let wide = OutFormat::new(format!("%{}%C", "0".repeat(30)), 0);
        assert_eq!(wide.when, LineTime::After);
        assert_eq!(OutFormat::new("100%", 0).when, LineTime::Before);
        assert!(OutFormat::new("%10o", 0).operation);
    }
}
