//! Answers: pages, redirects, and problems in words.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem, hint};
use ledger_engine::{Attempt, Engine, log_fault};
use ledger_http::toolkit::{Refusal, RequestId};
use ledger_http_server::answer;
use maud::{Markup, html};

use crate::request::Frame;
use crate::view::layout::{Section, alone, framed};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// Nothing from elsewhere, nothing inline, and no other site around it.
pub(crate) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);
/// Forms of this server are to say where they come from, and nobody else is told anything.
const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

/// Returns a page.
pub(crate) fn page(status: StatusCode, page: Markup) -> Response {
    protected(answer::of_type(status, HTML, page.into_string()))
}

/// Adds the headers of everything that the console answers.
pub(crate) fn protected(response: Response) -> Response {
    let response = answer::with(response, CONTENT_SECURITY_POLICY, POLICY);
    let response = answer::with(response, REFERRER_POLICY, REFERRER);
    let response = answer::with(response, OPENER, SAME_ORIGIN);
    answer::with(response, RESOURCE, SAME_ORIGIN)
}

/// Returns an answer that sends the browser to a path of this server.
pub(crate) fn see_other(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    let response = answer::with(response, LOCATION, path);
    protected(answer::with(response, CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

/// Adds a cookie.
pub(crate) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

/// Returns the refusal of a form that no page of the session sent.
pub(crate) fn foreign_form(engine: &Engine, attempt: &Attempt) -> Refusal {
    engine.refused(Code::FormForeign, attempt);
    Refusal::Counted(Problem::new(Code::FormForeign))
}

/// Returns a problem as a page of its own, for whoever may not be signed in.
pub(crate) fn bare_problem(problem: &Problem, id: &RequestId) -> Response {
    let body = alone(title(problem.code), &described(problem, id));
    retrying(page(status(problem.code), body), problem)
}

impl Frame {
    /// Makes a refusal a page with the navigation around it. What is counted elsewhere is answered
    /// as it is.
    pub(crate) fn in_words(&self, refusal: Refusal) -> Result<Response, Refusal> {
        match refusal {
            Refusal::Worded(..) => Err(refusal),
            Refusal::Counted(problem) => Ok(self.problem(&problem)),
            Refusal::Problem(problem) => {
                let code = problem.code;
                Err(Refusal::Worded(code, Box::new(self.problem(&problem))))
            }
        }
    }

    /// Returns a problem as a page.
    pub(crate) fn problem(&self, problem: &Problem) -> Response {
        log_fault(problem);
        let body = framed(self, title(problem.code), Section::None, &described(problem, &self.id));
        retrying(page(status(problem.code), body), problem)
    }
}

fn retrying(response: Response, problem: &Problem) -> Response {
    match problem.retry_after_seconds {
        Some(seconds) => answer::with(response, RETRY_AFTER, HeaderValue::from(seconds)),
        None => response,
    }
}

/// Returns the status of a page that tells a problem.
pub(crate) fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Returns the heading of a problem.
pub(crate) fn title(code: Code) -> &'static str {
    code.summary().trim_end_matches('.')
}

/// Says what happened, and what to do.
fn described(problem: &Problem, id: &RequestId) -> Markup {
    let title = title(problem.code);
    html! {
        div.narrow {
            h1 { (title) }
            @if !problem.message.eq_ignore_ascii_case(title)
                && problem.message != problem.code.summary() {
                p { (sentence(&problem.message)) }
            }
            @if let Some(field) = &problem.field {
                p.soft { "Field: " code { (field) } }
            }
            h2 { "What to do" }
            p { (what_to_do(problem.code)) }
            dl.facts {
                div { dt { "Code" } dd { code { (problem.code) } } }
                div { dt { "Request" } dd { code { (id.as_str()) } } }
            }
            p { a.button href="/" { "Back to the overview" } }
        }
    }
}

/// Returns the remedy in words for whoever reads it on a page.
pub(crate) fn what_to_do(code: Code) -> &'static str {
    match code {
        Code::VersionConflict => "Look at what was changed, and decide again.",
        Code::ConnectionUnknown => {
            "Check the address. It may have been archived under another slug, or you may not see it."
        }
        Code::Forbidden => {
            "Ask whoever administers the ledger for the right, or sign in as \
                            somebody who has it."
        }
        code => hint(code),
    }
}

/// Returns a text with a capital at its beginning and a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    let mut sentence: String = first.into_iter().flatten().chain(chars).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("the key is wrong"), "The key is wrong.");
        assert_eq!(sentence("Wait 3 s."), "Wait 3 s.");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn a_redirect_leads_nowhere_else() {
        let answer = see_other("/connections?text=%C3%A4");
        assert_eq!(answer.headers()[LOCATION], "/connections?text=%C3%A4");
        assert_eq!(see_other("/a\nb").headers()[LOCATION], "/");
    }
}
