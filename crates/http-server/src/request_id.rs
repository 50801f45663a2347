//! Request ids: the caller's own, or a generated one.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use rand::RngCore;

/// The header that carries the request id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest accepted id of a caller.
const CHARS_MAX: usize = 128;

/// The id of a request.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// Returns the id that [`identify`] gave a request, or determines it as [`identify`] would.
    pub fn of_request(request: &Request) -> Self {
        let known = request.extensions().get::<Self>().cloned();
        known.unwrap_or_else(|| Self::of(request.headers()))
    }

    /// Adopts the caller's id if it is well-formed, and generates one otherwise.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(X_REQUEST_ID).iter();
        let only = match (given.next(), given.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        };
        only.filter(|text| is_well_formed(text)).map_or_else(Self::make, |id| Self(id.to_owned()))
    }

    fn make() -> Self {
        let mut random = [0; 16];
        rand::rng().fill_bytes(&mut random);
        Self(format!("{:032x}", u128::from_be_bytes(random)))
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id as a header value.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("the id is of letters, digits and few marks")
    }
}

/// Ids go into the logs of other systems, so their alphabet is small.
fn is_well_formed(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    (1..=CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// Gives every request an id, and every answer the id of its request.
pub async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let header = id.header();
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    response.headers_mut().insert(X_REQUEST_ID, header);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_REQUEST_ID, HeaderValue::from_str(value).unwrap());
        }
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_well_formed_id_is_adopted_and_any_other_replaced() {
        assert_eq!(id_of(&["a-1.B:2_c"]), "a-1.B:2_c");
        for odd in [&[][..], &[""], &["a b"], &["a\"b"], &["x", "y"], &[&"x".repeat(129)]] {
            let made = id_of(odd);
            assert_eq!(made.len(), 32, "{odd:?}");
            assert!(!odd.contains(&made.as_str()));
        }
        assert_ne!(id_of(&[]), id_of(&[]));
    }
}
