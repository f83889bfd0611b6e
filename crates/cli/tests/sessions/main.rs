//! Whole sessions by means that every system has, so that they run on Windows (and under Wine)
//! too, where there is no rsync to compare with: what is expected is written down here.
#![forbid(unsafe_code)]

#[path = "../program/mod.rs"]
mod program;
mod remote;
mod scratch;
#[cfg(windows)]
mod windows;

use scratch::{Scratch, file_lines, modified, set_time};
use std::ffi::OsStr;
use std::fs;

#[test]
fn an_archive_copy_equals_its_source_and_a_second_finds_nothing_to_do() {
    let scratch = Scratch::new();
    let source = scratch.write("src/a.txt", "content");
    scratch.write("src/sub/deep/b.txt", "deeper");
    scratch.write("src/empty", "");
    fs::create_dir(scratch.path("src/empty dir")).unwrap();
    scratch.succeed(["-a", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/a.txt"), "content");
    assert_eq!(scratch.read("dst/sub/deep/b.txt"), "deeper");
    assert_eq!(scratch.read("dst/empty"), "");
    assert!(scratch.path("dst/empty dir").is_dir());
    assert_eq!(modified(&source), modified(&scratch.path("dst/a.txt")));
    assert_eq!(scratch.succeed(["-ai", "src/", "dst/"]), "");
}

/// What `rsync -anic --delete` finds where there is an rsync.
#[test]
fn after_a_copy_comparing_contents_finds_no_difference() {
    let scratch = Scratch::new();
    let mut state = 0x9e37_79b9_u32;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let lengths = [0, 1, 700, 16 << 10, (16 << 10) + 1, 200_000];
    for number in 0..150 {
        let depth = next(4);
        let dirs: String = (0..depth).map(|_| format!("dir {}/", next(5))).collect();
        let length = lengths[next(lengths.len() as u32) as usize];
        let content: String = (0..length)
            .map(|_| (b'a' + next(26) as u8) as char)
            .collect();
        scratch.write(&format!("src/{dirs}\u{e4}-{number}.dat"), &content);
        match next(4) {
            0 => drop(scratch.write(&format!("dst/{dirs}\u{e4}-{number}.dat"), "other")),
            1 => drop(scratch.write(&format!("dst/{dirs}gone-{number}"), "gone")),
            _ => {}
        }
    }
    let source = scratch.tree("src");
    assert_ne!(scratch.tree("dst"), source);
    assert_ne!(scratch.succeed(["-anic", "--delete", "src/", "dst/"]), "");
    scratch.succeed(["-a", "--delete", "src/", "dst/"]);
    assert_eq!(scratch.succeed(["-anic", "--delete", "src/", "dst/"]), "");
    assert!(scratch.tree("dst") == source, "the trees differ");
}

#[test]
fn without_a_trailing_slash_the_directory_itself_is_copied() {
    let scratch = Scratch::new();
    scratch.write("src/a", "a");
    scratch.succeed(["-a", "src", "dst"]);
    assert_eq!(scratch.read("dst/src/a"), "a");
}

#[test]
fn absolute_paths_of_the_system_are_local() {
    // On Windows these begin with a drive letter, which is no host, and have backslashes.
    let scratch = Scratch::new();
    scratch.write("src/sub/a", "a");
    let mut source = scratch.path("src").into_os_string();
    source.push(std::path::MAIN_SEPARATOR_STR);
    scratch.succeed([OsStr::new("-a"), &source, scratch.path("dst").as_os_str()]);
    assert_eq!(scratch.read("dst/sub/a"), "a");
}

#[test]
fn delete_removes_what_the_source_does_not_have() {
    let scratch = Scratch::new();
    scratch.write("src/kept", "k");
    scratch.write("dst/gone", "g");
    scratch.write("dst/old/gone too", "g");
    let printed = scratch.succeed(["-ai", "--delete", "src/", "dst/"]);
    assert!(printed.contains("*deleting   gone\n"), "{printed}");
    assert!(printed.contains("*deleting   old/gone too\n"), "{printed}");
    assert!(printed.contains("*deleting   old/\n"), "{printed}");
    assert!(!scratch.path("dst/gone").exists() && !scratch.path("dst/old").exists());
    assert_eq!(scratch.read("dst/kept"), "k");
}

/// An only entry gets the destination's name, and stands in a directory that nobody named.
#[test]
fn delete_never_reaches_beside_a_new_destination() {
    for when in [
        "--delete-before",
        "--del",
        "--delete-delay",
        "--delete-after",
    ] {
        for source in ["one/file", "empty/"] {
            let scratch = Scratch::new();
            scratch.write("one/file", "content");
            scratch.write("beside/file", "to be left alone");
            fs::create_dir(scratch.path("empty")).unwrap();
            scratch.succeed(["-a", when, source, "new"]);
            assert!(scratch.path("new").exists());
            assert_eq!(scratch.read("beside/file"), "to be left alone", "{when}");
            assert!(scratch.path("empty").exists() && scratch.path("one/file").exists());
        }
    }
}

#[test]
fn a_file_that_differs_in_the_case_of_its_name_is_never_lost() {
    // To Windows and macOS it is the same file; to Linux another one.
    for when in [
        "--delete-before",
        "--delete-during",
        "--delete-delay",
        "--delete-after",
    ] {
        let scratch = Scratch::new();
        scratch.write("src/sub/a.txt", "a");
        scratch.write("src/sub/\u{fc}", "u");
        scratch.write("dst/sub/A.TXT", "A");
        scratch.write("dst/sub/\u{dc}", "U");
        scratch.succeed(["-rc", when, "src/", "dst/"]);
        assert_eq!(scratch.read("dst/sub/a.txt"), "a", "{when}");
        assert_eq!(scratch.read("dst/sub/\u{fc}"), "u", "{when}");
        assert_eq!(fs::read_dir(scratch.path("dst/sub")).unwrap().count(), 2);
    }
}

#[test]
fn update_leaves_newer_files_alone() {
    let scratch = Scratch::new();
    scratch.write("src/a", "source");
    scratch.write("src/b", "source");
    set_time(&scratch.write("dst/a", "newer here"), 1_200_000_000);
    set_time(&scratch.write("dst/b", "older here"), 900_000_000);
    scratch.succeed(["-au", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/a"), "newer here");
    assert_eq!(scratch.read("dst/b"), "source");
}

#[test]
fn a_dry_run_itemizes_and_changes_nothing() {
    let scratch = Scratch::new();
    scratch.write("src/new", "new");
    scratch.write("src/changed", "changed");
    scratch.write("src/same", "same");
    scratch.write("dst/changed", "old");
    scratch.write("dst/same", "same");
    let printed = scratch.succeed(["-rtni", "src/", "dst/"]);
    assert_eq!(
        file_lines(&printed),
        [">f.s....... changed", ">f+++++++++ new"]
    );
    assert_eq!(scratch.read("dst/changed"), "old");
    assert!(!scratch.path("dst/new").exists());
}

#[test]
fn filters_choose_by_name_and_by_directory() {
    let scratch = Scratch::new();
    for name in ["a.txt", "a.o", "sub/b.txt", "sub/b.o", "skipped/c.txt"] {
        scratch.write(&format!("src/{name}"), name);
    }
    scratch.succeed([
        "-a",
        "--include=/a.o",
        "--exclude=*.o",
        "--exclude=/skipped/",
        "src/",
        "dst/",
    ]);
    assert!(scratch.path("dst/a.o").exists() && scratch.path("dst/sub/b.txt").exists());
    assert!(!scratch.path("dst/sub/b.o").exists() && !scratch.path("dst/skipped").exists());
    scratch.write("src/sub/.rsync-filter", "- *.txt\n");
    scratch.succeed(["-aF", "src/", "other/"]);
    assert!(scratch.path("other/a.txt").exists() && scratch.path("other/sub/b.o").exists());
    assert!(!scratch.path("other/sub/b.txt").exists());
}

#[test]
fn names_in_every_script_arrive() {
    let scratch = Scratch::new();
    let names = [
        "ünïcode",
        "日本語.txt",
        "имя файла",
        "with space",
        "emoji 🌊",
        "-dash",
    ];
    for name in names {
        scratch.write(&format!("src/{name}"), name);
    }
    let printed = scratch.succeed(["-a8i", "src/", "dst/"]);
    for name in names {
        assert_eq!(scratch.read(&format!("dst/{name}")), name);
        assert!(
            printed.contains(&format!("f+++++++++ {name}\n")),
            "{printed}"
        );
    }
}

#[test]
fn paths_may_be_longer_than_260_characters() {
    let scratch = Scratch::new();
    // Made by its own parts, and with the long-path prefix where that is needed.
    let long = ["directory with a long name"; 20].join("/");
    let root = fs::canonicalize(scratch.path("src")).unwrap();
    let deep = long
        .split('/')
        .fold(root.clone(), |path, part| path.join(part));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "deep").unwrap();
    scratch.succeed(["-a", "src/", "dst/"]);
    let copy = fs::canonicalize(scratch.path("dst")).unwrap();
    let copy = long.split('/').fold(copy, |path, part| path.join(part));
    assert_eq!(fs::read_to_string(copy.join("file")).unwrap(), "deep");
    // The operand itself may be as long, in the form that people write.
    let operand = scratch.path("dst").join(&long).join("");
    assert!(operand.as_os_str().len() > 260);
    scratch.succeed([OsStr::new("-a"), operand.as_os_str(), OsStr::new("flat")]);
    assert_eq!(scratch.read("flat/file"), "deep");
}

#[test]
fn a_read_only_file_is_replaced_and_deleted() {
    let scratch = Scratch::new();
    scratch.write("src/a", "new content");
    for name in ["dst/a", "dst/b"] {
        let path = scratch.write(name, "old");
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
    }
    scratch.succeed(["-rt", "--delete", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/a"), "new content");
    assert!(!scratch.path("dst/b").exists());
}

#[test]
fn a_read_only_source_is_copied_as_such_and_then_left_alone() {
    let scratch = Scratch::new();
    let path = scratch.write("src/a", "a");
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    scratch.write("dst/a", "b");
    scratch.succeed(["-ac", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/a"), "a");
    let copy = fs::metadata(scratch.path("dst/a")).unwrap();
    assert!(copy.permissions().readonly());
    assert_eq!(scratch.succeed(["-ai", "src/", "dst/"]), "");
}

#[test]
fn a_read_only_file_is_written_in_place_and_backed_up() {
    let scratch = Scratch::new();
    for name in ["a", "b"] {
        scratch.write(&format!("src/{name}"), "new content");
        let path = scratch.write(&format!("dst/{name}"), "old");
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
    }
    scratch.succeed([
        "-rt",
        "--inplace",
        "--include=a",
        "--exclude=*",
        "src/",
        "dst/",
    ]);
    scratch.succeed(["-rtb", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/a"), "new content");
    assert_eq!(scratch.read("dst/b"), "new content");
    assert_eq!(scratch.read("dst/b~"), "old");
    let kept = fs::metadata(scratch.path("dst/a")).unwrap();
    assert!(
        kept.permissions().readonly(),
        "without -p it keeps its permissions"
    );
}

#[test]
fn temporary_and_backup_directories_may_lie_beside_the_destination() {
    let scratch = Scratch::new();
    scratch.write("src/sub/a", "new");
    scratch.write("dst/sub/a", "older");
    fs::create_dir(scratch.path("tmp")).unwrap();
    let mut kept = std::ffi::OsString::from("--backup-dir=");
    kept.push(scratch.path("kept"));
    scratch.succeed(
        ["-ab", "--temp-dir=../tmp", "src/", "dst/"]
            .map(OsStr::new)
            .into_iter()
            .chain([&*kept]),
    );
    assert_eq!(scratch.read("dst/sub/a"), "new");
    assert_eq!(scratch.read("kept/sub/a"), "older");
    assert_eq!(fs::read_dir(scratch.path("tmp")).unwrap().count(), 0);
}

#[test]
fn an_absolute_partial_directory_is_made_and_stays() {
    let scratch = Scratch::new();
    scratch.write("src/a", "new");
    scratch.write("src/dir/b", "new");
    let partial = format!("--partial-dir={}", scratch.path("partial").display());
    scratch.succeed(["-a", "--delay-updates", &partial, "src/", "dst/"]);
    assert!(scratch.tree("dst") == scratch.tree("src"));
    assert!(scratch.tree("partial").is_empty());
}

#[test]
fn hard_links_stay_linked() {
    let scratch = Scratch::new();
    let first = scratch.write("src/a", "shared");
    fs::hard_link(&first, scratch.path("src/b")).unwrap();
    scratch.succeed(["-aH", "src/", "dst/"]);
    let copy = fs::OpenOptions::new()
        .write(true)
        .open(scratch.path("dst/a"));
    std::io::Write::write_all(&mut copy.unwrap(), b"SHARED").unwrap();
    assert_eq!(scratch.read("dst/b"), "SHARED");
}

#[test]
fn what_an_older_backup_has_is_linked_copied_or_left_out() {
    let scratch = Scratch::new();
    scratch.write("src/d/a", "shared");
    scratch.succeed(["-a", "src/", "one/"]);
    scratch.write("src/b", "new");
    scratch.succeed(["-a", "--link-dest=../one", "src/", "linked/"]);
    scratch.succeed(["-a", "--copy-dest=../one", "src/", "copied/"]);
    scratch.succeed(["-a", "--compare-dest=../one", "src/", "compared/"]);
    fs::write(scratch.path("one/d/a"), "SHARED").unwrap();
    assert_eq!(scratch.read("linked/d/a"), "SHARED");
    assert_eq!(scratch.read("copied/d/a"), "shared");
    assert!(!scratch.path("compared/d/a").exists());
    for tree in ["linked", "copied", "compared"] {
        assert_eq!(scratch.read(&format!("{tree}/b")), "new");
    }
}

#[test]
fn a_large_file_is_copied_whole_and_by_delta() {
    let scratch = Scratch::new();
    let mut content: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    fs::write(scratch.path("src/large"), &content).unwrap();
    scratch.succeed(["-a", "src/", "dst/"]);
    assert!(
        fs::read(scratch.path("dst/large")).unwrap() == content,
        "copied whole"
    );
    content[1_000_000] ^= 1;
    content.extend_from_slice(b"a tail");
    fs::write(scratch.path("src/large"), &content).unwrap();
    let printed = scratch.succeed(["-a", "--no-W", "--no-h", "--stats", "src/", "dst/"]);
    assert!(
        fs::read(scratch.path("dst/large")).unwrap() == content,
        "by delta"
    );
    let matched = printed
        .lines()
        .find_map(|line| line.strip_prefix("Matched data: "));
    let matched = matched.and_then(|rest| rest.split(' ').next()?.parse().ok());
    assert!(
        matched > Some(11_000_000),
        "most of it was there: {printed}"
    );
}

#[test]
fn remove_source_files_leaves_directories() {
    let scratch = Scratch::new();
    scratch.write("src/sub/a", "a");
    scratch.succeed(["-a", "--remove-source-files", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/sub/a"), "a");
    assert!(scratch.path("src/sub").is_dir() && !scratch.path("src/sub/a").exists());
}

#[test]
fn exit_codes_are_those_of_rsync() {
    let scratch = Scratch::new();
    scratch.write("file", "f");
    let code = |arguments: &[&str]| scratch.run(arguments).status.code();
    assert_eq!(code(&["-a", "none/", "dst/"]), Some(23));
    assert_eq!(code(&["--no-such-option", "src/", "dst/"]), Some(1));
    assert_eq!(code(&["-a", "src/", "file"]), Some(3));
    assert_eq!(code(&["--version"]), Some(0));
}
