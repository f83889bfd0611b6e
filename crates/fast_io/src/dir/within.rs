//! Following symbolic links without leaving a directory.
//!
//! The walk goes one component at a time, by handles, and reads every link itself. What lies above
//! is what it came through, so neither a link nor a directory moved meanwhile leads it out.

use super::Dir;
use crate::sys;
use std::io;

/// More links than these in one path are taken for a loop, as Linux does.
pub(super) const MOST_LINKS: u32 = 40;

impl Dir {
    /// Opens the directory at `path`, relative to this one, following symbolic links as long as
    /// they stay beneath it. One that is absolute or leads above it is refused, even if it would
    /// come back.
    // The meaning of Linux's `RESOLVE_BENEATH`.
    pub fn open_within(&self, path: &[u8]) -> io::Result<Dir> {
        // From this directory (not part of it) down to where the walk stands.
        let mut passed: Vec<Dir> = Vec::new();
        let mut left = Vec::new();
        let mut links = 0;
        walk_next(&mut left, path)?;
        while let Some(step) = left.pop() {
            if step == b".." {
                passed.pop().ok_or_else(sys::refused_link)?;
                continue;
            }
            let at = passed.last().unwrap_or(self);
            match at.open_beneath(&step) {
                Ok(dir) => passed.push(dir),
                Err(e) => {
                    let target = at.read_link(&step).map_err(|_| e)?;
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(sys::refused_link());
                    }
                    walk_next(&mut left, &target)?;
                }
            }
        }
        passed.pop().map_or_else(|| self.open_beneath(b""), Ok)
    }
}

/// Puts a path's components before what is left; the next one is the last of the list.
fn walk_next(left: &mut Vec<Vec<u8>>, path: &[u8]) -> io::Result<()> {
    // A drive or stream: no component can have one.
    let elsewhere = cfg!(windows) && path.contains(&b':');
    if path.starts_with(b"/") || elsewhere {
        return Err(sys::refused_link());
    }
    let steps = path.rsplit(|&b| b == b'/');
    let steps = steps.filter(|step| !matches!(*step, b"" | b"."));
    left.extend(steps.map(<[u8]>::to_vec));
    Ok(())
}
