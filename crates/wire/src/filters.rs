//! How filter rules cross: each behind its length, 0 at the end. What a rule says is not known here.
// rsync: exclude.c send_filter_list(), recv_filter_list()

use crate::int::{int, put_int};
use crate::{Error, Source};

/// The longest rule.
// rsync: rsync.h BIGPATHBUFLEN
pub const MAX_RULE: usize = 4096 + 1024 - 1;

/// As many bytes as all rules may have together; rsync has no bound.
pub const MAX_RULES: usize = 16 << 20;

/// Appends a list of rules, each in its text for the peer; rules without text are left out.
///
/// # Errors
///
/// [`Error::Unsupported`], for a rule or a list that the peer would refuse.
pub fn put_rules<R: AsRef<[u8]>>(out: &mut Vec<u8>, rules: &[R]) -> Result<(), Error> {
    let mut total = 0;
    for rule in rules
        .iter()
        .map(AsRef::as_ref)
        .filter(|rule| !rule.is_empty())
    {
        total += rule.len();
        if rule.len() > MAX_RULE || total > MAX_RULES {
            return Err(Error::Unsupported(
                "filter rules are too long to be sent".into(),
            ));
        }
        put_int(out, rule.len() as i32);
        out.extend_from_slice(rule);
    }
    put_int(out, 0);
    Ok(())
}

/// Takes a list of rules.
///
/// # Errors
///
/// Those of the source, a rule that is too long, and too many rules.
pub fn rules<S: Source>(source: &mut S) -> Result<Vec<Vec<u8>>, S::Error> {
    let mut rules = Vec::new();
    let mut total = 0;
    loop {
        let len = int(source)?;
        if len == 0 {
            return Ok(rules);
        }
        let bounded = usize::try_from(len).ok().filter(|&len| len <= MAX_RULE);
        let Some(len) = bounded else {
            let most = MAX_RULE as i64;
            return Err(Error::out_of_range("filter rule", len.into(), 0, most).into());
        };
        // An entry of the vector takes memory, too, and a rule can be one byte.
        total += len + size_of::<Vec<u8>>();
        if total > MAX_RULES {
            return Err(Error::misbehaving("too many filter rules").into());
        }
        rules.push(source.take(len)?.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_bounded() {
        for len in [-1, i32::MIN, i32::MAX, MAX_RULE as i32 + 1] {
            let mut bytes = Vec::new();
            put_int(&mut bytes, len);
            bytes.resize(10_000, b'x');
            let taken = rules(&mut &bytes[..]);
            assert!(
                matches!(taken, Err(Error::Misbehaving(_))),
                "{len}: {taken:?}"
            );
        }
        let many = [1, 0, 0, 0, b'x'].repeat(MAX_RULES / 20);
        assert!(matches!(rules(&mut &many[..]), Err(Error::Misbehaving(_))));
        let long = vec![b'x'; MAX_RULE + 1];
        assert!(put_rules(&mut Vec::new(), &[long]).is_err());
    }

    proptest! {
        #[test]
        fn rules_come_back(list: Vec<Vec<u8>>) {
            let mut bytes = Vec::new();
            put_rules(&mut bytes, &list).expect("short rules");
            let mut source = &bytes[..];
            let told: Vec<_> = list.into_iter().filter(|rule| !rule.is_empty()).collect();
            prop_assert_eq!(rules(&mut source), Ok(told));
            prop_assert!(source.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = rules(&mut &bytes[..]);
        }
    }
}
