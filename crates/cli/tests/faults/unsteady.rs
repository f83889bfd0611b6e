//! Sources that change while they are copied.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::{Scratch, content, program};

/// Tries often enough that the race is won at least once.
const TRIES: usize = 40;

#[test]
fn a_file_that_vanishes_is_told_of_with_code_24() {
    const FILES: usize = 1500;
    let mut vanished = 0;
    for _ in 0..TRIES {
        let scratch = Scratch::new();
        for number in 0..FILES {
            scratch.write(&format!("src/{number:04}"), format!("content {number}"));
        }
        let mut child = scratch.start(&["-a", "src/", "dst/"]);
        // Files are listed first and copied in order: when the first has arrived, the last is
        // listed, and most likely not yet opened.
        while scratch.names("dst").is_empty() && child.try_wait().unwrap().is_none() {}
        for number in (FILES - 300..FILES).rev() {
            fs::remove_file(scratch.path(&format!("src/{number:04}"))).unwrap();
        }
        let code = child.wait().unwrap().code();
        let stderr = scratch.stderr();
        for number in 0..FILES - 300 {
            let copy = fs::read(scratch.path(&format!("dst/{number:04}"))).unwrap();
            assert_eq!(copy, format!("content {number}").as_bytes());
        }
        match code {
            Some(0) => assert_eq!(stderr, ""),
            Some(24) => {
                assert!(stderr.contains("file has vanished: \""), "{stderr}");
                assert!(
                    stderr.contains("some files vanished before they could be"),
                    "{stderr}"
                );
                vanished += 1;
            }
            _ => panic!("exit code {code:?}: {stderr}"),
        }
        if vanished == 2 {
            return;
        }
    }
    panic!("in {TRIES} tries no file vanished between listing and reading");
}

/// Copies `large` among others, and lets `change` at it when the copy has begun.
fn change_while_copied(change: impl Fn(&File)) -> (Scratch, Option<i32>) {
    let mut length = 64 << 20;
    for _ in 0..6 {
        let scratch = Scratch::new();
        scratch.write("src/a", "a");
        scratch.write("src/z", "z");
        scratch.write("src/large", content(1, length));
        let source = OpenOptions::new()
            .append(true)
            .open(scratch.path("src/large"))
            .unwrap();
        let mut child = scratch.start(&["-a", "src/", "dst/"]);
        if scratch.wait_for_temporary("large", &mut child) {
            change(&source);
            let code = child.wait().unwrap().code();
            return (scratch, code);
        }
        child.wait().unwrap();
        length = (length * 2).min(512 << 20);
    }
    panic!("the program was never caught in the middle of a copy");
}

#[test]
fn a_file_that_shrinks_while_read_harms_no_other() {
    let (scratch, code) = change_while_copied(|file| file.set_len(100_000).unwrap());
    let stderr = scratch.stderr();
    // 0 if the last byte was read before, or the second look found it steady.
    assert!(
        matches!(code, Some(0 | 23 | 24)),
        "exit code {code:?}: {stderr}"
    );
    if code != Some(0) {
        assert!(
            stderr.contains("large"),
            "the message names the file: {stderr}"
        );
    }
    assert_eq!(fs::read(scratch.path("dst/a")).unwrap(), b"a");
    assert_eq!(fs::read(scratch.path("dst/z")).unwrap(), b"z");
    let strange = |name: &String| !["a", "large", "z"].contains(&name.as_str());
    assert!(
        !scratch.names("dst").iter().any(strange),
        "{:?}",
        scratch.names("dst")
    );
}

#[test]
fn a_file_that_grows_while_read_is_a_whole_earlier_state() {
    let (scratch, code) = change_while_copied(|mut file| file.write_all(b"grown").unwrap());
    assert_eq!(code, Some(0), "{}", scratch.stderr());
    let copy = fs::read(scratch.path("dst/large")).unwrap();
    let source = fs::read(scratch.path("src/large")).unwrap();
    assert!(
        source.starts_with(&copy) && copy.len() + 5 >= source.len(),
        "cut or torn"
    );
    // What was missed is found by the next run.
    assert_eq!(scratch.run(&["-a", "src/", "dst/"]), Some(0));
    assert!(fs::read(scratch.path("dst/large")).unwrap() == source);
}

/// Puts something else in the place of listed files, before they are opened.
fn replace_while_copied(replace: impl Fn(&Path) -> io::Result<()>, told: &str) {
    const FILES: usize = 1500;
    for _ in 0..TRIES {
        let scratch = Scratch::new();
        let name = |number: usize| format!("{number:04}");
        for number in 0..FILES {
            scratch.write(&format!("src/{}", name(number)), content(2, 20_000));
            scratch.write(&format!("dst/{}", name(number)), "older");
        }
        let mut child = scratch.start(&["-a", "src/", "dst/"]);
        let first = scratch.path("dst/0000");
        while fs::metadata(&first).unwrap().len() == 5 && child.try_wait().unwrap().is_none() {}
        for number in (FILES - 300..FILES).rev() {
            let path = scratch.path(&format!("src/{}", name(number)));
            fs::remove_file(&path).unwrap();
            replace(&path).unwrap();
        }
        let code = child.wait().unwrap().code();
        let stderr = scratch.stderr();
        for number in 0..FILES {
            let length = fs::metadata(scratch.path(&format!("dst/{}", name(number))))
                .unwrap()
                .len();
            assert!(length == 20_000 || length == 5, "{length} bytes: {stderr}");
        }
        // Between its removal and its replacement a file is merely gone.
        if stderr.contains(told) {
            assert_eq!(code, Some(23), "{stderr}");
            assert!(!stderr.contains("Illegal seek"), "{stderr}");
            return;
        }
    }
    panic!("in {TRIES} tries no file was replaced between listing and reading");
}

#[test]
fn a_directory_in_a_file_s_place_harms_no_copy() {
    replace_while_copied(|path| fs::create_dir(path), "Is a directory (21)");
}

#[test]
fn a_pipe_in_a_file_s_place_harms_no_copy() {
    if program().ends_with("rsync") {
        eprintln!("rsync waits for somebody to write into the pipe");
        return;
    }
    let make_pipe = |path: &Path| Ok(nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU)?);
    replace_while_copied(make_pipe, "no longer a regular file, so not sent: \"");
}
