//! One pattern, made ready for matching.
//!
//! Most patterns name no path, so they are matched against the last component alone, without
//! building anything. The others need the entry's path, sometimes with more around it; a
//! [`PathText`] holds all those forms as slices of one buffer, built once for an entry.
//!
//! rsync: exclude.c add_rule(), rule_matches()

use super::parse::Flags;
use super::wildmatch::{trailing_elements, wildmatch, wildmatch_after_any_slash};

/// What an entry is, as far as rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Anything but a directory.
    File,
    /// A directory.
    Directory,
    /// The name of an extended attribute: only `x` rules speak of those.
    Xattr,
}

/// A pattern with what its rule says of it.
#[derive(Clone, Debug)]
pub struct Rule {
    flags: Flags,
    pattern: Box<[u8]>,
    matcher: Matcher,
}

#[derive(Clone, Copy, Debug)]
enum Matcher {
    /// Against the last component.
    Name(NameMatcher),
    /// Against the path.
    Path(PathMatcher),
}

#[derive(Clone, Copy, Debug)]
enum NameMatcher {
    Anything,
    Exact,
    /// `*` and then the pattern's remaining bytes as they are.
    Suffix,
    /// The pattern's bytes as they are, and then `*`.
    Prefix,
    Wild,
}

#[derive(Clone, Copy, Debug)]
struct PathMatcher {
    wild: bool,
    anchored: bool,
    /// The pattern begins with `**`, which may match the slash before the path.
    leading_stars: bool,
    /// The pattern ends with `***`, which may match the slash after a directory.
    trailing_stars: bool,
    start: MatchStart,
}

/// Where in the path a match may begin.
#[derive(Clone, Copy, Debug)]
enum MatchStart {
    Beginning,
    /// At the last so many elements.
    TrailingElements(usize),
    AfterAnySlash,
}

impl Rule {
    /// Prepares `text`, whose trailing `/` has gone into `flags`. In a rule of a directory's
    /// own file, `directory` is that directory's absolute path without a trailing `/`: a
    /// pattern with a leading `/` is anchored there.
    pub(super) fn new(text: &[u8], mut flags: Flags, directory: Option<&[u8]>) -> Self {
        let mut pattern = Vec::new();
        if let Some(directory) = directory
            && text.first() == Some(&b'/')
            && !flags.absolute
            && !flags.merge
        {
            flags.absolute = true;
            pattern.extend_from_slice(directory);
        }
        pattern.extend_from_slice(text);
        let pattern = pattern.into_boxed_slice();
        Self {
            flags,
            matcher: matcher_for(&pattern),
            pattern,
        }
    }

    /// What the rule says beside its pattern.
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// The pattern, without the `/` that made it match directories only.
    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    pub(super) fn needs_path(&self) -> bool {
        matches!(self.matcher, Matcher::Path(_))
    }

    /// Whether the rule takes effect for this entry. `path` may be absent only if no rule
    /// asked about needs it.
    pub(super) fn matches(&self, name: &[u8], path: Option<&PathText>, kind: EntryKind) -> bool {
        if self.flags.xattr != (kind == EntryKind::Xattr) {
            return false;
        }
        let in_kind = !self.flags.directory || kind == EntryKind::Directory;
        (in_kind && self.pattern_matches(name, path, kind)) != self.flags.negate
    }

    fn pattern_matches(&self, name: &[u8], path: Option<&PathText>, kind: EntryKind) -> bool {
        let pattern = &*self.pattern;
        match self.matcher {
            Matcher::Name(NameMatcher::Exact) => name == pattern,
            Matcher::Name(NameMatcher::Suffix) => name.ends_with(&pattern[1..]),
            Matcher::Name(NameMatcher::Prefix) => name.starts_with(&pattern[..pattern.len() - 1]),
            Matcher::Name(NameMatcher::Anything) => true,
            Matcher::Name(NameMatcher::Wild) => wildmatch(pattern, name),
            Matcher::Path(how) => path.is_some_and(|path| {
                how.matches(
                    pattern,
                    path,
                    self.flags.absolute,
                    kind == EntryKind::Directory,
                )
            }),
        }
    }
}

impl PathMatcher {
    fn matches(self, pattern: &[u8], path: &PathText, absolute: bool, directory: bool) -> bool {
        let text = path.form(
            absolute,
            self.leading_stars,
            directory && self.trailing_stars,
        );
        let pattern = if self.anchored {
            &pattern[1..]
        } else {
            pattern
        };
        if !self.wild {
            return match text.strip_suffix(pattern) {
                Some(before) => before.is_empty() || (!self.anchored && before.ends_with(b"/")),
                None => false,
            };
        }
        match self.start {
            MatchStart::Beginning => wildmatch(pattern, text),
            MatchStart::AfterAnySlash => wildmatch_after_any_slash(pattern, text),
            MatchStart::TrailingElements(count) => {
                trailing_elements(text, count).is_some_and(|text| wildmatch(pattern, text))
            }
        }
    }
}

fn matcher_for(pattern: &[u8]) -> Matcher {
    let is_wild = |byte: &u8| matches!(byte, b'*' | b'?' | b'[');
    let wild = pattern.iter().any(is_wild);
    let double_star = pattern.windows(2).position(|pair| pair == b"**");
    let slashes = pattern.iter().filter(|&&byte| byte == b'/').count();
    if slashes == 0 && double_star.is_none() {
        let literal = |bytes: &[u8]| !bytes.iter().any(|byte| is_wild(byte) || *byte == b'\\');
        return Matcher::Name(match pattern {
            _ if !wild => NameMatcher::Exact,
            b"*" => NameMatcher::Anything,
            [b'*', rest @ ..] if literal(rest) => NameMatcher::Suffix,
            [rest @ .., b'*'] if literal(rest) => NameMatcher::Prefix,
            _ => NameMatcher::Wild,
        });
    }
    let anchored = pattern.first() == Some(&b'/');
    let leading_stars = double_star == Some(0);
    let start = if anchored || leading_stars {
        MatchStart::Beginning
    } else if double_star.is_some() {
        MatchStart::AfterAnySlash
    } else {
        MatchStart::TrailingElements(slashes + 1)
    };
    let trailing_stars = double_star.is_some() && pattern.ends_with(b"***");
    Matcher::Path(PathMatcher {
        wild,
        anchored,
        leading_stars,
        trailing_stars,
        start,
    })
}

/// An entry's path in one buffer: the transfer's base directory, `/`, the path, `/`. Every form
/// of the path that a pattern may be matched against is a slice of it.
pub(super) struct PathText<'b> {
    buffer: &'b [u8],
    path_start: usize,
    has_base: bool,
    /// The path given began with `/`: nothing goes before it.
    rooted: bool,
}

/// Paths up to this long cost no allocation.
pub(super) const INLINE_PATH: usize = 512;

impl<'b> PathText<'b> {
    /// Joins the parts in `inline`, or in `spill` if they do not fit. `base` has no trailing
    /// `/` and is empty for the root directory.
    pub(super) fn new(
        base: &[u8],
        directory: &[u8],
        name: &[u8],
        inline: &'b mut [u8; INLINE_PATH],
        spill: &'b mut Vec<u8>,
    ) -> Self {
        let base = base.strip_prefix(b"/").unwrap_or(base);
        let rooted = directory.first() == Some(&b'/');
        let directory = match directory {
            b"." => b"",
            _ if rooted => &directory[1..],
            _ => directory,
        };
        let separator: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        let parts = [base, b"/", directory, separator, name, b"/"];
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let buffer = if length <= INLINE_PATH {
            &mut inline[..length]
        } else {
            spill.resize(length, 0);
            &mut spill[..]
        };
        let mut at = 0;
        for part in parts {
            buffer[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Self {
            buffer,
            path_start: base.len() + 1,
            has_base: !base.is_empty(),
            rooted,
        }
    }

    fn form(&self, absolute: bool, leading_slash: bool, trailing_slash: bool) -> &[u8] {
        let start = if self.rooted {
            self.path_start
        } else if absolute && self.has_base {
            0
        } else if leading_slash {
            self.path_start - 1
        } else {
            self.path_start
        };
        let end = self.buffer.len() - usize::from(!trailing_slash);
        &self.buffer[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &[u8], base: &[u8], dir: &[u8], name: &[u8], absolute: bool) -> bool {
        let rule = Rule::new(
            pattern,
            Flags {
                absolute,
                ..Flags::default()
            },
            None,
        );
        let (mut inline, mut spill) = ([0; INLINE_PATH], Vec::new());
        let path = PathText::new(base, dir, name, &mut inline, &mut spill);
        rule.matches(name, Some(&path), EntryKind::File)
    }

    #[test]
    fn absolute_rules_see_the_base() {
        assert!(matches(b"/home/me/a/f", b"/home/me", b"a", b"f", true));
        assert!(!matches(b"/a/f", b"/home/me", b"a", b"f", true));
        assert!(matches(b"/a/f", b"", b"a", b"f", true));
        assert!(matches(b"me/a/f", b"/home/me", b"a", b"f", true));
        assert!(!matches(b"me/a/f", b"/home/me", b"a", b"f", false));
    }

    #[test]
    fn paths_longer_than_the_inline_buffer_match_too() {
        let dir = b"d/".repeat(400);
        assert!(matches(b"d/d/f", b"/x", &dir[..799], b"f", false));
        assert!(matches(b"/d/**/f", b"/x", &dir[..799], b"f", false));
    }
}
