//! Rotating secrets, with or without an overlap.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::errors::Problem;
use ledger_contract::queries::{QueryWorkspace, RotationQuery, RotationView};
use ledger_domain::{CheckedText as _, Connection};
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use ledger_providers::FieldType;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::connection::{may, not_offered};
use super::create::in_form;
use super::fields::{self, SECRET, Wrong};
use crate::answers::{page, sentence, status};
use crate::request::PageRequest;
use crate::view::layout::{Section, framed};
use crate::view::parts::{TextField, alert, crumbs, name_of, nothing, path_of, tick};

/// What becomes of the former secret.
const OVERLAPS: [(&str, &str, &str); 4] = [
    (
        "confirmed",
        "Keep it until every consumer has confirmed the new one",
        "Consumers change over one by one, and you see who has not yet. At the latest, it ends after 14 days.",
    ),
    ("span", "Keep it for a while", "Both secrets are given out until then."),
    ("none", "Retire it at once", "Whoever uses it fails until they fetch the new one."),
    (
        "compromised",
        "It is known to others",
        "It is retired at once, gateways are told to drop it, and it never comes back.",
    ),
];

/// Shows the form.
pub(crate) async fn form(request: PageRequest) -> Result<Response, Refusal> {
    let (connection, rotation) = find(&request).await?;
    Ok(answer(&request, &connection, &rotation, &Wrong::new(), None))
}

async fn find(request: &PageRequest) -> Result<(Connection, RotationView), Refusal> {
    let (workspace, target) = request.place()?;
    let place = QueryWorkspace::Named(workspace);
    let read = request.read(Effort::Lookup, place, move |reader| {
        let connection = reader.connection(&target)?;
        let query = RotationQuery { connection: connection.id.to_string() };
        let rotation = reader.rotation(&query)?;
        Ok((connection, rotation))
    });
    Ok(read.await?)
}

/// Rotates, or shows what is wrong.
pub(crate) async fn rotate(request: PageRequest) -> Result<Response, Refusal> {
    let mut body = Map::new();
    let secrets = fields::secrets(&request.form);
    let mut wrong = Wrong::new();
    if secrets.is_empty() {
        wrong.insert("secrets".to_owned(), "Fill in at least one new value.".to_owned());
    }
    body.insert("secrets".to_owned(), secrets.into());
    body.insert("check".to_owned(), json!(request.form.is_set("check")));
    match request.form.text("overlap") {
        "confirmed" => drop(body.insert("keep_former_until_confirmed".to_owned(), json!(true))),
        "span" => {
            let until = request.form.filled("keep_former_until").unwrap_or("24h");
            body.insert("keep_former_until".to_owned(), json!(until));
        }
        "compromised" => drop(body.insert("compromised".to_owned(), json!(true))),
        _ => {}
    }
    let mut problem = None;
    if wrong.is_empty() {
        match request.change(Verb::RotateSecret, &Value::Object(body)).await {
            Ok(_) => return Ok(request.done(Verb::RotateSecret)?),
            Err(refusal) => {
                let refused = request.refused(Verb::RotateSecret, refusal)?;
                if let Some(field) = &refused.field {
                    wrong.insert(in_form(field), sentence(&refused.message));
                }
                problem = Some(refused);
            }
        }
    }
    let (connection, rotation) = find(&request).await?;
    Ok(answer(&request, &connection, &rotation, &wrong, problem.as_ref()))
}

fn answer(
    request: &PageRequest,
    connection: &Connection,
    rotation: &RotationView,
    wrong: &Wrong,
    problem: Option<&Problem>,
) -> Response {
    let path = path_of(connection.workspace.as_str(), &connection.id.to_string());
    let title = format!("Rotate secrets of {}", name_of(connection));
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &name_of(connection))]))
        div.head { h1 { "Rotate secrets" } }
        @if let Some(problem) = problem {
            (alert(problem))
        } @else if let Some(text) = wrong.get("secrets") {
            p.notice.bad role="alert" { (text) }
        }
        @if !may(request, Verb::RotateSecret, connection) {
            (not_offered(request, Verb::RotateSecret))
        } @else if connection.secrets.is_empty() {
            (nothing("It has no secret. Add one by editing it."))
        } @else {
            form.stacked.narrow method="post" action={ (path) "/rotate" } autocomplete="off" {
                (request.frame.hidden())
                input type="hidden" name="version" value=(connection.version.get());
                (values(request, connection, wrong))
                (overlap(request, rotation, wrong))
                (tick("check", "Test the new values first", request.form.is_set("check"),
                    Some("Nothing is changed unless the provider accepts them.")))
                div.buttons {
                    button.primary type="submit" { "Rotate" }
                    a.button href=(path) { "Cancel" }
                }
            }
        }
    };
    let usual = if wrong.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let status = problem.map_or(usual, |one| status(one.code));
    page(status, framed(&request.frame, &title, Section::Connections, &body))
}

fn values(request: &PageRequest, connection: &Connection, wrong: &Wrong) -> Markup {
    let provider = request.catalogue().find(connection.details.provider.as_str());
    html! {
        fieldset {
            legend { "New values" }
            p.help { "Those that stay empty are left as they are." }
            @for (field, secret) in &connection.secrets {
                @let known = provider.and_then(|provider| provider.field(field.text()));
                @let name = format!("{SECRET}{}", field.text());
                @let kind = known.map_or(FieldType::String, |known| known.r#type);
                @let label = format!(
                    "{} (now v{})", known.map_or(field.text(), |known| known.title()),
                    secret.generation.get(),
                );
                (TextField {
                    name: &name, label: &label, secret: true,
                    help: known.and_then(|known| known.help.as_deref()),
                    lines: fields::has_lines(field.text(), kind),
                    wrong: wrong.get(&name).map(String::as_str), ..TextField::default()
                }.render())
            }
        }
    }
}

fn overlap(request: &PageRequest, rotation: &RotationView, wrong: &Wrong) -> Markup {
    let known = rotation.consumers.values().filter(|consumer| !consumer.gone).count();
    let usual = if known > 0 { "confirmed" } else { "span" };
    let chosen =
        Some(request.form.text("overlap")).filter(|text| !text.is_empty()).unwrap_or(usual);
    let until = Some(request.form.text("keep_former_until")).filter(|text| !text.is_empty());
    html! {
        fieldset {
            legend { "The former secret" }
            p.help {
                @match known {
                    0 => { "No consumer has registered, so nobody would confirm." },
                    1 => { "1 consumer uses it." },
                    many => { (many) " consumers use it." },
                }
            }
            @for (value, label, help) in OVERLAPS {
                div.field.tick {
                    input type="radio" id={ "overlap-" (value) } name="overlap" value=(value)
                        checked[value == chosen] aria-describedby={ "overlap-" (value) "-help" };
                    label for={ "overlap-" (value) } { (label) }
                    p.help id={ "overlap-" (value) "-help" } { (help) }
                }
            }
            (TextField {
                name: "keep_former_until", label: "How long",
                value: until.unwrap_or("24h"),
                help: Some("For \u{201c}keep it for a while\u{201d}: a span like 36h or 7d, or a time; at most 90 days."),
                wrong: wrong.get("keep_former_until").map(String::as_str), ..TextField::default()
            }.render())
        }
    }
}
