//! One entry a decoder: it takes any bytes, and must neither panic nor take memory that the bytes
//! did not pay for. `decoder.rs` gives each to libFuzzer, `tests/fuzz_short.rs` runs all of them
//! for a moment in every test run.
//!
//! A new decoder is one line here and one in `Cargo.toml` beside this file.

use wire::flist::{self, EntryDecoder, EntryEncoder, ListRules, ids, xattr};
use wire::mux::{Deframer, Frame};
use wire::ndx::{NdxReader, NdxWriter};
use wire::negotiate::{Negotiation, Preference};
use wire::stats::{Deletions, Statistics};
use wire::sums::{block_sums, put_block_sum, put_sum_head, sum_head};
use wire::token::{Codec, Token, TokenDecoder};
use wire::{CompatFlags, Protocol, Side, arguments, filters, greeting, int, item::Item};

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// Every decoder by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("arguments", take_arguments),
    ("filters", take_filters),
    ("flist", take_list),
    ("greeting", take_greeting),
    ("int", take_ints),
    ("item", take_items),
    ("mux", take_frames),
    ("ndx", take_indices),
    ("negotiate", negotiate),
    ("stats", take_stats),
    ("sums", take_sums),
    ("token_lz4", |bytes| take_tokens(Codec::Lz4, bytes)),
    ("token_plain", |bytes| take_tokens(Codec::Plain, bytes)),
    ("token_zlib", |bytes| take_tokens(Codec::Zlib, bytes)),
    ("token_zlibx", |bytes| take_tokens(Codec::Zlibx, bytes)),
    ("token_zstd", |bytes| take_tokens(Codec::Zstd, bytes)),
    ("xattr", take_xattr_values),
];

/// A version and flags, drawn from the first bytes, and the rest.
fn with_protocol(bytes: &[u8]) -> Option<(Protocol, &[u8])> {
    let (&[version, low, high], rest) = bytes.split_first_chunk()?;
    let protocol = Protocol::new(Protocol::OLDEST + version % 6)?;
    let flags = CompatFlags::from_bits(u16::from_le_bytes([low, high]).into());
    Some((protocol.with_flags(flags), rest))
}

fn take_arguments(bytes: &[u8]) {
    if let Ok(taken) = arguments::arguments(&mut &bytes[..]) {
        let mut again = Vec::new();
        arguments::put_arguments(&mut again, &taken).expect("what was taken");
        assert!(bytes.starts_with(&again));
    }
    let mut source = bytes;
    while let Ok(Some(_)) = arguments::name(&mut source) {}
}

fn take_filters(bytes: &[u8]) {
    if let Ok(taken) = filters::rules(&mut &bytes[..]) {
        let mut again = Vec::new();
        filters::put_rules(&mut again, &taken).expect("what was taken");
        assert!(bytes.starts_with(&again));
    }
}

fn take_greeting(bytes: &[u8]) {
    let _ = greeting::version_of_batch(&mut &bytes[..], 31);
    let mut source = bytes;
    let capabilities = greeting::Capabilities::parse(bytes);
    let offer = capabilities.offer(Protocol::NEWEST.into());
    if greeting::version(&mut source, offer, Side::Server).is_ok()
        && greeting::flags(&mut source, capabilities).is_ok()
    {
        let _ = greeting::seed(&mut source);
    }
}

/// Signatures, one behind the other.
fn take_sums(bytes: &[u8]) {
    let Some((protocol, mut source)) = with_protocol(bytes) else {
        return;
    };
    let all = source;
    let mut again = Vec::new();
    while let Ok(head) = sum_head(&mut source, protocol, 16) {
        put_sum_head(&mut again, &head);
        let taken = block_sums(&mut source, &head, |weak, strong| {
            put_block_sum(&mut again, weak, strong);
            Ok(())
        });
        if taken.is_err() {
            break;
        }
    }
    assert!(all.starts_with(&again));
}

/// Content of files. A copied block is of zeros, as long as the first byte says.
fn take_tokens(codec: Codec, bytes: &[u8]) {
    /// As much as one run looks at: a few bytes may stand for a great many.
    const MOST: usize = 4 << 20;
    let Some((protocol, mut source)) = with_protocol(bytes) else {
        return;
    };
    let block = vec![0; usize::from(bytes[0]) * 16];
    let mut decoder = TokenDecoder::new(codec, protocol);
    let mut seen = 0;
    while seen < MOST
        && let Ok(token) = decoder.next(&mut source)
    {
        match token {
            Token::Literal(bytes) => seen += bytes.len().max(1),
            Token::Copy { count, .. } => {
                assert!(count > 0);
                seen += 1;
                if decoder.wants_matched() {
                    decoder.matched(&block);
                }
            }
            Token::End => seen += 1,
        }
    }
}

/// Lists, whose rules the last bytes say; behind them, names of ids.
fn take_list(bytes: &[u8]) {
    let Some((rules, mut source)) = with_rules(bytes) else {
        return;
    };
    let again = list_again(rules, &mut source);
    let _ = ids::ids(&mut source, rules.protocol, |_, _| Ok(()));
    let _ = flist::late_io_error(&mut source, rules.protocol);
    assert_eq!(list_again(rules, &mut &again[..]), again);
}

/// The entries that can be read, written again.
fn list_again(rules: ListRules, source: &mut &[u8]) -> Vec<u8> {
    let (mut decoder, mut encoder) = (EntryDecoder::new(rules), EntryEncoder::new(rules));
    let mut again = Vec::new();
    while let Ok(item) = decoder.next(source) {
        match item {
            flist::Item::Entry { index, entry } => {
                let mode = entry.attributes.mode;
                let _ = flist::check_name(entry.name, mode, flist::Names::Rooted);
                assert_eq!(encoder.put(&mut again, &entry), Ok(index));
            }
            flist::Item::End { io_error, .. } => {
                encoder.end(&mut again, io_error).expect("as many");
                if !rules.protocol.is_incremental() {
                    break;
                }
            }
        }
    }
    again
}

/// What the options of real sessions are, or any: so that changed lists of real sessions are
/// understood often enough.
fn with_rules(bytes: &[u8]) -> Option<(ListRules, &[u8])> {
    /// Versions and flags; low bits of the options are as below.
    const REAL: [(u8, u32, u32); 8] = [
        (27, 0, 0x3f),
        (29, 0, 0x3f),
        (29, 0, 0x41f),
        (30, 0x3f, 0x3f),
        (31, 0x7e, 0x73f),
        (32, 0x1ff, 0x7f),
        (32, 0x1ff, 0x73f),
        (32, 0x1fe, 0x37f),
    ];
    let (&choice, source) = bytes.split_last()?;
    let ((version, flags, options), source) = match choice {
        0x80.. => {
            let (source, &[version, low, high, more, options]) = source.split_last_chunk()?;
            let flags = u32::from(low) | u32::from(high) << 8;
            let options = u32::from(options) | u32::from(more) << 8;
            ((27 + version % 6, flags, options), source)
        }
        _ => (REAL[usize::from(choice) % REAL.len()], source),
    };
    let protocol = Protocol::new(version)?;
    let protocol = match protocol.is_packed() {
        true => protocol.with_flags(CompatFlags::from_bits(flags)),
        false => protocol,
    };
    let option = |bit: u32| options & 1 << bit != 0;
    let rules = ListRules {
        protocol,
        uid: option(0),
        gid: option(1),
        devices: option(2),
        specials: option(3),
        links: option(4),
        hard_links: option(5),
        atimes: option(6),
        crtimes: option(7) && protocol.has_varint_flags(),
        acls: option(8) && protocol.is_packed(),
        xattrs: option(9) && protocol.is_packed(),
        checksum_len: if option(10) { 16 } else { 0 },
        numeric_ids: option(11),
        missing_args: option(12),
    };
    Some((rules, source))
}

fn take_xattr_values(bytes: &[u8]) {
    let (mut source, mut number, mut value) = (bytes, 0, Vec::new());
    while let Ok(Some(_)) = xattr::wanted(&mut source, &mut number, 100)
        && xattr::take_value(&mut source, &mut value).is_ok()
    {
        assert!(value.len() <= bytes.len());
    }
}

fn take_ints(bytes: &[u8]) {
    let mut source = bytes;
    while int::varint(&mut source).is_ok()
        && int::varlong(&mut source, 3).is_ok()
        && int::longint(&mut source).is_ok()
        && int::vstring(&mut source, 255, "string").is_ok()
    {}
}

fn take_items(bytes: &[u8]) {
    let Some((protocol, mut source)) = with_protocol(bytes) else {
        return;
    };
    while !source.is_empty()
        && let before = source
        && let Ok(item) = Item::take(&mut source, protocol)
        && source.len() < before.len()
    {
        let mut again = Vec::new();
        item.put(&mut again, protocol);
        assert_eq!(Item::take(&mut &again[..], protocol), Ok(item));
    }
}

fn take_frames(bytes: &[u8]) {
    let Some((&piece, rest)) = bytes.split_first() else {
        return;
    };
    for side in [Side::Client, Side::Server] {
        let mut deframer = Deframer::new(side);
        for mut input in rest.chunks(usize::from(piece) + 1) {
            loop {
                match deframer.next(&mut input) {
                    Ok(Some(Frame::Data(data))) => assert!(!data.is_empty()),
                    Ok(Some(Frame::Message(message))) => message.put(&mut Vec::new()),
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
            assert!(input.is_empty());
        }
    }
}

fn take_indices(bytes: &[u8]) {
    let Some((protocol, mut source)) = with_protocol(bytes) else {
        return;
    };
    let mut reader = NdxReader::new(protocol);
    let (mut writer, mut again) = (NdxWriter::new(protocol), Vec::new());
    let mut taken = Vec::new();
    while let Ok(ndx) = reader.take(&mut source) {
        writer.put(&mut again, ndx);
        taken.push(ndx);
    }
    let (mut reader, mut source) = (NdxReader::new(protocol), &again[..]);
    for ndx in taken {
        assert_eq!(reader.take(&mut source), Ok(ndx));
    }
}

fn negotiate(bytes: &[u8]) {
    let Some((protocol, source)) = with_protocol(bytes) else {
        return;
    };
    for side in [Side::Client, Side::Server] {
        let negotiation = Negotiation {
            side,
            checksum: Some(Preference::of_environment(Some(source), side)),
            compression: Some(Preference::of_program(side)),
        };
        negotiation.put(&mut Vec::new(), protocol);
        let _ = negotiation.take(&mut &source[..], protocol);
    }
}

fn take_stats(bytes: &[u8]) {
    let Some((protocol, source)) = with_protocol(bytes) else {
        return;
    };
    let _ = Deletions::take(&mut &source[..]);
    if let Ok(taken) = Statistics::take(&mut &source[..], protocol) {
        let mut again = Vec::new();
        taken.put(&mut again, protocol);
        assert_eq!(Statistics::take(&mut &again[..], protocol), Ok(taken));
    }
}
