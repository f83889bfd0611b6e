//! `--debug=NSTR` of a local session: the checksum and the compression that its two sides would
//! agree upon if they were two programs.
// rsync: checksum.c parse_checksum_choice(), compat.c parse_compress_choice()

use crate::context::Context;
use crate::event::Role;
use crate::remote::handshake;
use options::Options;
use wire::choice::{Checksum, Choice};
use wire::token::Codec;

/// Tells what was chosen, or agreed upon.
pub(crate) fn tell(ctx: &Context) {
    if ctx.options.debug.nstr >= 1 {
        for line in lines(&ctx.options) {
            ctx.info(Role::Client, line);
        }
    }
}

fn lines(options: &Options) -> Vec<String> {
    let mut lines = vec![match options.checksum_choice {
        None => format!("Client negotiated checksum: {}", first::<Checksum>()),
        Some(choice) => {
            let (transfer, file) = (checksum(choice.transfer), checksum(choice.file));
            if transfer == file {
                format!("Client checksum: {transfer}")
            } else {
                format!("Client checksum: {transfer},{file}")
            }
        }
    }];
    let (codec, how, name) = match options.compress.algorithm {
        options::Compression::Off => return lines,
        options::Compression::Negotiated => {
            let name = first::<Codec>();
            match Codec::named(name.as_bytes()) {
                Some(Codec::Plain) | None => return lines,
                Some(codec) => (codec, " negotiated", name),
            }
        }
        options::Compression::Chosen(codec) => {
            let codec = handshake::codec(codec);
            (codec, "", codec.name())
        }
    };
    let (codec, level) = codec.at_level(options.compress.level);
    if codec != Codec::Plain {
        lines.push(format!("Client{how} compress: {name} (level {level})"));
    }
    lines
}

/// The name of what both sides like best.
fn first<C: Choice>() -> &'static str {
    C::NAMES.first().map_or("UNKNOWN", |(name, _)| name)
}

fn checksum(choice: options::Checksum) -> &'static str {
    match choice {
        options::Checksum::Auto => "auto",
        options::Checksum::Xxh128 => Checksum::Xxh128.name(),
        options::Checksum::Xxh3 => Checksum::Xxh3.name(),
        options::Checksum::Xxh64 => Checksum::Xxh64.name(),
        options::Checksum::Md5 => Checksum::Md5.name(),
        options::Checksum::Md4 => Checksum::Md4.name(),
        options::Checksum::Sha1 => Checksum::Sha1.name(),
        options::Checksum::None => Checksum::None.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use options::{ChecksumChoice, Compress};

    /// Answers of rsync 3.5.0.
    #[test]
    fn lines_are_rsyncs() {
        let plain = Options::default();
        assert_eq!(lines(&plain), ["Client negotiated checksum: xxh128"]);
        for (algorithm, level, line) in [
            (
                options::Compression::Negotiated,
                None,
                " negotiated compress: zstd (level 3)",
            ),
            (
                options::Compression::Negotiated,
                Some(30),
                " negotiated compress: zstd (level 22)",
            ),
            (
                options::Compression::Chosen(options::Codec::Lz4),
                Some(4),
                " compress: lz4 (level 0)",
            ),
            (
                options::Compression::Chosen(options::Codec::Zlib),
                Some(9),
                " compress: zlib (level 9)",
            ),
        ] {
            let compress = Compress {
                algorithm,
                level,
                ..Compress::default()
            };
            let options = Options {
                compress,
                ..Options::default()
            };
            assert_eq!(lines(&options)[1], format!("Client{line}"));
        }
        let two = ChecksumChoice {
            transfer: options::Checksum::Auto,
            file: options::Checksum::Md5,
        };
        let options = Options {
            checksum_choice: Some(two),
            ..Options::default()
        };
        assert_eq!(lines(&options), ["Client checksum: auto,md5"]);
    }
}
