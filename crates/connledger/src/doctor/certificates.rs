//! Certificates that end soon.

use std::path::Path;

use x509_parser::pem::Pem;

use super::finding::Finding;
use crate::clock;
use crate::common::Common;
use crate::serve::ServeArgs;

const CODE: &str = "certificate";
/// Days before its end from which on a certificate is told.
const DAYS: i64 = 14;
const DAY_SECONDS: i64 = 86_400;

pub(super) fn look(common: &Common, args: &ServeArgs) -> Vec<Finding> {
    let named = [args.http.tls_cert.as_deref(), common.nats.nats_cert.as_deref()];
    let now = clock::now().get() / 1_000_000;
    named.into_iter().flatten().map(|path| of_file(path, now)).collect()
}

/// Looks at the certificates of a chain at a time, in seconds.
pub(super) fn of_file(path: &Path, now: i64) -> Finding {
    let shown = path.display();
    let to_do = "replace it, and send the server SIGHUP";
    let ends = match ends(path) {
        Ok(ends) => ends,
        Err(wrong) => return Finding::problem(CODE, format!("{shown}: {wrong}"), to_do),
    };
    let Some(end) = ends.into_iter().min() else {
        return Finding::problem(CODE, format!("{shown} has no certificate"), to_do);
    };
    let days = (end - now).div_euclid(DAY_SECONDS);
    if end <= now {
        return Finding::problem(CODE, format!("{shown} has expired"), to_do);
    }
    if days < DAYS {
        let about = match days {
            0 => format!("{shown} expires today"),
            1 => format!("{shown} expires tomorrow"),
            _ => format!("{shown} expires in {days} days"),
        };
        return Finding::warning(CODE, about, to_do);
    }
    Finding::ok(CODE, format!("{shown} is good for {days} days"))
}

/// Returns when the certificates of a file end, in seconds.
fn ends(path: &Path) -> Result<Vec<i64>, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut ends = Vec::new();
    for pem in Pem::iter_from_buffer(&text) {
        let pem = pem.map_err(|error| error.to_string())?;
        if pem.label == "CERTIFICATE" {
            let certificate = pem.parse_x509().map_err(|error| error.to_string())?;
            ends.push(certificate.validity().not_after.timestamp());
        }
    }
    Ok(ends)
}
