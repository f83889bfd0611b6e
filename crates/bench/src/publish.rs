//! `bench publish`: puts what was measured where people read it.
//!
//! Numbers are copied by a program, not by hand: each report has its own place in a README,
//! between two comments that name it, and its own drawing in `docs/`. A report is a file, since the
//! one from Wine is made by a user who may not write here.

use std::fs;
use std::path::Path;

use crate::error::{BenchError, Doing};
use crate::plot;
use crate::report::{Report, VERSION};

const HELP: &str = "\
Usage: cargo run --release -p bench -- publish REPORT.json...

Writes the tables of reports that `--json` wrote into the READMEs, and their drawings into docs/,
in the current directory, which must be the project's. Only whole reports are taken: neither
--scale nor --only.";

/// Parses the rest of the command line, publishes each report.
pub fn run(mut parser: lexopt::Parser) -> Result<(), BenchError> {
    let mut reports = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Value(path) => reports.push(path),
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => {
                println!("{HELP}");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if reports.is_empty() {
        return Err(BenchError::Usage(format!("name a report\n{HELP}")));
    }
    reports
        .iter()
        .try_for_each(|path| publish(Path::new(path), Path::new(".")))
}

/// Where the numbers of a command are read, and the way from there to the drawings.
const PLACES: [(&str, &str, &str); 3] = [
    ("local", "README.md", "docs"),
    ("remote", "README.md", "docs"),
    ("io", "crates/fast_io/README.md", "../../docs"),
];

fn publish(path: &Path, project: &Path) -> Result<(), BenchError> {
    let unfit = |reason: String| BenchError::Unfit {
        path: path.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path).doing("read", path)?;
    let report: Report =
        serde_json::from_str(&text).map_err(|error| unfit(format!("no report: {error}")))?;
    if report.version != VERSION {
        return Err(unfit("another version of this program wrote it".to_owned()));
    }
    if report.is_quick_look() {
        return Err(unfit("it is only a quick look".to_owned()));
    }
    let (name, command) = (&report.name, report.name.split('-').next());
    let Some((_, readme, drawings)) = PLACES.into_iter().find(|place| Some(place.0) == command)
    else {
        return Err(unfit(format!("nobody knows where `{name}` is read")));
    };
    let readme = project.join(readme);
    let shown = format!(
        "![How many times faster, measured as below]({drawings}/bench-{name}.svg)\n\n{}",
        report.markdown()
    );
    let text = fs::read_to_string(&readme).doing("read", &readme)?;
    let Some(text) = replaced(&text, name, &shown) else {
        let readme = readme.display();
        return Err(unfit(format!("{readme} has no place for `bench:{name}`")));
    };
    fs::write(&readme, text).doing("write", &readme)?;
    let drawing = project.join("docs").join(format!("bench-{name}.svg"));
    fs::write(&drawing, plot::svg(&report)).doing("write", &drawing)?;
    println!("{} and {}", readme.display(), drawing.display());
    Ok(())
}

/// The text with something else between the marks of `name`; `None` if it has no such marks.
fn replaced(text: &str, name: &str, shown: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- bench:{name} -->\n"),
        format!("<!-- /bench:{name} -->"),
    );
    let start = text.find(&begin)? + begin.len();
    let stop = start + text[start..].find(&end)?;
    Some([&text[..start], shown, &text[stop..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;
    use std::path::PathBuf;

    /// A project with a README, and a report in it.
    fn project(report: &Report) -> (tempfile::TempDir, PathBuf) {
        let project = tempfile::tempdir().unwrap();
        let readme = "before\n<!-- bench:local -->\nold\n<!-- /bench:local -->\nafter\n";
        fs::write(project.path().join("README.md"), readme).unwrap();
        fs::create_dir(project.path().join("docs")).unwrap();
        let path = project.path().join("report.json");
        fs::write(&path, report.json().unwrap()).unwrap();
        (project, path)
    }

    #[test]
    fn a_whole_report_takes_the_place_of_the_last() {
        let mut report = sample();
        report.scale = 1.0;
        let (project, path) = project(&report);
        for _ in 0..2 {
            publish(&path, project.path()).unwrap();
            let text = fs::read_to_string(project.path().join("README.md")).unwrap();
            let expected = format!(
                "before\n<!-- bench:local -->\n\
                 ![How many times faster, measured as below](docs/bench-local.svg)\n\n{}\
                 <!-- /bench:local -->\nafter\n",
                report.markdown()
            );
            assert_eq!(text, expected);
        }
        let drawing = fs::read_to_string(project.path().join("docs/bench-local.svg")).unwrap();
        assert_eq!(drawing, plot::svg(&report));
    }

    #[test]
    fn what_is_not_fit_to_be_published_is_not() {
        let whole = |change: fn(&mut Report)| {
            let mut report = sample();
            report.scale = 1.0;
            change(&mut report);
            report
        };
        for (report, said) in [
            (sample(), "quick look"),
            (whole(|report| report.partial = true), "quick look"),
            (whole(|report| report.version = 1), "another version"),
            (
                whole(|report| report.name = "local-wine".to_owned()),
                "no place",
            ),
            (
                whole(|report| report.name = "sea".to_owned()),
                "nobody knows",
            ),
        ] {
            let (project, path) = project(&report);
            let message = publish(&path, project.path()).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn the_readmes_have_their_places() {
        let root = Path::new("../..");
        for (name, readme) in [
            ("local", "README.md"),
            ("remote", "README.md"),
            ("io", "crates/fast_io/README.md"),
            ("io-wine", "crates/fast_io/README.md"),
        ] {
            let text = fs::read_to_string(root.join(readme)).unwrap();
            let shown = replaced(&text, name, "new").unwrap();
            assert!(shown.contains("-->\nnew<!--"), "{name}");
        }
    }
}
