//! One session over a wire: handshake, filters, then the roles of this side until the goodbye.
// rsync: main.c client_run(), do_recv(), do_server_sender(), do_server_recv(), start_server()

use super::StreamError;
use super::agreement::Agreement;
use super::asked_for::AskedFor;
use super::handshake::{self, Terms, shake_hands};
use super::hearing::{self, Destined};
use super::inlet::Inlet;
use super::list_in::{Conversion, ListReader};
use super::listed_names::{self, Forwarder, converts_names};
use super::outlet::{Outlet, Pace};
use super::receiving::Receiving;
use super::recording::Recording;
use super::replay::Replay;
use super::request_queue::{RequestQueue, RequestReader};
use super::requests::Requests;
use super::sending::Sending;
use super::watch::Watch;
use crate::charset::Converter;
use crate::context::Context;
use crate::control::Control;
use crate::era::{self, Era};
use crate::error::{Fatal, SessionError};
use crate::event::{EventSink, FileList, Role, Severity};
use crate::ids::Ids;
use crate::link::SegmentQueue;
use crate::narrator::{Narrator, Order};
use crate::open_files::OpenFiles;
use crate::origin::Origin;
use crate::sender::Sender;
use crate::session::{self, Outcome};
use crate::xattrs::{self, XattrRules};
use crate::{files_from, filtering, paths};
use fast_io::{CompletionPump, PumpConfig};
use options::{Append, Options};
use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tree::filter::{FilterSet, Wanted};
use wire::arguments::Lines;
use wire::choice::Checksum;
use wire::greeting::Capabilities;
use wire::message::MessageCode;
use wire::{CompatFlags, Protocol};

pub use wire::Side;

/// The two streams to the other side.
pub struct Wire {
    inlet: Inlet,
    outlet: Arc<Outlet>,
    agreed: Arc<OnceLock<Protocol>>,
    recording: Option<Recording>,
    replay: Option<Replay>,
}

/// Tells the other side's user something, beside the data: what a server has instead of standard
/// streams.
#[derive(Clone)]
pub struct Messenger {
    outlet: Arc<Outlet>,
    agreed: Arc<OnceLock<Protocol>>,
    charset: Option<Converter>,
}

impl Wire {
    /// Starts to write what is queued, at most so many bytes a second.
    ///
    /// # Errors
    /// The system has no thread for that.
    pub fn new(
        from: Box<dyn Read + Send>,
        to: Box<dyn Write + Send>,
        bytes_per_second: Option<u64>,
    ) -> io::Result<Wire> {
        let pace = bytes_per_second.map(|bytes_per_second| Pace { bytes_per_second });
        Ok(Wire {
            inlet: Inlet::new(from),
            outlet: Arc::new(Outlet::start(to, pace)?),
            agreed: Arc::default(),
            recording: None,
            replay: None,
        })
    }

    /// A batch file in the place of a sender. What is said to it goes nowhere.
    ///
    /// # Errors
    /// The system has no thread for that.
    pub fn of_batch(replay: Replay) -> io::Result<Wire> {
        let mut wire = Wire::new(Box::new(io::empty()), Box::new(io::sink()), None)?;
        wire.replay = Some(replay);
        Ok(wire)
    }

    /// Has the session written down.
    pub fn record(&mut self, recording: Option<Recording>) {
        self.recording = recording;
    }

    /// A way to the other side's user, which converts what it is given.
    pub fn messenger(&self, charset: Option<Converter>) -> Messenger {
        Messenger {
            charset,
            outlet: self.outlet.clone(),
            agreed: self.agreed.clone(),
        }
    }
}

impl Messenger {
    /// Tells text, with its newlines. False if there is no way: before the handshake is over, or when
    /// the other side takes nothing any more.
    pub fn tell(&self, severity: Severity, text: &[u8]) -> bool {
        let code = match severity {
            Severity::Info | Severity::Client => MessageCode::Info,
            Severity::Warning => MessageCode::Warning,
            Severity::Error => MessageCode::Error,
            Severity::TransferError => MessageCode::ErrorXfer,
        };
        if !self.outlet.has_frames() || self.outlet.is_lost() {
            return false;
        }
        let converted = self.charset.as_ref().map(|c| c.text_to_wire(text));
        let text = converted.as_deref().unwrap_or(text);
        for part in text.chunks(wire::message::MAX_MESSAGE) {
            self.outlet.message(code, part);
        }
        true
    }

    /// Tells that an entry was deleted. False if the protocol has no message for that: then it is
    /// for text to tell.
    // rsync: log.c log_delete()
    pub fn deleted(&self, name: &[u8], is_dir: bool) -> bool {
        if !self.agreed.get().is_some_and(|p| p.has_items()) {
            return false;
        }
        let mut payload = match &self.charset {
            Some(charset) => charset.text_to_wire(name),
            None => name.to_vec(),
        };
        if is_dir {
            payload.push(0);
        }
        self.outlet.message(MessageCode::Deleted, &payload);
        true
    }
}

/// Runs a session over a wire. The operands of the options are those of this side: a sender's
/// sources, or a receiver's destination.
pub fn run_remote(
    options: Options,
    call: &Call,
    sink: Arc<dyn EventSink>,
    control: Arc<Control>,
    pump: &PumpConfig,
    mut wire: Wire,
) -> Outcome {
    control.limit_timeout(options.timeout.unwrap_or_default());
    wire.inlet.keeps_alive(control.clone());
    wire.outlet.keeps_alive(control.clone());
    let has_begun = Arc::new(AtomicBool::new(false));
    let watch = Watch {
        control: control.clone(),
        outlet: wire.outlet.clone(),
        sink: sink.clone(),
        stop_at: options.stop_at,
        role: if call.sends {
            Role::Sender
        } else {
            Role::Generator
        },
        has_begun: has_begun.clone(),
    };
    let (call, pump) = (call.clone(), pump.clone());
    watch.over(move || run(options, &call, sink, control, &pump, wire, has_begun))
}

fn run(
    mut options: Options,
    call: &Call,
    sink: Arc<dyn EventSink>,
    control: Arc<Control>,
    pump: &PumpConfig,
    wire: Wire,
    has_begun: Arc<AtomicBool>,
) -> Outcome {
    let umask = fast_io::dir::take_umask();
    let open_files = OpenFiles::share(fast_io::dir::raise_open_limit());
    let workers = pump.workers().min(open_files.threads);
    let Wire {
        mut inlet,
        outlet,
        agreed,
        recording,
        replay,
    } = wire;
    let is_replay = replay.is_some();
    let adapted = replay
        .as_ref()
        .map_or_else(Vec::new, |replay| replay.adapt(&mut options));
    let recorded = recording.as_ref().map(Recording::failure);
    let allows = |protocol| match era::refusal(&options, protocol) {
        Some(text) => Err(wire::Error::Incompatible(text)),
        None => Ok(()),
    };
    let terms = terms(&options, call, recording.is_some());
    let shaken = match replay {
        None => shake_hands(&terms, &allows, &mut inlet, &outlet),
        Some(replay) => replay.agree(&terms).and_then(|(from, agreement)| {
            inlet = from;
            allows(agreement.protocol)?;
            Ok(agreement)
        }),
    };
    let mut era = Era::default();
    if let Ok(Agreement { protocol, .. }) = &shaken {
        era::settle(&mut options, *protocol);
        era = Era::of(*protocol, call.side, call.sends, &options);
        let _ = agreed.set(*protocol);
    }
    let narrator = Narrator::new(sink, &options, Order::AsItComes);
    let pump = match CompletionPump::start(&pump.clone().with_workers(workers)) {
        Ok(pump) => Arc::new(pump),
        Err(e) => return session::no_pump(&narrator, e),
    };
    let ctx = Arc::new(Context::new(
        options, era, narrator, control, pump, umask, open_files,
    ));
    let role = if call.sends {
        Role::Sender
    } else {
        Role::Destination
    };
    if ctx.options.info.misc > 0 {
        for text in adapted {
            ctx.info(Role::Client, text);
        }
    }
    let protocol = shaken.as_ref().ok().map(|agreement| agreement.protocol);
    let result = shaken
        .map_err(|e| e.tell(&ctx, role))
        .and_then(|agreement| {
            session::check_munge(&ctx)?;
            let session = Session {
                ctx: ctx.clone(),
                agreement,
                outlet: outlet.clone(),
                side: call.side,
                has_begun,
                recording,
                is_replay,
            };
            if call.sends {
                session.send(inlet)
            } else {
                session.receive(inlet)
            }
        });
    match &result {
        Ok(()) => outlet.end(None),
        // Of this rsync says nothing to the other side.
        Err(_) if ctx.control.is_at_limit() => outlet.end(Some(TO_TELL)),
        Err(error) => {
            tell_end(&outlet, error, call, protocol);
            outlet.end(Some(TO_TELL));
        }
    }
    ctx.pump.shut_down();
    let result = match recorded.as_ref().and_then(|failure| failure.get()) {
        Some(error) if result.is_ok() => Err(not_recorded(&ctx, error.kind().into())),
        _ => result,
    };
    let mut stats = ctx.tally().stats;
    stats.protocol = protocol.map_or(Protocol::NEWEST, Protocol::version);
    stats.seconds = ctx.control.started().elapsed().as_secs_f64();
    Outcome {
        stats,
        error: result.err(),
        trouble: ctx.problems.trouble(ctx.options.ignore_errors),
    }
}

/// How long the other side may take to hear why this one ends.
const TO_TELL: Duration = Duration::from_secs(5);

/// Which part this process has in a session.
#[derive(Debug, Clone)]
pub struct Call {
    /// The user's program, or what that started.
    pub side: Side,
    /// It has the source.
    pub sends: bool,
    /// What a server was told its client can do (`-e`).
    pub client_can: Vec<u8>,
    /// The number that a kind of end is known by.
    pub exit_code: fn(Fatal) -> u8,
    /// A server's last line for its client's user, with its newline, if there is one.
    pub last_words: fn(&SessionError) -> Option<String>,
}

fn terms(options: &Options, call: &Call, is_recorded: bool) -> Terms {
    let mut own_flags = handshake::known_flags() | CompatFlags::SYMLINK_ICONV;
    if options.recurse
        && options.allow_inc_recurse
        && (call.sends || options.incremental_recursion())
    {
        own_flags |= CompatFlags::INC_RECURSE;
    }
    let capabilities = match call.side {
        Side::Client => Capabilities::of_client(own_flags),
        Side::Server => Capabilities::parse(&call.client_can),
    };
    Terms {
        side: call.side,
        offer: options.protocol.map_or(handshake::NEWEST, i32::from),
        capabilities,
        own_flags,
        checksum: options.checksum_choice.map(checksum_choice),
        compress: match options.compress.algorithm {
            options::Compression::Off => None,
            options::Compression::Negotiated => Some(None),
            options::Compression::Chosen(codec) => Some(Some(handshake::codec(codec))),
        },
        compress_level: options.compress.level,
        compress_threads: options.compress.threads,
        seed: options.checksum_seed.unwrap_or(0),
        is_recorded,
    }
}

/// What the user chose; the version that the sides agree on decides what `auto` is.
fn checksum_choice(choice: options::ChecksumChoice) -> handshake::ChecksumWish {
    let one = |checksum| match checksum {
        options::Checksum::Auto => None,
        options::Checksum::Xxh128 => Some(Checksum::Xxh128),
        options::Checksum::Xxh3 => Some(Checksum::Xxh3),
        options::Checksum::Xxh64 => Some(Checksum::Xxh64),
        options::Checksum::Md5 => Some(Checksum::Md5),
        options::Checksum::Md4 => Some(Checksum::Md4),
        options::Checksum::Sha1 => Some(Checksum::Sha1),
        options::Checksum::None => Some(Checksum::None),
    };
    handshake::ChecksumWish {
        transfer: one(choice.transfer),
        file: one(choice.file),
    }
}

/// Lets the other side know that this one ends early, and its user why.
// rsync: cleanup.c _exit_cleanup(), log.c log_exit(); io.c read_a_msg(), MSG_ERROR_EXIT
fn tell_end(outlet: &Outlet, error: &SessionError, call: &Call, protocol: Option<Protocol>) {
    let is_news = call.side == Side::Server && !matches!(error.kind, Fatal::Peer(_));
    if is_news && let Some(words) = (call.last_words)(error) {
        outlet.message(MessageCode::Error, words.as_bytes());
    }
    if !protocol.is_some_and(|p| p.has_late_errors()) {
        return;
    }
    match error.kind {
        // It told us. The sending side only says that it heard.
        Fatal::Peer(_) if call.sends => outlet.message(MessageCode::ErrorExit, &[]),
        Fatal::Timeout | Fatal::StreamIo => {}
        kind => {
            let code = i32::from((call.exit_code)(kind)).to_le_bytes();
            outlet.message(MessageCode::ErrorExit, &code);
        }
    }
}

/// What both directions have in common.
struct Session {
    ctx: Arc<Context>,
    agreement: Agreement,
    outlet: Arc<Outlet>,
    side: Side,
    has_begun: Arc<AtomicBool>,
    recording: Option<Recording>,
    is_replay: bool,
}

/// From here on the session is written down, if it is to be.
// rsync: io.c start_write_batch()
fn start_recording(
    ctx: &Context,
    agreement: &Agreement,
    recording: Option<Recording>,
    filters: &FilterSet,
) -> Result<Option<Box<dyn Write + Send>>, SessionError> {
    let Some(recording) = recording else {
        return Ok(None);
    };
    let rules = filters
        .for_server(tree::filter::Side::Sender, agreement.dialect())
        .map_err(|e| session::filter_failure(ctx, e))?;
    if rules.iter().any(|rule| rule.contains(&b'\n')) {
        let text = "cannot write a filter rule containing a newline to the batch replay script";
        return Err(ctx.fatal(Fatal::Syntax, Role::Client, text));
    }
    let started = recording.start(agreement, &ctx.options, &rules);
    let copy = started.map_err(|e| not_recorded(ctx, e))?;
    Ok(Some(copy))
}

fn not_recorded(ctx: &Context, error: io::Error) -> SessionError {
    ctx.fatal_os(Fatal::FileIo, Role::Client, "Batch file write error", error)
}

impl Session {
    fn send(self, mut inlet: Inlet) -> Result<(), SessionError> {
        let Session {
            ctx,
            agreement,
            outlet,
            side,
            has_begun,
            recording,
            ..
        } = self;
        let is_server = side == Side::Server;
        if is_server || ctx.era.frames_both_ways {
            outlet.start_frames();
        }
        let list = Arc::new(SegmentQueue::default());
        let requests = Arc::new(RequestQueue::new(list.clone()));
        let frames = if is_server {
            ctx.era.frames_both_ways
        } else {
            true
        };
        if frames {
            inlet.start_frames(side, hearing::for_sender(ctx.clone(), requests.clone()));
        }
        let filters = exchange_filters(&ctx, &agreement, side, true, &mut inlet, &outlet)?;
        if let Some(copy) = start_recording(&ctx, &agreement, recording, &filters)? {
            outlet.copy_to(copy);
        }
        has_begun.store(true, Ordering::Relaxed);
        let operands: Vec<Vec<u8>> = ctx
            .options
            .operands
            .iter()
            .map(|o| paths::operand_bytes(o))
            .collect();
        let names = if listed_names::come_from_peer(&ctx.options, side) {
            // The other side waits for the rules before it sends any.
            outlet.flush();
            let taken = listed_names::take(&ctx, &mut inlet, agreement.protocol);
            Some(taken.map_err(|e| e.tell(&ctx, Role::Sender))?)
        } else {
            files_from::read(&ctx)?
        };
        let sender = Arc::new(Sender::for_wire(ctx.clone(), filters, &agreement));
        let reader = RequestReader {
            inlet,
            queue: requests.clone(),
            agreement,
            dry_run: ctx.options.dry_run && !ctx.options.only_writes_batch(),
            appends: ctx.options.append != Append::No,
            exchanges_xattrs: xattrs::are_exchanged(&ctx.options),
            asked: HashSet::new(),
        };
        {
            let list = list.clone();
            ctx.control.on_stop(move || list.ring());
        }
        // It ends when the other side does, which may be after us.
        std::thread::spawn(move || reader.run());
        let heard = requests.clone();
        std::thread::scope(|scope| {
            let lister = {
                let (sender, list) = (sender.clone(), list.clone());
                let (operands, names) = (&operands, &names);
                scope.spawn(move || sender.run(operands, names.as_deref(), &list))
            };
            let sending =
                Sending::new(sender, list, outlet.clone(), requests, agreement, is_server);
            let sent = sending.run();
            let listed = lister
                .join()
                .unwrap_or_else(|p| std::panic::resume_unwind(p));
            listed.and(sent)
        })?;
        let mut tally = ctx.tally();
        if !is_server {
            tally.stats.bytes_sent = outlet.written();
            tally.stats.bytes_received = heard.read();
        }
        Ok(())
    }

    fn receive(self, mut inlet: Inlet) -> Result<(), SessionError> {
        let Session {
            ctx,
            agreement,
            outlet,
            side,
            has_begun,
            recording,
            is_replay,
        } = self;
        let protocol = agreement.protocol;
        let is_server = side == Side::Server;
        let list_of_names = files_from::open(&ctx, is_server)?;
        // In old versions, nothing may come between the names that a server sends.
        let names_are_bare = list_of_names.is_some() && !protocol.frames_names();
        if is_server && !names_are_bare || ctx.era.frames_both_ways && !is_server {
            outlet.start_frames();
        }
        let queue = Arc::new(SegmentQueue::unbounded());
        let requests = Arc::new(Requests::new(
            outlet.clone(),
            queue.clone(),
            agreement,
            &ctx.options,
            is_replay,
        ));
        let destined = Destined::default();
        if !is_replay && (!is_server || ctx.era.frames_both_ways) {
            let hearing = hearing::for_receiver(ctx.clone(), requests.clone(), destined.clone());
            inlet.start_frames(side, hearing);
        }
        let filters = if is_replay {
            session::read_filters(&ctx)?
        } else {
            exchange_filters(&ctx, &agreement, side, false, &mut inlet, &outlet)?
        };
        outlet.flush();
        inlet.copy_to(start_recording(&ctx, &agreement, recording, &filters)?);
        has_begun.store(true, Ordering::Relaxed);
        let asked = match side {
            // Nobody knows what was asked for when it was written.
            Side::Client if is_replay => AskedFor::default(),
            Side::Client => {
                AskedFor::of_client(&ctx.options, &filters, &paths::working_directory())
            }
            // It was the client that asked.
            Side::Server => AskedFor::default(),
        };
        if let Some(list) = list_of_names {
            let starts_frames = names_are_bare && (is_server || protocol.frames_both_ways());
            if starts_frames {
                outlet.pause_frames();
            }
            let forwarder = Forwarder {
                list,
                outlet: outlet.clone(),
                lines: if ctx.options.from0 {
                    Lines::Zero
                } else {
                    Lines::Text
                },
                starts_frames,
                asked: asked.listed(&ctx.options),
                charset: ctx.charset.clone().filter(|_| converts_names(&ctx.options)),
            };
            forwarder.start();
        }
        if !is_server {
            ctx.narrator.file_list(FileList::Started {
                incremental: protocol.is_incremental(),
                receiving: true,
            });
        }
        let ids = Arc::new(Ids::of_peer(&ctx));
        let charset = agreement.list_charset(ctx.charset.as_ref());
        let reading = Receiving {
            list: ListReader::new(
                ctx.clone(),
                ids.clone(),
                agreement.list_rules(&ctx.options),
                agreement.received_numbering(charset.as_ref()),
                charset.map(|charset| Conversion {
                    charset,
                    client: is_server.then(|| Messenger {
                        outlet: outlet.clone(),
                        agreed: Arc::default(),
                        charset: None,
                    }),
                }),
                asked,
            )
            .with_xattrs(XattrRules::of(&ctx, &filters, tree::filter::Side::Receiver)),
            exchanges_xattrs: xattrs::are_exchanged(&ctx.options),
            ctx: ctx.clone(),
            inlet,
            agreement,
            queue: queue.clone(),
            requests: requests.clone(),
            receiver: destined.clone(),
            is_server,
        };
        {
            // The control outlives the session, whose directories are open as long as something waits.
            let requests = Arc::downgrade(&requests);
            // Whatever waits for the other side waits no more.
            ctx.control.on_stop(move || {
                if let Some(requests) = requests.upgrade() {
                    requests.fail(SessionError {
                        kind: Fatal::Interrupted,
                        role: Role::Receiver,
                    });
                }
            });
        }
        // It may wait for the other side for ever: nobody waits for it unless it is through.
        let reader = std::thread::spawn(move || reading.run());
        let target = ctx
            .options
            .operands
            .first()
            .map(|o| paths::operand_bytes(o));
        let result = session::receive(
            &ctx,
            Origin::Away(requests.clone()),
            &queue,
            Some(ids),
            &filters,
            target.as_deref(),
            &destined,
        );
        queue.abandon();
        destined.get_or_init(|| None);
        if result.is_ok() && requests.read_failure().is_none() {
            let _ = reader.join();
        }
        match (result, requests.read_failure()) {
            // What the other side did comes before what came of it here.
            (Ok(()), Some(failure)) => Err(failure),
            (Err(own), Some(failure)) if own.kind == Fatal::Interrupted => Err(failure),
            (result, _) => result,
        }
    }
}

/// Sends the rules that the other side needs, or takes those that this one does.
// rsync: exclude.c send_filter_list(), recv_filter_list()
fn exchange_filters(
    ctx: &Context,
    agreement: &Agreement,
    side: Side,
    sends: bool,
    inlet: &mut Inlet,
    outlet: &Outlet,
) -> Result<FilterSet, SessionError> {
    let o = &ctx.options;
    let dialect = agreement.dialect();
    let receiver_wants = dialect.receiver_wants_rules(Wanted {
        prune_empty_dirs: o.prune_empty_dirs,
        delete: o.delete.is_some(),
        delete_excluded: o.delete_excluded,
    });
    let own = if sends {
        tree::filter::Side::Sender
    } else {
        tree::filter::Side::Receiver
    };
    let role = if sends { Role::Sender } else { Role::Receiver };
    let failed = |e: StreamError| e.tell(ctx, role);
    match side {
        Side::Client => {
            let filters = session::read_filters(ctx)?;
            if !sends || receiver_wants {
                let mut out = Vec::new();
                let rules = filters
                    .for_server(own, dialect)
                    .map_err(|e| session::filter_failure(ctx, e))?;
                wire::filters::put_rules(&mut out, &rules).map_err(|e| failed(e.into()))?;
                outlet.data(&out);
            }
            Ok(filters)
        }
        Side::Server => {
            let rules = if sends || receiver_wants {
                wire::filters::rules(inlet).map_err(failed)?
            } else {
                Vec::new()
            };
            filtering::of_client(&rules, own, dialect, o)
                .map_err(|e| session::filter_failure(ctx, e))
        }
    }
}

/// Takes the arguments that a client sends before all else, the program's name first, byte by byte:
/// what follows is not ours to take.
///
/// # Errors
/// The stream ends, or has what no client sends.
pub fn secluded_arguments(
    from: impl Read + Send + 'static,
    charset: Option<&Converter>,
) -> io::Result<Vec<Vec<u8>>> {
    let mut inlet = Inlet::unbuffered(Box::new(from));
    let arguments = wire::arguments::arguments(&mut inlet).map_err(|e| match e {
        StreamError::Io(e) => e,
        StreamError::Wire(e) => io::Error::new(io::ErrorKind::InvalidData, e.to_string()),
        _ => io::ErrorKind::UnexpectedEof.into(),
    })?;
    Ok(match charset {
        Some(charset) => arguments.iter().map(|a| charset.text_off_wire(a)).collect(),
        None => arguments,
    })
}

/// The bytes of arguments that are sent before all else.
///
/// # Errors
/// One is longer than any rsync takes.
pub fn put_secluded_arguments(
    arguments: &[Vec<u8>],
    charset: Option<&Converter>,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let converted: Vec<Vec<u8>> = match charset {
        Some(charset) => arguments.iter().map(|a| charset.text_to_wire(a)).collect(),
        None => arguments.to_vec(),
    };
    wire::arguments::put_arguments(&mut out, &converted)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e.to_string()))?;
    Ok(out)
}
