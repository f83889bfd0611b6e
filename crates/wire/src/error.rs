//! What can be wrong with a peer's bytes, by who is to blame.
// rsync: errcode.h RERR_PROTOCOL, RERR_STREAMIO, RERR_UNSUPPORTED

/// Why bytes could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The stream ended in the middle of a message: the connection broke.
    #[error("the connection ended in the middle of a message")]
    Truncated,
    /// The peer sent what no correct peer sends.
    #[error("protocol error: {0}")]
    Misbehaving(String),
    /// The stream's frames make no sense, so nothing after them can.
    // rsync: errcode.h RERR_STREAMIO
    #[error("{0}")]
    Garbled(String),
    /// The two ends have no version of the protocol in common, or what answers is no rsync.
    // rsync: errcode.h RERR_PROTOCOL
    #[error("{0}")]
    Incompatible(String),
    /// The peer asks for something that this program does not know.
    #[error("{0}")]
    Unsupported(String),
}

impl Error {
    /// A number of the peer's that is out of its bounds.
    pub fn out_of_range(what: &str, value: i64, low: i64, high: i64) -> Error {
        Error::Misbehaving(format!(
            "wire value {what} out of range: {value} not in [{low},{high}]"
        ))
    }

    /// Something else that no correct peer sends.
    pub fn misbehaving(what: impl Into<String>) -> Error {
        Error::Misbehaving(what.into())
    }
}
