//! The names that `--files-from` lists.
// rsync: main.c start_client(), io.c read_line()

use crate::context::{Context, line};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use crate::paths;
use fast_io::dir::{Purpose, open_named};
use options::FilesFrom;
use std::io::{self, Read};

/// Reads the whole list, if there is one. What begins with `#` or `;` is a comment, and so nothing,
/// with `--from0` too: rsync keeps such names only in a list that another computer reads.
pub(crate) fn read(ctx: &Context) -> Result<Option<Vec<Vec<u8>>>, SessionError> {
    let Some(from) = &ctx.options.files_from else {
        return Ok(None);
    };
    let mut text = Vec::new();
    let read = match from {
        FilesFrom::Stdin => io::stdin().lock().read_to_end(&mut text),
        FilesFrom::Path(path) => {
            let file = open_named(path, Purpose::Read, paths::confined(&ctx.options));
            file.and_then(|mut file| file.read_to_end(&mut text))
        }
        // The other side reads it.
        FilesFrom::Remote { .. } => return Ok(None),
    };
    if let Err(e) = read {
        let name = match from {
            FilesFrom::Stdin => b"-".to_vec(),
            FilesFrom::Path(path) => paths::operand_bytes(path.as_os_str()),
            FilesFrom::Remote { path, .. } => paths::operand_bytes(path),
        };
        // rsync takes this for a mistake in the options: it names no role and no number.
        let reason = e.to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        let text = line!(
            "tidesync: failed to open files-from file ",
            name,
            ": ",
            reason
        );
        return Err(ctx.fatal(Fatal::Syntax, Role::Client, text));
    }
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
        .map(|line| paths::sanitize(&paths::with_slashes(up_to_nul(line)), ctx.options.relative));
    Ok(Some(names.collect()))
}

/// A name ends at a NUL, wherever its line does: before one there may be nothing, which names the
/// source itself.
fn up_to_nul(line: &[u8]) -> &[u8] {
    line.split(|&b| b == 0).next().unwrap_or_default()
}
