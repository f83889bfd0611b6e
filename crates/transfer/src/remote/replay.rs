//! `--read-batch`: a batch file takes the sender's place. It says what it says, whatever the
//! destination needs: what was not written down does not come, and what nobody wants is skipped.
// rsync: compat.c setup_protocol(), batch.c check_batch_flags(), receiver.c gen_wants_ndx()

use super::StreamError;
use super::agreement::Agreement;
use super::handshake::{self, Terms};
use super::inlet::Inlet;
use super::recording::{stream, stream_flags};
use options::{Append, Compression, Options};
use std::io::Read;
use wire::greeting;

/// A batch file whose first words are read.
pub struct Replay {
    from: Box<dyn Read + Send>,
    flags: i32,
}

impl Replay {
    /// Takes what the options must be like.
    ///
    /// # Errors
    /// It cannot be read, or is too short.
    pub fn open(mut from: Box<dyn Read + Send>) -> std::io::Result<Replay> {
        let mut flags = [0; 4];
        from.read_exact(&mut flags)?;
        Ok(Replay {
            from,
            flags: i32::from_le_bytes(flags),
        })
    }

    /// Has the options match the file. What was changed, in words.
    // rsync: batch.c check_batch_flags()
    pub(super) fn adapt(&self, o: &mut Options) -> Vec<String> {
        const NAMES: [(i32, &str); 14] = [
            (stream::RECURSE, "--recurse (-r)"),
            (stream::OWNER, "--owner (-o)"),
            (stream::GROUP, "--group (-g)"),
            (stream::LINKS, "--links (-l)"),
            (stream::DEVICES, "--devices (-D)"),
            (stream::HARD_LINKS, "--hard-links (-H)"),
            (stream::CHECKSUM, "--checksum (-c)"),
            (stream::DIRS, "--dirs (-d)"),
            (stream::COMPRESS, "--compress (-z)"),
            (stream::ACLS, "--acls (-A)"),
            (stream::XATTRS, "--xattrs (-X)"),
            (stream::INPLACE, "--inplace"),
            (stream::APPEND, "--append"),
            (stream::APPEND_VERIFY, "--append-verify"),
        ];
        let wanted = |flag| self.flags & flag != 0;
        let given = stream_flags(o);
        o.recurse = wanted(stream::RECURSE);
        o.preserve_uid = wanted(stream::OWNER);
        o.preserve_gid = wanted(stream::GROUP);
        o.preserve_links = wanted(stream::LINKS);
        if (given ^ self.flags) & stream::DEVICES != 0 {
            o.preserve_devices = wanted(stream::DEVICES);
        }
        o.preserve_hard_links = wanted(stream::HARD_LINKS);
        o.checksum = wanted(stream::CHECKSUM);
        o.xfer_dirs = wanted(stream::DIRS);
        match (wanted(stream::COMPRESS), o.compress.algorithm) {
            (true, Compression::Off) => o.compress.algorithm = Compression::Negotiated,
            (true, _) => {}
            (false, _) => o.compress.algorithm = Compression::Off,
        }
        o.preserve_acls = wanted(stream::ACLS);
        o.preserve_xattrs = match wanted(stream::XATTRS) {
            true => o.preserve_xattrs.max(1),
            false => 0,
        };
        o.inplace = wanted(stream::INPLACE);
        o.append = if wanted(stream::APPEND) {
            Append::Append
        } else if wanted(stream::APPEND_VERIFY) {
            Append::AppendVerify
        } else {
            Append::No
        };
        let changed = NAMES
            .iter()
            .filter(|(flag, _)| (given ^ self.flags) & flag != 0);
        let text = |(flag, name): &(i32, &str)| {
            let how = if wanted(*flag) { "Sett" } else { "Clear" };
            format!("{how}ing the {name} option to match the batchfile.")
        };
        changed.map(text).collect()
    }

    /// What the sides had agreed on.
    pub(super) fn agree(self, terms: &Terms) -> Result<(Inlet, Agreement), StreamError> {
        let mut inlet = Inlet::new(self.from);
        let mut protocol = greeting::version_of_batch(&mut inlet, terms.offer)?;
        if protocol.is_packed() {
            let may_be_incremental = terms.own_flags.contains(wire::CompatFlags::INC_RECURSE);
            let flags = greeting::flags_of_batch(&mut inlet, may_be_incremental)?;
            protocol = protocol.with_flags(flags);
        }
        let seed = greeting::seed(&mut inlet)?;
        // Nothing was negotiated.
        let agreement = handshake::agreement(protocol, seed, terms, None, None);
        Ok((inlet, agreement))
    }
}
