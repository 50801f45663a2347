//! Finding the credential of a request, for the guard and for every route.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue};
use ledger_contract::errors::Problem;
use ledger_contract::headers::{invalid, twice};

/// How a header holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// After a scheme, as in `Bearer <key>`.
    Scheme,
    /// By itself.
    Bare,
}

/// The only supported scheme.
const BEARER: &str = "Bearer";

/// Every header that may carry the key: the standard one, and those of the products whose APIs the
/// ledger offers.
const HEADERS: [(&str, &str, Form); 6] = [
    ("authorization", "Authorization", Form::Scheme),
    ("x-blaxel-authorization", "X-Blaxel-Authorization", Form::Scheme),
    ("x-pica-secret", "X-Pica-Secret", Form::Bare),
    ("x-one-secret", "X-One-Secret", Form::Bare),
    ("x-portkey-api-key", "X-Portkey-Api-Key", Form::Bare),
    ("xi-api-key", "Xi-Api-Key", Form::Bare),
];

/// Returns the key of a request in the form `Bearer <key>`. The text is the same for the same key,
/// however scheme and spaces were written.
///
/// Several headers may carry the key if they agree. A value that is not text is returned as an
/// empty key.
///
/// Errors: `header_invalid` if a header is repeated, or if two headers carry different keys.
pub fn credential(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, Problem> {
    let mut found: Option<Cow<'_, str>> = None;
    for (lower, name, form) in HEADERS {
        let mut values = headers.get_all(lower).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => continue,
            (Some(_), Some(_)) => return Err(twice(name)),
            (Some(value), None) => in_scheme(value, form),
        };
        match &found {
            Some(other) if *other != value => {
                return Err(invalid(name, "carries a different key than another header"));
            }
            _ => found = Some(value),
        }
    }
    Ok(found)
}

fn in_scheme(value: &HeaderValue, form: Form) -> Cow<'_, str> {
    let text = value.to_str().unwrap_or_default().trim();
    let key = match form {
        Form::Bare => text,
        Form::Scheme => match text.split_once(' ') {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case(BEARER) => key.trim(),
            // Not one of the ledger's keys; the route reports that.
            _ => return Cow::Borrowed(text),
        },
    };
    let is_plain = text.strip_prefix(BEARER).and_then(|rest| rest.strip_prefix(' ')) == Some(key);
    if is_plain { Cow::Borrowed(text) } else { Cow::Owned(format!("{BEARER} {key}")) }
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::Code;

    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<Option<String>, Code> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let found = credential(&headers).map_err(|problem| problem.code)?;
        Ok(found.map(Cow::into_owned))
    }

    #[test]
    fn every_header_carries_the_same_key() {
        assert_eq!(read(&[]), Ok(None));
        for (lower, _, form) in HEADERS {
            let value = if form == Form::Scheme { "Bearer sk_test_a" } else { "sk_test_a" };
            assert_eq!(read(&[(lower, value)]), Ok(Some("Bearer sk_test_a".to_owned())), "{lower}");
        }
    }

    #[test]
    fn every_spelling_of_a_key_gives_the_same_text() {
        for value in
            ["Bearer sk_test_a", "bearer sk_test_a", "BEARER   sk_test_a", "Bearer  sk_test_a "]
        {
            assert_eq!(read(&[("authorization", value)]), Ok(Some("Bearer sk_test_a".to_owned())));
        }
        assert_eq!(read(&[("xi-api-key", " sk_test_a ")]), Ok(Some("Bearer sk_test_a".to_owned())));
        for value in ["Basic sk_test_a", "Bearer", "Bearersk_test_a", "sk_test_a"] {
            assert_eq!(read(&[("authorization", value)]), Ok(Some(value.to_owned())));
        }
    }

    #[test]
    fn two_headers_may_agree_and_not_differ() {
        let both = [("authorization", "Bearer sk_test_a"), ("xi-api-key", "sk_test_a")];
        assert_eq!(read(&both), Ok(Some("Bearer sk_test_a".to_owned())));
        for pairs in [
            [("authorization", "Bearer sk_test_a"), ("xi-api-key", "sk_test_b")],
            [("xi-api-key", "sk_test_a"), ("xi-api-key", "sk_test_a")],
            [("x-pica-secret", "sk_test_a"), ("x-one-secret", "")],
        ] {
            assert_eq!(read(&pairs), Err(Code::HeaderInvalid), "{pairs:?}");
        }
    }
}
