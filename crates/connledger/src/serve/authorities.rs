//! Files with certificates of authorities.

use std::fmt;
use std::path::Path;

use ledger_outgoing::Authorities;

use crate::failure::Failure;

/// The largest file that is read, in bytes.
const BYTES_MAX: u64 = 1024 * 1024;

/// Reads the file that a flag names.
pub(super) fn read(flag: &str, path: &Path) -> Result<Authorities, Failure> {
    let wrong = |problem: &dyn fmt::Display| {
        Failure::usage(format!("{flag}: {}: {problem}", path.display()))
    };
    let size = std::fs::metadata(path).map_err(|error| wrong(&error))?.len();
    if size > BYTES_MAX {
        return Err(wrong(&"it is larger than 1 MiB"));
    }
    let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
    Authorities::from_pem(&pem).map_err(|error| wrong(&error))
}
