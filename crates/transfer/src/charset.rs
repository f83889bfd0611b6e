//! Names in the character set of this computer, and as they cross with `--iconv`: in UTF-8.
//!
//! The sets are those of the Encoding Standard that keep ASCII where it is (UTF-8, ISO-8859-2 to 16,
//! windows-125x, KOI8-R, KOI8-U, IBM866, macintosh, Shift_JIS, EUC-JP, EUC-KR, GBK, GB18030, Big5),
//! with three that it takes for larger ones: ASCII, ISO-8859-1 and ISO-8859-9, and UTF-8-MAC. Its
//! Shift_JIS, EUC-KR, GBK and Big5 have the vendors' additions. Other sets that an iconv may know,
//! such as IBM850, are missing, and those in which a `/` may be part of something else.
// rsync: rsync.c setup_iconv(), iconvbufs()

use encoding_rs::{
    DecoderResult, EncoderResult, Encoding, UTF_8, WINDOWS_874, WINDOWS_1252, WINDOWS_1254,
    X_USER_DEFINED,
};
use options::{Charset, Iconv, Options};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// Converts between the set of this computer and UTF-8.
#[derive(Debug, Clone)]
pub struct Converter(Set);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Set {
    Utf8,
    /// UTF-8 with its letters taken apart, as macOS keeps names.
    Utf8Mac,
    Ascii,
    Other {
        encoding: &'static Encoding,
        /// Bytes 0x80 to 0x9f are the control characters of these numbers, as in ISO 8859.
        has_controls: bool,
    },
}

/// What of a list is converted.
#[derive(Debug, Clone)]
pub(crate) struct ListCharset {
    pub names: Converter,
    /// What symbolic links hold is, too.
    pub links: bool,
}

/// Text that has no counterpart in the other set, or is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid or incomplete multibyte or wide character")]
pub(crate) struct Unconvertible;

/// A set that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--iconv: the character set {0} is not known")]
pub struct UnknownSet(String);

/// What becomes of text that cannot be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    Refused,
    KeptAsItIs,
}

impl Converter {
    /// The converter for this side; `None` if nothing is converted.
    ///
    /// # Errors
    /// The set is not known.
    pub fn new(iconv: Option<&Iconv>) -> Result<Option<Converter>, UnknownSet> {
        let Some(iconv) = iconv else {
            return Ok(None);
        };
        let name = match &iconv.local {
            Charset::OfLocale => encoding_of_environment(),
            Charset::Named(name) => String::from_utf8_lossy(name).into_owned(),
        };
        match Set::named(&name) {
            Some(set) => Ok(Some(Converter(set))),
            None => Err(UnknownSet(name)),
        }
    }

    /// As [`Self::new`], where the set is known to be known.
    pub(crate) fn of(options: &Options) -> Option<Converter> {
        Converter::new(options.iconv.as_ref()).ok().flatten()
    }

    /// A name as it crosses.
    pub(crate) fn to_wire(&self, name: &[u8]) -> Result<Vec<u8>, Unconvertible> {
        self.decode(name, Bad::Refused)
    }

    /// A name that has crossed.
    pub(crate) fn off_wire(&self, name: &[u8]) -> Result<Vec<u8>, Unconvertible> {
        self.encode(name, Bad::Refused)
    }

    /// Text as it crosses, with what cannot be converted as it is.
    pub(crate) fn text_to_wire(&self, text: &[u8]) -> Vec<u8> {
        self.decode(text, Bad::KeptAsItIs).unwrap_or_default()
    }

    /// Text that has crossed, with what cannot be converted as it is.
    pub(crate) fn text_off_wire(&self, text: &[u8]) -> Vec<u8> {
        self.encode(text, Bad::KeptAsItIs).unwrap_or_default()
    }

    fn decode(&self, text: &[u8], bad: Bad) -> Result<Vec<u8>, Unconvertible> {
        if text.is_ascii() {
            return Ok(text.to_vec());
        }
        let mut out = Vec::with_capacity(text.len() * 2);
        match self.0 {
            Set::Utf8 | Set::Utf8Mac => {
                for chunk in text.utf8_chunks() {
                    match self.0 {
                        Set::Utf8Mac => push_normal(&mut out, chunk.valid(), Form::Composed),
                        _ => out.extend_from_slice(chunk.valid().as_bytes()),
                    }
                    bad.push(&mut out, chunk.invalid())?;
                }
            }
            Set::Ascii => text.iter().try_for_each(|byte| match byte {
                0..=0x7f => {
                    out.push(*byte);
                    Ok(())
                }
                _ => bad.push(&mut out, &[*byte]),
            })?,
            Set::Other {
                encoding,
                has_controls: false,
            } => decode(encoding, text, bad, &mut out)?,
            Set::Other { encoding, .. } => {
                for byte in text {
                    match byte {
                        0x80..=0x9f => push_char(&mut out, char::from(*byte)),
                        _ => decode(encoding, &[*byte], bad, &mut out)?,
                    }
                }
            }
        }
        Ok(out)
    }

    fn encode(&self, text: &[u8], bad: Bad) -> Result<Vec<u8>, Unconvertible> {
        if text.is_ascii() {
            return Ok(text.to_vec());
        }
        let mut out = Vec::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            let valid = chunk.valid();
            match self.0 {
                Set::Utf8 => out.extend_from_slice(valid.as_bytes()),
                Set::Utf8Mac => push_normal(&mut out, valid, Form::Decomposed),
                Set::Ascii | Set::Other { .. } => {
                    let mut place = [0; 4];
                    for c in valid.chars() {
                        let utf8 = c.encode_utf8(&mut place);
                        match self.0.encoded(c) {
                            Some(bytes) => out.extend_from_slice(&bytes),
                            None => bad.push(&mut out, utf8.as_bytes())?,
                        }
                    }
                }
            }
            bad.push(&mut out, chunk.invalid())?;
        }
        Ok(out)
    }
}

impl Bad {
    fn push(self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Unconvertible> {
        match self {
            _ if bytes.is_empty() => Ok(()),
            Bad::Refused => Err(Unconvertible),
            Bad::KeptAsItIs => {
                out.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

impl Set {
    fn named(name: &str) -> Option<Set> {
        let lower = name.trim().to_ascii_lowercase();
        let plain: String = lower.chars().filter(|c| !"-_".contains(*c)).collect();
        let label = match &plain[..] {
            "utf8mac" => return Some(Set::Utf8Mac),
            "ascii" | "usascii" | "ansix3.41968" | "iso646us" | "646" => return Some(Set::Ascii),
            "88591" => "iso-8859-1",
            "cp932" | "sjis" => "shift_jis",
            "cp936" => "gbk",
            "cp949" | "euckr" => "euc-kr",
            "cp950" => "big5",
            "eucjp" => "euc-jp",
            _ => &lower[..],
        };
        let encoding = Encoding::for_label(label.as_bytes())?;
        if encoding == UTF_8 {
            return Some(Set::Utf8);
        }
        // The standard takes ISO 8859-1, 9 and 11 for Windows' sets, which have letters in the place
        // of controls.
        let windows = [
            (WINDOWS_1252, "1252"),
            (WINDOWS_1254, "1254"),
            (WINDOWS_874, "874"),
        ];
        let has_controls = windows
            .iter()
            .any(|(set, number)| *set == encoding && !plain.contains(number));
        let is_known = encoding.is_ascii_compatible() && encoding != X_USER_DEFINED;
        is_known.then_some(Set::Other {
            encoding,
            has_controls,
        })
    }

    /// A character's bytes.
    fn encoded(self, c: char) -> Option<Vec<u8>> {
        let (encoding, has_controls) = match self {
            Set::Other {
                encoding,
                has_controls,
            } => (encoding, has_controls),
            _ => return c.is_ascii().then(|| vec![c as u8]),
        };
        if has_controls && ('\u{80}'..='\u{9f}').contains(&c) {
            return Some(vec![c as u8]);
        }
        let mut utf8 = [0; 4];
        let mut bytes = [0; 8];
        let mut encoder = encoding.new_encoder();
        let (result, _, written) = encoder.encode_from_utf8_without_replacement(
            c.encode_utf8(&mut utf8),
            &mut bytes,
            true,
        );
        let bytes = &bytes[..written];
        let is_control = has_controls && matches!(bytes, [0x80..=0x9f]);
        (result == EncoderResult::InputEmpty && !is_control).then(|| bytes.to_vec())
    }
}

fn decode(
    encoding: &'static Encoding,
    mut text: &[u8],
    bad: Bad,
    out: &mut Vec<u8>,
) -> Result<(), Unconvertible> {
    while !text.is_empty() {
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let room = decoder.max_utf8_buffer_length_without_replacement(text.len());
        let start = out.len();
        out.resize(start + room.ok_or(Unconvertible)?, 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(text, &mut out[start..], true);
        out.truncate(start + written);
        match result {
            DecoderResult::Malformed(length, after) => {
                let end = read.saturating_sub(usize::from(after));
                let start = end.saturating_sub(usize::from(length));
                bad.push(out, &text[start..end])?;
                text = &text[end..];
            }
            DecoderResult::InputEmpty | DecoderResult::OutputFull => text = &text[read..],
        }
    }
    Ok(())
}

fn push_char(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Appends text with its letters put together, or taken apart.
fn push_normal(out: &mut Vec<u8>, text: &str, form: Form) {
    for part in text.split_inclusive(stays_whole) {
        let whole = part.chars().next_back().filter(|c| stays_whole(*c));
        let before = &part[..part.len() - whole.map_or(0, char::len_utf8)];
        match form {
            Form::Composed => before.nfc().for_each(|c| push_char(out, c)),
            Form::Decomposed => before.nfd().for_each(|c| push_char(out, c)),
        }
        if let Some(c) = whole {
            push_char(out, c);
        }
    }
}

enum Form {
    Composed,
    Decomposed,
}

/// What macOS does not take apart.
fn stays_whole(c: char) -> bool {
    matches!(c, '\u{2000}'..='\u{2fff}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2faff}')
}

/// The character set that the environment says text is in.
// rsync: rsync.c default_charset(), which asks the C library
pub fn encoding_of_environment() -> String {
    if cfg!(windows) {
        // As which names are kept here.
        return "UTF-8".to_owned();
    }
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    encoding_of_locale(&locale.unwrap_or_default()).into_owned()
}

fn encoding_of_locale(locale: &str) -> Cow<'_, str> {
    let locale = locale.split('@').next().unwrap_or_default();
    match locale.split_once('.') {
        Some((_, encoding)) => encoding.into(),
        None => "ASCII".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converter(name: &str) -> Converter {
        Converter(Set::named(name).unwrap_or_else(|| panic!("{name}")))
    }

    #[test]
    fn names_cross_and_come_back() {
        for (set, local, crossing) in [
            ("UTF-8", "n\u{e9}".as_bytes(), "n\u{e9}"),
            ("ISO-8859-1", b"n\xe9\x80", "n\u{e9}\u{80}"),
            ("latin1", b"\xff", "\u{ff}"),
            ("ISO_8859-1:1987", b"\x80", "\u{80}"),
            ("8859_1", b"\x9f", "\u{9f}"),
            ("tis-620", b"\xa1\x80", "\u{e01}\u{80}"),
            ("windows-874", b"\xa1\x80", "\u{e01}\u{20ac}"),
            ("iso8859-15", b"\xa4", "\u{20ac}"),
            ("CP1252", b"\x80", "\u{20ac}"),
            ("ISO-8859-9", b"\xfd\x80", "\u{131}\u{80}"),
            ("KOI8-R", b"\xc1", "\u{430}"),
            ("SJIS", b"\x83\x5c/a", "\u{30bd}/a"),
            ("EUC-JP", b"\xa5\xbd", "\u{30bd}"),
            ("GBK", b"\xd6\xd0", "\u{4e2d}"),
            ("Big5", b"\xa4\xa4", "\u{4e2d}"),
            ("EUC-KR", b"\xc7\xd1", "\u{d55c}"),
            ("UTF-8-MAC", "e\u{301}\u{f900}".as_bytes(), "\u{e9}\u{f900}"),
            ("US-ASCII", b"plain", "plain"),
        ] {
            let converter = converter(set);
            assert_eq!(converter.to_wire(local), Ok(crossing.into()), "{set}");
            assert_eq!(
                converter.off_wire(crossing.as_bytes()),
                Ok(local.into()),
                "{set}"
            );
            assert_eq!(converter.text_to_wire(local), crossing.as_bytes(), "{set}");
        }
    }

    #[test]
    fn what_has_no_counterpart_is_refused_or_kept() {
        for (set, local) in [
            ("UTF-8", &b"a\xffb"[..]),
            ("ASCII", b"\xe9"),
            ("GBK", b"a\xff"),
            ("EUC-JP", b"a\xa5"),
            ("IBM866", "\u{430}".as_bytes()),
        ] {
            let converter = converter(set);
            let crossing = converter.to_wire(local);
            if set == "IBM866" {
                // Every byte is something there.
                assert_eq!(converter.off_wire(&crossing.unwrap()).unwrap(), local);
                continue;
            }
            assert_eq!(crossing, Err(Unconvertible), "{set}");
            assert_eq!(converter.text_to_wire(local), local, "{set}");
        }
        for (set, crossing) in [
            ("latin1", "\u{20ac}"),
            ("latin1", "\u{430}"),
            ("ASCII", "\u{e9}"),
            ("KOI8-R", "\u{e9}"),
        ] {
            let (converter, crossing) = (converter(set), crossing.as_bytes());
            assert_eq!(converter.off_wire(crossing), Err(Unconvertible), "{set}");
            assert_eq!(converter.text_off_wire(crossing), crossing, "{set}");
        }
        let mixed = converter("latin1").text_off_wire("\u{e9}\u{430}\u{e8}".as_bytes());
        assert_eq!(mixed, b"\xe9\xd0\xb0\xe8");
        let mixed = converter("EUC-JP").text_to_wire(b"\xa5\xbd\xff\xa5\xbd");
        assert_eq!(mixed, b"\xe3\x82\xbd\xff\xe3\x82\xbd");
    }

    #[test]
    fn unknown_sets_are_refused_by_name() {
        for name in ["", "no such set", "UTF-16", "ISO-2022-JP", "x-user-defined"] {
            assert_eq!(Set::named(name), None, "{name}");
        }
        let iconv = Iconv {
            local: Charset::Named(b"ebcdic".to_vec()),
            remote: b"UTF-8".to_vec(),
        };
        let error = Converter::new(Some(&iconv)).unwrap_err();
        let text = "--iconv: the character set ebcdic is not known";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn locales_name_a_set() {
        for (locale, encoding) in [
            ("de_DE.ISO-8859-1@euro", "ISO-8859-1"),
            ("C.UTF-8", "UTF-8"),
            ("en_US.utf8", "utf8"),
            ("C", "ASCII"),
            ("", "ASCII"),
        ] {
            assert_eq!(encoding_of_locale(locale), encoding, "{locale}");
        }
    }
}
