//! The facts about a machine without which a number means nothing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::error::{BenchError, Doing};
use crate::sys::{self, Room};

/// Where the numbers come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Logical processors that we may use.
    pub cores: usize,
    /// The processor's name, where the system tells it in a file.
    pub processor: Option<String>,
    /// The system's name and version.
    pub system: String,
    /// The type of the file system that was measured on.
    pub file_system: Option<String>,
}

impl Machine {
    /// Looks at this machine, and at the file system of `directory`.
    pub fn look(directory: &Path) -> Self {
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            processor: fs::read_to_string("/proc/cpuinfo")
                .ok()
                .and_then(|text| parse_processor(&text)),
            system: system(),
            file_system: file_system(directory),
        }
    }
}

/// What the file system of `directory` can still hold. What a tmpfs promises is only worth the
/// memory that is free.
pub fn room(directory: &Path) -> Result<Room, BenchError> {
    let mut room = sys::room(directory).doing("ask for the free space of", directory)?;
    if file_system(directory).as_deref() == Some("tmpfs") {
        let memory = fs::read_to_string("/proc/meminfo")
            .ok()
            .and_then(|text| parse_available_memory(&text));
        room.bytes = room.bytes.min(memory.unwrap_or(u64::MAX));
    }
    Ok(room)
}

fn file_system(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    parse_mounts(&fs::read_to_string("/proc/self/mounts").ok()?, &directory)
}

/// The type of the last mount that holds the path most closely.
fn parse_mounts(mounts: &str, path: &Path) -> Option<String> {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(point), Some(kind)) = (fields.next(), fields.next()) else {
            continue;
        };
        let point = point.replace("\\040", " ");
        let longest = best.map_or(0, |(length, _)| length);
        if path.starts_with(&point) && point.len() >= longest {
            best = Some((point.len(), kind));
        }
    }
    best.map(|(_, kind)| kind.to_owned())
}

fn parse_processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn parse_available_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// What this system adds to the name of a benchmark whose numbers are its own: nothing for Linux.
pub fn suffix() -> &'static str {
    match std::env::consts::OS {
        "linux" => "",
        "macos" => "-macos",
        "windows" if is_wine() => "-wine",
        "windows" => "-windows",
        _ => "-elsewhere",
    }
}

/// Whether this Windows is none: numbers from there say little of a real one.
pub fn is_wine() -> bool {
    let mut query = Command::new("reg");
    query.args(["query", r"HKEY_CURRENT_USER\Software\Wine"]);
    cfg!(windows) && query.output().is_ok_and(|answer| answer.status.success())
}

fn system() -> String {
    let mut command = if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/c", "ver"]);
        command
    } else {
        let mut command = Command::new("uname");
        command.args(["-s", "-r", "-m"]);
        command
    };
    match command.output() {
        Ok(output) if output.status.success() => {
            let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            name + if is_wine() { " (Wine)" } else { "" }
        }
        _ => std::env::consts::OS.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_mount_names_the_file_system() {
        let mounts = "/dev/vda / ext4 rw 0 0\n\
                      tmpfs /dev/shm tmpfs rw 0 0\n\
                      /dev/vdb /mnt/my\\040disk xfs rw 0 0\n";
        let kind = |path: &str| parse_mounts(mounts, Path::new(path)).unwrap();
        assert_eq!(kind("/dev/shm/x"), "tmpfs");
        assert_eq!(kind("/dev/shmem"), "ext4");
        assert_eq!(kind("/mnt/my disk/x"), "xfs");
    }

    #[test]
    fn facts_are_read_from_proc() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: other\n";
        assert_eq!(parse_processor(cpuinfo).unwrap(), "Some CPU @ 2 GHz");
        let meminfo = "MemTotal:  9 kB\nMemAvailable:   2048 kB\n";
        assert_eq!(parse_available_memory(meminfo), Some(2 << 20));
    }
}
