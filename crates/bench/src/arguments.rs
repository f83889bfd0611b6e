//! The command line that all benchmarks share.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::error::BenchError;

/// What a benchmark was asked to do.
#[derive(Debug, PartialEq)]
pub struct Arguments {
    /// Where to work, if the user cares.
    pub directory: Option<PathBuf>,
    /// Timed runs of each contender.
    pub runs: usize,
    /// The names of the rows to measure; all if there is none.
    pub only: Vec<String>,
    /// The fraction of the full size, above 0 and at most 1.
    pub scale: f64,
    /// Where to draw the ratios.
    pub plot: Option<PathBuf>,
    /// Where to write the raw numbers.
    pub json: Option<PathBuf>,
}

/// The lines of these options for `--help`.
pub const HELP: &str = "\
  --runs N           timed runs of each (default: 3)
  --only NAME,...    only these
  --scale F          a fraction of the full size, for a quick look (default: 1)
  --quick            the same as --scale 0.05 --runs 1
  --plot FILE.svg    draw the ratios
  --json FILE        write the raw numbers, for `publish`";

impl Arguments {
    /// Parses the rest of a command line. `names` are those that `--only` knows; `own` takes the
    /// options that this benchmark alone has, and says whether one was its own. `None` when the
    /// user only asked for help.
    pub fn parse(
        mut parser: lexopt::Parser,
        help: impl FnOnce() -> String,
        names: &[&str],
        mut own: impl FnMut(&str, &mut lexopt::Parser) -> Result<bool, BenchError>,
    ) -> Result<Option<Self>, BenchError> {
        let mut arguments = Self {
            directory: None,
            runs: 3,
            only: Vec::new(),
            scale: 1.0,
            plot: None,
            json: None,
        };
        while let Some(argument) = parser.next()? {
            let option = match argument {
                Long(name) => name.to_owned(),
                Short('h') => "help".to_owned(),
                other => return Err(other.unexpected().into()),
            };
            match option.as_str() {
                "dir" => arguments.directory = Some(parser.value()?.into()),
                "runs" => arguments.runs = runs(&parser.value()?.string()?)?,
                "only" => arguments.only = selection(&parser.value()?.string()?, names)?,
                "scale" => arguments.scale = scale(&parser.value()?.string()?)?,
                "quick" => (arguments.scale, arguments.runs) = (0.05, 1),
                "plot" => arguments.plot = Some(parser.value()?.into()),
                "json" => arguments.json = Some(parser.value()?.into()),
                "help" => {
                    println!("{}", help());
                    return Ok(None);
                }
                name if own(name, &mut parser)? => {}
                name => return Err(Long(name).unexpected().into()),
            }
        }
        Ok(Some(arguments))
    }

    /// Whether the row of this name is to be measured.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }
}

fn runs(text: &str) -> Result<usize, BenchError> {
    match text.parse() {
        Ok(runs) if runs > 0 => Ok(runs),
        _ => Err(BenchError::Usage(format!(
            "--runs takes a whole number from 1, not `{text}`"
        ))),
    }
}

fn scale(text: &str) -> Result<f64, BenchError> {
    match text.parse() {
        Ok(scale) if scale > 0.0 && scale <= 1.0 => Ok(scale),
        _ => Err(BenchError::Usage(format!(
            "--scale takes a number above 0 and at most 1, not `{text}`"
        ))),
    }
}

/// Reads `small,delta`.
fn selection(text: &str, known: &[&str]) -> Result<Vec<String>, BenchError> {
    let wanted: Vec<String> = text.split(',').map(str::to_owned).collect();
    match wanted.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(BenchError::Usage(format!(
            "--only knows no `{name}`; there are {}",
            known.join(", ")
        ))),
        None => Ok(wanted),
    }
}

/// Those contenders that `--with` names, or all.
pub fn chosen<T>(
    mut contenders: Vec<T>,
    name: impl Fn(&T) -> &str,
    with: Option<&str>,
) -> Result<Vec<T>, BenchError> {
    let Some(with) = with else {
        return Ok(contenders);
    };
    let wanted: Vec<&str> = with.split(',').collect();
    let known: Vec<&str> = contenders.iter().map(&name).collect();
    if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
        return Err(BenchError::Usage(format!(
            "--with knows no `{name}`; there are {}",
            known.join(", ")
        )));
    }
    contenders.retain(|each| wanted.contains(&name(each)));
    Ok(contenders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Option<Arguments>, BenchError> {
        let own = |name: &str, parser: &mut lexopt::Parser| {
            if name == "program" {
                parser.value()?;
            }
            Ok(name == "program")
        };
        let parser = lexopt::Parser::from_args(arguments);
        Arguments::parse(parser, String::new, &["small", "delta", "big"], own)
    }

    #[test]
    fn options_are_read_and_a_benchmark_may_have_its_own() {
        let options = [
            "--runs=5",
            "--program",
            "x",
            "--only",
            "delta,small",
            "--scale",
            "0.02",
        ];
        let arguments = parse(&options).unwrap().unwrap();
        assert_eq!((arguments.runs, arguments.scale), (5, 0.02));
        assert!(arguments.wants("small") && !arguments.wants("big"));
        assert!(parse(&[]).unwrap().unwrap().wants("big"));
        assert_eq!(parse(&["--help"]).unwrap(), None);
    }

    #[test]
    fn contenders_are_chosen_by_name() {
        let all = || vec!["threads", "uring", "compio"];
        let chosen = |with| chosen(all(), |name| name, with);
        let two = chosen(Some("compio,threads")).unwrap();
        assert_eq!(two, ["threads", "compio"]);
        assert_eq!(chosen(None).unwrap(), all());
        assert!(chosen(Some("threads,me")).is_err());
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for (arguments, said) in [
            (vec!["--runs", "0"], "--runs"),
            (vec!["--scale", "1.5"], "--scale"),
            (vec!["--scale", "NaN"], "--scale"),
            (vec!["--only", "small,tiny"], "`tiny`"),
            (vec!["--fast"], "--fast"),
            (vec!["fast"], "fast"),
        ] {
            let message = parse(&arguments).unwrap_err().to_string();
            assert!(message.contains(said), "{arguments:?} said {message}");
        }
    }
}
