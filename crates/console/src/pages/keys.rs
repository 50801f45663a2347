//! Issuing a key to a principal, and revoking one.

use axum::body::Bytes;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::access::IssuedKey;
use ledger_contract::commands::Verb;
use ledger_contract::errors::Problem;
use ledger_domain::PrincipalName;
use ledger_http::toolkit::Refusal;
use ledger_http_server::answer;
use maud::{Markup, html};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::principals::only_for_administrators;
use crate::answers::{page, protected, see_other, sentence, status};
use crate::request::PageRequest;
use crate::view::layout::{Section, framed};
use crate::view::parts::{TextField, alert, crumbs, name, select};
use crate::view::times::ago;

/// How long a key may last, as it is offered.
const ENDS: [(&str, &str); 5] = [
    ("", "As long as is usual here"),
    ("1d", "1 day"),
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("never", "Without an end"),
];

/// Returns the principal that the path names.
fn principal(request: &PageRequest) -> Result<PrincipalName, Problem> {
    let text = request.inputs.text("principal").unwrap_or_default();
    Ok(PrincipalName::parse("principal", text)?)
}

/// Shows the form for a new key.
pub(crate) async fn issue_form(request: PageRequest) -> Result<Response, Refusal> {
    let principal = principal(&request)?;
    Ok(asked(&request, &principal, None))
}

/// Issues the key and shows it, once.
pub(crate) async fn issue(request: PageRequest) -> Result<Response, Refusal> {
    let principal = principal(&request)?;
    let mut body = Map::new();
    for name in ["environment", "label", "expires_at"] {
        if let Some(text) = request.form.filled(name) {
            body.insert(name.to_owned(), text.into());
        }
    }
    let sent = request.govern(Verb::IssueKey, principal.clone(), &Value::Object(body)).await;
    match sent {
        Ok(executed) => Ok(match executed.api_key {
            Some(key) => shown(&request, &principal, &key),
            None => repeated(&request),
        }),
        Err(refusal) => {
            let problem = request.refused(Verb::IssueKey, refusal)?;
            Ok(asked(&request, &principal, Some(&problem)))
        }
    }
}

fn asked(request: &PageRequest, principal: &PrincipalName, problem: Option<&Problem>) -> Response {
    let body = html! {
        (crumbs(&[("/access", "Access")]))
        div.head { h1 { "New key for " (name(principal.as_str())) } }
        @if request.parameter("done").is_some() {
            p.notice.good role="status" data-done { "Created. It opens nothing before it has a key." }
        }
        @if let Some(problem) = problem { (alert(problem)) }
        @if request.frame.administers { (fields(request, principal, problem)) }
        @else { (only_for_administrators()) }
    };
    let status = problem.map_or(StatusCode::OK, |one| status(one.code));
    page(status, framed(&request.frame, "New key", Section::Access, &body))
}

fn fields(request: &PageRequest, principal: &PrincipalName, problem: Option<&Problem>) -> Markup {
    let wrong = problem.filter(|one| one.field.as_deref() == Some("label"));
    let wrong = wrong.map(|one| sentence(&one.message));
    let ends = ENDS.map(|(value, text)| (value.to_owned(), text.to_owned()));
    let environments = [("live", "Live"), ("test", "Test")];
    let environments = environments.map(|(value, text)| (value.to_owned(), text.to_owned()));
    html! {
        form.stacked.narrow method="post" action={ "/access/" (principal.as_str()) "/keys/new" } {
            (request.frame.hidden())
            (TextField {
                name: "label", label: "What it is for", value: request.form.text("label"),
                help: Some("So that it is known later which one to revoke."),
                wrong: wrong.as_deref(), ..TextField::default()
            }.render())
            (select("expires_at", "How long it lasts", &ends, request.form.text("expires_at")))
            (select("environment", "Environment", &environments, request.form.text("environment")))
            p.help { "The key is shown once and stored nowhere. Whoever has it may do what the principal may." }
            div.buttons {
                button.primary type="submit" { "Issue the key" }
                a.button href="/access" { "Cancel" }
            }
        }
    }
}

/// A page that is wiped when it has been sent.
struct Sent(Zeroizing<String>);

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn shown(request: &PageRequest, principal: &PrincipalName, key: &IssuedKey) -> Response {
    let body = html! {
        (crumbs(&[("/access", "Access")]))
        div.head { h1 { "Key for " (name(principal.as_str())) } }
        div.narrow {
            p.notice.good #secret-note role="status" {
                "Issued. Copy the key now: it is not shown again, and is stored nowhere."
            }
            div.value {
                p {
                    code { (key.id) }
                    @match &key.expires_at {
                        Some(end) => { " ends " (ago(end, request.now())) },
                        None => { " has no end" },
                    }
                }
                details data-secret {
                    summary { "Show" }
                    pre tabindex="0" data-copy data-copy-label="Copy the key" { (key.key) }
                }
            }
            div.buttons { a.button.primary href="/access" { "Done" } }
        }
    };
    let whole = framed(&request.frame, "New key", Section::Access, &body);
    drop(Zeroizing::new(body.into_string()));
    let html = Bytes::from_owner(Sent(Zeroizing::new(whole.into_string())));
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    let response = answer::of_type(StatusCode::OK, media_type, html);
    protected(answer::with(response, CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

/// Says that a form that was sent twice issued one key.
fn repeated(request: &PageRequest) -> Response {
    let body = html! {
        (crumbs(&[("/access", "Access")]))
        div.head { h1 { "The key was issued already" } }
        p.notice.warn role="status" {
            "This form was sent before, and the key was shown then. If nobody has it, revoke it and \
             issue another."
        }
        p.buttons { a.button.primary href="/access" { "To the keys" } }
    };
    request.page("New key", Section::Access, &body)
}

/// Asks whether a key is to be revoked, and why.
pub(crate) async fn revoke_form(request: PageRequest) -> Result<Response, Refusal> {
    let principal = principal(&request)?;
    Ok(revoking(&request, &principal, None))
}

/// Revokes a key.
pub(crate) async fn revoke(request: PageRequest) -> Result<Response, Refusal> {
    let principal = principal(&request)?;
    let key = request.inputs.text("key").unwrap_or_default();
    let mut body = json!({ "key": key });
    if let (Some(reason), Some(into)) = (request.form.filled("reason"), body.as_object_mut()) {
        into.insert("reason".to_owned(), reason.into());
    }
    match request.govern(Verb::RevokeKey, principal.clone(), &body).await {
        Ok(_) => Ok(see_other("/access?done=revoke-key")),
        Err(refusal) => {
            let problem = request.refused(Verb::RevokeKey, refusal)?;
            Ok(revoking(&request, &principal, Some(&problem)))
        }
    }
}

fn revoking(
    request: &PageRequest,
    principal: &PrincipalName,
    problem: Option<&Problem>,
) -> Response {
    let key = request.inputs.text("key").unwrap_or_default();
    let path = format!("/access/{}/keys/{key}/revoke", principal.as_str());
    let body = html! {
        (crumbs(&[("/access", "Access")]))
        div.head { h1 { "Revoke the key " code { (key) } } }
        @if let Some(problem) = problem { (alert(problem)) }
        @if request.frame.administers {
            form.stacked.narrow method="post" action=(path) {
                (request.frame.hidden())
                p {
                    "Whoever uses this key of " (name(principal.as_str())) " is refused from the next \
                     request on, and sessions that began with it end. It cannot be taken back."
                }
                (TextField {
                    name: "reason", label: "Reason", value: request.form.text("reason"),
                    help: Some("Stays in the history."), max: Some(1_024), ..TextField::default()
                }.render())
                div.buttons {
                    button.primary.danger type="submit" { "Revoke" }
                    a.button href="/access" { "Cancel" }
                }
            }
        } @else { (only_for_administrators()) }
    };
    let status = problem.map_or(StatusCode::OK, |one| status(one.code));
    page(status, framed(&request.frame, "Revoke a key", Section::Access, &body))
}
