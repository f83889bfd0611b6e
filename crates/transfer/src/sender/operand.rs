//! Takes an operand apart: the directory to start in, the name below it, and what its end says.
// rsync: flist.c send_file_list()

use crate::paths;

/// What an operand's end says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameType {
    /// The thing itself.
    Normal,
    /// `dir/`, `.`: the directory's content.
    DotDir,
    /// Under `-R`: a directory, even if a link to one.
    SlashEnding,
    /// Nothing that exists, for the other side to delete.
    Missing,
}

/// An operand, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operand {
    /// The directory to start in; empty for the current one.
    pub dir: Vec<u8>,
    /// What is named below it.
    pub name: Vec<u8>,
    pub name_type: NameType,
}

/// Splits an operand before its last component.
pub(super) fn split_operand(operand: &[u8]) -> Operand {
    let mut path = operand.to_vec();
    if paths::is_absolute(&path) && paths::root_length(&path) == path.len() && path != b"/" {
        // `//server/share` needs no slash to be a directory.
        path.push(b'/');
    }
    let name_type = if path.is_empty() || path.ends_with(b"/") {
        if path == b"./" {
            path.pop();
        } else {
            path.push(b'.')
        }
        NameType::DotDir
    } else if path == b".." || path.ends_with(b"/..") {
        path.extend_from_slice(b"/.");
        NameType::DotDir
    } else if path == b"." || path.ends_with(b"/.") {
        NameType::DotDir
    } else {
        NameType::Normal
    };
    let (dir, name) = match path.iter().rposition(|&b| b == b'/') {
        Some(0) => (b"/".to_vec(), path[1..].to_vec()),
        Some(at) => (path[..at].to_vec(), path[at + 1..].to_vec()),
        None => (Vec::new(), path),
    };
    Operand {
        dir,
        name,
        name_type,
    }
}

/// Splits a `-R` operand at its `/./`, if it has one: what follows is in the transfer.
///
/// # Errors
/// The name, if it has a `..` in it.
pub(super) fn split_relative(operand: &[u8]) -> Result<Operand, Vec<u8>> {
    let (dir, rest) = match find(operand, b"/./") {
        Some(0) => (b"/".to_vec(), &operand[3..]),
        Some(at) => (paths::clean(&operand[..at]), &operand[at + 3..]),
        // There is no directory that holds all drives.
        None if cfg!(windows) => {
            let (root, rest) = operand.split_at(paths::root_length(operand));
            (root.to_vec(), rest)
        }
        None => (Vec::new(), operand),
    };
    let rest = if dir.is_empty() {
        rest
    } else {
        paths::without_leading_slashes(rest)
    };
    let ends_in_slash = rest.ends_with(b"/") || rest.ends_with(b"/.");
    let mut name = paths::clean(rest);
    let mut name_type = NameType::Normal;
    if name == b"/" {
        name = b"/.".to_vec();
        name_type = NameType::DotDir;
    } else if name == b"." {
        name_type = NameType::DotDir;
    } else if ends_in_slash {
        name_type = NameType::SlashEnding;
    }
    if name.split(|&b| b == b'/').any(|c| c == b"..") {
        return Err(name);
    }
    Ok(Operand {
        dir,
        name,
        name_type,
    })
}

/// The part of a `-R` operand that counts: after `/./` if there is one.
pub(super) fn relative_part(operand: &[u8]) -> &[u8] {
    match find(operand, b"/./") {
        Some(at) => paths::without_leading_slashes(&operand[at + 3..]),
        None => operand,
    }
}

/// Where the first component of a path ends that has more; a leading `/` belongs to it.
pub(super) fn first_component_end(name: &[u8]) -> Option<usize> {
    name.iter()
        .skip(1)
        .position(|&b| b == b'/')
        .map(|at| at + 1)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operand_s_end_says_what_is_meant() {
        for (operand, dir, name, name_type) in [
            ("a", "", "a", NameType::Normal),
            ("a/b", "a", "b", NameType::Normal),
            ("a/", "a", ".", NameType::DotDir),
            (".", "", ".", NameType::DotDir),
            ("..", "..", ".", NameType::DotDir),
            ("/", "/", ".", NameType::DotDir),
            ("/a", "/", "a", NameType::Normal),
        ] {
            let expected = Operand {
                dir: dir.into(),
                name: name.into(),
                name_type,
            };
            assert_eq!(split_operand(operand.as_bytes()), expected, "{operand}");
        }
    }
}
