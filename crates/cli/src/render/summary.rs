//! What is told when a session has ended: the block of `--stats`, and the two lines of `-v`.
// rsync: main.c output_summary(), output_itemized_counts()

use super::number::{grouped, grouped_fraction, human, human_fraction};
use options::Options;
use transfer::stats::{KindCounts, Stats};

/// The lines of the end, in order, as far as the options ask for them. The empty ones are for
/// the screen only, not for a log.
pub fn lines(stats: &Stats, options: &Options) -> Vec<String> {
    let mut lines = Vec::new();
    if options.info.stats >= 2 {
        lines.push(String::new());
        block(stats, options.human_readable, &mut lines);
    }
    if options.info.stats >= 1 {
        lines.push(String::new());
        closing(stats, options, &mut lines);
    }
    lines
}

fn block(stats: &Stats, level: u8, lines: &mut Vec<String>) {
    let mut line = |name: &str, value: String| lines.push(format!("{name}: {value}"));
    line("Number of files", counts(&stats.files, level));
    if stats.protocol >= 29 {
        line("Number of created files", counts(&stats.created, level));
    }
    if stats.protocol >= 31 {
        line("Number of deleted files", counts(&stats.deleted, level));
    }
    line(
        "Number of regular files transferred",
        grouped(stats.transferred_files, level),
    );
    let bytes = |number| human(number, level) + " bytes";
    line("Total file size", bytes(stats.total_size));
    line("Total transferred file size", bytes(stats.transferred_size));
    line("Literal data", bytes(stats.literal_data));
    line("Matched data", bytes(stats.matched_data));
    line("File list size", human(stats.list_size, level));
    let seconds =
        |milliseconds: u64| grouped_fraction(milliseconds as f64 / 1000.0, 3, level) + " seconds";
    // Nobody has said if it is nothing.
    let generation = (stats.list_seconds * 1000.0) as u64;
    if generation > 0 {
        line("File list generation time", seconds(generation));
        let transfer = (stats.list_transfer_seconds * 1000.0) as u64;
        line("File list transfer time", seconds(transfer));
    }
    line("Total bytes sent", human(stats.bytes_sent, level));
    line("Total bytes received", human(stats.bytes_received, level));
}

fn counts(counts: &KindCounts, level: u8) -> String {
    let kinds = [
        ("reg", counts.regular()),
        ("dir", counts.dirs),
        ("link", counts.symlinks),
        ("dev", counts.devices),
        ("special", counts.specials),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name}: {}", grouped(count, level)))
        .collect();
    let total = grouped(counts.total, level);
    if kinds.is_empty() {
        total
    } else {
        format!("{total} ({})", kinds.join(", "))
    }
}

fn closing(stats: &Stats, options: &Options, lines: &mut Vec<String>) {
    let level = options.human_readable;
    let moved = (stats.bytes_sent + stats.bytes_received) as f64;
    // rsync counts whole seconds, and takes half of one for what it cannot know.
    let rate = moved / (0.5 + stats.seconds.floor());
    lines.push(format!(
        "sent {} bytes  received {} bytes  {} bytes/sec",
        human(stats.bytes_sent, level),
        human(stats.bytes_received, level),
        human_fraction(rate, 2, level)
    ));
    lines.push(format!(
        "total size is {}  speedup is {}{}",
        human(stats.total_size, level),
        grouped_fraction(stats.total_size as f64 / moved.max(1.0), 2, level),
        match options.dry_run {
            true if options.only_writes_batch() => " (BATCH ONLY)",
            true => " (DRY RUN)",
            false => "",
        }
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> Stats {
        Stats {
            protocol: 32,
            files: KindCounts {
                total: 8,
                dirs: 2,
                symlinks: 1,
                ..KindCounts::default()
            },
            created: KindCounts {
                total: 1_008,
                dirs: 1_007,
                devices: 1,
                ..KindCounts::default()
            },
            transferred_files: 5,
            total_size: 3_000_010,
            transferred_size: 3_000_009,
            literal_data: 3_000_009,
            list_seconds: 0.0016,
            bytes_sent: 3_001_131,
            bytes_received: 150,
            seconds: 0.4,
            ..Stats::default()
        }
    }

    fn options(stats: u8, level: u8) -> Options {
        let mut options = Options {
            human_readable: level,
            ..Options::default()
        };
        options.info.stats = stats;
        options
    }

    // The texts of rsync 3.5.0.
    #[test]
    fn the_block_of_stats() {
        let expected = "
Number of files: 8 (reg: 5, dir: 2, link: 1)
Number of created files: 1,008 (dir: 1,007, dev: 1)
Number of deleted files: 0
Number of regular files transferred: 5
Total file size: 3,000,010 bytes
Total transferred file size: 3,000,009 bytes
Literal data: 3,000,009 bytes
Matched data: 0 bytes
File list size: 0
File list generation time: 0.001 seconds
File list transfer time: 0.000 seconds
Total bytes sent: 3,001,131
Total bytes received: 150

sent 3,001,131 bytes  received 150 bytes  6,002,562.00 bytes/sec
total size is 3,000,010  speedup is 1.00";
        assert_eq!(lines(&stats(), &options(2, 1)).join("\n"), expected);
    }

    #[test]
    fn an_old_protocol_knows_less() {
        let of = |protocol| {
            let stats = Stats {
                protocol,
                list_seconds: 0.0,
                ..stats()
            };
            lines(&stats, &options(2, 1)).join("\n")
        };
        let has = |protocol, what| of(protocol).contains(what);
        assert!(!has(28, "created") && has(29, "created"));
        assert!(!has(30, "deleted") && has(31, "deleted"));
        assert!(!has(32, "File list generation time"));
    }

    #[test]
    fn the_closing_lines() {
        let mut options = options(1, 1);
        options.dry_run = true;
        let stats = Stats {
            total_size: 3_000_010,
            bytes_sent: 198,
            bytes_received: 68,
            ..Stats::default()
        };
        let expected = [
            "",
            "sent 198 bytes  received 68 bytes  532.00 bytes/sec",
            "total size is 3,000,010  speedup is 11,278.23 (DRY RUN)",
        ];
        assert_eq!(lines(&stats, &options), expected);
        options.info.stats = 0;
        assert_eq!(lines(&stats, &options), [""; 0]);
    }

    #[test]
    fn units() {
        let text = lines(&stats(), &options(2, 3)).join("\n");
        assert!(text.contains("\nTotal file size: 2.86M bytes\n"));
        assert!(text.contains("\nsent 2.86M bytes  received 150 bytes  5.72M bytes/sec\n"));
        let text = lines(&stats(), &options(1, 0)).join("\n");
        assert!(text.contains("total size is 3000010  speedup is 1.00"));
    }
}
