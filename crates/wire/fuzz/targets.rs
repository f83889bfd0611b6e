//! One entry a decoder: it takes any bytes, and must neither panic nor take memory that the bytes
//! did not pay for. `decoder.rs` gives each to libFuzzer, `tests/fuzz_short.rs` runs all of them
//! for a moment in every test run.
//!
//! A new decoder is one line here and one in `Cargo.toml` beside this file.

use wire::choice::ChecksumChoice;
use wire::mux::{Deframer, Frame};
use wire::ndx::{NdxReader, NdxWriter};
use wire::negotiate::{Negotiation, Preference};
use wire::stats::{Deletions, Statistics};
use wire::{CompatFlags, Protocol, Side, arguments, filters, greeting, int, item::Item};

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// Every decoder by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("arguments", take_arguments),
    ("filters", take_filters),
    ("greeting", take_greeting),
    ("int", take_ints),
    ("item", take_items),
    ("mux", take_frames),
    ("ndx", take_indices),
    ("negotiate", negotiate),
    ("stats", take_stats),
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
    let _ = ChecksumChoice::parse(source, protocol);
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
