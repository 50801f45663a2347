//! Ctrl-C during long work on a thread of its own: the first one stops what reads and writes, so
//! that the work ends in order; the second one ends the program.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;

/// Whether the work is to stop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Runs work that blocks, and returns its result, or that it was interrupted.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: Send + 'static,
        Failure: From<E>,
    {
        let mut work = tokio::task::spawn_blocking(work);
        loop {
            tokio::select! {
                done = &mut work => {
                    let stopped = |error| Failure::internal(format!("the work stopped: {error}"));
                    return match done.map_err(stopped)? {
                        Err(_) if self.is_set() => Err(Failure::interrupted()),
                        done => done.map_err(Failure::from),
                    };
                }
                () = interrupted() => {
                    if self.0.swap(true, Ordering::SeqCst) {
                        return Err(Failure::interrupted());
                    }
                }
            }
        }
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Wraps a reader or writer, which fails once the work is to stop.
    pub(crate) fn wrap<I>(&self, inner: I) -> Stoppable<I> {
        Stoppable { inner, stop: self.clone() }
    }
}

/// Waits for Ctrl-C.
async fn interrupted() {
    // Without the signal's handler, the signal ends the process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A reader or writer that fails once the work is to stop.
#[derive(Debug)]
pub(crate) struct Stoppable<I> {
    inner: I,
    stop: Stop,
}

impl<I> Stoppable<I> {
    fn go_on(&self) -> io::Result<()> {
        if self.stop.is_set() { Err(io::Error::other("interrupted")) } else { Ok(()) }
    }
}

impl<I: Read> Read for Stoppable<I> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.go_on()?;
        self.inner.read(bytes)
    }
}

impl<I: Write> Write for Stoppable<I> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.go_on()?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
