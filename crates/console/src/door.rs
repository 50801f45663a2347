//! Where requests come from, as browsers say.

use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Uri};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What the script sends when it fetches a page again.
const BY_SCRIPT: HeaderName = HeaderName::from_static("x-console-refresh");

/// Returns whether a form was sent by a page of this server. Every browser says where a form comes
/// from in one of two headers, which no page can change.
pub(crate) fn is_of_this_site(parts: &Parts) -> bool {
    if let Some(site) = parts.headers.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    let origin = parts.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let Some(origin) = origin.and_then(|origin| origin.parse::<Uri>().ok()) else { return false };
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(Authority::as_str));
    match (origin.authority(), host) {
        (Some(origin), Some(host)) => origin.as_str().eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// Returns whether a page of another site made the request, as far as the browser says so.
pub(crate) fn is_from_elsewhere(parts: &Parts) -> bool {
    let site = parts.headers.get(SEC_FETCH_SITE);
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// Returns whether the script of a page sent the request by itself.
pub(crate) fn is_by_script(headers: &HeaderMap) -> bool {
    headers.contains_key(BY_SCRIPT)
        || headers.get("accept").is_some_and(|accept| accept == "text/event-stream")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn is_own(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_of_this_site(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_what_a_page_of_this_server_sends_is_its_own() {
        let host = ("host", "ledger.example.com");
        assert!(is_own(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(is_own(&[host, ("origin", "https://ledger.example.com")]));
        assert!(is_own(&[("host", "127.0.0.1:7420"), ("origin", "http://127.0.0.1:7420")]));
        for foreign in [
            &[host][..],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "https://ledger.example.com")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "null")],
            &[host, ("origin", "https://ledger.example.com.evil.example")],
            &[host, ("origin", "https://ledger.example.com:8443")],
            &[("origin", "https://ledger.example.com")],
        ] {
            assert!(!is_own(foreign), "{foreign:?}");
        }
    }
}
