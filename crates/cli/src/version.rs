//! `--version`: who the program is, and what it can do, in the shape of rsync's answer. Only
//! what is there is claimed: scripts decide by these words.
// rsync: usage.c print_rsync_version(), print_info_flags()

use delta::ChecksumKind;
use std::fmt::Write;
use wire::Protocol;
use wire::choice::Choice;
use wire::token::Codec;

/// For people. `driver` is the driver of `fast_io` that would move the bytes.
pub fn text(driver: &str) -> String {
    let mut text = format!(
        "tidesync  version {VERSION}  protocol version {PROTOCOL}\nWeb site: {SITE}\n\
         Compatible with: rsync 3.5.0\nCapabilities:\n"
    );
    wrap(&mut text, &capabilities());
    text += "Optimizations:\n";
    wrap(&mut text, &optimizations());
    let _ = write!(text, "I/O backend:\n    {driver}\n");
    let _ = write!(
        text,
        "Checksum list:\n    {}\n",
        checksums("(xxhash)").join(" ")
    );
    let _ = write!(text, "Compress list:\n    {}\n", compressions().join(" "));
    text += "\ntidesync comes with ABSOLUTELY NO WARRANTY.  This is free software, and you\n\
             are welcome to redistribute it under certain conditions.  See the GNU\n\
             General Public Licence for details.\n";
    text
}

/// For programs: one JSON object.
pub fn json(driver: &str) -> String {
    let flags = |words: &[&str]| -> serde_json::Map<String, serde_json::Value> {
        words.iter().map(|word| flag(word)).collect()
    };
    let value = serde_json::json!({
        "program": "tidesync",
        "version": VERSION,
        "protocol": format!("{PROTOCOL}.0"),
        "url": SITE,
        "compatible_with": "rsync 3.5.0",
        "capabilities": flags(&capabilities()),
        "optimizations": flags(&optimizations()),
        "io_backend": driver,
        "checksum_list": checksums(""),
        "compress_list": compressions(),
        "license": "GPLv3",
        "caveat": "tidesync comes with ABSOLUTELY NO WARRANTY",
    });
    format!("{value:#}\n")
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
const PROTOCOL: u8 = Protocol::NEWEST;
const SITE: &str = env!("CARGO_PKG_REPOSITORY");

/// rsync's words, `no` before what is missing.
fn capabilities() -> Vec<&'static str> {
    let unix = |has, lacks| if cfg!(unix) { has } else { lacks };
    let linux = |has, lacks| {
        if cfg!(target_os = "linux") {
            has
        } else {
            lacks
        }
    };
    vec![
        "64-bit files",
        "64-bit inums",
        "64-bit timestamps",
        unix("socketpairs", "no socketpairs"),
        "symlinks",
        "symtimes",
        "hardlinks",
        unix("hardlink-specials", "no hardlink-specials"),
        unix("hardlink-symlinks", "no hardlink-symlinks"),
        "no IPv6",
        "atimes",
        "batchfiles",
        "inplace",
        "append",
        linux("ACLs", "no ACLs"),
        linux("xattrs", "no xattrs"),
        "optional secluded-args",
        "iconv",
        "prealloc",
        "stop-at",
        "no crtimes",
    ]
}

fn optimizations() -> Vec<&'static str> {
    vec![
        if cfg!(target_os = "linux") {
            "reflink"
        } else {
            "no reflink"
        },
        "in-kernel-copy",
    ]
}

fn checksums(alias: &'static str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for kind in ChecksumKind::PREFERENCE {
        names.push(kind.name());
        if kind == ChecksumKind::Xxh64 && !alias.is_empty() {
            names.push(alias);
        }
    }
    names
}

fn compressions() -> Vec<&'static str> {
    let names = Codec::NAMES.iter();
    names.map(|(name, _)| *name).collect()
}

/// Lines of at most 75 columns.
fn wrap(text: &mut String, words: &[&str]) {
    let mut width = 0;
    for (at, word) in words.iter().enumerate() {
        let comma = if at + 1 < words.len() { "," } else { "" };
        let length = 1 + word.len() + comma.len();
        if width > 0 && width + length >= 75 {
            text.push('\n');
            width = 0;
        }
        if width == 0 {
            text.push_str("   ");
        }
        let _ = write!(text, " {word}{comma}");
        width += length;
    }
    text.push('\n');
}

/// `no ACLs` is `"ACLs": false`, `optional secluded-args` `"secluded_args": "optional"`, `64-bit files` is `"file_bits": 64`.
fn flag(word: &str) -> (String, serde_json::Value) {
    let key = |name: &str| name.replace([' ', '-'], "_");
    match word.split_once(' ') {
        Some(("no", name)) => (key(name), false.into()),
        Some(("optional", name)) => (key(name), "optional".into()),
        Some((bits, name)) if bits.ends_with("-bit") => {
            let bits: Option<u32> = bits.strip_suffix("-bit").and_then(|bits| bits.parse().ok());
            (format!("{}_bits", name.trim_end_matches('s')), bits.into())
        }
        _ => (key(word), true.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_rsyncs_shape() {
        let text = text("threads");
        let first = format!("tidesync  version {VERSION}  protocol version 32\n");
        assert!(text.starts_with(&first));
        assert!(text.contains("\nCapabilities:\n    64-bit files, 64-bit inums,"));
        assert!(
            text.contains("\nChecksum list:\n    xxh128 xxh3 xxh64 (xxhash) md5 md4 sha1 none\n")
        );
        assert!(text.contains("\nCompress list:\n    zstd lz4 zlibx zlib none\n"));
        assert!(text.contains("no crtimes") && text.ends_with("for details.\n"));
        assert!(text.lines().all(|line| line.len() <= 79), "{text}");
    }

    #[test]
    fn the_json_says_the_same() {
        let value: serde_json::Value = serde_json::from_str(&json("threads")).unwrap();
        assert_eq!(value["version"], VERSION);
        assert_eq!(value["capabilities"]["file_bits"], 64);
        assert_eq!(value["capabilities"]["inplace"], true);
        let is_linux = cfg!(target_os = "linux");
        assert_eq!(value["capabilities"]["xattrs"], is_linux);
        assert_eq!(value["capabilities"]["ACLs"], is_linux);
        assert_eq!(value["capabilities"]["secluded_args"], "optional");
        assert_eq!(value["compress_list"][0], "zstd");
        assert_eq!(value["checksum_list"][0], "xxh128");
        assert_eq!(value["io_backend"], "threads");
    }
}
