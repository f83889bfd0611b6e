//! Which files are compressed as little as may be, by the ends of their names.
//!
//! rsync 3.5.0 reads the list and then compresses everything alike, as it has no codec that can
//! change its level between files; ours can, and every receiver can follow. Without a list all is
//! compressed here too: rsync's list of default suffixes has not been in force for years, and has
//! kinds in it that do compress.
// rsync: token.c add_nocompress_suffixes(), add_suffix(), set_compression()

/// The most that is looked at of a suffix in the list, as in rsync.
const LONGEST: usize = 32;

/// The suffixes of `--skip-compress`, each as the letters that may stand at each place.
#[derive(Debug, Default)]
pub(super) struct SkipCompress(Vec<Vec<Vec<u8>>>);

impl SkipCompress {
    /// Of `gz/mp[34]/…`.
    pub fn parse(list: &[u8]) -> SkipCompress {
        let suffixes = list.split(|&b| b == b'/').filter(|s| !s.is_empty());
        SkipCompress(suffixes.map(letters).collect())
    }

    /// Whether a file with this name, without its directory, is one of them.
    pub fn matches(&self, name: &[u8]) -> bool {
        let Some(dot) = name.iter().rposition(|&b| b == b'.') else {
            return false;
        };
        let suffix = &name[dot + 1..];
        let is_suffix = |letters: &Vec<Vec<u8>>| {
            letters.len() == suffix.len()
                && letters
                    .iter()
                    .zip(suffix)
                    .all(|(letters, letter)| letters.contains(&letter.to_ascii_lowercase()))
        };
        dot > 0 && self.0.iter().any(is_suffix)
    }
}

fn letters(suffix: &[u8]) -> Vec<Vec<u8>> {
    let suffix = suffix[..suffix.len().min(LONGEST)].to_ascii_lowercase();
    let mut left = &suffix[..];
    let mut letters = Vec::new();
    while let Some((&letter, rest)) = left.split_first() {
        // `[` with nothing to choose from, or without its end, is a letter.
        let end = rest.iter().position(|&b| b == b']').filter(|&end| end > 0);
        if let (b'[', Some(end)) = (letter, end) {
            letters.push(rest[..end].to_vec());
            left = &rest[end + 1..];
        } else {
            letters.push(vec![letter]);
            left = rest;
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_told_by_their_letters() {
        let skip = SkipCompress::parse(b"gz//mp[34]/JPG/[]x/[yz");
        for name in [
            "a.gz", "a.b.GZ", "a.mp3", "a.mp4", "a.Jpg", "a.[]x", "a.[yz",
        ] {
            assert!(skip.matches(name.as_bytes()), "{name}");
        }
        for name in [
            "gz", ".gz", "a.gzz", "a.g", "a.", "a.mp5", "a.mp", "a.gz.txt", "a.y",
        ] {
            assert!(!skip.matches(name.as_bytes()), "{name}");
        }
        assert!(!SkipCompress::parse(b"").matches(b"a.gz"));
    }

    #[test]
    fn a_long_suffix_is_cut() {
        let long = "x".repeat(100_000);
        let skip = SkipCompress::parse(long.as_bytes());
        assert!(skip.matches(format!("a.{}", &long[..LONGEST]).as_bytes()));
        assert!(!skip.matches(format!("a.{long}").as_bytes()));
    }
}
