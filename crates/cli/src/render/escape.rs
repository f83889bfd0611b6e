//! What a terminal must not see: names may hold control characters and broken text, and a line
//! that shows them as they are could do anything to the screen. rsync writes each such byte as
//! `\#ooo`, and so do we.
// rsync: log.c filtered_fwrite(), rwrite()

/// Which bytes above 127 are printed as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Valid UTF-8, because that is what the terminal shows.
    Utf8,
    /// None.
    Ascii,
    /// None, and no control character of ASCII's either, not even the last.
    Printable,
    /// All of them (`-8`).
    Any,
}

impl Charset {
    /// What the environment says of the terminal.
    ///
    /// rsync asks the C library, which knows more encodings; for those that are neither UTF-8
    /// nor ASCII we escape what rsync would print, which is the safe side.
    pub fn of_environment() -> Charset {
        Charset::of_encoding(&transfer::encoding_of_environment())
    }

    fn of_encoding(encoding: &str) -> Charset {
        if ["utf-8", "utf8"]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(encoding))
        {
            Charset::Utf8
        } else {
            Charset::Ascii
        }
    }
}

/// Appends `text` as a terminal may see it.
pub fn for_terminal(text: &[u8], charset: Charset, out: &mut Vec<u8>) {
    match charset {
        Charset::Any => filter(text, |_| false, out),
        Charset::Ascii => filter(text, |byte| byte >= 0x80, out),
        Charset::Printable => filter(text, |byte| byte >= 0x7f, out),
        Charset::Utf8 if text.is_ascii() => filter(text, |_| false, out),
        Charset::Utf8 => {
            for chunk in text.utf8_chunks() {
                filter(chunk.valid().as_bytes(), |_| false, out);
                chunk
                    .invalid()
                    .iter()
                    .for_each(|&byte| push_escaped(byte, out));
            }
        }
    }
}

/// Appends `text` as a log file may hold it: whatever its encoding, but without the control
/// characters of ASCII and Latin 1.
pub fn for_log(text: &[u8], out: &mut Vec<u8>) {
    filter(text, |byte| matches!(byte, 0x80..=0x9f), out);
}

fn filter(text: &[u8], unwanted: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    if !text
        .iter()
        .any(|&byte| byte < b' ' || byte == b'\\' || unwanted(byte))
    {
        return out.extend_from_slice(text);
    }
    for (at, &byte) in text.iter().enumerate() {
        let control = byte < b' ' && byte != b'\t';
        if control || unwanted(byte) || looks_escaped(&text[at..]) {
            push_escaped(byte, out);
        } else {
            out.push(byte);
        }
    }
}

/// `\#ooo` in a name: its backslash is escaped, so that no name can look like another's escape.
fn looks_escaped(text: &[u8]) -> bool {
    matches!(text, [b'\\', b'#', digits @ ..] if digits.len() >= 3
        && digits[..3].iter().all(u8::is_ascii_digit))
}

fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    let digit = |shift: u8| b'0' + (byte >> shift & 7);
    out.extend_from_slice(&[b'\\', b'#', digit(6), digit(3), digit(0)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &[u8], charset: Charset) -> Vec<u8> {
        let mut out = Vec::new();
        for_terminal(text, charset, &mut out);
        out
    }

    #[test]
    fn each_charset_lets_its_own_pass() {
        let name = b"n\xc3\xa9\xff\x01\tx";
        assert_eq!(shown(name, Charset::Utf8), b"n\xc3\xa9\\#377\\#001\tx");
        assert_eq!(shown(name, Charset::Ascii), b"n\\#303\\#251\\#377\\#001\tx");
        assert_eq!(shown(name, Charset::Any), b"n\xc3\xa9\xff\\#001\tx");
    }

    #[test]
    fn a_name_cannot_pretend_to_be_escaped() {
        assert_eq!(shown(b"a\\#012b", Charset::Utf8), b"a\\#134#012b");
        assert_eq!(shown(b"a\\#01", Charset::Utf8), b"a\\#01");
        assert_eq!(shown(b"a\\b", Charset::Utf8), b"a\\b");
    }

    #[test]
    fn a_log_keeps_bytes_but_no_controls() {
        let mut out = Vec::new();
        for_log(b"n\xff\x9b\x1b[\xc3\xa9", &mut out);
        assert_eq!(out, b"n\xff\\#233\\#033[\xc3\xa9");
    }

    #[test]
    fn only_utf8_is_more_than_ascii() {
        for utf8 in ["UTF-8", "utf8"] {
            assert_eq!(Charset::of_encoding(utf8), Charset::Utf8);
        }
        for other in ["", "ASCII", "ISO-8859-1"] {
            assert_eq!(Charset::of_encoding(other), Charset::Ascii);
        }
    }
}
