//! Which checksum and which compression a session has. Each end says which it knows, in the order
//! that it likes them; the first in the client's list that the server knows is used.
//!
//! Ends that are too old to negotiate use what their version implies; a choice that the user makes
//! (`--checksum-choice`, `--compress-choice`) is known to both ends by the arguments, and does not
//! cross here.
// rsync: compat.c negotiate_the_strings()

use crate::choice::{Checksum, Choice};
use crate::int::{put_vstring, vstring};
use crate::token::Codec;
use crate::{Error, Protocol, Side, Source};

/// What this end knows, in the order that it likes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference<C> {
    /// Empty where the user's list has no name that is known.
    list: Vec<C>,
}

impl<C: Choice> Preference<C> {
    /// What there is, and, for the server, the possibility of none.
    pub fn of_program(side: Side) -> Preference<C> {
        let mut list = Vec::new();
        for &(_, choice) in C::NAMES {
            let asked = choice != C::NONE || side == Side::Server;
            if asked && !list.contains(&choice) {
                list.push(choice);
            }
        }
        Preference { list }
    }

    /// What the environment (`RSYNC_CHECKSUM_LIST`, `RSYNC_COMPRESS_LIST`) says, if it says
    /// anything: names with spaces between them, of which unknown ones count for nothing. What is
    /// behind an `&` is the server's, or all of it where there is none.
    // rsync: compat.c getenv_nstr(), parse_nni_str()
    pub fn of_environment(value: Option<&[u8]>, side: Side) -> Preference<C> {
        let value = value.unwrap_or_default();
        let mut halves = value.splitn(2, |&byte| byte == b'&');
        let client = halves.next().unwrap_or_default();
        let server = halves.next().unwrap_or(client);
        let half = match side {
            Side::Client => client,
            Side::Server => server
                .split(|&byte| byte == b'&')
                .next()
                .unwrap_or_default(),
        };
        let names = |text| words(text).filter_map(C::named);
        if words(half).next().is_none() {
            return Preference::of_program(side);
        }
        let mut list = Vec::new();
        for choice in names(half) {
            if !list.contains(&choice) {
                list.push(choice);
            }
        }
        Preference { list }
    }

    /// What goes into a batch file: any reader knows it.
    pub fn of_batch(protocol: Protocol) -> Preference<C> {
        let list = vec![C::of_old_peers(protocol)];
        Preference { list }
    }

    /// Whether a client may have what its user chose by `value`: only what the server's environment
    /// lists, if it does.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`], in rsync's words.
    // rsync: compat.c validate_choice_vs_env()
    pub fn permit(&self, choices: &[C], value: &[u8]) -> Result<(), Error> {
        if choices
            .iter()
            .all(|choice| self.list.contains(&choice.listed()))
        {
            return Ok(());
        }
        let (kind, value) = (C::KIND, String::from_utf8_lossy(value));
        Err(Error::Unsupported(format!(
            "Your --{kind}-choice value ({value}) was refused by the server."
        )))
    }

    fn text(&self) -> String {
        if self.list.is_empty() {
            // Not an empty list: the peer would take that for a fault.
            return "INVALID".into();
        }
        let names: Vec<_> = self.list.iter().map(|choice| choice.name()).collect();
        names.join(" ")
    }

    /// What results with the peer's list.
    ///
    /// rsync 3.5 lets each end take its own first that the other knows, which are two where a user
    /// orders them in another way on one end. Servers before, and this one, take the client's first:
    /// what any client takes.
    fn agree(&self, theirs: &[u8], side: Side) -> Result<C, Error> {
        let mut known = words(theirs).filter_map(C::named);
        let agreed = match side {
            Side::Server => known.find(|choice| self.list.contains(choice)),
            Side::Client => {
                let known: Vec<_> = known.collect();
                self.list
                    .iter()
                    .copied()
                    .find(|choice| known.contains(choice))
            }
        };
        agreed.ok_or_else(|| {
            let (kind, ours) = (C::KIND, self.text());
            let (other, theirs) = (side.other(), String::from_utf8_lossy(theirs));
            Error::Unsupported(format!(
                "Failed to negotiate a {kind} choice.\n{other} list: {theirs}\n{side} list: {ours}"
            ))
        })
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = text.split(|byte| byte.is_ascii_whitespace());
    words.filter(|word| !word.is_empty())
}

/// The longest list.
// rsync: compat.c MAX_NSTR_STRLEN
const MAX_LIST: usize = 255;

/// What is negotiated: what the user has not chosen, and of compressions only if there is to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiation {
    /// This end, whose lists these are.
    pub side: Side,
    /// Checksums.
    pub checksum: Option<Preference<Checksum>>,
    /// Compressions.
    pub compression: Option<Preference<Codec>>,
}

/// What resulted; none of what was not negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// For contents, blocks and `--checksum`.
    pub checksum: Option<Checksum>,
    /// For contents.
    pub compression: Option<Codec>,
}

impl Negotiation {
    /// Appends this end's lists, before the peer's are read; nothing to an old peer.
    pub fn put(&self, out: &mut Vec<u8>, protocol: Protocol) {
        if protocol.negotiates() {
            if let Some(checksum) = &self.checksum {
                put_vstring(out, checksum.text().as_bytes());
            }
            if let Some(compression) = &self.compression {
                put_vstring(out, compression.text().as_bytes());
            }
        }
    }

    /// Takes the peer's lists.
    ///
    /// # Errors
    ///
    /// Those of the source, and [`Error::Unsupported`] where the lists have nothing in common. The
    /// words are for the client's user; rsync's server says nothing, since its client sees it, too.
    pub fn take<S: Source>(
        &self,
        source: &mut S,
        protocol: Protocol,
    ) -> Result<Agreement, S::Error> {
        if !protocol.negotiates() {
            return Ok(self.implied(protocol)?);
        }
        // Each is judged when both are here, or the end of one session would be two things.
        let mut theirs = |asked: bool, what| match asked {
            true => vstring(source, MAX_LIST, what).map(Some),
            false => Ok(None),
        };
        let checksums = theirs(self.checksum.is_some(), "checksum list")?;
        let compressions = theirs(self.compression.is_some(), "compress list")?;
        Ok(Agreement {
            checksum: agreed(&self.checksum, checksums, self.side)?,
            compression: agreed(&self.compression, compressions, self.side)?,
        })
    }

    /// What results where nothing crosses: the peer is old, or a batch file.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`], where the user's lists don't have what old peers use.
    pub fn implied(&self, protocol: Protocol) -> Result<Agreement, Error> {
        if let Some(checksum) = &self.checksum {
            checksum.agree(
                Checksum::of_old_peers(protocol).name().as_bytes(),
                self.side,
            )?;
        }
        if let Some(compression) = &self.compression {
            compression.agree(Codec::Zlib.name().as_bytes(), self.side)?;
        }
        Ok(Agreement {
            checksum: self.checksum.as_ref().map(|_| Checksum::implied(protocol)),
            compression: self.compression.as_ref().map(|_| Codec::Zlib),
        })
    }
}

fn agreed<C: Choice>(
    ours: &Option<Preference<C>>,
    theirs: Option<Vec<u8>>,
    side: Side,
) -> Result<Option<C>, Error> {
    let both = ours.as_ref().zip(theirs);
    both.map(|(ours, theirs)| ours.agree(&theirs, side))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CompatFlags;
    use proptest::prelude::*;

    fn protocol(version: u8) -> Protocol {
        let protocol = Protocol::new(version).expect("a version");
        match version {
            31.. => protocol.with_flags(CompatFlags::VARINT_FLIST_FLAGS),
            _ => protocol,
        }
    }

    fn listed(names: &str, side: Side) -> Preference<Checksum> {
        Preference::of_environment(Some(names.as_bytes()), side)
    }

    #[test]
    fn the_environment_says_what_is_known() {
        for (value, client, server) in [
            ("md5 xxh3", "md5 xxh3", "md5 xxh3"),
            ("md5 & xxh3", "md5", "xxh3"),
            ("MD5  bogus md5\txxHash xxh64", "md5 xxh64", "md5 xxh64"),
            ("bogus", "INVALID", "INVALID"),
            ("none&", "none", "xxh128 xxh3 xxh64 md5 md4 sha1 none"),
            (
                " ",
                "xxh128 xxh3 xxh64 md5 md4 sha1",
                "xxh128 xxh3 xxh64 md5 md4 sha1 none",
            ),
            ("&md4&md5", "xxh128 xxh3 xxh64 md5 md4 sha1", "md4"),
        ] {
            assert_eq!(listed(value, Side::Client).text(), client, "{value:?}");
            assert_eq!(listed(value, Side::Server).text(), server, "{value:?}");
        }
        assert_eq!(
            Preference::<Codec>::of_environment(None, Side::Client).text(),
            "zstd lz4 zlibx zlib"
        );
    }

    #[test]
    fn both_ends_take_the_clients_first() {
        for (client, server, agreed) in [
            ("md5 xxh3", "xxh3 md5", Checksum::Md5),
            ("xxh128 md4", "md5 md4", Checksum::Md4),
            ("bogus xxhash", "xxh64", Checksum::Xxh64),
        ] {
            let (ours, theirs) = (listed(client, Side::Client), listed(server, Side::Server));
            let taken = ours.agree(theirs.text().as_bytes(), Side::Client);
            assert_eq!(taken, Ok(agreed));
            assert_eq!(
                theirs.agree(ours.text().as_bytes(), Side::Server),
                Ok(agreed)
            );
        }
    }

    #[test]
    fn failure_has_rsyncs_words() {
        let error = listed("md5 xxh3", Side::Client).agree(b"md4", Side::Client);
        assert_eq!(
            error,
            Err(Error::Unsupported(
                "Failed to negotiate a checksum choice.\n\
                 Server list: md4\n\
                 Client list: md5 xxh3"
                    .into()
            ))
        );
    }

    #[test]
    fn old_peers_have_what_their_version_implies() {
        let negotiation = |list: &str| Negotiation {
            side: Side::Client,
            checksum: Some(listed(list, Side::Client)),
            compression: None,
        };
        let mut out = Vec::new();
        negotiation("").put(&mut out, protocol(30));
        assert!(out.is_empty());
        let agreed = |list, version| {
            let agreed = negotiation(list).take(&mut &[][..], protocol(version));
            agreed.map(|agreed| agreed.checksum)
        };
        assert_eq!(agreed("", 30), Ok(Some(Checksum::Md5)));
        assert_eq!(agreed("", 29), Ok(Some(Checksum::Md4Old)));
        let error = agreed("xxh3", 29).expect_err("md4 is not allowed");
        assert!(
            error
                .to_string()
                .ends_with("Server list: md4\nClient list: xxh3"),
            "{error}"
        );
        assert!(agreed("", 32).is_err());
    }

    #[test]
    fn users_choose_what_the_server_lists() {
        let md5 = listed("md4&md5", Side::Server);
        let error = md5
            .permit(&[Checksum::Md5, Checksum::Md4], b"md5,md4")
            .expect_err("no md4");
        assert_eq!(
            error.to_string(),
            "Your --checksum-choice value (md5,md4) was refused by the server."
        );
        assert_eq!(md5.permit(&[Checksum::Md5], b"md5"), Ok(()));
        assert_eq!(
            listed("md4", Side::Server).permit(&[Checksum::Md4Old], b"auto"),
            Ok(())
        );
        let any = Preference::of_program(Side::Server);
        assert_eq!(any.permit(&[Checksum::None], b"none"), Ok(()));
    }

    proptest! {
        #[test]
        fn both_ends_agree(client in "[ a-z0-9&]{0,40}", server in "(md5|md4|xxh3| ){0,5}") {
            let end = |side, list: &str| Negotiation {
                side,
                checksum: Some(listed(list, side)),
                compression: Some(Preference::of_environment(Some(list.as_bytes()), side)),
            };
            let (client, server) = (end(Side::Client, &client), end(Side::Server, &server));
            let (mut sent, mut answered) = (Vec::new(), Vec::new());
            client.put(&mut sent, protocol(32));
            server.put(&mut answered, protocol(32));
            let at_client = client.take(&mut &answered[..], protocol(32)).ok();
            prop_assert_eq!(at_client, server.take(&mut &sent[..], protocol(32)).ok());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, version in 27u8..33) {
            let negotiation = Negotiation {
                side: Side::Server,
                checksum: Some(listed("", Side::Server)),
                compression: Some(Preference::of_environment(Some(&bytes), Side::Server)),
            };
            let _ = negotiation.take(&mut &bytes[..], protocol(version));
        }
    }
}
