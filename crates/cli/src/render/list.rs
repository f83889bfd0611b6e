//! The lines of `--list-only`, much like those of `ls -l`.
// rsync: generator.c list_file_entry(), lib/permstring.c

use super::{number, time};
use fast_io::dir::FileKind;
use options::{MissingArgs, Options};
use tree::entry::Entry;

/// One entry's line, without a newline.
pub fn list_line(entry: &Entry, options: &Options) -> Vec<u8> {
    let level = options.human_readable;
    let width = if level > 0 { 14 } else { 11 };
    if entry.is_missing() && options.missing_args == MissingArgs::Delete {
        let times = 1 + usize::from(options.preserve_atimes);
        let width = 10 + 1 + width + times * (1 + TIME_WIDTH);
        let mut line = format!("{:<width$} ", "*missing").into_bytes();
        line.extend_from_slice(&entry.path());
        return line;
    }
    let size = number::human(entry.size, level);
    let time = time::local(entry.mtime().secs);
    let mut line = permissions(entry.mode()).into_bytes();
    line.extend_from_slice(format!(" {size:>width$} {time}").as_bytes());
    if options.preserve_atimes {
        let time = entry.atime().map(time::local).unwrap_or_default();
        line.extend_from_slice(format!(" {time:>TIME_WIDTH$}").as_bytes());
    }
    line.push(b' ');
    line.extend_from_slice(&entry.path());
    if options.preserve_links && entry.is_symlink() {
        line.extend_from_slice(b" -> ");
        line.extend_from_slice(entry.link_target());
    }
    line
}

/// `2001/09/09-01:46:40`
const TIME_WIDTH: usize = 19;

/// Type and permissions as `ls -l` shows them.
pub fn permissions(mode: u32) -> String {
    let mut text = String::with_capacity(10);
    text.push(match FileKind::from_mode(mode) {
        Some(FileKind::Directory) => 'd',
        Some(FileKind::Symlink) => 'l',
        Some(FileKind::BlockDevice) => 'b',
        Some(FileKind::CharDevice) => 'c',
        Some(FileKind::Socket) => 's',
        Some(FileKind::Fifo) => 'p',
        _ => '-',
    });
    // Read, write, execute of owner, group and others, and what stands in the place of `x`.
    for (shift, special, with_x, without_x) in [
        (6, 0o4000, 's', 'S'),
        (3, 0o2000, 's', 'S'),
        (0, 0o1000, 't', 'T'),
    ] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, false) => without_x,
            (true, true) => with_x,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::specimen;

    #[test]
    fn the_line_of_a_file() {
        let entry = specimen::file("sub/a", 3_000_000);
        let time = time::local(entry.mtime().secs);
        let mut options = Options {
            human_readable: 1,
            ..Options::default()
        };
        let expected = format!("-rw-r--r--      3,000,000 {time} sub/a");
        assert_eq!(list_line(&entry, &options), expected.as_bytes());
        options.human_readable = 0;
        let expected = format!("-rw-r--r--     3000000 {time} sub/a");
        assert_eq!(list_line(&entry, &options), expected.as_bytes());
        options.human_readable = 3;
        let expected = format!("-rw-r--r--          2.86M {time} sub/a");
        assert_eq!(list_line(&entry, &options), expected.as_bytes());
    }

    #[test]
    fn a_symlinks_target_is_shown_where_links_are_kept() {
        let entry = specimen::symlink("link", "a");
        let mut options = Options::default();
        assert!(list_line(&entry, &options).ends_with(b" link"));
        options.preserve_links = true;
        let line = list_line(&entry, &options);
        assert!(line.starts_with(b"lrwxrwxrwx ") && line.ends_with(b" link -> a"));
    }

    #[test]
    fn special_bits() {
        assert_eq!(permissions(0o104_755), "-rwsr-xr-x");
        assert_eq!(permissions(0o106_644), "-rwSr-Sr--");
        assert_eq!(permissions(0o041_777), "drwxrwxrwt");
        assert_eq!(permissions(0o041_770), "drwxrwx--T");
        assert_eq!(permissions(0o010_600), "prw-------");
        assert_eq!(permissions(0o060_660), "brw-rw----");
    }
}
