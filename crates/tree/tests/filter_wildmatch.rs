//! Shell-style matching, case by case.

use tree::filter::{wildmatch, wildmatch_after_any_slash};

/// Pattern, a text it matches (or `-`), a text it does not match (or `-`).
const CASES: &str = r"
// literals, ? and *
foo             foo                 bar
foo             -                   fo
foo             -                   fooo
???             foo                 fo
?               x                   /
*               anything            a/b
f*              foo                 of
*o              foo                 fob
*oo*            foo                 fo
*a*b*c          xaybzc              xaybz
*ab             aaaababab           aabba
a*              a                   ba
**              a/b/c               -
// escapes
foo\*           foo*                foobar
f\\oo           f\oo                foo
\a\b            ab                  \a\b
\??\?           ?x?                 abc
*\              -                   a\
*/\\            /\                  /x
\               -                   \
\[ab]           [ab]                a
// slashes
a*b             axxb                a/b
a?b             axb                 a/b
a[/]b           -                   a/b
a[^x]b          ayb                 a/b
a**b            a/x/y/b             a/x/y
**/foo          x/y/foo             foo
**/foo          /foo                xfoo
*/foo           x/foo               x/y/foo
**/b/*          a/b/c               a/b
**/b/*          x/a/b/c             x/a/b/c/d
**/b/**         a/b/c/d             a/b
**/b/**         x/b/                b/x
**/b**          a/b/c               a/c
*/b/**          a/b/c/d             x/a/b/c
**/b/*/*        x/a/b/c/d           x/a/b/c
a/**/d          a/b/c/d             a/d
a/***           a/b/c               a
a***d           a/b/c/d             a/b
/**             /a/b                a/b
*/              a/                  a
a**/            a/b/                a/b
// classes
[abc]           b                   d
[a-c]x          bx                  dx
[!a-c]          d                   b
[^a-c]          d                   b
[a-cx-z]        y                   m
[]]             ]                   [
[]-]            -b                  a
[]a-]           a                   b
[!]]            a                   ]
[!]-]           a                   -b
[a-]            a                   b
[-a]            a                   b
[--0]           .                   1
[a-c-e]         b                   d
[a-a]           a                   b
[c-a]           -                   b
[a^b]           ^                   c
[a!b]           !                   c
[\]]            ]                   \
[\\]            \                   x
[\a-\c]         b                   d
[[-\]]          \                   ^
[a-\]]          -                   b
[\\-^]          ]                   [
[*?]            *                   x
[,-.]           -b                  +
[[]             [                   ]
a[]b            -                   ab
a[]]b           a]b                 ab
[ab             -                   a
[!              -                   a
[a-             -                   a
[a\             -                   a
[               -                   [
]               ]                   [
x[              -                   x[
[a-]]           a]                  a
// named classes
[[:alpha:]]     q                   1
[[:alnum:]]     1                   -b
[[:digit:]x]    x                   y
[[:upper:]]     Q                   q
[[:lower:]]     q                   Q
[[:punct:]]     .                   a
[[:xdigit:]]    f                   g
[[:graph:]]     a                   -
[[:print:]]     a                   é
[![:digit:]]    a                   5
[^[:upper:]]    a                   A
[[:alpha:]-z]   -b                  5
[a-c[:digit:]]  7                   d
[[:digit]ab]    [ab]                5
[[:]ab]         [ab]                [ab
[[::]ab]        -                   a
[[:nosuch:]]    -                   a
[a[:nosuch:]]   -                   a
[[:alpha:]      -                   a
[\[:]ab]        [ab]                a
// abandoning early
-*-*-12-*-m-*   -a-b-12-x-m-z       -a-b-12-x-n-z
*a*b*c*d*e*f    abcdef              abcdeg
/*/*/12/*/m/*   /a/b/12/x/m/z       /a/b/12/x/n/z
**/*a*c*t       x/y/abcdt           x/y/abcdtz
**a**b**c       a/b/c               a/b/d
*a              aaaa                aaab
a*a*a           aaa                 aa
a**a**a         a/a/a               a/a
**              /                   -
*?              a                   /
?*              ab                  /b
*x**y           xa/y                a/xy
";

/// `-` alone stands for nothing, so `-b` is how a table text says `-`.
fn text(cell: &str) -> Option<&[u8]> {
    match cell {
        "-" => None,
        "-b" => Some(b"-"),
        text => Some(text.as_bytes()),
    }
}

#[test]
fn the_table_holds() {
    let mut checked = 0;
    for line in CASES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("// "))
    {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [pattern, good, bad] = cells[..] else {
            panic!("not three cells: {line}")
        };
        if let Some(good) = text(good) {
            assert!(wildmatch(pattern.as_bytes(), good), "should match: {line}");
        }
        if let Some(bad) = text(bad) {
            assert!(
                !wildmatch(pattern.as_bytes(), bad),
                "should not match: {line}"
            );
        }
        checked += 1;
    }
    assert!(checked > 105, "the table has shrunk to {checked}");
}

#[test]
fn empty_texts_and_patterns() {
    assert!(wildmatch(b"", b""));
    assert!(!wildmatch(b"", b"a"));
    assert!(!wildmatch(b"a", b""));
    assert!(wildmatch(b"*", b""));
    assert!(wildmatch(b"**", b""));
    assert!(!wildmatch(b"?", b""));
    assert!(!wildmatch(b"[a]", b""));
    assert!(!wildmatch(b"*a", b""));
}

#[test]
fn spaces_and_control_characters_have_classes() {
    for (pattern, members) in [
        (&b"[[:space:]]"[..], &b" \t\n\x0b\x0c\r"[..]),
        (b"[[:blank:]]", b" \t"),
        (b"[[:cntrl:]]", b"\x01\x1f\x7f\n"),
        (b"[ --]", b" $,-"),
    ] {
        for byte in 1..=255 {
            let expected = members.contains(&byte)
                || (pattern == b"[[:cntrl:]]" && byte < 0x20)
                || (pattern == b"[ --]" && (b' '..=b'-').contains(&byte));
            assert_eq!(
                wildmatch(pattern, &[byte]),
                expected,
                "{byte:#x} in {pattern:?}"
            );
        }
    }
}

#[test]
fn bytes_above_ascii_are_ordinary_and_in_no_named_class() {
    assert!(wildmatch(b"?", b"\xff"));
    assert!(!wildmatch(b"?", "é".as_bytes()));
    assert!(wildmatch(b"[\x80-\xff]", b"\xe9"));
    for class in [
        "alnum", "alpha", "graph", "print", "punct", "lower", "upper",
    ] {
        assert!(
            !wildmatch(format!("[[:{class}:]]").as_bytes(), b"\xe9"),
            "{class}"
        );
    }
}

#[test]
fn a_floating_match_begins_after_any_slash() {
    for (pattern, text, expected) in [
        ("b/**", "a/b/c", true),
        ("b/**", "ab/c", false),
        ("b/**/d", "a/x/b/c/d", true),
        ("a**", "x/y/az/z", true),
        ("a**z", "x/a/y", false),
        ("c/d**", "a/c/c/d", true),
        ("x**", "abc", false),
    ] {
        let found = wildmatch_after_any_slash(pattern.as_bytes(), text.as_bytes());
        assert_eq!(found, expected, "{pattern} in {text}");
    }
}
