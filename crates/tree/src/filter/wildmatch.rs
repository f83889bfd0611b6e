//! Shell-style matching with rsync's own rules for `/`, `*` and `**`.
//!
//! It works on bytes and never allocates. The outcome is not a plain yes or no: a failure also
//! says how far up a caller's `*` may give up, which keeps patterns with many stars from
//! taking exponential time.
//!
//! rsync: lib/wildmatch.c dowild(), wildmatch_array()

/// Whether `pattern` matches the whole of `text`.
///
/// `*` and `?` do not match `/`; `**` does. A class (`[...]`) never matches `/`.
pub fn wildmatch(pattern: &[u8], text: &[u8]) -> bool {
    match_from(pattern, text) == Outcome::Match
}

/// Whether `pattern` matches from the start of `text`, or from just after any `/` in it.
pub fn wildmatch_after_any_slash(pattern: &[u8], text: &[u8]) -> bool {
    match match_from(pattern, text) {
        Outcome::Match => return true,
        Outcome::AbortAll => return false,
        Outcome::NoMatch | Outcome::AbortToStarStar => {}
    }
    for (at, _) in text.iter().enumerate().filter(|&(_, &byte)| byte == b'/') {
        match match_from(pattern, &text[at + 1..]) {
            Outcome::Match => return true,
            Outcome::AbortAll => return false,
            Outcome::NoMatch | Outcome::AbortToStarStar => {}
        }
    }
    false
}

/// The last `count` elements of the path `text`; `None` if it has fewer.
///
/// rsync: lib/wildmatch.c trailing_N_elements()
pub fn trailing_elements(text: &[u8], count: usize) -> Option<&[u8]> {
    let mut slashes = text.iter().enumerate().rev().filter(|&(_, &b)| b == b'/');
    let mut found = 0;
    while found < count {
        match slashes.next() {
            Some((at, _)) => {
                found += 1;
                if found == count {
                    return Some(&text[at + 1..]);
                }
            }
            None => break,
        }
    }
    (found + 1 == count).then_some(text)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match,
    NoMatch,
    /// The text ran out: no longer match of an earlier star can help.
    AbortAll,
    /// A single star met a slash: only an earlier `**` can help.
    AbortToStarStar,
}

fn match_from(mut pattern: &[u8], mut text: &[u8]) -> Outcome {
    while let Some((&wanted, after)) = pattern.split_first() {
        if wanted == b'*' {
            return match_star(after, text);
        }
        let Some((&byte, text_after)) = text.split_first() else {
            return Outcome::AbortAll;
        };
        pattern = after;
        match wanted {
            b'?' => {
                if byte == b'/' {
                    return Outcome::NoMatch;
                }
            }
            b'[' => match match_class(after, byte) {
                Some((true, after_class)) if byte != b'/' => pattern = after_class,
                Some(_) => return Outcome::NoMatch,
                None => return Outcome::AbortAll,
            },
            b'\\' => match after.split_first() {
                Some((&literal, after_literal)) if literal == byte => pattern = after_literal,
                _ => return Outcome::NoMatch,
            },
            literal => {
                if literal != byte {
                    return Outcome::NoMatch;
                }
            }
        }
        text = text_after;
    }
    if text.is_empty() {
        Outcome::Match
    } else {
        Outcome::NoMatch
    }
}

/// `pattern` is what follows one `*`.
fn match_star(mut pattern: &[u8], mut text: &[u8]) -> Outcome {
    let crosses_slashes = pattern.first() == Some(&b'*');
    while let Some((b'*', after)) = pattern.split_first() {
        pattern = after;
    }
    if pattern.is_empty() {
        return if crosses_slashes || !text.contains(&b'/') {
            Outcome::Match
        } else {
            Outcome::NoMatch
        };
    }
    while let Some((&byte, after)) = text.split_first() {
        match match_from(pattern, text) {
            Outcome::NoMatch if !crosses_slashes && byte == b'/' => {
                return Outcome::AbortToStarStar;
            }
            Outcome::NoMatch => {}
            Outcome::AbortToStarStar if crosses_slashes => {}
            decided => return decided,
        }
        text = after;
    }
    Outcome::AbortAll
}

/// Matches `byte` against the class that begins after its `[`. Returns whether it is a member
/// and the pattern after the closing `]`; `None` if the class is malformed.
fn match_class(class: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let at = |index: usize| class.get(index).copied();
    let mut index = 0;
    let negated = matches!(at(0), Some(b'!' | b'^'));
    if negated {
        index += 1;
    }
    let mut current = at(index)?;
    // The character that a following `-` would range from; none after a range or named class.
    let mut range_start: Option<u8> = None;
    let mut member = false;
    loop {
        match (current, range_start, at(index + 1)) {
            (b'\\', _, _) => {
                index += 1;
                let literal = at(index)?;
                member |= byte == literal;
                range_start = Some(literal);
            }
            (b'-', Some(low), Some(next)) if next != b']' => {
                index += 1;
                let mut high = next;
                if high == b'\\' {
                    index += 1;
                    high = at(index)?;
                }
                member |= (low..=high).contains(&byte);
                range_start = None;
            }
            (b'[', _, Some(b':')) => {
                let name_start = index + 2;
                let length = class.get(name_start..)?.iter().position(|&b| b == b']')?;
                match class[name_start..name_start + length].strip_suffix(b":") {
                    Some(name) => {
                        member |= in_named_class(name, byte)?;
                        index = name_start + length;
                        range_start = None;
                    }
                    // No ":]" follows: the '[' is an ordinary member.
                    None => {
                        member |= byte == b'[';
                        range_start = Some(b'[');
                    }
                }
            }
            _ => {
                member |= byte == current;
                range_start = Some(current);
            }
        }
        index += 1;
        current = at(index)?;
        if current == b']' {
            return Some((member != negated, &class[index + 1..]));
        }
    }
}

/// Whether `byte` belongs to the POSIX class `name`, in the C locale; `None` for no such class.
fn in_named_class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_elements_counts_from_the_end() {
        assert_eq!(trailing_elements(b"a/b/c", 1), Some(&b"c"[..]));
        assert_eq!(trailing_elements(b"a/b/c", 2), Some(&b"b/c"[..]));
        assert_eq!(trailing_elements(b"a/b/c", 3), Some(&b"a/b/c"[..]));
        assert_eq!(trailing_elements(b"a/b/c", 4), None);
        assert_eq!(trailing_elements(b"a", 1), Some(&b"a"[..]));
    }

    #[test]
    fn after_any_slash_starts_at_component_boundaries_only() {
        assert!(wildmatch_after_any_slash(b"b**d", b"a/b/c/d"));
        assert!(!wildmatch_after_any_slash(b"b**d", b"ab/c/d"));
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = b"*a".repeat(500);
        let text = b"a".repeat(4000);
        assert!(!wildmatch(&[&pattern[..], b"b"].concat(), &text));
    }
}
