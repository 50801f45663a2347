//! How long the disk takes to make a little durable.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::Outcome;

/// What a small command's group comes to.
const BLOCK_BYTES: usize = 2 * 1_024;

/// A file that grows by one synced block at a time, as a log does.
#[derive(Debug)]
pub(crate) struct Disk(File);

impl Disk {
    /// Makes the file in a folder on the disk to be measured.
    pub(crate) fn new(folder: &Path) -> Outcome<Self> {
        let path = folder.join("fdatasync");
        Ok(Self(OpenOptions::new().create(true).append(true).open(path)?))
    }

    /// Appends a block and waits until it is durable.
    pub(crate) fn append(&mut self) -> Outcome<Duration> {
        let started = Instant::now();
        self.0.write_all(&[b'x'; BLOCK_BYTES])?;
        self.0.sync_data()?;
        Ok(started.elapsed())
    }
}
