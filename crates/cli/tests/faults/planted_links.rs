//! Links that another user put where a path of the command line leads: root's session must not
//! read or write through them, and goes through root's own.

use std::fs;
use std::os::unix::fs::{lchown, symlink};

use crate::Scratch;

/// Somebody who is not root.
const NOBODY: u32 = 65_534;

/// One option whose path is `link`, a link to `elsewhere`.
struct Case {
    arguments: &'static [&'static str],
    /// Whether the session went there.
    went: fn(&Scratch) -> bool,
}

const CASES: [Case; 10] = [
    Case {
        arguments: &["-a", "--log-file=link/log", "src/", "dst/"],
        went: |scratch| scratch.path("elsewhere/log").exists(),
    },
    Case {
        arguments: &["-a", "--write-batch=link/batch", "src/", "dst/"],
        went: |scratch| scratch.path("elsewhere/batch").exists(),
    },
    Case {
        arguments: &["-a", "--exclude-from=link/rules", "src/", "dst/"],
        went: |scratch| !scratch.path("dst/file").exists() && scratch.path("dst/other").exists(),
    },
    Case {
        arguments: &["-a", "--filter=merge link/excludes", "src/", "dst/"],
        went: |scratch| !scratch.path("dst/file").exists() && scratch.path("dst/other").exists(),
    },
    Case {
        arguments: &["-a", "--files-from=link/rules", "src/", "dst/"],
        went: |scratch| scratch.path("dst/file").exists(),
    },
    Case {
        arguments: &["-ab", "--backup-dir=../link", "src/", "dst/"],
        went: |scratch| scratch.path("elsewhere/old").exists(),
    },
    Case {
        arguments: &["-ab", "--backup-dir=../link/deep/er", "src/", "dst/"],
        went: |scratch| scratch.path("elsewhere/deep").exists(),
    },
    Case {
        // The old file stays, and is written anew behind the link.
        arguments: &["-a", "--temp-dir=../link", "src/", "dst/"],
        went: |scratch| scratch.path("dst/file").exists(),
    },
    Case {
        arguments: &["-a", "src/", "link/"],
        went: |scratch| scratch.path("elsewhere/file").exists(),
    },
    Case {
        arguments: &["-a", "src/file", "link/new"],
        went: |scratch| scratch.path("elsewhere/new").exists(),
    },
];

#[test]
fn only_trusted_links_lead_to_what_the_user_named() {
    if !fast_io::dir::identity().privileged {
        eprintln!("skipped: only root can make links that others own");
        return;
    }
    for case in &CASES {
        for (owner, insecure) in [(0, false), (NOBODY, false), (NOBODY, true)] {
            let scratch = Scratch::new();
            scratch.write("src/file", "content");
            scratch.write("src/other", "content");
            scratch.write("src/old", "new content");
            scratch.write("dst/old", "old");
            fs::create_dir(scratch.path("elsewhere")).unwrap();
            scratch.write("elsewhere/rules", "file\n");
            scratch.write("elsewhere/excludes", "- file\n");
            symlink("elsewhere", scratch.path("link")).unwrap();
            lchown(scratch.path("link"), Some(owner), None).unwrap();
            let mut arguments = case.arguments.to_vec();
            if insecure {
                arguments.insert(0, "--insecure-links");
            }
            scratch.run(&arguments);
            let trusted = owner == 0 || insecure;
            let said = scratch.stderr();
            assert_eq!((case.went)(&scratch), trusted, "{arguments:?}: {said}");
            if !trusted {
                assert!(said.contains("Too many levels"), "{arguments:?}: {said}");
            }
        }
    }
}
