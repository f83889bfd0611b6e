//! A node of a tree in words, for the report of a failing case.

use crate::specimen::{Kind, Node};

impl Node {
    /// One line that tells all of it.
    pub fn describe(&self) -> String {
        let kind = match &self.kind {
            Kind::File(content) => match content.bytes() {
                bytes if bytes.len() <= 60 => format!("file \"{}\"", bytes.escape_ascii()),
                bytes => format!("file of {} bytes", bytes.len()),
            },
            Kind::Dir => "dir".into(),
            Kind::Symlink(target) => format!("link -> {}", target.escape_ascii()),
            Kind::Fifo => "fifo".into(),
            Kind::Socket => "socket".into(),
            Kind::CharDevice(major, minor) => format!("char device {major}, {minor}"),
            Kind::BlockDevice(major, minor) => format!("block device {major}, {minor}"),
            Kind::HardLink(first) => return self.line(&format!("= {}", first.escape_ascii())),
        };
        let (seconds, nanoseconds) = self.mtime;
        let owner = self
            .owner
            .map_or(String::new(), |(uid, gid)| format!(", owner {uid}:{gid}"));
        let mode = self.mode;
        self.line(&format!(
            "{kind}, mode {mode:o}{owner}, time {seconds}.{nanoseconds:09}"
        ))
    }

    fn line(&self, rest: &str) -> String {
        format!("{}: {rest}", self.path.escape_ascii())
    }
}
