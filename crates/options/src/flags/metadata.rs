//! Flags that decide which attributes of a file are preserved, and how they are changed.
//!
//! rsync: options.c, rsync.c set_file_attrs()

use crate::error::OptionError;
use crate::flag::{Effect, Flag, Takes};
use crate::given::{Given, MapSource};
use crate::name_map::{MapKind, NameMap};
use crate::resolved::SuperMode;

pub(super) const FLAGS: &[Flag] = &[
    PERMS,
    EXECUTABILITY,
    CHMOD,
    OWNER,
    GROUP,
    NUMERIC_IDS,
    USERMAP,
    GROUPMAP,
    CHOWN,
    SUPER,
    DEVICES_AND_SPECIALS,
    DEVICES,
    SPECIALS,
    DROP_NODES,
    ACLS,
    XATTRS,
    COPY_DEVICES,
    TIMES,
    ATIMES,
    OPEN_NOATIME,
    CRTIMES,
    OMIT_DIR_TIMES,
    OMIT_LINK_TIMES,
];

const PERMS: Flag = Flag::switch("perms", Some('p'), "preserve permissions", |given| {
    given.options.preserve_perms = true;
})
.undo(&["no-perms", "no-p"], |given| {
    given.options.preserve_perms = false
})
.doc(
    "Give the destination the source's permission bits. Without it existing files keep theirs \
     and new ones get the source's within the umask.",
);

const EXECUTABILITY: Flag = Flag::switch(
    "executability",
    Some('E'),
    "preserve executability",
    |given| given.options.preserve_executability = true,
)
.doc("Without `-p`: transfer only whether a file may be executed.");

const CHMOD: Flag = Flag::valued(
    "chmod",
    None,
    Takes::Text("CHMOD"),
    "affect file and/or directory permissions",
    |given, value| {
        given.options.chmod.append(value.bytes()).map_err(|_| {
            let text = value.text();
            OptionError::syntax(format!("Invalid argument passed to --chmod ({text})"))
        })?;
        Ok(())
    },
)
.doc(
    "Change the permissions that arrive, in the language of chmod(1), elements separated by \
     commas. `D` before an element restricts it to directories, `F` to all else: \
     `--chmod=D755,F644`. Given again, it adds.",
);

const OWNER: Flag = Flag::switch(
    "owner",
    Some('o'),
    "preserve owner (super-user only)",
    |given| {
        given.options.preserve_uid = true;
    },
)
.undo(&["no-owner", "no-o"], |given| {
    given.options.preserve_uid = false
})
.doc("Give the destination the source's owner, by name where both sides know it.");

const GROUP: Flag = Flag::switch("group", Some('g'), "preserve group", |given| {
    given.options.preserve_gid = true;
})
.undo(&["no-group", "no-g"], |given| {
    given.options.preserve_gid = false
})
.doc("Give the destination the source's group, as far as the user is a member of it.");

const NUMERIC_IDS: Flag = Flag::switch(
    "numeric-ids",
    None,
    "don't map uid/gid values by user/group name",
    |given| given.options.numeric_ids = true,
)
.undo(&["no-numeric-ids"], |given| {
    given.options.numeric_ids = false
})
.doc("Owners and groups are numbers, not names.");

const USERMAP: Flag = Flag::valued(
    "usermap",
    None,
    Takes::Text("STRING"),
    "custom username mapping",
    |given, value| {
        claim(&mut given.usermap_by, MapSource::Map, "--usermap")?;
        given.options.usermap = NameMap::parse(value.bytes(), MapKind::User)?;
        given.options.as_given.usermap = Some(value.bytes().to_vec());
        given.options.preserve_uid = true;
        Ok(())
    },
)
.doc(
    "Change owners: `FROM:TO` separated by commas, the first match decides. FROM is a name, a \
     pattern, an ID or a range of IDs, or empty for IDs without a name; TO is a name or an ID: \
     `--usermap=0-99:nobody,*:1000`. Implies `--owner`.",
);

const GROUPMAP: Flag = Flag::valued(
    "groupmap",
    None,
    Takes::Text("STRING"),
    "custom groupname mapping",
    |given, value| {
        claim(&mut given.groupmap_by, MapSource::Map, "--groupmap")?;
        given.options.groupmap = NameMap::parse(value.bytes(), MapKind::Group)?;
        given.options.as_given.groupmap = Some(value.bytes().to_vec());
        given.options.preserve_gid = true;
        Ok(())
    },
)
.doc("The same for groups. Implies `--group`.");

const CHOWN: Flag = Flag::valued(
    "chown",
    None,
    Takes::Text("USER:GROUP"),
    "simple username/groupname mapping",
    |given, value| {
        let bytes = value.bytes();
        let colon = bytes.iter().position(|&b| b == b':');
        let user = &bytes[..colon.unwrap_or(bytes.len())];
        let group = colon.map_or(&[][..], |at| &bytes[at + 1..]);
        if !user.is_empty() {
            claim(&mut given.usermap_by, MapSource::Chown, "--usermap")?;
            given.options.usermap = NameMap::everybody(user)?;
            given.options.as_given.usermap = Some([b"*:", user].concat());
            given.options.preserve_uid = true;
        }
        if !group.is_empty() {
            claim(&mut given.groupmap_by, MapSource::Chown, "--groupmap")?;
            given.options.groupmap = NameMap::everybody(group)?;
            given.options.as_given.groupmap = Some([b"*:", group].concat());
            given.options.preserve_gid = true;
        }
        Ok(())
    },
)
.doc("Everything belongs to this user and group; either may be left out. Short for `--usermap=*:USER --groupmap=*:GROUP`.");

/// A map is given once, and by one option.
fn claim(by: &mut Option<MapSource>, new: MapSource, map: &str) -> Result<(), OptionError> {
    let complaint = match (by.replace(new), new) {
        (None, _) => return Ok(()),
        (Some(MapSource::Chown), MapSource::Map) => format!("{map} conflicts with prior --chown."),
        (Some(MapSource::Map), MapSource::Chown) => format!("--chown conflicts with prior {map}."),
        (Some(MapSource::Map), MapSource::Map) => format!("You can only specify {map} once."),
        (Some(MapSource::Chown), MapSource::Chown) => {
            let affected = if map == "--usermap" { "user" } else { "group" };
            format!("You can only specify a {affected}-affecting --chown once.")
        }
    };
    Err(OptionError::syntax(complaint))
}

const SUPER: Flag = Flag::switch(
    "super",
    None,
    "receiver attempts super-user activities",
    |given| {
        given.options.super_mode = SuperMode::Super;
    },
)
.undo(&["no-super"], |given| {
    given.options.super_mode = SuperMode::NoSuper
})
.doc(
    "Try what the super-user may do (owners, devices) as whoever you are; `--no-super` does not \
     try even as the super-user.",
);

const DEVICES_AND_SPECIALS: Flag =
    Flag::switch("", Some('D'), "same as --devices --specials", |given| {
        given.options.preserve_devices = true;
        given.options.preserve_specials = true;
    })
    .undo(&["no-D"], |given| {
        given.options.preserve_devices = false;
        given.options.preserve_specials = false;
    })
    .doc("The same as `--devices --specials`.");

const DEVICES: Flag = Flag::switch(
    "devices",
    None,
    "preserve device files (super-user only)",
    |given| {
        given.options.preserve_devices = true;
    },
)
.undo(&["no-devices"], |given| {
    given.options.preserve_devices = false
})
.doc("Create character and block devices at the destination.");

const SPECIALS: Flag = Flag::switch("specials", None, "preserve special files", |given| {
    given.options.preserve_specials = true;
})
.undo(&["no-specials"], |given| {
    given.options.preserve_specials = false
})
.doc("Create sockets and FIFOs at the destination.");

const DROP_NODES: Flag = Flag::switch(
    "drop-D",
    None,
    "receiver refuses to create devices/specials",
    |given| given.options.drop_nodes = true,
)
.undo(&["no-drop-D"], |given| given.options.drop_nodes = false)
.doc(
    "Skip devices, sockets and FIFOs at the destination, whatever `-D` says: for one side alone, \
     which may not change what the two have agreed upon. It is not sent to the other side.",
);

const ACLS: Flag = Flag::new(
    "acls",
    Some('A'),
    Takes::Nothing,
    "preserve ACLs (implies --perms)",
    on_linux(|given| {
        given.options.preserve_acls = true;
        given.options.preserve_perms = true;
    }),
)
.undo(&["no-acls", "no-A"], |given| {
    given.options.preserve_acls = false
})
.doc(
    "Give the destination the source's access control lists, and the default ones of directories. \
     Users and groups are those of the same name. Implies `--perms`. Only on Linux.",
);

const XATTRS: Flag = Flag::new(
    "xattrs",
    Some('X'),
    Takes::Nothing,
    "preserve extended attributes",
    on_linux(|given| {
        let level = &mut given.options.preserve_xattrs;
        *level = level.saturating_add(1);
    }),
)
.undo(&["no-xattrs", "no-X"], |given| {
    given.options.preserve_xattrs = 0
})
.doc(
    "Give the destination the source's extended attributes, and take away those that the source \
     has not. As an ordinary user, only those of the namespace `user`; as the super-user, all but \
     those of `system`. Rules with the modifier `x` choose among all of them instead: \
     `--filter='-x user.old*'`. Attributes by which rsync remembers what it could not set \
     (`user.rsync.%stat` and the like) are left out, unless the option is given twice (`-XX`). \
     Only on Linux.",
);

/// What an option does where attributes are looked at.
const fn on_linux(set: fn(&mut Given)) -> Effect {
    if cfg!(target_os = "linux") {
        Effect::Switch(set)
    } else {
        Effect::Refuse("it is for Linux so far: leave it out")
    }
}

const COPY_DEVICES: Flag = Flag::switch(
    "copy-devices",
    None,
    "copy device contents as a regular file",
    |given| given.options.copy_devices = true,
)
.doc(
    "Take a device of the source for a file that holds what is on it, changed now. It is read to \
     its end, so it must have one.",
);

const TIMES: Flag = Flag::switch("times", Some('t'), "preserve modification times", |given| {
    given.options.preserve_times = true;
})
.undo(&["no-times", "no-t"], |given| {
    given.options.preserve_times = false
})
.doc(
    "Give the destination the source's modification times. Without it the next run cannot tell \
     by time what is unchanged, and updates everything.",
);

const ATIMES: Flag = Flag::switch(
    "atimes",
    Some('U'),
    "preserve access (use) times",
    |given| {
        let options = &mut given.options;
        options.open_noatime |= options.preserve_atimes;
        options.as_given.atimes = if options.preserve_atimes { 2 } else { 1 };
        options.preserve_atimes = true;
    },
)
.undo(&["no-atimes", "no-U"], |given| {
    given.options.preserve_atimes = false;
    given.options.as_given.atimes = 0;
})
.doc(
    "Give the destination the source's access times, of all but directories. Given twice, also \
     `--open-noatime`.",
);

const OPEN_NOATIME: Flag = Flag::switch(
    "open-noatime",
    None,
    "avoid changing the atime on opened files",
    |given| given.options.open_noatime = true,
)
.undo(&["no-open-noatime"], |given| {
    given.options.open_noatime = false
})
.doc("Read files without changing their access times, where the system can and allows it.");

/// No file system of Linux lets one be set. Not shown.
const CRTIMES: Flag = Flag::new(
    "crtimes",
    Some('N'),
    Takes::Nothing,
    "",
    Effect::Lack("--crtimes (-N)"),
)
.undo(&["no-crtimes", "no-N"], |_| {});

const OMIT_DIR_TIMES: Flag = Flag::switch(
    "omit-dir-times",
    Some('O'),
    "omit directories from --times",
    |given| {
        given.options.omit_dir_times = true;
        given.options.as_given.omit_dir_times = true;
    },
)
.undo(&["no-omit-dir-times", "no-O"], |given| {
    given.options.omit_dir_times = false;
    given.options.as_given.omit_dir_times = false;
})
.doc("Leave the times of directories alone. Backups beside the files imply it.");

const OMIT_LINK_TIMES: Flag = Flag::switch(
    "omit-link-times",
    Some('J'),
    "omit symlinks from --times",
    |given| given.options.omit_link_times = true,
)
.undo(&["no-omit-link-times", "no-J"], |given| {
    given.options.omit_link_times = false
})
.doc("Leave the times of symlinks alone.");

#[cfg(test)]
mod tests {
    use crate::asked::{error, options};
    use crate::error::ErrorKind;
    use crate::name_map::{MapFrom, MapTo};
    use crate::resolved::SuperMode;

    #[test]
    fn drop_nodes() {
        let nodes = options("-a --drop-D");
        assert!(nodes.drop_nodes && nodes.preserve_devices && nodes.preserve_specials);
        assert!(!options("-a --drop-D --no-drop-D").drop_nodes);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn acls() {
        let acls = options("-rA");
        assert!(acls.preserve_acls && acls.preserve_perms);
        let taken_back = options("-A --no-acls");
        assert!(!taken_back.preserve_acls && taken_back.preserve_perms);
        assert!(options("--acls").preserve_acls && !options("-aA --no-A").preserve_acls);
    }

    #[cfg(not(target_os = "linux"))]
    #[test]
    fn acls() {
        let refusal = error("-aA").to_string();
        assert!(refusal.starts_with("tidesync: --acls (-A)"), "{refusal}");
        assert_eq!(options("-a --no-A"), options("-a"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn xattrs() {
        assert_eq!(options("-a").preserve_xattrs, 0);
        assert_eq!(options("-X --xattrs").preserve_xattrs, 2);
        assert_eq!(options("-aXX --no-xattrs -X").preserve_xattrs, 1);
        assert_eq!(options("-aXX --no-X").preserve_xattrs, 0);
    }

    #[cfg(not(target_os = "linux"))]
    #[test]
    fn xattrs() {
        let refusal = error("-aX").to_string();
        assert!(refusal.starts_with("tidesync: --xattrs (-X)"), "{refusal}");
        assert_eq!(options("-a --no-X"), options("-a"));
    }

    #[test]
    fn perms() {
        assert!(options("-p").preserve_perms && options("--perms").preserve_perms);
        assert!(!options("-p --no-p").preserve_perms && !options("-a --no-perms").preserve_perms);
    }

    #[test]
    fn executability() {
        assert!(options("-E").preserve_executability);
        assert!(options("--executability").preserve_executability);
    }

    #[test]
    fn chmod() {
        let chmod = options("--chmod=F600 --chmod=u+x").chmod;
        assert_eq!(chmod.apply(0o100644, 0o022), 0o100700);
        let message = "tidesync: Invalid argument passed to --chmod (zz)";
        assert_eq!(error("--chmod=zz").to_string(), message);
    }

    #[test]
    fn owner() {
        assert!(options("-o").preserve_uid && options("--owner").preserve_uid);
        assert!(!options("-a --no-o").preserve_uid && !options("-o --no-owner").preserve_uid);
    }

    #[test]
    fn group() {
        assert!(options("-g").preserve_gid && options("--group").preserve_gid);
        assert!(!options("-a --no-g").preserve_gid && !options("-g --no-group").preserve_gid);
    }

    #[test]
    fn numeric_ids() {
        assert!(options("--numeric-ids").numeric_ids);
        assert!(!options("--numeric-ids --no-numeric-ids").numeric_ids);
    }

    #[test]
    fn usermap() {
        let map = options("--usermap=0-9:x,y:5");
        assert!(map.preserve_uid && !map.preserve_gid);
        assert_eq!(
            map.usermap.rules[0].from,
            MapFrom::Ids { first: 0, last: 9 }
        );
        let twice = "tidesync: You can only specify --usermap once.";
        assert_eq!(error("--usermap=a:b --usermap=c:d").to_string(), twice);
        let chown = "tidesync: --usermap conflicts with prior --chown.";
        assert_eq!(error("--chown=a --usermap=a:b").to_string(), chown);
        assert_eq!(
            error("--usermap=zzz").to_string(),
            "No colon found in --usermap: zzz"
        );
    }

    #[test]
    fn groupmap() {
        let map = options("--groupmap=*:5");
        assert!(map.preserve_gid && !map.preserve_uid);
        assert_eq!(map.groupmap.rules[0].to, MapTo::Id(5));
        let twice = "tidesync: You can only specify --groupmap once.";
        assert_eq!(error("--groupmap=a:b --groupmap=c:d").to_string(), twice);
    }

    #[test]
    fn chown() {
        let both = options("--chown=a:b");
        assert!(both.preserve_uid && both.preserve_gid);
        assert_eq!(both.usermap.rules[0].from, MapFrom::Wild(b"*".to_vec()));
        assert_eq!(both.usermap.rules[0].to, MapTo::Name(b"a".to_vec()));
        assert_eq!(both.groupmap.rules[0].to, MapTo::Name(b"b".to_vec()));
        let halves = options("--chown=a --chown=:b");
        assert!(!halves.usermap.rules.is_empty() && !halves.groupmap.rules.is_empty());
        assert!(!options("--chown=:").preserve_uid);
        for (line, message) in [
            (
                "--usermap=a:b --chown=c",
                "--chown conflicts with prior --usermap.",
            ),
            (
                "--groupmap=a:b --chown=:c",
                "--chown conflicts with prior --groupmap.",
            ),
            (
                "--chown=a --chown=b",
                "You can only specify a user-affecting --chown once.",
            ),
            (
                "--chown=:a --chown=:b",
                "You can only specify a group-affecting --chown once.",
            ),
        ] {
            assert_eq!(error(line).to_string(), format!("tidesync: {message}"));
        }
    }

    #[test]
    fn super_mode() {
        assert_eq!(options("").super_mode, SuperMode::Auto);
        assert_eq!(options("--super").super_mode, SuperMode::Super);
        assert_eq!(options("--super --no-super").super_mode, SuperMode::NoSuper);
    }

    #[test]
    fn devices_and_specials() {
        let both = options("-D");
        assert!(both.preserve_devices && both.preserve_specials);
        let none = options("-D --no-D");
        assert!(!none.preserve_devices && !none.preserve_specials);
    }

    #[test]
    fn devices() {
        assert!(options("--devices").preserve_devices && !options("--devices").preserve_specials);
        assert!(!options("-a --no-devices").preserve_devices);
    }

    #[test]
    fn specials() {
        assert!(options("--specials").preserve_specials);
        assert!(!options("-a --no-specials").preserve_specials);
    }

    #[test]
    fn copy_devices() {
        assert!(options("--copy-devices").copy_devices && !options("-a").copy_devices);
    }

    #[test]
    fn times() {
        assert!(options("-t").preserve_times && options("--times").preserve_times);
        assert!(!options("-t --no-t").preserve_times && !options("-a --no-times").preserve_times);
    }

    #[test]
    fn atimes() {
        assert!(options("-U").preserve_atimes && options("--atimes").preserve_atimes);
        assert!(!options("-a").preserve_atimes && !options("-U --no-U").preserve_atimes);
        assert!(options("-UU").open_noatime && !options("-U").open_noatime);
        assert!(!options("-U --no-atimes -U").open_noatime);
    }

    #[test]
    fn open_noatime() {
        assert!(options("--open-noatime").open_noatime);
        assert!(!options("--open-noatime --no-open-noatime").open_noatime);
    }

    #[test]
    fn crtimes() {
        for line in ["-N a b", "--crtimes a b", "-aN --no-N a b"] {
            let refusal = error(line);
            let message = "tidesync: This rsync does not support --crtimes (-N)";
            assert_eq!(
                (refusal.kind, &*refusal.to_string()),
                (ErrorKind::Syntax, message)
            );
        }
        let message = "tidesync: The server does not support --crtimes (-N)";
        let line = "--server -logDtpNre.iLsfxCIvu . x";
        assert_eq!(error(line).to_string(), message);
        assert_eq!(options("-a --no-crtimes --no-N"), options("-a"));
    }

    #[test]
    fn omit_dir_times() {
        assert!(options("-O").omit_dir_times && options("--omit-dir-times").omit_dir_times);
        assert!(!options("-O --no-O").omit_dir_times);
        assert!(!options("-O --no-omit-dir-times").omit_dir_times);
    }

    #[test]
    fn omit_link_times() {
        assert!(options("-J").omit_link_times && options("--omit-link-times").omit_link_times);
        assert!(!options("-J --no-J").omit_link_times);
        assert!(!options("-J --no-omit-link-times").omit_link_times);
    }
}
