//! The rules that cross to a server, byte for byte as the real rsync sends them.
//!
//! rsync runs with a remote shell that connects it to two named pipes; the test is the server,
//! says which version it speaks, and reads the list of rules that comes first.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tree::filter::{CommandLineFiles, Dialect, FilterError, FilterSet, Side, Wanted};

/// Options, separated by two spaces or more.
const CASES: &[&str] = &[
    "--exclude=*.o",
    "--exclude=+ x  --exclude=- y  --include=z/  --include=- w",
    "--exclude=/a/b/  --include=**/c***  --exclude=x ",
    "--filter=-! x  --filter=+/ /abs  --filter=-/! y/",
    "--filter=H h  --filter=S s/  --filter=P p  --filter=R r",
    "--filter=-s x  --filter=-r y  --filter=-sr z  --filter=-p q/",
    "--filter=-x user.*  --filter=+xp u",
    "--filter=: .rules  --filter=:n .n  --filter=:w .w  --filter=:- .m  --filter=:+ .p",
    "--filter=:e .self  --filter=:s- .sides  --filter=:/ .abs  --filter=dir-merge,nw /.top",
    "--filter=:C  --filter=-C",
    "-C",
    "-C  --exclude=x  --filter=: .r",
    "--exclude=a  --filter=!  --exclude=b",
    "--delete-excluded  --exclude=x  --filter=P p  --filter=: .r  --filter=:- .m",
    "--delete-excluded  -C  --filter=-r y",
    "--partial-dir=.part  --exclude=x",
    "--partial-dir=/abs  --exclude=x",
    "--partial-dir=.part/x  -C",
    "-F  -F",
    "",
];

#[test]
fn rules_cross_as_rsync_sends_them() {
    let mut faults = Vec::new();
    for case in CASES {
        let options: Vec<&str> = case.split("  ").filter(|o| !o.is_empty()).collect();
        for version in [32, 30, 29, 28, 27] {
            for client in [Side::Sender, Side::Receiver] {
                let theirs = rsync_sends(&options, client, version);
                let ours = we_send(&options, client, version);
                if ours != theirs {
                    faults.push(format!(
                        "{case} ({client:?}, {version})\n  ours:   {}\n  theirs: {}",
                        shown(&ours),
                        shown(&theirs)
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The rules, or none if they cannot be said in this version.
type Rules = Option<Vec<Vec<u8>>>;

fn shown(rules: &Rules) -> String {
    let Some(rules) = rules else {
        return "too modern".into();
    };
    let rules = rules.iter().map(|rule| String::from_utf8_lossy(rule));
    rules.collect::<Vec<_>>().join("|")
}

/// What `CVSIGNORE` has.
const CVSIGNORE: &str = "from-env *.env";

fn we_send(options: &[&str], client: Side, version: i32) -> Rules {
    let dialect = dialect(version);
    let mut files = CommandLineFiles::default();
    let mut rules = FilterSet::builder(&mut files);
    rules.cvsignore_variable(CVSIGNORE.as_bytes());
    if wanted(options).delete_excluded {
        rules.delete_excluded();
    }
    let mut partial_dir = None;
    let mut per_directory: &[&str] = &[": /.rsync-filter", "- .rsync-filter"];
    for option in options {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "--exclude" => drop(rules.add_exclude(value.as_bytes()).unwrap()),
            "--include" => drop(rules.add_include(value.as_bytes()).unwrap()),
            "--filter" => drop(rules.add_rule(value.as_bytes()).unwrap()),
            "--partial-dir" => partial_dir = Some(value).filter(|dir| !dir.starts_with('/')),
            "-C" => drop(rules.cvs_exclude()),
            "-F" => {
                rules.add_rule(per_directory[0].as_bytes()).unwrap();
                per_directory = &per_directory[1..];
            }
            "--delete-excluded" => {}
            other => panic!("{other}"),
        }
    }
    if let Some(dir) = partial_dir {
        rules.exclude_partial_dir(dir.as_bytes()).unwrap();
    }
    let rules = rules.finish().unwrap();
    match rules.for_server(client, dialect) {
        Ok(_) if client == Side::Sender && !dialect.receiver_wants_rules(wanted(options)) => {
            Some(Vec::new())
        }
        Ok(rules) => Some(rules),
        Err(FilterError::TooModern) => None,
        Err(e) => panic!("{e}"),
    }
}

fn wanted(options: &[&str]) -> Wanted {
    Wanted {
        delete: true,
        delete_excluded: options.contains(&"--delete-excluded"),
        ..Wanted::default()
    }
}

fn dialect(version: i32) -> Dialect {
    Dialect {
        modifiers: version >= 29,
        perishable: version >= 30,
    }
}

fn rsync_sends(options: &[&str], client: Side, version: i32) -> Rules {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("src")).unwrap();
    let made = Command::new("mkfifo").args([at("to"), at("from")]).status();
    assert!(made.unwrap().success());
    let shell = at("shell");
    fs::write(
        &shell,
        "#!/bin/sh\ncat \"$AT/to\" &\nexec cat >\"$AT/from\"\n",
    )
    .unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
    let operands = match client {
        Side::Sender => ["src/", "host:dst"],
        Side::Receiver => ["host:src", "dst"],
    };
    let mut rsync = Command::new("rsync")
        .args(["-r", "--delete", "--timeout=30", "-e"])
        .arg(&shell)
        .args(options)
        .args(operands)
        .current_dir(dir.path())
        .env("AT", dir.path())
        .env("CVSIGNORE", CVSIGNORE)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rsync is needed");
    let wants_rules =
        client == Side::Receiver || dialect(version).receiver_wants_rules(wanted(options));
    let rules = converse(dir.path(), version, wants_rules);
    let mut said = String::new();
    rsync
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    rsync.wait().unwrap();
    if said.contains("too modern") {
        return None;
    }
    Some(rules.unwrap_or_else(|| panic!("{options:?}, {client:?}, {version}: {said}")))
}

/// Plays the server as far as the end of the list; `None` if it is cut off.
fn converse(dir: &Path, version: i32, wants_rules: bool) -> Option<Vec<Vec<u8>>> {
    let mut to = File::create(dir.join("to")).unwrap();
    let mut from = File::open(dir.join("from")).unwrap();
    let mut greeting = version.to_le_bytes().to_vec();
    if version >= 30 {
        // No flags: what is negotiated is negotiated by none of them.
        greeting.push(0);
    }
    greeting.extend(7_i32.to_le_bytes());
    // Who finds rules too modern for us is gone before it has read all.
    to.write_all(&greeting).ok()?;
    read_int(&mut from)?;
    let mut stream = Stream {
        from,
        framed: version >= 30,
        frame: Vec::new(),
    };
    let mut rules = Vec::new();
    loop {
        let length = i32::from_le_bytes(stream.take(4)?.try_into().unwrap());
        if !wants_rules {
            // It is the list of files, and its first bytes are no length.
            assert!(!(0..5000).contains(&length), "{length}");
            return Some(rules);
        }
        if length == 0 {
            return Some(rules);
        }
        rules.push(stream.take(usize::try_from(length).unwrap())?);
    }
}

fn read_int(from: &mut File) -> Option<i32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes).ok()?;
    Some(i32::from_le_bytes(bytes))
}

/// What the client sends; from version 30 on it comes in frames.
struct Stream {
    from: File,
    framed: bool,
    frame: Vec<u8>,
}

impl Stream {
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.framed && self.frame.len() < count {
            let header = read_int(&mut self.from)?;
            let mut data = vec![0; usize::try_from(header & 0xff_ffff).unwrap()];
            self.from.read_exact(&mut data).ok()?;
            if header >> 24 == 7 {
                self.frame.extend(data);
            }
        }
        if self.framed {
            return Some(self.frame.drain(..count).collect());
        }
        let mut data = vec![0; count];
        self.from.read_exact(&mut data).ok()?;
        Some(data)
    }
}
