//! Content negotiation between JSON and server-sent events.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Media type of server-sent events.
pub(super) const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Returns whether `Accept` names server-sent events.
pub(super) fn wants_events(headers: &HeaderMap) -> bool {
    names(headers, EVENT_STREAM)
}

/// Returns whether `Accept` names JSON and not server-sent events.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    names(headers, JSON) && !wants_events(headers)
}

/// Weights are ignored, except a weight of 0, which excludes a type.
fn names(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|choice| {
        let mut parts = choice.split(';').map(str::trim);
        let kind = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
        kind && !parts.any(|weight| ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains(&weight))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn events_take_precedence_over_json_and_an_empty_accept_is_neither() {
        let params = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(value));
            (wants_events(&headers), wants_json(&headers))
        };
        assert_eq!(params("text/event-stream"), (true, false));
        assert_eq!(params("Application/JSON; q=0.9, text/event-stream"), (true, false));
        assert_eq!(params("application/json"), (false, true));
        assert_eq!(params("application/json, text/event-stream;q=0"), (false, true));
        assert_eq!(params("*/*"), (false, false));
        assert!(!wants_events(&HeaderMap::new()) && !wants_json(&HeaderMap::new()));
    }
}
