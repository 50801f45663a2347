//! NATS headers as pairs of name and value.

use async_nats::HeaderMap;
use ledger_contract::errors::Problem;
use ledger_contract::headers::{self, Headers};
use ledger_contract::subjects;

/// Returns the `Authorization` header. Read apart from the others, because nobody unknown is told
/// what else is wrong with a message.
pub(crate) fn authorization(headers: Option<&HeaderMap>) -> Result<Option<&str>, Problem> {
    let Some(headers) = headers else { return Ok(None) };
    let mut values = headers.get_all(subjects::AUTHORIZATION);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(Some(value.as_str())),
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(headers::twice(subjects::AUTHORIZATION)),
    }
}

/// Reads every other header in one pass.
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
    fn absent_headers_mean_nothing_is_asked() {
        assert_eq!(read(None).unwrap().expected, Expected::Any);
        assert_eq!(authorization(None).unwrap(), None);
    }

    #[test]
    fn every_header_of_a_message_is_looked_at() {
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
    fn a_header_given_twice_is_refused() {
        let id = map(&[("Ledger-Command-Id", "a"), ("Ledger-Command-Id", "b")]);
        assert_eq!(read(Some(&id)).unwrap_err().code, Code::HeaderInvalid);
        let key = map(&[("Authorization", "a"), ("Authorization", "b")]);
        assert_eq!(authorization(Some(&key)).unwrap_err().code, Code::HeaderInvalid);
    }
}
