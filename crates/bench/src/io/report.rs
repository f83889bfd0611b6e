//! What `bench io` found out, as Markdown for people, JSON for programs, and bars.

use serde_json::json;

use super::task::Stage;
use crate::machine::Machine;
use crate::measure::median;
use crate::plot::{Chart, Group};
use crate::report::table;

/// All that one run found out.
pub struct IoReport {
    /// Where.
    pub machine: Machine,
    /// The fraction of the full number of operations.
    pub scale: f64,
    /// Timed runs of each contender.
    pub runs: usize,
    /// The driver that runs when nobody asks for one: the first of the contenders.
    pub auto: &'static str,
    /// The heads of the columns.
    pub contenders: Vec<&'static str>,
    /// One a task.
    pub rows: Vec<IoRow>,
}

/// The runs of all contenders on one task.
pub struct IoRow {
    /// The task in words.
    pub title: String,
    /// The operations of one run.
    pub operations: usize,
    /// For each contender, each run; empty if it cannot do this.
    pub seconds: Vec<Vec<f64>>,
}

impl IoRow {
    /// A row in which nothing was run yet.
    pub fn new(stage: &Stage, contenders: usize) -> Self {
        Self {
            title: stage.task().title(),
            operations: stage.job().count(),
            seconds: vec![Vec::new(); contenders],
        }
    }

    /// The median time of one operation in microseconds.
    fn micros(&self, contender: usize) -> Option<f64> {
        let each = |seconds: &f64| seconds * 1e6 / self.operations as f64;
        median(self.seconds[contender].iter().map(each))
    }

    /// How many times faster the first contender is than this one.
    fn speedup(&self, contender: usize) -> Option<f64> {
        Some(self.micros(contender)? / self.micros(0)?)
    }

    /// For those who wait.
    pub fn one_line(&self) -> String {
        let each = (0..self.seconds.len()).map(|contender| number(self.micros(contender)));
        let each: Vec<String> = each.collect();
        format!("{}: {} µs", self.title, each.join(" | "))
    }
}

impl IoReport {
    /// Facts, times and ratios, ready to be pasted.
    pub fn markdown(&self) -> String {
        let machine = &self.machine;
        let unknown = || "not known".to_owned();
        let mut text = format!(
            "- machine: {} cores, {}; {}\n- file system: {}\n- `auto` is `{}`\n\
             - medians of {} runs in turn, every result checked\n",
            machine.cores,
            machine.processor.clone().unwrap_or_else(unknown),
            machine.system,
            machine.file_system.clone().unwrap_or_else(unknown),
            self.auto,
            self.runs,
        );
        if self.scale < 1.0 {
            text += &format!(
                "- **a quick look at {} of the full size: do not publish**\n",
                self.scale
            );
        }
        text + &self.times()
    }

    /// Microseconds of each contender, then how many times faster `auto` is.
    fn times(&self) -> String {
        let mut head = vec!["µs an operation".to_owned()];
        head.extend(self.contenders.iter().map(|&name| name.to_owned()));
        head.extend(
            self.others()
                .map(|other| format!("vs {}", self.contenders[other])),
        );
        let rows = self.rows.iter().map(|row| {
            let mut cells = vec![row.title.clone()];
            cells.extend((0..self.contenders.len()).map(|each| number(row.micros(each))));
            let ratio = |other| {
                row.speedup(other)
                    .map_or_else(String::new, |r| format!("{r:.2}×"))
            };
            cells.extend(self.others().map(ratio));
            cells
        });
        table(&head, rows)
    }

    fn others(&self) -> std::ops::Range<usize> {
        1..self.contenders.len()
    }

    /// Every single run.
    pub fn json(&self) -> String {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                let runs: serde_json::Map<String, serde_json::Value> = self
                    .contenders
                    .iter()
                    .zip(&row.seconds)
                    .filter(|(_, runs)| !runs.is_empty())
                    .map(|(&name, runs)| (name.to_owned(), json!({ "seconds": runs })))
                    .collect();
                json!({ "title": row.title, "operations": row.operations, "results": runs })
            })
            .collect();
        let report = json!({
            "version": 1,
            "command": "io",
            "scale": self.scale,
            "auto": self.auto,
            "machine": {
                "cores": self.machine.cores,
                "processor": self.machine.processor,
                "system": self.machine.system,
                "file_system": self.machine.file_system,
            },
            "tasks": rows,
        });
        format!("{report:#}\n")
    }

    /// The ratios as bars.
    pub fn chart(&self) -> Chart {
        let mut title = format!(
            "How many times faster `{}` is (the dashed line: as fast)",
            self.auto
        );
        if self.scale < 1.0 {
            title += &format!(", at {} of the full size", self.scale);
        }
        let groups = self.rows.iter().map(|row| Group {
            label: row.title.clone(),
            ratios: self.others().map(|other| row.speedup(other)).collect(),
        });
        Chart {
            title,
            series: self
                .others()
                .map(|other| self.contenders[other].to_owned())
                .collect(),
            groups: groups.collect(),
        }
    }
}

fn number(micros: Option<f64>) -> String {
    micros.map_or_else(String::new, |micros| {
        let decimals = if micros < 100.0 { 2 } else { 0 };
        format!("{micros:.decimals$}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> IoReport {
        let row = |title: &str, seconds: Vec<Vec<f64>>| IoRow {
            title: title.to_owned(),
            operations: 1000,
            seconds,
        };
        IoReport {
            machine: Machine {
                cores: 2,
                processor: None,
                system: "Linux 6.18".to_owned(),
                file_system: Some("ext4".to_owned()),
            },
            scale: 0.5,
            runs: 3,
            auto: "threads",
            contenders: vec!["threads", "bare calls", "tokio"],
            rows: vec![
                row(
                    "write",
                    vec![vec![0.001, 0.009, 0.002], vec![0.001], vec![0.5]],
                ),
                row("work", vec![vec![0.002], vec![], vec![0.003]]),
            ],
        }
    }

    #[test]
    fn the_table_holds_medians_ratios_and_blanks() {
        let expected = "
| µs an operation | threads | bare calls | tokio | vs bare calls | vs tokio |
|---|---:|---:|---:|---:|---:|
| write | 2.00 | 1.00 | 500 | 0.50× | 250.00× |
| work | 2.00 |  | 3.00 |  | 1.50× |
";
        let text = sample().markdown();
        assert!(text.ends_with(expected), "{text}");
        assert!(text.contains("- file system: ext4\n- `auto` is `threads`\n"));
        assert!(text.contains("do not publish"));
    }

    #[test]
    fn json_and_chart_hold_what_was_measured() {
        let json: serde_json::Value = serde_json::from_str(&sample().json()).unwrap();
        assert_eq!(
            json["tasks"][0]["results"]["threads"]["seconds"],
            json!([0.001, 0.009, 0.002])
        );
        assert!(json["tasks"][1]["results"].get("bare calls").is_none());
        let chart = sample().chart();
        assert_eq!(chart.series, ["bare calls", "tokio"]);
        assert_eq!(chart.groups[1].ratios, [None, Some(1.5)]);
    }
}
