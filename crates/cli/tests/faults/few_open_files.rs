//! A system that lets a process have few files open at once.

use std::fs;
use std::process::Command;

use crate::{Scratch, program};

#[test]
fn files_in_flight_stay_within_what_may_be_open() {
    let scratch = Scratch::new();
    const DIRECTORIES: usize = 800;
    let name = |number: usize| format!("{}/{number}", number % 20);
    for number in 0..DIRECTORIES {
        fs::create_dir_all(scratch.path(&format!("src/{}", name(number)))).unwrap();
        scratch.write(&format!("src/{}/file", name(number)), "content");
    }
    for more in ["--whole-file", "--no-whole-file"] {
        let mut command = Command::new("sh");
        scratch.prepare(&mut command);
        let code = command
            .args(["-c", "ulimit -n 32 && exec \"$@\"", "sh"])
            .arg(program())
            .args(["-a", more, "src/", "dst/"])
            .status()
            .unwrap()
            .code();
        assert_eq!(code, Some(0), "{more}: {}", scratch.stderr());
        for number in 0..DIRECTORIES {
            let copy = scratch.path(&format!("dst/{}/file", name(number)));
            assert_eq!(fs::read(copy).unwrap(), b"content");
        }
        fs::remove_dir_all(scratch.path("dst")).unwrap();
        fs::create_dir(scratch.path("dst")).unwrap();
    }
}
