//! The line of an entry: `--out-format` and `--log-file-format`, whose escapes are filled in
//! here. Above all `%i`, the eleven letters of `-i`.
// rsync: log.c log_formatted(), log_delete()

use super::{list, message, number, time};
use fast_io::dir::FileKind;
use options::{Checksum, MOST_DIGITS, Options, Route};
use transfer::event::Item;
use transfer::item::ItemFlags;

/// A format, taken apart once for all its lines.
#[derive(Debug)]
pub struct LineFormat {
    parts: Vec<Part>,
    facts: Facts,
}

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// An entry that was itemized.
    Item(&'a Item<'a>),
    /// An entry that was deleted.
    Deleted {
        /// Its name, without a trailing slash.
        name: &'a [u8],
        /// Its type and permission bits.
        mode: u32,
    },
}

#[derive(Debug)]
enum Part {
    Text(Vec<u8>),
    Escape(Escape),
}

/// `%`, what may stand after it, and its letter.
#[derive(Debug, Clone, Copy)]
struct Escape {
    letter: u8,
    /// How many `'` there are: the level of `-h` for this number.
    level: u8,
    width: Option<Width>,
}

#[derive(Debug, Clone, Copy)]
struct Width {
    least: usize,
    left: bool,
    zeros: bool,
}

/// What of the options shows in a line.
#[derive(Debug, Clone, Copy)]
struct Facts {
    times: bool,
    owners: bool,
    groups: bool,
    checksum: bool,
    /// A transfer has a checksum, unless there shall be none.
    sums_transfers: bool,
    direction: Direction,
    file_sum_digits: usize,
    transfer_sum_digits: usize,
}

/// Where content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Local,
    Out,
    In,
}

impl LineFormat {
    /// Takes `text` apart.
    pub fn new(text: &[u8], options: &Options) -> LineFormat {
        let choice = options.checksum_choice;
        LineFormat {
            parts: parse(text),
            facts: Facts {
                times: options.preserve_times,
                owners: options.preserve_uid,
                groups: options.preserve_gid,
                checksum: options.checksum,
                direction: match options.route {
                    Route::Local => Direction::Local,
                    Route::Push(_) => Direction::Out,
                    Route::Pull(_) => Direction::In,
                },
                sums_transfers: choice.is_none_or(|c| c.transfer != Checksum::None),
                file_sum_digits: hex_digits(choice.map_or(Checksum::Auto, |c| c.file)),
                transfer_sum_digits: hex_digits(choice.map_or(Checksum::Auto, |c| c.transfer)),
            },
        }
    }

    /// The line of `subject`, without a newline.
    pub fn line(&self, subject: Subject<'_>) -> Vec<u8> {
        let mut line = Vec::with_capacity(80);
        for part in &self.parts {
            match part {
                Part::Text(text) => line.extend_from_slice(text),
                Part::Escape(escape) => self.fill(*escape, subject, &mut line),
            }
        }
        line
    }

    fn fill(&self, escape: Escape, subject: Subject<'_>, line: &mut Vec<u8>) {
        let item = match subject {
            Subject::Item(item) => Some(item),
            Subject::Deleted { .. } => None,
        };
        let entry = item.map(|item| item.entry);
        let number = |n: u64| number::human(n, escape.level).into_bytes();
        let moved = |f: fn(&Item<'_>) -> u64| {
            let transferred = item.filter(|item| item.flags.contains(ItemFlags::TRANSFER));
            number(transferred.map_or(0, f))
        };
        let value = match escape.letter {
            b'n' => match subject {
                Subject::Item(item) => self.name(item),
                Subject::Deleted { name, mode } => with_slash(name.to_vec(), message::is_dir(mode)),
            },
            b'L' => return push_link(escape, item, line),
            b'i' => match item {
                Some(item) => itemized(item, self.facts).to_vec(),
                None => b"*deleting  ".to_vec(),
            },
            b'f' => match subject {
                Subject::Item(item) => source_name(item),
                Subject::Deleted { name, .. } => clean(name),
            },
            b'l' => number(entry.map_or(0, |entry| entry.size)),
            b'b' => moved(|item| item.bytes_sent),
            b'c' => moved(|item| item.checksum_bytes),
            b'C' => match item.and_then(|item| self.checksum(item)) {
                Some(sum) => sum.into_bytes(),
                // Blanks are not padded further.
                None => return line.resize(line.len() + self.sum_digits(), b' '),
            },
            b'M' => time::local(entry.map_or(0, |e| e.mtime().secs))
                .replace(' ', "-")
                .into_bytes(),
            b't' => time::now().into_bytes(),
            b'B' => {
                let mode = match subject {
                    Subject::Item(item) => item.entry.mode(),
                    Subject::Deleted { mode, .. } if self.facts.direction == Direction::In => mode,
                    // Whoever deletes tells the client's process no more than the name.
                    Subject::Deleted { .. } => 0,
                };
                let permissions = list::permissions(mode);
                permissions.as_bytes()[1..].to_vec()
            }
            b'U' => {
                let owner = entry
                    .filter(|_| self.facts.owners)
                    .map_or(0, |entry| entry.uid);
                return push_number(escape, owner, line);
            }
            b'G' if self.facts.groups => {
                return push_number(escape, entry.map_or(0, |entry| entry.gid), line);
            }
            b'G' => b"DEFAULT".to_vec(),
            b'p' => return push_number(escape, std::process::id(), line),
            b'o' if item.is_none() => b"del.".to_vec(),
            b'o' if self.facts.direction == Direction::In => b"recv".to_vec(),
            b'o' => b"send".to_vec(),
            b'%' => b"%".to_vec(),
            // `%m`, the module's name: there is none.
            _ => Vec::new(),
        };
        escape.push_padded(&value, line);
    }

    /// `%n`. A receiver has left out the slashes that names of `-R` begin with.
    // rsync: flist.c flist_sort_and_clean() strip_root
    fn name(&self, item: &Item<'_>) -> Vec<u8> {
        let mut name = item.entry.path();
        if self.facts.direction == Direction::In {
            let slashes = name.iter().take_while(|&&b| b == b'/').count();
            name.drain(..slashes);
        }
        with_slash(name, item.entry.is_dir())
    }

    /// The file's checksum as `%C` shows it; `None` where blanks stand in its place.
    fn checksum(&self, item: &Item<'_>) -> Option<String> {
        let transferred = item.flags.contains(ItemFlags::TRANSFER) && self.facts.sums_transfers;
        if !item.entry.is_regular() || !(self.facts.checksum || transferred) {
            return None;
        }
        let known = item.checksum.map(|digest| digest.to_string());
        // A dry run knows no checksum of what it pretends to transfer.
        known.or_else(|| (!self.facts.checksum).then(|| "0".repeat(self.sum_digits())))
    }

    fn sum_digits(&self) -> usize {
        if self.facts.checksum {
            self.facts.file_sum_digits
        } else {
            self.facts.transfer_sum_digits
        }
    }
}

fn hex_digits(checksum: Checksum) -> usize {
    use delta::ChecksumKind as Kind;
    let kind = match checksum {
        Checksum::Auto | Checksum::Xxh128 => Kind::Xxh128,
        Checksum::Xxh3 => Kind::Xxh3,
        Checksum::Xxh64 => Kind::Xxh64,
        Checksum::Md5 => Kind::Md5,
        Checksum::Md4 => Kind::Md4,
        Checksum::Sha1 => Kind::Sha1,
        Checksum::None => Kind::None,
    };
    kind.digest_len() * 2
}

/// `%i`. In a local session content goes "to us", which is `>`, though we send it.
fn itemized(item: &Item<'_>, facts: Facts) -> [u8; 11] {
    let has = |flag| item.flags.contains(flag);
    let letter = |flag, letter| if has(flag) { letter } else { b'.' };
    let kind = item.entry.kind();
    let is_link = kind == Some(FileKind::Symlink);
    let mut letters = [
        if has(ItemFlags::LOCAL_CHANGE) {
            if has(ItemFlags::XNAME_FOLLOWS) {
                b'h'
            } else {
                b'c'
            }
        } else {
            let towards = match facts.direction {
                Direction::Out => b'<',
                Direction::Local | Direction::In => b'>',
            };
            letter(ItemFlags::TRANSFER, towards)
        },
        match kind {
            Some(FileKind::Symlink) => b'L',
            Some(FileKind::Directory) => b'd',
            Some(kind) if kind.is_special() => b'S',
            Some(kind) if kind.is_device() => b'D',
            _ => b'f',
        },
        letter(ItemFlags::REPORT_CHANGE, b'c'),
        if is_link {
            b'.'
        } else {
            letter(ItemFlags::REPORT_SIZE, b's')
        },
        // The time of a transfer, and not that of the source, is set.
        if !facts.times || is_link && has(ItemFlags::REPORT_TIMEFAIL) {
            letter(ItemFlags::REPORT_TIME, b'T')
        } else {
            letter(ItemFlags::REPORT_TIME, b't')
        },
        letter(ItemFlags::REPORT_PERMS, b'p'),
        letter(ItemFlags::REPORT_OWNER, b'o'),
        letter(ItemFlags::REPORT_GROUP, b'g'),
        match (has(ItemFlags::REPORT_ATIME), has(ItemFlags::REPORT_CRTIME)) {
            (true, true) => b'b',
            (true, false) => b'u',
            (false, true) => b'n',
            (false, false) => b'.',
        },
        letter(ItemFlags::REPORT_ACL, b'a'),
        letter(ItemFlags::REPORT_XATTR, b'x'),
    ];
    if has(ItemFlags::IS_NEW) {
        letters[2..].fill(b'+');
    } else if has(ItemFlags::MISSING_DATA) {
        letters[2..].fill(b'?');
    } else if !matches!(letters[0], b'>' | b'<')
        && letters[2..].iter().all(|&letter| letter == b'.')
    {
        letters[2..].fill(b' ');
    }
    letters
}

fn with_slash(mut name: Vec<u8>, is_dir: bool) -> Vec<u8> {
    if is_dir {
        name.push(b'/');
    }
    name
}

/// `%L`: ` -> TARGET`, ` => NAME` or nothing, though as wide as asked for.
fn push_link(escape: Escape, item: Option<&Item<'_>>, line: &mut Vec<u8>) {
    let hard_link = item
        .and_then(|item| item.link_name)
        .filter(|name| !name.is_empty());
    let (arrow, name) = match (hard_link, item) {
        (Some(name), _) => (b" => ", name),
        (None, Some(item)) if item.entry.is_symlink() => (b" -> ", item.entry.link_target()),
        _ if escape.width.is_none() => return,
        _ => (b"    ", b"".as_slice()),
    };
    line.extend_from_slice(arrow);
    escape.push_padded(name, line);
}

/// `%f`: the name with the directory it was found in, without a leading slash.
fn source_name(item: &Item<'_>) -> Vec<u8> {
    let name = clean(&tree::entry::join(item.source_dir, &item.entry.path()));
    name.strip_prefix(b"/").map(<[u8]>::to_vec).unwrap_or(name)
}

/// A path without double slashes and inner `.` directories.
// rsync: util1.c clean_fname()
fn clean(path: &[u8]) -> Vec<u8> {
    let mut cleaned = Vec::with_capacity(path.len());
    let last = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |at| at + 1);
    let mut start = 0;
    for component in path.split(|&byte| byte == b'/') {
        let is_inner_dot = component == b"." && start != last;
        if !component.is_empty() && !is_inner_dot {
            if !cleaned.is_empty() || path.starts_with(b"/") {
                cleaned.push(b'/');
            }
            cleaned.extend_from_slice(component);
        }
        start += component.len() + 1;
    }
    cleaned
}

fn push_number(escape: Escape, number: u32, line: &mut Vec<u8>) {
    match escape.width {
        Some(Width {
            least, zeros: true, ..
        }) => {
            line.extend_from_slice(format!("{number:0least$}").as_bytes());
        }
        _ => escape.push_padded(number.to_string().as_bytes(), line),
    }
}

impl Escape {
    fn push_padded(self, value: &[u8], line: &mut Vec<u8>) {
        let Some(width) = self.width else {
            return line.extend_from_slice(value);
        };
        let blanks = width.least.saturating_sub(value.len());
        if !width.left {
            line.resize(line.len() + blanks, b' ');
        }
        line.extend_from_slice(value);
        if width.left {
            line.resize(line.len() + blanks, b' ');
        }
    }
}

/// The letters that mean something in a local session; others stand for themselves, `%` and all.
const LETTERS: &[u8] = b"lUGpMBofnLmtbcCi%";

/// No line is padded beyond the longest name.
const WIDEST: usize = 4095;

fn parse(text: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some(percent) = rest.iter().position(|&byte| byte == b'%') {
        plain.extend_from_slice(&rest[..percent]);
        let (escape, after) = parse_escape(&rest[percent + 1..]);
        match escape {
            Some(escape) if LETTERS.contains(&escape.letter) => {
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Escape(escape));
                rest = after;
            }
            // The letter of what is no escape may itself begin one.
            _ => {
                let length = rest.len() - after.len() - usize::from(escape.is_some());
                plain.extend_from_slice(&rest[percent..length]);
                rest = &rest[length..];
            }
        }
    }
    plain.extend_from_slice(rest);
    parts.push(Part::Text(plain));
    parts
}

/// What stands after a `%`, and the text after it; `None` at the end of the text.
fn parse_escape(text: &[u8]) -> (Option<Escape>, &[u8]) {
    let skip = |rest: &mut &[u8], wanted: fn(&u8) -> bool| {
        let length = rest.iter().take_while(|byte| wanted(byte)).count();
        *rest = &rest[length..];
        length
    };
    let mut rest = text;
    let mut level = skip(&mut rest, |&byte| byte == b'\'');
    let left = rest.starts_with(b"-");
    rest = &rest[usize::from(left)..];
    let digits = rest;
    let most = MOST_DIGITS - usize::from(left);
    let length = digits
        .iter()
        .take(most)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let (digits, after) = digits.split_at(length);
    rest = after;
    level += skip(&mut rest, |&byte| byte == b'\'');
    let least = digits.iter().fold(0, |least: usize, digit| {
        WIDEST.min(least * 10 + usize::from(digit - b'0'))
    });
    let width = Width {
        least,
        left,
        zeros: !left && digits.starts_with(b"0"),
    };
    match rest.split_first() {
        None => (None, rest),
        Some((&letter, after)) => {
            let width = (left || !digits.is_empty()).then_some(width);
            (
                Some(Escape {
                    letter,
                    level: level.min(3) as u8,
                    width,
                }),
                after,
            )
        }
    }
}

#[cfg(test)]
mod tests;
