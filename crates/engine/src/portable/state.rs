//! Writes the state: the header, the audit journal and the last uses of API keys.

use std::io::Write;

use ledger_contract::time;
use ledger_store::ReadError;
use ledger_store::tables::{journal, uses};
use serde_json::json;
use serde_json::value::RawValue;

use super::Portable;
use super::events::BLOCK_BYTES;
use super::header::Header;
use super::line::{Kind, seal};
use crate::errors::{Fault, PortableError};

/// What was written of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateWritten {
    /// Number of lines.
    pub lines: u64,
    /// Number of entries of the audit journal that are damaged or were altered, and left out. Their
    /// numbers are missing in a restored ledger, too.
    pub left_out: u64,
}

impl Portable {
    /// Writes what is neither in the log nor follows from it. Writes whole blocks, so `out` needs
    /// no buffer.
    pub fn write_state(&self, out: &mut dyn Write) -> Result<StateWritten, PortableError> {
        let mut lines = StateLines { portable: self, out, block: Vec::new(), written: 0 };
        let header = serde_json::to_vec(&Header::of(self)?);
        lines.write(&header.map_err(|error| Fault::bug(error.to_string()))?)?;
        let mut left_out = 0;
        for entry in journal::all(&self.store) {
            match entry {
                Ok((number, entry)) if is_json(&entry) => {
                    let mut line = format!("{{\"journal\":{number},\"entry\":").into_bytes();
                    line.extend_from_slice(&entry);
                    line.push(b'}');
                    lines.write(&line)?;
                }
                Ok(_) | Err(ReadError::Altered { .. } | ReadError::Corrupt { .. }) => left_out += 1,
                Err(error) => return Err(Fault::from(error).into()),
            }
        }
        for used in uses::all(&self.store) {
            let (key, at) = used.map_err(Fault::from)?;
            let line = json!({ "key_use": key.as_str(), "at": time::format(at) });
            lines.write(line.to_string().as_bytes())?;
        }
        let end = format!("{{\"state_end\":{}}}", lines.written);
        lines.write(end.as_bytes())?;
        lines.flush()?;
        Ok(StateWritten { lines: lines.written, left_out })
    }
}

fn is_json(entry: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(entry).is_ok()
}

/// The lines written so far.
struct StateLines<'a> {
    portable: &'a Portable,
    out: &'a mut dyn Write,
    /// Lines that are not written out yet.
    block: Vec<u8>,
    /// Number of lines.
    written: u64,
}

impl StateLines<'_> {
    /// Writes an object as the next line.
    fn write(&mut self, object: &[u8]) -> Result<(), PortableError> {
        let start = self.block.len();
        self.block.extend_from_slice(object.strip_suffix(b"}").unwrap_or(object));
        seal(&mut self.block, start, &self.portable.key, Kind::State, self.written);
        self.written += 1;
        if self.block.len() >= BLOCK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), PortableError> {
        self.out.write_all(&self.block).map_err(PortableError::Output)?;
        self.block.clear();
        Ok(())
    }
}
