//! Validates addresses of services.

use ledger_domain::InvalidField;
use reqwest::Url;

/// Maximum length of an address.
const URL_BYTES_MAX: usize = 2_048;

/// Where a service may be reached without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plain {
    /// On this machine only.
    #[default]
    Here,
    /// Anywhere, because the operator says that the network is protected otherwise.
    Anywhere,
}

/// Parses the address of a service. `field` is the name of the option in errors.
pub fn read_address(field: &str, text: &str, plain: Plain) -> Result<Url, InvalidField> {
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
        "http" if plain == Plain::Anywhere || is_here(&url) => Ok(url),
        _ => Err(wrong("must start with https://, except on this machine")),
    }
}

/// Returns whether the connection is encrypted.
pub fn is_encrypted(url: &Url) -> bool {
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
            assert!(read_address("issuer", good, Plain::Here).is_ok(), "{good}");
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
            let error = read_address("issuer", bad, Plain::Here).expect_err(bad);
            assert!(!error.problem.contains("secret"));
        }
        let far = read_address("issuer", "http://login.example.com", Plain::Anywhere);
        assert!(far.is_ok(), "the operator permits it");
        assert!(read_address("issuer", "ftp://login.example.com", Plain::Anywhere).is_err());
    }
}
