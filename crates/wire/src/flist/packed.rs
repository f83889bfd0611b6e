//! Numbers that are packed from protocol 30 on, and were plain before.
// rsync: io.h write_varint30(), write_varlong30()

use crate::int::{int, longint, put_int, put_longint, put_varint, put_varlong, varint, varlong};
use crate::{Protocol, Source};

pub(super) fn put_number(out: &mut Vec<u8>, protocol: Protocol, value: i32) {
    if protocol.is_packed() {
        put_varint(out, value);
    } else {
        put_int(out, value);
    }
}

pub(super) fn number<S: Source>(source: &mut S, protocol: Protocol) -> Result<i32, S::Error> {
    if protocol.is_packed() {
        varint(source)
    } else {
        int(source)
    }
}

pub(super) fn put_large(out: &mut Vec<u8>, protocol: Protocol, value: i64, min_bytes: usize) {
    if protocol.is_packed() {
        put_varlong(out, value, min_bytes);
    } else {
        put_longint(out, value);
    }
}

pub(super) fn large<S: Source>(
    source: &mut S,
    protocol: Protocol,
    min_bytes: usize,
) -> Result<i64, S::Error> {
    if protocol.is_packed() {
        varlong(source, min_bytes)
    } else {
        longint(source)
    }
}
