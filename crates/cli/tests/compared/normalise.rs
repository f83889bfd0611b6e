//! What may differ between two honest runs is taken out of the texts before they are compared,
//! and nothing more: numbers of bytes on a wire that a local run of ours does not have, rates and
//! seconds, the program's name, and places in its source.

/// The lines of one output stream.
#[derive(Debug, Default)]
pub struct Lines {
    /// Lines whose order counts.
    pub ordered: Vec<String>,
    /// Lines whose order hangs on how rsync's processes are scheduled, sorted.
    pub unordered: Vec<String>,
}

/// The lines of standard output.
pub fn stdout(bytes: &[u8]) -> Lines {
    let mut lines = Lines::default();
    let mut in_heap_report = false;
    for line in split(bytes) {
        // With --stats -vv rsync tells of its own heap. That is no part of what it does for a user.
        if line.ends_with(" heap statistics:") {
            in_heap_report = true;
            // The empty line before belongs to the report.
            lines.ordered.pop_if(|before| before.is_empty());
        }
        if in_heap_report {
            in_heap_report = !line.starts_with("  keepcost:");
        } else if line.starts_with("sender removed ") {
            // Sent when the receiver's word has come back: any time later.
            lines.unordered.push(line);
        } else {
            lines.ordered.push(plain(line));
        }
    }
    lines.unordered.sort();
    lines
}

/// Whether the lines of each of rsync's processes are the same in the same order; how they are
/// mixed hangs on when the processes flush. With `in_any_order` only the lines count.
pub fn same_but_mixed(theirs: &Lines, ours: &Lines, in_any_order: bool) -> bool {
    let sorted = |lines: &Lines| {
        let mut all = lines.ordered.clone();
        all.sort();
        all
    };
    // At this verbosity the generator too prints bare names, which do not tell whose they are.
    let tells_names = |line: &String| line.ends_with(" is uptodate");
    if in_any_order || theirs.ordered.iter().any(tells_names) {
        return sorted(theirs) == sorted(ours);
    }
    by_process(theirs) == by_process(ours)
}

fn by_process(lines: &Lines) -> [Vec<&String>; 3] {
    let (generator, others): (Vec<_>, Vec<_>) = lines
        .ordered
        .iter()
        .partition(|line| is_from_generator(line));
    let (mut several, sender): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|line| is_from_several(line) || is_of_late_link(line));
    several.sort();
    [generator, several, sender]
}

/// What the generator tells of itself: deletions, and what is skipped and why. All else, the
/// itemized entries too, is told by the sender.
fn is_from_generator(line: &str) -> bool {
    const STARTS: [&str; 9] = [
        "deleting ",
        "skipping non-regular ",
        "not creating ",
        "cannot delete ",
        "ignoring unsafe symlink ",
        "IO error encountered ",
        "[generator] ",
        "delta-transmission ",
        "Deletions stopped ",
    ];
    const ENDS: [&str; 4] = [
        " is uptodate",
        " is newer",
        " is over max-size",
        " is under min-size",
    ];
    STARTS.iter().any(|start| line.starts_with(start))
        || ENDS.iter().any(|end| line.ends_with(end))
        || line.ends_with(" exists")
        || line.contains(" exists (")
        || line.contains("*deleting")
        || line.split(' ').any(|word| word == "del.")
}

/// Backups are made by the generator or by the receiver, whichever replaces the file; duplicates
/// are found by both.
fn is_from_several(line: &str) -> bool {
    const STARTS: [&str; 3] = ["backed up ", "make_backup: ", "removing duplicate name "];
    STARTS.iter().any(|start| line.starts_with(start))
}

/// Another name of a file is made as soon as the generator hears that the file has arrived.
fn is_of_late_link(line: &str) -> bool {
    line.contains(" => ")
}

/// The lines of standard error. rsync's three processes write there without regard to each other.
pub fn stderr(bytes: &[u8]) -> Lines {
    let mut unordered: Vec<String> = split(bytes).map(anonymous).collect();
    // Said by a process of rsync that finds the others gone, or is told to stop by another. (The
    // exit code is compared on its own.)
    const OF_PROCESSES: [&str; 2] = [
        "PROGRAM error: error in socket IO (code 10)",
        "PROGRAM error: received SIGUSR1 (code 19)",
    ];
    unordered.retain(|line| !OF_PROCESSES.contains(&line.as_str()));
    // Said by one that still had something to say; whether it had hangs on who was faster.
    unordered.retain(|line| !line.ends_with("] write error: Broken pipe (32)"));
    // rsync looks for a default ACL in what is no directory. We look at directories alone.
    unordered.retain(|line| !line.starts_with("default_perms_for_dir: sys_acl_get_file("));
    unordered.sort();
    Lines {
        ordered: Vec::new(),
        unordered,
    }
}

fn split(bytes: &[u8]) -> impl Iterator<Item = String> {
    let ended = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = if bytes.is_empty() {
        None
    } else {
        Some(ended.split(|&byte| byte == b'\n'))
    };
    lines
        .into_iter()
        .flatten()
        .map(|line| match std::str::from_utf8(line) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("bytes: {}", line.escape_ascii()),
        })
}

/// Numbers after these words count bytes on the wire, or seconds.
const VOLATILE: [&str; 5] = [
    "Total bytes sent: ",
    "Total bytes received: ",
    "File list size: ",
    "File list generation time: ",
    "File list transfer time: ",
];

fn plain(line: String) -> String {
    if line.starts_with("sent ") && line.ends_with(" bytes/sec") {
        return without_numbers(&line);
    }
    if let Some(start) = VOLATILE.iter().find(|start| line.starts_with(**start)) {
        return format!("{start}{}", without_numbers(&line[start.len()..]));
    }
    if line.starts_with("total size is ")
        && let Some((before, after)) = line.split_once("speedup is ")
    {
        return format!("{before}speedup is {}", without_numbers(after));
    }
    if line.contains('\r') {
        return progress(&line);
    }
    anonymous(line)
}

fn without_numbers(text: &str) -> String {
    let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let words: Vec<&str> = text
        .split(' ')
        .map(|word| if number(&word) { "N" } else { word })
        .collect();
    words.join(" ")
}

/// The last state of a progress line, without rate and time.
fn progress(line: &str) -> String {
    let last = line
        .rsplit('\r')
        .find(|part| !part.trim().is_empty())
        .unwrap_or("");
    let words = last.split_whitespace().map(|word| {
        if word.ends_with("B/s") {
            "RATE"
        } else if word.split(':').count() == 3 && !word.contains('#') {
            "TIME"
        } else {
            word
        }
    });
    let mut text = String::from("progress:");
    for word in words {
        text += &format!(" {word}");
    }
    text
}

/// Takes the program's name and the place in its source out of a message.
fn anonymous(line: String) -> String {
    const NAMES: [&str; 2] = ["rsync", "tidesync"];
    let named = NAMES.iter().find_map(|name| {
        let rest = line.strip_prefix(name)?;
        [": ", " error: ", " warning: "]
            .iter()
            .any(|part| rest.starts_with(part))
            .then_some(rest)
    });
    let text = named.map_or(line.clone(), |rest| format!("PROGRAM{rest}"));
    // "... (code 23) at main.c(1394) [sender=3.5.0]"
    let code = text
        .rfind(" (code ")
        .and_then(|start| Some(start + text[start..].find(')')?));
    match code {
        Some(end) if text.starts_with("PROGRAM ") => text[..=end].to_owned(),
        _ => text,
    }
}

#[test]
fn only_what_must_differ_is_taken_out() {
    let text = b"a 12\nsent 1,234 bytes  received 35 bytes  2.00 bytes/sec\n\
        total size is 6  speedup is 0.01 (DRY RUN)\n";
    let expected = [
        "a 12",
        "sent N bytes  received N bytes  N bytes/sec",
        "total size is 6  speedup is N (DRY RUN)",
    ];
    assert_eq!(stdout(text).ordered, expected);
    let theirs = b"rsync error: some (code 23) at main.c(1394) [sender=3.5.0]\nrsync: x\n";
    let ours = b"tidesync: x\ntidesync error: some (code 23) [sender=0.1.0]\n";
    assert_eq!(stderr(theirs).unordered, stderr(ours).unordered);
    assert_ne!(stderr(b"rsync: x").unordered, stderr(b"rsync: y").unordered);
}
