//! Cells, and tables of them: in which unit a row is told, and what many ratios come to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::report::Row;

/// What is told of a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Unit {
    /// How long all of it takes.
    Seconds,
    /// How many operations are done, in thousands a second.
    PerSecond,
    /// How long each operation takes.
    Micros,
}

impl Unit {
    /// In the order of their tables.
    pub const ALL: [Self; 3] = [Self::Seconds, Self::PerSecond, Self::Micros];

    /// The head of its table.
    pub fn head(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::PerSecond => "thousand completions a second",
            Self::Micros => "µs an operation",
        }
    }

    /// A time of so many operations, in this unit.
    pub fn cell(self, seconds: Option<f64>, operations: usize) -> String {
        let operations = operations as f64;
        seconds.map_or_else(String::new, |seconds| {
            let number = match self {
                Self::Seconds => seconds,
                Self::PerSecond => operations / seconds / 1e3,
                Self::Micros => seconds * 1e6 / operations,
            };
            let decimals = if number < 100.0 { 2 } else { 0 };
            format!("{number:.decimals$}")
        })
    }
}

/// How many times faster one contender is than another, over several rows.
pub struct Ratio {
    mean: f64,
    least: f64,
    most: f64,
}

impl Ratio {
    /// Over the rows that both can do; `None` if there is none.
    pub fn over(rows: &[Row], ours: usize, other: usize) -> Option<Self> {
        let ratios: Vec<f64> = rows
            .iter()
            .filter_map(|row| row.ratio(ours, other))
            .collect();
        let logarithms: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
        Some(Self {
            // Half as fast here and twice as fast there are equally fast.
            mean: (logarithms / ratios.len() as f64).exp(),
            least: ratios.iter().copied().reduce(f64::min)?,
            most: ratios.iter().copied().reduce(f64::max)?,
        })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, least, most } = self;
        write!(f, "{mean:.2} ({least:.2}–{most:.2})")
    }
}

/// A Markdown table.
pub fn table(head: &[String], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!(
        "\n| {} |\n|---{}|\n",
        head.join(" | "),
        "|---:".repeat(head.len() - 1)
    );
    for row in rows {
        text += &format!("| {} |\n", row.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn a_cell_has_its_unit_and_enough_digits() {
        assert_eq!(Unit::Seconds.cell(Some(1.234), 7), "1.23");
        assert_eq!(Unit::PerSecond.cell(Some(0.5), 1_000_000), "2000");
        assert_eq!(Unit::Micros.cell(Some(0.5), 1_000_000), "0.50");
        assert_eq!(Unit::Micros.cell(None, 1_000_000), "");
    }

    #[test]
    fn twice_as_fast_and_half_as_fast_are_as_fast() {
        let mut rows = sample().rows;
        let seconds = [[1.0, 2.0], [1.0, 0.5]];
        for (row, seconds) in rows.iter_mut().zip(seconds) {
            for (runs, seconds) in row.runs.iter_mut().zip(seconds) {
                runs.truncate(1);
                runs[0].seconds = seconds;
            }
        }
        let ratio = Ratio::over(&rows, 0, 1).unwrap();
        assert_eq!(ratio.to_string(), "1.00 (0.50–2.00)");
        assert!(Ratio::over(&[], 0, 1).is_none());
    }
}
