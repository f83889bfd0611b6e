//! What the numbers of users and groups are called: behind the list, where it comes in one piece.
//!
//! Two lists, of users and of groups, each of whichever crosses
//! ([`ListRules::lists_users`](super::ListRules::lists_users),
//! [`ListRules::lists_groups`](super::ListRules::lists_groups)). Number 0 ends a list; whether it
//! has a name too was agreed on.
// rsync: uidlist.c send_id_lists(), recv_id_list(), recv_user_name()

use super::packed::{number, put_number};
use crate::int::byte;
use crate::{Error, Protocol, Source};

/// As long as a name can be.
pub const MAX_NAME_LEN: usize = 255;

/// Appends a number that is not 0 and its name, which is cut after [`MAX_NAME_LEN`] bytes.
pub fn put_id(out: &mut Vec<u8>, protocol: Protocol, id: u32, name: &[u8]) {
    put_number(out, protocol, id as i32);
    put_name(out, name);
}

/// Appends the end of a list. What number 0 is called crosses only where that was agreed on.
pub fn put_ids_end(out: &mut Vec<u8>, protocol: Protocol, zero: &[u8]) {
    put_number(out, protocol, 0);
    if protocol.has_id0_names() {
        put_name(out, zero);
    }
}

/// Takes a list of numbers and their names to the end, number 0 last where that was agreed on.
/// An empty name is none.
///
/// # Errors
///
/// Those of the source and of `each`, and a name with a zero byte in it.
pub fn ids<S: Source>(
    source: &mut S,
    protocol: Protocol,
    mut each: impl FnMut(u32, &[u8]) -> Result<(), Error>,
) -> Result<(), S::Error> {
    let mut name = Vec::with_capacity(MAX_NAME_LEN);
    loop {
        let id = number(source, protocol)? as u32;
        if id == 0 && !protocol.has_id0_names() {
            return Ok(());
        }
        take_name(source, &mut name)?;
        each(id, &name)?;
        if id == 0 {
            return Ok(());
        }
    }
}

/// Appends a name behind its length.
pub(super) fn put_name(out: &mut Vec<u8>, name: &[u8]) {
    let name = &name[..name.len().min(MAX_NAME_LEN)];
    out.push(name.len() as u8);
    out.extend_from_slice(name);
}

/// Takes a name into a vector, in place of what it has.
pub(super) fn take_name<S: Source>(source: &mut S, name: &mut Vec<u8>) -> Result<(), S::Error> {
    let len = byte(source)?.into();
    name.clear();
    name.extend_from_slice(source.take(len)?);
    if name.contains(&0) {
        return Err(Error::misbehaving("a user or group with a zero byte in its name").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CompatFlags;

    fn listed(protocol: Protocol, bytes: &mut &[u8]) -> Result<Vec<(u32, Vec<u8>)>, Error> {
        let mut listed = Vec::new();
        ids(bytes, protocol, |id, name| {
            listed.push((id, name.to_vec()));
            Ok(())
        })?;
        Ok(listed)
    }

    #[test]
    fn lists_come_back() {
        let named = CompatFlags::ID0_NAMES;
        for protocol in [
            Protocol::new(29).unwrap(),
            Protocol::new(32).unwrap(),
            Protocol::new(32).unwrap().with_flags(named),
        ] {
            let mut bytes = Vec::new();
            put_id(&mut bytes, protocol, 1000, b"ann");
            put_id(&mut bytes, protocol, u32::MAX, &[b'x'; 300]);
            put_ids_end(&mut bytes, protocol, b"root");
            let mut source = &bytes[..];
            let mut expected = vec![(1000, b"ann".to_vec()), (u32::MAX, vec![b'x'; 255])];
            if protocol.has_id0_names() {
                expected.push((0, b"root".to_vec()));
            }
            assert_eq!(listed(protocol, &mut source), Ok(expected));
            assert!(source.is_empty());
        }
    }

    #[test]
    fn a_list_of_protocol_29_is_plain() {
        let mut bytes = Vec::new();
        put_id(&mut bytes, Protocol::new(29).unwrap(), 5, b"x");
        assert_eq!(bytes, [5, 0, 0, 0, 1, b'x']);
    }

    #[test]
    fn bad_names_are_refused() {
        let protocol = Protocol::new(31).unwrap();
        assert_eq!(
            listed(protocol, &mut &[5, 9, b'x'][..]),
            Err(Error::Truncated)
        );
        let zero = listed(protocol, &mut &[5, 2, b'x', 0, 0][..]);
        assert!(matches!(zero, Err(Error::Misbehaving(_))));
    }
}
