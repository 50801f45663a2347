//! The header fields of every answer, and CORS.

use std::str::FromStr;
use std::time::Duration;

use axum::http::header::{
    CACHE_CONTROL, ETAG, HeaderName, LINK, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// Path prefixes of the native API and the facades. Answers under them hold data of the ledger and
/// are not cached unless the route permits it.
const API_PREFIXES: [&str; 4] = ["/api/", "/v0/", "/v1/", "/umbraco/"];
/// The header fields that CORS exposes to pages.
const EXPOSED: [HeaderName; 7] = [
    LINK,
    ETAG,
    LOCATION,
    RETRY_AFTER,
    HeaderName::from_static("x-total-count"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("ledger-repeated"),
];
/// How long a browser may cache a preflight answer.
const CORS_AGE_MAX: Duration = Duration::from_mins(10);
/// Makes browsers use only TLS for a year.
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds the fields of every answer. `Cache-Control` and `Referrer-Policy` stay as the route has set
/// them.
pub(crate) fn add(headers: &mut HeaderMap, api: bool, tls: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
    if api {
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

/// Returns whether a path belongs to an API.
pub(crate) fn is_api(path: &str) -> bool {
    API_PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// The origin of pages that may call the API: scheme, host, and port unless it is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// The text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be like https://console.example.com, in lower case and without a path")]
pub struct NoOrigin;

impl FromStr for Origin {
    type Err = NoOrigin;

    /// Parses an origin in exactly the form that browsers send.
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

/// Returns the CORS layer for these origins; nothing if there are none.
pub(crate) fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins = origins.iter().map(|origin| origin.0.clone());
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        // Keys travel in a header that a page must set itself, never in a cookie, so permitting
        // every request header gives a page no additional rights.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(CORS_AGE_MAX);
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_accepted_only_in_the_form_that_browsers_send() {
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
    fn the_cache_control_of_a_route_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=5"));
        add(&mut headers, true, false);
        assert_eq!(headers[CACHE_CONTROL], "private, max-age=5");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
