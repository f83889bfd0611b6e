//! To be the other side of another rsync, on standard input and output.
// rsync: main.c start_server()

use crate::exit_code::ExitCode;
use crate::{render, signals, sys};
use options::{Secluded, Server, ServerRole};
use std::fs::File;
use std::io;
use std::sync::Arc;
use transfer::{Call, Control, Converter, Fatal, Side, UnknownSet, Wire};

/// Serves one session.
pub fn serve(mut server: Server) -> ExitCode {
    let control = Arc::new(Control::new());
    let charset = match Converter::new(server.options.iconv.as_ref()) {
        Ok(charset) => charset,
        Err(error) => return unsupported(&error),
    };
    let streams = standard_input().and_then(|from| Ok((from, standard_output()?)));
    let wire = streams.and_then(|(from, to)| {
        let pace = server.options.bwlimit.map(|kib| kib * 1024);
        Wire::new(sys::until_stopped(from, &control)?, Box::new(to), pace)
    });
    let wire = match wire {
        Ok(wire) => wire,
        Err(error) => return failed("cannot use the standard streams", &error),
    };
    if let Err(error) = std::env::set_current_dir(&server.directory) {
        let name = server.directory.display();
        return failed(&format!("change_dir {name} failed"), &error);
    }
    if server.names_are_patterns {
        let names = std::mem::take(&mut server.options.operands);
        server.options.operands = transfer::expand_patterns(names);
    }
    if let Err(error) = signals::stop_on_signals(&control) {
        eprintln!("tidesync: a signal will not end this session tidily: {error}");
    }
    let renderer = render::for_client(&server.options, wire.messenger(charset));
    let call = Call {
        side: Side::Server,
        sends: server.role == ServerRole::Sender,
        client_can: server.abilities,
        exit_code: |kind| ExitCode::from(kind).number(),
        last_words: |error| {
            // What the client has told us it knows.
            if matches!(error.kind, Fatal::Peer(_)) {
                return None;
            }
            let line = ExitCode::from(error.kind).closing_line(error.role.name())?;
            Some(line + "\n")
        },
    };
    let pump = transfer::pump_config(server.options.io_backend);
    let outcome = transfer::run_remote(server.options, &call, renderer, control, &pump, wire);
    let code = ExitCode::from(&outcome);
    // What cannot be told to the client any more.
    if let Some(error) = outcome.error
        && code == ExitCode::Timeout
        && let Some(line) = code.closing_line(error.role.name())
    {
        eprintln!("{line}");
    }
    code
}

/// Serves one session of which the client sends the arguments first.
pub fn serve_secluded(secluded: Secluded) -> ExitCode {
    let charset = match Converter::new(secluded.iconv().as_ref()) {
        Ok(charset) => charset,
        Err(error) => return unsupported(&error),
    };
    let arguments =
        standard_input().and_then(|from| transfer::secluded_arguments(from, charset.as_ref()));
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("tidesync: {error}");
            return ExitCode::StreamIo;
        }
    };
    match secluded.complete(arguments) {
        Ok(server) => serve(server),
        Err(error) => {
            eprintln!("{error}");
            error.kind.into()
        }
    }
}

fn unsupported(error: &UnknownSet) -> ExitCode {
    eprintln!("tidesync: [server] {error}");
    ExitCode::Unsupported
}

fn failed(what: &str, error: &io::Error) -> ExitCode {
    eprintln!("tidesync: [server] {what}: {error}");
    ExitCode::FileSelect
}

/// Without the standard library's buffer, which would keep bytes for itself.
pub(crate) fn standard_input() -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        waiting(io::stdin().as_fd().try_clone_to_owned()?)
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsHandle;
        Ok(io::stdin().as_handle().try_clone_to_owned()?.into())
    }
}

fn standard_output() -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        waiting(io::stdout().as_fd().try_clone_to_owned()?)
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsHandle;
        Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
    }
}

/// Lets reading and writing wait, which whoever started us may have forbidden: rsync gives its remote
/// shell sockets that don't.
// rsync: util1.c fd_pair()
#[cfg(unix)]
fn waiting(stream: std::os::fd::OwnedFd) -> io::Result<File> {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    // The one call of the standard library that does so works on pipes too.
    let stream = UnixStream::from(stream);
    stream.set_nonblocking(false)?;
    Ok(OwnedFd::from(stream).into())
}
