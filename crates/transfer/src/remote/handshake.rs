//! What both sides say before there are frames: versions, flags, checksums, compression, the seed.
// rsync: compat.c setup_protocol()

use super::StreamError;
use super::agreement::Agreement;
use super::inlet::Inlet;
use super::outlet::Outlet;
use delta::ChecksumKind;
use wire::choice::Checksum;
use wire::greeting::{self, Capabilities};
use wire::negotiate::{Negotiation, Preference};
use wire::token::{self, Codec};
use wire::{CompatFlags, Protocol, Side};

/// What this side wants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Terms {
    pub side: Side,
    /// The highest version that is offered.
    pub offer: i32,
    /// What the client can do: what ours told, or what the server was told.
    pub capabilities: Capabilities,
    /// What this server can do and wants.
    pub own_flags: CompatFlags,
    /// What the user chose.
    pub checksum: Option<ChecksumWish>,
    /// Whether content is compressed, and how if the user chose.
    pub compress: Option<Option<Codec>>,
    /// How hard, and on how many threads.
    pub compress_level: Option<i32>,
    pub compress_threads: u32,
    /// The seed, if the user or the clock says one; 0 for the clock.
    pub seed: i32,
    /// The session is written down, for versions that negotiate nothing.
    pub is_recorded: bool,
}

/// What the user wants of checksums; `None` is what the version implies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChecksumWish {
    /// Of what crosses.
    pub transfer: Option<Checksum>,
    /// Of `-c`.
    pub file: Option<Checksum>,
}

/// Agrees with the other side, on a version that is allowed.
pub(crate) fn shake_hands(
    terms: &Terms,
    allows: &dyn Fn(Protocol) -> Result<(), wire::Error>,
    inlet: &mut Inlet,
    outlet: &Outlet,
) -> Result<Agreement, StreamError> {
    let mut out = Vec::new();
    let is_server = terms.side == Side::Server;
    let offer = if is_server {
        terms.capabilities.offer(terms.offer)
    } else {
        terms.offer
    };
    greeting::put_version(&mut out, offer);
    send(outlet, &mut out);
    let mut protocol = greeting::version(inlet, offer, terms.side)?;
    allows(protocol)?;
    if protocol.is_packed() {
        let flags = if is_server {
            let flags = terms.capabilities.answer(terms.own_flags);
            terms.capabilities.put_answer(&mut out, flags);
            send(outlet, &mut out);
            flags
        } else {
            greeting::flags(inlet, terms.capabilities)?
        };
        protocol = protocol.with_flags(flags);
    }
    let old_checksum = if protocol.is_packed() { "md5" } else { "md4" };
    let negotiation = Negotiation {
        side: terms.side,
        checksum: terms
            .checksum
            .is_none()
            .then(|| preference("RSYNC_CHECKSUM_LIST", terms, old_checksum)),
        compression: matches!(terms.compress, Some(None))
            .then(|| preference("RSYNC_COMPRESS_LIST", terms, "zlib")),
    };
    negotiation.put(&mut out, protocol);
    send(outlet, &mut out);
    let agreed = negotiation.take(inlet, protocol)?;
    let seed = if is_server {
        let seed = match terms.seed {
            0 => clock(),
            seed => seed,
        };
        greeting::put_seed(&mut out, seed);
        send(outlet, &mut out);
        seed
    } else {
        greeting::seed(inlet)?
    };
    Ok(agreement(
        protocol,
        seed,
        terms,
        agreed.checksum,
        agreed.compression,
    ))
}

/// What results, where this much was negotiated.
pub(super) fn agreement(
    protocol: Protocol,
    seed: i32,
    terms: &Terms,
    negotiated: Option<Checksum>,
    compression: Option<Codec>,
) -> Agreement {
    let implied = Checksum::implied(protocol);
    let (checksum, list_checksum) = match terms.checksum {
        Some(wish) => (
            wish.transfer.unwrap_or(implied),
            wish.file.unwrap_or(implied),
        ),
        None => {
            let agreed = negotiated.unwrap_or(implied);
            (agreed, agreed)
        }
    };
    let compression = match terms.compress {
        None => Codec::Plain,
        Some(Some(chosen)) => chosen,
        Some(None) => compression.unwrap_or(Codec::Zlib),
    };
    Agreement {
        protocol,
        seed,
        checksum: kind(checksum),
        list_checksum: kind(list_checksum),
        compression: compression_at(compression, terms),
    }
}

/// The codec that a user chose.
pub(crate) fn codec(chosen: options::Codec) -> Codec {
    match chosen {
        options::Codec::Zstd => Codec::Zstd,
        options::Codec::Lz4 => Codec::Lz4,
        options::Codec::Zlibx => Codec::Zlibx,
        options::Codec::Zlib => Codec::Zlib,
    }
}

fn compression_at(codec: Codec, terms: &Terms) -> token::Compression {
    let (codec, level) = codec.at_level(terms.compress_level);
    token::Compression {
        codec,
        level,
        threads: terms.compress_threads,
    }
}

fn send(outlet: &Outlet, out: &mut Vec<u8>) {
    outlet.data(out);
    outlet.flush();
    out.clear();
}

fn preference<C: wire::choice::Choice>(variable: &str, terms: &Terms, old: &str) -> Preference<C> {
    let side = terms.side;
    // rsync: compat.c getenv_nstr()
    if terms.is_recorded {
        return Preference::of_environment(Some(old.as_bytes()), side);
    }
    let value = std::env::var_os(variable);
    Preference::of_environment(value.as_ref().map(|v| v.as_encoded_bytes()), side)
}

// rsync: compat.c, `time(NULL) ^ (getpid() << 6)`
fn clock() -> i32 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let seed = now as i32 ^ (std::process::id() << 6) as i32;
    if seed == 0 { 1 } else { seed }
}

/// As `delta` knows it. Protocols before 30 begin a file's sum with the seed, which is
/// [`Agreement`]'s to do.
fn kind(checksum: Checksum) -> ChecksumKind {
    match checksum {
        Checksum::Xxh128 => ChecksumKind::Xxh128,
        Checksum::Xxh3 => ChecksumKind::Xxh3,
        Checksum::Xxh64 => ChecksumKind::Xxh64,
        Checksum::Md5 => ChecksumKind::Md5,
        Checksum::Md4 | Checksum::Md4Old => ChecksumKind::Md4,
        Checksum::Sha1 => ChecksumKind::Sha1,
        Checksum::None => ChecksumKind::None,
    }
}

/// The flags of this program: what it knows of, whatever is wanted in a session.
pub(crate) fn known_flags() -> CompatFlags {
    let flags = CompatFlags::SAFE_FLIST
        | CompatFlags::AVOID_XATTR_OPTIM
        | CompatFlags::CHECKSUM_SEED_FIX
        | CompatFlags::INPLACE_PARTIAL_DIR
        | CompatFlags::VARINT_FLIST_FLAGS
        | CompatFlags::ID0_NAMES;
    if cfg!(windows) {
        flags
    } else {
        flags | CompatFlags::SYMLINK_TIMES
    }
}

/// The newest version there is.
pub(crate) const NEWEST: i32 = Protocol::NEWEST as i32;
