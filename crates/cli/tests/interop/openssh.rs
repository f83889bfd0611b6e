//! Sessions through a real remote shell: OpenSSH's client, and its server on a free port of this
//! machine with keys made for the occasion.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::outcome::{Outcome, differences};
use crate::peer::{Peer, peers};
use crate::playground::Playground;
use crate::trees::{odd_names, usual};

const INSTALL: &str = "apt-get install openssh-server openssh-client";

#[test]
fn through_openssh() {
    if !may_log_in() {
        eprintln!("this user has no login shell: nothing goes through OpenSSH");
        return;
    }
    let server = Server::start();
    let playground = Playground::new();
    for (tree, options) in [
        (usual(), "-aiH --delete --stats"),
        (usual(), "-aizv --no-W"),
        (odd_names(), "-ai --delete"),
        (odd_names(), "-ais --delete"),
    ] {
        for pushes in [true, false] {
            let ask = |client: &Peer, other: &Peer| -> Outcome {
                let mut command = playground.command(&client.program);
                let remote = |name: &str| {
                    let path = playground.tree().join(name);
                    format!("127.0.0.1:{}/", path.display())
                };
                let (source, destination) = if pushes {
                    ("src/".into(), remote("dst"))
                } else {
                    (remote("src"), "dst/".into())
                };
                command
                    .args(options.split(' '))
                    .arg("-e")
                    .arg(server.shell())
                    .arg(format!("--rsync-path={}", other.program.display()))
                    .args([source, destination]);
                playground.run(&tree, &mut command)
            };
            let (ours, theirs) = (&peers().tidesync, &peers().rsync);
            let expected = ask(theirs, theirs);
            assert_eq!(
                expected.ending, "exit code 0",
                "rsync itself, {options}: {:?}",
                expected.stderr
            );
            for (client, other) in [(ours, theirs), (theirs, ours), (ours, ours)] {
                let got = ask(client, other);
                let found = differences(&expected, &got);
                let text: String = found.iter().map(|d| d.text.as_str()).collect();
                let (client, other) = (&client.name, &other.name);
                assert!(
                    found.is_empty(),
                    "{client} -> {other}, {options}, pushes: {pushes}\n{text}"
                );
            }
        }
    }
}

/// Root and people may; the user `nobody` may not.
fn may_log_in() -> bool {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    let shell = user.expect("the list of users").map(|user| user.shell);
    shell.is_none_or(|shell| !shell.ends_with("nologin") && !shell.ends_with("false"))
}

/// A server that admits the one key.
struct Server {
    directory: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Server {
        let mut builder = tempfile::Builder::new();
        let directory = builder.prefix("openssh").tempdir().expect("a directory");
        for name in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(directory.path().join(name))
                .status()
                .unwrap_or_else(|error| panic!("no ssh-keygen ({error}): {INSTALL}"));
            assert!(made.success(), "ssh-keygen: {made}");
        }
        let key = directory.path().join("user.pub");
        fs::copy(key, directory.path().join("admitted")).expect("made above");
        make_its_prison();
        // Somebody may take a port before the server does.
        for _ in 0..5 {
            let port = free_port();
            if let Some(child) = serve(directory.path(), port) {
                return Server {
                    directory,
                    child,
                    port,
                };
            }
        }
        let log = fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        panic!("sshd does not start: {log}");
    }

    /// What `-e` takes.
    fn shell(&self) -> OsString {
        let mut shell = OsString::from(format!("ssh -F none -p {} -i ", self.port));
        shell.push(self.directory.path().join("user"));
        shell.push(
            " -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
             -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        );
        shell
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it, and waits until it answers; `None` if it ends instead.
fn serve(directory: &Path, port: u16) -> Option<Child> {
    let inside = |name: &str| directory.join(name).display().to_string();
    let log = File::create(directory.join("log")).expect("our directory");
    let mut child = Command::new(sshd())
        .args(["-D", "-e", "-f", "/dev/null", "-h"])
        .arg(inside("host"))
        .arg(format!("-oPort={port}"))
        .arg(format!("-oAuthorizedKeysFile={}", inside("admitted")))
        .arg(format!("-oPidFile={}", inside("pid")))
        .args([
            "-oListenAddress=127.0.0.1",
            "-oStrictModes=no",
            "-oUsePAM=no",
        ])
        .args([
            "-oPermitRootLogin=prohibit-password",
            "-oPasswordAuthentication=no",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("it is there");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        if child.try_wait().expect("our child").is_some() {
            return None;
        }
        if greets(address) {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("our child");
    child.wait().expect("our child");
    None
}

fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let mut greeting = [0; 4];
    // The client's own, so that the server does not complain.
    let _ = stream.write_all(b"SSH-2.0-test\r\n");
    stream.read_exact(&mut greeting).is_ok() && &greeting == b"SSH-"
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// The server insists on being started by its whole path.
fn sshd() -> PathBuf {
    let places = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
    let found = places.iter().map(PathBuf::from).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("these tests need a real remote shell: {INSTALL}"))
}

/// Where root's server locks up the part of it that talks to strangers; no service has made it.
fn make_its_prison() {
    if nix::unistd::geteuid().is_root() {
        let prison = Path::new("/run/sshd");
        if !prison.is_dir() {
            fs::create_dir_all(prison).expect("root may");
            let only_readable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(prison, only_readable).expect("root may");
        }
    }
}
