//! The drivers under test, and the macro that runs a chapter on each.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use fast_io::{Backend, CompletionPump, PumpConfig, Script, SharedFile};

/// One driver under test.
pub struct Subject {
    backend: Backend,
}

impl Subject {
    /// This driver with its defaults.
    pub fn config(&self) -> PumpConfig {
        PumpConfig::default().with_backend(self.backend.clone())
    }

    /// Whether the system lets it run. Containers often forbid io_uring: that is no fault of the
    /// driver's, but is said aloud, and is a failure where `FAST_IO_EXPECT=uring` says that it is
    /// offered (`.ci/native` does). Any other refusal is for the tests to meet.
    pub fn is_offered(&self) -> bool {
        #[cfg(target_os = "linux")]
        if matches!(self.backend, Backend::Uring)
            && let Err(error) = CompletionPump::start(&self.config())
            && matches!(
                error.kind(),
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::Unsupported
            )
        {
            let expected = std::env::var_os("FAST_IO_EXPECT").is_some_and(|name| name == "uring");
            assert!(!expected, "uring was expected, and is refused: {error}");
            eprintln!("NOT RUN: this system forbids io_uring: {error}");
            return false;
        }
        true
    }

    /// A pump on this driver.
    pub fn pump(&self) -> Arc<CompletionPump> {
        start(&self.config())
    }
}

/// A pump as configured.
pub fn start(config: &PumpConfig) -> Arc<CompletionPump> {
    Arc::new(CompletionPump::start(config).expect("the driver starts"))
}

/// A new file in `directory`, open for reading and writing.
pub fn new_file(directory: &Path, name: &str) -> SharedFile {
    let mut options = File::options();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(directory.join(name));
    SharedFile::new(file.expect("a new file in a temporary directory"))
}

/// Bytes that differ from place to place, so that a misplaced one shows.
pub fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub fn threads() -> Subject {
    Subject {
        backend: Backend::Threads,
    }
}

/// What runs where nobody asks for a driver: elsewhere that is one of the others.
#[cfg(target_os = "linux")]
pub fn auto() -> Subject {
    Subject {
        backend: Backend::Auto,
    }
}

#[cfg(target_os = "linux")]
pub fn uring() -> Subject {
    Subject {
        backend: Backend::Uring,
    }
}

#[cfg(windows)]
pub fn iocp() -> Subject {
    Subject {
        backend: Backend::Iocp,
    }
}

pub fn scripted() -> Subject {
    Subject {
        backend: Backend::Scripted(Script::seeded(7)),
    }
}

pub fn scripted_in_small_parts() -> Subject {
    Subject {
        backend: Backend::Scripted(Script::seeded(11).with_short_counts(700)),
    }
}

/// Makes one test of each named function for each driver.
macro_rules! on_every_driver {
    ($($test:ident),+ $(,)?) => {
        on_every_driver!(@each threads, $($test),+);
        #[cfg(target_os = "linux")]
        on_every_driver!(@each auto, $($test),+);
        #[cfg(target_os = "linux")]
        on_every_driver!(@each uring, $($test),+);
        #[cfg(windows)]
        on_every_driver!(@each iocp, $($test),+);
        on_every_driver!(@each scripted, $($test),+);
        on_every_driver!(@each scripted_in_small_parts, $($test),+);
    };
    (@each $driver:ident, $($test:ident),+) => {
        mod $driver {
            $(
                #[test]
                fn $test() {
                    let subject = crate::driver::$driver();
                    if subject.is_offered() {
                        super::$test(&subject);
                    }
                }
            )+
        }
    };
}
pub(crate) use on_every_driver;
