//! How the tests ask: a command line in one string, split at spaces.
//!
//! `options` adds the operands `src dst` unless the line has operands of its own kind; `error`
//! adds nothing.

use std::ffi::OsString;

use crate::error::OptionError;
use crate::resolved::Options;
use crate::{Environment, Request, parse_in};

/// What the flags of `line` come to, with `src dst` as operands.
pub(crate) fn options(line: &str) -> Options {
    sync(&format!("{line} src dst")).unwrap_or_else(|e| panic!("{line}: {e}"))
}

/// The operands of `line`.
pub(crate) fn operands(line: &str) -> Vec<OsString> {
    sync(line)
        .unwrap_or_else(|e| panic!("{line}: {e}"))
        .operands
}

/// What is wrong with `line`.
pub(crate) fn error(line: &str) -> OptionError {
    match request(line) {
        Err(error) => error,
        Ok(request) => panic!("{line} was accepted: {request:?}"),
    }
}

/// What is printed instead of a transfer.
pub(crate) fn printed(line: &str) -> String {
    match request(line) {
        Ok(Request::Print(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

/// What the flags of `line` come to where the destination is on another computer.
pub(crate) fn remotely(line: &str) -> Options {
    sync(&format!("{line} src host:dst")).unwrap_or_else(|e| panic!("{line}: {e}"))
}

/// The answer to exactly `line`.
pub(crate) fn request(line: &str) -> Result<Request, OptionError> {
    request_in(line, &Environment::default())
}

/// The answer to exactly `line` in this environment.
pub(crate) fn request_in(line: &str, env: &Environment) -> Result<Request, OptionError> {
    let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    parse_in(&args, env)
}

/// What `line` comes to, if it is about a transfer.
pub(crate) fn sync(line: &str) -> Result<Options, OptionError> {
    match request(line)? {
        Request::Sync(options) => Ok(*options),
        other => panic!("{line} asks for no transfer: {other:?}"),
    }
}
