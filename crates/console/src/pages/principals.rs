//! Creating a principal: somebody or something that gets keys, and what it may do.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::errors::Problem;
use ledger_domain::principal::{PrincipalKind, Role, Workspaces};
use ledger_domain::{PrincipalName, WorkspaceName};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use crate::answers::{page, see_other, sentence, status};
use crate::request::PageRequest;
use crate::view::layout::{Section, framed};
use crate::view::parts::{TextField, alert, crumbs, select};
use crate::view::status::words;

/// What each role is for, in the order in which they are offered.
const ROLES: [(Role, &str); 6] = [
    (Role::Viewer, "Viewer: reads settings and health"),
    (Role::Editor, "Editor: creates, changes and rotates"),
    (Role::Rotator, "Rotator: rotates secrets"),
    (Role::Gateway, "Gateway: reads secrets in the clear"),
    (Role::Auditor, "Auditor: sees who did what"),
    (Role::Admin, "Admin: everything, principals and keys too"),
];
/// The choice of no role.
const NO_ROLE: &str = "none";

/// Shows the form.
pub(crate) async fn form(request: PageRequest) -> Result<Response, Refusal> {
    Ok(answer(&request, None))
}

/// Creates the principal, or shows what is wrong.
pub(crate) async fn create(request: PageRequest) -> Result<Response, Refusal> {
    let created = match PrincipalName::parse("principal", request.form.text("principal").trim()) {
        Ok(name) => {
            let body = body(&request);
            request.govern(Verb::CreatePrincipal, name.clone(), &body).await.map(|_| name)
        }
        Err(invalid) => Err(invalid.into()),
    };
    match created {
        // What it needs next is a key.
        Ok(name) => Ok(see_other(&format!("/access/{}/keys/new?done=created", name.as_str()))),
        Err(refusal) => {
            let problem = request.refused(Verb::CreatePrincipal, refusal)?;
            Ok(answer(&request, Some(&problem)))
        }
    }
}

fn body(request: &PageRequest) -> Value {
    let form = &request.form;
    let mut body = Map::new();
    body.insert("kind".to_owned(), form.text("kind").into());
    if let Some(text) = form.filled("display_name") {
        body.insert("display_name".to_owned(), text.into());
    }
    let role = form.text("role");
    if role != NO_ROLE {
        let mut grant = Map::from_iter([("role".to_owned(), json!(role))]);
        for name in ["workspaces", "providers"] {
            let all = form.text(name).split(',').map(str::trim).filter(|text| !text.is_empty());
            let all: Vec<_> = all.collect();
            if !all.is_empty() {
                grant.insert(name.to_owned(), json!(all));
            }
        }
        body.insert("grants".to_owned(), json!([grant]));
    }
    Value::Object(body)
}

fn answer(request: &PageRequest, problem: Option<&Problem>) -> Response {
    let body = html! {
        (crumbs(&[("/access", "Access")]))
        div.head { h1 { "New principal" } }
        @if let Some(problem) = problem { (alert(problem)) }
        @if request.frame.administers { (fields(request, problem)) }
        @else { (only_for_administrators()) }
    };
    let status = problem.map_or(StatusCode::OK, |one| status(one.code));
    page(status, framed(&request.frame, "New principal", Section::Access, &body))
}

/// Says why something about principals is not offered.
pub(super) fn only_for_administrators() -> Markup {
    html! {
        p.notice.warn {
            "You may not do this: it takes the right " code { "administer" }
            ". Ask whoever administers the ledger for it."
        }
    }
}

fn fields(request: &PageRequest, problem: Option<&Problem>) -> Markup {
    let form = &request.form;
    let wrong = |name: &str| {
        let found = problem.filter(|one| one.field.as_deref() == Some(name));
        found.map(|one| sentence(&one.message))
    };
    let text = |name, label, help, required| {
        let wrong = wrong(name);
        TextField {
            name,
            label,
            help: Some(help),
            required,
            value: form.text(name),
            wrong: wrong.as_deref(),
            ..TextField::default()
        }
        .render()
    };
    let kinds = [PrincipalKind::User, PrincipalKind::Service, PrincipalKind::Gateway];
    let kinds = kinds.map(|kind| (kind.as_str().to_owned(), words(kind.as_str())));
    let none = (NO_ROLE.to_owned(), "None yet: it opens nothing".to_owned());
    let roles = ROLES.map(|(role, text)| (role.as_str().to_owned(), text.to_owned()));
    let roles: Vec<_> = roles.into_iter().chain([none]).collect();
    let usual = own_workspaces(request);
    html! {
        form.stacked.narrow method="post" action="/access/new" autocomplete="off" {
            (request.frame.hidden())
            (text("principal", "Name", "What events call it: a-z, 0-9 and hyphens.", true))
            (text("display_name", "Display name", "What people call it.", false))
            (select("kind", "Kind", &kinds, form.text("kind")))
            fieldset {
                legend { "What it may do" }
                (select("role", "Role", &roles, form.text("role")))
                (TextField {
                    name: "workspaces", label: "Workspaces",
                    value: form.given("workspaces").unwrap_or(&usual),
                    help: Some("Separated by commas; all of them, later ones as well, if empty."),
                    wrong: wrong("workspaces").as_deref(), ..TextField::default()
                }.render())
                (text("providers", "Providers", "Only connections to these, by id and separated by commas; all if empty.", false))
            }
            div.buttons {
                button.primary type="submit" { "Create" }
                a.button href="/access" { "Cancel" }
            }
        }
    }
}

/// Returns the workspaces that the caller's rights are limited to, whom no other ones can be given.
fn own_workspaces(request: &PageRequest) -> String {
    let named = request.caller.grants().iter().find_map(|grant| match &grant.workspaces {
        Workspaces::Named(names) => Some(names),
        Workspaces::All => None,
    });
    named.into_iter().flatten().map(WorkspaceName::as_str).collect::<Vec<_>>().join(", ")
}
