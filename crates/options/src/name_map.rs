//! The `--usermap` and `--groupmap` language: who becomes whom at the destination.
//!
//! `FROM:TO,FROM:TO,...` where FROM is a name, a wildcard, an ID or a range of IDs, and TO is a
//! name or an ID. Names on the right are looked up by the receiver, which alone knows them.
//!
//! rsync: uidlist.c parse_name_map()

use crate::error::OptionError;

/// An ordered list of rules, the first match wins; empty maps nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameMap {
    /// The rules in the order given.
    pub rules: Vec<NameMapRule>,
}

/// One `FROM:TO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMapRule {
    /// Whom it concerns.
    pub from: MapFrom,
    /// Whom they become.
    pub to: MapTo,
}

/// The left-hand side of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapFrom {
    /// An ID, or a range of IDs with both ends included.
    Ids {
        /// The lowest.
        first: u32,
        /// The highest.
        last: u32,
    },
    /// A name, to the letter. Empty: an ID that has no name.
    Name(Vec<u8>),
    /// A name, by wildcard.
    Wild(Vec<u8>),
}

/// The right-hand side of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapTo {
    /// A number.
    Id(u32),
    /// A name that the receiver looks up; unknown there, the rule is dropped with a message.
    Name(Vec<u8>),
}

/// Which of the two maps; it names the option in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    User,
    Group,
}

impl NameMap {
    /// Reads the whole value of `--usermap` or `--groupmap`.
    pub(crate) fn parse(text: &[u8], kind: MapKind) -> Result<NameMap, OptionError> {
        let rules = text
            .split(|&b| b == b',')
            .map(|rule| NameMapRule::parse(rule, kind))
            .collect::<Result<_, _>>()?;
        Ok(NameMap { rules })
    }

    /// Everybody becomes `to`: what one half of `--chown` means.
    pub(crate) fn everybody(to: &[u8]) -> Result<NameMap, OptionError> {
        let to = MapTo::parse(to)?;
        let from = MapFrom::Wild(b"*".to_vec());
        Ok(NameMap {
            rules: vec![NameMapRule { from, to }],
        })
    }
}

impl NameMapRule {
    fn parse(rule: &[u8], kind: MapKind) -> Result<NameMapRule, OptionError> {
        let bad = |what: &str, text: &[u8]| {
            let which = match kind {
                MapKind::User => "user",
                MapKind::Group => "group",
            };
            let text = String::from_utf8_lossy(text);
            OptionError::bare(format!("{what} --{which}map: {text}"))
        };
        let Some(colon) = rule.iter().position(|&b| b == b':') else {
            return Err(bad("No colon found in", rule));
        };
        let (from, to) = (&rule[..colon], &rule[colon + 1..]);
        if to.is_empty() {
            return Err(bad("No name found after colon", rule));
        }
        Ok(NameMapRule {
            from: MapFrom::parse(from)?.ok_or_else(|| bad("Invalid number in", from))?,
            to: MapTo::parse(to)?,
        })
    }
}

impl MapFrom {
    /// `None` is a number or range that cannot be read as one.
    fn parse(from: &[u8]) -> Result<Option<MapFrom>, OptionError> {
        if !from.first().is_some_and(u8::is_ascii_digit) {
            let is_wild = from.iter().any(|b| b"*[?".contains(b));
            let name = from.to_vec();
            return Ok(Some(if is_wild {
                MapFrom::Wild(name)
            } else {
                MapFrom::Name(name)
            }));
        }
        let mut ends = from.split(|&b| b == b'-');
        let (first, last, more) = (ends.next(), ends.next(), ends.next());
        let all_digits = |end: &&[u8]| !end.is_empty() && end.iter().all(u8::is_ascii_digit);
        match (first.filter(all_digits), last, more) {
            (Some(first), None, None) => {
                let first = id(first)?;
                Ok(Some(MapFrom::Ids { first, last: first }))
            }
            (Some(first), Some(last), None) if all_digits(&last) => Ok(Some(MapFrom::Ids {
                first: id(first)?,
                last: id(last)?,
            })),
            _ => Ok(None),
        }
    }
}

impl MapTo {
    fn parse(to: &[u8]) -> Result<MapTo, OptionError> {
        if to.iter().all(u8::is_ascii_digit) {
            Ok(MapTo::Id(id(to)?))
        } else {
            Ok(MapTo::Name(to.to_vec()))
        }
    }
}

// rsync: uidlist.c id_parse()
fn id(digits: &[u8]) -> Result<u32, OptionError> {
    let text = String::from_utf8_lossy(digits);
    text.parse()
        .map_err(|_| OptionError::bare(format!("Invalid ID number: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        NameMap::parse(text.as_bytes(), MapKind::User)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn every_kind_of_rule() {
        let map = NameMap::parse(b"0-99:nobody,wayne:7,*[a]:x,5:6,:y", MapKind::Group).unwrap();
        let from: Vec<_> = map.rules.iter().map(|r| r.from.clone()).collect();
        assert_eq!(
            from,
            [
                MapFrom::Ids { first: 0, last: 99 },
                MapFrom::Name(b"wayne".to_vec()),
                MapFrom::Wild(b"*[a]".to_vec()),
                MapFrom::Ids { first: 5, last: 5 },
                MapFrom::Name(Vec::new()),
            ]
        );
        assert_eq!(map.rules[0].to, MapTo::Name(b"nobody".to_vec()));
        assert_eq!(map.rules[1].to, MapTo::Id(7));
    }

    #[test]
    fn bad_rules_are_named() {
        assert_eq!(message("zzz"), "No colon found in --usermap: zzz");
        assert_eq!(message("a:b,c:"), "No name found after colon --usermap: c:");
        assert_eq!(message("5x:b"), "Invalid number in --usermap: 5x");
        assert_eq!(message("5-:b"), "Invalid number in --usermap: 5-");
        assert_eq!(message("5-6-7:b"), "Invalid number in --usermap: 5-6-7");
        assert_eq!(message("9999999999:b"), "Invalid ID number: 9999999999");
    }
}
