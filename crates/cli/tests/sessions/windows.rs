//! What only Windows has: drives, its ways to write a path, locks, reserved names, wildcards left
//! to the program, links of its own kinds.

use crate::scratch::Scratch;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::windows::fs::{OpenOptionsExt, symlink_dir, symlink_file};
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn a_drive_letter_may_be_written_with_slashes_too() {
    let scratch = Scratch::new();
    scratch.write("src/sub/a", "a");
    let forward = |name: &str| scratch.path(name).to_str().unwrap().replace('\\', "/");
    scratch.succeed([
        "-a",
        &format!("{}/", forward("src")),
        &format!("{}/", forward("dst")),
    ]);
    assert_eq!(scratch.read("dst/sub/a"), "a");
    scratch.succeed(["-a", "src\\sub\\", "other\\"]);
    assert_eq!(scratch.read("other/a"), "a");
}

#[test]
fn a_path_may_start_in_every_way_that_windows_knows() {
    let scratch = Scratch::new();
    scratch.write("src/sub/a", "a");
    let source = scratch.path("src").to_str().unwrap().to_owned();
    let (drive, rooted) = source.split_at(2);
    assert!(drive.ends_with(':'), "{source}");
    // From the working directory of a drive.
    scratch.succeed(["-a", &format!("{drive}src\\"), &format!("{drive}relative")]);
    assert_eq!(scratch.read("relative/sub/a"), "a");
    // From the root of the working directory's drive.
    scratch.succeed(["-a", &format!("{rooted}\\"), "rooted"]);
    assert_eq!(scratch.read("rooted/sub/a"), "a");
    // Past all of Windows' rewriting.
    scratch.succeed(["-a", &format!("\\\\?\\{source}\\"), "verbatim"]);
    assert_eq!(scratch.read("verbatim/sub/a"), "a");
    // `--relative` keeps what is below the drive.
    scratch.succeed(["-aR", &source, "whole"]);
    let kept = scratch.path("whole").join(rooted.trim_start_matches('\\'));
    assert!(kept.join("sub").join("a").exists(), "{}", kept.display());
}

#[test]
fn a_list_of_files_may_have_backslashes() {
    let scratch = Scratch::new();
    scratch.write("src/sub/a", "a");
    scratch.write("src/sub/b", "b");
    scratch.write("list", "sub\\a\r\n");
    scratch.succeed(["-a", "--files-from=list", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/sub/a"), "a");
    assert!(!scratch.path("dst/sub/b").exists());
}

#[test]
fn permissions_that_a_directory_cannot_have_are_not_itemized() {
    let scratch = Scratch::new();
    scratch.write("src/sub/a", "a");
    scratch.succeed(["-a", "--chmod=D555", "src/", "dst/"]);
    assert_eq!(scratch.succeed(["-ai", "--chmod=D555", "src/", "dst/"]), "");
}

#[test]
fn trailing_and_doubled_separators_are_those_of_rsync() {
    let scratch = Scratch::new();
    scratch.write("src/sub/a", "a");
    for (source, copy) in [
        ("src", "src/sub/a"),
        ("src\\", "sub/a"),
        ("src\\\\", "sub/a"),
        ("src/\\", "sub/a"),
        ("src\\.", "sub/a"),
        (".\\src\\sub/..\\", "sub/a"),
        ("src\\sub", "sub/a"),
    ] {
        for destination in ["dst", "dst\\", "dst/\\"] {
            scratch.succeed(["-a", source, destination]);
            let path = format!("dst/{copy}");
            assert_eq!(scratch.read(&path), "a", "{source} {destination}");
            fs::remove_dir_all(scratch.path("dst")).unwrap();
        }
    }
}

#[test]
fn wildcards_are_expanded_as_no_shell_does_here() {
    let scratch = Scratch::new();
    for name in ["a.txt", "B.TXT", "c.log", "sub/d.txt"] {
        scratch.write(&format!("src/{name}"), name);
    }
    scratch.succeed(["-a", "src\\*.txt", "some"]);
    assert_eq!(names_in(&scratch.path("some")), ["B.TXT", "a.txt"]);
    scratch.succeed(["-a", "src/*", "all\\"]);
    assert_eq!(
        names_in(&scratch.path("all")),
        ["B.TXT", "a.txt", "c.log", "sub"]
    );
    let output = scratch.run(["-a", "src\\*.none", "none"]);
    assert_eq!(output.status.code(), Some(23));
    assert!(
        stderr(&output).contains("src/*.none"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_source_that_another_program_has_locked_is_named_and_the_rest_goes_on() {
    let scratch = Scratch::new();
    let locked = scratch.write("src/locked", "locked");
    scratch.write("src/other", "other");
    let lock = OpenOptions::new().read(true).share_mode(0).open(&locked);
    let output = scratch.run(["-a", "src/", "dst/"]);
    drop(lock.unwrap());
    assert_eq!(output.status.code(), Some(23), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("src/locked\""),
        "{}",
        stderr(&output)
    );
    assert_eq!(names_in(&scratch.path("dst")), ["other"]);
    scratch.succeed(["-a", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/locked"), "locked");
}

#[test]
fn a_destination_that_another_program_has_locked_is_named_and_the_rest_goes_on() {
    let scratch = Scratch::new();
    scratch.write("src/locked", "new content");
    scratch.write("src/other", "new content");
    let locked = scratch.write("dst/locked", "old");
    let lock = OpenOptions::new().read(true).share_mode(0).open(&locked);
    for arguments in [&["-a"][..], &["-a", "--inplace"], &["-a", "--no-W"]] {
        let output = scratch.run(arguments.iter().chain(&["src/", "dst/"]));
        assert_eq!(
            output.status.code(),
            Some(23),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(stderr(&output).contains("locked"), "{}", stderr(&output));
        assert_eq!(names_in(&scratch.path("dst")), ["locked", "other"]);
        assert_eq!(scratch.read("dst/other"), "new content");
    }
    drop(lock.unwrap());
    assert_eq!(scratch.read("dst/locked"), "old");
    scratch.succeed(["-a", "src/", "dst/"]);
    assert_eq!(scratch.read("dst/locked"), "new content");
}

#[test]
fn a_name_means_itself_where_windows_would_take_it_for_something_else() {
    let scratch = Scratch::new();
    let verbatim = fs::canonicalize(scratch.path("src")).unwrap();
    let names = ["aux.txt", "com1", "name.", "name .", "nul"];
    for name in names {
        fs::write(verbatim.join(name), name).unwrap();
    }
    scratch.succeed(["-a", "src/", "dst/"]);
    let copy = fs::canonicalize(scratch.path("dst")).unwrap();
    fs::create_dir(scratch.path("one")).unwrap();
    for name in names {
        assert_eq!(fs::read_to_string(copy.join(name)).unwrap(), name);
        // As an operand, too, on both sides.
        let given = format!("src\\{name}");
        scratch.succeed(["-a", &given, &format!("one\\{name}\\")]);
        let one = fs::canonicalize(scratch.path("one")).unwrap();
        assert_eq!(fs::read_to_string(one.join(name).join(name)).unwrap(), name);
    }
    assert_eq!(scratch.succeed(["-anic", "--delete", "src/", "dst/"]), "");
    fs::remove_dir_all(copy).unwrap();
}

#[test]
fn symbolic_links_are_copied_as_links_and_followed_where_asked() {
    let scratch = Scratch::new();
    scratch.write("src/dir/file", "content");
    let (to_file, to_dir) = (scratch.path("src/to file"), scratch.path("src/to dir"));
    let made = symlink_file("dir\\file", &to_file).and_then(|()| symlink_dir("dir", &to_dir));
    if made.is_err() || !is_link(&to_file) || !is_link(&to_dir) {
        return skipped(&format!("no symbolic links can be made here ({made:?})"));
    }
    scratch.succeed(["-a", "src/", "dst/"]);
    let copied = |name| fs::read_link(scratch.path(name)).unwrap();
    assert_eq!(copied("dst/to file"), Path::new("dir\\file"));
    assert_eq!(copied("dst/to dir"), Path::new("dir"));
    assert_eq!(scratch.read("dst/to dir/file"), "content");
    assert_eq!(scratch.succeed(["-anic", "--delete", "src/", "dst/"]), "");
    scratch.succeed(["-aL", "src/", "followed/"]);
    assert!(!is_link(&scratch.path("followed/to file")));
    assert_eq!(scratch.read("followed/to dir/file"), "content");
}

#[test]
fn junctions_are_links_and_nothing_is_deleted_through_one() {
    let scratch = Scratch::new();
    scratch.write("src/a", "a");
    scratch.write("outside/precious", "precious");
    fs::create_dir(scratch.path("dst")).unwrap();
    let junction = scratch.path("dst/junction");
    let made = Command::new("cmd")
        .args(["/c", "mklink", "/J"])
        .args([junction.as_os_str(), scratch.path("outside").as_os_str()])
        .output();
    if !is_link(&junction) {
        return skipped(&format!("no junctions can be made here ({made:?})"));
    }
    scratch.succeed(["-a", "--delete", "src/", "dst/"]);
    assert_eq!(names_in(&scratch.path("dst")), ["a"]);
    assert_eq!(scratch.read("outside/precious"), "precious");
}

/// Says so where it is seen: what tests print otherwise is shown only when they fail.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
