//! Ports for servers that are told where to listen.
//!
//! A port that was bound and given back may be anybody's a moment later, and many tests run at
//! once. So ports are taken from below those that systems hand out by themselves, and each is kept
//! by a lock on a file until the test's process ends.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::Mutex;

/// Below what Linux (32768) and others hand out.
const PORTS: Range<u16> = 12_000..32_000;
/// Tries until the machine is taken to have no free port.
const TRIES_MAX: usize = 1_000;

/// The locks of this process.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Returns a port that nobody listens on, and that no other test is given.
pub(crate) fn free_port() -> u16 {
    let folder = std::env::temp_dir().join("connledger-test-ports");
    std::fs::create_dir_all(&folder).expect("a folder for locks");
    for _ in 0..TRIES_MAX {
        let port = rand::random_range(PORTS);
        let lock = File::options().create(true).append(true).open(folder.join(port.to_string()));
        let lock = lock.expect("a file for a lock");
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            TAKEN.lock().expect("no panic").push(lock);
            return port;
        }
    }
    panic!("no free port was found in {TRIES_MAX} tries");
}
