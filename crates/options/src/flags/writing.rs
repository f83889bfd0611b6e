//! Flags that decide how content reaches the destination.
//!
//! rsync: options.c, receiver.c

use std::time::{Duration, SystemTime};

use jiff::Zoned;

use crate::error::OptionError;
use crate::flag::{Flag, Takes};
use crate::resolved::Append;
use crate::stop_time;

pub(super) const FLAGS: &[Flag] = &[
    DRY_RUN,
    WHOLE_FILE,
    INPLACE,
    WRITE_DEVICES,
    APPEND,
    APPEND_VERIFY,
    PARTIAL,
    PARTIAL_DIR,
    DELAY_UPDATES,
    TEMP_DIR,
    SPARSE,
    PREALLOCATE,
    FSYNC,
    MKPATH,
    BLOCK_SIZE,
    TIMEOUT,
    STOP_AFTER,
    STOP_AT,
];

const DRY_RUN: Flag = Flag::switch(
    "dry-run",
    Some('n'),
    "perform a trial run with no changes made",
    |given| given.options.dry_run = true,
)
.doc("Say what would be done (with `-v` or `-i`), and do nothing.");

const WHOLE_FILE: Flag = Flag::switch(
    "whole-file",
    Some('W'),
    "copy files whole (w/o delta-xfer algorithm)",
    |given| given.options.whole_file = Some(true),
)
.undo_with_help(
    &["no-whole-file", "no-W"],
    "use the delta-xfer algorithm",
    |given| given.options.whole_file = Some(false),
)
.doc(
    "Copy a changed file as a whole; the default where both sides are on this computer. \
     `--no-whole-file` looks for the parts that the old destination file already has.",
);

const INPLACE: Flag = Flag::switch(
    "inplace",
    None,
    "update destination files in-place",
    |given| {
        given.options.inplace = true;
    },
)
.undo(&["no-inplace"], |given| given.options.inplace = false)
.doc(
    "Write into the destination file itself instead of building a new one beside it. Hard links \
     to it survive; but who reads it meanwhile, and a run that is interrupted, see half a file.",
);

const WRITE_DEVICES: Flag = Flag::switch(
    "write-devices",
    None,
    "write to devices as files (implies --inplace)",
    |given| given.options.write_devices = true,
)
.undo(&["no-write-devices"], |given| {
    given.options.write_devices = false
})
.doc(
    "Where a device stands in a file's place at the destination, write the file's content into the \
     device instead of replacing it. Implies `--inplace`. A source as large as the device \
     overwrites all of it.",
);

const APPEND: Flag = Flag::switch("append", None, "append data onto shorter files", |given| {
    // A client says `--append-verify` by giving it twice.
    let again = given.server && given.options.append != Append::No;
    given.options.append = if again {
        Append::AppendVerify
    } else {
        Append::Append
    };
})
.undo(&["no-append"], |given| given.options.append = Append::No)
.doc(
    "Where the destination file is shorter, take it for the beginning of the source file, and \
     write only the rest. Implies `--inplace`.",
);

const APPEND_VERIFY: Flag = Flag::switch(
    "append-verify",
    None,
    "--append w/old data in file checksum",
    |given| given.options.append = Append::AppendVerify,
)
.doc("Like `--append`, but check the result as a whole, and send it again if it is wrong.");

const PARTIAL: Flag = Flag::switch(
    "partial",
    None,
    "keep partially transferred files",
    |given| given.options.partial = true,
)
.undo(&["no-partial"], |given| given.options.partial = false)
.doc(
    "Keep what an interrupted transfer has written of a file, in the file's place. Where the \
     variable `RSYNC_PARTIAL_DIR` is set, it is kept in that directory.",
);

const PARTIAL_DIR: Flag = Flag::valued(
    "partial-dir",
    None,
    Takes::Dir("DIR"),
    "put a partially transferred file into DIR",
    |given, value| {
        given.partial_dir = Some(value.path());
        Ok(())
    },
)
.doc(
    "Keep partial files in this directory, a relative one below each file's own, so that they \
     are never mistaken for whole ones. Implies `--partial`.",
);

const DELAY_UPDATES: Flag = Flag::switch(
    "delay-updates",
    None,
    "put all updated files into place at end",
    |given| given.options.delay_updates = true,
)
.undo(&["no-delay-updates"], |given| {
    given.options.delay_updates = false
})
.doc(
    "Keep each updated file in a directory beside its place until all have arrived, then rename \
     them one after the other, so that the whole changes nearly at once. The directory is that of \
     `--partial-dir`, or `.~tmp~`; an absolute one is for transfers in which no two files have the \
     same name. It needs room for all updated files at once, and a list that is whole from the \
     beginning.",
);

const TEMP_DIR: Flag = Flag::valued(
    "temp-dir",
    Some('T'),
    Takes::Dir("DIR"),
    "create temporary files in directory DIR",
    |given, value| {
        given.options.tmp_dir = Some(value.path());
        Ok(())
    },
)
.doc(
    "Build new files there, not beside the old ones. In another file system than the \
     destination, putting them into place is a copy, and no longer atomic.",
);

const SPARSE: Flag = Flag::switch(
    "sparse",
    Some('S'),
    "turn sequences of nulls into sparse blocks",
    |given| given.options.sparse = true,
)
.undo(&["no-sparse", "no-S"], |given| given.options.sparse = false)
.doc("Leave holes where the source has long runs of NUL bytes.");

const PREALLOCATE: Flag = Flag::switch(
    "preallocate",
    None,
    "allocate dest files before writing them",
    |given| given.options.preallocate = true,
)
.doc("Reserve the whole size of a file before writing it.");

const FSYNC: Flag = Flag::switch("fsync", None, "fsync every written file", |given| {
    given.options.fsync = true;
})
.doc("Have each file on the disk before it counts as written.");

const MKPATH: Flag = Flag::switch(
    "mkpath",
    None,
    "create destination's missing path components",
    |given| given.options.mkpath = true,
)
.undo(&["no-mkpath"], |given| given.options.mkpath = false)
.doc("Create all missing directories of the destination, not only the last.");

const BLOCK_SIZE: Flag = Flag::valued(
    "block-size",
    Some('B'),
    Takes::Text("SIZE"),
    "force a fixed checksum block-size",
    |given, value| {
        let max = match given.options.protocol {
            Some(..30) => OLD_MAX_BLOCK_SIZE,
            _ => MAX_BLOCK_SIZE,
        };
        let size = value.size("block-size", Some(max))?;
        // 0 is "by rule"; the limit is far below u32's.
        given.options.block_size = u32::try_from(size).ok().filter(|&size| size > 0);
        Ok(())
    },
)
.doc("The block size of the delta transfer, instead of one that follows from the file's size.");

// rsync: rsync.h MAX_BLOCK_SIZE
const MAX_BLOCK_SIZE: u64 = 128 * 1024;
// rsync: rsync.h OLD_MAX_BLOCK_SIZE, for protocol 29 and less
const OLD_MAX_BLOCK_SIZE: u64 = 1 << 29;

const TIMEOUT: Flag = Flag::valued(
    "timeout",
    None,
    Takes::Text("SECONDS"),
    "set I/O timeout in seconds",
    |given, value| {
        let seconds = u64::try_from(value.int()?).unwrap_or(0);
        given.options.timeout = Some(Duration::from_secs(seconds)).filter(|t| !t.is_zero());
        Ok(())
    },
)
.undo(&["no-timeout"], |given| given.options.timeout = None)
.doc(
    "Give up when no data has moved for so long. 0, the default, never does. The other side is \
     told; where that allows less, it holds for both.",
);

const STOP_AFTER: Flag = Flag::valued(
    "stop-after",
    None,
    Takes::Text("MINS"),
    "Stop rsync after MINS minutes have elapsed",
    |given, value| {
        let at = stop_time::after(value.bytes(), SystemTime::now());
        given.options.stop_at = Some(at.ok_or_else(|| {
            let text = value.text();
            OptionError::syntax(format!("invalid --stop-after value: {text}"))
        })?);
        Ok(())
    },
)
.or(&["time-limit"])
.doc(
    "End the session after so many minutes, finished or not, with exit code 30. What had arrived \
     by then stays, as `--partial` says.",
);

const STOP_AT: Flag = Flag::valued(
    "stop-at",
    None,
    Takes::Text("y-m-dTh:m"),
    "Stop rsync at the specified point in time",
    |given, value| {
        let at = stop_time::at(value.bytes(), &Zoned::now()).ok_or_else(|| {
            let text = value.text();
            OptionError::syntax(format!("invalid --stop-at format: {text}"))
        })?;
        if at <= SystemTime::now() {
            let text = value.text();
            let message = format!("--stop-at time is not in the future: {text}");
            return Err(OptionError::syntax(message).into());
        }
        given.options.stop_at = Some(at);
        Ok(())
    },
)
.doc(
    "End the session at this time, in the local time zone, as `--stop-after` does: \
     `2030-12-31T23:59`, with `/` in place of `-` if you like. What is left out from the front \
     (`12-31T23:59`, `T23:59`, `23:59`, `:59`) is taken so that the time is the next that fits; a \
     date alone means its midnight.",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, options, request};
    use crate::{Environment, Request, parse_in};

    #[test]
    fn dry_run() {
        assert!(options("-n").dry_run && options("--dry-run").dry_run);
    }

    #[test]
    fn whole_file() {
        assert_eq!(options("").whole_file, None);
        assert_eq!(options("-W").whole_file, Some(true));
        assert_eq!(options("--no-W --whole-file").whole_file, Some(true));
        assert_eq!(options("-W --no-W").whole_file, Some(false));
        assert_eq!(options("--no-whole-file").whole_file, Some(false));
    }

    #[test]
    fn inplace() {
        assert!(options("--inplace").inplace && !options("--inplace --no-inplace").inplace);
        assert!(!options("--inplace --partial").partial);
        let message = "tidesync: --inplace cannot be used with --partial-dir";
        assert_eq!(error("--inplace --partial-dir=x a b").to_string(), message);
        assert!(request("--inplace --partial-dir= a b").is_err());
    }

    #[test]
    fn write_devices() {
        let devices = options("--write-devices");
        assert!(devices.write_devices && devices.inplace);
        assert!(!options("--write-devices --no-write-devices").inplace);
        let message = "tidesync: --inplace cannot be used with --partial-dir";
        let line = "--write-devices --partial-dir=x a b";
        assert_eq!(error(line).to_string(), message);
    }

    #[test]
    fn append() {
        let append = options("--append");
        assert!(append.append == Append::Append && append.inplace);
        assert_eq!(options("--append --no-append -W").append, Append::No);
        let message = "tidesync: --append cannot be used with --whole-file";
        assert_eq!(error("--append -W a b").to_string(), message);
        let message = "tidesync: --append cannot be used with --partial-dir";
        assert_eq!(error("--append --partial-dir=x a b").to_string(), message);
    }

    #[test]
    fn append_verify() {
        assert_eq!(
            options("--append --append-verify").append,
            Append::AppendVerify
        );
        assert_eq!(options("--append-verify --no-append").append, Append::No);
        assert_eq!(options("--append-verify --append").append, Append::Append);
    }

    #[test]
    fn partial() {
        assert!(options("--partial").partial && options("-P").partial);
        assert!(!options("-P --no-partial").partial);
        assert_eq!(options("--partial").partial_dir, None);
    }

    #[test]
    fn partial_dir() {
        let dir = options("--partial-dir=./x//y/../z/");
        assert!(dir.partial);
        assert_eq!(dir.partial_dir, Some("x/z".into()));
        for line in ["--partial-dir=.", "--partial-dir="] {
            assert!(
                options(line).partial && options(line).partial_dir.is_none(),
                "{line}"
            );
        }
        assert!(options("--no-partial --partial-dir=x").partial);
    }

    #[test]
    fn the_environment_may_name_the_partial_dir() {
        let environment = Environment {
            partial_dir: Some("kept".into()),
            ..Environment::default()
        };
        let with = |line: &str| {
            let args: Vec<_> = line.split(' ').map(std::ffi::OsString::from).collect();
            match parse_in(&args, &environment) {
                Ok(Request::Sync(options)) => options.partial_dir,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(with("--partial a b"), Some("kept".into()));
        assert_eq!(with("--partial-dir=x a b"), Some("x".into()));
        assert_eq!(with("--partial --inplace a b"), None);
        assert_eq!(with("-r a b"), None);
    }

    #[test]
    fn delay_updates() {
        let delayed = options("--delay-updates");
        assert!(delayed.delay_updates && delayed.partial);
        assert_eq!(delayed.partial_dir, Some(".~tmp~".into()));
        assert!(!options("-r --delay-updates").incremental_recursion());
        let named = options("--delay-updates --partial-dir=x");
        assert_eq!(named.partial_dir, Some("x".into()));
        let off = options("--delay-updates --no-delay-updates");
        assert!(!off.delay_updates && off.partial_dir.is_none());
        for which in ["inplace", "append"] {
            let message = format!("tidesync: --{which} cannot be used with --delay-updates");
            let line = format!("--delay-updates --{which} a b");
            assert_eq!(error(&line).to_string(), message);
        }
    }

    #[test]
    fn temp_dir() {
        assert_eq!(options("-T/tmp").tmp_dir, Some("/tmp".into()));
        assert_eq!(options("--temp-dir=x").tmp_dir, Some("x".into()));
    }

    #[test]
    fn sparse() {
        assert!(options("-S").sparse && options("--sparse").sparse);
        assert!(!options("-S --no-S").sparse && !options("-S --no-sparse").sparse);
    }

    #[test]
    fn preallocate() {
        assert!(options("--preallocate").preallocate);
    }

    #[test]
    fn fsync() {
        assert!(options("--fsync").fsync);
    }

    #[test]
    fn mkpath() {
        assert!(options("--mkpath").mkpath && !options("--mkpath --no-mkpath").mkpath);
    }

    #[test]
    fn block_size() {
        assert_eq!(options("-B4k").block_size, Some(4096));
        assert_eq!(options("--block-size=0").block_size, None);
        assert_eq!(options("--protocol=29 -B1m").block_size, Some(1 << 20));
        let message = "tidesync: --block-size=999999999 is too large (max: 128.00K)";
        assert_eq!(error("-B999999999").to_string(), message);
    }

    #[test]
    fn stop_after() {
        for line in ["--stop-after=5", "--time-limit=5m"] {
            let left = options(line)
                .stop_at
                .unwrap()
                .duration_since(SystemTime::now());
            let left = left.unwrap().as_secs();
            assert!((290..=300).contains(&left), "{line}: {left}");
        }
        let message = "tidesync: invalid --stop-after value: 0";
        assert_eq!(error("--stop-after=0 a b").to_string(), message);
    }

    #[test]
    fn stop_at() {
        assert!(options("--stop-at=T23:59").stop_at > Some(SystemTime::now()));
        let message = "tidesync: invalid --stop-at format: x";
        assert_eq!(error("--stop-at=x a b").to_string(), message);
        let message = "tidesync: --stop-at time is not in the future: 2000-1-1";
        assert_eq!(error("--stop-at=2000-1-1 a b").to_string(), message);
    }

    #[test]
    fn timeout() {
        assert_eq!(options("--timeout=5").timeout, Some(Duration::from_secs(5)));
        for line in ["--timeout=0", "--timeout=-5", "--timeout=5 --no-timeout"] {
            assert_eq!(options(line).timeout, None, "{line}");
        }
    }
}
