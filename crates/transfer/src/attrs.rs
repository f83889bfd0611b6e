//! A destination entry's metadata: does it differ from the source's, and making it equal.
// rsync: generator.c unchanged_attrs() and its helpers, rsync.c set_file_attrs(), dest_mode()

use crate::acls;
use crate::context::{Context, line};
use crate::event::Role;
use crate::ids::Ids;
use crate::item::ItemFlags;
use fast_io::dir::{
    Dir, FileKind, Stat, Timestamp, XattrsOf, file_stat, remove_xattr, set_file_atime,
    set_file_mtime, set_file_owner, set_file_permissions, set_xattr,
};
use options::Options;
use std::fs::File;
use std::io;
use tree::acl::{ACCESS, Acl, DEFAULT};
use tree::entry::Entry;

const PERMISSIONS: u32 = 0o7777;

/// An entry as the destination should have it: the mode is the generator's decision.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub entry: &'a Entry,
    pub mode: u32,
}

/// What attributes are set through.
pub(crate) enum Handle<'a> {
    /// An open file.
    File(&'a File),
    /// A name in an open directory.
    Name(&'a Dir, &'a [u8]),
    /// An open directory itself.
    Root(&'a Dir),
}

/// How exact the modification time has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeRule {
    /// Within `--modify-window` will do.
    Window,
    /// To the nanosecond: the file was just written.
    Exact,
    /// It is left alone.
    Skip,
}

/// Whether two times count as the same.
// rsync: util1.c same_time()
pub(crate) fn same_time(window: i32, a: Timestamp, b: Timestamp) -> bool {
    match window {
        0 => a.secs == b.secs,
        w if w < 0 => a == b,
        w => a.secs.abs_diff(b.secs) <= w as u64,
    }
}

/// The mode that the destination gets where permissions are not preserved. `new` are the permissions that
/// a new entry may have at most.
// rsync: rsync.c dest_mode()
pub(crate) fn dest_mode(ctx: &Context, new: u32, source: u32, existing: Option<&Stat>) -> u32 {
    let Some(stat) = existing else {
        return source & (!PERMISSIONS | new);
    };
    let mut mode = (source & !PERMISSIONS) | stat.permissions;
    if ctx.options.preserve_executability && FileKind::from_mode(source) == Some(FileKind::Regular)
    {
        if source & 0o111 == 0 {
            mode &= !0o111;
        } else if stat.permissions & 0o111 == 0 {
            mode |= (mode & 0o444) >> 2;
        }
    }
    mode
}

/// Whether the time of this kind of entry is preserved.
pub(crate) fn keeps_time(o: &Options, mode: u32) -> bool {
    o.preserve_times
        && match FileKind::from_mode(mode) {
            Some(FileKind::Directory) => !o.omit_dir_times,
            Some(FileKind::Symlink) => !o.omit_link_times,
            _ => true,
        }
}

/// The attributes that differ, as item flags.
// rsync: generator.c itemize()
pub(crate) fn differences(
    ctx: &Context,
    ids: &Ids,
    wanted: Wanted<'_>,
    stat: &Stat,
    mut flags: ItemFlags,
    matched: bool,
    relinked: bool,
) -> ItemFlags {
    let o = &ctx.options;
    let entry = wanted.entry;
    if entry.is_regular() && entry.size != stat.size {
        flags |= ItemFlags::REPORT_SIZE;
    }
    let touched = flags.contains(ItemFlags::TRANSFER) || flags.contains(ItemFlags::LOCAL_CHANGE);
    if keeps_time(o, entry.mode()) {
        if !same_time(o.modify_window, stat.mtime, entry.mtime()) {
            flags |= ItemFlags::REPORT_TIME;
        }
    } else if touched && !matched && !relinked {
        flags |= ItemFlags::REPORT_TIME;
    }
    if !entry.is_symlink() && atime_differs(o, entry, stat) {
        flags |= ItemFlags::REPORT_ATIME;
    }
    if !entry.is_symlink() && permissions_differ(o, wanted.mode, stat) {
        flags |= ItemFlags::REPORT_PERMS;
    }
    if owner_differs(ctx, ids, entry, stat) {
        flags |= ItemFlags::REPORT_OWNER;
    }
    if group_differs(o, ids, entry, stat) {
        flags |= ItemFlags::REPORT_GROUP;
    }
    flags
}

/// Whether nothing but the content could differ.
// rsync: generator.c unchanged_attrs()
pub(crate) fn unchanged(
    ctx: &Context,
    ids: &Ids,
    wanted: Wanted<'_>,
    stat: &Stat,
    rule: TimeRule,
) -> bool {
    let o = &ctx.options;
    let same = match rule {
        TimeRule::Skip => true,
        TimeRule::Exact => stat.mtime == wanted.entry.mtime(),
        TimeRule::Window => same_time(o.modify_window, stat.mtime, wanted.entry.mtime()),
    };
    let link = wanted.entry.is_symlink();
    let time = o.preserve_times && !(link && o.omit_link_times) && !same;
    let perms = !link && permissions_differ(o, wanted.mode, stat);
    !(time
        || perms
        || owner_differs(ctx, ids, wanted.entry, stat)
        || group_differs(o, ids, wanted.entry, stat))
}

/// Whether the access time is preserved, and another one. Only its seconds are.
fn atime_differs(o: &Options, entry: &Entry, stat: &Stat) -> bool {
    let seconds = |secs| Timestamp { secs, nanos: 0 };
    entry
        .atime()
        .is_some_and(|atime| !same_time(o.modify_window, seconds(stat.atime.secs), seconds(atime)))
}

fn permissions_differ(o: &Options, mode: u32, stat: &Stat) -> bool {
    if o.preserve_perms {
        mode_shown(mode) != mode_shown(stat.mode())
    } else {
        o.preserve_executability && (mode & 0o111 != 0) != (stat.permissions & 0o111 != 0)
    }
}

/// The permission bits that this system can hold: on Windows a file is read-only or is not.
fn mode_shown(mode: u32) -> u32 {
    match FileKind::from_mode(mode) {
        Some(FileKind::Directory) if cfg!(windows) => 0,
        _ if cfg!(windows) => mode & 0o200,
        _ => mode & PERMISSIONS,
    }
}

fn owner_differs(ctx: &Context, ids: &Ids, entry: &Entry, stat: &Stat) -> bool {
    cfg!(unix) && ctx.am_root && ctx.options.preserve_uid && ids.uid(entry.uid) != stat.uid
}

fn group_differs(o: &Options, ids: &Ids, entry: &Entry, stat: &Stat) -> bool {
    cfg!(unix) && o.preserve_gid && ids.gid(entry.gid).is_some_and(|gid| gid != stat.gid)
}

/// Whether a file that was made with this owner and group has to be given others.
pub(crate) fn needs_owner(ctx: &Context, ids: &Ids, entry: &Entry, made: (u32, u32)) -> bool {
    let o = &ctx.options;
    (ctx.am_root && o.preserve_uid && ids.uid(entry.uid) != made.0)
        || (o.preserve_gid && ids.gid(entry.gid).is_some_and(|gid| gid != made.1))
}

/// What rsync has seen of an entry when its attributes have been set: after a change of owner it
/// looks again if that may have cleared the set-ID bits, before it sets the permissions.
// rsync: rsync.c set_file_attrs(), the link_stat() after do_lchown()
pub(crate) fn seen_after_setting(ctx: &Context, ids: &Ids, entry: &Entry, stat: &Stat) -> Stat {
    let mut seen = *stat;
    let owner = owner_differs(ctx, ids, entry, stat);
    let group = group_differs(&ctx.options, ids, entry, stat);
    if ctx.options.dry_run || !(owner || group) || stat.permissions & 0o6000 == 0 {
        return seen;
    }
    if owner {
        seen.uid = ids.uid(entry.uid);
    }
    if let (true, Some(gid)) = (group, ids.gid(entry.gid)) {
        seen.gid = gid;
    }
    if !stat.is_dir() {
        seen.permissions &= !0o4000;
        if stat.permissions & 0o010 != 0 {
            seen.permissions &= !0o2000;
        }
    }
    seen
}

/// What [`Setter::apply`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Nothing had to be set.
    Unchanged,
    /// Something was set.
    Changed,
    /// Something could not be set, which has been told.
    Failed,
}

/// What an entry had before its attributes are set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Before {
    /// It stood there, with these.
    Stood(Stat),
    /// It was just made, with these where that is known. Directories keep the set-group-ID bit that
    /// they inherited.
    Made(Option<Stat>),
}

/// Sets attributes for one role.
pub(crate) struct Setter<'a> {
    pub ctx: &'a Context,
    pub ids: &'a Ids,
    pub role: Role,
}

impl Setter<'_> {
    /// Makes the entry's attributes those that are wanted. `name` is what errors call it.
    // rsync: rsync.c set_file_attrs()
    pub fn apply(
        &self,
        wanted: Wanted<'_>,
        handle: &Handle<'_>,
        before: Before,
        rule: TimeRule,
        name: impl Fn() -> Vec<u8>,
    ) -> Applied {
        let Setter { ctx, ids, role } = *self;
        let o = &ctx.options;
        let entry = wanted.entry;
        if ctx.options.dry_run {
            return Applied::Changed;
        }
        let (stat, made) = match before {
            Before::Stood(stat) => (Some(stat), false),
            Before::Made(stat) => (stat, true),
        };
        let inherits = !o.preserve_perms && made;
        let mut stat = match stat.map_or_else(|| handle.stat(), Ok) {
            Ok(stat) => stat,
            Err(e) => {
                ctx.transfer_error_os(role, line!("stat ", name(), " failed"), e);
                return Applied::Failed;
            }
        };
        let mut applied = Applied::Unchanged;
        let mut new_mode = wanted.mode;
        if inherits && entry.is_dir() && stat.permissions & 0o2000 != 0 {
            new_mode |= 0o2000;
        }

        let uid = owner_differs(ctx, ids, entry, &stat).then(|| ids.uid(entry.uid));
        let gid = group_differs(o, ids, entry, &stat)
            .then(|| ids.gid(entry.gid))
            .flatten();
        if uid.is_some() || gid.is_some() {
            if let Err(e) = handle.set_owner(uid, gid) {
                let what = if uid.is_some() { "chown " } else { "chgrp " };
                ctx.transfer_error_os(role, line!(what, name(), " failed"), e);
                return Applied::Failed;
            }
            applied = Applied::Changed;
            // Giving a file away clears its set-ID bits.
            if stat.permissions & 0o6000 != 0
                && let Ok(now) = handle.stat()
            {
                stat = now;
            }
        }

        let time = if keeps_time(o, stat.mode()) {
            rule
        } else {
            TimeRule::Skip
        };
        let same = match time {
            TimeRule::Skip => true,
            TimeRule::Exact => stat.mtime == entry.mtime(),
            TimeRule::Window => same_time(o.modify_window, stat.mtime, entry.mtime()),
        };
        if !same {
            if let Err(e) = handle.set_mtime(entry.mtime()) {
                ctx.transfer_error_os(role, line!("failed to set times on ", name()), e);
                return Applied::Failed;
            }
            applied = Applied::Changed;
        }

        // Whoever leaves a link's time alone leaves this one alone too.
        let keeps_atime = rule != TimeRule::Skip && !(entry.is_symlink() && o.omit_link_times);
        if keeps_atime
            && let Some(secs) = entry.atime()
            && (rule == TimeRule::Exact || atime_differs(o, entry, &stat))
        {
            if let Err(e) = handle.set_atime(Timestamp { secs, nanos: 0 }) {
                ctx.transfer_error_os(role, line!("failed to set times on ", name()), e);
                return Applied::Failed;
            }
            applied = Applied::Changed;
        }

        if o.preserve_acls && !entry.is_symlink() {
            match self.set_acls(wanted.entry, handle, &stat, new_mode) {
                Ok(None) => {}
                Ok(Some(permissions)) => {
                    stat.permissions = permissions;
                    applied = Applied::Changed;
                }
                Err(e) => {
                    ctx.transfer_error_os(role, line!("set_acl: ", name()), e);
                }
            }
        }

        if !entry.is_symlink() && mode_shown(stat.mode()) != mode_shown(new_mode) {
            if let Err(e) = handle.set_permissions(new_mode & PERMISSIONS) {
                ctx.transfer_error_os(role, line!("failed to set permissions on ", name()), e);
                return Applied::Failed;
            }
            applied = Applied::Changed;
        }
        applied
    }

    /// Sets the access control lists. If it set one, the permissions that the entry has now.
    // rsync: acls.c set_acl()
    fn set_acls(
        &self,
        entry: &Entry,
        handle: &Handle<'_>,
        stat: &Stat,
        mode: u32,
    ) -> io::Result<Option<u32>> {
        let of = handle.xattrs();
        let there = acls::read(&self.ctx.options, of, stat)?;
        let wanted = entry.acls().map(|acls| acls::mapped(acls, self.ids));
        let wanted = wanted.unwrap_or_default();
        let mut set = None;
        if !Acl::is_enough(&there.access, &wanted.access, mode) {
            let mode = mode_for_now(stat, mode);
            set_xattr(of, ACCESS, &wanted.access.with_mode(mode).to_system())?;
            set = Some(stat.permissions & !0o777 | mode & 0o777);
        }
        if stat.is_dir() && there.default != wanted.default {
            match wanted.default.user_obj {
                Some(_) => set_xattr(of, DEFAULT, &wanted.default.to_system())?,
                None => remove_xattr(of, DEFAULT)?,
            }
            set = set.or(Some(stat.permissions));
        }
        Ok(set)
    }
}

/// The mode that an access list may have before the mode itself is set: nobody gains what a sticky bit
/// that is to come, or a set-ID bit that is to go, would keep from them.
// rsync: acls.c change_sacl_perms()
pub(crate) fn mode_for_now(stat: &Stat, mode: u32) -> u32 {
    let gains = |bit| mode & bit != 0 && stat.permissions & bit == 0;
    let loses = |bit| mode & bit == 0 && stat.permissions & bit != 0;
    let is_unsafe = if FileKind::from_mode(mode) == Some(FileKind::Directory) {
        gains(0o1000)
    } else {
        loses(0o4000) || loses(0o2000)
    };
    if is_unsafe { mode & !0o077 } else { mode }
}

/// Which access control lists differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AclsDiffer {
    pub access: bool,
    pub default: bool,
}

/// Which access control lists of what is there are others than those of an entry.
// rsync: generator.c acls_differ()
pub(crate) fn acls_differ(
    ctx: &Context,
    ids: &Ids,
    entry: &Entry,
    of: XattrsOf<'_>,
    stat: &Stat,
) -> io::Result<AclsDiffer> {
    let there = acls::read(&ctx.options, of, stat)?;
    let wanted = entry.acls().map(|acls| acls::mapped(acls, ids));
    let wanted = wanted.unwrap_or_default();
    Ok(AclsDiffer {
        access: !Acl::is_enough(&there.access, &wanted.access, entry.mode()),
        default: entry.is_dir() && there.default != wanted.default,
    })
}

impl Handle<'_> {
    /// Whose extended attributes these are.
    pub fn xattrs(&self) -> XattrsOf<'_> {
        match self {
            Handle::File(file) => XattrsOf::File(file),
            Handle::Name(dir, name) => XattrsOf::Entry(dir, name),
            Handle::Root(dir) => XattrsOf::Entry(dir, b"."),
        }
    }

    pub fn stat(&self) -> io::Result<Stat> {
        match self {
            Handle::File(file) => file_stat(file),
            Handle::Name(dir, name) => dir.stat(name, fast_io::dir::Follow::Never),
            Handle::Root(dir) => dir.stat_self(),
        }
    }

    fn set_owner(&self, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        match self {
            Handle::File(file) => set_file_owner(file, uid, gid),
            Handle::Name(dir, name) => dir.set_owner(name, uid, gid),
            Handle::Root(dir) => dir.set_own_owner(uid, gid),
        }
    }

    pub fn set_mtime(&self, mtime: Timestamp) -> io::Result<()> {
        match self {
            Handle::File(file) => set_file_mtime(file, mtime),
            Handle::Name(dir, name) => dir.set_mtime(name, mtime),
            Handle::Root(dir) => dir.set_own_mtime(mtime),
        }
    }

    /// Of a directory it is not preserved.
    fn set_atime(&self, atime: Timestamp) -> io::Result<()> {
        match self {
            Handle::File(file) => set_file_atime(file, atime),
            Handle::Name(dir, name) => dir.set_atime(name, atime),
            Handle::Root(_) => Ok(()),
        }
    }

    pub fn set_permissions(&self, permissions: u32) -> io::Result<()> {
        match self {
            Handle::File(file) => set_file_permissions(file, permissions),
            Handle::Name(dir, name) => dir.set_permissions(name, permissions),
            Handle::Root(dir) => dir.set_own_permissions(permissions),
        }
    }
}
