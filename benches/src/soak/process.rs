//! What the operating system knows of a process.

use std::fmt;
use std::fs;
use std::io::ErrorKind;

use crate::failure::{Failure, Outcome};
use crate::server::mib;

/// One look at a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Resident memory in MiB.
    pub(crate) resident_mib: f64,
    /// Open sockets, of the listener, NATS and clients.
    pub(crate) sockets: u64,
    /// Open files of the disk.
    pub(crate) files: u64,
    /// Other handles: pipes, timers, event queues.
    pub(crate) others: u64,
    pub(crate) threads: u64,
}

impl Sample {
    pub(crate) fn take(pid: u32) -> Outcome<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:"));
        let threads =
            threads.ok_or_else(|| Failure::new("no number of threads"))?.trim().parse()?;
        let mut sample = Self { resident_mib: mib(&status, "VmRSS:")?, threads, ..Self::default() };
        for handle in fs::read_dir(format!("/proc/{pid}/fd"))? {
            match fs::read_link(handle?.path()) {
                Ok(target) => sample.count(&target.to_string_lossy()),
                // It was closed meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(sample)
    }

    fn count(&mut self, target: &str) {
        let number = if target.starts_with("socket:") {
            &mut self.sockets
        } else if target.starts_with('/') {
            &mut self.files
        } else {
            &mut self.others
        };
        *number += 1;
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident_mib, sockets, files, others, threads } = self;
        write!(
            f,
            "{resident_mib:.0} MiB, {sockets} sockets, {files} files, {others} other handles, \
             {threads} threads"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_its_own_sockets_come_and_go() {
        let before = Sample::take(std::process::id()).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let during = Sample::take(std::process::id()).unwrap();
        assert!(during.resident_mib > 1.0 && during.threads > 0);
        assert!(during.sockets > 0, "{before} {during}");
        drop(listener);
    }
}
