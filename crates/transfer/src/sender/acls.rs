//! The access control lists of what is listed.
// rsync: acls.c get_acl(), send_acl(); flist.c send_file_name()

use super::Sender;
use super::entry::Surroundings;
use crate::acls::read;
use crate::context::{full_name, line};
use crate::error::Problem;
use crate::event::Role;
use fast_io::dir::{Stat, XattrsOf};
use std::sync::{Arc, PoisonError};
use tree::acl::Acls;
use tree::entry::Entry;

/// How many lists are remembered, so that many entries share one.
const LISTS: usize = 10_000;

impl Sender {
    /// Adds the lists of an entry, without what its mode says. False if they cannot be read, which has
    /// been told.
    pub(super) fn add_acls(
        &self,
        around: &Surroundings<'_>,
        entry: &mut Entry,
        stat: &Stat,
    ) -> bool {
        if !self.ctx.options.preserve_acls {
            return true;
        }
        let of = XattrsOf::Entry(around.dir, entry.basename());
        match read(&self.ctx.options, of, stat) {
            Ok(Acls { access, default }) => {
                let mode = entry.mode();
                let mut acls = Acls {
                    access: access.without_mode(mode),
                    default,
                };
                if self.for_wire.is_none() {
                    acls.access = acls.access.with_mask(mode);
                    acls.default = acls.default.with_own_mask();
                }
                if !acls.is_empty() {
                    entry.extra_mut().acls = Some(self.shared_acls(acls));
                }
                true
            }
            Err(e) => {
                self.ctx.problems.add(Role::Sender, Problem::General);
                let name = full_name(&around.source.absolute, &entry.path());
                self.ctx
                    .transfer_error_os(Role::Sender, line!("get_acl: ", name), e);
                false
            }
        }
    }

    /// Those that are to be used for these: the same as before if they are equal.
    fn shared_acls(&self, acls: Acls) -> Arc<Acls> {
        let mut lists = self.acls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.get(&acls) {
            return known.clone();
        }
        if lists.len() >= LISTS {
            lists.clear();
        }
        let acls = Arc::new(acls);
        lists.insert(acls.clone());
        acls
    }
}
