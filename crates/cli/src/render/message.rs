//! The wording that several renderers share: messages with an error of the system, deletions,
//! the end of the file list.
// rsync: log.c rsyserr(), flist.c finish_filelist_progress()

use fast_io::dir::FileKind;
use options::Options;
use std::io;
use transfer::event::Message;

/// The line of a message: `tidesync: [sender] TEXT: STRERROR (ERRNO)`, or the text alone where
/// there is no error of the system.
pub(crate) fn text(message: &Message) -> Vec<u8> {
    let Some(error) = &message.os_error else {
        return message.text.clone();
    };
    let mut line = format!("tidesync: [{}] ", message.role.name()).into_bytes();
    line.extend_from_slice(&message.text);
    line.extend_from_slice(format!(": {}", os_error(error)).as_bytes());
    line
}

/// An error of the system as rsync words it: `No such file or directory (2)`.
pub fn os_error(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(number) = error.raw_os_error() else {
        return text;
    };
    let text = text
        .strip_suffix(&format!(" (os error {number})"))
        .unwrap_or(&text);
    // Windows ends its texts with a full stop.
    format!("{} ({number})", text.trim_end_matches('.'))
}

/// The lines of a text that came from elsewhere, without their newlines.
pub(crate) fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&b| b == b'\n')
}

/// The line of a deletion where no format says otherwise.
pub(crate) fn deletion(name: &[u8], is_dir: bool) -> Vec<u8> {
    let slash: &[u8] = if is_dir { b"/" } else { b"" };
    [b"deleting ", name, slash].concat()
}

/// Whether a mode is that of a directory.
pub(crate) fn is_dir(mode: u32) -> bool {
    FileKind::from_mode(mode) == Some(FileKind::Directory)
}

/// Whether the making of a list that is not incremental is told of.
// rsync: flist.c init_flist() show_filelist_progress
pub(crate) fn shows_list(options: &Options) -> bool {
    options.info.flist >= 1 && options.xfer_dirs
}

/// What is told when such a list is complete.
pub(crate) fn list_finished(count: u64, options: &Options) -> Option<String> {
    let line = match (options.info.flist, count) {
        _ if !shows_list(options) => return None,
        (0..=1, _) => "done".to_owned(),
        (_, 1) => "1 file to consider".to_owned(),
        _ => format!("{count} files to consider"),
    };
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::specimen;
    use transfer::event::Severity;

    #[test]
    fn an_error_of_the_system_is_named_with_who_met_it() {
        let mut message = specimen::message(Severity::TransferError, "link_stat \"/x\" failed");
        assert_eq!(text(&message), b"link_stat \"/x\" failed");
        let error = io::Error::from_raw_os_error(2);
        let known = error.to_string().replace(" (os error 2)", "");
        let expected = format!(
            "tidesync: [sender] link_stat \"/x\" failed: {} (2)",
            known.trim_end_matches('.')
        );
        message.os_error = Some(error);
        assert_eq!(text(&message), expected.as_bytes());
    }

    #[test]
    fn the_end_of_the_list() {
        let mut options = Options {
            xfer_dirs: true,
            ..Options::default()
        };
        options.info.flist = 1;
        assert_eq!(list_finished(8, &options).as_deref(), Some("done"));
        options.info.flist = 2;
        assert_eq!(
            list_finished(8, &options).as_deref(),
            Some("8 files to consider")
        );
        assert_eq!(
            list_finished(1, &options).as_deref(),
            Some("1 file to consider")
        );
        options.xfer_dirs = false;
        assert_eq!(list_finished(8, &options), None);
    }
}
