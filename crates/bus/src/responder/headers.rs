//! NATS headers as pairs of name and value.

use async_nats::HeaderMap;
use ledger_contract::errors::Problem;
use ledger_contract::headers::{self, Headers};
use ledger_contract::subjects;

/// Largest credential, in bytes; the largest tokens have a few thousand.
const CREDENTIAL_BYTES_MAX: usize = 16 * 1024;

/// Returns the `Authorization` header. It is read first, because unauthenticated callers learn
/// nothing about the rest of a message.
pub(crate) fn authorization(headers: Option<&HeaderMap>) -> Result<Option<&str>, Problem> {
    let Some(headers) = headers else { return Ok(None) };
    let mut values = headers.get_all(subjects::AUTHORIZATION);
    match (values.next(), values.next()) {
        (Some(value), None) if value.as_str().len() > CREDENTIAL_BYTES_MAX => {
            Err(headers::invalid(subjects::AUTHORIZATION, "has more than 16 KiB"))
        }
        (Some(value), None) => Ok(Some(value.as_str())),
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(headers::twice(subjects::AUTHORIZATION)),
    }
}

/// Reads all other headers in one pass.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Result<Headers, Problem> {
    let named = headers.into_iter().flat_map(HeaderMap::iter);
    headers::read(named.flat_map(|(name, values)| {
        values.iter().map(move |value| (AsRef::<str>::as_ref(name), value.as_str()))
    }))
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::Code;
    use ledger_domain::{Expected, Version};

    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, *value);
        }
        map
    }

    #[test]
    fn absent_headers_stay_absent() {
        assert_eq!(read(None).unwrap().expected, Expected::Any);
        assert_eq!(authorization(None).unwrap(), None);
    }

    #[test]
    fn every_header_of_a_message_is_read() {
        let map = map(&[
            ("Authorization", "Bearer x"),
            ("Ledger-Command-Id", "c-1"),
            ("Ledger-Expected-Version", "7"),
        ]);
        let read = read(Some(&map)).unwrap();
        assert_eq!(authorization(Some(&map)).unwrap(), Some("Bearer x"));
        assert_eq!(read.command_id.unwrap().as_str(), "c-1");
        assert_eq!(read.expected, Expected::At(Version::new(7)));
    }

    #[test]
    fn a_repeated_header_is_rejected() {
        let id = map(&[("Ledger-Command-Id", "a"), ("Ledger-Command-Id", "b")]);
        assert_eq!(read(Some(&id)).unwrap_err().code, Code::HeaderInvalid);
        let key = map(&[("Authorization", "a"), ("Authorization", "b")]);
        assert_eq!(authorization(Some(&key)).unwrap_err().code, Code::HeaderInvalid);
    }
}
