//! A destination without room: rsync's message and exit code, and what was there stays.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

use crate::{Scratch, content};

/// A file system of one megabyte; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, loudly, for an ordinary user, who may not mount. Root may, or the test fails.
    fn mount(point: PathBuf) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            crate::skipped("only root can mount a small file system");
            return None;
        }
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]);
        let output = mount.arg(&point).output().expect("mount runs");
        assert!(
            output.status.success(),
            "root cannot mount a small file system: {output:?}"
        );
        Some(SmallDisk(point))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.0.display());
        }
    }
}

#[test]
fn a_full_disk_ends_the_run_and_harms_no_other_file() {
    let scratch = Scratch::new();
    let Some(_disk) = SmallDisk::mount(scratch.path("dst")) else {
        return;
    };
    for options in [&["-a"][..], &["-a", "--no-W"], &["-a", "--delete"]] {
        let before = content(1, 100_000);
        scratch.write("src/before", &before);
        scratch.write("src/large", content(2, 3_000_000));
        scratch.write("dst/large", "old");
        scratch.write("dst/foreign", "foreign");
        let mut arguments = options.to_vec();
        arguments.extend(["src/", "dst/"]);
        let code = scratch.run(&arguments);
        let stderr = scratch.stderr();
        assert_eq!(code, Some(11), "{options:?}: {stderr}");
        assert!(stderr.contains("No space left on device (28)"), "{stderr}");
        assert!(
            stderr.contains("large\""),
            "the message names the file: {stderr}"
        );
        assert!(stderr.contains("error in file IO (code 11)"), "{stderr}");
        assert_eq!(fs::read(scratch.path("dst/large")).unwrap(), b"old");
        if !options.contains(&"--delete") {
            assert_eq!(fs::read(scratch.path("dst/foreign")).unwrap(), b"foreign");
        }
        if let Ok(bytes) = fs::read(scratch.path("dst/before")) {
            assert!(bytes == before, "a file that fits is whole or absent");
        }
        crate::eventually("no temporary file is left", || {
            scratch
                .names("dst")
                .iter()
                .all(|name| !name.starts_with('.'))
        });
    }
}

#[test]
fn a_full_disk_keeps_the_old_file_and_what_arrived() {
    let scratch = Scratch::new();
    let Some(_disk) = SmallDisk::mount(scratch.path("dst")) else {
        return;
    };
    let large = content(2, 3_000_000);
    scratch.write("src/large", &large);
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(scratch.path("src/large"), mode).unwrap();
    for (options, backup) in [
        (&["-b", "--partial"][..], "dst/large~"),
        (&["-b", "--partial", "--no-W"], "dst/large~"),
        (&["-b", "--partial", "--backup-dir=old"], "dst/old/large"),
    ] {
        scratch.write("dst/large", "old");
        let arguments = [&["-a"], options, &["src/", "dst/"]].concat();
        assert_eq!(scratch.run(&arguments), Some(11), "{}", scratch.stderr());
        crate::eventually("a backup is there", || scratch.path(backup).exists());
        assert_eq!(fs::read(scratch.path(backup)).unwrap(), b"old");
        let kept = fs::read(scratch.path("dst/large")).unwrap();
        assert!(kept.len() > 3 && large.starts_with(&kept), "{options:?}");
        let stat = fs::metadata(scratch.path("dst/large")).unwrap();
        assert_eq!((stat.mode() & 0o7777, stat.mtime()), (0o640, 0));
        // Room for the next.
        fs::remove_file(scratch.path("dst/large")).unwrap();
        fs::remove_file(scratch.path(backup)).unwrap();
    }
}
