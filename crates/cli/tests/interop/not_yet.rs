//! The sessions that do not yet end as two rsyncs end them. One that does must leave this list, or
//! the test fails.

/// A session of the matrix that is known to fail.
struct NotYet {
    /// The pairs of client and server for which it fails; `*` is any.
    pairs: &'static [(&'static str, &'static str)],
    /// The command line, as the report of a failure gives it.
    line: &'static str,
    reason: &'static str,
}

const LIST: &[NotYet] = &[];

/// Why this session is known to fail, if it is.
pub fn reason(client: &str, server: &str, line: &str) -> Option<&'static str> {
    let fits = |pattern: &str, name: &str| pattern == "*" || pattern == name;
    let known = LIST.iter().find(|known| {
        let pair = |&(c, s): &(&str, &str)| fits(c, client) && fits(s, server);
        known.line == line && known.pairs.iter().any(pair)
    });
    known.map(|known| known.reason)
}
