//! What is done with messages that come beside the data.
// rsync: io.c read_a_msg(), log.c rwrite()

use super::StreamError;
use super::inlet::OnMessage;
use super::request_queue::{Request, RequestQueue};
use super::requests::Requests;
use crate::context::Context;
use crate::error::Problem;
use crate::event::{Event, Role, Severity};
use crate::receiver::Receiver;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wire::message::{Message, TextKind};

/// The mode of some directory, and of some file.
const DIRECTORY: u32 = 0o040755;
const FILE: u32 = 0o100644;

/// Where content goes, once that is known; `None` if it never will be.
pub(crate) type Destined = Arc<OnceLock<Option<Arc<Receiver>>>>;

/// Hears for the sending side.
// rsync: sender.c successful_send()
pub(crate) fn for_sender(ctx: Arc<Context>, queue: Arc<RequestQueue>) -> OnMessage {
    // Else the other side could have any file of the list removed.
    let removes = ctx.options.remove_source_files.is_some();
    Box::new(move |message| {
        match message {
            Message::Success(number) if removes && number >= 0 => {
                queue.push([Request::Success(number as u32)]);
                queue.wait_for_room();
            }
            message => hear(&ctx, message, Role::Receiver)?,
        }
        Ok(())
    })
}

/// Hears for the receiving side.
pub(crate) fn for_receiver(
    ctx: Arc<Context>,
    requests: Arc<Requests>,
    receiver: Destined,
) -> OnMessage {
    Box::new(move |message| {
        match message {
            Message::NoSend(number) => {
                let job = u32::try_from(number).ok().and_then(|n| requests.take(n));
                if let (Some(job), Some(Some(receiver))) = (job, receiver.get()) {
                    receiver.not_sent(job);
                }
            }
            message => hear(&ctx, message, Role::Sender)?,
        }
        Ok(())
    })
}

/// Hears what both sides may be told by the other, whose role is given.
fn hear(ctx: &Context, message: Message, other: Role) -> Result<(), StreamError> {
    match message {
        Message::Text(kind, text) => {
            let severity = match kind {
                TextKind::Info | TextKind::Log => Severity::Info,
                TextKind::Client => Severity::Client,
                TextKind::Warning => Severity::Warning,
                TextKind::Error | TextKind::ErrorSocket | TextKind::ErrorUtf8 => Severity::Error,
                TextKind::ErrorXfer => {
                    ctx.problems.add(other, Problem::Transfer);
                    Severity::TransferError
                }
            };
            let text = match &ctx.charset {
                Some(charset) => charset.text_off_wire(&text),
                None => text,
            };
            ctx.narrator.direct(Event::Told {
                severity,
                text: &text,
            });
        }
        Message::IoError(bits) => {
            for problem in Problem::of_bits(bits as u8) {
                ctx.problems.add(Role::Sender, problem);
            }
        }
        Message::Deleted { name, is_dir } => {
            let name = match &ctx.charset {
                Some(charset) => charset.text_off_wire(&name),
                None => name,
            };
            let mode = if is_dir { DIRECTORY } else { FILE };
            ctx.narrator.deleted(&name, mode);
        }
        Message::ErrorExit(code) => {
            return Err(StreamError::PeerExit(code.map(|c| c as u8)));
        }
        Message::IoTimeout(seconds) => {
            let limit = Duration::from_secs(seconds.into());
            if ctx.control.limit_timeout(limit) && ctx.options.info.misc >= 2 {
                let text = format!("Setting --timeout={seconds} to match server");
                ctx.info(other, text);
            }
        }
        Message::Noop
        | Message::Redo(_)
        | Message::Stats(_)
        | Message::Success(_)
        | Message::NoSend(_) => {}
    }
    Ok(())
}
