//! Options about the way to another computer: its shell, and how arguments get past it.
//!
//! What only a daemon is asked for is parsed here too, and refused where no daemon is meant.
//!
//! rsync: options.c long_options, main.c do_cmd(), start_client()

use crate::error::{ErrorKind, OptionError};
use crate::flag::{Flag, Takes};
use crate::remote::AddressFamily;

pub(super) const FLAGS: &[Flag] = &[
    RSH,
    RSYNC_PATH,
    REMOTE_OPTION,
    SECLUDED_ARGS,
    OLD_ARGS,
    BLOCKING_IO,
    PROTOCOL,
    TRUST_SENDER,
    IPV4,
    IPV6,
    SERVER,
    SENDER,
    MOTD,
    ADDRESS,
    PORT,
    SOCKOPTS,
    EARLY_INPUT,
    PASSWORD_FILE,
    CONTIMEOUT,
];

const RSH: Flag = Flag::valued(
    "rsh",
    Some('e'),
    Takes::Text("COMMAND"),
    "specify the remote shell to use",
    |given, value| {
        given.options.shell.command = Some(value.os());
        Ok(())
    },
)
.doc(
    "The program that runs a command on the other computer, with its own options: \
     `-e 'ssh -p 2222'`. Spaces separate, quotes of either kind keep together. Without it the \
     variable `RSYNC_RSH` says, and without that it is `ssh`.",
);

const RSYNC_PATH: Flag = Flag::valued(
    "rsync-path",
    None,
    Takes::Text("PROGRAM"),
    "specify the rsync to run on the remote machine",
    |given, value| {
        given.options.shell.rsync_path = value.os();
        Ok(())
    },
)
.doc(
    "What is started on the other computer, `rsync` by default. The shell there reads it, so it \
     may be a command: `--rsync-path='sudo rsync'`.",
);

const REMOTE_OPTION: Flag = Flag::valued(
    "remote-option",
    Some('M'),
    Takes::Text("OPTION"),
    "send OPTION to the remote side only",
    |given, value| {
        if !value.bytes().starts_with(b"-") {
            let text = value.text();
            let message = format!("Remote option must start with a dash: {text}");
            return Err(OptionError::syntax(message).into());
        }
        given.options.shell.options.push(value.os());
        Ok(())
    },
)
.doc("An option for the other side alone: `-M--log-file=x`. In a local transfer there is none.");

const SECLUDED_ARGS: Flag = Flag::switch(
    "secluded-args",
    Some('s'),
    "use the protocol to safely send the args",
    |given| given.secluded_args = Some(true),
)
.or(&["protect-args"])
.undo(&["no-secluded-args", "no-protect-args", "no-s"], |given| {
    given.secluded_args = Some(false)
})
.doc(
    "Send names and most options to the other side after it was started, out of its shell's \
     sight. Where the variable `RSYNC_PROTECT_ARGS` is set to other than 0, it is the default.",
);

const OLD_ARGS: Flag = Flag::switch(
    "old-args",
    None,
    "disable the modern arg-protection idiom",
    |given| given.old_args = Some(given.old_args.unwrap_or(0).saturating_add(1)),
)
.undo(&["no-old-args"], |given| given.old_args = Some(0))
.doc(
    "Let the shell of the other side split and expand names: `host:'a b'` are two. Given twice, \
     nothing at all is quoted. The variable `RSYNC_OLD_ARGS` sets how often it is given.",
);

const BLOCKING_IO: Flag = Flag::switch(
    "blocking-io",
    None,
    "use blocking I/O for the remote shell",
    |given| given.options.shell.blocking_io = Some(true),
)
.undo(&["no-blocking-io"], |given| {
    given.options.shell.blocking_io = Some(false)
})
.doc("The remote shell always has pipes that block here: it is accepted and changes nothing.");

const PROTOCOL: Flag = Flag::valued(
    "protocol",
    None,
    Takes::Text("NUM"),
    "force an older protocol version to be used",
    |given, value| {
        let bad = |what: &str| {
            let side = if given.server { "Server" } else { "Client" };
            let message = format!("--protocol must be {what} on the {side}.");
            OptionError::bare(message).but(ErrorKind::Protocol)
        };
        given.options.protocol = match value.int()? {
            number if number < OLDEST => return Err(bad(&format!("at least {OLDEST}")).into()),
            number if number > NEWEST => {
                return Err(bad(&format!("no more than {NEWEST}")).into());
            }
            number => u8::try_from(number).ok(),
        };
        Ok(())
    },
)
.doc(
    "Speak an older version of the protocol, 27 to 32; for batch files that an old rsync is to \
     read. Otherwise both sides find the newest that they know. In a local transfer none is \
     spoken.",
);

const OLDEST: i32 = 27;
const NEWEST: i32 = 32;

const TRUST_SENDER: Flag = Flag::switch(
    "trust-sender",
    None,
    "trust the remote sender's file list",
    |given| given.options.trust_sender = true,
)
.doc(
    "Do not check that what the other side sends is what was asked for: by default a name that \
     was not, or that the filters exclude, ends the session with exit status 4. Only for a sender \
     that is beyond doubt.",
);

const IPV4: Flag = Flag::switch("ipv4", Some('4'), "prefer IPv4", |given| {
    given.options.shell.family = Some(AddressFamily::Ipv4);
})
.doc("Reach the other computer by IPv4: `ssh` is told so.");

const IPV6: Flag = Flag::switch("ipv6", Some('6'), "prefer IPv6", |given| {
    given.options.shell.family = Some(AddressFamily::Ipv6);
})
.doc("Reach the other computer by IPv6: `ssh` is told so.");

/// Given by the other side, and so not shown.
const SERVER: Flag = Flag::switch("server", None, "", |given| {
    given.server = true;
    // What the environment or the command line said is about the other side's names.
    given.iconv = None;
});

const SENDER: Flag = Flag::switch("sender", None, "", |given| given.sender = true);

const MOTD: Flag = Flag::switch("motd", None, "show the daemon's message of the day", |_| {})
    .undo_with_help(&["no-motd"], "suppress daemon-mode MOTD", |_| {})
    .doc(DAEMON);

const ADDRESS: Flag = Flag::valued(
    "address",
    None,
    Takes::Text("ADDRESS"),
    "bind address for outgoing socket to daemon",
    |_, _| Ok(()),
)
.doc(DAEMON);

const PORT: Flag = Flag::valued(
    "port",
    None,
    Takes::Text("PORT"),
    "specify double-colon alternate port number",
    |_, value| {
        value.int()?;
        Ok(())
    },
)
.doc(DAEMON);

const SOCKOPTS: Flag = Flag::valued(
    "sockopts",
    None,
    Takes::Text("OPTIONS"),
    "specify custom TCP options",
    |_, _| Ok(()),
)
.doc(DAEMON);

const EARLY_INPUT: Flag = Flag::valued(
    "early-input",
    None,
    Takes::Text("FILE"),
    "use FILE for daemon's early exec input",
    |_, _| Ok(()),
)
.doc(DAEMON);

const DAEMON: &str = "About the connection to a daemon. Elsewhere it is accepted and changes \
                      nothing.";

const PASSWORD_FILE: Flag = Flag::valued(
    "password-file",
    None,
    Takes::File("FILE"),
    "read daemon-access password from FILE",
    |given, _| {
        given.password_file = true;
        Ok(())
    },
)
.doc(ONLY_DAEMON);

const CONTIMEOUT: Flag = Flag::valued(
    "contimeout",
    None,
    Takes::Text("SECONDS"),
    "set daemon connection timeout in seconds",
    |given, value| {
        given.contimeout = value.int()? != 0;
        Ok(())
    },
)
.undo(&["no-contimeout"], |given| given.contimeout = false)
.doc(ONLY_DAEMON);

const ONLY_DAEMON: &str = "Only for a connection to a daemon, as in rsync.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, operands, options, remotely, request_in};
    use crate::remote::ArgumentStyle;
    use crate::resolved::Options;
    use crate::{Environment, Request};

    #[test]
    fn rsh() {
        for line in ["-e sh", "--rsh=sh", "-ae sh"] {
            assert_eq!(options(line).shell.command, Some("sh".into()), "{line}");
        }
        assert_eq!(operands("-ae ssh a b"), ["a", "b"]);
        assert_eq!(
            error("--rsh").to_string(),
            "tidesync: --rsh: missing argument"
        );
        let env = Environment {
            rsh: Some("from env".into()),
            ..Environment::default()
        };
        let command = |line| in_environment(line, &env).shell.command;
        assert_eq!(command("a b"), Some("from env".into()));
        assert_eq!(command("-e sh a b"), Some("sh".into()));
    }

    fn in_environment(line: &str, env: &Environment) -> Options {
        match request_in(line, env) {
            Ok(Request::Sync(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn rsync_path() {
        assert_eq!(options("").shell.rsync_path, "rsync");
        assert_eq!(options("--rsync-path=x").shell.rsync_path, "x");
    }

    #[test]
    fn remote_option() {
        let given = remotely("-M--a --remote-option=-b").shell.options;
        assert_eq!(given, ["--a", "-b"]);
        let message = "tidesync: Remote option must start with a dash: x";
        assert_eq!(error("-Mx a host:b").to_string(), message);
        let local = error("-M-x a b");
        assert_eq!(local.kind, ErrorKind::Unsupported);
    }

    #[test]
    fn secluded_args() {
        for line in ["-s", "--secluded-args", "--protect-args"] {
            let style = options(line).argument_style;
            assert_eq!(style, ArgumentStyle::Secluded, "{line}");
        }
        for line in ["-s --no-s", "-s --no-secluded-args", "-s --no-protect-args"] {
            let style = options(line).argument_style;
            assert_eq!(style, ArgumentStyle::Quoted, "{line}");
        }
        let style = |value: &str, line| {
            let env = Environment {
                protect_args: Some(value.into()),
                ..Environment::default()
            };
            in_environment(line, &env).argument_style
        };
        assert_eq!(style("1", "a b"), ArgumentStyle::Secluded);
        assert_eq!(style("0", "a b"), ArgumentStyle::Quoted);
        assert_eq!(style("", "a b"), ArgumentStyle::Quoted);
        assert_eq!(style("1", "--no-s a b"), ArgumentStyle::Quoted);
        assert_eq!(style("1", "--old-args a b"), ArgumentStyle::OldNames);
    }

    #[test]
    fn old_args() {
        assert_eq!(
            options("--old-args").argument_style,
            ArgumentStyle::OldNames
        );
        let twice = options("--old-args --old-args").argument_style;
        assert_eq!(twice, ArgumentStyle::Old);
        let none = options("--old-args --no-old-args").argument_style;
        assert_eq!(none, ArgumentStyle::Quoted);
        let message = "tidesync: --secluded-args conflicts with --old-args.";
        assert_eq!(error("-s --old-args a b").to_string(), message);
        let env = Environment {
            old_args: Some("2".into()),
            ..Environment::default()
        };
        let style = |line| in_environment(line, &env).argument_style;
        assert_eq!(style("a b"), ArgumentStyle::Old);
        assert_eq!(style("--no-old-args a b"), ArgumentStyle::Quoted);
        assert_eq!(style("-s a b"), ArgumentStyle::Secluded);
    }

    #[test]
    fn blocking_io() {
        assert_eq!(options("").shell.blocking_io, None);
        assert_eq!(options("--blocking-io").shell.blocking_io, Some(true));
        assert_eq!(options("--no-blocking-io").shell.blocking_io, Some(false));
    }

    #[test]
    fn protocol() {
        assert_eq!(options("").protocol, None);
        assert_eq!(options("--protocol=29").protocol, Some(29));
        for (line, message) in [
            (
                "--protocol=26",
                "--protocol must be at least 27 on the Client.",
            ),
            (
                "--protocol=33",
                "--protocol must be no more than 32 on the Client.",
            ),
            (
                "--protocol=-1",
                "--protocol must be at least 27 on the Client.",
            ),
        ] {
            let error = error(line);
            assert_eq!(
                (error.kind, &*error.to_string()),
                (ErrorKind::Protocol, message)
            );
        }
    }

    #[test]
    fn trust_sender() {
        assert!(options("--trust-sender").trust_sender && !options("").trust_sender);
    }

    #[test]
    fn ipv4() {
        for line in ["-4", "--ipv4", "-6 -4"] {
            assert_eq!(
                options(line).shell.family,
                Some(AddressFamily::Ipv4),
                "{line}"
            );
        }
    }

    #[test]
    fn ipv6() {
        for line in ["-6", "--ipv6"] {
            assert_eq!(
                options(line).shell.family,
                Some(AddressFamily::Ipv6),
                "{line}"
            );
        }
    }

    #[test]
    fn server_and_sender() {
        assert!(matches!(
            request_in("--server . x", &Environment::default()),
            Ok(Request::Serve(_))
        ));
        let message = "tidesync: --sender is what a client gives to a --server";
        assert_eq!(error("--sender a b").to_string(), message);
    }

    #[test]
    fn what_only_a_daemon_is_asked_for() {
        let plain = options("-a");
        for flag in FLAGS.iter().filter(|flag| flag.doc == DAEMON) {
            let value = match flag.takes {
                Takes::Nothing => "",
                _ => "=9",
            };
            for name in flag.long_names() {
                assert_eq!(options(&format!("-a --{name}{value}")), plain, "{name}");
            }
            for name in flag.undo_names() {
                assert_eq!(options(&format!("-a --{name}")), plain, "{name}");
            }
        }
        assert_eq!(
            error("--port=x").to_string(),
            "tidesync: --port=x: invalid numeric value"
        );
    }

    #[test]
    fn password_file() {
        let message = "The --password-file option may only be used when accessing an rsync daemon.";
        for operands in ["a b", "a host:b"] {
            let line = format!("--password-file=x {operands}");
            assert_eq!(error(&line).to_string(), message, "{line}");
        }
        crate::asked::sync("--password-file=x a host::b").unwrap();
    }

    #[test]
    fn contimeout() {
        let message =
            "The --contimeout option may only be used when connecting to an rsync daemon.";
        assert_eq!(error("--contimeout=5 a b").to_string(), message);
        for line in ["--contimeout=0", "--contimeout=5 --no-contimeout"] {
            assert_eq!(options(line), options(""), "{line}");
        }
    }
}
