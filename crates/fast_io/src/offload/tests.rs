//! The roads of a copy, and every refusal that leads from one to the next.
use super::*;
use std::cell::Cell;
use std::io::{Read, Seek, Write};

/// How kernels and file systems refuse to copy or to clone, by their numbers, and whether one
/// refusal speaks for all files of the pair.
#[cfg(target_os = "linux")]
const REFUSALS: &[(i32, Refusal)] = {
    use Refusal::{OfOneFile, OfThePair};
    use rustix::io::Errno as E;
    &[
        // Kernels before 4.5, and seccomp profiles that know the call no more than they do.
        (E::NOSYS.raw_os_error(), OfThePair),
        // Different file systems; all pairs of them before 5.3, most of them since.
        (E::XDEV.raw_os_error(), OfThePair),
        // tmpfs and ext4 for cloning; network servers without copying.
        (E::OPNOTSUPP.raw_os_error(), OfThePair),
        // File systems that know no `ioctl` at all.
        (E::NOTTY.raw_os_error(), OfThePair),
        // Odd offsets, pipes, encrypted files, differing checksum flags, 5.19's procfs.
        (E::INVAL.raw_os_error(), OfOneFile),
        // Immutable files; seccomp.
        (E::PERM.raw_os_error(), OfOneFile),
        (E::ACCESS.raw_os_error(), OfOneFile),
        // Opened for appending or not for this.
        (E::BADF.raw_os_error(), OfOneFile),
        // Swap files, programs that run.
        (E::TXTBSY.raw_os_error(), OfOneFile),
        (E::ISDIR.raw_os_error(), OfOneFile),
        // FUSE, CIFS and NFS servers that broke off, or that know no better word for "no".
        (E::IO.raw_os_error(), OfOneFile),
        (E::AGAIN.raw_os_error(), OfOneFile),
        (E::STALE.raw_os_error(), OfOneFile),
        (E::TIMEDOUT.raw_os_error(), OfOneFile),
        (E::REMOTEIO.raw_os_error(), OfOneFile),
        (E::PROTO.raw_os_error(), OfOneFile),
        (E::CONNABORTED.raw_os_error(), OfOneFile),
        // Limits, which a smaller write may keep, or must be blamed on writing.
        (E::OVERFLOW.raw_os_error(), OfOneFile),
        (E::FBIG.raw_os_error(), OfOneFile),
        (E::NOMEM.raw_os_error(), OfOneFile),
        (E::NOSPC.raw_os_error(), OfOneFile),
        (E::DQUOT.raw_os_error(), OfOneFile),
        (E::ROFS.raw_os_error(), OfOneFile),
    ]
};
#[cfg(all(unix, not(target_os = "linux")))]
const REFUSALS: &[(i32, Refusal)] = {
    use Refusal::{OfOneFile, OfThePair};
    use rustix::io::Errno as E;
    &[
        (E::NOSYS.raw_os_error(), OfThePair),
        (E::XDEV.raw_os_error(), OfThePair),
        (E::NOTSUP.raw_os_error(), OfThePair),
        (E::OPNOTSUPP.raw_os_error(), OfThePair),
        (E::INVAL.raw_os_error(), OfOneFile),
        (E::ACCESS.raw_os_error(), OfOneFile),
        (E::IO.raw_os_error(), OfOneFile),
    ]
};
#[cfg(windows)]
const REFUSALS: &[(i32, Refusal)] = {
    use Refusal::{OfOneFile, OfThePair};
    use windows_sys::Win32::Foundation as F;
    &[
        (F::ERROR_INVALID_FUNCTION as i32, OfThePair),
        (F::ERROR_NOT_SUPPORTED as i32, OfThePair),
        (F::ERROR_NOT_SAME_DEVICE as i32, OfThePair),
        (F::ERROR_CALL_NOT_IMPLEMENTED as i32, OfThePair),
        // Differing integrity streams, sparse marks.
        (F::ERROR_INVALID_PARAMETER as i32, OfOneFile),
        (F::ERROR_BLOCK_TOO_MANY_REFERENCES as i32, OfOneFile),
        (F::ERROR_ACCESS_DENIED as i32, OfOneFile),
        (F::ERROR_SHARING_VIOLATION as i32, OfOneFile),
        (F::ERROR_LOCK_VIOLATION as i32, OfOneFile),
        (F::ERROR_DISK_FULL as i32, OfOneFile),
    ]
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    OfThePair,
    OfOneFile,
}

struct Pair {
    source: File,
    destination: File,
    bytes: Vec<u8>,
}

impl Pair {
    fn of(len: u64) -> Pair {
        let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + at / 4099) as u8).collect();
        let mut source = tempfile::tempfile().unwrap();
        source.write_all(&bytes).unwrap();
        let destination = tempfile::tempfile().unwrap();
        Pair {
            source,
            destination,
            bytes,
        }
    }

    fn copy(&self, copier: &Copier, kernel: KernelCopy<'_>) -> Copied {
        let (from, to) = ((&self.source, 0), (&self.destination, 0));
        let go_on = &mut |_| ControlFlow::Continue(());
        let len = self.bytes.len() as u64;
        let copied = copier.copy_range_by(kernel, from, to, len, go_on);
        let mut found = Vec::new();
        let mut destination = &self.destination;
        destination.rewind().unwrap();
        destination.read_to_end(&mut found).unwrap();
        assert!(found == self.bytes, "the copy differs");
        copied.unwrap()
    }
}

/// A kernel that copies, as the real ones do.
fn obliging(source: &File, from: u64, to_file: &File, to: u64, len: u64) -> io::Result<u64> {
    read_and_write(source, from, to_file, to, len).map_err(|(_, error)| error)
}

#[test]
fn every_refusal_is_made_up_for_by_reading_and_writing() {
    let pair = Pair::of(PART + 100_000);
    for &(number, refusal) in REFUSALS {
        for granted in [0, 1] {
            let copier = Copier::new();
            let asked = Cell::new(0);
            let kernel = |s: &File, from, d: &File, to, len| {
                asked.set(asked.get() + 1);
                if asked.get() <= granted {
                    obliging(s, from, d, to, len)
                } else {
                    Err(io::Error::from_raw_os_error(number))
                }
            };
            let copied = pair.copy(&copier, &kernel);
            let whole = (pair.bytes.len() as u64, End::Complete, Method::ReadWrite);
            assert_eq!((copied.bytes, copied.end, copied.method), whole, "{number}");
            assert_eq!(asked.get(), granted + 1, "{number}: not asked again");
            let settled = refusal == Refusal::OfThePair;
            assert_eq!(copier.kernel_copy.worth_trying(), !settled, "{number}");
        }
    }
}

#[test]
fn a_kernel_that_sees_no_bytes_does_not_end_the_file() {
    // Kernels 5.3 to 5.18 in procfs and sysfs, and some FUSE and CIFS servers.
    let pair = Pair::of(PART + 100_000);
    for granted in [0, 1] {
        let asked = Cell::new(0);
        let kernel = |s: &File, from, d: &File, to, len| {
            asked.set(asked.get() + 1);
            if asked.get() <= granted {
                obliging(s, from, d, to, len)
            } else {
                Ok(0)
            }
        };
        let copied = pair.copy(&Copier::new(), &kernel);
        assert_eq!(copied.end, End::Complete);
    }
}

#[test]
fn an_interrupted_call_is_made_again() {
    let pair = Pair::of(PART);
    let asked = Cell::new(0);
    let kernel = |s: &File, from, d: &File, to, len| {
        asked.set(asked.get() + 1);
        if asked.get() % 3 != 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        obliging(s, from, d, to, len)
    };
    let copied = pair.copy(&Copier::new(), &kernel);
    assert_eq!(copied.method, Method::Kernel);
}

#[test]
fn doubts_about_single_files_add_up_until_one_succeeds() {
    let doubt = Doubt::default();
    let odd = || Err::<(), _>(io::ErrorKind::InvalidInput.into());
    for _ in 1..Doubt::SETTLED {
        doubt.learn(&odd());
    }
    doubt.learn(&Ok(()));
    for _ in 1..Doubt::SETTLED {
        doubt.learn(&odd());
        assert!(doubt.worth_trying());
    }
    doubt.learn(&odd());
    assert!(!doubt.worth_trying());
}
