//! What the command line of the other side repeats, and nothing on this side depends on.
//!
//! [`Options`](crate::Options) says what was meant; the other side is told what was written: `-d`
//! only if it was asked for, a level of `--info` only if the user set it.
//!
//! rsync: options.c server_options(), and the globals that are still half resolved there

/// What was written rather than what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsGiven {
    /// `-d`, where nothing overrules it.
    pub(crate) dirs: bool,
    /// `--list-only`.
    pub(crate) list_only: bool,
    /// `-O`, where backups do not imply it.
    pub(crate) omit_dir_times: bool,
    /// `--partial-dir` was left to `--delay-updates`.
    pub(crate) partial_dir_of_delay: bool,
    /// How many `-U`, up to two.
    pub(crate) atimes: u8,
    /// How many `-H`.
    pub(crate) hard_links: u8,
    /// `-@`.
    pub(crate) modify_window: bool,
    /// `--stats`.
    pub(crate) stats: bool,
    /// `--delete` or `--delete-excluded` without a moment.
    pub(crate) delete_at_any_moment: bool,
    /// `--stderr`.
    pub(crate) stderr: bool,
    /// `--checksum-choice`, unless it leaves the choice to both sides.
    pub(crate) checksum_choice: Option<String>,
    /// The same of `--compress-choice`.
    pub(crate) compress_choice: Option<String>,
    /// `-z` was given, and not only `--compress-level`.
    pub(crate) compress: bool,
    /// `--usermap`, or what `--chown` makes of it.
    pub(crate) usermap: Option<Vec<u8>>,
    /// `--groupmap`, likewise.
    pub(crate) groupmap: Option<Vec<u8>>,
    /// `--max-alloc`, other than rsync's default.
    pub(crate) max_alloc: Option<Vec<u8>>,
    /// `--info` for a server that receives.
    pub(crate) info_to_receiver: Option<String>,
    /// `--info` for a server that sends.
    pub(crate) info_to_sender: Option<String>,
}

impl AsGiven {
    /// Whether `--delete` left the moment open: with a version of the protocol below 30 it is
    /// [`DeleteWhen::Before`](crate::DeleteWhen::Before) then.
    // rsync: compat.c setup_protocol()
    pub fn deletes_at_any_moment(&self) -> bool {
        self.delete_at_any_moment
    }

    /// Whether nothing was said about standard error: a server of protocol 28 or less then sends
    /// its errors to the client.
    // rsync: compat.c setup_protocol(), saw_stderr_opt
    pub fn leaves_stderr_open(&self) -> bool {
        !self.stderr
    }
}
