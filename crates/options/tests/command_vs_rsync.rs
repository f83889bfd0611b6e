//! The command that starts the other side, word for word as the real rsync gives it, and read
//! back by a server as what the user meant.
//!
//! rsync runs with a remote shell that only writes down its arguments and what it is sent.
#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use options::{Environment, Options, RemoteCommand, Request, Server, SuperMode, parse_in};

/// Lines that go both ways: `SRC` and `DST` stand for the operands.
const BOTH_WAYS: &str = include_str!("command_vs_rsync/both_ways.txt");
/// Lines with operands of their own; words are separated by two spaces or more.
const AS_THEY_ARE: &str = include_str!("command_vs_rsync/as_they_are.txt");

#[test]
fn every_option_both_ways() {
    let bench = Bench::new();
    let lines = table(BOTH_WAYS);
    assert!(lines.len() >= 120, "the table has {} lines", lines.len());
    let mut faults = Vec::new();
    for line in lines {
        let options: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
        faults.extend(bench.compare(&[&options[..], &["src", "host:dst"]].concat(), line));
        faults.extend(bench.compare(&[&options[..], &["host:src", "dst"]].concat(), line));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn operands_quoting_and_lists() {
    let bench = Bench::new();
    let lines = table(AS_THEY_ARE);
    assert!(lines.len() >= 30, "the table has {} lines", lines.len());
    let mut faults = Vec::new();
    for line in lines {
        let words = line.split("  ").map(str::trim).filter(|w| !w.is_empty());
        let words: Vec<&str> = words.map(|w| if w == "''" { "" } else { w }).collect();
        faults.extend(bench.compare(&words, line));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What rsync refuses before it reaches out. Words are separated by two spaces or more.
const REFUSED: &[&str] = &[
    "host:a  host:b",
    "host:a  other:b  c",
    "host:a  me@host:b  c",
    "host:a  host::b  c",
    "host::a  :b  c",
    "rsync://host:8/a  rsync://host:9/b  c",
    "a  host:b  c",
    "a  b  c:d  e",
    "host:a  b  c",
    "a  ''",
    "''  a",
    "a  ''  host:b",
    "''  host:b",
    "a  --  -x:b",
    "--files-from=other:list  host:a  b",
    "--files-from=other:list  a  host:b",
    "--files-from=host:list  a  b",
    "--files-from=host:-  host:a  b",
    "--read-batch=x  host:a",
    "--read-batch=x  --write-batch=y  a",
    "--read-batch=x  --remove-source-files  a",
    "--read-batch=x  --files-from=list  a",
    "-Mx  a  host:b",
    "-s  --old-args  a  host:b",
    "--stderr=x  a  host:b",
    "--bwlimit=100b  a  host:b",
    "--bwlimit=x  a  host:b",
    "--bwlimit=99999999p  a  host:b",
    "-aN  a  host:b",
    "--crtimes  host:a  b",
    "--stop-after=0  a  host:b",
    "--stop-at=2030-13-1  a  host:b",
    "--stop-at=2000-1-1T1:2  a  host:b",
    "--delay-updates  --inplace  a  host:b",
    "-B1m  a  host:b",
    "--protocol=29  -B1g  a  host:b",
    "--zl=x  a  host:b",
    "--password-file=x  a  host:b",
    "--contimeout=5  host:a  b",
    "-e  sh 'x  a  host:b",
    "-e  sh \"x  a  host:b",
    "--copy-dest=x  --link-dest=y  a  b",
];

#[test]
fn refusals_are_in_rsyncs_words() {
    let bench = Bench::new();
    fs::write(bench.dir.path().join("x"), [0; 64]).unwrap();
    let mut faults = Vec::new();
    for line in REFUSED {
        let words = line.split("  ").map(|w| if w == "''" { "" } else { w });
        let args: Vec<OsString> = words.map(OsString::from).collect();
        let output = Command::new("rsync")
            .args(&args)
            .current_dir(bench.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .output()
            .expect("rsync is needed");
        let said = String::from_utf8(output.stderr).unwrap();
        let (said, _) = said.split_once("\nrsync error: ").unwrap_or((&said, ""));
        let said = said.trim_end();
        let theirs = match said.strip_prefix("rsync: ") {
            Some(said) => format!("tidesync: {said}"),
            None => said.to_owned(),
        };
        let ours = match parse_in(&args, &Environment::default()) {
            Ok(Request::Sync(options)) => options.remote_command().map(|_| String::new()),
            Ok(other) => panic!("{line}: {other:?}"),
            Err(error) => Err(error),
        };
        let ours = ours.unwrap_or_else(|error| error.to_string());
        if ours != theirs || output.status.code() != Some(1) {
            let code = output.status;
            faults.push(format!(
                "{line}\n  ours:   {ours}\n  theirs: {theirs} ({code})"
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn table(text: &'static str) -> Vec<&'static str> {
    let lines = text.lines().map(str::trim_end);
    lines
        .filter(|l| !l.is_empty() && !l.starts_with("//"))
        .collect()
}

struct Bench {
    dir: tempfile::TempDir,
    shell: PathBuf,
}

/// What the remote shell saw.
#[derive(Debug, PartialEq)]
struct Seen {
    args: Vec<OsString>,
    sent: Option<Vec<Vec<u8>>>,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let shell = dir.path().join("shell");
        // Without its standard output rsync gives up, and what it sent is complete.
        let script = "#!/bin/sh\ntrap '' USR1\nfor word; do printf '%s\\0' \"$word\"; done \
                      >\"$SEEN.args\"\nexec >&-\ncat >\"$SEEN.sent\"\n";
        fs::write(&shell, script).unwrap();
        fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("list"), "a\n").unwrap();
        Bench { dir, shell }
    }

    fn compare(&self, words: &[&str], line: &str) -> Vec<String> {
        let shell = self.shell.to_str().unwrap();
        let given = [&["-e", shell], words].concat();
        let args: Vec<OsString> = given.iter().map(OsString::from).collect();
        let theirs = self.rsync(&args, line);
        let options = match parse_in(&args, &Environment::default()) {
            Ok(Request::Sync(options)) => *options,
            other => panic!("{line}: {other:?}"),
        };
        let ours = options.remote_command().unwrap().unwrap();
        let ours = Seen {
            args: ours.args,
            sent: ours.secluded,
        };
        let mut faults = Vec::new();
        if ours != theirs {
            faults.push(format!("{line}\n  ours:   {ours:?}\n  theirs: {theirs:?}"));
        }
        faults.extend(read_back(&options, line));
        faults
    }

    fn rsync(&self, args: &[OsString], line: &str) -> Seen {
        let seen = self.dir.path().join("seen");
        let output = Command::new("rsync")
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SEEN", &seen)
            .output()
            .expect("rsync is needed");
        let read = |end: &str| {
            let file = seen.with_extension(end);
            let bytes = fs::read(&file).unwrap_or_else(|e| {
                let said = String::from_utf8_lossy(&output.stderr);
                panic!("{line}: {e}: {said}")
            });
            fs::remove_file(file).unwrap();
            bytes
        };
        let args = read("args");
        let args = args.split(|&b| b == 0).map(|w| OsStr::from_bytes(w).into());
        let mut args: Vec<OsString> = args.collect();
        args.pop();
        let sent = read("sent");
        let secluded = args.iter().any(|w| w.as_bytes().starts_with(b"-s"));
        let sent = secluded.then(|| words_of_stream(&sent));
        Seen { args, sent }
    }
}

/// The words before the empty one that ends them.
fn words_of_stream(sent: &[u8]) -> Vec<Vec<u8>> {
    let words = sent.split(|&b| b == 0).map(<[u8]>::to_vec);
    words.take_while(|word| !word.is_empty()).collect()
}

/// The server's options must be the user's, as far as they matter there.
fn read_back(user: &Options, line: &str) -> Vec<String> {
    let command = user.remote_command().unwrap().unwrap();
    let server = serve(&command, &user.shell.rsync_path, line);
    let pushes = matches!(user.route, options::Route::Push(_));
    let role = match pushes {
        true => options::ServerRole::Receiver,
        false => options::ServerRole::Sender,
    };
    assert_eq!(server.role, role, "{line}");
    assert_eq!(server.directory, ".", "{line}");
    let fields = what_matters(user, &server.options, pushes);
    let faults = fields
        .into_iter()
        .filter(|(_, user, server)| user != server);
    let incremental =
        user.incremental_recursion() || pushes && user.recurse && user.allow_inc_recurse;
    let modern = user.protocol.is_none_or(|version| version >= 30);
    assert_eq!(server.client_has(b'i'), incremental && modern, "{line}");
    assert_eq!(server.client_has(b'v'), modern, "{line}");
    faults
        .map(|(what, user, server)| format!("{line}: {what}: {user}, read back {server}"))
        .collect()
}

fn serve(command: &RemoteCommand, path: &OsStr, line: &str) -> Server {
    let rsync = command.args.iter().position(|w| w == path).unwrap();
    let args: Vec<OsString> = command.args[rsync + 1..]
        .iter()
        .map(|word| OsString::from_vec(without_backslashes(word.as_bytes())))
        .collect();
    match parse_in(&args, &Environment::default()) {
        Ok(Request::Serve(server)) => *server,
        Ok(Request::ServeSecluded(server)) => {
            server.complete(command.secluded.clone().unwrap()).unwrap()
        }
        other => panic!("{line}: {other:?}"),
    }
}

/// What a shell makes of a word.
fn without_backslashes(word: &[u8]) -> Vec<u8> {
    let mut bytes = word.iter();
    let mut plain = Vec::new();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => *bytes.next().unwrap_or(&byte),
            _ => byte,
        });
    }
    plain
}

fn what_matters(
    user: &Options,
    server: &Options,
    pushes: bool,
) -> Vec<(&'static str, String, String)> {
    macro_rules! fields {
        ($($field:ident)*) => {
            vec![$((stringify!($field), format!("{:?}", user.$field), format!("{:?}", server.$field)),)*]
        };
    }
    let mut fields = fields!(
        recurse relative cvs_exclude preserve_links
        preserve_hard_links preserve_perms preserve_times preserve_uid preserve_gid
        preserve_devices preserve_specials numeric_ids copy_unsafe_links safe_links checksum
        update ignore_times inplace append sparse block_size checksum_choice timeout
        ignore_errors remove_source_files backup backup_dir suffix compress
        checksum_seed bwlimit stderr
    );
    let mut also = |what, of: &dyn Fn(&Options) -> String| {
        fields.push((what, of(user), of(server)));
    };
    // A sender does not notice that what it sends is only written down.
    also("dry_run", &|o| {
        (o.dry_run && (pushes || !o.only_writes_batch())).to_string()
    });
    also("one_file_system", &|o| o.one_file_system.min(2).to_string());
    if user.protocol.is_none() {
        also("implied_dirs", &|o| o.implied_dirs.to_string());
    }
    if pushes {
        also("itemize", &|o| o.itemize().min(2).to_string());
        also("super", &|o| (o.super_mode == SuperMode::Super).to_string());
        fields.extend(fields!(
            xfer_dirs prune_empty_dirs omit_dir_times omit_link_times keep_dirlinks
            size_only modify_window existing ignore_existing partial partial_dir tmp_dir
            preallocate fsync mkpath delete delete_excluded max_delete min_size max_size
            force_delete usermap groupmap alt_dest fuzzy
        ));
    } else {
        fields.extend(fields!(copy_links copy_dirlinks));
    }
    // Only the sender compresses, with as many threads as it was told; a client that sends knows
    // by itself what not to compress, and whether the names of a list bring directories along.
    fields.retain(|(what, ..)| {
        let compress = &user.compress;
        let of_sender = compress.threads > 0 || pushes && compress.skip.is_some();
        let of_list = user.files_from.is_some();
        match *what {
            "compress" => !of_sender,
            "xfer_dirs" => !of_list,
            _ => true,
        }
    });
    fields
}
