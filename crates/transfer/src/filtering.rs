//! What the sender and the generator share of filtering: the global rules from the options, the
//! merge files of directories, and what `-vv` says of a decision.
// rsync: exclude.c, options.c

use crate::context::Context;
use crate::event::Role;
use crate::paths;
use fast_io::dir::Dir;
use options::{FilterDirective, ListEnds, Options};
use std::io::{self, Read};
use tree::entry::join;
use tree::filter::{
    CommandLineFiles, Dialect, EntryKind, FilterError, FilterNotice, FilterSet, MergeFiles,
    MergePath, Side, Verdict,
};

/// The rules that the options name, and the remarks that came up while reading them.
pub(crate) fn rules(options: &Options) -> Result<(FilterSet, Vec<FilterNotice>), FilterError> {
    let mut files = outside(options);
    let mut rules = FilterSet::builder(&mut files);
    if options.delete_excluded {
        rules.delete_excluded();
    }
    if let Some(patterns) = std::env::var_os("CVSIGNORE") {
        rules.cvsignore_variable(patterns.as_encoded_bytes());
    }
    for directive in &options.filters {
        match directive {
            FilterDirective::Rule(text) => rules.add_rule(text)?,
            FilterDirective::Exclude(pattern) => rules.add_exclude(pattern)?,
            FilterDirective::Include(pattern) => rules.add_include(pattern)?,
            FilterDirective::ExcludeFrom(file) => {
                rules.add_exclude_from(&paths::operand_bytes(file.as_os_str()))?
            }
            FilterDirective::IncludeFrom(file) => {
                rules.add_include_from(&paths::operand_bytes(file.as_os_str()))?
            }
            FilterDirective::ListsEndWith(ends) => rules.from0(*ends == ListEnds::Nul),
        };
    }
    if options.cvs_exclude {
        rules.cvs_exclude();
    }
    // A relative partial directory lies among the files: it is neither sent nor deleted.
    // rsync: options.c, the `partial_dir` block at the end of parse_arguments()
    if let Some(dir) = &options.partial_dir {
        let dir = paths::operand_bytes(dir.as_os_str());
        if !paths::is_absolute(&dir) {
            rules.exclude_partial_dir(&dir)?;
        }
    }
    let rules = rules.finish()?;
    Ok((rules, files.notices))
}

/// Opens the files of rules that are not in the tree.
fn outside(options: &Options) -> CommandLineFiles<'_> {
    CommandLineFiles {
        trust: paths::confined(options),
        ..CommandLineFiles::default()
    }
}

/// Tells what was odd about a merge file found on the way.
// rsync: exclude.c add_rule()
pub(crate) fn tell(ctx: &Context, role: Role, notice: &FilterNotice) {
    match notice {
        FilterNotice::TrailingWhitespace { .. } if ctx.options.debug.filter < 1 => {}
        FilterNotice::TrailingWhitespace { .. } => ctx.info(role, format!("[sender] {notice}")),
        _ => ctx.error(role, notice.to_string()),
    }
}

/// Whether a verdict leaves the entry out. Says why at `-vv`.
pub(crate) fn is_excluded(
    ctx: &Context,
    side: Side,
    verdict: Verdict<'_>,
    dirname: &[u8],
    name: &[u8],
    kind: EntryKind,
) -> bool {
    if ctx.options.debug.filter >= 1
        && let Some(decided) = verdict.decided_by()
    {
        let role = match side {
            Side::Sender => Role::Sender,
            Side::Receiver => Role::Generator,
        };
        ctx.info(role, decided.explain(side, &join(dirname, name), kind));
    }
    verdict.is_excluded()
}

/// Reads the merge files of one directory through its handle; what lies outside the tree is
/// read as the command line's files are.
pub(crate) struct DirectoryFiles<'a> {
    /// Where names start from.
    pub base: Option<&'a Dir>,
    pub dirname: &'a [u8],
    pub dir: Option<&'a Dir>,
    pub outside: CommandLineFiles<'a>,
}

impl<'a> DirectoryFiles<'a> {
    pub fn new(
        options: &'a Options,
        base: Option<&'a Dir>,
        dirname: &'a [u8],
        dir: Option<&'a Dir>,
    ) -> Self {
        DirectoryFiles {
            base,
            dirname,
            dir,
            outside: outside(options),
        }
    }
}

impl MergeFiles for DirectoryFiles<'_> {
    fn read(&mut self, path: MergePath<'_>) -> io::Result<Option<Vec<u8>>> {
        let MergePath::InTree { dir, name } = path else {
            return self.outside.read(path);
        };
        let Some(handle) = self.dir else {
            return Ok(None);
        };
        let trust = self.outside.trust;
        let opened = if dir == self.dirname {
            handle.open_named(name, trust)
        } else {
            // A merge file named with a path: below the directory at hand, or where the parents
            // are looked through, above it.
            let inside = match self.dirname {
                b"" => Some(dir),
                dirname => dir
                    .strip_prefix(dirname)
                    .and_then(|rest| rest.strip_prefix(b"/")),
            };
            let (from, path) = match (inside, self.base) {
                (Some(inside), _) => (handle, inside),
                (None, Some(base)) => (base, dir),
                (None, None) => return Ok(None),
            };
            from.open_beneath(path)
                .and_then(|d| d.open_named(name, trust))
        };
        match opened {
            Ok(mut file) => {
                let mut text = Vec::new();
                file.read_to_end(&mut text)?;
                Ok(Some(text))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn notice(&mut self, notice: FilterNotice) {
        self.outside.notice(notice);
    }
}

/// The rules that a client sent to a server of this side.
// rsync: exclude.c recv_filter_list()
pub(crate) fn of_client(
    rules: &[Vec<u8>],
    own: Side,
    dialect: Dialect,
    options: &Options,
) -> Result<FilterSet, FilterError> {
    let mut files = outside(options);
    let mut set = FilterSet::builder(&mut files);
    if options.delete_excluded {
        set.delete_excluded();
    }
    if let Some(patterns) = std::env::var_os("CVSIGNORE") {
        set.cvsignore_variable(patterns.as_encoded_bytes());
    }
    for rule in rules {
        set.add_received(rule, dialect)?;
    }
    if options.cvs_exclude {
        set.cvs_exclude_of_server(own, dialect);
    }
    set.finish()
}
