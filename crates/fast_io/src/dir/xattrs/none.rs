//! Systems on which attributes are not looked at.

use super::Target;
use std::io;

fn unsupported<T>(of: Target<'_>) -> io::Result<T> {
    // Whoever's they would be.
    match of {
        Target::File(_) => {}
        Target::Entry(_, _) => {}
    }
    Err(io::ErrorKind::Unsupported.into())
}

pub fn names(of: Target<'_>) -> io::Result<Vec<u8>> {
    unsupported(of)
}

pub fn value(of: Target<'_>, _name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    unsupported(of)
}

pub fn set(of: Target<'_>, _name: &[u8], _value: &[u8]) -> io::Result<()> {
    unsupported(of)
}

pub fn remove(of: Target<'_>, _name: &[u8]) -> io::Result<()> {
    unsupported(of)
}
