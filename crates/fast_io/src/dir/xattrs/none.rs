//! Systems on which attributes are not looked at.

use super::XattrsOf;
use std::io;

pub fn names(_of: XattrsOf<'_>) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn value(_of: XattrsOf<'_>, _name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn set(_of: XattrsOf<'_>, _name: &[u8], _value: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn remove(_of: XattrsOf<'_>, _name: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
