//! When the process may open nothing more: a test program of its own, as the limit is the whole
//! process's.
#![cfg(unix)]

use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};

use fast_io::{
    Backend, Buffer, Completion, CompletionPump, Operation, PumpConfig, Script, SharedFile,
    SharedSocket, oneshot_handler,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn with_no_handle_left_each_open_says_so_and_the_pump_goes_on() {
    let before = getrlimit(Resource::Nofile);
    let mut backends = vec![Backend::Threads, Backend::Scripted(Script::seeded(7))];
    if cfg!(target_os = "linux") {
        backends.extend([Backend::Auto, Backend::Uring]);
    }
    for backend in backends {
        let config = PumpConfig::default().with_backend(backend);
        let pump = match CompletionPump::start(&config) {
            Ok(pump) => pump,
            // Containers often forbid it.
            Err(error) if matches!(config.backend(), Backend::Uring) => {
                eprintln!("NOT RUN: this system forbids io_uring: {error}");
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"open before").unwrap();
        let file = SharedFile::new(file);

        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = SharedSocket::from(listener);
        let accept = || {
            let (handler, receiver) = oneshot_handler();
            pump.submit(Operation::accept(listener.clone()), handler);
            receiver
        };
        // What waits for sockets needs handles of its own, which it has from now on.
        let first = accept();
        let _theirs = TcpStream::connect(address).unwrap();
        first.wait().result.unwrap();
        let _waiting = TcpStream::connect(address).unwrap();

        let few = Rlimit {
            current: Some(file.as_raw_fd() as u64 + 10),
            ..before
        };
        setrlimit(Resource::Nofile, few).unwrap();
        let opened = Arc::new(Mutex::new((Vec::new(), 0)));
        for _ in 0..100 {
            let (ours, for_handler) = (Arc::clone(&opened), Arc::clone(&opened));
            let open = Operation::work(move || {
                let file = File::open("/dev/null")?;
                ours.lock().unwrap().0.push(file);
                Ok(0)
            });
            pump.submit(open, move |completion: Completion| {
                if completion.result.is_err_and(|error| is_exhaustion(&error)) {
                    for_handler.lock().unwrap().1 += 1;
                }
            });
        }
        pump.drain();
        {
            let mut opened = opened.lock().unwrap();
            assert!(opened.1 >= 85, "{} were refused", opened.1);
            assert_eq!(opened.0.len() + opened.1, 100);
            // What is open can still be read, and no second pump on a ring, which needs handles of
            // its own, is half begun.
            let (handler, receiver) = oneshot_handler();
            let read = Operation::read(file.clone(), 0, Buffer::with_capacity(11), 11);
            pump.submit(read, handler);
            assert_eq!(&*receiver.wait().buffer, b"open before");
            let second = CompletionPump::start(&config);
            assert_eq!(second.is_ok(), !matches!(config.backend(), Backend::Uring));
            let refused = accept().wait();
            assert!(is_exhaustion(&refused.result.unwrap_err()));
            assert!(refused.accepted.is_none());
            opened.0.clear();
        }
        let (handler, receiver) = oneshot_handler();
        pump.submit(
            Operation::work(|| File::open("/dev/null").map(|_| 1)),
            handler,
        );
        assert_eq!(receiver.wait().result.unwrap(), 1);
        setrlimit(Resource::Nofile, before).unwrap();
        assert!(
            accept().wait().accepted.is_some(),
            "who waited is served now"
        );
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error())
}
