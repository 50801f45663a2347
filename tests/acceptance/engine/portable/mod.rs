//! A ledger is written as lines, and another directory made of them.

mod damage;
mod pieces;
mod refused;
mod targets;
mod whole;

/// The lines of an export.
fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.map(<[u8]>::to_vec).collect()
}
