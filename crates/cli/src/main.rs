//! The tidesync program.
#![forbid(unsafe_code)]

use cli::exit_code::ExitCode;
use cli::{render, version};
use options::{Options, Request, VersionFormat};
use std::sync::Arc;
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
    let control = Arc::new(Control::new());
    let stop = Arc::clone(&control);
    let renderer = render::sink(&options, Box::new(move || stop.stop()));
    let pump = transfer::pump_config(&options);
    let outcome = transfer::run_local(options, renderer.clone(), control, &pump);
    renderer.finish(&render::Outcome::from(&outcome));
    ExitCode::from(&outcome)
}

/// Prints text that was asked for; a reader who has seen enough of it is no error.
fn print(text: &str) -> ExitCode {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Ok,
        Err(_) => ExitCode::MessageIo,
    }
}
