//! Standard output and standard error as one place to write lines to: which line goes where,
//! what is escaped, and how a line ends a progress display that is still open.
// rsync: log.c rwrite()

use super::escape::{self, Charset};
use super::output::{OnLost, Output};
use options::{Options, StderrMode};
use transfer::Control;

/// Where lines go.
pub(crate) struct Console {
    out: Output,
    err: Output,
    charset: Charset,
    mode: StderrMode,
    quiet: bool,
    open_line: OpenLine,
    text: Vec<u8>,
}

/// What the cursor stands behind.
// rsync: log.c output_needs_newline
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenLine {
    /// The end of a line.
    No,
    /// Text that another line must not be written over.
    Text,
    /// A count of files that the next count replaces.
    Count,
}

impl Console {
    /// The console of this process.
    pub(crate) fn of_process(options: &Options, control: &Control, on_lost: OnLost) -> Console {
        let charset = match (options.eight_bit_output, Charset::of_environment()) {
            // A Windows console takes nothing but text.
            (true, _) if !cfg!(windows) => Charset::Any,
            (_, charset) => charset,
        };
        Console::new(
            Output::stdout(control, on_lost),
            Output::stderr(control),
            options,
            charset,
        )
    }

    pub(crate) fn new(out: Output, err: Output, options: &Options, charset: Charset) -> Console {
        Console {
            out,
            err,
            charset,
            mode: options.stderr,
            quiet: options.quiet > 0,
            open_line: OpenLine::No,
            text: Vec::new(),
        }
    }

    /// A line for the user.
    pub(crate) fn info(&mut self, line: &[u8]) {
        if !self.quiet {
            self.start_line();
            escape::for_terminal(line, self.charset, &mut self.text);
            self.text.push(b'\n');
            self.write_info(Output::lines);
        }
    }

    /// A line about trouble.
    pub(crate) fn error(&mut self, line: &[u8]) {
        self.write_trouble(line, self.charset);
    }

    /// A line about trouble at the destination: rsync's receiving side writes to standard error
    /// itself, and knows nothing of the terminal's encoding.
    pub(crate) fn destination_error(&mut self, line: &[u8]) {
        let charset = match self.charset {
            Charset::Any => Charset::Any,
            Charset::Utf8 | Charset::Ascii | Charset::Printable => Charset::Printable,
        };
        self.write_trouble(line, charset);
    }

    fn write_trouble(&mut self, line: &[u8], charset: Charset) {
        self.start_line();
        escape::for_terminal(line, charset, &mut self.text);
        self.text.push(b'\n');
        self.out.flush();
        self.write_error();
    }

    /// Text that stays open: more of the same line may follow.
    pub(crate) fn open(&mut self, text: &str) {
        if !self.quiet {
            self.start_line();
            self.text.extend_from_slice(text.as_bytes());
            self.write_info(Output::at_once);
            self.open_line = OpenLine::Text;
        }
    }

    /// A count of files, over the one before it.
    // rsync: flist.c emit_filelist_progress()
    pub(crate) fn count(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        if self.open_line == OpenLine::Count {
            self.open_line = OpenLine::No;
        }
        self.start_line();
        self.text.extend_from_slice(text.as_bytes());
        self.text.push(b'\r');
        self.write_info(Output::at_once);
        self.open_line = OpenLine::Count;
    }

    /// The end of an open line, continued where it stands.
    pub(crate) fn close(&mut self, line: &str) {
        self.open_line = OpenLine::No;
        self.info(line.as_bytes());
    }

    /// A progress line, over the one before it. It stays open unless it is the last.
    // rsync: progress.c rprint_progress()
    pub(crate) fn progress(&mut self, text: &str, last: Last) {
        if self.quiet {
            return;
        }
        self.text.clear();
        self.text.push(b'\r');
        self.text.extend_from_slice(text.as_bytes());
        self.open_line = OpenLine::Text;
        if last == Last::Yes {
            self.text.push(b'\n');
            self.open_line = OpenLine::No;
        }
        self.write_info(Output::at_once);
    }

    /// Ends what is open and writes out what lies here.
    pub(crate) fn finish(&mut self) {
        self.start_line();
        self.write_info(Output::at_once);
    }

    /// Writes out what lies here.
    pub(crate) fn flush(&mut self) {
        self.out.flush();
    }

    fn start_line(&mut self) {
        self.text.clear();
        if self.open_line != OpenLine::No {
            self.text.push(b'\n');
            self.open_line = OpenLine::No;
        }
    }

    fn write_info(&mut self, how: fn(&mut Output, &[u8])) {
        if self.mode == StderrMode::All {
            self.write_error();
        } else {
            how(&mut self.out, &self.text);
        }
    }

    fn write_error(&mut self) {
        self.err.at_once(&self.text);
    }
}

/// Whether more of the same progress line follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// The line is complete.
    Yes,
    /// It will be written over.
    No,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::render::output::tests::Kept;

    /// A console whose text is kept, and that text: standard output and standard error.
    pub(crate) fn kept(options: &Options) -> (Console, Kept, Kept) {
        let (out, err) = (Kept::default(), Kept::default());
        let errors = err.output();
        (
            Console::new(out.output(), errors, options, Charset::Utf8),
            out,
            err,
        )
    }

    #[test]
    fn a_line_ends_an_open_one_where_it_is_written() {
        let (mut console, out, err) = kept(&Options::default());
        console.progress("50%", Last::No);
        console.progress("60%", Last::No);
        console.error(b"bad");
        console.info(b"good");
        console.progress("100%", Last::Yes);
        console.info(b"next");
        assert_eq!(out.text(), "\r50%\r60%good\n\r100%\nnext\n");
        assert_eq!(err.text(), "\nbad\n");
    }

    #[test]
    fn counts_replace_each_other() {
        let (mut console, out, _) = kept(&Options::default());
        console.open("building file list ... ");
        console.count(" 0 files...");
        console.count(" 100 files...");
        console.close("130 files to consider");
        assert_eq!(
            out.text(),
            "building file list ... \n 0 files...\r 100 files...\r130 files to consider\n"
        );
    }

    #[test]
    fn quiet_leaves_errors() {
        let (mut console, out, err) = kept(&Options {
            quiet: 1,
            ..Options::default()
        });
        console.info(b"a");
        console.open("b");
        console.progress("c", Last::No);
        console.error(b"d");
        console.finish();
        assert_eq!((out.text(), err.text()), (String::new(), "d\n".to_owned()));
    }

    #[test]
    fn all_may_go_to_standard_error() {
        let options = Options {
            stderr: StderrMode::All,
            ..Options::default()
        };
        let (mut console, out, err) = kept(&options);
        console.info(b"a\x01");
        console.error(b"b");
        assert_eq!(
            (out.text(), err.text()),
            (String::new(), "a\\#001\nb\n".to_owned())
        );
    }
}
