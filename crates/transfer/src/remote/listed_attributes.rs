//! Extended attributes and access control lists, as they come with the list: what many entries share
//! comes once, and is kept to the end of the session, as the other side may refer to it.
// rsync: xattrs.c receive_xattr(), acls.c receive_acl()

use super::StreamError;
use crate::acls;
use crate::ids::Ids;
use crate::xattrs::{self, XattrRules};
use std::collections::HashSet;
use std::sync::Arc;
use tree::acl::{Acl, Acls};
use tree::entry::Extra;
use tree::xattrs::Xattrs;
use wire::flist::acl::AclId;
use wire::flist::{EntryAcls, Listed, XattrList};

/// What of these came.
pub(super) struct ListedAttributes {
    /// Which extended attributes are taken.
    pub rules: Option<XattrRules>,
    xattrs: Vec<Option<Arc<Xattrs>>>,
    access: Vec<Acl>,
    default: Vec<Acl>,
    /// The lists of earlier entries, which many share.
    acls: HashSet<Arc<Acls>>,
    /// How much memory all these take, and the values that came.
    weight: u64,
    /// How much they may take; 0 is no limit.
    most: u64,
}

/// What comes with one entry.
#[derive(Default)]
pub(super) struct Own {
    xattrs: Option<Arc<Xattrs>>,
    acls: Option<Arc<Acls>>,
}

impl ListedAttributes {
    pub fn new(most: u64) -> ListedAttributes {
        ListedAttributes {
            rules: None,
            xattrs: Vec::new(),
            access: Vec::new(),
            default: Vec::new(),
            acls: HashSet::new(),
            weight: 0,
            most,
        }
    }

    /// Takes what comes with an entry of this mode.
    pub fn take(
        &mut self,
        mode: u32,
        xattrs: Option<Listed<'_, XattrList>>,
        acls: Option<EntryAcls<'_>>,
        ids: &Ids,
    ) -> Result<Own, StreamError> {
        let own = Own {
            xattrs: xattrs.and_then(|listed| self.xattrs(listed)),
            acls: match acls {
                Some(listed) => self.acls(mode, listed, ids)?,
                None => None,
            },
        };
        self.take_memory(0)?;
        Ok(own)
    }

    /// Takes so much memory.
    pub fn take_memory(&mut self, bytes: u64) -> Result<(), StreamError> {
        self.weight += bytes;
        match self.most {
            1.. if self.weight > self.most => Err(StreamError::TooLarge(self.most)),
            _ => Ok(()),
        }
    }

    fn xattrs(&mut self, listed: Listed<'_, XattrList>) -> Option<Arc<Xattrs>> {
        let list = match listed {
            Listed::Earlier(number) => return self.xattrs.get(number as usize)?.clone(),
            Listed::New(list) => list,
        };
        let rules = self.rules.as_ref();
        let list = rules.and_then(|rules| xattrs::of_wire(list, rules));
        self.weight += list.as_ref().map_or(0, |list| list.weight());
        self.xattrs.push(list.clone());
        list
    }

    fn acls(
        &mut self,
        mode: u32,
        listed: EntryAcls<'_>,
        ids: &Ids,
    ) -> Result<Option<Arc<Acls>>, wire::Error> {
        let mut weight = 0;
        let mut new = |acl| {
            learn_names(ids, acl)?;
            let acl = acls::of_wire(acl);
            // Twice, as an entry's own are made of it.
            weight += 2 * acl.weight();
            Ok::<_, wire::Error>(acl)
        };
        let access = match listed.access {
            Listed::Earlier(number) => self.access.get(number as usize).cloned(),
            Listed::New(acl) => {
                let acl = new(acl)?.with_mask(mode);
                self.access.push(acl.clone());
                Some(acl)
            }
        };
        let default = match listed.default {
            None => None,
            Some(Listed::Earlier(number)) => self.default.get(number as usize).cloned(),
            Some(Listed::New(acl)) => {
                let acl = new(acl)?.with_own_mask();
                self.default.push(acl.clone());
                Some(acl)
            }
        };
        let acls = Acls {
            access: access.unwrap_or_default(),
            default: default.unwrap_or_default(),
        };
        self.weight += weight;
        if acls.is_empty() {
            return Ok(None);
        }
        if let Some(shared) = self.acls.get(&acls) {
            return Ok(Some(shared.clone()));
        }
        // Two that came can be put together in many ways.
        self.weight += acls.access.weight() + acls.default.weight();
        let acls = Arc::new(acls);
        self.acls.insert(acls.clone());
        Ok(Some(acls))
    }
}

impl Own {
    /// Gives them to an entry.
    pub fn give(self, extra: &mut Option<Box<Extra>>) {
        if self.xattrs.is_some() || self.acls.is_some() {
            let extra = extra.get_or_insert_default();
            (extra.xattrs, extra.acls) = (self.xattrs, self.acls);
        }
    }
}

/// Remembers what a list's users and groups are called elsewhere.
fn learn_names(ids: &Ids, acl: &wire::flist::Acl) -> Result<(), wire::Error> {
    for entry in &acl.names {
        match (&entry.name, entry.who) {
            (Some(name), AclId::User(id)) => ids.learn_user(id, name)?,
            (Some(name), AclId::Group(id)) => ids.learn_group(id, name)?,
            (None, _) => {}
        }
    }
    Ok(())
}
