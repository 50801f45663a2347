//! A limit on the bytes a second.

use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::length::length;
use crate::stop::Stop;

/// How far the work may run ahead of its rate, so that it does not wait after every line.
const AHEAD_MAX: Duration = Duration::from_millis(50);

/// Keeps work to a number of bytes a second, on a thread that may block.
#[derive(Debug)]
pub(crate) struct Pace {
    bytes_per_second: Option<u64>,
    /// When what was charged so far is permitted.
    due: Instant,
    runtime: Handle,
    stop: Stop,
}

impl Pace {
    pub(crate) fn new(bytes_per_second: Option<u64>, runtime: Handle, stop: Stop) -> Self {
        Self { bytes_per_second, due: Instant::now(), runtime, stop }
    }

    /// Waits until so many bytes more are permitted, or a stop is asked for.
    pub(crate) fn charge(&mut self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        let bytes = length(bytes);
        let now = Instant::now();
        self.due = self.due.max(now) + time_for(bytes, rate);
        if self.due > now + AHEAD_MAX {
            let (due, stop) = (self.due, self.stop.clone());
            self.runtime.block_on(async {
                tokio::select! {
                    () = sleep_until(due) => {}
                    () = stop.requested() => {}
                }
            });
        }
    }

    /// Charges what is written through it.
    pub(crate) fn writer<'a, W: Write>(&'a mut self, to: &'a mut W) -> Paced<'a, W> {
        Paced { pace: self, to }
    }
}

fn time_for(bytes: u64, bytes_per_second: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A writer whose bytes are charged.
#[derive(Debug)]
pub(crate) struct Paced<'a, W> {
    pace: &'a mut Pace,
    to: &'a mut W,
}

impl<W: Write> Write for Paced<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pace.stop.is_requested() {
            return Err(io::Error::other("stopped"));
        }
        let written = self.to.write(bytes)?;
        self.pace.charge(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    #[test]
    fn bytes_take_the_time_that_the_rate_gives_them() {
        assert_eq!(time_for(1_000, 1_000), Duration::from_secs(1));
        assert_eq!(time_for(0, 1), Duration::ZERO);
        assert_eq!(time_for(1, 0), Duration::from_secs(1));
        assert!(time_for(u64::MAX, 1) > Duration::from_hours(24));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_is_no_faster_than_its_rate() {
        let runtime = Handle::current();
        let took = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            let mut pace = Pace::new(Some(100_000), runtime, Stop::default());
            let mut to = Vec::new();
            for _ in 0..30 {
                pace.writer(&mut to).write_all(&[0; 1_000]).unwrap();
            }
            started.elapsed()
        });
        // 30,000 bytes, of which 5,000 may be ahead.
        assert!(took.await.unwrap() >= Duration::from_millis(250));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stop_ends_the_waiting_and_the_writing() {
        let (ask, asked) = watch::channel(false);
        let runtime = Handle::current();
        let slow = tokio::task::spawn_blocking(move || {
            let mut pace = Pace::new(Some(1), runtime, Stop::when(asked));
            pace.charge(1_000_000);
            pace.writer(&mut Vec::new()).write_all(b"x").unwrap_err()
        });
        ask.send_replace(true);
        assert_eq!(slow.await.unwrap().to_string(), "stopped");
    }
}
