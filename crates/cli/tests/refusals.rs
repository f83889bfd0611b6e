//! What rsync can do and tidesync cannot yet is refused by name, with what to do instead, exit
//! code 4 and nothing changed; what makes no difference in a local transfer is not refused.
#![forbid(unsafe_code)]

mod program;

use std::fs;
use std::process::Output;

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Scratch {
        let scratch = Scratch(tempfile::tempdir().unwrap());
        fs::create_dir(scratch.0.path().join("src")).unwrap();
        fs::write(scratch.0.path().join("src/a"), "content").unwrap();
        scratch
    }

    fn run(&self, line: &str) -> Output {
        program::run(self.0.path(), line.split(' '))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs, expects a refusal, and returns its first line.
    fn refusal(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(4), "{line}");
        assert_eq!(output.stdout, b"", "{line}");
        assert_eq!(self.names(), ["src"], "{line}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<&str> = stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{line}: {stderr}");
        assert!(
            lines[1].starts_with("tidesync error: requested action not supported (code 4)"),
            "{line}: {stderr}"
        );
        lines[0].to_owned()
    }
}

#[test]
fn daemons() {
    let scratch = Scratch::new();
    assert_eq!(
        scratch.refusal("-a host::module/dir dst"),
        "tidesync: host::module/dir is to be reached as a daemon, which is not supported yet: use \
         rsync for it, or write ./host::module/dir for a local file of that name"
    );
    assert_eq!(
        scratch.refusal("-a src/ rsync://host/module"),
        "tidesync: rsync://host/module is to be reached as a daemon, which is not supported yet: \
         use rsync for it"
    );
}

#[test]
fn options_that_are_missing() {
    let scratch = Scratch::new();
    for (option, expected) in [
        (
            "--fake-super",
            "tidesync: --fake-super is not supported yet: leave it out, or use rsync",
        ),
        (
            "--copy-as=nobody",
            "tidesync: --copy-as is not supported yet: run it as that user",
        ),
        (
            "-M--fsync",
            "tidesync: --remote-option (-M) is not for a local transfer: give the option itself, \
             both sides are this program",
        ),
    ] {
        assert_eq!(scratch.refusal(&format!("-a {option} src/ dst/")), expected);
    }
}

#[test]
fn options_that_make_no_difference_here() {
    for options in [
        "-az",
        "-avz --progress",
        "-az -e ssh",
        "-a --zc=zstd --zl=3 --rsync-path=/opt/rsync --blocking-io -s",
        "-a --checksum-seed=7 --no-motd -4 --outbuf=L --protocol=29",
    ] {
        let scratch = Scratch::new();
        let output = scratch.run(&format!("{options} src/ dst/"));
        assert!(output.status.success(), "{options}");
        assert_eq!(output.stderr, b"", "{options}");
        let copied = fs::read(scratch.0.path().join("dst/a")).unwrap();
        assert_eq!(copied, b"content", "{options}");
    }
}
