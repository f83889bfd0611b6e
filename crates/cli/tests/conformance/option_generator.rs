//! Draws command lines: what is copied where, and with which options.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::case::Case;
use crate::destination_generator;
use crate::power::Power;
use crate::prng::Prng;
use crate::specimen::{Kind, Tree};
use crate::tree_generator::{self, Loops};

/// A whole case.
pub fn case(prng: &mut Prng, power: Power) -> Case {
    let loops = if prng.chance(60) {
        Loops::Allowed
    } else {
        Loops::Avoided
    };
    let source = tree_generator::source(prng, power, loops, "src");
    let mut drawer = Drawer {
        prng,
        power,
        source,
        tree: Tree::new(),
        options: Vec::new(),
    };
    drawer.what(loops);
    drawer.how();
    drawer.told();
    let operands = drawer.operands(loops);
    let side = Tree::new()
        .dir("side")
        .file("side/outside", "outside the source");
    let mut tree = side;
    tree.nodes.extend(drawer.source.nodes);
    tree.nodes.extend(drawer.tree.nodes);
    let mut case = Case::new(tree, drawer.options, operands);
    if drawer.prng.chance(25) {
        case.locale = "C";
    }
    case
}

pub struct Drawer<'a> {
    pub prng: &'a mut Prng,
    power: Power,
    pub source: Tree,
    /// What the case needs besides the source: a destination, lists, rules.
    pub tree: Tree,
    pub options: Vec<Vec<OsString>>,
}

impl Drawer<'_> {
    pub fn add<const N: usize>(&mut self, group: [&str; N]) {
        self.options
            .push(group.iter().map(OsString::from).collect());
    }

    fn maybe<const N: usize>(&mut self, percent: usize, group: [&str; N]) {
        if self.prng.chance(percent) {
            self.add(group);
        }
    }

    /// Options that select what is looked at.
    fn what(&mut self, loops: Loops) {
        match self.prng.below(20) {
            0..15 => self.add(["-a"]),
            15 => self.add(["-d"]),
            _ => {
                for letter in ["-r", "-l", "-p", "-t", "-g", "-o", "-D"] {
                    self.maybe(65, [letter]);
                }
            }
        }
        self.maybe(25, ["-H"]);
        if loops == Loops::Avoided && self.prng.chance(60) {
            let option = *self.prng.pick(&["-L", "-k", "--copy-unsafe-links"]);
            self.add([option]);
        }
        self.maybe(4, ["--safe-links"]);
        self.maybe(4, ["-K"]);
        self.maybe(3, ["-x"]);
        self.maybe(3, ["--munge-links"]);
        self.maybe(6, ["-m"]);
        self.maybe(5, ["-S"]);
        self.maybe(2, ["--no-D"]);
        self.maybe(2, ["--no-l"]);
        self.maybe(2, ["--no-r"]);
        self.maybe(2, ["--no-t"]);
        if self.prng.chance(6) {
            let size = *self
                .prng
                .pick(&["--max-size=50", "--max-size=1.5k", "--max-size=10K-1"]);
            self.add([size]);
        }
        if self.prng.chance(5) {
            let size = *self
                .prng
                .pick(&["--min-size=1", "--min-size=30b", "--min-size=0.01M"]);
            self.add([size]);
        }
        if self.prng.chance(35) {
            self.filters();
        }
    }

    /// Options that decide what is done.
    fn how(&mut self) {
        if self.prng.chance(45) {
            let kind = *self.prng.pick(&[
                "--delete",
                "--del",
                "--delete-before",
                "--delete-during",
                "--delete-delay",
                "--delete-after",
                "--delete-excluded",
            ]);
            self.add([kind]);
            self.maybe(12, ["--force"]);
            self.maybe(10, ["--delete-excluded"]);
            self.maybe(8, ["--ignore-errors"]);
            if self.prng.chance(12) {
                let limit =
                    *self
                        .prng
                        .pick(&["--max-delete=0", "--max-delete=1", "--max-delete=3"]);
                self.add([limit]);
            }
        }
        self.maybe(4, ["--force"]);
        if self.prng.chance(45) {
            let kind = *self.prng.pick(&[
                "-u",
                "-c",
                "-I",
                "--size-only",
                "--existing",
                "--ignore-existing",
                "--ignore-non-existing",
                "-@1",
                "--modify-window=-1",
                "--modify-window=2",
            ]);
            self.add([kind]);
        }
        match self.prng.below(30) {
            0 | 1 => self.add(["-b"]),
            2 => self.add(["-b", "--suffix=.old"]),
            3 => self.add(["-b", "--backup-dir=kept"]),
            4 => self.add(["-b", "--backup-dir=../kept/deep", "--suffix=~"]),
            _ => {}
        }
        // rsync 3.5.0 cannot keep a backup in a directory above the destination when it writes in
        // place, which appending does too ("stat failed: Invalid argument"): a mistake not worth
        // having.
        let above = OsString::from("--backup-dir=../kept/deep");
        let backs_up_above = self.options.iter().any(|group| group.contains(&above));
        match self.prng.below(40) {
            0..5 if backs_up_above => {}
            0..3 => self.add(["--inplace"]),
            3 => self.add(["--append"]),
            4 => self.add(["--append-verify"]),
            5 => self.add(["--partial"]),
            6 => self.add(["--partial-dir=.part"]),
            7 => self.add(["--preallocate"]),
            8 => self.add(["--fsync"]),
            9..11 => self.add(["--delay-updates"]),
            _ => {}
        }
        self.maybe(12, ["--no-W"]);
        self.maybe(3, ["-W"]);
        self.maybe(5, ["-O"]);
        self.maybe(5, ["-J"]);
        // Where links are followed, two names may be one file: it hangs on rsync's timing whether
        // it is gone before it is asked for again.
        if !self.follows_links() {
            self.maybe(5, ["--remove-source-files"]);
        }
        self.maybe(4, ["-E"]);
        self.maybe(4, ["--numeric-ids"]);
        self.maybe(3, ["--mkpath"]);
        self.maybe(2, ["--timeout=60"]);
        if self.prng.chance(8) {
            let change = *self.prng.pick(&[
                "--chmod=go-rwx",
                "--chmod=D755,F644",
                "--chmod=a+X,u+w",
                "--chmod=Dg+s,Fu=rw,o=",
                "--chmod=ugo=rwX",
            ]);
            self.add([change]);
        }
        if self.power == Power::Root && self.prng.chance(6) {
            let change = *self.prng.pick(&[
                "--chown=1:2",
                "--chown=:65534",
                "--usermap=0:1,54321:7",
                "--groupmap=*:12345",
                "--usermap=1-65534:3",
            ]);
            self.add([change]);
        }
        self.maybe(15, ["-n"]);
    }

    fn follows_links(&self) -> bool {
        const FOLLOWS: [&str; 3] = ["-L", "-k", "--copy-unsafe-links"];
        let mut words = self.options.iter().flatten();
        words.any(|word| FOLLOWS.iter().any(|option| word == option))
    }

    /// Options that decide what is printed.
    fn told(&mut self) {
        match self.prng.below(20) {
            0 => {}
            1..5 => self.add(["-i"]),
            5 => self.add(["-ii"]),
            6 | 7 => self.add(["-v"]),
            8 => self.add(["-vv"]),
            9..11 => self.add(["-iv"]),
            11..13 => self.add(["-ivv"]),
            13 => self.add(["-q"]),
            14 => self.add([
                "-v",
                "--info=skip2,del,nonreg,symsafe,backup,mount,misc2,copy",
            ]),
            15 => self.add(["--info=name2,del0,stats1,flist0"]),
            _ => {
                let escapes = [
                    "%i", "%n", "%f", "%L", "%l", "%o", "%M", "%B", "%U", "%G", "%%", "%'l",
                    "%15n", "%-20f", "%''l", "%5l", "%h", "%a", "%m", "%P", "%u", "%C",
                ];
                let count = self.prng.between(1, 5);
                let format: Vec<&str> = (0..count).map(|_| *self.prng.pick(&escapes)).collect();
                let format = format!("--out-format={}", format.join(" "));
                self.add([&format]);
                self.maybe(20, ["-v"]);
            }
        }
        self.maybe(12, ["--stats"]);
        self.maybe(6, ["-h"]);
        self.maybe(6, ["-8"]);
        self.maybe(3, ["--no-h"]);
    }

    /// How many sources are named. With --remove-source-files only one: where two overlap, it hangs
    /// on rsync's timing whether a file is gone before it is asked for again.
    fn source_count(&mut self, most: usize) -> usize {
        let removes = self
            .options
            .iter()
            .any(|group| group[0] == "--remove-source-files");
        if removes {
            1
        } else {
            self.prng.between(1, most)
        }
    }

    fn destination(&mut self, root: &str) {
        let mut found =
            destination_generator::destination(self.prng, self.power, &self.source, root);
        // Where --ignore-existing leaves a link in a directory's place, rsync goes on through it.
        // We do not leave the tree: see CHANGELOG.md.
        let ignores = |group: &Vec<OsString>| group[0] == "--ignore-existing";
        if self.options.iter().any(ignores) {
            found.replace_links();
        }
        self.tree.nodes.extend(found.nodes);
    }

    /// Draws the source and destination arguments, and makes what they need.
    fn operands(&mut self, loops: Loops) -> Vec<OsString> {
        let word = |text: &str| OsString::from(text);
        match self.prng.below(40) {
            0..20 => {
                self.destination("dst");
                vec![word("src/"), word("dst/")]
            }
            20..23 => {
                self.destination("dst/src");
                vec![word("src"), word("dst")]
            }
            23 | 24 => {
                self.destination("dst");
                vec![word("./src//."), word("dst")]
            }
            25..28 => {
                // Two sources that hold some of the same names.
                let second = tree_generator::source(self.prng, self.power, loops, "src2");
                self.destination("dst");
                self.tree.nodes.extend(second.nodes);
                vec![word("src/"), word("src2/"), word("dst/")]
            }
            28..31 => {
                // Some of what the source holds, by name, and perhaps something that is not there.
                self.destination("dst");
                let mut words = Vec::new();
                for _ in 0..self.source_count(4) {
                    words.push(self.some_path());
                }
                if self.prng.chance(15) {
                    words.push(word("src/no such"));
                }
                words.push(word("dst"));
                words
            }
            31 | 32 => {
                // One file to a new or an old name.
                let files: Vec<Vec<u8>> = self
                    .source
                    .nodes
                    .iter()
                    .filter(|node| matches!(node.kind, Kind::File(_)))
                    .map(|node| node.path.clone())
                    .collect();
                if self.prng.chance(50) {
                    self.tree = std::mem::take(&mut self.tree)
                        .dir("there")
                        .file("there/old", "old");
                }
                let source = match files.len() {
                    0 => word("src"),
                    _ => OsString::from_vec(self.prng.pick(&files).clone()),
                };
                let place = *self.prng.pick(&["new", "there/old", "there/", "there/new"]);
                vec![source, word(place)]
            }
            33..36 => {
                self.add(["-R"]);
                self.maybe(25, ["--no-implied-dirs"]);
                self.destination("dst/src");
                let mut words = Vec::new();
                for _ in 0..self.source_count(3) {
                    words.push(self.some_path());
                }
                words.push(word("dst/"));
                words
            }
            36 | 37 => {
                self.destination("dst");
                self.files_from()
            }
            38 => {
                self.add(["--list-only"]);
                vec![if self.prng.chance(50) {
                    word("src/")
                } else {
                    word("src")
                }]
            }
            _ => {
                self.destination("dst");
                self.add(["--list-only"]);
                vec![word("src/"), word("dst/")]
            }
        }
    }

    /// A path of something in the source that no option is mistaken for, with or without `/` or
    /// `/./`.
    fn some_path(&mut self) -> OsString {
        let mut path = self.prng.pick(&self.source.nodes).path.clone();
        match self.prng.below(8) {
            0 => path.push(b'/'),
            1 => path.extend_from_slice(b"/."),
            // rsync leaves the per-directory rules of the name before in force for a name that
            // starts elsewhere: an accident of its working directory.
            2 if !self.reads_rules() => path = [b"src/.", &path[3..]].concat(),
            _ => {}
        }
        OsString::from_vec(path)
    }

    /// Whether directories' own rules are read.
    fn reads_rules(&self) -> bool {
        self.options.iter().flatten().any(|word| {
            let word = word.as_encoded_bytes();
            word.starts_with(b"-F") || word.starts_with(b"--filter=")
        })
    }

    fn files_from(&mut self) -> Vec<OsString> {
        let end = if self.prng.chance(30) { 0 } else { b'\n' };
        let mut list = Vec::new();
        for _ in 0..self.prng.between(1, 6) {
            let path = self.prng.pick(&self.source.nodes).path["src".len()..].to_vec();
            let path = path.strip_prefix(b"/").unwrap_or(b".");
            if !path.contains(&b'\n') {
                list.extend_from_slice(path);
                list.push(end);
            }
        }
        if self.prng.chance(15) {
            list.extend_from_slice(b"not there");
            list.push(end);
        }
        self.tree = std::mem::take(&mut self.tree).file("side/list", list);
        self.add(["--files-from=side/list"]);
        if end == 0 {
            self.add(["--from0"]);
        }
        self.maybe(20, ["-r"]);
        self.maybe(15, ["--no-R"]);
        vec!["src/".into(), "dst/".into()]
    }
}
