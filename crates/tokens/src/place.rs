//! Validates addresses from which keys may be fetched.

use ledger_domain::InvalidField;
use reqwest::Url;

/// Maximum length of an address.
const URL_BYTES_MAX: usize = 2_048;

/// Parses an address from which keys may be fetched: https, or http on this machine. `field` is the
/// name of the option in errors.
pub(crate) fn read(field: &str, text: &str) -> Result<Url, InvalidField> {
    let wrong = |problem: &str| InvalidField::new(field, problem);
    if text.len() > URL_BYTES_MAX {
        return Err(wrong("must not be longer than 2,048 bytes"));
    }
    let url: Url =
        text.parse().map_err(|_| wrong("must be a URL like https://login.example.com"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not contain a user name or password"));
    }
    if url.fragment().is_some() {
        return Err(wrong("must not have a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here(&url) => Ok(url),
        _ => Err(wrong("must start with https://, except on this machine")),
    }
}

/// Returns whether the connection is encrypted.
pub(crate) fn is_encrypted(url: &Url) -> bool {
    url.scheme() == "https"
}

fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_needs_no_encryption() {
        for good in [
            "https://login.example.com/realms/a",
            "https://login.example.com/keys?tenant=a",
            "http://localhost:8080",
            "http://127.0.0.1:1/keys",
            "http://[::1]:1",
        ] {
            assert!(read("issuer", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "login.example.com",
            "http://login.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "https://me:secret@example.com",
            "https://example.com/#a",
            "file:///etc/passwd",
            "ftp://localhost",
        ] {
            let error = read("issuer", bad).expect_err(bad);
            assert!(!error.problem.contains("secret"));
        }
    }
}
