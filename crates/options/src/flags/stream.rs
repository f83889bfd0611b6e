//! Flags about what crosses to another computer: compressed, recoded, slowed down, or written
//! down for later.
//!
//! rsync: options.c long_options, compat.c, batch.c, io.c

use crate::error::OptionError;
use crate::flag::{Flag, Takes};
use crate::given::Given;
use crate::remote::BatchKind;
use crate::value::Value;

pub(super) const FLAGS: &[Flag] = &[
    COMPRESS,
    OLD_COMPRESS,
    NEW_COMPRESS,
    COMPRESS_CHOICE,
    COMPRESS_LEVEL,
    COMPRESS_THREADS,
    SKIP_COMPRESS,
    CHECKSUM_SEED,
    ICONV,
    BWLIMIT,
    WRITE_BATCH,
    ONLY_WRITE_BATCH,
    READ_BATCH,
    QSORT,
    MAX_ALLOC,
    OUTBUF,
];

const COMPRESS: Flag = Flag::switch(
    "compress",
    Some('z'),
    "compress file data during the transfer",
    |given| given.compress = given.compress.saturating_add(1),
)
.undo(&["no-compress", "no-z"], |given| {
    given.compress = 0;
    given.compress_choice = None;
})
.doc(
    "Compress what files hold on its way to another computer, by what both sides know best. \
     Given twice: by `zlibx`. In a local transfer it changes nothing.",
);

const OLD_COMPRESS: Flag = Flag::switch("old-compress", None, "compress in the old way", |given| {
    given.compress_choice = Some("zlib".into())
})
.doc("The same as `--compress-choice=zlib`.");

const NEW_COMPRESS: Flag = Flag::switch(
    "new-compress",
    None,
    "compress in the way after that",
    |given| given.compress_choice = Some("zlibx".into()),
)
.doc("The same as `--compress-choice=zlibx`.");

const COMPRESS_CHOICE: Flag = Flag::valued(
    "compress-choice",
    None,
    Takes::OneOf("STR", &["auto", "zstd", "lz4", "zlibx", "zlib", "none"]),
    "choose the compression algorithm",
    |given, value| {
        // The last one counts, and only then need it make sense.
        given.compress_choice = Some(value.text().into_owned());
        Ok(())
    },
)
.or(&["zc"])
.doc("Compress by exactly this one. `auto` leaves it to `-z`.");

const COMPRESS_LEVEL: Flag = Flag::valued(
    "compress-level",
    None,
    Takes::Text("NUM"),
    "explicitly set compression level",
    |given, value| {
        // popt's "not given" is also what the user may write.
        given.options.compress.level = Some(value.int()?).filter(|&level| level != i32::MIN);
        Ok(())
    },
)
.or(&["zl"])
.doc(
    "How hard to try; what a number means, and the default, is the algorithm's own. Implies `-z`.",
);

const COMPRESS_THREADS: Flag = Flag::valued(
    "compress-threads",
    None,
    Takes::Text("NUM"),
    "explicitly set compression threads",
    |given, value| {
        given.options.compress.threads = u32::try_from(value.int()?).unwrap_or(0);
        Ok(())
    },
)
.or(&["zt"])
.doc(
    "How many threads compress beside the one that sends, with `zstd`. Without it the program \
     takes some for long files.",
);

const SKIP_COMPRESS: Flag = Flag::valued(
    "skip-compress",
    None,
    Takes::Text("LIST"),
    "skip compressing files with suffix in LIST",
    |given, value| {
        given.options.compress.skip = Some(value.bytes().to_vec());
        Ok(())
    },
)
.doc(
    "Suffixes of files that `-z` compresses as little as it can, as that would gain nothing: \
     `--skip-compress=gz/jpg/mp[34]`. They are told by what comes after the last dot, in capitals or \
     not. Without the option everything is compressed alike, and so it is by rsync 3.5.0 with it.",
);

const CHECKSUM_SEED: Flag = Flag::valued(
    "checksum-seed",
    None,
    Takes::Text("NUM"),
    "set block/file checksum seed (advanced)",
    |given, value| {
        given.options.checksum_seed = Some(value.int()?).filter(|&seed| seed != 0);
        Ok(())
    },
)
.doc(
    "Makes the checksums that cross the connection differ from one run to the next; by default \
     the time does. In a local transfer none cross, and it changes nothing.",
);

const ICONV: Flag = Flag::valued(
    "iconv",
    None,
    Takes::Text("CONVERT_SPEC"),
    "request charset conversion of filenames",
    |given, value| {
        given.iconv = Some(value.bytes().to_vec());
        Ok(())
    },
)
.undo(&["no-iconv"], |given| given.iconv = None)
.doc(
    "Names are written in one character set here and in another there: `--iconv=LOCAL,REMOTE`; \
     one alone is for both. `.` is that of the locale, and `-` converts nothing, whatever the \
     variable `RSYNC_ICONV` says. Known are UTF-8, UTF-8-MAC, ASCII, ISO-8859-1 to 16 (without 12), \
     windows-874 and 1250 to 1258, KOI8-R, KOI8-U, IBM866, macintosh, Shift_JIS, EUC-JP, EUC-KR, \
     GBK, GB18030 and Big5, by the names of the Encoding Standard and some of iconv's. A file \
     whose name has no counterpart is left out, with exit code 23.",
);

const BWLIMIT: Flag = Flag::valued(
    "bwlimit",
    None,
    Takes::Text("RATE"),
    "limit socket I/O bandwidth",
    |given, value| {
        // Counted in units of 1024, the nearest.
        let rate = value.rate("bwlimit")?.saturating_add(512) / 1024;
        given.options.bwlimit = Some(rate).filter(|&rate| rate > 0);
        Ok(())
    },
)
.undo(&["no-bwlimit"], |given| given.options.bwlimit = None)
.doc(
    "Send no more than this in a second, on average: units of 1024 bytes, or with a unit, as in \
     `--bwlimit=1.5m`. 0 is without a limit.",
);

const WRITE_BATCH: Flag = Flag::valued(
    "write-batch",
    None,
    Takes::File("FILE"),
    "write a batched update to FILE",
    |given, value| batch(given, BatchKind::Write, value),
)
.doc(
    "Do the transfer, and write it down so that `--read-batch` can do it elsewhere, with this \
     program or rsync. Beside it stands a script, FILE`.sh`, that does so. A filter rule may not \
     have a line end in it.",
);

const ONLY_WRITE_BATCH: Flag = Flag::valued(
    "only-write-batch",
    None,
    Takes::File("FILE"),
    "like --write-batch but w/o updating dest",
    |given, value| batch(given, BatchKind::OnlyWrite, value),
)
.doc("Write the transfer down, and leave the destination as it is.");

const READ_BATCH: Flag = Flag::valued(
    "read-batch",
    None,
    Takes::File("FILE"),
    "read a batched update from FILE",
    |given, value| batch(given, BatchKind::Read, value),
)
.doc("Apply to the destination what `--write-batch` wrote; `-` reads standard input.");

/// All of them name the same file, and those that write exclude each other: the last one counts.
fn batch(given: &mut Given, kind: BatchKind, value: &Value<'_>) -> Result<(), crate::given::Stop> {
    given.batch_file = Some(value.path());
    match kind {
        BatchKind::Read => given.reads_batch = true,
        _ => given.writes_batch = Some(kind),
    }
    Ok(())
}

const QSORT: Flag = Flag::switch(
    "qsort",
    None,
    "sort the list with another algorithm",
    |_| {},
)
.doc(MACHINERY);

const MAX_ALLOC: Flag = Flag::valued(
    "max-alloc",
    None,
    Takes::Text("SIZE"),
    "change a limit relating to memory alloc",
    |given, value| Ok(bound_memory(given, value)?),
)
.doc(
    "How long a list of files from another computer may get before the session ends: an eighth as \
     many entries. The default is what the variable `RSYNC_MAX_ALLOC` says, or `1G`. The other side \
     is told, too.",
);

/// Takes `--max-alloc`, or what the environment has of it.
pub(crate) fn bound_memory(given: &mut Given, value: &Value<'_>) -> Result<(), OptionError> {
    let size = value.size("max-alloc", None)?;
    if size == 0 {
        return Err(OptionError::syntax("max-alloc must be greater than zero"));
    }
    let is_default = size == crate::resolved::DEFAULT_MAX_ALLOC;
    given.options.max_alloc = size;
    let text = Some(value.bytes().to_vec());
    given.options.as_given.max_alloc = text.filter(|_| !is_default);
    Ok(())
}

const OUTBUF: Flag = Flag::valued(
    "outbuf",
    None,
    Takes::OneOf("N|L|B", &["N", "L", "B"]),
    "set out buffering to None, Line, or Block",
    |_, value| match value.bytes().first().map(u8::to_ascii_uppercase) {
        Some(b'N' | b'U' | b'L' | b'B' | b'F') => Ok(()),
        _ => {
            let message = "Invalid --outbuf setting -- specify N, L, or B.";
            Err(OptionError::syntax(message).into())
        }
    },
)
.doc("Lines are written out within a moment, whatever is asked for.");

const MACHINERY: &str = "About rsync's own machinery: it is accepted and changes nothing.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{error, options, request_in, sync};
    use crate::error::ErrorKind;
    use crate::remote::{Batch, Charset, Codec, Compression, Iconv};
    use crate::{Environment, Request};

    fn compression(line: &str) -> Compression {
        options(line).compress.algorithm
    }

    #[test]
    fn compress() {
        assert_eq!(compression(""), Compression::Off);
        for line in ["-z", "--compress", "-z --zc=auto"] {
            assert_eq!(compression(line), Compression::Negotiated, "{line}");
        }
        for line in ["-z --no-z", "-z --no-compress", "--zc=zstd --no-z"] {
            assert_eq!(compression(line), Compression::Off, "{line}");
        }
        assert_eq!(compression("-zz"), Compression::Chosen(Codec::Zlibx));
        assert!(options("-avz a b").preserve_times);
    }

    #[test]
    fn old_and_new_compress() {
        assert_eq!(
            compression("--old-compress"),
            Compression::Chosen(Codec::Zlib)
        );
        assert_eq!(
            compression("--new-compress"),
            Compression::Chosen(Codec::Zlibx)
        );
    }

    #[test]
    fn compress_choice() {
        for (name, codec) in [
            ("ZSTD", Codec::Zstd),
            ("lz4", Codec::Lz4),
            ("zlibx", Codec::Zlibx),
        ] {
            let chosen = Compression::Chosen(codec);
            assert_eq!(compression(&format!("--zc={name}")), chosen, "{name}");
            assert_eq!(
                compression(&format!("-z --compress-choice={name}")),
                chosen,
                "{name}"
            );
        }
        assert_eq!(compression("-z --zc=none"), Compression::Off);
        assert_eq!(compression("--zc=auto"), Compression::Off);
        let unknown = error("--zc=foo a b");
        assert_eq!(unknown.kind, ErrorKind::Unsupported);
        assert_eq!(
            unknown.to_string(),
            "unknown compress name: foo (use auto, zstd, lz4, zlibx, zlib, none)"
        );
        assert_eq!(
            compression("--zc=foo --zc=lz4"),
            Compression::Chosen(Codec::Lz4)
        );
    }

    #[test]
    fn compress_level() {
        let level = options("--zl=-3").compress;
        assert_eq!(
            (level.algorithm, level.level),
            (Compression::Negotiated, Some(-3))
        );
        assert_eq!(options("--compress-level=9 -z").compress.level, Some(9));
        assert_eq!(
            error("--zl=x").to_string(),
            "tidesync: --zl=x: invalid numeric value"
        );
    }

    #[test]
    fn compress_threads() {
        assert_eq!(options("--zt=4").compress.threads, 4);
        assert_eq!(options("--compress-threads=-1").compress.threads, 0);
    }

    #[test]
    fn max_alloc() {
        let env = |size: &str| Environment {
            max_alloc: Some(size.into()),
            ..Environment::default()
        };
        let bound = |line, size| match request_in(line, &env(size)) {
            Ok(Request::Sync(options)) => options.max_alloc,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(bound("-r a b", ""), 1 << 30);
        assert_eq!(bound("-r a b", "2M"), 2 << 20);
        assert_eq!(bound("-r --max-alloc=3M a b", "2M"), 3 << 20);
        request_in("-r a b", &env("much")).unwrap_err();
    }

    #[test]
    fn skip_compress() {
        let skip = options("--skip-compress=gz/mp[34]").compress.skip;
        assert_eq!(skip.as_deref(), Some(&b"gz/mp[34]"[..]));
    }

    #[test]
    fn checksum_seed() {
        assert_eq!(options("--checksum-seed=-7").checksum_seed, Some(-7));
        assert_eq!(options("--checksum-seed=0").checksum_seed, None);
    }

    #[test]
    fn iconv() {
        let spec = |local: &str, remote: &str| {
            let local = match local {
                "." => Charset::OfLocale,
                name => Charset::Named(name.into()),
            };
            let remote = remote.into();
            Some(Iconv { local, remote })
        };
        assert_eq!(options("--iconv=utf8,latin1").iconv, spec("utf8", "latin1"));
        assert_eq!(options("--iconv=utf8").iconv, spec("utf8", "utf8"));
        assert_eq!(options("--iconv=.,latin1").iconv, spec(".", "latin1"));
        for line in ["--iconv=-", "--iconv=x --no-iconv"] {
            assert_eq!(options(line).iconv, None, "{line}");
        }
        let env = Environment {
            iconv: Some("latin1,utf8".into()),
            ..Environment::default()
        };
        let iconv = |line| match request_in(line, &env) {
            Ok(Request::Sync(options)) => options.iconv,
            Ok(Request::Serve(server)) => server.options.iconv,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(iconv("a b"), spec("latin1", "utf8"));
        assert_eq!(iconv("--iconv=- a b"), None);
        assert_eq!(iconv("--server -r . b"), None);
        assert_eq!(iconv("--server -r --iconv=a,b . b"), spec("b", "b"));
    }

    #[test]
    fn bwlimit() {
        for (rate, limit) in [
            ("100", Some(100)),
            ("1.5m", Some(1536)),
            ("511b+1", Some(1)),
            ("1535b", Some(1)),
            ("1536b", Some(2)),
            ("1kb", Some(1)),
            ("0", None),
        ] {
            assert_eq!(
                options(&format!("--bwlimit={rate}")).bwlimit,
                limit,
                "{rate}"
            );
        }
        assert_eq!(options("--bwlimit=5 --no-bwlimit").bwlimit, None);
        let message = "tidesync: --bwlimit=100b is too small (min: 512 or 0 for unlimited)";
        assert_eq!(error("--bwlimit=100b").to_string(), message);
        assert_eq!(
            error("--bwlimit=x").to_string(),
            "tidesync: --bwlimit=x is invalid"
        );
    }

    #[test]
    fn batches() {
        let batch = |line: &str| sync(line).unwrap().batch;
        let of = |kind| {
            Some(Batch {
                kind,
                file: "f".into(),
            })
        };
        assert_eq!(batch("--write-batch=f a b"), of(BatchKind::Write));
        assert_eq!(batch("--only-write-batch=f a b"), of(BatchKind::OnlyWrite));
        assert_eq!(batch("--read-batch=f b"), of(BatchKind::Read));
        assert!(!sync("--read-batch=f b").unwrap().list_only);
        assert_eq!(batch("--write-batch=f -n a b"), None);
        for (line, message) in [
            (
                "--read-batch=f --write-batch=g b",
                "tidesync: --write-batch and --read-batch can not be used together",
            ),
            (
                "--read-batch=f --files-from=x a b",
                "tidesync: --read-batch cannot be used with --files-from",
            ),
            (
                "--read-batch=f --remove-source-files b",
                "tidesync: --read-batch cannot be used with --remove-source-files",
            ),
        ] {
            assert_eq!(error(line).to_string(), message, "{line}");
        }
        let long = format!("--write-batch={} a b", "x".repeat(257));
        let message = "tidesync: the batch-file name must be 256 characters or less.";
        assert_eq!(error(&long).to_string(), message);
    }

    #[test]
    fn machinery() {
        for line in ["--qsort", "--outbuf=L"] {
            assert_eq!(options(line), options(""), "{line}");
        }
        let message = "tidesync: Invalid --outbuf setting -- specify N, L, or B.";
        assert_eq!(error("--outbuf=x").to_string(), message);
        let message = "tidesync: max-alloc must be greater than zero";
        assert_eq!(error("--max-alloc=0").to_string(), message);
        let message = "tidesync: --max-alloc=x is invalid";
        assert_eq!(error("--max-alloc=x").to_string(), message);
    }
}
