//! The threads of scans.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::priority::lower_priority;
use crate::errors::{Fault, Unavailable};

/// One scan. It must not panic.
pub(super) type Scan = Box<dyn FnOnce() + Send>;

/// Some threads of low priority.
#[derive(Debug)]
pub(super) struct Pool(Mutex<Option<Running>>);

/// Threads that run. They end when `scans` is dropped, each after its scan.
#[derive(Debug)]
struct Running {
    scans: Sender<Scan>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts the threads.
    pub(super) fn start(threads: usize) -> Result<Self, Fault> {
        // Each thread has its own turn, so the channel never has more scans than threads.
        let (scans, received) = bounded(threads);
        let started = (0..threads).map(|_| {
            let received = received.clone();
            let work = move || work(&received);
            std::thread::Builder::new().name("ledger-scan".to_owned()).spawn(work)
        });
        let threads = started.collect::<Result<Vec<_>, _>>().map_err(Fault::Thread)?;
        Ok(Self(Mutex::new(Some(Running { scans, threads }))))
    }

    /// Hands a scan to a free thread, which there must be.
    pub(super) fn run(&self, scan: Scan) -> Result<(), Unavailable> {
        let running = self.0.lock();
        let running = running.as_ref().ok_or(Unavailable::ShuttingDown)?;
        running.scans.try_send(scan).map_err(|_| Unavailable::ShuttingDown)
    }

    /// Ends all threads after their present scans. Blocks.
    pub(super) fn end(&self) {
        let Some(Running { scans, threads }) = self.0.lock().take() else { return };
        drop(scans);
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the queries panicked");
            }
        }
    }
}

fn work(scans: &Receiver<Scan>) {
    if let Err(error) = lower_priority() {
        tracing::warn!(%error, "queries run with the priority of commands");
    }
    for scan in scans {
        scan();
    }
}
