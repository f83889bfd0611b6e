//! Devices that are read or written as files are (`--copy-devices`, `--write-devices`).
// rsync: flist.c get_device_size()

use crate::context::{Context, line};
use crate::event::Role;
use std::fs::File;
use std::io::{Seek, SeekFrom};

/// How much an open device holds; a failure is told, and counts as nothing.
pub(crate) fn size(ctx: &Context, role: Role, mut device: &File, name: &[u8]) -> u64 {
    let found = device.seek(SeekFrom::End(0));
    let found = found.and_then(|size| device.rewind().map(|()| size));
    found.unwrap_or_else(|e| {
        let text = line!("failed to get device size via seek: ", name);
        ctx.error_os(role, text, e);
        0
    })
}
