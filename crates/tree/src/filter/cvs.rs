//! The files that CVS ignores without being told.

/// rsync: rsync.1.md, option --cvs-exclude (the source of its default-cvsignore.h)
pub(super) const BUILT_IN_PATTERNS: &[u8] = b"RCS SCCS CVS CVS.adm RCSLOG cvslog.* tags TAGS \
    .make.state .nse_depinfo *~ #* .#* ,* _$* *$ *.old *.bak *.BAK *.orig *.rej .del-* *.a \
    *.olb *.o *.obj *.so *.exe *.Z *.elc *.ln core .svn/ .git/ .hg/ .bzr/";
