//! Options about the way to another computer, which a local transfer does not take, and about
//! machinery of rsync's that is not ours.
//!
//! rsync accepts them there, and scripts give them (`-avz SRC DST`), so they are taken here too:
//! their values are checked as rsync checks them, and then nothing depends on them.
//!
//! rsync: options.c long_options, compat.c parse_compress_choice(), main.c start_client()

use crate::error::{ErrorKind, OptionError};
use crate::flag::{Flag, Takes};
use crate::given::{Given, Stop};
use crate::value::Value;

pub(super) const FLAGS: &[Flag] = &[
    switch(
        "compress",
        Some('z'),
        "compress file data during the transfer",
    )
    .undo(&["no-compress", "no-z"], nothing)
    .doc(COMPRESS),
    switch("old-compress", None, "compress in the old way").doc(COMPRESS),
    switch("new-compress", None, "compress in the way after that").doc(COMPRESS),
    Flag::valued(
        "compress-choice",
        None,
        Takes::OneOf("STR", COMPRESSIONS),
        "choose the compression algorithm",
        compression,
    )
    .or(&["zc"])
    .doc(COMPRESS),
    number("compress-level", "NUM", "explicitly set compression level")
        .or(&["zl"])
        .doc(COMPRESS),
    number(
        "compress-threads",
        "NUM",
        "explicitly set compression threads",
    )
    .or(&["zt"])
    .doc(COMPRESS),
    text(
        "skip-compress",
        None,
        "LIST",
        "skip compressing files with suffix in LIST",
    )
    .doc(COMPRESS),
    text(
        "rsh",
        Some('e'),
        "COMMAND",
        "specify the remote shell to use",
    )
    .doc(CONNECT),
    text(
        "rsync-path",
        None,
        "PROGRAM",
        "specify the rsync to run on the remote machine",
    )
    .doc(CONNECT),
    switch("blocking-io", None, "use blocking I/O for the remote shell")
        .undo(&["no-blocking-io"], nothing)
        .doc(CONNECT),
    switch(
        "secluded-args",
        Some('s'),
        "use the protocol to safely send the args",
    )
    .or(&["protect-args"])
    .undo(&["no-secluded-args", "no-protect-args", "no-s"], nothing)
    .doc(CONNECT),
    switch("old-args", None, "disable the modern arg-protection idiom")
        .undo(&["no-old-args"], nothing)
        .doc(CONNECT),
    switch("trust-sender", None, "trust the remote sender's file list").doc(CONNECT),
    switch("motd", None, "show the daemon's message of the day")
        .undo_with_help(&["no-motd"], "suppress daemon-mode MOTD", nothing)
        .doc(CONNECT),
    text(
        "address",
        None,
        "ADDRESS",
        "bind address for outgoing socket to daemon",
    )
    .doc(CONNECT),
    number("port", "PORT", "specify double-colon alternate port number").doc(CONNECT),
    text("sockopts", None, "OPTIONS", "specify custom TCP options").doc(CONNECT),
    text(
        "early-input",
        None,
        "FILE",
        "use FILE for daemon's early exec input",
    )
    .doc(CONNECT),
    Flag::valued(
        "password-file",
        None,
        Takes::File("FILE"),
        "read daemon-access password from FILE",
        |_, _| Err(to_daemon("password-file", "accessing")),
    )
    .doc(TO_DAEMON),
    Flag::valued(
        "contimeout",
        None,
        Takes::Text("SECONDS"),
        "set daemon connection timeout in seconds",
        |_, value| match value.int()? {
            0 => Ok(()),
            _ => Err(to_daemon("contimeout", "connecting to")),
        },
    )
    .undo(&["no-contimeout"], nothing)
    .doc(TO_DAEMON),
    switch("ipv4", Some('4'), "prefer IPv4").doc(CONNECT),
    switch("ipv6", Some('6'), "prefer IPv6").doc(CONNECT),
    switch("qsort", None, "sort the list with another algorithm").doc(MACHINERY),
    Flag::valued(
        "max-alloc",
        None,
        Takes::Text("SIZE"),
        "change a limit relating to memory alloc",
        |_, value| {
            value.size("max-alloc", None)?;
            Ok(())
        },
    )
    .doc(MACHINERY),
    Flag::valued(
        "outbuf",
        None,
        Takes::OneOf("N|L|B", &["N", "L", "B"]),
        "set out buffering to None, Line, or Block",
        |_, value| match value.bytes().first().map(u8::to_ascii_uppercase) {
            Some(b'N' | b'U' | b'L' | b'B' | b'F') => Ok(()),
            _ => {
                let message = "Invalid --outbuf setting -- specify N, L, or B.";
                Err(OptionError::syntax(message).into())
            }
        },
    )
    .doc("Lines are written out within a moment, whatever is asked for."),
    number(
        "checksum-seed",
        "NUM",
        "set block/file checksum seed (advanced)",
    )
    .doc(
        "Makes the checksums that cross the connection differ from one run to the next. In a \
         local transfer none cross, and it changes nothing.",
    ),
];

const COMPRESS: &str = "About the data on its way to another computer. In a local transfer it is \
                        accepted and changes nothing.";
const CONNECT: &str = "About reaching another computer. In a local transfer it is accepted and \
                       changes nothing.";

const TO_DAEMON: &str = "Only for a connection to a daemon, as in rsync.";
const MACHINERY: &str = "About rsync's own machinery: it is accepted and changes nothing.";

const COMPRESSIONS: &[&str] = &["auto", "zstd", "lz4", "zlibx", "zlib", "none"];

const fn switch(long: &'static str, short: Option<char>, help: &'static str) -> Flag {
    Flag::switch(long, short, help, nothing)
}

const fn text(
    long: &'static str,
    short: Option<char>,
    metavar: &'static str,
    help: &'static str,
) -> Flag {
    Flag::valued(long, short, Takes::Text(metavar), help, |_, _| Ok(()))
}

const fn number(long: &'static str, metavar: &'static str, help: &'static str) -> Flag {
    Flag::valued(long, None, Takes::Text(metavar), help, |_, value| {
        value.int()?;
        Ok(())
    })
}

fn nothing(_: &mut Given) {}

// rsync: main.c start_client()
fn to_daemon(long: &str, doing: &str) -> Stop {
    let message = format!("The --{long} option may only be used when {doing} an rsync daemon.");
    OptionError::bare(message).into()
}

fn compression(_: &mut Given, value: &Value<'_>) -> Result<(), Stop> {
    let name = value.text();
    if COMPRESSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&name))
    {
        return Ok(());
    }
    let message = format!(
        "unknown compress name: {name} (use {})",
        COMPRESSIONS.join(", ")
    );
    Err(OptionError::bare(message)
        .but(ErrorKind::Unsupported)
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, operands, options};

    #[test]
    fn they_change_nothing() {
        let plain = options("-a");
        for flag in FLAGS {
            if flag.doc == TO_DAEMON {
                continue;
            }
            let value = match flag.takes {
                Takes::Nothing => "",
                Takes::OneOf("N|L|B", _) => "=L",
                Takes::OneOf(..) => "=zlib",
                _ => "=9",
            };
            for name in flag.long_names() {
                assert_eq!(options(&format!("-a --{name}{value}")), plain, "{name}");
            }
            for name in flag.undo_names() {
                assert_eq!(options(&format!("-a --{name}")), plain, "{name}");
            }
        }
        assert!(options("-avz a b").preserve_times);
        assert_eq!(operands("-ae ssh a b"), ["a", "b"]);
    }

    #[test]
    fn their_values_are_checked() {
        for (line, message) in [
            ("--zl=x", "tidesync: --zl=x: invalid numeric value"),
            ("--port=x", "tidesync: --port=x: invalid numeric value"),
            (
                "--zc=foo",
                "unknown compress name: foo (use auto, zstd, lz4, zlibx, zlib, none)",
            ),
            (
                "--contimeout=5",
                "The --contimeout option may only be used when connecting to an rsync daemon.",
            ),
            (
                "--password-file=x",
                "The --password-file option may only be used when accessing an rsync daemon.",
            ),
            ("--rsh", "tidesync: --rsh: missing argument"),
        ] {
            assert_eq!(error(line).to_string(), message, "{line}");
        }
        assert_eq!(error("--zc=foo").kind, ErrorKind::Unsupported);
    }
}
