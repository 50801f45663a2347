//! Values of secrets that manifests take from variables and files of who runs the program.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ledger_domain::limits::SECRET_BYTES;
use ledger_manifests::{Complaint, ConnectionItem, Manifest, SecretSource, check_value};
use ledger_vault::Plaintext;

use crate::settings;

/// Reads all values, and returns what is wrong.
pub(super) fn read(manifest: &mut Manifest, allows_clear: bool) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for item in &mut manifest.connections {
        let place = item.place.clone();
        let slug = item.slug.clone();
        let wrong = |message| Complaint::new(place.clone(), format!("{slug}: {message}"));
        complaints.extend(of(item, allows_clear).into_iter().map(wrong));
    }
    complaints
}

/// Reads the values of one connection, and returns what is wrong.
pub(super) fn of(item: &mut ConnectionItem, allows_clear: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (field, source) in &mut item.secrets {
        match value(field, source, allows_clear) {
            Ok(Some(value)) => *source = SecretSource::Read(value),
            Ok(None) => {}
            Err(message) => wrong.push(message),
        }
    }
    wrong
}

/// Returns the value that a source leads to, if it leads to one outside of the manifest.
fn value(
    field: &str,
    source: &SecretSource,
    allows_clear: bool,
) -> Result<Option<Plaintext>, String> {
    let at_field = |message: String| format!("secrets.{field}: {message}");
    let text = match source {
        SecretSource::Environment(name) => settings::named_by_manifest(name)
            .ok_or_else(|| at_field(format!("the variable {name} is not set, or is no text")))?,
        SecretSource::File(path) => file(path).map_err(at_field)?,
        SecretSource::Clear(_) if !allows_clear => {
            let message = "stands in the manifest in the clear; take it from_env, from_file or by \
                           a reference, or pass --allow-clear-secrets";
            return Err(at_field(message.to_owned()));
        }
        _ => return Ok(None),
    };
    check_value(field, Plaintext::from_string(text)).map(Some)
}

/// Reads a file, without the one line end that editors put at its end.
fn file(path: &Path) -> Result<String, String> {
    let failed =
        |error: std::io::Error| format!("the file {} cannot be read: {error}", path.display());
    let mut text = String::new();
    // One byte more than a secret and its line end may have, so that a longer one is refused.
    let limit = u64::try_from(SECRET_BYTES).unwrap_or(u64::MAX).saturating_add(3);
    File::open(path).map_err(failed)?.take(limit).read_to_string(&mut text).map_err(failed)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
