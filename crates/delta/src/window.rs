//! A sliding window that feeds a search from a stream.
//!
//! [`crate::Matcher::scan`] looks at a slice and says how much of it is done with. This buffer
//! keeps the rest and makes room behind it, so that a source of any size passes through bounded
//! memory. A caller that has the whole source in memory does not need it.
// rsync: fileio.c map_ptr()

/// Bytes of the source that were read and not yet decided on.
#[derive(Debug, Clone)]
pub struct SourceWindow {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl SourceWindow {
    /// A window that can hold `least` bytes (ask [`crate::Matcher::least_window`]) and has room
    /// to read `chunk` more at a time.
    pub fn new(least: usize, chunk: usize) -> Self {
        SourceWindow {
            buffer: vec![0; least + chunk.max(1)],
            start: 0,
            end: 0,
        }
    }

    /// The undecided bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Where to read more bytes to; report them with [`filled`](Self::filled). Never empty
    /// after a scan of the bytes consumed all it could.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        &mut self.buffer[self.end..]
    }

    /// Says that the first `count` bytes of the space were read.
    ///
    /// # Panics
    ///
    /// If the space was not that long.
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.buffer.len() - self.end, "filled past the end");
        self.end += count;
    }

    /// Drops the first `count` bytes, which were decided on.
    ///
    /// # Panics
    ///
    /// If there are not that many.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.end - self.start, "consumed past the end");
        self.start += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_consumed_stays_in_order() {
        let mut window = SourceWindow::new(3, 5);
        let source: Vec<u8> = (0..100).collect();
        let (mut read, mut seen) = (0, Vec::new());
        while read < source.len() {
            let space = window.space();
            assert!(space.len() >= 5);
            let count = space.len().min(source.len() - read);
            space[..count].copy_from_slice(&source[read..][..count]);
            window.filled(count);
            read += count;
            let done = window.bytes().len().saturating_sub(3);
            seen.extend_from_slice(&window.bytes()[..done]);
            window.consume(done);
        }
        seen.extend_from_slice(window.bytes());
        assert_eq!(seen, source);
    }
}
