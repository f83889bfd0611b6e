//! Numbers and short strings, as rsync writes them: little-endian, or with only as many bytes as
//! they need.
// rsync: io.c read_int() to write_vstring()

use crate::{Error, Source};

/// Appends 4 bytes.
pub fn put_int(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Takes 4 bytes.
///
/// # Errors
///
/// Those of the source.
pub fn int<S: Source>(source: &mut S) -> Result<i32, S::Error> {
    Ok(i32::from_le_bytes(source.array()?))
}

/// Appends 2 bytes.
pub fn put_shortint(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Takes 2 bytes.
///
/// # Errors
///
/// Those of the source.
pub fn shortint<S: Source>(source: &mut S) -> Result<u16, S::Error> {
    Ok(u16::from_le_bytes(source.array()?))
}

/// Takes 1 byte.
///
/// # Errors
///
/// Those of the source.
pub fn byte<S: Source>(source: &mut S) -> Result<u8, S::Error> {
    let [byte] = source.array()?;
    Ok(byte)
}

/// Appends 1 to 5 bytes: the first says by its leading ones how many follow, and has the highest
/// bits of the value.
pub fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_packed(out, i64::from(value as u32), 1);
}

/// Takes 1 to 5 bytes.
///
/// # Errors
///
/// Those of the source, and a number of more than 32 bits.
pub fn varint<S: Source>(source: &mut S) -> Result<i32, S::Error> {
    let bytes = packed::<S, 5>(source, 1, "read_varint")?;
    Ok(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// Takes 1 to 5 bytes that hold a number from `low` to `high`.
///
/// # Errors
///
/// Those of the source, and a number outside of that.
pub fn varint_within<S: Source>(
    source: &mut S,
    low: i32,
    high: i32,
    what: &str,
) -> Result<i32, S::Error> {
    let value = varint(source)?;
    if !(low..=high).contains(&value) {
        let (value, low, high) = (value.into(), low.into(), high.into());
        return Err(Error::out_of_range(what, value, low, high).into());
    }
    Ok(value)
}

/// Appends at least `min_bytes` bytes, and at most 9.
pub fn put_varlong(out: &mut Vec<u8>, value: i64, min_bytes: usize) {
    put_packed(out, value, min_bytes);
}

/// Takes `min_bytes` to 9 bytes.
///
/// # Errors
///
/// Those of the source, and a number of more than 64 bits.
pub fn varlong<S: Source>(source: &mut S, min_bytes: usize) -> Result<i64, S::Error> {
    let bytes = packed::<S, 9>(source, min_bytes, "read_varlong")?;
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[..8]);
    Ok(i64::from_le_bytes(value))
}

/// Appends 4 bytes, or 12 where those are too few: what protocols before 30 have for a varlong.
pub fn put_longint(out: &mut Vec<u8>, value: i64) {
    match i32::try_from(value) {
        Ok(small) if small >= 0 => put_int(out, small),
        _ => {
            put_int(out, -1);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Takes 4 or 12 bytes.
///
/// # Errors
///
/// Those of the source.
pub fn longint<S: Source>(source: &mut S) -> Result<i64, S::Error> {
    match int(source)? {
        -1 => Ok(i64::from_le_bytes(source.array()?)),
        small => Ok(small.into()),
    }
}

/// As many as a string of [`put_vstring`] can have.
pub const MAX_VSTRING: usize = 0x7fff;

/// Appends a string of at most [`MAX_VSTRING`] bytes behind its length in 1 or 2 bytes.
///
/// # Panics
///
/// If it is longer.
pub fn put_vstring(out: &mut Vec<u8>, string: &[u8]) {
    let len = string.len();
    assert!(len <= MAX_VSTRING, "a string of {len} bytes");
    if len > 0x7f {
        out.push((len >> 8) as u8 | 0x80);
    }
    out.push(len as u8);
    out.extend_from_slice(string);
}

/// Takes a string of at most `most` bytes.
///
/// # Errors
///
/// Those of the source, and a longer string.
pub fn vstring<S: Source>(source: &mut S, most: usize, what: &str) -> Result<Vec<u8>, S::Error> {
    let mut len = usize::from(byte(source)?);
    if len & 0x80 != 0 {
        len = (len & 0x7f) << 8 | usize::from(byte(source)?);
    }
    if len > most {
        return Err(Error::out_of_range(what, len as i64, 0, most as i64).into());
    }
    Ok(source.take(len)?.to_vec())
}

fn put_packed(out: &mut Vec<u8>, value: i64, min_bytes: usize) {
    let bytes = value.to_le_bytes();
    let mut count = 8;
    while count > min_bytes && bytes[count - 1] == 0 {
        count -= 1;
    }
    // One bit of the first byte says that there is no more; each byte more takes another.
    let bit = 1u16 << (7 + min_bytes - count);
    let high = u16::from(bytes[count - 1]);
    if high >= bit {
        out.push(!(bit - 1) as u8);
        out.extend_from_slice(&bytes[..count]);
    } else {
        let marks = if count > min_bytes { !(bit * 2 - 1) } else { 0 };
        out.push((high | marks) as u8);
        out.extend_from_slice(&bytes[..count - 1]);
    }
}

/// Takes a packed number into `N` bytes, of which the last is for what does not fit.
fn packed<S: Source, const N: usize>(
    source: &mut S,
    min_bytes: usize,
    what: &str,
) -> Result<[u8; N], S::Error> {
    let mut bytes = [0; N];
    let first = byte(source)?;
    let extra = match first {
        0xfc.. => 6,
        0xf8.. => 5,
        _ => first.leading_ones() as usize,
    };
    let count = min_bytes + extra;
    if count > N || extra > 6 {
        return Err(Error::misbehaving(format!("Overflow in {what}()")).into());
    }
    bytes[..count - 1].copy_from_slice(source.take(count - 1)?);
    bytes[count - 1] = if extra > 0 {
        first & ((1u16 << (8 - extra)) - 1) as u8
    } else {
        first
    };
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed_int(value: i32) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, value);
        out
    }

    #[test]
    fn varints_are_rsyncs() {
        // Worked out by hand from rsync's description of the form.
        for (value, bytes) in [
            (0, &[0][..]),
            (0x7f, &[0x7f]),
            (0x80, &[0x80, 0x80]),
            (0x3fff, &[0xbf, 0xff]),
            (0x4000, &[0xc0, 0x00, 0x40]),
            (0x1f_ffff, &[0xdf, 0xff, 0xff]),
            (0x1000_0000, &[0xf0, 0x00, 0x00, 0x00, 0x10]),
            (-1, &[0xf0, 0xff, 0xff, 0xff, 0xff]),
        ] {
            assert_eq!(packed_int(value), bytes, "{value:#x}");
        }
    }

    #[test]
    fn a_number_of_too_many_bits_is_refused() {
        assert!(matches!(
            varint(&mut &[0xf8, 1, 2, 3, 4, 5, 6][..]),
            Err(Error::Misbehaving(_))
        ));
        assert!(matches!(
            varlong(&mut &[0xfc; 12][..], 4),
            Err(Error::Misbehaving(_))
        ));
        assert_eq!(varint(&mut &[0xf0, 1][..]), Err(Error::Truncated));
        assert!(varint_within(&mut &packed_int(7)[..], 0, 6, "x").is_err());
        assert!(vstring(&mut &[0x80, 9, 1][..], 8, "x").is_err());
    }

    proptest! {
        #[test]
        fn numbers_come_back(small: i32, large: i64, min in 3usize..8, string: Vec<u8>) {
            let mut out = Vec::new();
            put_varint(&mut out, small);
            // rsync packs no number of 64 bits into fewer than 3 to 9 bytes, and nothing negative.
            put_varlong(&mut out, large & i64::MAX, min);
            put_longint(&mut out, large);
            put_vstring(&mut out, &string);
            let mut source = &out[..];
            prop_assert_eq!(varint(&mut source), Ok(small));
            prop_assert_eq!(varlong(&mut source, min), Ok(large & i64::MAX));
            prop_assert_eq!(longint(&mut source), Ok(large));
            prop_assert_eq!(vstring(&mut source, MAX_VSTRING, "x"), Ok(string));
            prop_assert!(source.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, min in 1usize..9) {
            let _ = varint(&mut &bytes[..]);
            let _ = varlong(&mut &bytes[..], min);
            let _ = longint(&mut &bytes[..]);
            let _ = vstring(&mut &bytes[..], 100, "x");
        }
    }
}
