//! The rsync to compare with.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// rsync itself, or a failure that says how to get it: without it, these tests test nothing.
pub fn rsync() -> &'static PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let path = std::env::var_os("TIDESYNC_RSYNC").map_or_else(|| "rsync".into(), PathBuf::from);
        let output = Command::new(&path).arg("--version").output().unwrap_or_else(|error| {
            panic!("these tests compare with rsync, which cannot be run ({error}): apt-get install rsync")
        });
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.starts_with("rsync  version 3."),
            "these tests compare with Samba's rsync 3 (made against 3.5.0); {} is another: {text}",
            path.display()
        );
        path
    })
}
