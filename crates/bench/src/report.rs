//! What a benchmark found out, whichever it was: kept as JSON, shown as Markdown.
//!
//! A [`Report`] has one column a contender and one row a task, and knows each single run. It is
//! written with `--json`; [`publish`](crate::publish) reads it again, so that what was measured on
//! one system, as another user, can be published on another without being measured anew.

use std::io;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::measure::{Run, median};
use crate::table::{Ratio, Unit, table};

/// All that one run of a benchmark found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Of this format.
    pub version: u32,
    /// Under which name it is published: `local`, `io`, `io-wine` and so on.
    pub name: String,
    /// Where.
    pub machine: Machine,
    /// The fraction of the full size.
    pub scale: f64,
    /// Timed runs of each contender.
    pub runs: usize,
    /// Whether only some of the rows were asked for.
    pub partial: bool,
    /// What else a reader must know of these numbers.
    pub conditions: String,
    /// How the contenders are compared.
    pub comparison: Comparison,
    /// The columns, the one that all others are compared with first.
    pub contenders: Vec<Named>,
    /// One a task.
    pub rows: Vec<Row>,
}

/// The version of the format that is written and read.
pub const VERSION: u32 = 3;

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// Its head.
    pub name: String,
    /// What it says of itself, if that matters.
    pub version: Option<String>,
    /// Whether it is ours.
    pub ours: bool,
}

/// Where the ratios are shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Comparison {
    /// Beside the numbers, a column a contender: how the first does against each other.
    Beside,
    /// Likewise: how each other does against the first.
    WithFirst,
    /// In a table of their own, as mean and extreme: where there are many rows and contenders.
    Summed,
}

/// The runs of all contenders on one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The name of its kind, by which `--only` knows it.
    pub name: String,
    /// In words.
    pub title: String,
    /// What is told of it.
    pub unit: Unit,
    /// How many operations one run was.
    pub operations: usize,
    /// Whether it has bars in the drawing.
    pub drawn: bool,
    /// For each contender, each run; empty if it cannot do this.
    pub runs: Vec<Vec<Run>>,
}

impl Row {
    /// The median time of a contender, in seconds.
    pub fn seconds(&self, contender: usize) -> Option<f64> {
        median(self.runs[contender].iter().map(|run| run.seconds))
    }

    /// How many times faster the contender `ours` is than `other`.
    pub fn ratio(&self, ours: usize, other: usize) -> Option<f64> {
        Some(self.seconds(other)? / self.seconds(ours)?)
    }

    /// For those who wait.
    pub fn one_line(&self) -> String {
        let all = 0..self.runs.len();
        let cells: Vec<String> = all.map(|contender| self.cell(contender)).collect();
        format!("{}: {} {}", self.title, cells.join(" | "), self.unit.head())
    }

    fn cell(&self, contender: usize) -> String {
        self.unit.cell(self.seconds(contender), self.operations)
    }

    /// The median peak of a contender, in bytes: of its largest process, of the largest that serves
    /// it, and of all.
    fn memory(&self, contender: usize) -> Option<(f64, Option<f64>, f64)> {
        let peaks = || self.runs[contender].iter().filter_map(|run| run.memory);
        Some((
            median(peaks().map(|peak| peak.largest as f64))?,
            median(
                peaks()
                    .filter_map(|peak| peak.server)
                    .map(|peak| peak as f64),
            ),
            median(peaks().map(|peak| peak.sum as f64))?,
        ))
    }
}

impl Report {
    /// A row in which nothing was run yet.
    pub fn new_row(&self, name: &str, title: String, unit: Unit, operations: usize) -> Row {
        Row {
            name: name.to_owned(),
            title,
            unit,
            operations,
            drawn: true,
            runs: vec![Vec::new(); self.contenders.len()],
        }
    }

    /// How this contender and the first compare on a row: which of them is to be faster, the
    /// comparison says.
    pub fn ratio_with_first(&self, row: &Row, other: usize) -> Option<f64> {
        match self.comparison {
            Comparison::Beside | Comparison::Summed => row.ratio(0, other),
            Comparison::WithFirst => row.ratio(other, 0),
        }
    }

    /// Whether it is less than what is to be published.
    pub fn is_quick_look(&self) -> bool {
        self.scale < 1.0 || self.partial
    }

    /// Facts, times, ratios and memory.
    pub fn markdown(&self) -> String {
        let mut text = self.facts();
        for unit in Unit::ALL {
            text += &self.numbers(unit);
        }
        if self.comparison == Comparison::Summed {
            text += &self.summary();
        }
        text + &self.memory()
    }

    fn facts(&self) -> String {
        let machine = &self.machine;
        let unknown = || "not known".to_owned();
        let mut text = format!(
            "- machine: {} cores, {}; {}\n- file system: {}\n",
            machine.cores,
            machine.processor.clone().unwrap_or_else(unknown),
            machine.system,
            machine.file_system.clone().unwrap_or_else(unknown),
        );
        for contender in &self.contenders {
            if let Some(version) = &contender.version {
                text += &format!("- {}: {version}\n", contender.name);
            }
        }
        text += &format!(
            "- medians of {} runs in turn, {}, every result checked\n",
            self.runs, self.conditions
        );
        if self.scale < 1.0 {
            text += &format!(
                "- **a quick look at {} of the full size: do not publish**\n",
                self.scale
            );
        }
        text
    }

    /// The rows that are told in `unit`; nothing if there are none.
    fn numbers(&self, unit: Unit) -> String {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| row.unit == unit).collect();
        if rows.is_empty() {
            return String::new();
        }
        let all = 0..self.contenders.len();
        let compared = match self.comparison {
            Comparison::Beside | Comparison::WithFirst => 1..all.end,
            Comparison::Summed => 0..0,
        };
        let mut head = vec![unit.head().to_owned()];
        head.extend(self.contenders.iter().map(|each| each.name.clone()));
        head.extend(compared.clone().map(|other| match self.comparison {
            Comparison::WithFirst => format!(
                "{} vs {}",
                self.contenders[other].name, self.contenders[0].name
            ),
            _ => format!("vs {}", self.contenders[other].name),
        }));
        table(
            &head,
            rows.into_iter().map(|row| {
                let mut cells = vec![row.title.clone()];
                cells.extend(all.clone().map(|contender| row.cell(contender)));
                cells.extend(compared.clone().map(|other| {
                    self.ratio_with_first(row, other)
                        .map_or_else(String::new, |ratio| format!("{ratio:.2}×"))
                }));
                cells
            }),
        )
    }

    /// How much faster each of ours is than each other, over all rows, and where it is slower.
    fn summary(&self) -> String {
        let all = 0..self.contenders.len();
        let ours: Vec<usize> = all
            .clone()
            .filter(|&each| self.contenders[each].ours)
            .collect();
        let mut head = vec!["how many times faster (least to most)".to_owned()];
        head.extend(
            self.contenders
                .iter()
                .map(|each| format!("than {}", each.name)),
        );
        let rows = ours.iter().map(|&each| {
            let mut cells = vec![self.contenders[each].name.clone()];
            cells.extend(all.clone().map(|other| {
                Ratio::over(&self.rows, each, other)
                    .filter(|_| each != other)
                    .map_or_else(String::new, |ratio| ratio.to_string())
            }));
            cells
        });
        let mut text = table(&head, rows);
        let slower: String = all.skip(1).filter_map(|other| self.slower(other)).collect();
        if !slower.is_empty() {
            let first = &self.contenders[0].name;
            text += &format!("\nWhere `{first}` is slower by more than 5%:\n\n{slower}");
        }
        text
    }

    /// Where the first contender is slower than this one, the worst first.
    fn slower(&self, other: usize) -> Option<String> {
        /// The table above has the others.
        const TOLD: usize = 6;
        let with_ratio = |row| Some((row, Row::ratio(row, 0, other)?));
        let mut slower: Vec<(&Row, f64)> = self.rows.iter().filter_map(with_ratio).collect();
        slower.retain(|(_, ratio)| *ratio < 0.95);
        slower.sort_by(|one, another| one.1.total_cmp(&another.1));
        let more = slower.len().saturating_sub(TOLD);
        let mut told: Vec<String> = slower
            .iter()
            .take(TOLD)
            .map(|(row, ratio)| format!("{} ({ratio:.2}×)", row.title))
            .collect();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        let name = &self.contenders[other].name;
        (!told.is_empty()).then(|| format!("- than {name}: {}\n", told.join("; ")))
    }

    fn memory(&self) -> String {
        let contenders = || 0..self.contenders.len();
        let served = self.rows.iter().any(|row| {
            contenders().any(|each| row.memory(each).is_some_and(|peaks| peaks.1.is_some()))
        });
        let megabytes = |peak: f64| format!("{:.1} MB", peak / 1e6);
        let mut rows = Vec::new();
        for row in &self.rows {
            for (index, contender) in self.contenders.iter().enumerate() {
                let Some((largest, server, sum)) = row.memory(index) else {
                    continue;
                };
                let mut cells = vec![
                    format!("{}: {}", contender.name, row.title),
                    megabytes(largest),
                ];
                if served {
                    cells.push(server.map_or_else(String::new, megabytes));
                }
                cells.push(megabytes(sum));
                rows.push(cells);
            }
        }
        if rows.is_empty() {
            return String::new();
        }
        let head: &[&str] = if served {
            &[
                "peak memory",
                "client's largest process",
                "server's largest process",
                "all processes",
            ]
        } else {
            &["peak memory", "largest process", "all processes"]
        };
        table(
            &head.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>(),
            rows,
        )
    }

    /// Every single run, for programs.
    ///
    /// # Errors
    /// Those of the format.
    pub fn json(&self) -> io::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::peak_memory::PeakMemory;

    fn run(seconds: f64) -> Run {
        Run {
            seconds,
            memory: None,
        }
    }

    /// Two rows, three contenders; the last can do the first only.
    pub fn sample() -> Report {
        let peak = |largest, sum| Run {
            memory: Some(PeakMemory {
                largest,
                server: None,
                sum,
            }),
            ..run(if largest == sum { 0.5 } else { 1.0 })
        };
        let named = |(name, ours): (&str, bool)| Named {
            name: name.to_owned(),
            version: ours.then(|| "version 1".to_owned()),
            ours,
        };
        let contenders = [("tidesync", true), ("rsync", false), ("cp", false)].map(named);
        let mut report = Report {
            version: VERSION,
            name: "local".to_owned(),
            machine: Machine {
                cores: 2,
                processor: None,
                system: "Linux 6.18".to_owned(),
                file_system: Some("tmpfs".to_owned()),
            },
            scale: 0.5,
            runs: 3,
            partial: false,
            conditions: "caches warm".to_owned(),
            comparison: Comparison::Beside,
            contenders: contenders.into(),
            rows: Vec::new(),
        };
        let mut small = report.new_row("small", "small files".to_owned(), Unit::Seconds, 1);
        small.runs = vec![
            vec![run(0.9), run(1.0), run(5.0)],
            vec![run(3.0), run(2.5), run(3.5)],
            vec![run(1.5)],
        ];
        let mut million = report.new_row("million", "a million".to_owned(), Unit::Seconds, 1);
        million.runs = vec![
            vec![peak(8_000_000, 8_000_000)],
            vec![peak(7_300_000, 14_600_000)],
            vec![],
        ];
        report.rows = vec![small, million];
        report
    }

    #[test]
    fn the_tables_hold_medians_ratios_and_blanks() {
        let expected = "\
- machine: 2 cores, not known; Linux 6.18
- file system: tmpfs
- tidesync: version 1
- medians of 3 runs in turn, caches warm, every result checked
- **a quick look at 0.5 of the full size: do not publish**

| seconds | tidesync | rsync | cp | vs rsync | vs cp |
|---|---:|---:|---:|---:|---:|
| small files | 1.00 | 3.00 | 1.50 | 3.00× | 1.50× |
| a million | 0.50 | 1.00 |  | 2.00× |  |

| peak memory | largest process | all processes |
|---|---:|---:|
| tidesync: a million | 8.0 MB | 8.0 MB |
| rsync: a million | 7.3 MB | 14.6 MB |
";
        assert_eq!(sample().markdown(), expected);
    }

    #[test]
    fn a_row_is_told_in_its_unit_and_ratios_can_be_summed() {
        let mut report = sample();
        report.comparison = Comparison::Summed;
        report.scale = 1.0;
        (report.rows[0].unit, report.rows[0].operations) = (Unit::PerSecond, 2000);
        (report.rows[1].unit, report.rows[1].operations) = (Unit::Micros, 100_000);
        report.rows[1].runs[1] = vec![run(0.25)];
        let text = report.markdown();
        let expected = "
| thousand completions a second | tidesync | rsync | cp |
|---|---:|---:|---:|
| small files | 2.00 | 0.67 | 1.33 |

| µs an operation | tidesync | rsync | cp |
|---|---:|---:|---:|
| a million | 5.00 | 2.50 |  |

| how many times faster (least to most) | than tidesync | than rsync | than cp |
|---|---:|---:|---:|
| tidesync |  | 1.22 (0.50–3.00) | 1.50 (1.50–1.50) |

Where `tidesync` is slower by more than 5%:

- than rsync: a million (0.50×)
";
        assert!(text.contains(expected), "{text}");
        report.rows = vec![report.rows[1].clone(); 8];
        assert!(report.markdown().contains("; and 2 more\n"));
        assert!(!report.is_quick_look() && !text.contains("quick look"));
    }

    #[test]
    fn others_can_be_compared_with_the_first_and_servers_have_their_column() {
        let mut report = sample();
        report.comparison = Comparison::WithFirst;
        for run in report.rows[1].runs.iter_mut().flatten() {
            let memory = run.memory.as_mut().unwrap();
            memory.server = Some(memory.largest / 2);
        }
        let text = report.markdown();
        let expected = "
| seconds | tidesync | rsync | cp | rsync vs tidesync | cp vs tidesync |
|---|---:|---:|---:|---:|---:|
| small files | 1.00 | 3.00 | 1.50 | 0.33× | 0.67× |
| a million | 0.50 | 1.00 |  | 0.50× |  |

| peak memory | client's largest process | server's largest process | all processes |
|---|---:|---:|---:|
| tidesync: a million | 8.0 MB | 4.0 MB | 8.0 MB |
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn what_was_kept_can_be_read_again() {
        let kept: Report = serde_json::from_str(&sample().json().unwrap()).unwrap();
        assert_eq!(kept, sample());
    }
}
