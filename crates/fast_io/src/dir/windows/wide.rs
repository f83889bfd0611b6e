//! Names as the rest of the program has them (bytes) and as Windows has them (UTF-16).
//!
//! The bytes are WTF-8: UTF-8 in which an unpaired surrogate, which NTFS allows in a name, is
//! its three-byte form, so that every name on a volume survives the way there and back. Each
//! name has one spelling only: a *pair* of surrogates must be the four-byte character.

use crate::dir::name::Name;
use crate::sys::{invalid_name, win32_error};
use std::io;
use windows_sys::Win32::Foundation::ERROR_FILENAME_EXCED_RANGE;

/// The longest name, in UTF-16 units, that a native call's 16-bit byte count can say.
const LONGEST: usize = u16::MAX as usize / 2;

/// The name for a native call; empty for `.`, which to such a call is the directory itself.
///
/// Refused: what would lead elsewhere here besides what [`Name`] refuses (`\\`, a stream's `:`), and
/// what is not UTF-16 in other clothes. Device names (`NUL`, `COM1`) and trailing dots mean nothing
/// special to the native calls.
pub(super) fn component(name: Name<'_>) -> io::Result<Vec<u16>> {
    let name = match name.bytes() {
        b"." => b"",
        name => name,
    };
    if name.iter().any(|b| b"\\:".contains(b)) {
        return Err(invalid_name());
    }
    let wide = decode(name).ok_or_else(invalid_name)?;
    if wide.len() > LONGEST {
        Err(win32_error(ERROR_FILENAME_EXCED_RANGE))
    } else {
        Ok(wide)
    }
}

/// WTF-8 to UTF-16; nothing if the bytes are not well-formed WTF-8.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u16>> {
    let mut wide = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let error = match std::str::from_utf8(rest) {
            Ok(text) => {
                wide.extend(text.encode_utf16());
                return Some(wide);
            }
            Err(error) => error,
        };
        let (good, bad) = rest.split_at(error.valid_up_to());
        // Just checked; this never takes the second branch.
        wide.extend(std::str::from_utf8(good).ok()?.encode_utf16());
        let surrogate = match *bad {
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] => {
                0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F)
            }
            _ => return None,
        };
        let follows_lead = matches!(wide.last(), Some(0xD800..=0xDBFF));
        if follows_lead && surrogate >= 0xDC00 {
            return None;
        }
        wide.push(surrogate);
        rest = &bad[3..];
    }
}

/// UTF-16, paired or not, to WTF-8.
pub(super) fn encode(wide: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(wide.len());
    for unit in char::decode_utf16(wide.iter().copied()) {
        match unit {
            Ok(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) => {
                let s = error.unpaired_surrogate();
                bytes.extend([0xED, 0x80 | (s >> 6 & 0x3F) as u8, 0x80 | (s & 0x3F) as u8]);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_utf16_string_survives() {
        let cases: [&[u16]; 7] = [
            &[],
            &[0x61, 0xE4, 0x4E2D],
            &[0xD83D, 0xDE00],
            &[0xD800],
            &[0xDC00, 0xD800],
            &[0x61, 0xDBFF, 0x62, 0xDFFF],
            &[0xD800, 0xD83D, 0xDE00, 0xDC00],
        ];
        for wide in cases {
            assert_eq!(decode(&encode(wide)).as_deref(), Some(wide), "{wide:x?}");
        }
    }

    #[test]
    fn text_is_utf_8() {
        assert_eq!(
            encode(&"añ中😀".encode_utf16().collect::<Vec<_>>()),
            "añ中😀".as_bytes()
        );
    }

    #[test]
    fn malformed_bytes_and_second_spellings_are_refused() {
        let cases: [&[u8]; 6] = [
            b"\xff",
            b"a\xc3",
            b"\xc0\xaf",
            b"\xed\xa0",
            b"\xed\xa0\xbd\xed\xb8\x80",
            b"\xf4\x90\x80\x80",
        ];
        for bytes in cases {
            assert_eq!(decode(bytes), None, "{bytes:x?}");
        }
    }

    fn of(name: &[u8]) -> io::Result<Vec<u16>> {
        component(Name::of_entry_or_itself(name)?)
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["a\\b", "..\\a", "C:", "a:stream", "\\"] {
            let error = of(name.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidFilename, "{name:?}");
        }
        for name in ["...", "nul", "COM1", "a.", " ", ".a", "a..b"] {
            assert!(of(name.as_bytes()).is_ok(), "{name:?}");
        }
        assert!(of(b".").unwrap().is_empty());
    }

    #[test]
    fn names_too_long_for_the_call_are_refused() {
        assert!(of(&[b'a'; LONGEST]).is_ok());
        assert!(of(&[b'a'; LONGEST + 1]).is_err());
    }
}
