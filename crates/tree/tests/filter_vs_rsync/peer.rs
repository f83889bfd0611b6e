//! Runs one case with rsync and with our filters, on the same trees.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tree::filter::{CommandLineFiles, FilterError, FilterSet, Side};

use crate::ours::{BenchFiles, Sent, delete_in, path_bytes};

/// The tree that rules are tried on. A trailing `/` makes a directory.
const TREE: &str = "a/foo a/bar a/one.o a/x.c a/b/foo a/b/c/foo a/b/c/bar.o a/b/c/foo.c a/empty/ \
    b/a/foo b/a/bar b/deep/er/still/foo.c b/deep/er/foo/bar/baz b/foo.bak \
    foo/bar/baz foo/bar/foo foo/bar/baz.c foo/s1b/file foo/sub/x foo/too \
    bar/down/to/foo/too bar/down/to/bar/baz/file5 d[x]/foo d[x]/f1 \
    foo.c foo.o Foo baz core file~ f1 f2 f-3 ab a-b a]b .hidden .git/config sub.git/x CVS/Entries \
    -dash !bang #hash ;semi [ab] a*b back\\slash x.old tags _under home-ignored env-ignored";

/// Rules, and the merge files that go with them.
#[derive(Debug)]
pub struct Case {
    text: String,
    /// Options as for rsync.
    options: Vec<String>,
    /// Files to lay into both trees.
    files: Vec<(String, String)>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// `src/`
    Contents,
    /// Entries of one directory, each without a trailing slash.
    Named(Vec<String>),
    /// With `-R`.
    Relative(Vec<String>),
}

impl Case {
    /// Parts are separated by ` || `. A part is an option (`--…`, `-C`, `-F`, `-FF`), a file
    /// (`@path=contents`, with `\n`, `\r`, `\0` as escapes; `@^path` lies above the trees), the
    /// sources (`args=src/a src/b`, `noslash` for `src`, `relative` for `-R`), or else a rule.
    pub fn parse(text: &str) -> Self {
        let mut case = Self {
            text: text.to_string(),
            options: Vec::new(),
            files: Vec::new(),
            source: Source::Contents,
        };
        for part in text.split(" || ") {
            if let Some((path, contents)) = part.strip_prefix('@').and_then(|p| p.split_once('=')) {
                let contents = contents
                    .replace("\\n", "\n")
                    .replace("\\r", "\r")
                    .replace("\\0", "\0");
                case.files.push((path.to_string(), contents));
            } else if part == "noslash" {
                case.source = Source::Named(vec!["src".to_string()]);
            } else if part == "relative" {
                case.source = Source::Relative(Vec::new());
            } else if let Some(sources) = part.strip_prefix("args=") {
                let sources = sources.split(' ').map(str::to_string).collect();
                case.source = match case.source {
                    Source::Relative(_) => Source::Relative(sources),
                    _ => Source::Named(sources),
                };
            } else if is_option(part) {
                case.options.push(part.to_string());
            } else {
                case.options.push(format!("--filter={part}"));
            }
        }
        case
    }

    fn build(&self, files: &mut BenchFiles) -> Result<FilterSet, FilterError> {
        let root = files.root.clone();
        let mut rules = FilterSet::builder(files);
        rules.cvsignore_variable(b"env-ignored *.c~");
        for option in &self.options {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let bytes = value.as_bytes();
            let path = |name: &str| root.join(name).into_os_string().into_encoded_bytes();
            match name {
                "--filter" => rules.add_rule(bytes)?,
                "--include" => rules.add_include(bytes)?,
                "--exclude" => rules.add_exclude(bytes)?,
                "--include-from" => rules.add_include_from(&path(value))?,
                "--exclude-from" => rules.add_exclude_from(&path(value))?,
                "--from0" => rules.from0(true),
                "--delete-excluded" => rules.delete_excluded(),
                "-C" => rules.cvs_exclude(),
                "-F" => rules.add_rule(b": /.rsync-filter")?,
                "-FF" => rules
                    .add_rule(b": /.rsync-filter")?
                    .add_rule(b"- .rsync-filter")?,
                _ => panic!("the test does not know {option}"),
            };
        }
        rules.finish()
    }
}

fn is_option(part: &str) -> bool {
    matches!(part, "-C" | "-F" | "-FF" | "--from0" | "--delete-excluded")
        || [
            "--filter=",
            "--include=",
            "--exclude=",
            "--include-from=",
            "--exclude-from=",
        ]
        .iter()
        .any(|name| part.starts_with(name))
}

/// `src` and `dst` hold the tree, `empty` and `void` nothing.
pub struct Bench {
    root: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        for name in ["empty", "void", "home"] {
            fs::create_dir(root.path().join(name)).expect("a directory");
        }
        fs::write(root.path().join("home/.cvsignore"), "home-ignored *.old2\n").expect("a file");
        for top in ["src", "dst"] {
            for path in TREE.split_whitespace() {
                write(&root.path().join(top), path, "");
            }
        }
        Self { root }
    }

    /// Compares what is sent and what is deleted; an error tells the difference.
    pub fn compare(&self, case: &Case) -> Result<(), String> {
        let added = self.lay_files(case);
        let result = self
            .compare_sent(case)
            .and_then(|()| self.compare_deleted(case));
        self.take_away(added);
        result.map_err(|difference| format!("{}\n{difference}", case.text))
    }

    /// Compares the refusal of a faulty case.
    pub fn compare_refusal(&self, case: &Case) {
        let added = self.lay_files(case);
        let output = self.rsync_sending(case, &["--out-format=%n"]);
        let theirs = String::from_utf8_lossy(&output.stderr).into_owned();
        let theirs = theirs.lines().next().unwrap_or_default();
        let ours = match self.sent(case) {
            Err(error) => error,
            Ok(_) => panic!("{}: rsync says {theirs:?}, we take it", case.text),
        };
        let code = if ours.is_syntax() { 1 } else { 11 };
        assert_eq!(
            output.status.code(),
            Some(code),
            "{}: {theirs:?}",
            case.text
        );
        let ours = match &ours {
            FilterError::Open {
                source: Some(error),
                ..
            } => {
                assert_eq!(error.kind(), io::ErrorKind::NotFound, "{}", case.text);
                format!("rsync: [client] {ours}: No such file or directory (2)")
            }
            FilterError::MergeDepth { .. } => format!("[client] {ours}"),
            _ => ours.to_string(),
        };
        let root = format!("{}/", self.root.path().display());
        assert_eq!(
            ours.replace(&root, ""),
            theirs.replace(&root, ""),
            "{}",
            case.text
        );
        self.take_away(added);
    }

    /// Compares the sender's reasons.
    pub fn compare_explanations(&self, case: &Case) {
        let added = self.lay_files(case);
        let options = ["--debug=FILTER", "--out-format="];
        let output = self.rsync_sending(case, &options);
        let theirs: BTreeSet<String> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| line.contains("because of pattern"))
            .map(str::to_string)
            .collect();
        assert!(!theirs.is_empty(), "{}: rsync gives no reasons", case.text);
        let sent = self
            .sent(case)
            .unwrap_or_else(|error| panic!("{}: {error}", case.text));
        assert_eq!(sent.reasons, theirs, "{}", case.text);
        self.take_away(added);
    }

    fn compare_sent(&self, case: &Case) -> Result<(), String> {
        let output = self.rsync_sending(case, &["--out-format=%n"]);
        let mut theirs = listed(&output, "", case)?;
        theirs.remove("./");
        let ours = self
            .sent(case)
            .map_err(|error| format!("sending: {error}"))?
            .names;
        difference("sent", &theirs, &ours)
    }

    fn compare_deleted(&self, case: &Case) -> Result<(), String> {
        let options = ["--out-format=%o %n", "--delete"];
        let output = self.rsync(case, &options, &["empty/".to_string()], "dst");
        let theirs = listed(&output, "del. ", case)?;
        let mut files = self.files("dst");
        let ours = case.build(&mut files).and_then(|set| {
            let base = self.root.path().join("dst");
            let top = set
                .root(Side::Receiver, path_bytes(&base))
                .enter(b"", &mut files)?;
            let mut names = BTreeSet::new();
            delete_in(&base, &top, &mut files, &mut names)?;
            Ok(names)
        });
        difference(
            "deleted",
            &theirs,
            &ours.map_err(|error| format!("deleting: {error}"))?,
        )
    }

    fn sent(&self, case: &Case) -> Result<Sent, FilterError> {
        let mut sent = Sent::default();
        match &case.source {
            Source::Contents => {
                let mut files = self.files("src");
                let set = case.build(&mut files)?;
                let base = self.root.path().join("src");
                let top = set
                    .root(Side::Sender, path_bytes(&base))
                    .enter(b"", &mut files)?;
                sent.walk(&base, "", &top, &mut files)?;
            }
            Source::Named(sources) => {
                let parent = sources[0].rsplit_once('/').map_or("", |(parent, _)| parent);
                let mut files = self.files(parent);
                let set = case.build(&mut files)?;
                let base = self.root.path().join(parent);
                let mut root = set.root(Side::Sender, path_bytes(&base));
                for source in sources {
                    let name = source.rsplit('/').next().expect("a name");
                    if sent.add_source(&base, name, &root, &mut files)? {
                        root = root.once_entered();
                    }
                }
            }
            Source::Relative(sources) => {
                let mut files = self.files("");
                let set = case.build(&mut files)?;
                let base = self.root.path();
                let root = set.root(Side::Sender, path_bytes(base));
                for source in sources {
                    sent.add_source_with_path(base, source, &root, &mut files)?;
                }
            }
        }
        Ok(sent)
    }

    fn files(&self, base: &str) -> BenchFiles {
        let root = self.root.path().to_path_buf();
        let inner = CommandLineFiles {
            base: root.join(base),
            ..CommandLineFiles::default()
        };
        BenchFiles { root, inner }
    }

    /// Runs rsync on the case's sources.
    fn rsync_sending(&self, case: &Case, options: &[&str]) -> Output {
        match &case.source {
            Source::Contents => self.rsync(case, options, &["src/".to_string()], "void"),
            Source::Named(sources) => self.rsync(case, options, sources, "void"),
            Source::Relative(sources) => {
                self.rsync(case, &[options, &["-R"]].concat(), sources, "void")
            }
        }
    }

    fn rsync(&self, case: &Case, options: &[&str], sources: &[String], dest: &str) -> Output {
        Command::new("rsync")
            .current_dir(self.root.path())
            .env("HOME", self.root.path().join("home"))
            .env("CVSIGNORE", "env-ignored *.c~")
            .env("LC_ALL", "C")
            .env_remove("RSYNC_PARTIAL_DIR")
            .args(["-r", "-n"])
            .args(options)
            .args(&case.options)
            .args(sources)
            .arg(dest)
            .output()
            .expect("these tests need rsync 3.5.0 or later on the PATH; install it (say, apt install rsync)")
    }

    /// Writes the case's files into both trees; returns what to remove again.
    fn lay_files(&self, case: &Case) -> Vec<PathBuf> {
        let mut added = Vec::new();
        for (path, contents) in &case.files {
            let tops: &[&str] = if path.starts_with('^') {
                &["."]
            } else {
                &["src", "dst"]
            };
            for top in tops {
                let dir = self.root.path().join(top);
                added.push(write(&dir, path.trim_start_matches('^'), contents));
            }
        }
        added
    }

    fn take_away(&self, added: Vec<PathBuf>) {
        for path in added {
            fs::remove_file(&path).expect("a file that the case added");
        }
    }
}

fn listed(output: &Output, prefix: &str, case: &Case) -> Result<BTreeSet<String>, String> {
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("rsync refused {:?}: {error}", case.options));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .filter_map(|line| line.strip_prefix(prefix))
        .map(str::to_string)
        .collect())
}

fn difference(
    what: &str,
    theirs: &BTreeSet<String>,
    ours: &BTreeSet<String>,
) -> Result<(), String> {
    if theirs == ours {
        return Ok(());
    }
    let only_theirs: Vec<_> = theirs.difference(ours).collect();
    let only_ours: Vec<_> = ours.difference(theirs).collect();
    Err(format!(
        "    {what} by rsync only: {only_theirs:?}; by us only: {only_ours:?}"
    ))
}

fn write(top: &Path, path: &str, contents: &str) -> PathBuf {
    let full = top.join(path);
    if path.ends_with('/') {
        fs::create_dir_all(&full).expect("a directory of the tree");
    } else {
        fs::create_dir_all(full.parent().expect("a parent")).expect("a directory of the tree");
        fs::write(&full, contents).expect("a file of the tree");
    }
    full
}
