//! What a server tells: it has no user of its own, so everything goes to the client's, beside the
//! data.
// rsync: log.c rwrite(), log_delete() where am_server is set

use super::format::{LineFormat, Subject};
use super::{Outcome, Renderer, list, message};
use options::Options;
use std::io::Write;
use transfer::Messenger;
use transfer::event::{Event, EventSink, Severity};

/// Tells the client.
pub(super) struct Server {
    messenger: Messenger,
    options: Options,
    /// Deletions are told.
    tells_deletions: bool,
    /// How, where the client does not know of them otherwise.
    deletions: Option<LineFormat>,
}

impl Server {
    pub fn new(messenger: Messenger, options: &Options) -> Server {
        Server {
            messenger,
            options: options.clone(),
            deletions: options
                .out_format
                .as_ref()
                .filter(|format| format.operation)
                .map(|format| LineFormat::new(&format.text, options)),
            tells_deletions: options.info.del > 0 || options.out_format.is_some(),
        }
    }

    fn tell(&self, severity: Severity, line: &[u8]) {
        let text = [line, b"\n"].concat();
        if !self.messenger.tell(severity, &text) {
            // There is no other way before the handshake is over, and no one to tell if this fails.
            let _ = std::io::stderr().write_all(&text);
        }
    }
}

impl EventSink for Server {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Message(told) => self.tell(told.severity, &message::text(told)),
            Event::Deleted { name, mode } if self.tells_deletions => {
                let is_dir = message::is_dir(mode);
                if !self.messenger.deleted(name, is_dir) {
                    let line = match &self.deletions {
                        Some(format) => format.line(Subject::Deleted { name, mode }),
                        None => message::deletion(name, is_dir),
                    };
                    self.tell(Severity::Client, &line);
                }
            }
            Event::Listed(entry) => {
                self.tell(Severity::Info, &list::list_line(entry, &self.options))
            }
            // The client makes lines of what is done with entries.
            _ => {}
        }
    }
}

impl Renderer for Server {
    fn finish(&self, _: &Outcome<'_>) {}
}
