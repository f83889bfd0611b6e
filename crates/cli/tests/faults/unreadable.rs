//! Files and directories that may not be read: told by name, exit code 23, the rest copied, and
//! nothing deleted.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use crate::{Scratch, program};

const NOBODY: u32 = 65534;

/// Runs as an ordinary user: a copy of the program, should the original lie where only root looks.
fn run_as_user(scratch: &Scratch, arguments: &[&str]) -> Option<i32> {
    let mut command = if nix::unistd::geteuid().is_root() {
        let copy = scratch.path("program");
        // By another process: a child that a test beside this one starts meanwhile would inherit
        // the file open for writing, and nobody can run it as long as that lasts.
        let copied = Command::new("cp").args([&program(), &copy]).status();
        assert!(copied.unwrap().success());
        set_mode(scratch, "program", 0o755);
        fs::set_permissions(scratch.root(), fs::Permissions::from_mode(0o755)).unwrap();
        chown(scratch.path("dst"), Some(NOBODY), Some(NOBODY)).unwrap();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(copy);
        command
    } else {
        Command::new(program())
    };
    scratch.prepare(&mut command);
    command
        .args(arguments)
        .status()
        .expect("setpriv runs")
        .code()
}

fn set_mode(scratch: &Scratch, name: &str, mode: u32) {
    fs::set_permissions(scratch.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_unreadable_file_is_named_and_the_rest_is_copied() {
    let scratch = Scratch::new();
    for name in ["a", "secret", "z"] {
        scratch.write(&format!("src/{name}"), name);
    }
    set_mode(&scratch, "src/secret", 0);
    scratch.write("dst/foreign", "foreign");
    let code = run_as_user(&scratch, &["-rt", "--delete-after", "src/", "dst/"]);
    let stderr = scratch.stderr();
    assert_eq!(code, Some(23), "{stderr}");
    assert!(stderr.contains("send_files failed to open \""), "{stderr}");
    assert!(
        stderr.contains("src/secret\": Permission denied (13)"),
        "{stderr}"
    );
    assert!(
        stderr.contains("some files/attrs were not transferred"),
        "{stderr}"
    );
    assert!(scratch.path("dst/a").exists() && scratch.path("dst/z").exists());
    assert!(!scratch.path("dst/secret").exists());
    assert!(scratch.path("dst/foreign").exists());
}

#[test]
fn an_unreadable_directory_holds_deletion_back() {
    // (With --delete-during the top directory is done with before the error is met.)
    for kind in ["--delete-before", "--delete-after"] {
        let scratch = Scratch::new();
        scratch.write("src/a", "a");
        fs::create_dir(scratch.path("src/closed")).unwrap();
        scratch.write("src/closed/inner", "inner");
        set_mode(&scratch, "src/closed", 0);
        scratch.write("dst/foreign", "foreign");
        let code = run_as_user(&scratch, &["-rt", "-v", kind, "src/", "dst/"]);
        let told = scratch.stderr() + &scratch.stdout();
        set_mode(&scratch, "src/closed", 0o755);
        assert_eq!(code, Some(23), "{told}");
        assert!(told.contains("opendir \""), "{told}");
        assert!(
            told.contains("src/closed\" failed: Permission denied (13)"),
            "{told}"
        );
        assert!(
            told.contains("IO error encountered -- skipping file deletion"),
            "{told}"
        );
        assert!(
            scratch.path("dst/foreign").exists(),
            "{kind} deleted after a read error"
        );
        assert!(scratch.path("dst/a").exists());
    }
}

#[test]
fn ignoring_errors_deletes_all_the_same() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("src/closed")).unwrap();
    set_mode(&scratch, "src/closed", 0);
    scratch.write("dst/foreign", "foreign");
    let arguments = ["-rt", "--delete", "--ignore-errors", "src/", "dst/"];
    let code = run_as_user(&scratch, &arguments);
    set_mode(&scratch, "src/closed", 0o755);
    assert_eq!(code, Some(23), "{}", scratch.stderr());
    assert!(!scratch.path("dst/foreign").exists());
}

#[test]
fn an_unwritable_directory_is_named_and_the_rest_is_copied() {
    // An owner's directory is made writable for the time being: it takes another's.
    if !nix::unistd::geteuid().is_root() {
        crate::skipped("only root can make a directory that another user cannot write to");
        return;
    }
    let scratch = Scratch::new();
    scratch.write("src/a", "a");
    fs::create_dir(scratch.path("src/sub")).unwrap();
    scratch.write("src/sub/b", "b");
    fs::create_dir(scratch.path("dst/sub")).unwrap();
    set_mode(&scratch, "dst/sub", 0o555);
    let code = run_as_user(&scratch, &["-r", "src/", "dst/"]);
    let stderr = scratch.stderr();
    set_mode(&scratch, "dst/sub", 0o755);
    assert_eq!(code, Some(23), "{stderr}");
    assert!(stderr.contains("dst/sub/.b."), "{stderr}");
    assert!(
        stderr.contains("failed: Permission denied (13)"),
        "{stderr}"
    );
    assert!(scratch.path("dst/a").exists() && !scratch.path("dst/sub/b").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_read_error_harms_no_other_file_and_holds_later_deletion_back() {
    use crate::content;
    const FAILS: &str = "/sys/class/net/lo/speed";
    if !fs::exists(FAILS).unwrap() || fs::read(FAILS).is_ok() {
        crate::skipped("no file of the system's fails to be read");
        return;
    }
    // What is deleted before the error is met, or decided on, is deleted.
    for (options, deleted) in [
        (&["--delete-after"][..], false),
        (&["--delete-after", "--no-W"], false),
        (&["--delete-after", "--ignore-errors"], true),
        (&["--delete-before"], true),
        (&["--delete-delay"], true),
    ] {
        let scratch = Scratch::new();
        scratch.write("src/a", "a");
        scratch.write("src/z", content(1, 3_000_000));
        scratch.write("dst/speed", "old");
        scratch.write("dst/foreign", "foreign");
        let arguments = [&["-rt"], options, &["src/", FAILS, "dst/"]].concat();
        let code = scratch.run(&arguments);
        let stderr = scratch.stderr() + &scratch.stdout();
        assert_eq!(code, Some(23), "{stderr}");
        let told = format!("read errors mapping \"{FAILS}\": Invalid argument (22)");
        assert!(stderr.contains(&told), "{stderr}");
        assert_eq!(
            stderr.contains("IO error encountered -- skipping file deletion"),
            !deleted && !options.contains(&"--ignore-errors"),
            "{options:?}: {stderr}"
        );
        assert_eq!(
            scratch.path("dst/foreign").exists(),
            !deleted,
            "{options:?}"
        );
        assert_eq!(fs::read(scratch.path("dst/speed")).unwrap(), b"old");
        assert_eq!(fs::read(scratch.path("dst/a")).unwrap(), b"a");
        assert!(fs::read(scratch.path("dst/z")).unwrap() == content(1, 3_000_000));
        assert_eq!(scratch.names("dst").len(), 3 + usize::from(!deleted));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_small_file_that_fails_to_be_read_is_no_file_that_fails_to_open() {
    const FAILS: &str = "/sys/class/net/lo/speed";
    if !fs::exists(FAILS).unwrap() || fs::read(FAILS).is_ok() {
        crate::skipped("no file of the system's fails to be read");
        return;
    }
    for more in [&[][..], &["-c"]] {
        let scratch = Scratch::new();
        let code = scratch.run(&[&["-ai"], more, &[FAILS, "dst/"]].concat());
        let stderr = scratch.stderr();
        assert_eq!(code, Some(23), "{stderr}");
        let read_error = format!("read errors mapping \"{FAILS}\": Invalid argument (22)\n");
        assert_eq!(stderr.matches(&read_error).count(), 2, "{stderr}");
        for part in [
            "WARNING: speed failed verification -- update ",
            " (will try again).\n",
            "ERROR: speed failed verification -- update ",
        ] {
            assert_eq!(stderr.matches(part).count(), 1, "{stderr}");
        }
        let item = ">f+++++++++ speed\n";
        assert_eq!(
            scratch.stdout().matches(item).count(),
            2,
            "{}",
            scratch.stdout()
        );
        assert!(!scratch.path("dst/speed").exists());
    }
}

#[test]
fn a_directory_need_not_be_listable_to_go_through_it() {
    let cases: &[(&[&str], &str)] = &[
        (&["-a", "src/x/f", "dst/"], "dst/f"),
        (&["-aR", "src/./x/in/g", "dst/"], "dst/x/in/g"),
        (&["-a", "--files-from=list", "src", "dst/"], "dst/x/in/g"),
        (&["-a", "src/top", "dst/w/"], "dst/w/top"),
        (&["-a", "--inplace", "src/top", "dst/w/"], "dst/w/top"),
        (
            &["-a", "--mkpath", "src/top", "dst/w/new/"],
            "dst/w/new/top",
        ),
        (&["-a", "-T", "w", "src/top", "dst/"], "dst/top"),
        (&["-ab", "--backup-dir=w", "src/top", "dst/"], "dst/w/top"),
        (&["-a", "src/x/in", "dst/w"], "dst/w/in/g"),
        (&["-a", "src/x/in/", "dst/w/"], "dst/w/g"),
    ];
    for (arguments, made) in cases {
        let scratch = Scratch::new();
        for directory in ["src/x", "src/x/in", "dst/w"] {
            fs::create_dir(scratch.path(directory)).unwrap();
        }
        for file in ["src/x/f", "src/x/in/g", "src/top"] {
            scratch.write(file, "content");
        }
        scratch.write("dst/top", "older content");
        scratch.write("list", "x/in/g\n");
        if nix::unistd::geteuid().is_root() {
            chown(scratch.path("dst/w"), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        set_mode(&scratch, "src/x", 0o311);
        set_mode(&scratch, "dst/w", 0o311);
        let code = run_as_user(&scratch, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {}", scratch.stderr());
        assert!(scratch.path(made).exists(), "{arguments:?}");
        // Its owner can remove them.
        for directory in ["src/x", "dst/w"] {
            set_mode(&scratch, directory, 0o755);
        }
    }
}

#[test]
fn a_directory_that_may_not_be_entered_is_told_of_as_one() {
    let scratch = Scratch::new();
    scratch.write("src/a", "a");
    fs::create_dir(scratch.path("src/list-only")).unwrap();
    scratch.write("src/list-only/inner", "inner");
    set_mode(&scratch, "src/list-only", 0o644);
    let code = run_as_user(&scratch, &["-a", "src/", "dst/"]);
    let stderr = scratch.stderr();
    assert_eq!(code, Some(23), "{stderr}");
    let told = "src/list-only\" failed: Permission denied (13)";
    assert!(
        stderr.contains("opendir \"") && stderr.contains(told),
        "{stderr}"
    );
    assert!(scratch.path("dst/a").exists());

    let code = run_as_user(&scratch, &["-a", "src/a", "src/list-only/"]);
    let stderr = scratch.stderr();
    set_mode(&scratch, "src/list-only", 0o755);
    set_mode(&scratch, "dst/list-only", 0o755);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("change_dir#1 \""), "{stderr}");
}

#[test]
fn a_temporary_directory_that_cannot_be_written_fails_each_file() {
    if !nix::unistd::geteuid().is_root() {
        crate::skipped("only root can make a directory that another user cannot write to");
        return;
    }
    let scratch = Scratch::new();
    scratch.write("src/a", "a");
    fs::create_dir(scratch.path("src/sub")).unwrap();
    fs::create_dir(scratch.path("closed")).unwrap();
    set_mode(&scratch, "closed", 0o700);
    let closed = scratch
        .path("closed")
        .into_os_string()
        .into_string()
        .unwrap();
    let code = run_as_user(&scratch, &["-r", "-T", &closed, "src/", "dst/"]);
    let stderr = scratch.stderr();
    assert_eq!(code, Some(23), "{stderr}");
    let told = format!("mkstemp \"{closed}/a.");
    assert!(stderr.contains(&told), "{stderr}");
    assert!(scratch.path("dst/sub").exists());
}

#[test]
fn no_temporary_directory_is_no_name_for_one() {
    let scratch = Scratch::new();
    scratch.write("src/a", "a");
    assert_eq!(scratch.run(&["-r", "--temp-dir=", "src/", "dst/"]), Some(1));
    let told = "The temp-dir does not exist: \n";
    assert!(scratch.stderr().starts_with(told), "{}", scratch.stderr());
    assert!(!scratch.path("dst/a").exists());
}

#[test]
fn a_filter_file_that_makes_no_sense_lets_nothing_be_changed() {
    for when in ["--delete-before", "--delete-during", "--delete-after"] {
        let scratch = Scratch::new();
        scratch.write("src/a", "a");
        fs::create_dir(scratch.path("src/sub")).unwrap();
        scratch.write("src/sub/.rsync-filter", "nonsense\n");
        scratch.write("dst/foreign", "foreign");
        assert_eq!(scratch.run(&["-aF", when, "src/", "dst/"]), Some(1));
        let stderr = scratch.stderr();
        assert!(stderr.contains("Unknown filter rule: "), "{stderr}");
        assert_eq!(scratch.names("dst"), ["foreign"], "{when}");
    }
}
