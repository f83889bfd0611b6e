//! `--read-batch`: a batch file where the other side would be.
// rsync: batch.c open_batch_files(), main.c start_client()

use crate::exit_code::ExitCode;
use crate::sys;
use fast_io::dir::{Purpose, open_named};
use options::Options;
use std::io;
use std::path::Path;
use std::sync::Arc;
use transfer::event::EventSink;
use transfer::{Call, Control, Outcome, Replay, Side, Wire};

/// Applies the file.
///
/// # Errors
/// The file cannot be opened, or is no batch file.
pub fn run(
    options: Options,
    file: &Path,
    sink: Arc<dyn EventSink>,
    control: Arc<Control>,
) -> io::Result<Outcome> {
    let from = if file == Path::new("-") {
        crate::serve::standard_input()?
    } else {
        let from = open_named(file, Purpose::Read, transfer::trust(&options))?;
        if !from.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        from
    };
    let wire = Wire::of_batch(Replay::open(sys::until_stopped(from, &control)?)?)?;
    let call = Call {
        side: Side::Client,
        sends: false,
        client_can: Vec::new(),
        exit_code: |kind| ExitCode::from(kind).number(),
        last_words: |_| None,
    };
    let pump = transfer::pump_config(options.io_backend);
    Ok(transfer::run_remote(
        options, &call, sink, control, &pump, wire,
    ))
}
