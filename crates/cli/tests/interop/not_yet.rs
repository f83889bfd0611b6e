//! The sessions that do not yet end as two rsyncs end them. One that does must leave this list, or
//! the test fails.

/// Sessions of the matrix that are known to fail, for one reason.
struct NotYet {
    reason: &'static str,
    /// The pairs for which they fail, client and server (of a batch file, writer and reader). `*` is
    /// anyone, `rsync*` any rsync.
    pairs: &'static [(&'static str, &'static str)],
    /// The command lines, as the report of a failure gives them.
    lines: &'static [&'static str],
}

const LIST: &[NotYet] = &[NotYet {
    reason: "--only-write-batch is not supported yet",
    pairs: &[("tidesync", "*")],
    lines: &[
        "-ai --delete --only-write-batch=../batch src/ dst/",
        "-ai --delete --only-write-batch=../batch src/ h:dst/",
        "-ai --delete --only-write-batch=../batch h:src/ dst/",
        "-aiH --only-write-batch=../batch src/ dst/",
    ],
}];

/// Why this session is known to fail, if it is.
pub fn reason(client: &str, server: &str, line: &str) -> Option<&'static str> {
    let fits = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    let known = LIST.iter().find(|known| {
        let pair = |&(c, s): &(&str, &str)| fits(c, client) && fits(s, server);
        known.lines.contains(&line) && known.pairs.iter().any(pair)
    });
    known.map(|known| known.reason)
}
