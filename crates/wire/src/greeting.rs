//! How a session begins: both ends say their version, the server says which flags result from what
//! the client can do, and, behind the negotiation of `negotiate.rs`, which seed checksums have.
// rsync: compat.c setup_protocol(); options.c maybe_add_e_option()

use crate::int::{int, put_int, put_varint, varint};
use crate::{CompatFlags, Error, Protocol, Side, Source};

/// Appends the version that this end offers: the highest, or what `--protocol` says.
pub fn put_version(out: &mut Vec<u8>, offer: i32) {
    put_int(out, offer);
}

/// Takes the peer's version; what results, yet without flags, where this end offered `offer`.
///
/// # Errors
///
/// Those of the source; [`Error::Incompatible`], in rsync's words, where no version results: above
/// all, what answers may be no rsync but a shell that talks.
pub fn version<S: Source>(source: &mut S, offer: i32, side: Side) -> Result<Protocol, S::Error> {
    let theirs = int(source)?;
    if !(Protocol::OLDEST.into()..=HIGHEST_PEER).contains(&theirs) {
        return Err(Error::Incompatible(MISMATCH.into()).into());
    }
    let version = offer.min(theirs);
    let (oldest, newest) = (Protocol::OLDEST, Protocol::NEWEST);
    let protocol = u8::try_from(version).ok().and_then(Protocol::new);
    protocol.ok_or_else(|| {
        Error::Incompatible(if version < oldest.into() {
            format!("--protocol must be at least {oldest} on the {side}.")
        } else {
            format!("--protocol must be no more than {newest} on the {side}.")
        })
        .into()
    })
}

/// Takes the version that a batch file was written with.
///
/// # Errors
///
/// As with [`version`], and a newer version than is known.
pub fn version_of_batch<S: Source>(source: &mut S, offer: i32) -> Result<Protocol, S::Error> {
    let written = int(source)?;
    if written > offer && written <= HIGHEST_PEER {
        let what = "The protocol version in the batch file is too new";
        return Err(Error::Incompatible(format!("{what} ({written} > {offer}).")).into());
    }
    version(&mut &written.to_le_bytes()[..], offer, Side::Client).map_err(S::Error::from)
}

const MISMATCH: &str = "protocol version mismatch -- is your shell clean?\n\
    (see the rsync manpage for an explanation)";

/// A peer may be newer, but something that says it is newer than this is no rsync.
// rsync: rsync.h MAX_PROTOCOL_VERSION
const HIGHEST_PEER: i32 = 40;

/// What a client can do, told to its server by letters in the argument `-e`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    flags: CompatFlags,
    one_byte: bool,
    unreleased: Option<(i32, i32)>,
}

/// In rsync's order.
const LETTERS: [(u8, CompatFlags); 9] = [
    (b'i', CompatFlags::INC_RECURSE),
    (b'L', CompatFlags::SYMLINK_TIMES),
    (b's', CompatFlags::SYMLINK_ICONV),
    (b'f', CompatFlags::SAFE_FLIST),
    (b'x', CompatFlags::AVOID_XATTR_OPTIM),
    (b'C', CompatFlags::CHECKSUM_SEED_FIX),
    (b'I', CompatFlags::INPLACE_PARTIAL_DIR),
    (b'v', CompatFlags::VARINT_FLIST_FLAGS),
    (b'u', CompatFlags::ID0_NAMES),
];

/// Flags that tell of the server itself, whatever the client can do.
const OF_SERVER: CompatFlags =
    CompatFlags::from_bits(CompatFlags::SYMLINK_TIMES.bits() | CompatFlags::SYMLINK_ICONV.bits());

impl Capabilities {
    /// What a client of these flags can do: each means that it knows of the flag, but
    /// [`CompatFlags::INC_RECURSE`] that it wants it, and [`CompatFlags::SYMLINK_TIMES`] that it can
    /// itself set such times.
    pub const fn of_client(flags: CompatFlags) -> Capabilities {
        Capabilities {
            flags,
            one_byte: false,
            unreleased: None,
        }
    }

    /// What the value of a client's `-e` says, such as `.LsfxCIvu`.
    pub fn parse(value: &[u8]) -> Capabilities {
        let mut capabilities = Capabilities {
            one_byte: value.contains(&b'V'),
            unreleased: unreleased(value),
            ..Capabilities::default()
        };
        for (letter, flag) in LETTERS {
            if value.contains(&letter) {
                capabilities.flags |= flag;
            }
        }
        capabilities
    }

    /// What a client that offers that version appends to its bundle of letters, with the `e`. None
    /// before version 30.
    pub fn argument(self, offer: i32) -> Option<String> {
        if offer < 30 {
            return None;
        }
        let known = LETTERS
            .iter()
            .filter(|(_, flag)| self.flags.contains(*flag));
        Some(
            "e.".chars()
                .chain(known.map(|(letter, _)| char::from(*letter)))
                .collect(),
        )
    }

    /// What the client can do.
    pub const fn flags(self) -> CompatFlags {
        self.flags
    }

    /// What a server offers to this client of what it would offer to others: a version that was not
    /// released is none that both know.
    // rsync: compat.c check_sub_protocol()
    pub const fn offer(self, ours: i32) -> i32 {
        match self.unreleased {
            Some((theirs, _)) if theirs < ours => theirs - 1,
            Some((theirs, _)) if theirs == ours => ours - 1,
            _ => ours,
        }
    }

    /// The flags of a session with this client, where the server itself can and wants `own`.
    pub const fn answer(self, own: CompatFlags) -> CompatFlags {
        CompatFlags::from_bits(own.bits() & (self.flags.bits() | OF_SERVER.bits()))
    }

    /// Appends what [`Self::answer`] gave, in the form that this client reads.
    ///
    /// Clients before the release of 3.2.0 (`V`) read a byte. They hear nothing of
    /// [`CompatFlags::VARINT_FLIST_FLAGS`] unless they say `v` too, which none of them did.
    pub fn put_answer(self, out: &mut Vec<u8>, flags: CompatFlags) {
        if self.one_byte {
            out.push(flags.bits() as u8);
        } else {
            put_varint(out, flags.bits() as i32);
        }
    }
}

/// A version before its release, as in `31.14`.
fn unreleased(value: &[u8]) -> Option<(i32, i32)> {
    let dot = value.iter().position(|&byte| byte == b'.')?;
    let (version, sub) = (number(value), number(&value[dot + 1..]));
    (version != 0 && sub != 0).then_some((version, sub))
}

/// The number that text begins with, or 0; at most 6 digits, since no version has more.
fn number(text: &[u8]) -> i32 {
    let digits = text
        .iter()
        .take(6)
        .map_while(|byte| char::from(*byte).to_digit(10));
    digits.fold(0, |number, digit| number * 10 + digit as i32)
}

/// Takes what the server answers to a client that can do `asked`; only from version 30 on.
///
/// # Errors
///
/// Those of the source, and incremental recursion that was not asked for.
pub fn flags<S: Source>(source: &mut S, asked: Capabilities) -> Result<CompatFlags, S::Error> {
    let flags = CompatFlags::from_bits(varint(source)? as u32);
    let incremental = CompatFlags::INC_RECURSE;
    if flags.contains(incremental) && !asked.flags.contains(incremental) {
        let what = "Incompatible options specified for inc-recursive connection.";
        return Err(Error::misbehaving(what).into());
    }
    Ok(flags)
}

/// Appends what a batch file begins with, once it is known what the sides agreed on.
// rsync: io.c start_write_batch()
pub fn put_batch(out: &mut Vec<u8>, protocol: Protocol, seed: i32) {
    put_int(out, protocol.version().into());
    if protocol.is_packed() {
        put_varint(out, protocol.flags().bits() as i32);
    }
    put_seed(out, seed);
}

/// Takes the flags that a batch file was written with.
///
/// # Errors
///
/// Those of the source, and incremental recursion where that `may_be_incremental` not.
pub fn flags_of_batch<S: Source>(
    source: &mut S,
    may_be_incremental: bool,
) -> Result<CompatFlags, S::Error> {
    let flags = CompatFlags::from_bits(varint(source)? as u32);
    if flags.contains(CompatFlags::INC_RECURSE) && !may_be_incremental {
        let what = "Incompatible options specified for inc-recursive batch file.";
        return Err(Error::Incompatible(what.into()).into());
    }
    Ok(flags)
}

/// Appends the seed, which the server chooses.
pub fn put_seed(out: &mut Vec<u8>, seed: i32) {
    put_int(out, seed);
}

/// Takes the seed.
///
/// # Errors
///
/// Those of the source.
pub fn seed<S: Source>(source: &mut S) -> Result<i32, S::Error> {
    int(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn result(offer: i32, theirs: i32) -> Result<u8, String> {
        let result = version(&mut &theirs.to_le_bytes()[..], offer, Side::Client);
        result
            .map(Protocol::version)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_lower_version_results() {
        assert_eq!(result(32, 31), Ok(31));
        assert_eq!(result(28, 32), Ok(28));
        assert_eq!(result(32, 40), Ok(32));
        assert_eq!(result(33, 32), Ok(32));
    }

    #[test]
    fn no_version_results() {
        let mismatch = Err(MISMATCH.to_string());
        let banner = i32::from_le_bytes(*b"Welc");
        for theirs in [banner, 41, 26, 0, -1, i32::MIN, i32::MAX] {
            assert_eq!(result(32, theirs), mismatch, "{theirs}");
        }
        let low = Err("--protocol must be at least 27 on the Client.".into());
        assert_eq!(result(26, 32), low);
        let high = Err("--protocol must be no more than 32 on the Client.".into());
        assert_eq!(result(34, 33), high);
        assert_eq!(
            version(&mut &b"ab"[..], 32, Side::Client),
            Err(Error::Truncated)
        );
    }

    #[test]
    fn a_batch_may_be_older() {
        let read = |written: i32| version_of_batch(&mut &written.to_le_bytes()[..], 31);
        assert_eq!(read(29).map(Protocol::version), Ok(29));
        let error = read(32).expect_err("a newer one");
        let told = "The protocol version in the batch file is too new (32 > 31).";
        assert_eq!(error.to_string(), told);
        assert!(read(1000).is_err());
    }

    #[test]
    fn letters_become_flags() {
        let all = Capabilities::parse(b".iLsfxCIvu");
        assert_eq!(all, Capabilities::of_client(CompatFlags::KNOWN));
        assert_eq!(all.argument(32).as_deref(), Some("e.iLsfxCIvu"));
        assert_eq!(all.argument(29), None);
        let own = CompatFlags::KNOWN.without(CompatFlags::INC_RECURSE);
        let whole = Capabilities::of_client(own);
        assert_eq!(whole.argument(32).as_deref(), Some("e.LsfxCIvu"));
        assert_eq!(all.answer(own), own);
        // Not even a client that says nothing is left without what the server is.
        assert_eq!(
            Capabilities::parse(b"").answer(CompatFlags::KNOWN),
            OF_SERVER
        );
        let mut out = Vec::new();
        all.put_answer(&mut out, own);
        assert_eq!(flags(&mut &out[..], all), Ok(own));
    }

    #[test]
    fn clients_of_a_byte_get_one() {
        let client = Capabilities::parse(b".iLsfxCIV");
        let mut out = Vec::new();
        client.put_answer(&mut out, client.answer(CompatFlags::KNOWN));
        assert_eq!(out, [0x7f]);
    }

    #[test]
    fn unreleased_versions_are_avoided() {
        assert_eq!(Capabilities::parse(b"32.1iLsfxCIvu").offer(32), 31);
        assert_eq!(Capabilities::parse(b"31.14Lsf").offer(32), 30);
        assert_eq!(Capabilities::parse(b"33.1Lsf").offer(32), 32);
        assert_eq!(Capabilities::parse(b".LsfxCIvu").offer(32), 32);
    }

    #[test]
    fn incremental_recursion_must_have_been_asked_for() {
        let answered = flags(&mut &[1][..], Capabilities::parse(b".LsfxCIvu"));
        assert!(matches!(answered, Err(Error::Misbehaving(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, offer: i32) {
            let _ = version(&mut &bytes[..], offer, Side::Server);
            let _ = version_of_batch(&mut &bytes[..], offer);
            let capabilities = Capabilities::parse(&bytes);
            let _ = capabilities.offer(offer);
            let _ = flags(&mut &bytes[..], capabilities);
        }
    }
}
