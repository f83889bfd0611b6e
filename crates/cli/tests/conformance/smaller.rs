//! Variants of a tree: what can be left out of a failing case, and what a case cannot have.

use crate::specimen::{Content, Kind, Node, Tree};

impl Tree {
    /// Puts a file where each symbolic link is.
    pub fn replace_links(&mut self) {
        for node in &mut self.nodes {
            if matches!(node.kind, Kind::Symlink(_)) {
                node.kind = Kind::File(Content::Bytes(b"no link".to_vec()));
            }
        }
    }

    /// This tree without the node at `index` and whatever cannot be made without it.
    pub fn without(&self, index: usize) -> Tree {
        let gone = &self.nodes[index].path;
        let inside = |path: &[u8]| {
            path == gone
                || path
                    .strip_prefix(&gone[..])
                    .is_some_and(|rest| rest[0] == b'/')
        };
        let needs_gone = |node: &&Node| match &node.kind {
            Kind::HardLink(first) => inside(first) || inside(&node.path),
            _ => inside(&node.path),
        };
        Tree {
            nodes: self
                .nodes
                .iter()
                .filter(|node| !needs_gone(node))
                .cloned()
                .collect(),
        }
    }
}
