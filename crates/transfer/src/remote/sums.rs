//! The heads of signatures between `wire`, which reads and writes them, and `delta`, which knows what
//! they mean.

/// What `delta` makes of a head.
pub(crate) fn to_delta(head: wire::sums::SumHead) -> delta::SumHead {
    delta::SumHead {
        count: head.count,
        block_len: head.block_len,
        strong_len: head.strong_len,
        remainder: head.remainder,
    }
}

/// What crosses of a layout.
pub(crate) fn to_wire(head: delta::SumHead) -> wire::sums::SumHead {
    wire::sums::SumHead {
        count: head.count,
        block_len: head.block_len,
        strong_len: head.strong_len,
        remainder: head.remainder,
    }
}

/// What `delta` refuses of a peer's numbers is the peer's fault.
pub(crate) fn refused(error: delta::Error) -> wire::Error {
    wire::Error::misbehaving(error.to_string())
}
