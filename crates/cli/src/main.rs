//! The tidesync program.
#![forbid(unsafe_code)]

use cli::exit_code::ExitCode;
use cli::{batch, render, serve, shell, signals, version};
use options::{Access, BatchKind, OptionError, Options, Request, Route, VersionFormat};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use transfer::event::Role;
use transfer::{Control, Converter, Recording};

fn main() -> std::process::ExitCode {
    let code = match options::parse(std::env::args_os().skip(1)) {
        Ok(Request::Sync(options)) => sync(*options),
        Ok(Request::Serve(server)) => serve::serve(*server),
        Ok(Request::ServeSecluded(secluded)) => serve::serve_secluded(*secluded),
        Ok(Request::Version { format, io_backend }) => {
            let driver = match transfer::driver_name(io_backend) {
                Ok(name) => name.to_owned(),
                Err(error) => format!("none: {error}"),
            };
            print(&match format {
                VersionFormat::Text => version::text(&driver),
                VersionFormat::Json => version::json(&driver),
            })
        }
        Ok(Request::Print(text)) => print(&text),
        Err(error) => refused(&error),
    };
    code.into()
}

fn sync(options: Options) -> ExitCode {
    #[cfg(windows)]
    let options = Options {
        operands: cli::wildcards::expand(options.operands),
        ..options
    };
    if let Some(message) = remote_operand(&options) {
        return refuse(&message);
    }
    let charset = match Converter::new(options.iconv.as_ref()) {
        Ok(charset) => charset,
        Err(error) => return refuse(&error.to_string()),
    };
    let command = match options.remote_command() {
        Ok(Some(command)) => Some(command),
        Ok(None) => std::env::current_exe()
            .ok()
            .and_then(|program| options.own_server_command(program.into())),
        Err(error) => return refused(&error),
    };
    let recording = match Recording::create(&options, std::env::args_os()) {
        Ok(recording) => recording,
        Err((name, error)) => return unusable_batch(&name, &error),
    };
    let (options, notice) = render::suited(options);
    if let Some(notice) = notice {
        eprintln!("{notice}");
    }
    let control = Arc::new(Control::new());
    if let Err(error) = signals::stop_on_signals(&control) {
        eprintln!("tidesync: a signal will not end this session tidily: {error}");
    }
    let output_lost = Arc::new(AtomicBool::new(false));
    let lost = Arc::clone(&output_lost);
    let on_lost = move |error: &io::Error| {
        lost.store(!has_seen_enough(error), Ordering::Relaxed);
    };
    let renderer = render::sink(&options, &control, Box::new(on_lost));
    let pulls = matches!(options.route, Route::Pull(_));
    let who = if pulls { "Receiver" } else { "sender" };
    let replay = options
        .batch
        .as_ref()
        .filter(|batch| batch.kind == BatchKind::Read)
        .map(|batch| batch.file.clone());
    let (outcome, other) = match command {
        None if let Some(file) = replay => {
            match batch::run(options, &file, renderer.clone(), control) {
                Ok(outcome) => (outcome, None),
                Err(error) => return unusable_batch(&file, &error),
            }
        }
        None => {
            let pump = transfer::pump_config(options.io_backend);
            (
                transfer::run_local(options, renderer.clone(), control, &pump),
                None,
            )
        }
        Some(command) => {
            let extras = shell::Extras { charset, recording };
            match shell::run(options, &command, extras, renderer.clone(), control) {
                Ok(ended) => ended,
                Err(error) => {
                    let program = command.program.display();
                    let error = render::os_error(&error);
                    eprintln!("tidesync: [{who}] Failed to exec {program}: {error}");
                    let code = ExitCode::Internal;
                    if let Some(line) = code.closing_line(who) {
                        eprintln!("{line}");
                    }
                    return code;
                }
            }
        }
    };
    let is_empty = outcome.stats.files.total == 0;
    let ended_early = outcome.error.is_some();
    let mut outcome = render::Outcome::from(&outcome);
    if pulls && !ended_early {
        outcome.role = if is_empty {
            Role::Destination
        } else {
            Role::Generator
        };
    }
    if let Some(other) = other {
        outcome.exit = outcome.exit.or(other);
    }
    renderer.finish(&outcome);
    if outcome.exit == ExitCode::Ok && output_lost.load(Ordering::Relaxed) {
        let code = ExitCode::MessageIo;
        if let Some(line) = code.closing_line("client") {
            eprintln!("{line}");
        }
        return code;
    }
    outcome.exit
}

// rsync: batch.c open_batch_files()
fn unusable_batch(name: &Path, error: &io::Error) -> ExitCode {
    let (name, error) = (name.display(), render::os_error(error));
    eprintln!("tidesync: Batch file \"{name}\" open error: {error}");
    let code = ExitCode::FileIo;
    if let Some(line) = code.closing_line("client") {
        eprintln!("{line}");
    }
    code
}

fn refused(error: &OptionError) -> ExitCode {
    let code = ExitCode::from(error.kind);
    eprintln!("{error}");
    if let Some(line) = code.closing_line("client") {
        eprintln!("{line}");
    }
    code
}

/// A reader who has seen enough of our output leaves: that is no error, and no reason to leave
/// work undone.
// rsync: main.c main(), which ignores SIGPIPE; log.c rwrite()
fn has_seen_enough(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// What is parsed and cannot be done yet is refused by name.
fn remote_operand(options: &Options) -> Option<String> {
    let Access::Daemon { .. } = options.route.remote()?.access else {
        return None;
    };
    let remote = options.operands.iter().find(|o| options::names_a_host(o))?;
    let name = remote.display();
    let cure = if name.to_string().contains("://") {
        "use rsync for it".to_owned()
    } else {
        format!("use rsync for it, or write ./{name} for a local file of that name")
    };
    Some(format!(
        "{name} is to be reached as a daemon, which is not supported yet: {cure}"
    ))
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("tidesync: {message}");
    let code = ExitCode::Unsupported;
    if let Some(line) = code.closing_line("client") {
        eprintln!("{line}");
    }
    code
}

/// Prints text that was asked for.
fn print(text: &str) -> ExitCode {
    use std::io::Write;
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Ok,
        Err(error) if has_seen_enough(&error) => ExitCode::Ok,
        Err(_) => ExitCode::MessageIo,
    }
}
