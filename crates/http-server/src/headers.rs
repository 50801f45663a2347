//! Header fields of every answer, and which other sites' pages may read them.

use std::str::FromStr;
use std::time::Duration;

use axum::http::header::{
    CACHE_CONTROL, ETAG, HeaderName, LINK, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// Everything below is data of the ledger, and is kept by no cache unless the route says so: its
/// own API, and those of the products whose clients it serves.
const API_PREFIXES: [&str; 4] = ["/api/", "/v0/", "/v1/", "/umbraco/"];
/// What the answers say in headers of their own; a page is shown no others.
const EXPOSED: [HeaderName; 7] = [
    LINK,
    ETAG,
    LOCATION,
    RETRY_AFTER,
    HeaderName::from_static("x-total-count"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("ledger-repeated"),
];
/// How long a browser remembers what another site's page may do.
const CORS_AGE_MAX: Duration = Duration::from_mins(10);
/// For a year, browsers come back over TLS only.
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds the fields of every answer; what the route says of caches is left as it is.
pub(crate) fn add(headers: &mut HeaderMap, api: bool, tls: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
    if api {
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

/// Tells whether a path is one of the API.
pub(crate) fn is_api(path: &str) -> bool {
    API_PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// A site whose pages may use the API: scheme, host, and port unless it is the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// Why a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be like https://console.example.com, in small letters and without a path")]
pub struct NoOrigin;

impl FromStr for Origin {
    type Err = NoOrigin;

    /// Reads an origin in the very form in which browsers send it.
    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let uri: Uri = text.parse().map_err(|_| NoOrigin)?;
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        let scheme = uri.scheme_str().unwrap_or_default();
        let own = if scheme == "https" { ":443" } else { ":80" };
        let exact = format!("{scheme}://{host}").to_ascii_lowercase() == text;
        if !exact
            || !["http", "https"].contains(&scheme)
            || host.contains('@')
            || host.ends_with(own)
        {
            return Err(NoOrigin);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| NoOrigin)
    }
}

/// Lets the pages of some sites use the API; nothing when there are none.
pub(crate) fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins = origins.iter().map(|origin| origin.0.clone());
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        // Keys travel in a header that a page must set itself, never in a cookie, so a page gets
        // no farther with any header than without.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(CORS_AGE_MAX);
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send_and_nothing_else() {
        for good in ["https://a.example.com", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in [
            "*",
            "null",
            "",
            "a.example.com",
            "https://a.example.com/",
            "https://A.example.com",
            "ftp://a",
            "https://u@a",
            "https://a:443",
            "http://a:80",
            "https://a/b",
            "https://a?b",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(NoOrigin), "{bad}");
        }
    }

    #[test]
    fn the_paths_of_every_api_are_data() {
        for path in ["/api/v1/status", "/v0/connections", "/v1/integrations", "/umbraco/ai"] {
            assert!(is_api(path), "{path}");
        }
        for path in ["/", "/healthz", "/v10/x", "/apis", "/docs"] {
            assert!(!is_api(path), "{path}");
        }
    }

    #[test]
    fn a_route_s_own_word_on_caches_stands() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=5"));
        add(&mut headers, true, false);
        assert_eq!(headers[CACHE_CONTROL], "private, max-age=5");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
