//! The page that a person sees when their browser comes back from a provider.
//!
//! It needs no key: what comes back was sealed by this ledger. The page is static HTML without
//! scripts, styles or links, and repeats nothing of the request.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_engine::{CallbackAnswer, ConnectedByPerson, NotConnected};
use ledger_http_server::{ClientAddress, answer};
use zeroize::Zeroizing;

use super::state::AppState;
use crate::toolkit::{Refusal, RequestId};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);
/// Seconds after which it is worth trying again what the server could not do.
const RETRY_SECONDS: u32 = 5;

/// What the page says.
struct Page {
    status: StatusCode,
    title: &'static str,
    text: Cow<'static, str>,
    to_do: &'static str,
}

/// Answers a browser that comes back from a provider.
pub(super) async fn answer(state: Arc<AppState>, request: Request) -> Result<Response, Refusal> {
    // A program that looks ahead at links must not use one up.
    if request.method() != Method::GET {
        let id = RequestId::of_request(&request);
        let refused = answer::problem(&Problem::new(Code::MethodNotAllowed), &id);
        let refused = answer::with(refused, ALLOW, HeaderValue::from_static("GET"));
        return Err(Refusal::Worded(Code::MethodNotAllowed, Box::new(refused)));
    }
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    let answer = read(request.uri().query().unwrap_or_default());
    drop(request);
    let done = state.engine.finish_connect(answer, address).await;
    Ok(respond(match &done {
        Ok(ConnectedByPerson { connection, workspace, begun_by }) => Page {
            status: StatusCode::OK,
            title: "Connected",
            text: format!(
                "The connection {connection} of the workspace {workspace} has tokens of your \
                 account now. {begun_by} asked for them."
            )
            .into(),
            to_do: "You can close this page. If you do not know who that is, take the permission \
                    back at the provider.",
        },
        Err(why) => page(why),
    }))
}

/// Reads the query. A parameter that comes twice, which no provider sends, counts as empty.
fn read(query: &str) -> CallbackAnswer {
    let mut answer = CallbackAnswer::default();
    let mut seen = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = if seen.contains(&name) { String::new() } else { value.into_owned() };
        match &*name {
            "state" => answer.state = Some(value),
            "code" => answer.code = Some(Zeroizing::new(value)),
            "error" => answer.error = Some(value),
            "iss" => answer.issuer = Some(value),
            _ => continue,
        }
        seen.push(name);
    }
    answer
}

fn page(why: &NotConnected) -> Page {
    const AGAIN: &str =
        "Ask for another link, with \u{201c}connledger connect\u{201d}, and open that.";
    const NOTHING: &str = "Nothing was changed.";
    let text = Cow::Owned(format!("{}.", capitalized(&why.to_string())));
    let (status, title, to_do) = match why {
        NotConnected::StateUnknown => (StatusCode::NOT_FOUND, "This link leads nowhere", AGAIN),
        NotConnected::Malformed => (StatusCode::BAD_REQUEST, "The answer is not complete", AGAIN),
        NotConnected::WrongIssuer => (
            StatusCode::BAD_REQUEST,
            "Somebody else answered",
            "Nothing was sent to them. Tell whoever operates the ledger: the setting \
             \u{201c}issuer\u{201d} of the connection is wrong, or somebody interfered.",
        ),
        NotConnected::Expired => (StatusCode::GONE, "Too late", AGAIN),
        NotConnected::Used => (
            StatusCode::GONE,
            "This link was used already",
            "If the connection does not work, ask for another link.",
        ),
        NotConnected::Gone => (StatusCode::GONE, "The connection is not in use", NOTHING),
        NotConnected::Denied => (
            StatusCode::FORBIDDEN,
            "Access was denied",
            "Nothing was changed. If that was a mistake, ask for another link.",
        ),
        NotConnected::NotPermitted => (
            StatusCode::FORBIDDEN,
            "No right to connect it",
            "Ask somebody who has the right to rotate its secrets for a link.",
        ),
        NotConnected::ConnectedMeanwhile => (
            StatusCode::CONFLICT,
            "It was connected meanwhile",
            "Nothing was changed by this attempt. If the wrong account is connected, ask for \
             another link.",
        ),
        NotConnected::SettingsChanged => (StatusCode::CONFLICT, "The settings were changed", AGAIN),
        NotConnected::Impossible(_) => (
            StatusCode::CONFLICT,
            "The settings do not fit",
            "Tell whoever manages the connection, and ask for another link when they have changed \
             it.",
        ),
        NotConnected::ErrorAtProvider(_) => (
            StatusCode::BAD_GATEWAY,
            "The provider reported an error",
            "Try again with another link. If it stays, the client id, the scopes or the redirect \
             address that the provider knows do not fit the connection.",
        ),
        NotConnected::Refused(_) => (
            StatusCode::BAD_GATEWAY,
            "The provider gave out no token",
            "Try again with another link. If it stays, the client id, its secret or the token \
             address of the connection do not fit.",
        ),
        NotConnected::Sealed | NotConnected::NotReady | NotConnected::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Not now",
            "Nothing is lost yet: reload this page in a moment. If that does not help, ask for \
             another link.",
        ),
        NotConnected::Failed(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong",
            "Tell whoever operates the ledger, whose log says more, and ask for another link.",
        ),
    };
    Page { status, title, text, to_do }
}

fn respond(page: Page) -> Response {
    let Page { status, title, text, to_do } = page;
    let (text, to_do) = (escaped(&text), escaped(to_do));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n<p>{to_do}</p>\n</main>\n</body>\n\
         </html>\n"
    );
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    let response = answer::of_type(status, media_type, html);
    let response = answer::with(response, CONTENT_SECURITY_POLICY, POLICY);
    let response = answer::with(response, REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return answer::with(response, RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    }
    response
}

/// Escapes text for HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => {
                write!(out, "&#{};", u32::from(char::REPLACEMENT_CHARACTER)).expect("text grows");
            }
            c => out.push(c),
        }
    }
    out
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_counts_as_neither() {
        let answer = read("state=a&code=b&state=c&x=y&iss=https%3A%2F%2Fas.example");
        assert_eq!(answer.state.as_deref(), Some(""));
        assert_eq!(answer.code.as_ref().map(|code| code.as_str()), Some("b"));
        assert_eq!(answer.issuer.as_deref(), Some("https://as.example"));
        assert!(answer.error.is_none());
    }

    #[test]
    fn text_is_escaped_and_starts_with_a_capital() {
        let text = escaped("<script>\"a\" & 'b'\u{1b}</script>");
        assert_eq!(text, "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&#65533;&lt;/script&gt;");
        assert_eq!(capitalized("the link"), "The link");
    }
}
