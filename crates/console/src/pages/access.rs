//! Principals, their keys, and who may do what.

use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::queries::{
    AccessAnswer, AccessQuery, ApiKeyView, CallerView, PermissionView, PrincipalPage,
    PrincipalView, PrincipalsQuery, QueryWorkspace,
};
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_domain::principal::Scope;
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use crate::answers::sentence;
use crate::request::PageRequest;
use crate::view::layout::Section;
use crate::view::pager;
use crate::view::parts::{TextField, actor, counted, name, nothing, select, with_query};
use crate::view::status::{badge, words};
use crate::view::table::{Head, cards, cell, row};
use crate::view::times::ago;

/// What is found.
struct AccessData {
    own: CallerView,
    page: Option<PrincipalPage>,
    checked: Option<Result<AccessAnswer, String>>,
}

/// Shows the page.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let workspace = request.workspace()?;
    let administers = request.frame.administers;
    let page = PrincipalsQuery {
        cursor: request.parameter("cursor").map(str::to_owned),
        ..Default::default()
    };
    let own = request.caller.key().map(|key| key.as_str().to_owned());
    let asked = request.parameter("may").map(|what| AccessQuery {
        who: request.parameter("as").map(str::to_owned).or(own).unwrap_or_default(),
        what: what.to_owned(),
        on: request.parameter("on").map(str::to_owned),
        as_of: None,
    });
    let read = request.read(Effort::Scan, QueryWorkspace::All, move |reader| {
        let page = if administers { Some(reader.principals(&page)?) } else { None };
        Ok((reader.whoami(), page))
    });
    let (own, page) = read.await?;
    let mut checked = None;
    if let Some(query) = asked {
        let read =
            request.read(Effort::Lookup, workspace, move |reader| reader.access_check(&query));
        checked = Some(read.await.map_err(|problem| sentence(&problem.message)));
    }
    let found = AccessData { own, page, checked };
    let now = request.now();
    let body = html! {
        div.head {
            h1 { "Access" }
            @if administers { a.button.primary href="/access/new" { "New principal" } }
        }
        @if request.parameter("done") == Some("revoke-key") {
            p.notice.good role="status" data-done { "The key is revoked." }
        }
        (you(&found.own, now))
        (check(&request, found.checked.as_ref()))
        (principals(&request, found.page.as_ref(), now))
    };
    Ok(request.page("Access", Section::Access, &body))
}

fn principals(request: &PageRequest, page: Option<&PrincipalPage>, now: Micros) -> Markup {
    html! {
        section aria-labelledby="principals" {
            @match page {
                Some(page) => {
                    div.section-head {
                        h2 #principals { "Principals" }
                        span.soft { (counted(page.part.total, "principal", "principals")) }
                    }
                    ul.issues { @for one in &page.principals { (principal(one, now)) } }
                    (pager::by_cursor(&request.inputs.query, page.part.next_cursor.as_deref()))
                },
                None => {
                    h2 #principals { "Principals" }
                    (nothing("Principals and keys are shown to those who administer them."))
                },
            }
        }
    }
}

fn you(own: &CallerView, now: Micros) -> Markup {
    html! {
        section.card aria-labelledby="you" {
            h2 #you { "You" }
            p {
                "Signed in as " (actor(&own.actor))
                @if let Some(end) = &own.expires_at { ". Your credential ends " (ago(end, now)) }
                "."
                @if own.ends_soon { " " (badge("warn", "Ends soon")) }
            }
            (grants(&own.grants))
        }
    }
}

fn grants(all: &[PermissionView]) -> Markup {
    html! {
        @if all.is_empty() { p.soft { "No rights." } }
        ul.rows {
            @for grant in all {
                li {
                    span.chips.still {
                        @for scope in &grant.scopes { code { (scope) } }
                    }
                    span.soft {
                        @match &grant.workspaces {
                            None => { "in all workspaces" },
                            Some(names) => { "in " (name(&joined(names.iter()))) },
                        }
                        @if !grant.providers.is_empty() { ", providers " (name(&joined(grant.providers.iter()))) }
                        @for (key, value) in &grant.labels { ", " (name(key)) "=" (name(value)) }
                    }
                }
            }
        }
    }
}

fn joined<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Asks who may do what.
fn check(request: &PageRequest, checked: Option<&Result<AccessAnswer, String>>) -> Markup {
    let given = |name: &str| request.parameter(name).unwrap_or_default().to_owned();
    let scopes = Scope::ALL.iter().map(|scope| scope.as_str());
    let verbs = Verb::ALL.iter().filter(|verb| !verb.spec().requires.is_empty());
    let deeds = scopes.chain(verbs.map(|verb| verb.as_str()));
    let deeds: Vec<_> = deeds.map(|word| (word.to_owned(), words(word))).collect();
    let text = |name, label, value: &str| {
        TextField { name, label, value, ..TextField::default() }.render()
    };
    html! {
        section.card aria-labelledby="check" {
            h2 #check { "Who may do what" }
            form.filters method="get" action="/access" data-sparse {
                div.row {
                    (text("as", "Principal or key, or you", &given("as")))
                    (select("may", "May", &deeds, &given("may")))
                    (text("on", "Connection, or all", &given("on")))
                    (text("workspace", "Workspace, or all", &given("workspace")))
                    button type="submit" { "Check" }
                }
            }
            @match checked {
                None => {},
                Some(Err(text)) => p.notice.bad role="status" { (text) },
                Some(Ok(answer)) => div.notice role="status" {
                    p {
                        @if answer.allowed { (badge("good", "Yes")) } @else { (badge("bad", "No")) }
                        " " (sentence(&answer.because))
                    }
                    @for condition in &answer.conditions {
                        p.soft {
                            "Also takes " code { (condition.scope) } " " (condition.when) ": "
                            @if condition.allowed { "yes" } @else { "no" } "."
                        }
                    }
                },
            }
        }
    }
}

fn principal(one: &PrincipalView, now: Micros) -> Markup {
    html! {
        li.issue id={ "p-" (one.principal) } {
            div.issue-head {
                h3 { (name(one.display_name.as_deref().unwrap_or(&one.principal))) }
                code.soft { (one.kind) ":" (one.principal) }
                @if !one.enabled { (badge("off", "Disabled")) }
                a href=(with_query("/history", &[("actor", &format!("{}:{}", one.kind, one.principal))])) {
                    "What it did"
                }
                @if one.enabled {
                    a href={ "/access/" (one.principal) "/keys/new" } {
                        "New key" span.hidden { " for " (one.principal) }
                    }
                }
            }
            (grants(&one.grants))
            @if one.keys.is_empty() { p.soft { "No keys." } }
            @else {
                (cards(&["Key", "Issued", "Last used", "Ends", "State"].map(Head::Text), &html! {
                    @for key in &one.keys {
                        (row(Some(&format!("k-{}", key.id)), &key_cells(one, key, now)))
                    }
                }))
            }
        }
    }
}

fn key_cells(one: &PrincipalView, key: &ApiKeyView, now: Micros) -> Markup {
    let time = |at: Option<&String>| {
        html! {
            @match at {
                Some(at) => (ago(at, now)),
                None => span.soft { "Never" },
            }
        }
    };
    html! {
        (cell("Key", &html! {
            code { (key.prefix) }
            @if let Some(label) = &key.label { div.soft { (name(label)) } }
        }))
        (cell("Issued", &html! {
            (ago(&key.issued_at, now)) div.soft.by { "by " (actor(&key.issued_by)) }
        }))
        (cell("Last used", &time(key.last_used_at.as_ref())))
        (cell("Ends", &time(key.expires_at.as_ref())))
        (cell("State", &state(one, key, now)))
    }
}

/// Returns whether a key is valid, and the way to revoke it.
fn state(one: &PrincipalView, key: &ApiKeyView, now: Micros) -> Markup {
    let end = key.expires_at.as_deref().and_then(|end| time::parse("end", end).ok());
    html! {
        @match &key.revoked_at {
            Some(at) => {
                (badge("off", "Revoked")) " " (ago(at, now))
                @if let Some(reason) = &key.revoked_reason { div.soft { (name(reason)) } }
            },
            None if end.is_some_and(|end| end <= now) => (badge("off", "Expired")),
            None => {
                @if key.ends_soon { (badge("warn", "Ends soon")) } @else { (badge("good", "Valid")) }
                " " a href={ "/access/" (one.principal) "/keys/" (key.id) "/revoke" } {
                    "Revoke" span.hidden { " the key " (key.id) }
                }
            },
        }
    }
}
