//! Lines to compressed objects, and back.
//!
//! An object is one zstd frame. What is read from a target is compared with its size and digest
//! before a line of it is read.

use std::io::{self, BufRead, BufReader, Cursor, Read, Write};

use bytes::Bytes;
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use crate::error::BackupError;
use crate::length::length;
use crate::manifest::{Part, digest_of};
use crate::pace::Pace;
use crate::target::Target;

/// Compression that costs little time; most of a record is ciphertext.
const LEVEL: i32 = 3;
/// What is read from the decoder at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// An object in the making.
pub(crate) struct Packer(Encoder<'static, Vec<u8>>);

impl Packer {
    pub(crate) fn new() -> Result<Self, BackupError> {
        let encoder = Encoder::new(Vec::new(), LEVEL);
        encoder.map(Self).map_err(BackupError::machine("zstd cannot be used"))
    }

    /// Returns the size so far, without what the encoder still holds.
    pub(crate) fn bytes(&self) -> u64 {
        length(self.0.get_ref().len())
    }

    pub(crate) fn finish(self) -> Result<Bytes, BackupError> {
        self.0.finish().map(Bytes::from).map_err(BackupError::machine("zstd cannot be used"))
    }
}

impl Write for Packer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes an object and reads it back. Returns its digest.
pub(crate) fn put_checked(
    target: &Target,
    name: &str,
    bytes: Bytes,
    pace: &mut Pace,
) -> Result<String, BackupError> {
    let digest = digest_of(&bytes);
    let size = bytes.len();
    target.put(name, bytes)?;
    pace.charge(size);
    let read = target.get_sized(name, length(size));
    let read = read.map_err(|error| BackupError::of_part(name, error))?;
    pace.charge(size);
    if digest_of(&read) == digest {
        return Ok(digest);
    }
    let what = "it reads otherwise than it was written a moment ago";
    Err(BackupError::damaged(name.to_owned(), what))
}

/// Reads an object of a manifest, and compares its size and digest.
pub(crate) fn get_checked(target: &Target, part: &Part<'_>) -> Result<Bytes, BackupError> {
    let read = target.get_sized(&part.name, part.bytes);
    let read = read.map_err(|error| BackupError::of_part(&part.name, error))?;
    if digest_of(&read) == part.digest {
        return Ok(read);
    }
    let what = "its digest is not the one that the manifest has";
    Err(BackupError::damaged(part.name.clone(), what))
}

/// Returns the lines of an object.
pub(crate) fn lines_of(object: Bytes) -> Result<impl BufRead, BackupError> {
    let decoder = Decoder::with_buffer(Cursor::new(object));
    let decoder = decoder.map_err(BackupError::machine("zstd cannot be used"))?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, decoder.single_frame()))
}

/// The lines of several objects, one after the other, as if they were one. Each object is fetched
/// when its turn comes. Its errors are those of this crate, within those of reading.
pub(crate) struct Joined<'a, F> {
    parts: F,
    target: &'a Target,
    current: Option<Decoder<'static, Cursor<Bytes>>>,
}

impl<'a, 'p, F: Iterator<Item = Part<'p>>> Joined<'a, F> {
    pub(crate) fn lines(target: &'a Target, parts: F) -> BufReader<Self> {
        BufReader::with_capacity(BUFFER_BYTES, Self { parts, target, current: None })
    }
}

impl<'p, F: Iterator<Item = Part<'p>>> Read for Joined<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(current) = &mut self.current {
                let read = current.read(into)?;
                if read > 0 || into.is_empty() {
                    return Ok(read);
                }
            }
            let Some(part) = self.parts.next() else { return Ok(0) };
            let object = get_checked(self.target, &part).map_err(io::Error::other)?;
            self.current = Some(Decoder::with_buffer(Cursor::new(object))?);
        }
    }
}
