//! Draws filter rules: options, lists of rules, and merge files in the source.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::option_generator::Drawer;
use crate::specimen::Kind;

impl Drawer<'_> {
    pub fn filters(&mut self) {
        for _ in 0..self.prng.between(1, 3) {
            let pattern = self.pattern();
            match self.prng.below(12) {
                0..4 => self.add_bytes(b"--exclude=", &pattern),
                4 | 5 => self.add_bytes(b"--include=", &pattern),
                6 => {
                    let rule = self.rule();
                    self.add_bytes(b"--filter=", &rule);
                }
                7 => self.add(["-F"]),
                8 => self.add(["-FF"]),
                9 => self.add(["-C"]),
                10 => {
                    let rules = self.rules();
                    self.tree = std::mem::take(&mut self.tree).file("side/rules", rules);
                    let kind = *self.prng.pick(&[
                        "--exclude-from=side/rules",
                        "--include-from=side/rules",
                        "--filter=merge side/rules",
                        "-f. side/rules",
                    ]);
                    self.add([kind]);
                    // A list is read once and made once.
                    break;
                }
                _ => {
                    let kind = *self.prng.pick(&[
                        "--filter=: .rules",
                        "--filter=dir-merge,n .rules",
                        "--filter=:e .rules",
                        "--filter=:- .rules",
                        "--filter=:w+ .rules",
                        "--filter=:C",
                        "--filter=:s .rules",
                    ]);
                    self.add([kind]);
                }
            }
        }
        self.place_merge_files();
    }

    fn place_merge_files(&mut self) {
        let directories: Vec<Vec<u8>> = self
            .source
            .nodes
            .iter()
            .filter(|node| matches!(node.kind, Kind::Dir))
            .map(|node| node.path.clone())
            .collect();
        for _ in 0..self.prng.below(4) {
            let name = *self
                .prng
                .pick(&["/.rsync-filter", "/.rules", "/.cvsignore"]);
            let path = [&self.prng.pick(&directories)[..], name.as_bytes()].concat();
            if self.source.nodes.iter().all(|node| node.path != path) {
                let rules = self.rules();
                self.source = std::mem::take(&mut self.source).file(path, rules);
            }
        }
    }

    fn rules(&mut self) -> Vec<u8> {
        let mut text = b"# rules\n\n".to_vec();
        for _ in 0..self.prng.between(1, 4) {
            text.extend_from_slice(&self.rule());
            text.push(b'\n');
        }
        text
    }

    fn rule(&mut self) -> Vec<u8> {
        let kind = *self.prng.pick(&[
            "- ",
            "- ",
            "- ",
            "+ ",
            "+ ",
            "-/ ",
            "-! ",
            "-p ",
            "-s ",
            "-r ",
            "-x ",
            "H ",
            "S ",
            "P ",
            "R ",
            "hide ",
            "show ",
            "protect ",
            "risk ",
            "exclude ",
            "include ",
            "exclude,! ",
            "+_",
        ]);
        if self.prng.chance(4) {
            return b"!".to_vec();
        }
        [kind.as_bytes(), &self.pattern()].concat()
    }

    fn pattern(&mut self) -> Vec<u8> {
        const GLOBS: [&str; 26] = [
            "*",
            "*.txt",
            "*.o",
            "a*",
            "*/",
            "/*",
            "/*/",
            "**",
            "/**",
            "*/*",
            "**/same",
            "same",
            "same/",
            "/same",
            "[a-f]*",
            "[!a-f]*",
            "[[:upper:]]*",
            "?",
            "??",
            "sink/***",
            "sink/**",
            "*\\*",
            ".*",
            "x",
            "/sink/x",
            "*[]-]*",
        ];
        if self.prng.chance(60) || self.source.nodes.len() < 2 {
            return self.prng.pick(&GLOBS).as_bytes().to_vec();
        }
        let path = self.source.nodes[self.prng.between(1, self.source.nodes.len() - 1)]
            .path
            .clone();
        let inner = &path["src".len()..];
        let start = match self.prng.below(3) {
            0 => 0,
            1 => 1,
            _ => inner
                .iter()
                .rposition(|&byte| byte == b'/')
                .map_or(0, |slash| slash + 1),
        };
        let mut pattern = inner[start..].to_vec();
        pattern.retain(|&byte| byte != b'\n');
        if self.prng.chance(20) {
            pattern.push(*self.prng.pick(b"/*?"));
        }
        pattern
    }

    fn add_bytes(&mut self, option: &[u8], value: &[u8]) {
        self.options
            .push(vec![OsString::from_vec([option, value].concat())]);
    }
}
