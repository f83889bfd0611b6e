//! The peer: what it sends, step by step, and what became of the session.

use options::{Options, Request};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;
use transfer::event::{Event, EventSink, Severity};
use transfer::{Call, Control, Fatal, Outcome, Side, Wire, pump_config, run_remote};
#[cfg(target_os = "linux")]
use wire::flist::{Acl, EntryAcls, Listed, XattrList};
use wire::flist::{Attributes, DirectoryRole, EntryEncoder, ListRules, WireEntry};
#[cfg(target_os = "linux")]
use wire::item::ItemFlags;
use wire::item::{Basis, Item};
use wire::message::MessageCode;
use wire::ndx::NdxWriter;
use wire::sums::{SumHead, put_sum_head};
use wire::{CompatFlags, Ndx, Protocol};

/// No session may take longer, however slow the machine.
const SOON: Duration = Duration::from_secs(120);

pub const FILE: u32 = 0o100644;
pub const DIR: u32 = 0o040755;
pub const LINK: u32 = 0o120777;

/// One thing that the peer does.
pub enum Step {
    /// Sends this.
    Send(Vec<u8>),
    /// Waits until so many bytes have come.
    Await(usize),
    /// Sends this for ever.
    Repeat(Vec<u8>),
    /// Says nothing more, and stays.
    Hang,
}

/// What a peer sends in frames.
pub struct Script {
    protocol: Protocol,
    numbers: NdxWriter,
    rules: ListRules,
    list: EntryEncoder,
    data: Vec<u8>,
    steps: Vec<Step>,
}

impl Script {
    /// A server that sends, after its handshake.
    pub fn server(flags: CompatFlags) -> Script {
        let mut script = Script::new(flags);
        let mut hello = 32i32.to_le_bytes().to_vec();
        hello.push(flags.bits() as u8);
        hello.extend(7i32.to_le_bytes());
        script.steps.push(Step::Send(hello));
        script
    }

    /// A client, after its handshake; it sends no filters.
    pub fn client() -> Script {
        let mut script = Script::new(CompatFlags::default());
        script.steps.push(Step::Send(32i32.to_le_bytes().to_vec()));
        script
    }

    fn new(flags: CompatFlags) -> Script {
        let protocol = Protocol::new(32).unwrap().with_flags(flags);
        let rules = ListRules {
            links: true,
            ..ListRules::new(protocol)
        };
        Script {
            protocol,
            numbers: NdxWriter::new(protocol),
            rules,
            list: EntryEncoder::new(rules),
            data: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// No filter rules.
    pub fn no_filters(mut self) -> Script {
        self.data.extend(0i32.to_le_bytes());
        self
    }

    /// An entry of the list.
    pub fn entry(self, name: &str, mode: u32) -> Script {
        self.entry_of(name, mode, 5, "")
    }

    pub fn entry_of(mut self, name: &str, mode: u32, size: u64, target: &str) -> Script {
        let entry = WireEntry {
            name: name.as_bytes(),
            attributes: Attributes {
                mode,
                size,
                mtime: 1_000_000_000,
                ..Attributes::default()
            },
            directory: if name == "." {
                DirectoryRole::Top
            } else {
                DirectoryRole::Content
            },
            link_target: target.as_bytes(),
            ..WireEntry::default()
        };
        self.list.put(&mut self.data, &entry).unwrap();
        self
    }

    /// Says that extended attributes cross: before the first entry.
    #[cfg(target_os = "linux")]
    pub fn with_xattrs(mut self) -> Script {
        self.rules.xattrs = true;
        self.list = EntryEncoder::new(self.rules);
        self
    }

    /// A file with these attributes.
    #[cfg(target_os = "linux")]
    pub fn file_with(mut self, name: &str, xattrs: Listed<'_, XattrList>) -> Script {
        let entry = WireEntry {
            xattrs: Some(xattrs),
            ..file(name)
        };
        self.list.put(&mut self.data, &entry).unwrap();
        self
    }

    /// Says that access control lists cross: before the first entry.
    #[cfg(target_os = "linux")]
    pub fn with_acls(mut self) -> Script {
        self.rules.acls = true;
        self.list = EntryEncoder::new(self.rules);
        self
    }

    /// A file with this list.
    #[cfg(target_os = "linux")]
    pub fn file_under(mut self, name: &str, acl: &Acl) -> Script {
        let entry = WireEntry {
            acls: Some(EntryAcls {
                access: Listed::New(acl),
                default: None,
            }),
            ..file(name)
        };
        self.list.put(&mut self.data, &entry).unwrap();
        self
    }

    /// What is said of an entry.
    #[cfg(target_os = "linux")]
    pub fn item(mut self, number: u32, flags: ItemFlags) -> Script {
        self.numbers.put(&mut self.data, Ndx::File(number));
        let item = Item {
            flags,
            basis: None,
            name: None,
        };
        item.put(&mut self.data, self.protocol);
        self
    }

    /// The end of a part of the list.
    pub fn end(mut self) -> Script {
        self.list.end(&mut self.data, 0).unwrap();
        self
    }

    pub fn number(mut self, number: Ndx) -> Script {
        self.numbers.put(&mut self.data, number);
        self
    }

    /// What is said of a file whose content follows.
    pub fn transfer(self, number: u32) -> Script {
        self.transfer_from(number, None, None)
    }

    /// The same, of one that is made from a basis of this kind and name.
    pub fn transfer_from(
        mut self,
        number: u32,
        basis: Option<Basis>,
        name: Option<&[u8]>,
    ) -> Script {
        self.numbers.put(&mut self.data, Ndx::File(number));
        let item = Item {
            basis,
            name: name.map(<[u8]>::to_vec),
            ..Item::TRANSFER
        };
        item.put(&mut self.data, self.protocol);
        self
    }

    pub fn head(mut self, count: i32, block_len: i32, strong_len: i32, remainder: i32) -> Script {
        let head = SumHead {
            count,
            block_len,
            strong_len,
            remainder,
        };
        put_sum_head(&mut self.data, &head);
        self
    }

    /// A token, and bytes behind it.
    pub fn token(mut self, token: i32, bytes: &[u8]) -> Script {
        self.data.extend(token.to_le_bytes());
        self.data.extend_from_slice(bytes);
        self
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Script {
        self.data.extend_from_slice(bytes);
        self
    }

    /// A message beside the data.
    pub fn message(mut self, code: MessageCode, payload: &[u8]) -> Script {
        self = self.flush();
        let framed = [&code.header(payload.len())[..], payload].concat();
        self.steps.push(Step::Send(framed));
        self
    }

    /// Sends what was said.
    pub fn flush(mut self) -> Script {
        if !self.data.is_empty() {
            let data = std::mem::take(&mut self.data);
            self.steps.push(Step::Send(framed(&data)));
        }
        self
    }

    pub fn step(mut self, step: Step) -> Script {
        self = self.flush();
        self.steps.push(step);
        self
    }

    /// Says the same for ever, as data.
    pub fn for_ever(self, data: &[u8]) -> Script {
        let framed = framed(data);
        self.step(Step::Repeat(framed))
    }

    pub fn rules(&self) -> ListRules {
        self.rules
    }

    pub fn steps(self) -> Vec<Step> {
        self.flush().steps
    }
}

/// A file as it is listed, with nothing that is not in every entry.
#[cfg(target_os = "linux")]
fn file(name: &str) -> WireEntry<'_> {
    WireEntry {
        name: name.as_bytes(),
        attributes: Attributes {
            mode: FILE,
            size: 5,
            mtime: 1_000_000_000,
            ..Attributes::default()
        },
        ..WireEntry::default()
    }
}

pub fn framed(data: &[u8]) -> Vec<u8> {
    let frame = |part: &[u8]| [&MessageCode::Data.header(part.len())[..], part].concat();
    data.chunks(60_000).flat_map(frame).collect()
}

/// A place with a root for the session and something beside it that nobody may touch.
pub struct World {
    scratch: tempfile::TempDir,
}

/// How a session ended.
#[derive(Debug)]
pub struct Ended {
    pub outcome: Outcome,
    pub told: Vec<String>,
}

impl Ended {
    pub fn kind(&self) -> Option<Fatal> {
        self.outcome.error.map(|error| error.kind)
    }

    /// Holds it against the kind of error, and words of what was told.
    pub fn expect(&self, what: &str, kind: Fatal, words: &str) {
        assert_eq!(self.kind(), Some(kind), "{what}: {self:?}");
        let told = self.told.join("\n");
        assert!(told.contains(words), "{what}: {words:?} in {told:?}");
    }
}

impl World {
    pub fn new() -> World {
        let world = World {
            scratch: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(world.root()).unwrap();
        fs::write(world.root().join("mine"), b"mine").unwrap();
        fs::write(world.scratch.path().join("beside"), b"beside").unwrap();
        world
    }

    pub fn root(&self) -> PathBuf {
        self.scratch.path().join("root")
    }

    /// For a session that hangs on and has the root open: where Windows (as under Wine) cannot remove
    /// what is open, trying would not end.
    pub fn leave_behind(mut self) {
        self.scratch.disable_cleanup(cfg!(windows));
    }

    /// What is there, below the root and beside it.
    pub fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting = vec![self.scratch.path().to_owned()];
        while let Some(dir) = waiting.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.scratch.path()).unwrap();
                found.push(name.to_string_lossy().replace('\\', "/"));
                if path.is_dir() && !path.is_symlink() {
                    waiting.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// Nothing was made, changed or deleted.
    pub fn expect_untouched(&self, what: &str) {
        assert_eq!(self.names(), ["beside", "root", "root/mine"], "{what}");
        let beside = fs::read(self.scratch.path().join("beside")).unwrap();
        assert_eq!(beside, b"beside", "{what}");
    }

    /// We are a client that asks `host:asked` for files, and the peer is the server.
    pub fn pull(&self, arguments: &[&str], asked: &str, script: Script) -> Ended {
        self.pull_over(arguments, asked, script.steps(), false)
    }

    /// The same; the peer may take nothing of what we send.
    pub fn pull_over(
        &self,
        arguments: &[&str],
        asked: &str,
        steps: Vec<Step>,
        takes_nothing: bool,
    ) -> Ended {
        let asked = format!("host:{asked}").into();
        let root: OsString = self.root().join("").into();
        let mut options = options(arguments, [asked, root.clone()]);
        options.operands = vec![root];
        session(options, Side::Client, false, steps, takes_nothing)
    }

    /// We are a server that receives; the peer is its client.
    pub fn receive(&self, arguments: &[&str], script: Script) -> Ended {
        let root: OsString = self.root().join("").into();
        let mut options = options(arguments, ["unused".into(), root.clone()]);
        options.operands = vec![root];
        session(options, Side::Server, false, script.steps(), false)
    }

    /// We are a server that sends its root; the peer is its client.
    pub fn send(&self, arguments: &[&str], script: Script) -> Ended {
        self.send_over(arguments, script.steps(), false)
    }

    pub fn send_over(&self, arguments: &[&str], steps: Vec<Step>, takes_nothing: bool) -> Ended {
        let root: OsString = self.root().join("").into();
        let mut options = options(arguments, [root.clone(), "unused".into()]);
        options.operands = vec![root];
        session(options, Side::Server, true, steps, takes_nothing)
    }
}

fn options(arguments: &[&str], operands: [OsString; 2]) -> Options {
    // Nothing is negotiated, so that the peer need not.
    let arguments = arguments.iter().chain(&["--checksum-choice=md5"]);
    let arguments = arguments.map(OsString::from).chain(operands);
    match options::parse(arguments) {
        Ok(Request::Sync(options)) => *options,
        other => panic!("{other:?}"),
    }
}

fn session(
    options: Options,
    side: Side,
    sends: bool,
    steps: Vec<Step>,
    takes_nothing: bool,
) -> Ended {
    let heard = Arc::new(Heard::default());
    let from = Peer {
        steps: steps.into_iter().collect(),
        at: 0,
        heard: heard.clone(),
    };
    let to = Ear {
        heard: heard.clone(),
        takes_nothing,
    };
    let told = Arc::new(Told::default());
    let sink = told.clone();
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let wire = Wire::new(Box::new(from), Box::new(to), None).unwrap();
        let call = Call {
            side,
            sends,
            client_can: b".LsfxCI".to_vec(),
            exit_code: |_| 1,
            last_words: |_| None,
        };
        let pump = pump_config(options.io_backend);
        let control = Arc::new(Control::new());
        let outcome = run_remote(options, &call, sink, control, &pump, wire);
        let _ = tell.send(outcome);
    });
    let outcome = ended.recv_timeout(SOON);
    let told = std::mem::take(&mut *told.0.lock().unwrap());
    match outcome {
        Ok(outcome) => Ended { outcome, told },
        Err(_) => panic!("a session hangs: {told:?}"),
    }
}

/// How many bytes came from the session.
#[derive(Default)]
struct Heard {
    bytes: Mutex<usize>,
    changed: Condvar,
}

struct Peer {
    steps: std::collections::VecDeque<Step>,
    at: usize,
    heard: Arc<Heard>,
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let bytes = match self.steps.front() {
                None => return Ok(0),
                Some(Step::Hang) => loop {
                    std::thread::park();
                },
                Some(Step::Await(wanted)) => {
                    let mut bytes = self.heard.bytes.lock().unwrap();
                    while *bytes < *wanted {
                        bytes = self.heard.changed.wait(bytes).unwrap();
                    }
                    drop(bytes);
                    self.steps.pop_front();
                    continue;
                }
                Some(Step::Send(bytes) | Step::Repeat(bytes)) => bytes,
            };
            let some = buffer.len().min(bytes.len() - self.at);
            buffer[..some].copy_from_slice(&bytes[self.at..][..some]);
            self.at += some;
            if self.at == bytes.len() {
                self.at = 0;
                if matches!(self.steps.front(), Some(Step::Send(_))) {
                    self.steps.pop_front();
                }
            }
            return Ok(some);
        }
    }
}

struct Ear {
    heard: Arc<Heard>,
    takes_nothing: bool,
}

impl Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.takes_nothing {
            loop {
                std::thread::park();
            }
        }
        *self.heard.bytes.lock().unwrap() += bytes.len();
        self.heard.changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps what is said of trouble.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl EventSink for Told {
    fn event(&self, event: Event<'_>) {
        if let Event::Message(message) = event
            && !matches!(message.severity, Severity::Info | Severity::Client)
        {
            let text = String::from_utf8_lossy(&message.text).into_owned();
            self.0.lock().unwrap().push(text);
        }
    }
}
