//! What a symbolic link's target says about its safety.

/// Whether a link at `name` (relative to the transfer's top) with this target points outside
/// the transferred tree: absolute, empty, or climbing above its top.
// rsync: util1.c unsafe_symlink()
pub fn is_unsafe(target: &[u8], name: &[u8]) -> bool {
    if target.is_empty() || target[0] == b'/' {
        return true;
    }
    // `..` may stand only at the beginning: a directory before it could become a link later.
    let mut rest = target;
    while let Some(after) = rest.strip_prefix(b"../") {
        rest = after;
        while let Some(after) = rest.strip_prefix(b"/") {
            rest = after;
        }
    }
    if rest.windows(4).any(|w| w == b"/../") || (target.len() > 3 && target.ends_with(b"/..")) {
        return true;
    }

    let mut depth = 0i64;
    let mut components = name
        .split(|&b| b == b'/')
        .filter(|c| !c.is_empty())
        .peekable();
    while let Some(component) = components.next() {
        let last = components.peek().is_none();
        match component {
            b".." => depth = 0,
            b"." => {}
            _ if last => {}
            _ => depth += 1,
        }
    }
    let mut components = target
        .split(|&b| b == b'/')
        .filter(|c| !c.is_empty())
        .peekable();
    while let Some(component) = components.next() {
        let last = components.peek().is_none() && !target.ends_with(b"/");
        match component {
            b".." => depth -= 1,
            b"." => {}
            _ if last => {}
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// What `--munge-links` puts before a target to make a link unusable.
// rsync: rsync.h SYMLINK_PREFIX
pub const MUNGE_PREFIX: &[u8] = b"/rsyncd-munged/";

#[cfg(test)]
mod tests {
    use super::is_unsafe;

    #[test]
    fn known_cases() {
        for (target, name, expected) in [
            ("/etc/passwd", "a", true),
            ("", "a", true),
            ("b", "a", false),
            ("../b", "a", true),
            ("../b", "d/a", false),
            ("../../b", "d/a", true),
            ("x/../../b", "d/a", true),
            ("..", "d/a", false),
            ("..", "a", true),
            ("./b", "a", false),
            ("d/..", "a", true),
            ("..//b", "d/a", false),
        ] {
            assert_eq!(
                is_unsafe(target.as_bytes(), name.as_bytes()),
                expected,
                "{target} {name}"
            );
        }
    }
}
