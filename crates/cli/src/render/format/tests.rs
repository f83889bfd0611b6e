//! Lines taken from rsync 3.5.0.

use super::*;
use crate::render::specimen::{self, NEW_FILE, NEW_OTHER};
use options::ChecksumChoice;
use tree::entry::Entry;

fn archive() -> Options {
    Options {
        preserve_times: true,
        preserve_uid: true,
        preserve_gid: true,
        preserve_links: true,
        ..Options::default()
    }
}

fn shown(format: &str, item: &Item<'_>) -> String {
    let line = LineFormat::new(format.as_bytes(), &archive()).line(Subject::Item(item));
    String::from_utf8(line).unwrap()
}

fn letters(entry: &Entry, flags: ItemFlags) -> String {
    shown("%i", &specimen::item(entry, flags))
}

#[test]
fn itemized_new_entries() {
    assert_eq!(letters(&specimen::file("a", 6), NEW_FILE), ">f+++++++++");
    assert_eq!(letters(&specimen::directory("d"), NEW_OTHER), "cd+++++++++");
    assert_eq!(
        letters(&specimen::symlink("l", "a"), NEW_OTHER),
        "cL+++++++++"
    );
    let fifo = specimen::entry(b"p", 0o010_644, 0);
    assert_eq!(letters(&fifo, NEW_OTHER), "cS+++++++++");
    let device = specimen::entry(b"null", 0o020_666, 0);
    assert_eq!(letters(&device, NEW_OTHER), "cD+++++++++");
    let linked = NEW_OTHER | ItemFlags::XNAME_FOLLOWS;
    assert_eq!(letters(&specimen::file("a", 6), linked), "hf+++++++++");
}

#[test]
fn itemized_differences() {
    let (file, dir) = (specimen::file("a", 6), specimen::directory("d"));
    let differs = ItemFlags::REPORT_SIZE | ItemFlags::REPORT_TIME;
    assert_eq!(letters(&file, differs | ItemFlags::TRANSFER), ">f.st......");
    assert_eq!(letters(&file, ItemFlags::REPORT_PERMS), ".f...p.....");
    assert_eq!(letters(&file, ItemFlags::TRANSFER), ">f.........");
    assert_eq!(
        letters(&file, ItemFlags::REPORT_CHANGE | ItemFlags::TRANSFER),
        ">fc........"
    );
    assert_eq!(letters(&dir, ItemFlags::REPORT_TIME), ".d..t......");
    let owners = ItemFlags::REPORT_OWNER | ItemFlags::REPORT_GROUP;
    assert_eq!(letters(&dir, owners), ".d....og...");
    assert_eq!(
        letters(&file, ItemFlags::REPORT_ATIME | ItemFlags::REPORT_CRTIME),
        ".f......b.."
    );
    assert_eq!(
        letters(&file, ItemFlags::REPORT_ACL | ItemFlags::REPORT_XATTR),
        ".f.......ax"
    );
}

#[test]
fn an_unchanged_entry_has_blanks() {
    let file = specimen::file("a", 6);
    assert_eq!(letters(&file, ItemFlags::NONE), ".f         ");
    let linked = ItemFlags::LOCAL_CHANGE | ItemFlags::XNAME_FOLLOWS;
    assert_eq!(letters(&file, linked), "hf         ");
}

#[test]
fn a_time_that_is_not_preserved_is_a_capital() {
    let flags = ItemFlags::REPORT_TIME | ItemFlags::TRANSFER;
    let file = specimen::file("a", 6);
    let format = LineFormat::new(b"%i", &Options::default());
    assert_eq!(
        format.line(Subject::Item(&specimen::item(&file, flags))),
        b">f..T......"
    );
    let link = specimen::symlink("l", "a");
    assert_eq!(letters(&link, ItemFlags::REPORT_TIME), ".L..t......");
    let failed = ItemFlags::REPORT_TIME | ItemFlags::REPORT_TIMEFAIL;
    assert_eq!(letters(&link, failed), ".L..T......");
}

#[test]
fn names_and_links() {
    let dir = specimen::directory("sub/d");
    assert_eq!(shown("%n%L|", &specimen::item(&dir, NEW_OTHER)), "sub/d/|");
    let link = specimen::symlink("link", "a");
    assert_eq!(
        shown("%n%L", &specimen::item(&link, NEW_OTHER)),
        "link -> a"
    );
    let file = specimen::file("b", 1);
    let mut item = specimen::item(&file, NEW_OTHER);
    item.link_name = Some(b"a");
    assert_eq!(shown("%n%L", &item), "b => a");
    item.link_name = Some(b"");
    assert_eq!(shown("%n%L", &item), "b");
}

#[test]
fn widths_and_units() {
    let big = specimen::file("big", 3_000_000);
    let item = specimen::item(&big, NEW_FILE);
    let format = "[%10l] [%-10l] [%'l] [%''l] [%20n] [%-20n] [%-5L]";
    assert_eq!(
        shown(format, &item),
        "[   3000000] [3000000   ] [3,000,000] [3.00M] [                 big] [big                 ] [         ]"
    );
    assert_eq!(shown("%'10'l", &item), "     3.00M");
    assert_eq!(shown("%010l %05U %-5U|", &item), "   3000000 01000 1000 |");
    let link = specimen::symlink("link", "a");
    assert_eq!(
        shown("[%-5L]", &specimen::item(&link, NEW_OTHER)),
        "[ -> a    ]"
    );
}

#[test]
fn what_is_no_escape_stays() {
    let file = specimen::file("a", 6);
    let item = specimen::item(&file, NEW_FILE);
    assert_eq!(shown("%q %5%x 100%", &item), "%q     %x 100%");
    assert_eq!(shown("%a|%h|%m|%P|%u", &item), "%a|%h||%P|%u");
    assert_eq!(shown("%-5", &item), "%-5");
    assert_eq!(shown("%%n", &item), "%n");
}

#[test]
fn owners_times_and_permissions() {
    let file = specimen::file("a", 6);
    let item = specimen::item(&file, NEW_FILE);
    assert_eq!(shown("%U %G %B %o", &item), "1000 100 rw-r--r-- send");
    let time = time::local(file.mtime().secs).replace(' ', "-");
    assert_eq!(shown("%M", &item), time);
    let format = LineFormat::new(b"%U %G", &Options::default());
    assert_eq!(format.line(Subject::Item(&item)), b"0 DEFAULT");
    assert_eq!(shown("%p", &item), std::process::id().to_string());
}

#[test]
fn source_names_are_cleaned() {
    let (file, top) = (specimen::file("a", 6), specimen::directory("."));
    let mut item = specimen::item(&file, NEW_FILE);
    assert_eq!(shown("%f", &item), "a");
    for (dir, name) in [
        ("s", "s/a"),
        ("./s//", "s/a"),
        ("/x/./s", "x/s/a"),
        ("../s", "../s/a"),
    ] {
        item.source_dir = dir.as_bytes();
        assert_eq!(shown("%f", &item), name);
    }
    let mut item = specimen::item(&top, NEW_OTHER);
    item.source_dir = b"s";
    assert_eq!(shown("%f", &item), "s/.");
}

#[test]
fn bytes_are_those_of_a_transfer() {
    let file = specimen::file("a", 6);
    let mut item = specimen::item(&file, NEW_FILE);
    (item.bytes_sent, item.checksum_bytes) = (3_000_407, 16);
    assert_eq!(shown("%b %c %'b", &item), "3000407 16 3,000,407");
    item.flags = ItemFlags::REPORT_PERMS;
    assert_eq!(shown("%b %c", &item), "0 0");
}

#[test]
fn checksums() {
    let (file, dir) = (specimen::file("a", 6), specimen::directory("d"));
    let mut item = specimen::item(&file, NEW_FILE);
    let sum = delta::FileSum::of(delta::ChecksumKind::Md5, b"hello\n");
    item.checksum = Some(sum);
    assert_eq!(shown("%C %n", &item), "b1946ac92492d2347c6235b4d2611184 a");
    item.checksum = None;
    assert_eq!(shown("%C", &item), "0".repeat(32));
    assert_eq!(
        shown("%40C|", &specimen::item(&dir, NEW_OTHER)),
        " ".repeat(32) + "|"
    );
    let mut options = archive();
    options.checksum_choice = Some(ChecksumChoice {
        transfer: Checksum::Sha1,
        file: Checksum::Xxh3,
    });
    let format = LineFormat::new(b"%C", &options);
    let removed = Subject::Deleted {
        name: b"x",
        mode: 0o100_644,
    };
    assert_eq!(format.line(removed).len(), 40);
    options.checksum = true;
    assert_eq!(LineFormat::new(b"%C", &options).line(removed).len(), 16);
}

#[test]
fn deletions() {
    let line = |format: &str, name: &str, is_dir| {
        let mode = if is_dir { 0o040_755 } else { 0o100_644 };
        let name = name.as_bytes();
        between("a", "b", format, Subject::Deleted { name, mode })
    };
    assert_eq!(line("deleting %n", "xx/y", false), "deleting xx/y");
    assert_eq!(line("%i %n%L", "xx", true), "*deleting   xx/");
    assert_eq!(line("%o %n", "xx/y", false), "del. xx/y");
    let epoch = time::local(0).replace(' ', "-");
    assert_eq!(
        line("%i %n %l %f %M %L %U %B|", "xx", true),
        format!("*deleting   xx/ 0 xx {epoch}  0 ---------|")
    );
    // Who deletes itself knows more.
    let removed = Subject::Deleted {
        name: b"xx",
        mode: 0o040_755,
    };
    assert_eq!(between("host:a", "b", "%B", removed), "rwxr-xr-x");
    assert_eq!(between("a", "host:b", "%B", removed), "---------");
}

/// The line of an item in a session between these operands.
fn between(from: &str, to: &str, format: &str, subject: Subject<'_>) -> String {
    let line = ["-a", from, to].map(std::ffi::OsString::from);
    let Ok(options::Request::Sync(options)) = options::parse(line) else {
        panic!("{from} and {to} are operands");
    };
    let line = LineFormat::new(format.as_bytes(), &options).line(subject);
    String::from_utf8(line).unwrap()
}

#[test]
fn content_goes_out_or_comes_in() {
    let file = specimen::file("/a", 6);
    let item = specimen::item(&file, NEW_FILE);
    let item = Subject::Item(&item);
    let format = "%i %o %n";
    assert_eq!(between("a", "b", format, item), ">f+++++++++ send /a");
    assert_eq!(between("a", "host:b", format, item), "<f+++++++++ send /a");
    assert_eq!(between("host:a", "b", format, item), ">f+++++++++ recv a");
    let same = specimen::item(&file, ItemFlags::TRANSFER);
    assert_eq!(
        between("a", "host:b", "%i", Subject::Item(&same)),
        "<f........."
    );
}

#[test]
fn of_an_old_protocol_s_transfer_nothing_more_is_known() {
    let flags = ItemFlags::TRANSFER | ItemFlags::MISSING_DATA;
    assert_eq!(letters(&specimen::file("a", 6), flags), ">f?????????");
}
