//! The tidesync program.
#![forbid(unsafe_code)]

use cli::exit_code::ExitCode;
use cli::{render, version};
use options::{Options, Request, VersionFormat};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use transfer::Control;

fn main() -> std::process::ExitCode {
    let code = match options::parse(std::env::args_os().skip(1)) {
        Ok(Request::Sync(options)) => sync(*options),
        Ok(Request::Version(VersionFormat::Text)) => print(&version::text()),
        Ok(Request::Version(VersionFormat::Json)) => print(&version::json()),
        Ok(Request::Print(text)) => print(&text),
        Err(error) => {
            let code = ExitCode::from(error.kind);
            eprintln!("{error}");
            if let Some(line) = code.closing_line("client") {
                eprintln!("{line}");
            }
            code
        }
    };
    code.into()
}

fn sync(options: Options) -> ExitCode {
    #[cfg(windows)]
    let options = Options {
        operands: cli::wildcards::expand(options.operands),
        ..options
    };
    if let Some(code) = refuse_remote(&options).or_else(|| refuse_empty(&options)) {
        return code;
    }
    let (options, notice) = render::suited(options);
    if let Some(notice) = notice {
        eprintln!("{notice}");
    }
    fast_io::dir::raise_open_limit();
    let control = Arc::new(Control::new());
    stop_on_signals(&control);
    let (stop, output_lost) = (Arc::clone(&control), Arc::new(AtomicBool::new(false)));
    let lost = Arc::clone(&output_lost);
    let renderer = render::sink(
        &options,
        Box::new(move || {
            lost.store(true, Ordering::Relaxed);
            stop.stop();
        }),
    );
    let pump = transfer::pump_config(&options);
    let outcome = transfer::run_local(options, renderer.clone(), control, &pump);
    let mut outcome = render::Outcome::from(&outcome);
    if output_lost.load(Ordering::Relaxed) {
        outcome.exit = ExitCode::MessageIo;
    }
    renderer.finish(&outcome);
    outcome.exit
}

/// Remote transfers come later; until then they are refused by name.
fn refuse_remote(options: &Options) -> Option<ExitCode> {
    let remote = options.operands.iter().find(|o| options::names_a_host(o))?;
    let name = remote.to_string_lossy();
    let cure = if options::is_url(remote) {
        "use rsync for it".to_owned()
    } else {
        format!("use rsync for it, or write ./{name} for a local file of that name")
    };
    eprintln!(
        "tidesync: {name} is on a remote host, and remote transfers are not supported yet: {cure}"
    );
    let code = ExitCode::Unsupported;
    if let Some(line) = code.closing_line("client") {
        eprintln!("{line}");
    }
    Some(code)
}

/// An operand that came out empty (`"$UNSET"`) must not mean the working directory.
// rsync: main.c start_client()
fn refuse_empty(options: &Options) -> Option<ExitCode> {
    let at = options.operands.iter().position(|o| o.is_empty())?;
    let last = at + 1 == options.operands.len() && at > 0;
    if last {
        eprintln!("Empty destination arg specified (use \".\" or see --old-args).");
    } else {
        eprintln!("Empty source arg specified.");
    }
    let code = ExitCode::Syntax;
    if let Some(line) = code.closing_line("client") {
        eprintln!("{line}");
    }
    Some(code)
}

/// Ctrl-C, SIGTERM and SIGHUP end the session tidily; another one, a second later or more, ends
/// the program at once, and so does any while it waits for a list of files or rules. (Some senders signal both a program and its group: that is one signal.)
fn stop_on_signals(control: &Arc<Control>) {
    const TIME_TO_TIDY: Duration = Duration::from_secs(1);
    let control = Arc::clone(control);
    let mut first: Option<Instant> = None;
    let handler = move || {
        if first.get_or_insert_with(Instant::now).elapsed() >= TIME_TO_TIDY {
            std::process::exit(ExitCode::Signal.number().into());
        }
        control.stop();
        if !control.has_begun() {
            let code = ExitCode::Signal;
            if let Some(line) = code.closing_line("sender") {
                eprintln!("{line}");
            }
            std::process::exit(code.number().into());
        }
    };
    // Without a handler a signal ends the program as it always does.
    let _ = ctrlc::set_handler(handler);
}

/// Prints text that was asked for; a reader who has seen enough of it is no error.
fn print(text: &str) -> ExitCode {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Ok,
        Err(_) => ExitCode::MessageIo,
    }
}
