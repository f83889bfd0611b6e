//! One local session: finds out what the operands mean, starts the roles, and waits for them.
// rsync: main.c client_run(), do_recv()

use crate::alternates::Alternates;
use crate::context::{Context, line};
use crate::control::Control;
use crate::destination::Destination;
use crate::era::Era;
use crate::error::{Fatal, SessionError, Trouble};
use crate::event::{EventSink, Role};
use crate::files_from;
use crate::filtering;
use crate::generator::Generator;
use crate::generator::prune::prune;
use crate::ids::Ids;
use crate::link::SegmentQueue;
use crate::narrator::{Narrator, Order};
use crate::negotiated;
use crate::open_files::OpenFiles;
use crate::origin::Origin;
use crate::paths;
use crate::receiver::Receiver;
use crate::remote::Destined;
use crate::segment::Segment;
use crate::sender::Sender;
use crate::stats::{KindCounts, Stats};
use crate::xattrs::XattrRules;
use fast_io::dir::Dir;
use fast_io::{Backend, CompletionPump, PumpConfig};
use options::{IoBackend, Options};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tree::filter::{FilterNotice, FilterSet, Side};
use wire::Protocol;

/// How a session ended.
#[derive(Debug)]
pub struct Outcome {
    /// What it counted.
    pub stats: Stats,
    /// Why it ended early, if it did.
    pub error: Option<SessionError>,
    /// What went wrong, if it went on to its end.
    pub trouble: Option<Trouble>,
}

/// Runs a session between directories of this machine, on the pump that `pump` describes: that of
/// [`pump_config`], or one that misbehaves.
///
/// The operands are those of the options: sources, then the destination (none when listing).
pub fn run_local(
    options: Options,
    sink: Arc<dyn EventSink>,
    control: Arc<Control>,
    pump: &PumpConfig,
) -> Outcome {
    let umask = fast_io::dir::take_umask();
    let open_files = OpenFiles::share(fast_io::dir::raise_open_limit());
    let narrator = Narrator::new(sink, &options, Order::OfRsync);
    let workers = pump.workers().min(open_files.threads);
    let pump = match CompletionPump::start(&pump.clone().with_workers(workers)) {
        Ok(pump) => Arc::new(pump),
        Err(e) => return no_pump(&narrator, e),
    };
    let ctx = Arc::new(Context::new(
        options,
        Era::default(),
        narrator,
        control,
        pump,
        umask,
        open_files,
    ));
    let result = with_watchdog(&ctx, || run(&ctx));
    ctx.pump.shut_down();
    let error = result.err();
    let mut stats = ctx.tally().stats;
    if ctx.options.delete.is_none() && !ctx.options.force_delete {
        // What `--delete-missing-args` deletes is not told to rsync's client.
        stats.deleted = KindCounts::default();
    }
    stats.protocol = ctx.options.protocol.unwrap_or(Protocol::NEWEST);
    stats.seconds = ctx.control.started().elapsed().as_secs_f64();
    // What rsync's encoding would weigh, about.
    stats.bytes_sent = stats.list_size + stats.literal_data + 4 + 43 * stats.transferred_files;
    stats.bytes_received = 16 + 4 * stats.created.total + 19 * stats.transferred_files;
    Outcome {
        stats,
        error,
        trouble: ctx.problems.trouble(ctx.options.ignore_errors),
    }
}

/// The name of the driver that would run.
///
/// # Errors
/// Why none would, if it cannot start.
pub fn driver_name(asked: IoBackend) -> io::Result<&'static str> {
    Ok(CompletionPump::start(&pump_config(asked))?.backend_name())
}

/// The pump that `--io-backend` asks for.
///
/// `TIDESYNC_IO_BACKEND` says what `auto` means: for tests of one driver after the other.
pub fn pump_config(asked: IoBackend) -> PumpConfig {
    let config = PumpConfig::default();
    let named = |name: &str| match name {
        "threads" => Some(Backend::Threads),
        "iocp" => Some(Backend::Iocp),
        "uring" => Some(Backend::Uring),
        _ => None,
    };
    let meant = || {
        std::env::var("TIDESYNC_IO_BACKEND")
            .ok()
            .and_then(|name| named(&name))
    };
    let backend = match asked {
        IoBackend::Auto => meant().unwrap_or_default(),
        IoBackend::Threads => Backend::Threads,
        IoBackend::Uring => Backend::Uring,
        IoBackend::Iocp => Backend::Iocp,
    };
    config.with_backend(backend)
}

pub(crate) fn no_pump(narrator: &Narrator, error: io::Error) -> Outcome {
    narrator.message(crate::event::Message {
        severity: crate::event::Severity::Error,
        role: Role::Receiver,
        text: b"cannot start what moves bytes (see --io-backend)".to_vec(),
        os_error: Some(error),
    });
    Outcome {
        stats: Stats::default(),
        error: Some(SessionError {
            kind: Fatal::Internal,
            role: Role::Receiver,
        }),
        trouble: None,
    }
}

fn run(ctx: &Arc<Context>) -> Result<(), SessionError> {
    let mut operands: Vec<Vec<u8>> = ctx
        .options
        .operands
        .iter()
        .map(|o| paths::operand_bytes(o))
        .collect();
    let target = if ctx.options.list_only && operands.len() == 1 {
        None
    } else {
        operands.pop()
    };
    negotiated::tell(ctx);
    let filters = read_filters(ctx)?;
    check_munge(ctx)?;
    refuse_to_delete_sources(ctx, &operands, target.as_deref())?;
    let names = files_from::read(ctx)?;
    let sender = Arc::new(Sender::new(ctx.clone(), filters.clone()));
    let queue = Arc::new(SegmentQueue::default());
    std::thread::scope(|scope| {
        let listing = {
            let (sender, queue, operands) = (sender.clone(), queue.clone(), &operands);
            let names = &names;
            scope.spawn(move || sender.run(operands, names.as_deref(), &queue))
        };
        queue.wait_for_start();
        let origin = Origin::Here(sender.clone());
        let received = receive(
            ctx,
            origin,
            &queue,
            None,
            &filters,
            target.as_deref(),
            &Destined::default(),
        );
        queue.abandon();
        let listed = listing
            .join()
            .unwrap_or_else(|p| std::panic::resume_unwind(p));
        listed.and(received)
    })
}

/// The rules that the options name.
pub(crate) fn read_filters(ctx: &Context) -> Result<FilterSet, SessionError> {
    match filtering::rules(&ctx.options) {
        Ok((filters, notices)) => {
            // While rsync reads its options it does not know yet that `-vv` asks for advice.
            let advice = |n: &FilterNotice| matches!(n, FilterNotice::TrailingWhitespace { .. });
            for notice in notices.iter().filter(|n| !advice(n)) {
                filtering::tell(ctx, Role::Sender, notice);
            }
            Ok(filters)
        }
        Err(e) => Err(filter_failure(ctx, e)),
    }
}

/// `ENOENT`, and `ERROR_FILE_NOT_FOUND`.
const NOT_FOUND: i32 = 2;

pub(crate) fn filter_failure(ctx: &Context, error: tree::filter::FilterError) -> SessionError {
    use std::error::Error;
    let kind = if error.is_syntax() {
        Fatal::Syntax
    } else if error.is_of_protocol() {
        Fatal::Protocol
    } else {
        Fatal::FileIo
    };
    let os_error = error.source().and_then(|s| s.downcast_ref::<io::Error>());
    // The rules' reader says of a missing file only that it is not there.
    let missing = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
    let code = os_error.and_then(|e| e.raw_os_error().or_else(|| missing(e).then_some(NOT_FOUND)));
    match code {
        Some(code) => ctx.fatal_os(
            kind,
            Role::Client,
            error.to_string(),
            io::Error::from_raw_os_error(code),
        ),
        None => ctx.fatal(kind, Role::Client, error.to_string()),
    }
}

/// Generator and receiver. Who waits for the receiver is given it; what a peer's ids are called is
/// known already.
pub(crate) fn receive(
    ctx: &Arc<Context>,
    origin: Origin,
    queue: &Arc<SegmentQueue>,
    ids: Option<Arc<Ids>>,
    filters: &FilterSet,
    target: Option<&[u8]>,
    destined: &Destined,
) -> Result<(), SessionError> {
    let Some(top) = queue.receive() else {
        return Ok(());
    };
    top.tell_duplicates(ctx);
    let mut ahead = VecDeque::from([top.clone()]);
    // A list of one directory is not a list of one entry until its content is known.
    if top.listed == 1
        && let Some(next) = queue.receive()
    {
        next.tell_duplicates(ctx);
        ahead.push_back(next);
    }
    let more = ahead
        .get(1)
        .is_some_and(|s: &Arc<Segment>| !s.entries.is_empty());
    let destination = match target {
        Some(target) if !ctx.options.list_only => Destination::find(ctx, target, &top, more)?,
        _ => Destination {
            root: None,
            absolute: Vec::new(),
            solo_name: None,
        },
    };
    let alternates = Alternates::open(ctx, &destination);
    tell_backup_dir(ctx, &destination)?;
    let temp_dir = open_temp_dir(ctx, &destination)?;
    let ids = ids.unwrap_or_else(|| Arc::new(Ids::new(ctx)));
    let mut base = destination.absolute.clone();
    if base.first() != Some(&b'/') {
        base.insert(0, b'/');
    }
    let rules = filters.root(Side::Receiver, &base);
    let receiver = Receiver::new(
        ctx.clone(),
        ids.clone(),
        origin.clone(),
        queue.clone(),
        &destination,
        temp_dir,
        rules.clone(),
    );
    let xattrs = XattrRules::of(ctx, filters, Side::Receiver);
    let receiver = Arc::new(receiver.with_xattrs(xattrs));
    destined.get_or_init(|| Some(receiver.clone()));
    if ctx.options.prune_empty_dirs {
        prune(&top, &rules);
    }
    let mut generator = Generator::new(
        ctx.clone(),
        ids,
        origin,
        receiver.clone(),
        destination,
        queue.clone(),
        rules,
        alternates,
        ahead,
    );
    let result = generator.run();
    if result.is_err() {
        // Files in flight are given up, and their temporary names removed.
        ctx.control.stop();
        ctx.pump.cancel_all();
    }
    receiver.drain();
    let failed = receiver.check();
    failed.and(result)
}

// rsync: main.c do_recv(), the checks of --backup-dir
fn tell_backup_dir(ctx: &Context, destination: &Destination) -> Result<(), SessionError> {
    let Some(dir) = &ctx.options.backup_dir else {
        return Ok(());
    };
    let role = Role::Destination;
    let name = paths::operand_bytes(dir.as_os_str());
    // A listing enters no destination.
    let from = if ctx.options.list_only {
        paths::working_directory()
    } else {
        destination.absolute.clone()
    };
    let place = paths::path_of(&paths::absolute(&from, &name));
    let tell = |what: &str| {
        if ctx.options.info.backup >= 1 {
            ctx.info(role, line!(what, "backup_dir is ", name));
        }
    };
    match std::fs::metadata(place) {
        Ok(meta) if meta.is_dir() => tell(""),
        Ok(_) => {
            let text = line!("The backup-dir is not a directory: ", name);
            return Err(ctx.fatal(Fatal::Syntax, role, text));
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => tell("(new) "),
        Err(e) => {
            let text = line!("Failed to stat ", name, ": ", reason(&e));
            return Err(ctx.fatal(Fatal::FileIo, role, text));
        }
    }
    Ok(())
}

// rsync: main.c do_recv(), the checks of --temp-dir
fn open_temp_dir(ctx: &Context, destination: &Destination) -> Result<Option<Dir>, SessionError> {
    let (Some(path), Some(root)) = (&ctx.options.tmp_dir, &destination.root) else {
        return Ok(None);
    };
    let name = paths::operand_bytes(path.as_os_str());
    let opened = if name.is_empty() {
        Err(io::ErrorKind::NotFound.into())
    } else if paths::is_absolute(&name) {
        Dir::open(path, paths::confined(&ctx.options))
    } else {
        root.dir
            .open_following(&name, paths::confined(&ctx.options))
    };
    match opened {
        Ok(dir) => Ok(Some(dir)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let text = line!("The temp-dir does not exist: ", name);
            Err(ctx.fatal(Fatal::Syntax, Role::Destination, text))
        }
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
            let text = line!("The temp-dir is not a directory: ", name);
            Err(ctx.fatal(Fatal::Syntax, Role::Destination, text))
        }
        Err(e) => {
            let text = line!("Failed to stat temp-dir ", name, ": ", reason(&e));
            Err(ctx.fatal(Fatal::FileIo, Role::Destination, text))
        }
    }
}

/// The system's words for an error.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().into()
}

/// A source that lies inside the destination is something that the source lacks, and so would be
/// deleted before it is read. rsync does just that.
fn refuse_to_delete_sources(
    ctx: &Context,
    sources: &[Vec<u8>],
    target: Option<&[u8]>,
) -> Result<(), SessionError> {
    let o = &ctx.options;
    let (Some(target), Some(_), false) = (target, o.delete, o.relative || o.list_only) else {
        return Ok(());
    };
    let Ok(root) = std::fs::canonicalize(paths::path_of(target)) else {
        return Ok(());
    };
    for source in sources {
        let Ok(inside) = std::fs::canonicalize(paths::path_of(source)) else {
            continue;
        };
        if inside != root && inside.starts_with(&root) && inside.is_dir() {
            // `dir/a dir/` is a copy of itself onto itself, and stays.
            let stays = !source.ends_with(b"/") && inside.parent() == Some(&root);
            if !stays {
                let text = line!(
                    "source ",
                    source,
                    " is inside destination ",
                    target,
                    ", where --delete would delete it: leave out --delete, or choose another destination"
                );
                return Err(ctx.fatal(Fatal::Syntax, Role::Client, text));
            }
        }
    }
    Ok(())
}

/// Munged links must lead nowhere.
// rsync: main.c main(), the check of SYMLINK_PREFIX
pub(crate) fn check_munge(ctx: &Context) -> Result<(), SessionError> {
    let prefix = tree::symlink::MUNGE_PREFIX;
    if ctx.options.munge_links
        && paths::path_of(prefix.strip_suffix(b"/").unwrap_or(prefix)).is_dir()
    {
        let text = line!(
            "Symlink munging is unsafe when a ",
            prefix,
            " directory exists."
        );
        return Err(ctx.fatal(Fatal::Unsupported, Role::Receiver, text));
    }
    Ok(())
}

/// How long it is until `--stop-at`.
pub(crate) fn time_left(stop_at: Option<SystemTime>) -> Option<Duration> {
    let at = stop_at?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

/// What is said then.
// rsync: io.c perform_io(), stop_at_utime
pub(crate) const STOPPED_AT_LIMIT: &str = "stopping at requested limit";

/// Runs the session beside a thread that ends it when nothing moves for `--timeout`, or when the time
/// of `--stop-at` has come.
pub(crate) fn with_watchdog(
    ctx: &Arc<Context>,
    session: impl FnOnce() -> Result<(), SessionError>,
) -> Result<(), SessionError> {
    let timeout = ctx.options.timeout.filter(|t| !t.is_zero());
    let stop_at = ctx.options.stop_at;
    if timeout.is_none() && stop_at.is_none() {
        return session();
    }
    let ended = Arc::new((Mutex::new(false), std::sync::Condvar::new()));
    let timed_out = Arc::new(std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        let watch = {
            let (ended, timed_out) = (ended.clone(), timed_out.clone());
            move || {
                let mut over = ended.0.lock().unwrap_or_else(PoisonError::into_inner);
                while !*over {
                    let left = time_left(stop_at);
                    if left.is_some_and(|left| left.is_zero()) {
                        ctx.control.stop_at_limit();
                        return;
                    }
                    let silence = ctx.control.silence();
                    let patience = timeout.map(|timeout| timeout.saturating_sub(silence));
                    if patience.is_some_and(|patience| patience.is_zero()) {
                        timed_out.store(true, std::sync::atomic::Ordering::Relaxed);
                        ctx.control.stop();
                        return;
                    }
                    let pause = left.into_iter().chain(patience).min();
                    let pause = pause.unwrap_or_default().max(Duration::from_millis(10));
                    (over, _) = ended
                        .1
                        .wait_timeout(over, pause)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        scope.spawn(watch);
        let result = session();
        *ended.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        ended.1.notify_all();
        if ctx.control.is_at_limit() && result.is_err() {
            return Err(ctx.fatal(Fatal::Timeout, Role::Sender, STOPPED_AT_LIMIT));
        }
        if timed_out.load(std::sync::atomic::Ordering::Relaxed) {
            let seconds = timeout.unwrap_or_default().as_secs();
            let text = format!("io timeout after {seconds} seconds -- exiting");
            return Err(ctx.fatal(Fatal::Timeout, Role::Receiver, text));
        }
        result
    })
}
