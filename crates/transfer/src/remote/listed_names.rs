//! The names of `--files-from` on their way to a sender at the other end.
//!
//! The receiving side sends them while it takes the list, which the sender may begin before it has
//! all of them; so a thread of its own does that, for which nobody waits.
// rsync: io.c start_filesfrom_forwarding(), forward_filesfrom_data(); flist.c send_file_list()

use super::StreamError;
use super::asked_for::Listed;
use super::inlet::Inlet;
use super::outlet::Outlet;
use crate::charset::Converter;
use crate::context::Context;
use crate::files_from;
use options::{ArgumentStyle, FilesFrom, Options};
use std::borrow::Cow;
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
    ctx: &Context,
    inlet: &mut Inlet,
    protocol: Protocol,
) -> Result<Vec<Vec<u8>>, StreamError> {
    if !protocol.frames_names() {
        inlet.pause_frames();
    }
    let charset = ctx.charset.as_ref();
    let charset = charset.filter(|_| converts_names(&ctx.options));
    let mut names = Vec::new();
    while let Some(name) = name(inlet)? {
        names.push(match charset {
            Some(charset) => files_from::operand(ctx, &charset.text_off_wire(&name)),
            None => files_from::operand(ctx, &name),
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
    /// What the sender may list.
    pub asked: Listed,
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
                    let end = out.iter().rposition(|&b| b == 0).map_or(0, |at| at + 1);
                    let begun = out.split_off(end);
                    self.outlet.data(&self.asked_for(&out));
                    self.outlet.flush();
                    out = begun;
                }
            }
        }
        names.end(&mut out);
        let out = self.asked_for(&out);
        if self.starts_frames {
            self.outlet.data_before_frames(&out);
        } else {
            self.outlet.data(&out);
        }
        self.outlet.flush();
    }

    /// Names, each with its end, as they cross: they are asked for from now on.
    fn asked_for<'n>(&self, names: &'n [u8]) -> Cow<'n, [u8]> {
        for name in names.split(|&b| b == 0).filter(|name| !name.is_empty()) {
            self.asked.add(name);
        }
        match &self.charset {
            // A zero byte is itself in every set that is known.
            Some(charset) => Cow::Owned(charset.text_to_wire(names)),
            None => Cow::Borrowed(names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use options::{Charset, Iconv};
    use std::io::Write;
    use std::sync::mpsc::{Sender, channel};

    struct Written(Sender<Vec<u8>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Who has seen enough is gone.
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Gives out its bytes by threes.
    struct InPieces(&'static [u8]);

    impl Read for InPieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.len().min(3);
            into[..piece].copy_from_slice(&self.0[..piece]);
            self.0 = &self.0[piece..];
            Ok(piece)
        }
    }

    fn sent(list: &'static [u8], charset: Option<Converter>, starts_frames: bool) -> Vec<u8> {
        let (sender, written) = channel();
        let outlet = Outlet::start(Box::new(Written(sender)), None).unwrap();
        let outlet = Arc::new(outlet);
        let forwarder = Forwarder {
            list: Box::new(InPieces(list)),
            outlet: outlet.clone(),
            lines: Lines::Text,
            starts_frames,
            charset,
            asked: Listed::default(),
        };
        forwarder.run();
        if starts_frames {
            outlet.data(b"framed");
        }
        outlet.end(None);
        drop(outlet);
        written.into_iter().flatten().collect()
    }

    #[test]
    fn names_cross_whole_and_converted() {
        assert_eq!(
            sent(b"one\n\nt\xe9o\r\n#3", None, false),
            b"one\0t\xe9o\0#3\0\0"
        );
        let iconv = Iconv {
            local: Charset::Named(b"latin1".to_vec()),
            remote: b"utf8".to_vec(),
        };
        let charset = Converter::new(Some(&iconv)).unwrap();
        let converted = "one\0t\u{e9}o\0#3\0\0".as_bytes();
        assert_eq!(sent(b"one\n\nt\xe9o\r\n#3", charset, false), converted);
    }

    #[test]
    fn what_follows_bare_names_is_framed() {
        let sent = sent(b"a", None, true);
        assert_eq!(sent, b"a\0\0\x06\0\0\x07framed");
    }
}
