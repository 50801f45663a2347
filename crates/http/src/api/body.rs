//! The body of a request: plain JSON or a JSON merge patch, of at most 1 MiB.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use futures::StreamExt;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::digits;
use ledger_engine::MESSAGE_BYTES_MAX;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// The media type of changes, which clients of PATCH may state.
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Reads the whole body of a form, as browsers send it.
///
/// Errors: `media_type_unsupported`, `message_too_large`, `body_malformed` if it is incomplete.
pub(super) async fn read_form(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    check_encoding(headers)?;
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = sent.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(FORM) {
        return Err(Problem::because(
            Code::MediaTypeUnsupported,
            format!("the Content-Type must be {FORM}"),
        ));
    }
    collect(body).await
}

/// Reads the whole body.
///
/// Errors: `media_type_unsupported`, `message_too_large`, `body_malformed` if it is incomplete.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    check_encoding(headers)?;
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| digits(length.to_str().ok()?));
    let most = u64::try_from(MESSAGE_BYTES_MAX).unwrap_or(u64::MAX);
    if declared.is_some_and(|length| length > most) {
        return Err(Problem::new(Code::MessageTooLarge));
    }
    let body = collect(body).await?;
    if !body.is_empty() {
        check_type(headers)?;
    }
    Ok(body)
}

async fn collect(body: Body) -> Result<Bytes, Problem> {
    let mut pieces = body.into_data_stream();
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            tracing::debug!(%error, "a body is incomplete");
            Problem::because(Code::BodyMalformed, "the body is incomplete")
        })?;
        if first.len() + whole.len() + piece.len() > MESSAGE_BYTES_MAX {
            return Err(Problem::new(Code::MessageTooLarge));
        }
        // Most bodies arrive as one chunk, which then need not be copied.
        if first.is_empty() && whole.is_empty() {
            first = piece;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&piece);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = |value: &str| value.trim().eq_ignore_ascii_case("identity");
    match headers.get(CONTENT_ENCODING).map(|value| value.to_str()) {
        None => Ok(()),
        Some(Ok(value)) if plain(value) => Ok(()),
        Some(_) => unsupported("compressed bodies are not supported"),
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return unsupported("the body has no Content-Type; it must be application/json");
    };
    if value.to_str().is_ok_and(is_json) {
        return Ok(());
    }
    unsupported("the Content-Type must be application/json or application/merge-patch+json")
}

fn unsupported(message: &str) -> Result<(), Problem> {
    Err(Problem::because(Code::MediaTypeUnsupported, message))
}

/// Returns whether a media type is JSON, with no charset other than UTF-8. A change is a merge
/// patch (RFC 7396) by either name.
fn is_json(value: &str) -> bool {
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| {
        [JSON, MERGE_PATCH].iter().any(|known| kind.eq_ignore_ascii_case(known))
    });
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) => {
            !name.trim().eq_ignore_ascii_case("charset")
                || charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        None => parameter.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_json_in_utf_8_is_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/merge-patch+json",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/json",
            "application/json; charset=latin1",
            "application/jsonp",
            "application/json, text/plain",
            "application/json; x",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_with_and_without_its_length() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let large = Body::from(vec![b' '; MESSAGE_BYTES_MAX + 1]);
        assert_eq!(read(&headers, large).await.unwrap_err().code, Code::MessageTooLarge);
        let fitting = Body::from(vec![b' '; MESSAGE_BYTES_MAX]);
        assert_eq!(read(&headers, fitting).await.unwrap().len(), MESSAGE_BYTES_MAX);
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("9999999999"));
        let refused = read(&headers, Body::empty()).await;
        assert_eq!(refused.unwrap_err().code, Code::MessageTooLarge);
    }

    #[tokio::test]
    async fn a_body_in_chunks_is_joined() {
        let pieces = ["{\"a\"", ":", "1}"].map(Ok::<_, std::io::Error>);
        let body = Body::from_stream(futures::stream::iter(pieces));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert_eq!(read(&headers, body).await.unwrap(), "{\"a\":1}");
    }

    #[tokio::test]
    async fn a_compressed_or_untyped_body_is_refused_and_an_absent_one_is_not() {
        let none = HeaderMap::new();
        assert!(read(&none, Body::empty()).await.unwrap().is_empty());
        let untyped = read(&none, Body::from("{}")).await;
        assert_eq!(untyped.unwrap_err().code, Code::MediaTypeUnsupported);
        let mut zipped = HeaderMap::new();
        zipped.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let refused = read(&zipped, Body::empty()).await;
        assert_eq!(refused.unwrap_err().code, Code::MediaTypeUnsupported);
    }
}
