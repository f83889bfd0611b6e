//! How much memory a program and its children needed at most.
//!
//! rsync is three processes, so one process's peak does not tell what a sync costs. The kernel
//! keeps each process's own peak in `/proc/PID/status` (`VmHWM`), which we look at until the
//! processes are gone. `wait4` would give a number without looking, but on Linux that number
//! starts from the peak of the process that called `exec`: ours, which is larger.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The peaks of a program and all its descendants, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeakMemory {
    /// Of the process that needed most, leaving out servers.
    pub largest: u64,
    /// Of the server that needed most, if there was one.
    pub server: Option<u64>,
    /// Of all together, as if they had peaked at once.
    pub sum: u64,
}

/// Watches process `root` and its descendants until `ended` is closed; `None` where the system
/// has no `/proc` to look at.
pub fn watch(root: u32, ended: &Receiver<()>) -> Option<PeakMemory> {
    // A peak can only be missed when it rises in the last moment of the process.
    const PAUSE: Duration = Duration::from_millis(4);
    // Looking for new processes costs more than looking at known ones, and most start early.
    const EARLY_LOOKS: usize = 8;
    const LOOKS_PER_SEARCH: usize = 4;

    let mut peaks: BTreeMap<u32, u64> = BTreeMap::from([(root, 0)]);
    let mut servers = BTreeSet::new();
    for look in 0.. {
        if look < EARLY_LOOKS || look % LOOKS_PER_SEARCH == 0 {
            for process in descendants(root) {
                // Before, it was only a copy of the one that started it.
                if is_server(process) && servers.insert(process) {
                    peaks.remove(&process);
                }
                peaks.entry(process).or_default();
            }
        }
        for (process, peak) in &mut peaks {
            *peak = (*peak).max(high_water_mark(*process).unwrap_or(0));
        }
        match ended.recv_timeout(PAUSE) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let largest_of = |served: bool| {
        let side = peaks
            .iter()
            .filter(|(process, _)| servers.contains(process) == served);
        side.map(|(_, peak)| *peak).max().filter(|peak| *peak > 0)
    };
    Some(PeakMemory {
        largest: largest_of(false)?,
        server: largest_of(true),
        sum: peaks.values().sum(),
    })
}

/// Whether a process was started to be the other side of a session, as rsync and tidesync start it.
fn is_server(process: u32) -> bool {
    fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| is_server_command(&line))
}

/// The first argument tells: a remote shell has the same words, further on.
fn is_server_command(line: &[u8]) -> bool {
    line.split(|&byte| byte == 0).nth(1) == Some(b"--server")
}

fn high_water_mark(process: u32) -> Option<u64> {
    parse_high_water_mark(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

fn parse_high_water_mark(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn descendants(root: u32) -> BTreeSet<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeSet::new();
    };
    let parents: Vec<(u32, u32)> = entries
        .filter_map(|entry| {
            let process = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            Some((process, parse_parent(&stat)?))
        })
        .collect();
    family(root, &parents)
}

/// All that come from `root` by these pairs of process and parent.
fn family(root: u32, parents: &[(u32, u32)]) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut unseen = vec![root];
    while let Some(parent) = unseen.pop() {
        for (child, _) in parents.iter().filter(|(_, of)| *of == parent) {
            if found.insert(*child) {
                unseen.push(*child);
            }
        }
    }
    found
}

/// The fourth field of `/proc/PID/stat`; the second is a name that may hold anything.
fn parse_parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status() {
        let status = "Name:\trsync\nVmPeak:\t   9000 kB\nVmHWM:\t    7312 kB\nVmRSS:\t 12 kB\n";
        assert_eq!(parse_high_water_mark(status), Some(7312 * 1024));
        assert_eq!(parse_high_water_mark("Name:\tzombie\n"), None);
    }

    #[test]
    fn a_server_is_told_from_the_shell_that_starts_it() {
        assert!(is_server_command(
            b"/usr/bin/rsync\0--server\0-logDtpre.iLsfxCIvu\0.\0"
        ));
        assert!(!is_server_command(b"rsync\0-a\0source/\0h:\0"));
        assert!(!is_server_command(
            b"bench\0remote-shell\0h\0rsync\0--server\0"
        ));
    }

    #[test]
    fn a_name_with_parentheses_does_not_hide_the_parent() {
        assert_eq!(parse_parent("71 (a) S 1 (b)) S 42 71 71 0"), Some(42));
    }

    #[test]
    fn grandchildren_belong_to_the_family_and_strangers_do_not() {
        let parents = [(2, 1), (10, 2), (11, 10), (12, 1), (13, 11)];
        assert_eq!(family(10, &parents), BTreeSet::from([11, 13]));
    }
}
