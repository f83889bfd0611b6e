//! Which owner and group an entry gets at the destination.
// rsync: uidlist.c

use crate::context::Context;
use options::{MapFrom, MapTo, NameMap};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tree::filter::wildmatch;

/// Maps the source's numbers to the destination's, by `--usermap` and `--groupmap`.
pub(crate) struct Ids {
    users: Mapping,
    groups: Mapping,
    /// `None`: any group may be set.
    own_groups: Option<Vec<u32>>,
}

struct Mapping {
    rules: Vec<(MapFrom, u32)>,
    names: Names,
    known: Mutex<HashMap<u32, u32>>,
}

/// Of users, and of groups, at the other end: some 64 MiB where each is as long as can be.
const MOST_NAMES: usize = 1 << 18;

type NameOf = fn(u32) -> Option<Vec<u8>>;

/// What ids are called where they come from.
enum Names {
    /// Here.
    Own(NameOf),
    /// Elsewhere: what was told so far. By its name, an id becomes one of ours.
    Told {
        names: Mutex<HashMap<u32, Box<[u8]>>>,
        id_of: fn(&[u8]) -> Option<u32>,
    },
}

impl Ids {
    /// The maps of these options. Names that do not exist here are told, and their rules dropped.
    pub fn new(ctx: &Context) -> Ids {
        let o = &ctx.options;
        // Numbers have no names then: what a rule says of no name holds for all of them.
        // rsync: uidlist.c recv_add_id() without a name
        let nameless = |_| None;
        let (user_name, group_name): (NameOf, NameOf) = if o.numeric_ids {
            (nameless, nameless)
        } else {
            (names::user_name, names::group_name)
        };
        let own_groups = (!ctx.am_root).then(|| names::own_groups(ctx.identity.gid));
        Ids {
            users: Mapping::new(ctx, &o.usermap, "user", names::uid_of, user_name),
            groups: Mapping::new(ctx, &o.groupmap, "group", names::gid_of, group_name),
            own_groups,
        }
    }

    /// The maps of these options for ids of another computer, whose names are to be learned.
    pub fn of_peer(ctx: &Context) -> Ids {
        let mut ids = Ids::new(ctx);
        if !ctx.options.numeric_ids {
            ids.users.names = Names::told(names::uid_of);
            ids.groups.names = Names::told(names::gid_of);
        }
        ids
    }

    /// The other computer calls a user so.
    ///
    /// # Errors
    /// More names than anyone has.
    pub fn learn_user(&self, uid: u32, name: &[u8]) -> Result<(), wire::Error> {
        self.users.learn(uid, name)
    }

    /// The other computer calls a group so.
    ///
    /// # Errors
    /// More names than anyone has.
    pub fn learn_group(&self, gid: u32, name: &[u8]) -> Result<(), wire::Error> {
        self.groups.learn(gid, name)
    }

    /// Numbers as they are, all of which may be tried: for copies of what is at the destination.
    pub fn unmapped() -> Ids {
        Ids {
            users: Mapping::empty(names::user_name),
            groups: Mapping::empty(names::group_name),
            own_groups: None,
        }
    }

    /// The owner that a file of this owner gets.
    pub fn uid(&self, uid: u32) -> u32 {
        self.users.map(uid)
    }

    /// The group that stands for one, whether we may give it or not.
    pub fn any_gid(&self, gid: u32) -> u32 {
        self.groups.map(gid)
    }

    /// The group that a file of this group gets; `None` if we may not give it.
    pub fn gid(&self, gid: u32) -> Option<u32> {
        let gid = self.groups.map(gid);
        match &self.own_groups {
            Some(own) if !own.contains(&gid) => None,
            _ => Some(gid),
        }
    }
}

impl Mapping {
    fn empty(name_of: NameOf) -> Mapping {
        Mapping {
            rules: Vec::new(),
            names: Names::Own(name_of),
            known: Mutex::default(),
        }
    }

    fn learn(&self, id: u32, name: &[u8]) -> Result<(), wire::Error> {
        if let Names::Told { names, .. } = &self.names
            && !name.is_empty()
        {
            let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
            if names.len() >= MOST_NAMES && !names.contains_key(&id) {
                let text = format!("more than {MOST_NAMES} users or groups have names");
                return Err(wire::Error::misbehaving(text));
            }
            names.insert(id, name.into());
        }
        Ok(())
    }

    fn new(
        ctx: &Context,
        map: &NameMap,
        what: &str,
        id_of: fn(&[u8]) -> Option<u32>,
        name_of: NameOf,
    ) -> Mapping {
        let mut rules = Vec::new();
        for rule in &map.rules {
            let to = match &rule.to {
                MapTo::Id(id) => Some(*id),
                MapTo::Name(name) => id_of(name),
            };
            match (to, &rule.to) {
                (Some(to), _) => rules.push((rule.from.clone(), to)),
                (None, MapTo::Name(name)) => {
                    let text = crate::context::line!(
                        format!("Unknown --{what}map name on receiver: "),
                        name
                    );
                    ctx.error(crate::event::Role::Receiver, text);
                }
                (None, MapTo::Id(_)) => {}
            }
        }
        Mapping {
            rules,
            names: Names::Own(name_of),
            known: Mutex::default(),
        }
    }

    fn map(&self, id: u32) -> u32 {
        if self.rules.is_empty() && matches!(self.names, Names::Own(_)) {
            return id;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(id).or_insert_with(|| self.look_up(id))
    }

    fn look_up(&self, id: u32) -> u32 {
        // An ID that nobody has here has an empty name.
        let name = self.names.of(id).unwrap_or_default();
        let matching = self.rules.iter().find(|(from, _)| match from {
            MapFrom::Ids { first, last } => (*first..=*last).contains(&id),
            MapFrom::Name(wanted) => *wanted == name,
            MapFrom::Wild(pattern) => wildmatch(pattern, &name),
        });
        match (matching, &self.names) {
            (Some((_, to)), _) => *to,
            (None, Names::Told { id_of, .. }) if !name.is_empty() => id_of(&name).unwrap_or(id),
            (None, _) => id,
        }
    }
}

impl Names {
    fn told(id_of: fn(&[u8]) -> Option<u32>) -> Names {
        Names::Told {
            names: Mutex::default(),
            id_of,
        }
    }

    fn of(&self, id: u32) -> Option<Vec<u8>> {
        match self {
            Names::Own(name_of) => name_of(id),
            Names::Told { names, .. } => {
                let names = names.lock().unwrap_or_else(PoisonError::into_inner);
                names.get(&id).map(|name| name.to_vec())
            }
        }
    }
}

pub(crate) use names::{group_name, user_name};

#[cfg(unix)]
mod names {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    pub fn user_name(uid: u32) -> Option<Vec<u8>> {
        uzers::get_user_by_uid(uid).map(|u| u.name().to_os_string().into_vec())
    }

    pub fn group_name(gid: u32) -> Option<Vec<u8>> {
        uzers::get_group_by_gid(gid).map(|g| g.name().to_os_string().into_vec())
    }

    pub fn uid_of(name: &[u8]) -> Option<u32> {
        uzers::get_user_by_name(std::ffi::OsStr::from_bytes(name)).map(|u| u.uid())
    }

    pub fn gid_of(name: &[u8]) -> Option<u32> {
        uzers::get_group_by_name(std::ffi::OsStr::from_bytes(name)).map(|g| g.gid())
    }

    pub fn own_groups(effective: u32) -> Vec<u32> {
        let mut groups: Vec<u32> = uzers::group_access_list()
            .unwrap_or_default()
            .iter()
            .map(|g| g.gid())
            .collect();
        groups.push(effective);
        groups
    }
}

/// Windows has no numbered owners.
#[cfg(windows)]
mod names {
    pub fn user_name(_: u32) -> Option<Vec<u8>> {
        None
    }

    pub fn group_name(_: u32) -> Option<Vec<u8>> {
        None
    }

    pub fn uid_of(_: &[u8]) -> Option<u32> {
        None
    }

    pub fn gid_of(_: &[u8]) -> Option<u32> {
        None
    }

    pub fn own_groups(_: u32) -> Vec<u32> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_do_not_end_are_refused() {
        let mapping = Mapping {
            names: Names::told(|_| None),
            ..Mapping::empty(|_| None)
        };
        for id in 0..MOST_NAMES as u32 {
            mapping.learn(id, b"x").unwrap();
        }
        mapping.learn(7, b"told again").unwrap();
        assert!(mapping.learn(u32::MAX, b"x").is_err());
    }
}
