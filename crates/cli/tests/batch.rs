//! Batch files, written and read by this program and by rsync: each reads what the other wrote.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

const OURS: &str = env!("CARGO_BIN_EXE_tidesync");
const PROGRAMS: [&str; 2] = [OURS, "rsync"];

fn run(program: &str, directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {told}{errors}"
    );
    told
}

/// A tree, and an older version of it that has more.
fn make(place: &Path) {
    let large: Vec<u8> = (0..300_000_u32)
        .flat_map(|n| (n / 3).to_le_bytes())
        .collect();
    for (tree, first) in [("new", b"new"), ("old", b"old")] {
        let root = place.join(tree);
        fs::create_dir_all(root.join("deep/er")).unwrap();
        fs::write(root.join("large"), [&first[..], &large].concat()).unwrap();
        fs::write(root.join("deep/er/small"), first).unwrap();
        fs::hard_link(root.join("large"), root.join("deep/linked")).unwrap();
        std::os::unix::fs::symlink("large", root.join("link")).unwrap();
        for number in 0..40 {
            fs::write(root.join(format!("deep/{number}")), [first[0]; 900]).unwrap();
        }
    }
    fs::write(place.join("old/gone"), "").unwrap();
    // What has the time and size of the new version would be left alone.
    run("cp", place, &["-a", "new/deep/7", "old/deep/7"]);
    run(
        "find",
        place,
        &[
            "old",
            "-type",
            "f",
            "!",
            "-name",
            "7",
            "-exec",
            "touch",
            "-d",
            "2001-01-01",
            "{}",
            "+",
        ],
    );
}

fn restore(place: &Path, tree: &str) {
    run("rm", place, &["-rf", tree]);
    run("cp", place, &["-a", "old", tree]);
}

#[test]
fn each_program_reads_what_the_other_wrote() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    make(place);
    let shell = place.join("shell");
    fs::write(&shell, "#!/bin/sh\nshift\nexec \"$@\"\n").unwrap();
    run("chmod", place, &["+x", "shell"]);
    let far = [&format!("host:{}/new/", place.display())[..], "written/"];
    let shell = format!("--rsh={}", shell.display());
    for options in [
        &["-aH", "--delete"][..],
        &["-aHz", "--delete", "--no-W"],
        &["-aHW", "--delete"],
        &["-aHc", "--delete", "--no-inc-recursive"],
        &["-aH", "--delete-after", "--protocol=29"],
        &["-aH", "--delete", "--exclude=nothing"],
    ] {
        for writer in PROGRAMS {
            for operands in [["new/", "written/"], far] {
                restore(place, "written");
                let away = [&shell[..], "--rsync-path=rsync"];
                let words = [options, &away, &["--write-batch=batch"], &operands].concat();
                run(writer, place, &words);
                for reader in PROGRAMS {
                    restore(place, "read");
                    run(
                        reader,
                        place,
                        &[options, &["--read-batch=batch", "read/"]].concat(),
                    );
                    let difference = run("rsync", place, &["-aHnic", "--delete", "new/", "read/"]);
                    assert_eq!(difference, "", "{writer} {words:?}, read by {reader}");
                }
            }
        }
    }
}

#[test]
fn a_batch_alone_is_written_as_if_all_had_happened() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    make(place);
    let shell = place.join("shell");
    fs::write(&shell, "#!/bin/sh\nshift\nexec \"$@\"\n").unwrap();
    run("chmod", place, &["+x", "shell"]);
    let shell = format!("--rsh={}", shell.display());
    let (from, to) = (
        format!("host:{}/new/", place.display()),
        format!("host:{}/written/", place.display()),
    );
    let local = ["new/", "written/"];
    let (push, pull) = (["new/", &to], [&from[..], "written/"]);
    for options in [
        &["-aH", "--delete"][..],
        &["-aHz", "--delete", "--no-W"],
        &["-aHc", "--delete-after", "--no-inc-recursive"],
        &["-aH", "--delete", "--protocol=29"],
        &["-aH", "--delete", "--partial-dir=.part"],
    ] {
        for (operands, client, server) in [
            (local, OURS, OURS),
            (push, OURS, OURS),
            (push, OURS, "rsync"),
            (push, "rsync", OURS),
            (pull, OURS, OURS),
            (pull, OURS, "rsync"),
            (pull, "rsync", OURS),
        ] {
            restore(place, "written");
            let path = format!("--rsync-path={server}");
            let away = [&shell[..], &path, "--stats", "--only-write-batch=batch"];
            let words = [options, &away, &operands].concat();
            let told = run(client, place, &words);
            assert!(
                told.contains(" (BATCH ONLY)\n"),
                "{client} {words:?}: {told}"
            );
            let difference = run("rsync", place, &["-aHnic", "--delete", "old/", "written/"]);
            assert_eq!(difference, "", "{client} {words:?}");
            // As it follows from what is there: the rest of the large file is not in the batch.
            let size = fs::metadata(place.join("batch")).unwrap().len();
            assert!(size < 200_000, "{client} {words:?}: {size}");
            for reader in PROGRAMS {
                restore(place, "read");
                let words = [options, &["--read-batch=batch", "read/"]].concat();
                run(reader, place, &words);
                let difference = run("rsync", place, &["-aHnic", "--delete", "new/", "read/"]);
                assert_eq!(
                    difference, "",
                    "{client}, {server} {operands:?}, read by {reader}: {words:?}"
                );
            }
        }
    }
}

#[test]
fn the_script_applies_the_batch() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    make(place);
    restore(place, "written");
    let words = [
        "-a",
        "--delete",
        "--exclude=it's",
        "new/",
        "written/",
        "--write-batch=batch",
    ];
    run(OURS, place, &words);
    let script = fs::read_to_string(place.join("batch.sh")).unwrap();
    let ours = format!(
        "'{OURS}' --filter='._-' '-a' '--delete' --read-batch='batch' ${{1:-'written/'}} <<'#E#'\n\
         - it's\n#E#\n"
    );
    assert_eq!(script, ours);
    restore(place, "read");
    fs::write(place.join("read/it's"), "protected").unwrap();
    run("sh", place, &["./batch.sh", "read/"]);
    assert!(place.join("read/it's").exists() && !place.join("read/gone").exists());
    fs::remove_file(place.join("read/it's")).unwrap();
    let difference = run("rsync", place, &["-anic", "--delete", "new/", "read/"]);
    let times_only = difference.lines().all(|line| line.starts_with(".d..t"));
    assert!(times_only, "{difference}");
}

#[test]
fn what_the_batch_lacks_is_told_and_what_nobody_wants_is_skipped() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    make(place);
    restore(place, "written");
    fs::remove_file(place.join("new/deep/7")).unwrap();
    run("rsync", place, &["-a", "new/deep/8", "written/deep/8"]);
    run(
        "rsync",
        place,
        &["-a", "--write-batch=batch", "new/", "written/"],
    );
    restore(place, "read");
    // Current already, so nobody wants it; and one that the batch took for current.
    run("rsync", place, &["-a", "new/deep/9", "read/deep/9"]);
    let output = Command::new(OURS)
        .args(["-a", "--read-batch=batch", "read/"])
        .current_dir(place)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("(Skipping batched update for \"deep/9\")\n"),
        "{told}"
    );
    assert!(
        errors.contains("(No batched update for \"deep/8\")\n"),
        "{errors}"
    );
    assert_eq!(output.status.code(), Some(23), "{errors}");
}

/// Everything that a program told, and how it ended. The order of lines is not part of it.
fn told(program: &str, directory: &Path, arguments: &[&str], input: Stdio) -> (Vec<String>, i32) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(input)
        .output()
        .unwrap();
    let mut lines: Vec<String> = [output.stdout, output.stderr]
        .iter()
        .flat_map(|text| {
            String::from_utf8_lossy(text)
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        // Each program names itself in its last line.
        .filter(|line| !line.contains("error: some files"))
        .collect();
    lines.sort();
    (lines, output.status.code().unwrap())
}

#[test]
fn a_dry_run_reads_the_batch_and_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    make(place);
    for options in [&["-aiH", "--delete"][..], &["-aiHW", "--delete-after"]] {
        restore(place, "written");
        let words = [options, &["--write-batch=batch", "new/", "written/"]].concat();
        run(OURS, place, &words);
        restore(place, "read");
        // One is current already, and the batch has no content for another.
        run("rsync", place, &["-a", "new/deep/9", "read/deep/9"]);
        run("touch", place, &["-d", "2001-01-01", "read/deep/7"]);
        run("rm", place, &["-rf", "before"]);
        run("cp", place, &["-a", "read", "before"]);
        let words = [options, &["-n", "--read-batch=batch", "read/"]].concat();
        let theirs = told("rsync", place, &words, Stdio::null());
        assert!(
            theirs.0.iter().any(|line| line == ">f..t...... deep/8"),
            "{theirs:?}"
        );
        assert_eq!(
            told(OURS, place, &words, Stdio::null()),
            theirs,
            "{words:?}"
        );
        let difference = run("rsync", place, &["-aHnic", "--delete", "before/", "read/"]);
        assert_eq!(difference, "", "{words:?}");
    }
}

#[test]
fn a_batch_may_come_from_standard_input() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    make(place);
    restore(place, "written");
    run(
        OURS,
        place,
        &["-aH", "--write-batch=batch", "new/", "written/"],
    );
    let words = ["-aHi", "--read-batch=-", "read/"];
    for from_pipe in [false, true] {
        restore(place, "read");
        let batch = File::open(place.join("batch")).unwrap();
        let (lines, code) = if from_pipe {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let mut batch = batch;
            let feeder = std::thread::spawn(move || std::io::copy(&mut batch, &mut writer));
            let ended = told(OURS, place, &words, reader.into());
            feeder.join().unwrap().unwrap();
            ended
        } else {
            told(OURS, place, &words, batch.into())
        };
        assert_eq!(code, 0, "{lines:?}");
        let difference = run("rsync", place, &["-aHnic", "new/", "read/"]);
        assert_eq!(difference, "", "{lines:?}");
    }
}
