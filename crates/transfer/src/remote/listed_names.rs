//! The names of `--files-from` on their way to a sender at the other end.
//!
//! The receiving side sends them while it takes the list, which the sender may begin before it has
//! all of them; so a thread of its own does that, for which nobody waits.
// rsync: io.c start_filesfrom_forwarding(), forward_filesfrom_data(); flist.c send_file_list()

use super::StreamError;
use super::inlet::Inlet;
use super::outlet::Outlet;
use crate::charset::Converter;
use crate::files_from;
use options::{ArgumentStyle, FilesFrom, Options};
use std::io::{self, Read};
use std::sync::Arc;
use wire::arguments::{Lines, Names, name};
use wire::{Protocol, Side};

/// How much of the list is read at a time.
const READ: usize = 32 * 1024;

/// Whether the other side sends the names to this one, which has the source.
pub(crate) fn come_from_peer(options: &Options, side: Side) -> bool {
    match &options.files_from {
        Some(FilesFrom::Remote { .. }) => true,
        Some(FilesFrom::Stdin) => side == Side::Server,
        Some(FilesFrom::Path(_)) | None => false,
    }
}

/// Whether they are converted on their way (`--iconv`): only with arguments that are, too.
// rsync: compat.c filesfrom_convert
pub(crate) fn converts_names(options: &Options) -> bool {
    options.argument_style == ArgumentStyle::Secluded
}

/// Takes the names that the other side sends. No comments are among them.
pub(crate) fn take(
    inlet: &mut Inlet,
    protocol: Protocol,
    charset: Option<&Converter>,
) -> Result<Vec<Vec<u8>>, StreamError> {
    if !protocol.frames_names() {
        inlet.pause_frames();
    }
    let mut names = Vec::new();
    while let Some(name) = name(inlet)? {
        names.push(match charset {
            Some(charset) => files_from::operand(&charset.text_off_wire(&name)),
            None => files_from::operand(&name),
        });
    }
    inlet.resume_frames();
    Ok(names)
}

/// Sends the names of a list to the other side.
pub(crate) struct Forwarder {
    pub list: Box<dyn Read + Send>,
    pub outlet: Arc<Outlet>,
    pub lines: Lines,
    /// What follows the names goes in frames, while they do not.
    pub starts_frames: bool,
    pub charset: Option<Converter>,
}

impl Forwarder {
    /// Sends them on a thread of its own.
    pub fn start(self) {
        std::thread::spawn(move || self.run());
    }

    fn run(mut self) {
        let mut names = Names::new(self.lines);
        let mut buffer = vec![0; READ];
        let mut out = Vec::new();
        loop {
            match self.list.read(&mut buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // rsync takes a list that cannot be read on for its end, too.
                Ok(0) | Err(_) => break,
                Ok(read) => {
                    names.put(&mut out, &buffer[..read]);
                    let rest = self.convert(&mut out);
                    self.outlet.data(&out);
                    self.outlet.flush();
                    out = rest;
                }
            }
        }
        names.end(&mut out);
        self.convert(&mut out);
        if self.starts_frames {
            self.outlet.data_before_frames(&out);
        } else {
            self.outlet.data(&out);
        }
        self.outlet.flush();
    }

    /// Converts whole names, and takes away what has begun of the next.
    fn convert(&self, names: &mut Vec<u8>) -> Vec<u8> {
        let Some(charset) = &self.charset else {
            return Vec::new();
        };
        let end = names.iter().rposition(|&b| b == 0).map_or(0, |at| at + 1);
        let rest = names.split_off(end);
        // A zero byte is itself in every set that is known.
        *names = charset.text_to_wire(names);
        rest
    }
}
