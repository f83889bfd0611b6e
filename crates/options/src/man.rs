//! The manual page, in roff, from the table of flags.
//!
//! The options' paragraphs stand with the flags; only what is not about one flag is here.

use crate::flag::{Effect, Flag};
use crate::flags;
use crate::help;

/// The page `tidesync.1`.
pub fn man_page() -> String {
    let mut page = Roff::default();
    page.raw(".TH TIDESYNC 1 \"\" tidesync \"User Commands\"");
    page.section("NAME");
    page.paragraph("tidesync - bring a directory tree up to date with another");
    page.section("SYNOPSIS");
    page.paragraph("`tidesync` [OPTION]... SRC [SRC]... DEST");
    page.section("DESCRIPTION");
    for paragraph in DESCRIPTION {
        page.paragraph(paragraph);
    }
    page.section("OTHER COMPUTERS");
    for paragraph in OTHER_COMPUTERS {
        page.paragraph(paragraph);
    }
    page.section("OPTIONS");
    page.paragraph(ABOUT_OPTIONS);
    for theme in help::shown_themes() {
        page.subsection(theme.heading);
        for flag in theme.flags.iter().filter(|flag| !flag.doc.is_empty()) {
            page.item(&item_heading(flag), flag.doc);
        }
    }
    page.subsection("Not supported yet");
    page.paragraph(&not_supported());
    page.section("ENVIRONMENT");
    for (variable, meaning) in ENVIRONMENT {
        page.item(variable, meaning);
    }
    page.section("EXIT STATUS");
    for (status, meaning) in EXIT_STATUS {
        page.item(status, meaning);
    }
    page.section("SEE ALSO");
    page.paragraph("`rsync`(1), `ssh`(1), `cp`(1)");
    page.text
}

const DESCRIPTION: [&str; 3] = [
    "tidesync makes DEST like SRC, and copies only what differs. Options, output and exit status \
     are those of rsync; `tidesync -a SRC/ DEST/` does what `rsync -a SRC/ DEST/` does.",
    "A SRC that ends in a slash stands for the content of the directory, one that does not for \
     the directory itself: after `tidesync -a src dest` there is `dest/src`.",
    "A SRC alone is listed.",
];

const OTHER_COMPUTERS: [&str; 5] = [
    "SRC or DEST, not both, may be on another computer: `[USER@]HOST:PATH`. A colon before the \
     first slash makes the difference; a local file with a colon in its name is written `./a:b`, an \
     address with colons `[::1]:PATH`. On Windows a single letter before the colon is a drive. A \
     PATH without a slash in front starts in the home directory there. Several SRC on one computer \
     are written `HOST:A :B`.",
    "The other computer is reached by `ssh`, or what `--rsh` says, and needs `rsync` or this \
     program there; the latter under its own name by `--rsync-path=tidesync`. Both sides agree on \
     the newest version of rsync's protocol that they know, of 27 to 32, and on checksum and \
     compression.",
    "What both sides have of a file is not sent again: between computers the delta transfer is the \
     default, see `--whole-file`.",
    "The shell there expands wildcards in PATH, and nothing else: all that could mean something to it \
     is quoted. With `--secluded-args` it sees no names at all, and the program there expands them.",
    "A receiver takes only what was asked for, see `--trust-sender`. Daemons (`HOST::MODULE`, \
     `rsync://`) are not supported yet.",
];

const ENVIRONMENT: [(&str, &str); 9] = [
    ("RSYNC_RSH", "The remote shell, where `--rsh` is not given."),
    (
        "RSYNC_PROTECT_ARGS",
        "Other than 0: `--secluded-args` is the default.",
    ),
    ("RSYNC_OLD_ARGS", "How often `--old-args` is given."),
    ("RSYNC_ICONV", "The default of `--iconv`."),
    ("RSYNC_MAX_ALLOC", "The default of `--max-alloc`."),
    (
        "RSYNC_CHECKSUM_LIST",
        "The checksums to agree on with the other side, best first; behind an `&`, those of a \
         server.",
    ),
    (
        "RSYNC_COMPRESS_LIST",
        "The same for the compressions of `-z`.",
    ),
    (
        "RSYNC_PARTIAL_DIR",
        "The directory that `--partial` keeps partial files in.",
    ),
    ("CVSIGNORE", "Patterns that `--cvs-exclude` adds."),
];

const ABOUT_OPTIONS: &str = "Options and operands come in any order; later options override \
     earlier ones; `--` ends the options. A value follows after a space or an equals sign, or \
     directly after a letter. Letters can be bundled. Long names cannot be abbreviated.";

// The numbers themselves are the program's business; these are the words of rsync(1).
const EXIT_STATUS: [(&str, &str); 20] = [
    ("0", "Success."),
    ("1", "The command line makes no sense."),
    ("2", "The two sides speak different protocols."),
    ("3", "A source or destination cannot be used."),
    (
        "4",
        "What was asked for is not supported, or the sender named what was not asked for.",
    ),
    ("11", "Reading or writing a file failed."),
    (
        "12",
        "The connection broke off, or what came over it makes no sense.",
    ),
    ("13", "What there was to tell could not be written."),
    ("14", "A part of the program failed."),
    ("20", "Interrupted."),
    ("22", "Out of memory."),
    (
        "23",
        "Some files could not be transferred; the others were.",
    ),
    (
        "24",
        "Some files vanished before they could be transferred.",
    ),
    ("25", "`--max-delete` stopped the deletion."),
    ("30", "No data moved for as long as `--timeout` says."),
    ("124", "The remote shell failed."),
    ("125", "The remote shell was ended from outside."),
    ("126", "The program on the other computer cannot be run."),
    ("127", "It is not there."),
    (
        "255",
        "`ssh` has no connection. As any other number that is not listed, it is the remote shell's          own.",
    ),
];

/// The names of a flag and of what undoes it.
fn item_heading(flag: &Flag) -> String {
    let mut heading = help::heading(flag);
    for alias in flag.aliases {
        heading += &format!(", --{alias}");
    }
    for undo in flag.undo_names() {
        heading += &format!(", --{undo}");
    }
    heading
}

fn not_supported() -> String {
    let names: Vec<String> = flags::all()
        .filter(|flag| matches!(flag.effect, Effect::Refuse(_)))
        .map(|flag| format!("`{}`", flag.typed()))
        .collect();
    format!(
        "These options of rsync are known but refused with exit status 4: {}.",
        names.join(", ")
    )
}

/// A page being written.
#[derive(Default)]
struct Roff {
    text: String,
}

impl Roff {
    fn raw(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
    }

    fn section(&mut self, title: &str) {
        self.raw(&format!(".SH {title}"));
    }

    fn subsection(&mut self, title: &str) {
        self.raw(&format!(".SS \"{}\"", escaped(title)));
    }

    fn paragraph(&mut self, text: &str) {
        self.raw(".PP");
        self.raw(&marked_up(text));
    }

    fn item(&mut self, heading: &str, text: &str) {
        self.raw(".TP");
        self.raw(&format!("\\fB{}\\fR", escaped(heading)));
        self.raw(&marked_up(text));
    }
}

/// Text with what stands in backquotes in bold.
fn marked_up(text: &str) -> String {
    let mut bold = true;
    let parts = text.split('`').map(|part| {
        bold = !bold;
        match bold {
            true => format!("\\fB{}\\fR", escaped(part)),
            false => escaped(part),
        }
    });
    let line: String = parts.collect();
    // A dot or quote at the front of a line would be a request.
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line,
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_flag() {
        let page = man_page();
        for flag in flags::all().filter(|flag| flag.is_supported() && !flag.doc.is_empty()) {
            let heading = escaped(&flag.typed());
            assert!(page.contains(&format!("\n\\fB{heading}")), "{heading}");
        }
        assert!(page.contains("\\fB\\-\\-fake\\-super\\fR"));
        assert!(page.contains(", \\-\\-no\\-perms, \\-\\-no\\-p\\fR\n"));
    }

    #[test]
    fn no_line_of_text_is_a_request() {
        assert_eq!(marked_up(".x"), "\\&.x");
        assert_eq!(marked_up("a `-b` c"), "a \\fB\\-b\\fR c");
        let requests = [".TH", ".SH", ".SS", ".PP", ".TP"];
        for line in man_page()
            .lines()
            .filter(|line| line.starts_with(['.', '\'']))
        {
            assert!(
                requests.iter().any(|request| line.starts_with(request)),
                "{line}"
            );
        }
    }
}
