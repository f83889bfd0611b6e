//! The names that `--files-from` lists.
// rsync: main.c start_client(), io.c read_line()

use crate::context::{Context, line};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use crate::paths;
use fast_io::dir::{Purpose, open_named};
use options::FilesFrom;
use std::io::{self, Read};

/// Opens the list if there is one and it is on this computer. A server that is told to read standard
/// input is told that its client sends the names.
pub(crate) fn open(
    ctx: &Context,
    is_server: bool,
) -> Result<Option<Box<dyn Read + Send>>, SessionError> {
    match &ctx.options.files_from {
        None | Some(FilesFrom::Remote { .. }) => Ok(None),
        Some(FilesFrom::Stdin) if is_server => Ok(None),
        Some(FilesFrom::Stdin) => Ok(Some(Box::new(io::stdin()))),
        Some(FilesFrom::Path(path)) => {
            match open_named(path, Purpose::Read, paths::confined(&ctx.options)) {
                Ok(file) => Ok(Some(Box::new(file))),
                Err(e) => Err(unreadable(ctx, e)),
            }
        }
    }
}

/// Reads the whole list, if there is one and it is on this computer.
pub(crate) fn read(ctx: &Context) -> Result<Option<Vec<Vec<u8>>>, SessionError> {
    let list = open(ctx, false)?;
    list.map(|list| read_all(ctx, list)).transpose()
}

/// Reads the whole of an open list. What begins with `#` or `;` is a comment, and so nothing, with
/// `--from0` too: rsync keeps such names only in a list that another computer reads.
pub(crate) fn read_all(ctx: &Context, mut list: impl Read) -> Result<Vec<Vec<u8>>, SessionError> {
    let mut text = Vec::new();
    list.read_to_end(&mut text)
        .map_err(|e| unreadable(ctx, e))?;
    let from0 = ctx.options.from0;
    let ends = |b: &u8| {
        if from0 {
            *b == 0
        } else {
            matches!(b, b'\n' | b'\r')
        }
    };
    let names = text
        .split(ends)
        .filter(|line| !matches!(line.first(), None | Some(b'#' | b';')))
        .map(|line| operand(ctx, up_to_nul(line)));
    Ok(names.collect())
}

/// What is listed under this name.
pub(crate) fn operand(ctx: &Context, name: &[u8]) -> Vec<u8> {
    paths::sanitize(&paths::with_slashes(name), ctx.options.relative)
}

// rsync takes this for a mistake in the options: it names no role and no number.
fn unreadable(ctx: &Context, error: io::Error) -> SessionError {
    let name = match &ctx.options.files_from {
        Some(FilesFrom::Path(path)) => paths::operand_bytes(path.as_os_str()),
        Some(FilesFrom::Remote { path, .. }) => paths::operand_bytes(path),
        Some(FilesFrom::Stdin) | None => b"-".to_vec(),
    };
    let reason = error.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default();
    let text = line!(
        "tidesync: failed to open files-from file ",
        name,
        ": ",
        reason
    );
    ctx.fatal(Fatal::Syntax, Role::Client, text)
}

/// A name ends at a NUL, wherever its line does: before one there may be nothing, which names the
/// source itself.
fn up_to_nul(line: &[u8]) -> &[u8] {
    line.split(|&b| b == 0).next().unwrap_or_default()
}
