//! What is done with a form of few fields: archiving, marking, sharing and the like.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::{CheckedText as _, Connection};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::connection::{may, not_offered};
use crate::answers::{page, sentence, status};
use crate::request::PageRequest;
use crate::view::layout::{Section, framed};
use crate::view::parts::{TextField, alert, crumbs, name_of, path_of, select, tick};

/// A field of such a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// A text that may be left out.
    Text(&'static str, &'static str, &'static str),
    /// A text that must be given.
    Must(&'static str, &'static str, &'static str),
    /// A number that must be given.
    Number(&'static str, &'static str, &'static str),
    /// A box to tick.
    Tick(&'static str, &'static str, &'static str),
    /// The slug of the connection, typed by hand.
    Typed,
}

/// A form of few fields, and the command that it sends.
#[derive(Clone, Copy, Debug)]
struct Deed {
    verb: Verb,
    title: &'static str,
    about: &'static str,
    inputs: &'static [Input],
    danger: bool,
}

const REASON: Input = Input::Text("reason", "Reason", "Stays in the history.");
const FORCE: Input =
    Input::Tick("force", "Even if something depends on it", "See \u{201c}Used by\u{201d}.");
const DETACH: Input = Input::Tick(
    "detach_secrets",
    "Remove secrets that would be sent elsewhere",
    "For whoever may not reveal them: a change of the address, for example, would send them there.",
);
const GRANT_TO: Input = Input::Must("grant_to", "Workspace", "Its name, or * for all.");

const fn deed(
    verb: Verb,
    title: &'static str,
    about: &'static str,
    inputs: &'static [Input],
) -> Deed {
    Deed { verb, title, about, inputs, danger: false }
}

const DEEDS: [Deed; 18] = [
    deed(
        Verb::TestConnection,
        "Test",
        "The server sends the request that the catalogue has for the provider, with the settings \
         and secrets of the connection, and records what it found out. No secret goes anywhere \
         else.",
        &[],
    ),
    deed(
        Verb::MarkOperational,
        "Report that it works",
        "Whoever follows the connection is told.",
        &[],
    ),
    deed(
        Verb::MarkDegraded,
        "Report that it is degraded",
        "For a failure that passes by itself, such as a rate limit.",
        &[REASON],
    ),
    deed(
        Verb::MarkFailed,
        "Report that it does not work",
        "For a failure that somebody has to mend.",
        &[REASON],
    ),
    deed(Verb::Enable, "Enable", "Gateways may use it again.", &[]),
    deed(Verb::Disable, "Disable", "Gateways may not use it until it is enabled again.", &[REASON]),
    deed(
        Verb::Archive,
        "Archive",
        "It is taken out of use and can be restored. Its slug becomes free.",
        &[REASON, FORCE],
    ),
    deed(
        Verb::Restore,
        "Restore",
        "It comes back with its settings, secrets and access.",
        &[Input::Text("slug", "New slug", "In case the old one is taken.")],
    ),
    Deed {
        danger: true,
        ..deed(
            Verb::Erase,
            "Erase",
            "Everything that it ever said is destroyed with its key, and cannot come back. That it \
             existed, and who changed it when, stays in the history.",
            &[Input::Must("reason", "Reason", "Stays in the history."), FORCE, Input::Typed],
        )
    },
    deed(
        Verb::Revert,
        "Go back to an earlier version",
        "Settings and secrets of that version come into use again. What was changed since is undone.",
        &[Input::Number("to_version", "Version", "Compare versions to see what differs."), DETACH],
    ),
    deed(
        Verb::GrantWorkspace,
        "Share with a workspace",
        "Whoever may read or reveal there may then do so with this connection.",
        &[GRANT_TO],
    ),
    deed(
        Verb::RevokeWorkspace,
        "Stop sharing",
        "The workspace may not use it any more.",
        &[GRANT_TO],
    ),
    deed(
        Verb::RetireFormer,
        "Retire the former secret",
        "Whoever still uses it fails until they fetch the new one.",
        &[Input::Text("at", "When", "A span of time like 2h, or a time; at once if empty.")],
    ),
    deed(
        Verb::CancelRotation,
        "Go back to the former secret",
        "The former secret is the current one again, and the new one is retired.",
        &[],
    ),
    deed(
        Verb::RemoveConsumer,
        "Forget a consumer",
        "No rotation waits for it any more.",
        &[Input::Must("consumer", "Consumer", "Its name.")],
    ),
    deed(
        Verb::RevokeLeases,
        "Revoke leases",
        "Whoever holds secrets under a lease cannot read them again, and gateways are told.",
        &[Input::Text("holder", "Holder", "Only those of this holder, as events name it."), REASON],
    ),
    deed(
        Verb::UnlinkDependent,
        "Unlink a dependent",
        "It no longer counts as something that uses the connection.",
        &[
            Input::Must("kind", "Kind", "Such as tool or gateway."),
            Input::Must("id", "Id", "In its own system."),
        ],
    ),
    deed(Verb::RefreshToken, "Get a new token", "The token service is asked at once.", &[]),
];

fn find(request: &PageRequest) -> Result<Deed, Problem> {
    let name = request.inputs.text("verb").unwrap_or_default();
    let found = DEEDS.into_iter().find(|deed| deed.verb.as_str() == name);
    found.ok_or_else(|| Problem::new(Code::RouteUnknown))
}

/// Shows the form. Values may come with the address, from a link that leads here.
pub(crate) async fn form(request: PageRequest) -> Result<Response, Refusal> {
    let deed = find(&request)?;
    let connection = request.connection().await?;
    Ok(asked(&request, deed, &connection, None))
}

/// Does it, or shows what is wrong.
pub(crate) async fn act(request: PageRequest) -> Result<Response, Refusal> {
    let deed = find(&request)?;
    let mut body = Map::new();
    for input in deed.inputs {
        match input {
            Input::Text(name, ..) | Input::Must(name, ..) => {
                if let Some(text) = request.form.filled(name) {
                    body.insert((*name).to_owned(), text.into());
                }
            }
            Input::Number(name, ..) => {
                let text = request.form.text(name).trim();
                let number =
                    text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
                body.insert((*name).to_owned(), number);
            }
            Input::Tick(name, ..) => {
                drop(body.insert((*name).to_owned(), request.form.is_set(name).into()));
            }
            Input::Typed => {
                let now = request.connection().await?;
                if request.form.text("typed").trim() != now.slug.text() {
                    let problem =
                        ledger_domain::InvalidField::new("typed", "must be the slug, exactly");
                    return Ok(asked(&request, deed, &now, Some(&problem.into())));
                }
            }
        }
    }
    match request.change(deed.verb, &Value::Object(body)).await {
        Ok(_) => Ok(request.done(deed.verb)?),
        Err(refusal) => {
            let problem = request.refused(deed.verb, refusal)?;
            let now = request.connection().await?;
            Ok(asked(&request, deed, &now, Some(&problem)))
        }
    }
}

fn asked(
    request: &PageRequest,
    deed: Deed,
    connection: &Connection,
    problem: Option<&Problem>,
) -> Response {
    let path = path_of(connection.workspace.as_str(), &connection.id.to_string());
    let title = format!("{}: {}", deed.title, name_of(connection));
    let is_health =
        [Verb::MarkOperational, Verb::MarkDegraded, Verb::MarkFailed].contains(&deed.verb);
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &name_of(connection))]))
        div.head { h1 { (deed.title) } }
        @if is_health { (health_tabs(deed.verb, &path)) }
        @if let Some(problem) = problem {
            (alert(problem))
        }
        @if may(request, deed.verb, connection) {
            (form_of(request, deed, connection, &path, problem))
        } @else { (not_offered(request, deed.verb)) }
    };
    let status = problem.map_or(StatusCode::OK, |one| status(one.code));
    page(status, framed(&request.frame, &title, Section::Connections, &body))
}

fn form_of(
    request: &PageRequest,
    deed: Deed,
    connection: &Connection,
    path: &str,
    problem: Option<&Problem>,
) -> Markup {
    let is_versioned = deed.verb != Verb::Erase && deed.verb != Verb::TestConnection;
    html! {
        form.stacked.narrow method="post" action={ (path) "/do/" (deed.verb.as_str()) } {
            (request.frame.hidden())
            @if is_versioned {
                input type="hidden" name="version" value=(connection.version.get());
            }
            p { (deed.about) }
            @for input in deed.inputs { (field(request, *input, connection, problem)) }
            div.buttons {
                button.primary.danger[deed.danger] type="submit" { (deed.title) }
                a.button href=(path) { "Cancel" }
            }
        }
    }
}

fn health_tabs(current: Verb, path: &str) -> Markup {
    let all = [
        (Verb::MarkOperational, "It works"),
        (Verb::MarkDegraded, "It is degraded"),
        (Verb::MarkFailed, "It does not work"),
    ];
    html! {
        nav.tabs aria-label="Health" {
            @for (verb, text) in all {
                a href={ (path) "/do/" (verb.as_str()) }
                    aria-current=[(verb == current).then_some("page")] { (text) }
            }
        }
    }
}

fn field(
    request: &PageRequest,
    input: Input,
    connection: &Connection,
    problem: Option<&Problem>,
) -> Markup {
    let given = |name: &str| {
        request.form.given(name).or_else(|| request.parameter(name)).unwrap_or_default().to_owned()
    };
    let wrong = |name: &str| {
        let found = problem.filter(|one| one.field.as_deref() == Some(name));
        found.map(|one| sentence(&one.message))
    };
    let text = |name, label, help, required| {
        let (value, wrong) = (given(name), wrong(name));
        TextField {
            name,
            label,
            help: Some(help),
            value: &value,
            required,
            wrong: wrong.as_deref(),
            ..TextField::default()
        }
        .render()
    };
    match input {
        Input::Text(name, label, help) => text(name, label, help, false),
        Input::Must(name, label, help) => text(name, label, help, true),
        Input::Number(name, label, help) => {
            let newest = connection.version.get();
            let oldest = newest.saturating_sub(100).max(1);
            let earlier = (oldest..newest).rev();
            let choices: Vec<_> =
                earlier.map(|number| (number.to_string(), format!("Version {number}"))).collect();
            let chosen = given(name);
            let shown = choices.iter().any(|(value, _)| *value == chosen) || chosen.is_empty();
            if shown {
                html! { (select(name, label, &choices, &chosen)) p.help { (help) } }
            } else {
                text(name, label, help, true)
            }
        }
        Input::Tick(name, label, help) => tick(name, label, request.form.is_set(name), Some(help)),
        Input::Typed => {
            let label = format!("Type {} to confirm", connection.slug.text());
            let wrong = wrong("typed");
            TextField {
                name: "typed",
                label: &label,
                required: true,
                wrong: wrong.as_deref(),
                ..TextField::default()
            }
            .render()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_sends_what_its_command_takes() {
        for deed in DEEDS {
            let schema = ledger_contract::schemas::http_body_schema(deed.verb);
            for input in deed.inputs {
                let (Input::Text(name, ..)
                | Input::Must(name, ..)
                | Input::Number(name, ..)
                | Input::Tick(name, ..)) = input
                else {
                    continue;
                };
                let known = schema["properties"].get(*name).is_some();
                assert!(known, "{}: {name}", deed.verb.as_str());
            }
        }
    }
}
