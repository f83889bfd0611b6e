//! What a rule's text is read as.

use super::*;

#[test]
fn rules_are_read_as_written() {
    let plain = Flags::default();
    let include = Flags {
        include: true,
        ..plain
    };
    let sender = Flags {
        sender: true,
        ..plain
    };
    let receiver = Flags {
        receiver: true,
        ..plain
    };
    let merge = Flags {
        merge: true,
        ..plain
    };
    let dir_merge = Flags {
        per_directory: true,
        ..merge
    };
    let cvs = Flags {
        no_prefixes: true,
        word_split: true,
        no_inherit: true,
        cvs: true,
        ..plain
    };
    for (text, flags, pattern) in [
        ("- foo", plain, "foo"),
        ("-_foo", plain, "foo"),
        ("-, foo", plain, "foo"),
        ("-  foo", plain, " foo"),
        ("- foo bar", plain, "foo bar"),
        ("-__foo", plain, "_foo"),
        ("exclude foo", plain, "foo"),
        ("exclude_foo", plain, "foo"),
        ("exclude, foo", plain, "foo"),
        ("+ foo", include, "foo"),
        ("include foo", include, "foo"),
        ("H foo", sender, "foo"),
        ("hide foo", sender, "foo"),
        ("-s foo", sender, "foo"),
        ("-,s foo", sender, "foo"),
        ("exclude,s foo", sender, "foo"),
        (
            "S foo",
            Flags {
                include: true,
                ..sender
            },
            "foo",
        ),
        (
            "show foo",
            Flags {
                include: true,
                ..sender
            },
            "foo",
        ),
        ("P foo", receiver, "foo"),
        ("protect foo", receiver, "foo"),
        (
            "R foo",
            Flags {
                include: true,
                ..receiver
            },
            "foo",
        ),
        (
            "risk_foo",
            Flags {
                include: true,
                ..receiver
            },
            "foo",
        ),
        (
            "-sr foo",
            Flags {
                receiver: true,
                ..sender
            },
            "foo",
        ),
        (
            "-! foo",
            Flags {
                negate: true,
                ..plain
            },
            "foo",
        ),
        (
            "-/ foo",
            Flags {
                absolute: true,
                ..plain
            },
            "foo",
        ),
        (
            "-p foo",
            Flags {
                perishable: true,
                ..plain
            },
            "foo",
        ),
        (
            "Hp foo",
            Flags {
                perishable: true,
                ..sender
            },
            "foo",
        ),
        (
            "-x user.*",
            Flags {
                xattr: true,
                ..plain
            },
            "user.*",
        ),
        (
            "-/!p foo",
            Flags {
                absolute: true,
                negate: true,
                perishable: true,
                ..plain
            },
            "foo",
        ),
        (". file", merge, "file"),
        ("merge file", merge, "file"),
        (
            ".- file",
            Flags {
                no_prefixes: true,
                ..merge
            },
            "file",
        ),
        (
            ".+ file",
            Flags {
                no_prefixes: true,
                include: true,
                ..merge
            },
            "file",
        ),
        (
            ".w file",
            Flags {
                word_split: true,
                ..merge
            },
            "file",
        ),
        (": .f", dir_merge, ".f"),
        ("dir-merge .f", dir_merge, ".f"),
        (
            "dir-merge,n .f",
            Flags {
                no_inherit: true,
                ..dir_merge
            },
            ".f",
        ),
        (
            ":e .f",
            Flags {
                exclude_self: true,
                ..dir_merge
            },
            ".f",
        ),
        (
            ":n- .f",
            Flags {
                no_inherit: true,
                no_prefixes: true,
                ..dir_merge
            },
            ".f",
        ),
        (
            ":C",
            Flags {
                merge: true,
                per_directory: true,
                ..cvs
            },
            "",
        ),
        (
            ":sC x",
            Flags {
                merge: true,
                per_directory: true,
                sender: true,
                ..cvs
            },
            "x",
        ),
        ("-C", cvs, ""),
    ] {
        let mut rest = text.as_bytes();
        let rule = next_rule(&mut rest, &plain, Syntax::Modern);
        let rule = rule
            .unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
            .expect("a rule");
        assert_eq!((rule.flags, rule.clear), (flags, false), "{text}");
        assert_eq!(rule.pattern, pattern.as_bytes(), "{text}");
        assert_eq!(rest, b"", "{text}");
    }
}

#[test]
fn clearing_rules_are_told_from_patterns() {
    let bare = Flags {
        no_prefixes: true,
        ..Flags::default()
    };
    let cvs = Flags {
        cvs: true,
        word_split: true,
        ..bare
    };
    for (text, template, syntax, clears) in [
        ("!", Flags::default(), Syntax::Modern, true),
        ("clear", Flags::default(), Syntax::Modern, true),
        ("!,", Flags::default(), Syntax::Modern, true),
        ("clear,", Flags::default(), Syntax::Modern, true),
        ("!", Flags::default(), Syntax::OldPrefixes, true),
        ("!x", Flags::default(), Syntax::OldPrefixes, false),
        ("clear", Flags::default(), Syntax::OldPrefixes, false),
        ("!", bare, Syntax::Modern, false),
        ("!", cvs, Syntax::Modern, true),
        ("!x", cvs, Syntax::Modern, false),
    ] {
        let rule = next_rule(&mut text.as_bytes(), &template, syntax);
        let rule = rule
            .unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
            .expect("a rule");
        assert_eq!(rule.clear, clears, "{text} {syntax:?} {template:?}");
    }
}

#[test]
fn split_text_holds_several_rules() {
    let template = Flags {
        word_split: true,
        ..Flags::default()
    };
    let mut text: &[u8] = b"  - foo + bar\t-_baz\nP,p\tx";
    let mut rules = Vec::new();
    let fault = loop {
        match next_rule(&mut text, &template, Syntax::Modern) {
            Ok(Some(rule)) => rules.push((rule.flags.include, rule.pattern.to_vec())),
            Ok(None) => panic!("the last rule has no pattern"),
            Err(fault) => break fault,
        }
    };
    assert_eq!(
        rules,
        [
            (false, b"foo".to_vec()),
            (true, b"bar".to_vec()),
            (false, b"baz".to_vec())
        ]
    );
    assert_eq!(fault, Fault::UnexpectedEnd);
    assert_eq!(text, b"P,p\tx");
}

#[test]
fn prefixes_say_what_was_read() {
    for text in [
        "- ", "+ ", ": ", ":n- ", "-C ", ":C ", "-/!xsrp ", ":nwe ", "+sp ",
    ] {
        let whole = format!("{text}name");
        let rule = next_rule(&mut whole.as_bytes(), &Flags::default(), Syntax::Modern);
        assert_eq!(rule.expect("a rule").expect("a rule").flags.prefix(), text);
    }
}
