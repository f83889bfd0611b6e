//! Where programs are measured: as asked, or in memory where that is offered and big enough.

use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::error::{BenchError, Doing};
use crate::workload::Workload;

/// A directory that can hold each of these.
pub fn choose(arguments: &Arguments, workloads: &[Workload]) -> Result<PathBuf, BenchError> {
    // Workloads are made one after the other, so each must fit, not all together.
    let check_room = |directory: &Path| {
        workloads
            .iter()
            .try_for_each(|workload| workload.check_room(directory, arguments.scale))
    };
    if let Some(directory) = &arguments.directory {
        let directory = std::path::absolute(directory).doing("find", directory)?;
        check_room(&directory)?;
        return Ok(directory);
    }
    let memory = PathBuf::from("/dev/shm");
    let writable = tempfile::tempfile_in(&memory).is_ok();
    if cfg!(target_os = "linux") && writable && check_room(&memory).is_ok() {
        return Ok(memory);
    }
    let directory = std::env::temp_dir();
    check_room(&directory)?;
    Ok(directory)
}
