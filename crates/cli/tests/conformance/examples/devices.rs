//! Devices that are read, or written into, as files are.

use super::{same, usual};
use crate::power::Power;
use crate::specimen::{Kind, Tree};

const NULL: Kind = Kind::CharDevice(1, 3);

/// Whether devices can be made here; says so if not.
fn can_make_them() -> bool {
    let can = Power::of_this_process() == Power::Root;
    if !can {
        eprintln!("not tested: this user makes no devices");
    }
    can
}

fn with_devices() -> Tree {
    usual()
        .node("src/null", NULL)
        .node("src/dir/zero", Kind::CharDevice(1, 5))
        .node("src/changed to", NULL)
        .file("dst/changed to", "content")
        .mtime(1_300_000_000, 0)
        .node("src/pipe", Kind::Fifo)
        .file("src/into", "content for a device")
        .node("dst/into", NULL)
}

#[test]
fn copied() {
    if can_make_them() {
        for options in ["-ai", "-aivv --no-D", "-rlti", "-aic", "-ain", "-ai --no-W"] {
            let line = format!("{options} --copy-devices src/ dst/");
            same(&with_devices(), &line, 0);
        }
        same(&with_devices(), "-i --copy-devices src/null dst/copy", 0);
        same(&with_devices(), "-ai src/ dst/", 0);
    }
}

#[test]
fn written_into() {
    if can_make_them() {
        for options in ["-ai", "-aivv", "-rlti", "-aic", "-ain", "-ai --no-W"] {
            let line = format!("{options} --write-devices src/ dst/");
            same(&with_devices(), &line, 0);
        }
        let line = "-ai --write-devices --copy-devices src/into dst/into";
        same(&with_devices(), line, 0);
    }
    same(&usual(), "-ai --write-devices src/ dst/", 0);
    same(&usual(), "-ai --write-devices --partial-dir=x src/ dst/", 1);
}
