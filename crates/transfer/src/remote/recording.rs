//! `--write-batch`: a session that is written down as it happens, so that a batch file can take the
//! sender's place somewhere else; and the script that has it do so.
//!
//! The file holds what the receiving side is sent, without frames and messages, behind a short head.
// rsync: batch.c, io.c start_write_batch(), main.c handle_stats()

use super::agreement::Agreement;
use crate::paths::{self, operand_bytes};
use fast_io::dir::{Purpose, open_named};
use options::{Append, BatchKind, Compression, Options};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Options that decide what the stream is like, by their bits at the start of the file.
// rsync: batch.c flag_ptr
pub(super) mod stream {
    pub const RECURSE: i32 = 1 << 0;
    pub const OWNER: i32 = 1 << 1;
    pub const GROUP: i32 = 1 << 2;
    pub const LINKS: i32 = 1 << 3;
    pub const DEVICES: i32 = 1 << 4;
    pub const HARD_LINKS: i32 = 1 << 5;
    pub const CHECKSUM: i32 = 1 << 6;
    pub const DIRS: i32 = 1 << 7;
    pub const COMPRESS: i32 = 1 << 8;
    pub const ICONV: i32 = 1 << 9;
    pub const ACLS: i32 = 1 << 10;
    pub const XATTRS: i32 = 1 << 11;
    pub const INPLACE: i32 = 1 << 12;
    pub const APPEND: i32 = 1 << 13;
    pub const APPEND_VERIFY: i32 = 1 << 14;
}

/// The bits of these options.
// rsync: batch.c write_stream_flags()
pub(super) fn stream_flags(o: &Options) -> i32 {
    let flags = [
        (o.recurse, stream::RECURSE),
        (o.preserve_uid, stream::OWNER),
        (o.preserve_gid, stream::GROUP),
        (o.preserve_links, stream::LINKS),
        (o.preserve_devices, stream::DEVICES),
        (o.preserve_hard_links, stream::HARD_LINKS),
        (o.checksum, stream::CHECKSUM),
        (o.xfer_dirs, stream::DIRS),
        (o.compress.algorithm != Compression::Off, stream::COMPRESS),
        (o.iconv.is_some(), stream::ICONV),
        (o.preserve_acls, stream::ACLS),
        (o.preserve_xattrs > 0, stream::XATTRS),
        (o.inplace, stream::INPLACE),
        (o.append == Append::Append, stream::APPEND),
        (o.append == Append::AppendVerify, stream::APPEND_VERIFY),
    ];
    let set = flags.iter().filter(|(set, _)| *set);
    set.fold(0, |all, (_, flag)| all | flag)
}

/// A session that is to be written down: its files are open.
pub struct Recording {
    batch: Batch,
    script: File,
    words: Vec<Vec<u8>>,
    operands: Vec<Vec<u8>>,
    target: Vec<u8>,
}

/// Where the session goes. What cannot be written is found out when all is over.
struct Batch {
    file: BufWriter<File>,
    failed: Arc<OnceLock<io::Error>>,
}

impl Recording {
    /// Opens the files that the options ask for, if they do. `words` is the command line, the
    /// program first.
    ///
    /// # Errors
    /// A file cannot be made: which one, and why.
    pub fn create(
        options: &Options,
        words: impl IntoIterator<Item = OsString>,
    ) -> Result<Option<Recording>, (PathBuf, io::Error)> {
        let Some(batch) = &options.batch else {
            return Ok(None);
        };
        if batch.kind == BatchKind::Read {
            return Ok(None);
        }
        let mut script_name = batch.file.clone().into_os_string();
        script_name.push(".sh");
        let script_name = PathBuf::from(script_name);
        let create = |path: &Path, permissions| {
            open_named(
                path,
                Purpose::Replace { permissions },
                paths::trust(options),
            )
        };
        let script = create(&script_name, 0o700).map_err(|e| (script_name, e))?;
        let flags = stream_flags(options).to_le_bytes();
        let failed = |e| (batch.file.clone(), e);
        let mut file = BufWriter::new(create(&batch.file, 0o600).map_err(failed)?);
        file.write_all(&flags).map_err(failed)?;
        Ok(Some(Recording {
            batch: Batch {
                file,
                failed: Arc::default(),
            },
            script,
            words: words.into_iter().map(|word| operand_bytes(&word)).collect(),
            operands: options.operands.iter().map(|o| operand_bytes(o)).collect(),
            target: target(options),
        }))
    }

    /// What could not be written, when all is over.
    pub(super) fn failure(&self) -> Arc<OnceLock<io::Error>> {
        self.batch.failed.clone()
    }

    /// Begins with what both sides agreed on, and writes the script.
    ///
    /// # Errors
    /// The script cannot be written.
    pub(super) fn start(
        mut self,
        agreement: &Agreement,
        options: &Options,
        rules: &[Vec<u8>],
    ) -> io::Result<Box<dyn Write + Send>> {
        let text = self.text(options, agreement.protocol.has_items(), rules);
        self.script.write_all(&text)?;
        let mut head = Vec::new();
        wire::greeting::put_batch(&mut head, agreement.protocol, agreement.seed);
        self.batch.write_all(&head)?;
        Ok(Box::new(self.batch))
    }
}

impl Write for Batch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed.get().is_none()
            && let Err(error) = self.file.write_all(bytes)
        {
            let _ = self.failed.set(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Err(error) = self.file.flush() {
            let _ = self.failed.set(error);
        }
    }
}

/// The destination, where it is.
fn target(options: &Options) -> Vec<u8> {
    let path = match &options.route {
        options::Route::Push(remote) => remote.paths.last(),
        _ => options.operands.last(),
    };
    path.map(|path| operand_bytes(path)).unwrap_or_default()
}

impl Recording {
    /// The command line again, with the batch file for the sources and a destination that can be chosen.
    // rsync: batch.c write_batch_shell_file()
    fn text(&self, options: &Options, has_filters: bool, rules: &[Vec<u8>]) -> Vec<u8> {
        let mut words: Vec<Option<&[u8]>> = self.words.iter().map(|word| Some(&word[..])).collect();
        let mut text = Vec::new();
        let program = words.first().copied().flatten().unwrap_or_default();
        put_word(&mut text, program);
        if !rules.is_empty() {
            text.extend_from_slice(if has_filters {
                b" --filter='._-'"
            } else {
                b" --exclude-from='-'"
            });
        }
        let mut left = &self.operands[..];
        for word in words.iter_mut().skip(1).rev() {
            if let Some((last, before)) = left.split_last()
                && *word == Some(&last[..])
            {
                *word = None;
                left = before;
            }
        }
        let mut words = words.into_iter().skip(1).flatten();
        while let Some(word) = words.next() {
            let begins = |names: &[&[u8]]| names.iter().any(|name| word.starts_with(name));
            let names_rules = begins(&[b"--files-from", b"--filter", b"--include", b"--exclude"]);
            if names_rules || word == b"-f" {
                if !word.contains(&b'=') || word == b"-f" {
                    words.next();
                }
            } else if begins(&[b"--write-batch", b"--only-write-batch"]) {
                text.extend_from_slice(b" --read-batch");
                if let Some(at) = word.iter().position(|&byte| byte == b'=') {
                    text.push(b'=');
                    put_word(&mut text, &word[at + 1..]);
                }
            } else {
                text.push(b' ');
                put_word(&mut text, word);
            }
        }
        text.extend_from_slice(b" ${1:-");
        put_word(&mut text, &self.target);
        text.push(b'}');
        if !rules.is_empty() {
            text.extend_from_slice(b" <<'#E#'\n");
            for rule in rules {
                text.extend_from_slice(rule);
                text.push(if options.from0 { 0 } else { b'\n' });
            }
            if options.from0 {
                text.extend_from_slice(b";\n");
            }
            text.extend_from_slice(b"#E#");
        }
        text.push(b'\n');
        text
    }
}

/// In quotation marks, all but the name of an option.
// rsync: batch.c write_arg()
fn put_word(text: &mut Vec<u8>, word: &[u8]) {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let name = word.iter().position(|&byte| byte == b'=').map(|at| at + 1);
    let name = name.filter(|&len| word[0] == b'-' && word[..len - 1].iter().all(is_plain));
    let (name, value) = word.split_at(name.unwrap_or(0));
    text.extend_from_slice(name);
    text.push(b'\'');
    for &byte in value {
        match byte {
            b'\'' => text.extend_from_slice(b"'\\''"),
            byte => text.push(byte),
        }
    }
    text.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_leave_their_quotation_marks() {
        let word = |word: &str| {
            let mut text = Vec::new();
            put_word(&mut text, word.as_bytes());
            String::from_utf8(text).unwrap()
        };
        assert_eq!(word("-a"), "'-a'");
        assert_eq!(word("--max-size=$(id)"), "--max-size='$(id)'");
        assert_eq!(word("--a`id`=b"), "'--a`id`=b'");
        assert_eq!(word("it's"), "'it'\\''s'");
    }
}
