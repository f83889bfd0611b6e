//! Gigabytes of files, perhaps in memory, must not outlive a Ctrl-C.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Whether the user has interrupted the run.
pub struct Interruption(Arc<AtomicBool>);

/// Has `place` removed, and the process ended, when the user interrupts.
pub fn remove_at(place: &Path) -> Interruption {
    let interrupted = Arc::new(AtomicBool::new(false));
    let (place, flag) = (place.to_owned(), Arc::clone(&interrupted));
    let installed = ctrlc::set_handler(move || {
        flag.store(true, Ordering::SeqCst);
        // Whatever is still being written into the directory can keep it from going at once.
        let gone = (0..100).any(|_| fs::remove_dir_all(&place).is_ok() || !place.exists());
        if !gone {
            eprintln!("bench: remove {} yourself", place.display());
        }
        std::process::exit(130);
    });
    if installed.is_err() {
        eprintln!("bench: an interrupted run will leave its files behind");
    }
    Interruption(interrupted)
}

impl Interruption {
    /// Waits for the end of the process if it was interrupted: what failed since is then only what
    /// was taken away.
    pub fn park_if_so(&self) {
        while self.0.load(Ordering::SeqCst) {
            thread::park();
        }
    }
}
