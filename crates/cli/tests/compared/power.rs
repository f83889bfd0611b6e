//! What can be tested depends on what the running user may make.

/// What the running user may make.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Power {
    Root,
    User,
}

impl Power {
    /// That of this process. A root that may not make devices (in many containers) counts as a
    /// user, for it cannot chown everywhere either.
    pub fn of_this_process() -> Self {
        use nix::sys::stat::{Mode, SFlag, makedev, mknod};
        if !nix::unistd::geteuid().is_root() {
            return Power::User;
        }
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let made = mknod(
            &scratch.path().join("null"),
            SFlag::S_IFCHR,
            Mode::S_IRWXU,
            makedev(1, 3),
        );
        if made.is_ok() {
            Power::Root
        } else {
            Power::User
        }
    }
}
