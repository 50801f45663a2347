//! What the operating system knows of a process.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;

use crate::failure::{Failure, Outcome};
use crate::server::mib;

/// Where mimalloc, the allocator of our programs, asks the system for memory: addresses from 2 TiB
/// to 30 TiB. The database's allocator is another one, whose memory lies elsewhere.
const OWN_HEAP: Range<u64> = 0x200_0000_0000..0x1e00_0000_0000;

/// One look at a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Resident memory of the program's own heap, in MiB.
    pub(crate) own_mib: f64,
    /// All other resident memory, in MiB: the database's caches and buffers, code, stacks.
    pub(crate) rest_mib: f64,
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
        let resident = mib(&status, "VmRSS:")?;
        let own = own_kib(&fs::read_to_string(format!("/proc/{pid}/smaps"))?)? / 1_024.0;
        // The two are read one after the other.
        let rest_mib = (resident - own).max(0.0);
        let mut sample = Self { own_mib: own, rest_mib, threads, ..Self::default() };
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
        let Self { own_mib, rest_mib, sockets, files, others, threads } = self;
        write!(
            f,
            "{own_mib:.0} + {rest_mib:.0} MiB, {sockets} sockets, {files} files, {others} other handles, \
             {threads} threads"
        )
    }
}

/// Adds up the resident memory of the mappings in which the program's own heap lies.
fn own_kib(smaps: &str) -> Outcome<f64> {
    let (mut own, mut kib) = (false, 0.0);
    for line in smaps.lines() {
        let start = line.split_once('-').and_then(|(start, _)| u64::from_str_radix(start, 16).ok());
        if let Some(start) = start {
            own = OWN_HEAP.contains(&start);
        } else if let Some(rest) = line.strip_prefix("Rss:").filter(|_| own) {
            kib += rest.trim_end_matches("kB").trim().parse::<f64>()?;
        }
    }
    Ok(kib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_its_own_sockets_come_and_go() {
        let before = Sample::take(std::process::id()).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let during = Sample::take(std::process::id()).unwrap();
        assert!(during.own_mib + during.rest_mib > 1.0 && during.threads > 0);
        assert!(during.sockets > 0, "{before} {during}");
        drop(listener);
    }

    #[test]
    fn memory_is_told_apart_by_whose_it_is() {
        let kept = vec![1_u8; 64 * 1_024 * 1_024];
        let with = Sample::take(std::process::id()).unwrap();
        assert!(with.own_mib > 64.0, "{with}");
        drop(kept);
        let text = "20000000000-20040000000 rw-p 00000000 00:00 0\nRss:  100 kB\nPss:  100 kB\n\
                    7f5750000000-7f5754000000 rw-p 00000000 00:00 0\nRss:  7 kB\n";
        assert!((own_kib(text).unwrap() - 100.0).abs() < f64::EPSILON);
    }
}
