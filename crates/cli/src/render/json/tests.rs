use super::*;
use crate::exit_code::ExitCode;
use crate::render::output::tests::Kept;
use crate::render::specimen::{self, NEW_FILE};
use serde_json::{Value, json};
use transfer::event::Role;

/// The lines for `events`, parsed, without the first and the last.
fn lines(events: &[Event<'_>]) -> Vec<Value> {
    let all = all_lines(events);
    all[1..all.len() - 1].to_vec()
}

fn all_lines(events: &[Event<'_>]) -> Vec<Value> {
    let kept = Kept::default();
    let options = Options {
        operands: vec!["s/".into(), "d".into()],
        preserve_times: true,
        progress_bar: true,
        ..Options::default()
    };
    let mut json = Json::new(kept.output(), &options);
    for event in events {
        json.event(event);
    }
    let stats = Stats {
        total_size: 6,
        seconds: 0.5,
        ..Stats::default()
    };
    json.finish(&Outcome {
        stats: Some(&stats),
        exit: ExitCode::Partial,
        role: Role::Sender,
        is_told: false,
    });
    kept.text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_session_starts_and_ends() {
    let all = all_lines(&[]);
    assert_eq!(
        all[0],
        json!({
            "event": "start", "schema": 1, "program": "tidesync",
            "version": env!("CARGO_PKG_VERSION"), "dry_run": false, "list_only": false,
            "arguments": ["s/", "d"],
        })
    );
    assert_eq!(all[1]["event"], "summary");
    assert_eq!(all[1]["exit_code"], 23);
    assert_eq!(all[1]["stats"]["total_size"], 6);
    assert_eq!(all[1]["stats"]["files"]["directories"], 0);
}

#[test]
fn an_entry_says_what_is_done() {
    let file = specimen::file("sub/a", 6);
    let mut item = specimen::item(&file, NEW_FILE);
    item.bytes_moved = 6;
    let expected = json!({
        "event": "entry", "name": "sub/a", "type": "file", "mode": 0o644, "size": 6,
        "mtime": 1_795_372_118, "mtime_nanos": 5, "uid": 1000, "gid": 100,
        "itemized": ">f+++++++++", "flags": ["new", "transfer"], "bytes_moved": 6,
    });
    assert_eq!(lines(&[Event::Item(&item)]), [expected]);
    let link = specimen::symlink("link", "a");
    let listed = &lines(&[Event::Listed(&link)])[0];
    assert_eq!(
        (&listed["event"], &listed["target"]),
        (&json!("listed"), &json!("a"))
    );
}

#[test]
fn a_name_that_is_no_text_is_not_lost() {
    let deleted = Event::Deleted {
        name: b"n\xff",
        mode: 0o100_644,
    };
    let expected = json!({
        "event": "deleted", "type": "file", "name": { "hex": "6eff", "lossy": "n\u{fffd}" },
    });
    assert_eq!(lines(&[deleted]), [expected]);
}

#[test]
fn messages_keep_the_systems_error() {
    let mut failed = specimen::message(Severity::TransferError, "open failed");
    failed.os_error = Some(std::io::Error::from_raw_os_error(2));
    let lines = lines(&[Event::Message(&failed)]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "error");
    assert_eq!(
        (&lines[0]["role"], &lines[0]["os_error"]["code"]),
        (&json!("sender"), &json!(2))
    );
}

#[test]
fn progress_does_not_flood() {
    let file = specimen::file("a", 6);
    let totals = specimen::totals(3);
    let at = |stage| Progress {
        entry: &file,
        stage,
        offset: 3,
        size: 6,
        totals,
    };
    let (begin, moving, end) = (at(Stage::Started), at(Stage::Moving), at(Stage::Finished));
    let mut events = vec![Event::Flight(&begin)];
    events.extend((0..1000).map(|_| Event::Flight(&moving)));
    events.push(Event::Flight(&end));
    let lines = lines(&events);
    assert!(lines.len() < 500, "{} lines", lines.len());
    assert_eq!(lines[0]["stage"], "started");
    assert_eq!(lines[1]["totals"]["files_to_check"], 3);
    assert_eq!(lines.last().unwrap()["stage"], "finished");
}
