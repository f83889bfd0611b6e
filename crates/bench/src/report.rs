//! What was measured, as Markdown for people and JSON for programs.

use std::fmt::Write;

use serde_json::json;

use crate::machine::Machine;
use crate::measure::{Run, median};
use crate::peer::Peer;
use crate::plot::{Chart, Group};
use crate::workload::Workload;

/// All that one `bench local` found out.
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// The fraction of the full size.
    pub scale: f64,
    /// Timed runs of each program.
    pub runs: usize,
    /// The programs, ours first.
    pub peers: Vec<Peer>,
    /// One a workload.
    pub rows: Vec<Row>,
}

/// The runs of all programs on one workload.
pub struct Row {
    /// Which.
    pub workload: Workload,
    /// In words, with the numbers of its scale.
    pub title: String,
    /// For each program, in the order of [`Report::peers`]; empty if it cannot do this.
    pub runs: Vec<Vec<Run>>,
}

impl Row {
    /// A row in which nothing was run yet.
    pub fn new(workload: Workload, scale: f64, peers: usize) -> Self {
        Self {
            workload,
            title: workload.title(scale),
            runs: vec![Vec::new(); peers],
        }
    }

    /// The median time of a program, in seconds.
    pub fn seconds(&self, peer: usize) -> Option<f64> {
        median(self.runs[peer].iter().map(|run| run.time.as_secs_f64()))
    }

    /// How many times faster tidesync, the first program, is than this one.
    pub fn speedup(&self, peer: usize) -> Option<f64> {
        Some(self.seconds(peer)? / self.seconds(0)?)
    }

    /// The median peak of a program, in bytes: of its largest process and of all.
    fn memory(&self, peer: usize) -> Option<(f64, f64)> {
        let peaks = || self.runs[peer].iter().filter_map(|run| run.memory);
        Some((
            median(peaks().map(|peak| peak.largest as f64))?,
            median(peaks().map(|peak| peak.sum as f64))?,
        ))
    }
}

impl Report {
    /// Facts, times and memory, ready to be pasted.
    pub fn markdown(&self) -> String {
        [self.facts(), self.times(), self.memory()].concat()
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
        for peer in &self.peers {
            text += &format!("- {}: {}\n", peer.kind.name(), peer.version);
        }
        text += &format!(
            "- medians of {} runs in turn, caches warm, every result checked\n",
            self.runs
        );
        if self.scale < 1.0 {
            text += &format!(
                "- **a quick look at {} of the full size: do not publish**\n",
                self.scale
            );
        }
        text
    }

    /// Seconds of each program, then how many times faster tidesync is.
    fn times(&self) -> String {
        let others = 1..self.peers.len();
        let mut head = vec!["seconds".to_owned()];
        head.extend(self.peers.iter().map(|peer| peer.kind.name().to_owned()));
        head.extend(
            others
                .clone()
                .map(|other| format!("vs {}", self.peers[other].kind.name())),
        );
        let rows = self.rows.iter().map(|row| {
            let mut cells = vec![row.title.clone()];
            cells.extend((0..self.peers.len()).map(|peer| cell(row.seconds(peer), "")));
            cells.extend(others.clone().map(|other| cell(row.speedup(other), "×")));
            cells
        });
        table(&head, rows)
    }

    fn memory(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .flat_map(|row| {
                self.peers.iter().enumerate().filter_map(|(index, peer)| {
                    let (largest, sum) = row.memory(index)?;
                    Some(vec![
                        format!("{}: {}", peer.kind.name(), row.title),
                        format!("{:.1} MB", largest / 1e6),
                        format!("{:.1} MB", sum / 1e6),
                    ])
                })
            })
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        let head = ["peak memory", "largest process", "all processes"].map(str::to_owned);
        table(&head, rows)
    }

    /// The ratios as bars.
    pub fn chart(&self) -> Chart {
        let others = 1..self.peers.len();
        let mut title = "How many times faster tidesync is (the dashed line: as fast)".to_owned();
        if self.scale < 1.0 {
            title += &format!(", at {} of the full size", self.scale);
        }
        let groups = self.rows.iter().map(|row| Group {
            label: row.title.clone(),
            ratios: others.clone().map(|peer| row.speedup(peer)).collect(),
        });
        Chart {
            title,
            series: others
                .clone()
                .map(|peer| self.peers[peer].kind.name().to_owned())
                .collect(),
            groups: groups.collect(),
        }
    }

    /// Every single run.
    pub fn json(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(|row| self.json_row(row)).collect();
        let peers: Vec<_> = self
            .peers
            .iter()
            .map(|peer| json!({ "name": peer.kind.name(), "version": peer.version }))
            .collect();
        let report = json!({
            "version": 1,
            "command": "local",
            "scale": self.scale,
            "machine": {
                "cores": self.machine.cores,
                "processor": self.machine.processor,
                "system": self.machine.system,
                "file_system": self.machine.file_system,
            },
            "peers": peers,
            "workloads": rows,
        });
        format!("{report:#}\n")
    }

    fn json_row(&self, row: &Row) -> serde_json::Value {
        let results: serde_json::Map<String, serde_json::Value> = self
            .peers
            .iter()
            .zip(&row.runs)
            .filter(|(_, runs)| !runs.is_empty())
            .map(|(peer, runs)| {
                let seconds: Vec<f64> = runs.iter().map(|run| run.time.as_secs_f64()).collect();
                let memory: Vec<_> = runs
                    .iter()
                    .filter_map(|run| run.memory)
                    .map(|peak| json!({ "largest": peak.largest, "sum": peak.sum }))
                    .collect();
                let result = json!({ "seconds": seconds, "peak_memory_bytes": memory });
                (peer.kind.name().to_owned(), result)
            })
            .collect();
        json!({ "name": row.workload.name(), "title": row.title, "results": results })
    }
}

fn cell(number: Option<f64>, unit: &str) -> String {
    number.map_or_else(String::new, |number| format!("{number:.2}{unit}"))
}

/// A Markdown table.
pub fn table(head: &[String], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!(
        "\n| {} |\n|---{}|\n",
        head.join(" | "),
        "|---:".repeat(head.len() - 1)
    );
    for row in rows {
        let written = writeln!(text, "| {} |", row.join(" | "));
        debug_assert!(written.is_ok());
    }
    text
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::peak_memory::PeakMemory;
    use crate::peer::Kind;
    use std::path::PathBuf;
    use std::time::Duration;

    /// Two workloads, three programs; `cp` can do the first only.
    pub fn sample() -> Report {
        let run = |milliseconds, memory| Run {
            time: Duration::from_millis(milliseconds),
            memory,
        };
        let peak = |largest, sum| Some(PeakMemory { largest, sum });
        let peer = |kind: Kind| Peer {
            kind,
            program: PathBuf::from(kind.name()),
            version: format!("{} version 1", kind.name()),
        };
        let mut small = Row::new(Workload::Small, 0.5, 3);
        small.runs = vec![
            vec![run(900, None), run(1000, None), run(5000, None)],
            vec![run(3000, None), run(2500, None), run(3500, None)],
            vec![run(1500, None)],
        ];
        let mut million = Row::new(Workload::Million, 0.5, 3);
        million.runs = vec![
            vec![run(500, peak(8_000_000, 8_000_000))],
            vec![run(1000, peak(7_300_000, 14_600_000))],
            vec![],
        ];
        Report {
            machine: Machine {
                cores: 2,
                processor: None,
                system: "Linux 6.18".to_owned(),
                file_system: Some("tmpfs".to_owned()),
            },
            scale: 0.5,
            runs: 3,
            peers: [Kind::Tidesync, Kind::Rsync, Kind::Cp].map(peer).into(),
            rows: vec![small, million],
        }
    }

    #[test]
    fn the_tables_hold_medians_ratios_and_blanks() {
        let expected = "\
- machine: 2 cores, not known; Linux 6.18
- file system: tmpfs
- tidesync: tidesync version 1
- rsync: rsync version 1
- cp -a: cp -a version 1
- medians of 3 runs in turn, caches warm, every result checked
- **a quick look at 0.5 of the full size: do not publish**

| seconds | tidesync | rsync | cp -a | vs rsync | vs cp -a |
|---|---:|---:|---:|---:|---:|
| 25,000 files of 0–8 KiB in 250 directories, fresh copy | 1.00 | 3.00 | 1.50 | 3.00× | 1.50× |
| 500,000 empty files, dry run | 0.50 | 1.00 |  | 2.00× |  |

| peak memory | largest process | all processes |
|---|---:|---:|
| tidesync: 500,000 empty files, dry run | 8.0 MB | 8.0 MB |
| rsync: 500,000 empty files, dry run | 7.3 MB | 14.6 MB |
";
        assert_eq!(sample().markdown(), expected);
    }

    #[test]
    fn full_size_carries_no_warning() {
        let report = Report {
            scale: 1.0,
            ..sample()
        };
        assert!(!report.markdown().contains("quick look"));
    }

    #[test]
    fn the_json_holds_every_run() {
        let report: serde_json::Value = serde_json::from_str(&sample().json()).unwrap();
        let small = &report["workloads"][0];
        assert_eq!(small["name"], "small");
        assert_eq!(
            small["results"]["tidesync"]["seconds"],
            json!([0.9, 1.0, 5.0])
        );
        let million = &report["workloads"][1]["results"];
        assert_eq!(million["rsync"]["peak_memory_bytes"][0]["sum"], 14_600_000);
        assert!(million.get("cp -a").is_none());
    }
}
