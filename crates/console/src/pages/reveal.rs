//! Revealing secrets: a reason is asked for, and the values are shown once.

use axum::body::Bytes;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::errors::Problem;
use ledger_domain::{CheckedText as _, Connection, InvalidField};
use ledger_engine::{Revealed, SecretsAnswer};
use ledger_http::toolkit::Refusal;
use ledger_http_server::answer;
use maud::{Markup, html};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::connection::{may, not_offered};
use crate::answers::{page, protected, sentence, status};
use crate::request::PageRequest;
use crate::view::layout::{Section, framed};
use crate::view::parts::{TextField, alert, crumbs, name_of, nothing, path_of, select};

const REFRESH: HeaderName = HeaderName::from_static("refresh");
/// Seconds after which the page gives way to that of the connection, also without the script.
const SHOWN_SECONDS: u32 = 60;

/// Shows the form.
pub(crate) async fn form(request: PageRequest) -> Result<Response, Refusal> {
    let connection = request.connection().await?;
    Ok(asked(&request, &connection, None))
}

/// Reveals, or shows what is wrong. The event is durable before a value is opened.
pub(crate) async fn reveal(request: PageRequest) -> Result<Response, Refusal> {
    let connection = request.connection().await?;
    let fields: Vec<_> = request.form.all("field").map(Value::from).collect();
    // A command that names no field would reveal all.
    if fields.is_empty() {
        let problem = Problem::from(InvalidField::new("field", "choose one at least"));
        return Ok(asked(&request, &connection, Some(&problem)));
    }
    let generation = request.form.filled("generation").unwrap_or("current");
    let body = json!({
        "fields": fields, "reason": request.form.text("reason"), "generation": generation,
    });
    match request.reveal(&body).await {
        Ok(SecretsAnswer::Revealed(revealed)) => Ok(shown(&request, &connection, revealed)),
        Ok(SecretsAnswer::Leased(..)) => unreachable!("a reveal is no lease"),
        Err(refusal) => {
            let problem = request.refused(Verb::RevealSecret, refusal)?;
            Ok(asked(&request, &connection, Some(&problem)))
        }
    }
}

fn asked(request: &PageRequest, connection: &Connection, problem: Option<&Problem>) -> Response {
    let path = path_of(connection.workspace.as_str(), &connection.id.to_string());
    let wrong = problem.filter(|one| one.field.as_deref() == Some("reason"));
    let wrong = wrong.map(|one| sentence(&one.message));
    let has_former = connection.secrets.values().any(|secret| secret.former.is_some());
    let generations = [("current", "The current one"), ("former", "The one before")];
    let generations = generations.map(|(value, text)| (value.to_owned(), text.to_owned()));
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &name_of(connection))]))
        div.head { h1 { "Reveal secrets" } }
        @if let Some(problem) = problem {
            (alert(problem))
        }
        @if !may(request, Verb::RevealSecret, connection) {
            (not_offered(request, Verb::RevealSecret))
        } @else if connection.secrets.is_empty() { (nothing("It has no secret.")) }
        @else {
            form.stacked.narrow method="post" action={ (path) "/reveal" } {
                (request.frame.hidden())
                p { "It is recorded that you saw the values, and why. They are shown once, for a minute." }
                fieldset.boxes {
                    legend { "Fields" }
                    @for field in connection.secrets.keys() {
                        label {
                            input type="checkbox" name="field" value=(field.text()) checked;
                            code { (field.text()) }
                        }
                    }
                }
                @if has_former {
                    (select("generation", "Value", &generations, request.form.text("generation")))
                }
                (TextField {
                    name: "reason", label: "Reason", required: true, max: Some(1_024),
                    value: request.form.text("reason"), help: Some("Who audits reads it."),
                    wrong: wrong.as_deref(), autofocus: problem.is_none(), ..TextField::default()
                }.render())
                div.buttons {
                    button.primary type="submit" { "Reveal" }
                    a.button href=(path) { "Cancel" }
                }
            }
        }
    };
    let status = problem.map_or(StatusCode::OK, |one| status(one.code));
    page(status, framed(&request.frame, "Reveal secrets", Section::Connections, &body))
}

/// A page that keeps the right to have its values in memory until it has been sent.
struct Sent {
    html: Zeroizing<String>,
    _kept: Revealed,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.html.as_bytes()
    }
}

fn shown(request: &PageRequest, connection: &Connection, revealed: Revealed) -> Response {
    let path = path_of(connection.workspace.as_str(), &connection.id.to_string());
    let body = values(connection, &revealed, &path);
    let whole = framed(&request.frame, "Revealed secrets", Section::Connections, &body);
    let html = Zeroizing::new(whole.into_string());
    let body = Bytes::from_owner(Sent { html, _kept: revealed });
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    let response = answer::of_type(StatusCode::OK, media_type, body);
    let response = answer::with(response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let later = HeaderValue::from_str(&format!("{SHOWN_SECONDS}; url={path}"));
    protected(match later {
        Ok(later) => answer::with(response, REFRESH, later),
        Err(_) => response,
    })
}

fn values(connection: &Connection, revealed: &Revealed, path: &str) -> Markup {
    html! {
        (crumbs(&[("/connections", "Connections"), (path, &name_of(connection))]))
        div.head { h1 { "Revealed secrets" } }
        div.narrow {
            p #secret-note role="status" {
                "Copy them without looking, or open them. This page goes away in a minute."
            }
            @for (field, secret) in &revealed.secrets {
                div.value {
                    p { code { (field) } " " span.soft { "v" (secret.generation) } }
                    details data-secret {
                        summary { "Show" }
                        pre tabindex="0" data-copy data-copy-label={ "Copy " (field) } { (secret.value) }
                    }
                }
            }
            div.buttons { a.button.primary href=(path) { "Done" } }
        }
    }
}
