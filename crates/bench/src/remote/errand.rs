//! What is done across the connection: a workload, a direction, and what makes it harder.

use std::time::Duration;

use crate::workload::{DESTINATION, SOURCE, Workload};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What is made for it and must be there afterwards.
    pub workload: Workload,
    direction: Direction,
    options: &'static [&'static str],
    /// What everything on the way is late by, each way.
    pub delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    /// The client has the source.
    Push,
    /// The server has it.
    Pull,
}

use Direction::{Pull, Push};

impl Errand {
    /// All of them, in the order of the table; those that share a workload follow each other.
    pub const ALL: [Self; 19] = [
        Self::new("small", Workload::Small, Push, &["-a"]),
        Self::new("small-pull", Workload::Small, Pull, &["-a"]),
        Self::new("large", Workload::Large, Push, &["-a"]),
        Self::new("large-pull", Workload::Large, Pull, &["-a"]),
        Self::new("delta", Workload::Delta, Push, &["-a"]),
        Self::new("delta-pull", Workload::Delta, Pull, &["-a"]),
        Self::new("delta-z", Workload::Delta, Push, &["-a", "-z"]),
        Self::new("text-z", Workload::Text, Push, &["-a", "-z"]),
        Self::new("text-z-pull", Workload::Text, Pull, &["-a", "-z"]),
        Self::new("text-z9", Workload::Text, Push, &["-a", "-z", "--zl=9"]),
        Self::new("noise-z", Workload::Noise, Push, &["-a", "-z"]),
        Self::new("noise-z9", Workload::Noise, Push, &["-a", "-z", "--zl=9"]),
        Self::new("checksum", Workload::Checksum, Push, &["-a", "-c"]),
        Self::new("unchanged", Workload::Unchanged, Push, &["-a"]),
        Self::new("unchanged-pull", Workload::Unchanged, Pull, &["-a"]),
        Self::new("distant", Workload::Distant, Push, &["-a"]).late(50),
        Self::new("distant-pull", Workload::Distant, Pull, &["-a"]).late(50),
        Self::new("million", Workload::Million, Push, &["-a", "-n"]),
        Self::new("million-pull", Workload::Million, Pull, &["-a", "-n"]),
    ];

    const fn new(
        name: &'static str,
        workload: Workload,
        direction: Direction,
        options: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            workload,
            direction,
            options,
            delay: Duration::ZERO,
        }
    }

    const fn late(self, milliseconds: u64) -> Self {
        Self {
            delay: Duration::from_millis(milliseconds),
            ..self
        }
    }

    /// What the table calls it, with the numbers of this scale.
    pub fn title(&self, scale: f64) -> String {
        let direction = match self.direction {
            Push => "push",
            Pull => "pull",
        };
        // In the words of the local table, of which the option for a delta is one too many.
        let title = self.workload.title(scale).replace(", `--no-W`", "");
        let mut text = format!("{direction}: {title}");
        let told = self.options.iter().filter(|option| {
            let told_already = title.contains(**option) || **option == "-n";
            **option != "-a" && !told_already
        });
        let told: Vec<&str> = told.copied().collect();
        if !told.is_empty() {
            text += &format!(", `{}`", told.join(" "));
        }
        if !self.delay.is_zero() {
            text += &format!(", {} ms each way", self.delay.as_millis());
        }
        text
    }

    /// What a client is asked that runs in the directory that holds both trees; so does its server.
    pub fn arguments(&self) -> Vec<String> {
        let (mut source, mut destination) = (format!("{SOURCE}/"), format!("{DESTINATION}/"));
        let away = match self.direction {
            Push => &mut destination,
            Pull => &mut source,
        };
        away.insert_str(0, "host:");
        let options = self.options.iter().map(|&option| option.to_owned());
        options.chain([source, destination]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_what_the_table_says() {
        let said: Vec<(String, String)> = ["delta-z", "text-z9", "checksum", "distant-pull"]
            .map(|name| {
                Errand::ALL
                    .into_iter()
                    .find(|each| each.name == name)
                    .unwrap()
            })
            .map(|errand| (errand.arguments().join(" "), errand.title(1.0)))
            .into();
        let expected = [
            (
                "-a -z source/ host:destination/",
                "push: 512 MiB with 500 small changes, `-z`",
            ),
            (
                "-a -z --zl=9 source/ host:destination/",
                "push: 4 × 64 MiB of text, fresh copy, `-z --zl=9`",
            ),
            (
                "-a -c source/ host:destination/",
                "push: `-c` over 64 × 32 MiB, equal",
            ),
            (
                "-a host:source/ destination/",
                "pull: 10,000 files of 0–8 KiB in 100 directories, fresh copy, 50 ms each way",
            ),
        ];
        assert_eq!(
            said,
            expected.map(|(asked, title)| (asked.to_owned(), title.to_owned()))
        );
    }
}
