//! What real rsyncs sent, decoded and encoded again to the same bytes. `golden/README.md` says how
//! it was captured; sessions are without a file list here, since only the generator's side is read
//! to its end.

use std::fs;
use std::path::Path;

use wire::choice::Checksum;
use wire::greeting::{self, Capabilities};
use wire::int::int;
use wire::item::{Basis, Item, ItemFlags};
use wire::message::{Message, TextKind};
use wire::mux::{Deframer, Frame, put_data};
use wire::ndx::{NdxReader, NdxWriter};
use wire::negotiate::{Agreement, Negotiation, Preference};
use wire::stats::{Deletions, Statistics};
use wire::token::Codec;
use wire::{CompatFlags, Ndx, Protocol, Side, Source, arguments, filters};

/// The bytes of a file list's checksum head, and those of a block: the weak sum and the strong.
const HEAD: usize = 16;

#[test]
fn generators_come_back_byte_for_byte() {
    for version in 27..=32 {
        for (name, side) in [("pull", Side::Client), ("push", Side::Server)] {
            let session = Session::read(&format!("{name}{version}"), version);
            let (stream, messages) = session.stream_of(side);
            let mut source = &stream[..];
            let rules = match side {
                Side::Client => Some(filters::rules(&mut source).expect("rules")),
                Side::Server => None,
            };
            let told = generator(&mut source, session.protocol);
            assert!(source.is_empty(), "{name}{version}: {source:02x?}");

            let mut again = Vec::new();
            if let Some(rules) = rules {
                assert!(rules.is_empty());
                filters::put_rules(&mut again, &rules).expect("no rules");
            }
            put_generator(&mut again, &told, session.protocol);
            assert!(again == stream, "{name}{version}");

            let dones = told
                .iter()
                .filter(|told| matches!(told, Told::Mark(Ndx::Done)));
            // The first phase ends once for each part of the list, the goodbye once or twice.
            let parts = if session.protocol.is_incremental() {
                2
            } else {
                1
            };
            let phases = parts + session.protocol.phases();
            let expected = phases + 1 + usize::from(session.protocol.has_long_goodbye());
            assert_eq!(dones.count(), expected, "{name}{version}");
            if name == "push" {
                deletions(&told, &messages, session.protocol);
            }
        }
    }
}

/// What is told of what was in the way: before version 29 only that something was.
fn deletions(told: &[Told], messages: &[Message], protocol: Protocol) {
    let version = protocol.version();
    let counted = told.iter().find_map(|told| match told {
        Told::Deletions(counts) => Some(*counts),
        _ => None,
    });
    let expected = Deletions {
        files: 1,
        dirs: 1,
        ..Deletions::default()
    };
    assert_eq!(counted, (version >= 31).then_some(expected), "{version}");
    let expected = [("old", true), ("extra", false)].map(|(name, is_dir)| match version {
        27 | 28 => Message::Text(TextKind::Info, b"*deleting  \n".to_vec()),
        _ => Message::Deleted {
            name: name.into(),
            is_dir,
        },
    });
    assert_eq!(messages, expected, "{version}");
}

#[test]
fn senders_end_with_statistics() {
    for version in 27..=32 {
        let session = Session::read(&format!("pull{version}"), version);
        let (stream, _) = session.stream_of(Side::Server);
        let goodbye = if session.protocol.has_long_goodbye() {
            1
        } else {
            0
        };
        let len = match version {
            27 | 28 => 3 * 4,
            29 => 5 * 4,
            _ => 5 * 3,
        };
        let end = stream.len() - goodbye;
        let bytes = &stream[end - len..end];
        let mut source = bytes;
        let stats = Statistics::take(&mut source, session.protocol).expect("statistics");
        assert!(source.is_empty());
        // The list says it: a file of 6 bytes, one of 3000, one of 5, a link to one letter.
        assert_eq!(stats.size, 6 + 3000 + 5 + 1, "{version}");
        // What the sender wrote and read until then is part of what was captured.
        assert!(
            (3000..session.server.len() as u64).contains(&stats.written),
            "{stats:?}"
        );
        assert!(
            (50..session.client.len() as u64).contains(&stats.read),
            "{stats:?}"
        );
        let mut again = Vec::new();
        stats.put(&mut again, session.protocol);
        assert_eq!(again, bytes, "{version}");
    }
}

#[test]
fn items_name_what_files_are_built_from() {
    let item = |flags, basis, name: Option<&str>| Item {
        flags: ItemFlags(flags),
        basis,
        name: name.map(|name| name.as_bytes().to_vec()),
    };
    for version in [28, 29, 32] {
        let session = Session::read(&format!("items{version}"), version);
        let (stream, _) = session.stream_of(Side::Server);
        let mut source = &stream[..];
        let told = generator(&mut source, session.protocol);
        assert!(source.is_empty(), "{version}");
        let mut again = Vec::new();
        put_generator(&mut again, &told, session.protocol);
        assert!(again == stream, "{version}");
        let items: Vec<_> = told
            .iter()
            .filter_map(|told| match told {
                Told::Item(_, item, sums) => Some((item.clone(), sums.len() > HEAD)),
                _ => None,
            })
            .collect();
        if version == 28 {
            assert!(
                items.iter().all(|(item, _)| *item == Item::TRANSFER),
                "{items:?}"
            );
            continue;
        }
        let local = ItemFlags::LOCAL_CHANGE.0 | ItemFlags::IS_NEW.0;
        let expected = [
            (item(0x0008, None, None), false),
            (item(0x8004, Some(Basis::AlternateDir(0)), None), true),
            (
                item(0xa000, Some(Basis::Fuzzy(0)), Some("report-1.txt")),
                true,
            ),
            (item(local, None, Some("same")), false),
        ];
        assert_eq!(items, expected, "{version}");
    }
}

#[test]
fn arguments_names_and_rules_come_before_all_else() {
    let bytes = golden("files.client");
    let mut source = &bytes[..];
    let taken = arguments::arguments(&mut source).expect("arguments");
    let expected = [
        "rsync",
        "--checksum-seed=1",
        "--files-from=-",
        "--from0",
        ".",
        "src/",
    ];
    assert_eq!(taken, expected.map(|argument| argument.as_bytes().to_vec()));

    let protocol = greeting::version(&mut source, 32, Side::Server).expect("a version");
    let protocol = protocol.with_flags(CompatFlags::VARINT_FLIST_FLAGS);
    let end = |side| Negotiation {
        side,
        checksum: Some(Preference::of_program(side)),
        compression: Some(Preference::of_program(side)),
    };
    let agreed = end(Side::Server).take(&mut source, protocol);
    let expected = Agreement {
        checksum: Some(Checksum::Xxh128),
        compression: Some(Codec::Zstd),
    };
    assert_eq!(agreed, Ok(expected));

    let (stream, _) = deframed(source, Side::Server);
    let mut rest = &stream[..];
    let rules = filters::rules(&mut rest).expect("rules");
    assert_eq!(rules, [b"- *.o".to_vec(), b"- /b".to_vec()]);
    let mut names = Vec::new();
    while let Some(name) = arguments::name(&mut rest).expect("a name") {
        names.push(name);
    }
    assert_eq!(names, [&b"a"[..], b"dir/c", b"missing"]);

    let mut again = Vec::new();
    arguments::put_arguments(&mut again, &taken).expect("arguments");
    greeting::put_version(&mut again, 32);
    end(Side::Client).put(&mut again, protocol);
    let begun = bytes.len() - source.len();
    assert_eq!(again, bytes[..begun]);
    let mut again = Vec::new();
    filters::put_rules(&mut again, &rules).expect("rules");
    let mut list = arguments::Names::new(arguments::Lines::Text);
    list.put(&mut again, b"a\ndir/c\n\nmissing");
    list.end(&mut again);
    assert_eq!(again, stream[..stream.len() - rest.len()]);
}

/// What a generator says.
#[derive(Debug)]
enum Told {
    Mark(Ndx),
    Item(Ndx, Item, Vec<u8>),
    Deletions(Deletions),
}

/// Everything up to the end of a generator's stream.
fn generator(source: &mut &[u8], protocol: Protocol) -> Vec<Told> {
    let mut reader = NdxReader::new(protocol);
    let mut told = Vec::new();
    while !source.is_empty() {
        let ndx = reader.take(source).expect("an index");
        told.push(match ndx {
            Ndx::File(_) => {
                let item = Item::take(source, protocol).expect("an item");
                let mut sums = Vec::new();
                if item.flags.contains(ItemFlags::TRANSFER) {
                    let mut head = *source;
                    let blocks = int(&mut head).expect("a count") as usize;
                    let _block_len = int(&mut head).expect("a length");
                    let strong = int(&mut head).expect("a length") as usize;
                    let len = HEAD + blocks * (4 + strong);
                    source.append_to(&mut sums, len).expect("sums");
                }
                Told::Item(ndx, item, sums)
            }
            Ndx::Deletions => Told::Deletions(Deletions::take(source).expect("deletions")),
            _ => Told::Mark(ndx),
        });
    }
    told
}

fn put_generator(out: &mut Vec<u8>, told: &[Told], protocol: Protocol) {
    let mut writer = NdxWriter::new(protocol);
    for told in told {
        match told {
            Told::Mark(ndx) => writer.put(out, *ndx),
            Told::Item(ndx, item, sums) => {
                writer.put(out, *ndx);
                item.put(out, protocol);
                out.extend_from_slice(sums);
            }
            Told::Deletions(counts) => {
                writer.put(out, Ndx::Deletions);
                counts.put(out);
            }
        }
    }
}

/// A captured session: its beginning is checked where it is read.
struct Session {
    protocol: Protocol,
    client: Vec<u8>,
    server: Vec<u8>,
    /// How much of each is before the frames.
    begun: [usize; 2],
}

impl Session {
    fn read(name: &str, version: u8) -> Session {
        let (client, server) = match name {
            // Only one side was kept.
            _ if name.starts_with("items") => (Vec::new(), golden(&format!("{name}.server"))),
            _ => (
                golden(&format!("{name}.client")),
                golden(&format!("{name}.server")),
            ),
        };
        let is_push = name.starts_with("items") || name.starts_with("push");
        let mut from_server = &server[..];
        let offer = version.into();
        let mut protocol =
            greeting::version(&mut from_server, offer, Side::Client).expect("a version");
        assert_eq!(protocol.version(), version);
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        greeting::put_version(&mut sent, offer);
        // Nobody tells the server which version the client was asked for.
        greeting::put_version(&mut answered, Protocol::NEWEST.into());
        if protocol.is_packed() {
            let asked = Capabilities::parse(b".iLsfxCIvu");
            let flags = greeting::flags(&mut from_server, asked).expect("flags");
            asked.put_answer(&mut answered, asked.answer(flags));
            // All there are.
            assert_eq!(flags.bits(), 0x1ff, "{name}");
            protocol = protocol.with_flags(flags);
        }
        let end = |side| Negotiation {
            side,
            checksum: Some(Preference::of_program(side)),
            compression: None,
        };
        let agreed = end(Side::Client)
            .take(&mut from_server, protocol)
            .expect("an agreement");
        let checksum = match version {
            27..=29 => Checksum::Md4Old,
            _ => Checksum::Xxh128,
        };
        assert_eq!(agreed.checksum, Some(checksum), "{name}");
        end(Side::Client).put(&mut sent, protocol);
        end(Side::Server).put(&mut answered, protocol);
        assert_eq!(greeting::seed(&mut from_server), Ok(1));
        greeting::put_seed(&mut answered, 1);

        let begun = [sent.len(), server.len() - from_server.len()];
        assert_eq!(answered, server[..begun[1]], "{name}");
        if !client.is_empty() {
            assert_eq!(sent, client[..begun[0]], "{name}");
        } else {
            assert!(is_push);
        }
        Session {
            protocol,
            client,
            server,
            begun,
        }
    }

    /// What that side sent in its frames, or, where old clients have none, after the beginning.
    fn stream_of(&self, side: Side) -> (Vec<u8>, Vec<Message>) {
        match side {
            Side::Client if !self.protocol.frames_both_ways() => {
                (self.client[self.begun[0]..].to_vec(), Vec::new())
            }
            Side::Client => deframed(&self.client[self.begun[0]..], Side::Server),
            Side::Server => deframed(&self.server[self.begun[1]..], Side::Client),
        }
    }
}

/// Takes frames apart, at the side that receives them; put together again, they are the same.
fn deframed(bytes: &[u8], side: Side) -> (Vec<u8>, Vec<Message>) {
    let mut deframer = Deframer::new(side);
    let (mut data, mut messages, mut again) = (Vec::new(), Vec::new(), Vec::new());
    let mut input = bytes;
    while let Some(frame) = deframer.next(&mut input).expect("a frame") {
        match frame {
            Frame::Data(part) => {
                put_data(&mut again, part);
                data.extend_from_slice(part);
            }
            Frame::Message(message) => {
                message.put(&mut again);
                messages.push(message);
            }
        }
    }
    assert!(deframer.is_between_frames());
    assert!(again == bytes);
    (data, messages)
}

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
