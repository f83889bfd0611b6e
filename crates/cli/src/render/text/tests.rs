//! Texts taken from rsync 3.5.0, with the program's name changed.

use super::*;
use crate::exit_code::ExitCode;
use crate::render::console::tests::kept;
use crate::render::specimen::{self, NEW_FILE, NEW_OTHER};
use options::{DeleteWhen, OutFormat};
use transfer::event::Role;
use transfer::stats::Stats;
use tree::entry::Entry;

/// What is printed for `events`: standard output and standard error.
fn printed(
    options: &Options,
    events: &[Event<'_>],
    stats: Option<&Stats>,
    exit: ExitCode,
) -> (String, String) {
    let (console, out, err) = kept(options);
    let mut text = Text::new(console, options);
    for event in events {
        text.event(event);
    }
    text.finish(&Outcome {
        stats,
        exit,
        role: Role::Sender,
        is_told: false,
    });
    (out.text(), err.text())
}

fn shown(options: &Options, events: &[Event<'_>]) -> String {
    printed(options, events, Some(&Stats::default()), ExitCode::Ok).0
}

fn with_format(format: &str) -> Options {
    let mut options = Options {
        recurse: true,
        xfer_dirs: true,
        ..Options::default()
    };
    options.out_format = Some(OutFormat::new(format, 1));
    options.human_readable = 1;
    options
}

fn progress(entry: &Entry, stage: Stage, to_check: u64) -> Progress<'_> {
    let totals = specimen::totals(to_check);
    Progress {
        entry,
        stage,
        offset: 0,
        size: entry.size,
        totals,
    }
}

#[test]
fn items_and_deletions() {
    let (file, link) = (specimen::file("a", 6), specimen::symlink("link", "a"));
    let (file, link) = (
        specimen::item(&file, NEW_FILE),
        specimen::item(&link, NEW_OTHER),
    );
    let events = [
        Event::Deleted {
            name: b"xx",
            mode: 0o040_755,
        },
        Event::Item(&file),
        Event::Item(&link),
    ];
    assert_eq!(
        shown(&with_format("%i %n%L"), &events),
        "*deleting   xx/\n>f+++++++++ a\ncL+++++++++ link -> a\n"
    );
    assert_eq!(
        shown(&with_format("%n%L"), &events),
        "deleting xx/\na\nlink -> a\n"
    );
    assert_eq!(shown(&with_format(""), &events[1..]), "\n\n");
    assert_eq!(shown(&Options::default(), &events), "");
    let mut deletions = Options::default();
    deletions.info.del = 1;
    assert_eq!(shown(&deletions, &events), "deleting xx/\n");
    let quiet = Options {
        quiet: 1,
        ..with_format("%n")
    };
    assert_eq!(shown(&quiet, &events), "");
}

#[test]
fn the_list_is_told_of_as_rsync_does() {
    let mut options = with_format("%n");
    let begin = |incremental| {
        Event::FileList(FileList::Started {
            incremental,
            receiving: false,
        })
    };
    let whole = [begin(false), Event::FileList(FileList::Finished(8))];
    assert_eq!(shown(&options, &[begin(true)]), "");
    options.info.flist = 1;
    assert_eq!(
        shown(&options, &[begin(true)]),
        "sending incremental file list\n"
    );
    options.delete = Some(DeleteWhen::Before);
    assert_eq!(shown(&options, &whole), "building file list ... done\n");
    options.info.flist = 2;
    assert_eq!(
        shown(&options, &whole),
        "building file list ... \n 0 files...\r8 files to consider\n"
    );
    let grown = [
        begin(false),
        Event::FileList(FileList::Grown(1)),
        Event::FileList(FileList::Grown(100)),
        Event::FileList(FileList::Grown(101)),
        Event::FileList(FileList::Finished(201)),
    ];
    assert_eq!(
        shown(&options, &grown),
        "building file list ... \n 0 files...\r 100 files...\r 200 files...\r201 files to consider\n"
    );
}

#[test]
fn progress_of_each_file() {
    let mut options = with_format("%n%L");
    options.info.progress = 1;
    options.info.name = 1;
    let file = specimen::file("a", 6);
    let item = specimen::item(&file, NEW_FILE);
    let (begin, end) = (
        progress(&file, Stage::Started, 6),
        progress(&file, Stage::Finished, 6),
    );
    let events = [
        Event::Item(&item),
        Event::Progress(&begin),
        Event::Progress(&end),
    ];
    let expected = "a\n\r              6 100%    0.00kB/s    0:00:00  \
         \r              6 100%    0.00kB/s    0:00:00 (xfr#1, to-chk=6/8)\n";
    let text = shown(&options, &events);
    assert_eq!(text, expected);

    let after = with_format("%n %b");
    options.out_format = after.out_format;
    let events = [
        Event::Progress(&begin),
        Event::Progress(&end),
        Event::Item(&item),
    ];
    assert_eq!(shown(&options, &events), expected.to_owned() + "a 0\n");
}

#[test]
fn an_empty_file_shows_no_beginning() {
    let mut options = Options::default();
    options.info.progress = 1;
    let file = specimen::file("a", 0);
    let (begin, end) = (
        progress(&file, Stage::Started, 0),
        progress(&file, Stage::Finished, 0),
    );
    assert_eq!(
        shown(&options, &[Event::Progress(&begin), Event::Progress(&end)]),
        "\r              0 100%    0.00kB/s    0:00:00 (xfr#1, to-chk=0/8)\n"
    );
}

#[test]
fn progress_of_the_whole_ends_before_the_summary() {
    let mut options = Options {
        human_readable: 1,
        ..Options::default()
    };
    options.info.progress = 2;
    options.info.stats = 1;
    let stats = Stats {
        bytes_sent: 198,
        bytes_received: 68,
        total_size: 3_000_010,
        ..Stats::default()
    };
    let (text, _) = printed(
        &options,
        &[Event::PartDone(&specimen::totals(0))],
        Some(&stats),
        ExitCode::Ok,
    );
    assert_eq!(
        text,
        "\r              0   0%    0.00kB/s    0:00:00 (xfr#0, to-chk=0/8)\n\n\
         sent 198 bytes  received 68 bytes  532.00 bytes/sec\n\
         total size is 3,000,010  speedup is 11,278.23\n"
    );
}

#[test]
fn messages_go_where_they_belong() {
    let messages = [
        Severity::Info,
        Severity::Client,
        Severity::Warning,
        Severity::Error,
    ]
    .map(|severity| specimen::message(severity, &format!("{severity:?}")));
    let events: Vec<Event<'_>> = messages.iter().map(Event::Message).collect();
    let (out, err) = printed(&Options::default(), &events, None, ExitCode::Vanished);
    assert_eq!(out, "Info\nClient\n");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        err,
        format!(
            "Warning\nError\ntidesync warning: some files vanished before they could be \
             transferred (code 24) [sender={version}]\n"
        )
    );
}

#[test]
fn a_session_that_failed_has_no_summary() {
    let mut options = Options::default();
    options.info.stats = 2;
    let (out, err) = printed(&options, &[], None, ExitCode::FileIo);
    assert_eq!(out, "");
    assert!(err.starts_with("tidesync error: error in file IO (code 11) ["));
}
