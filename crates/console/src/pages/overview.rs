//! What needs attention: which connections are broken, since when and why, who changed them, who
//! still uses former secrets, and which secrets are to be rotated.

use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::queries::why::{Remedy, RemedyCode};
use ledger_contract::queries::{
    HistoryQuery, ListQuery, QueryWorkspace, RotationQuery, RotationView, WhyQuery, WhyView,
};
use ledger_contract::view::ConnectionView;
use ledger_domain::principal::Scope;
use ledger_domain::{Connection, Micros, SecretAges};
use ledger_engine::{Effort, ListOptions, QueryError, Reader};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::connection::may;
use super::connections::provider;
use super::history::names_of;
use crate::request::PageRequest;
use crate::view::event::{self, EventRecord, Names, Timeline};
use crate::view::layout::{Live, Section, live};
use crate::view::parts::{
    actor, counted, name, name_of, nothing, path_of, path_of_view, thousands, title_of, with_query,
};
use crate::view::status::{health, secret_age};
use crate::view::times::{ago, ago_of};

/// Broken connections that are explained; the list has the others.
const BROKEN_MAX: usize = 8;
/// Rotations under way that are shown.
const ROTATING_MAX: usize = 8;
/// Secrets that are to be rotated, and events, that are shown.
const ROWS_MAX: usize = 8;

const STATES: [&str; 4] = ["failed", "degraded", "operational", "unknown"];

/// What the read gives.
struct OverviewData {
    counts: Vec<(&'static str, u64)>,
    broken: Vec<(WhyView, Connection)>,
    rotating: Vec<(Connection, RotationView)>,
    to_rotate: Vec<(Connection, SecretAges)>,
    to_rotate_total: u64,
    latest: Option<(Vec<EventRecord>, Names)>,
    live: Live,
}

/// Shows the page.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let may = request.may(Scope::Read, &QueryWorkspace::All);
    let audits = request.may(Scope::Audit, &QueryWorkspace::All);
    let found =
        request.read(Effort::Scan, QueryWorkspace::All, move |reader| find(reader, may, audits));
    let (found, now) = (found.await?, request.now());
    let proves = request.frame.proves();
    let body = html! {
        div.head { h1 { "Overview" } (new_connection(&request)) }
        (live(&found.live, &html! {
            (tiles(&found.counts))
            (broken(&request, &found, now))
            (rotating(&found.rotating, now))
            (to_rotate(&found.to_rotate, found.to_rotate_total, now))
            @if let Some((events, names)) = &found.latest {
                section aria-labelledby="latest" {
                    div.section-head {
                        h2 #latest { "Latest changes" }
                        a href="/history" { "Whole history" }
                    }
                    (Timeline { names: Some(names), now, proves }.render(events))
                }
            }
        }))
    };
    Ok(request.page("Overview", Section::Overview, &body))
}

fn find(reader: &Reader<'_>, may: bool, audits: bool) -> Result<OverviewData, QueryError> {
    let after = reader.list(&ListOptions::default())?.end;
    let of_state =
        |state: &str| ListQuery { health: vec![state.to_owned()], ..ListQuery::default() };
    let mut counts = Vec::new();
    let mut broken = Vec::new();
    for state in STATES {
        let is_broken = ["failed", "degraded"].contains(&state);
        let take = if is_broken { BROKEN_MAX.saturating_sub(broken.len()) } else { 0 };
        let query =
            ListQuery { sort: Some("updated".to_owned()), descending: true, ..of_state(state) };
        let found = reader.list(&ListOptions { query, take, ..ListOptions::default() })?;
        counts.push((state, found.total));
        for connection in found.rows {
            let why = reader.why(&WhyQuery { connection: connection.id.to_string() })?;
            broken.push((why, connection));
        }
    }
    let mut rotating = Vec::new();
    for connection in reader.rotating(ROTATING_MAX)? {
        let query = RotationQuery { connection: connection.id.to_string() };
        let view = reader.rotation(&query)?;
        rotating.push((connection, view));
    }
    let due = ["due", "overdue"].map(str::to_owned).to_vec();
    let query = ListQuery { secret_age: due, ..ListQuery::default() };
    let due = reader.list(&ListOptions { query, take: ROWS_MAX, ..ListOptions::default() })?;
    let latest = if audits {
        let size = u32::try_from(ROWS_MAX).ok();
        let page = reader.history(&HistoryQuery { page_size: size, ..HistoryQuery::default() })?;
        let events = EventRecord::all(&page);
        let names = names_of(reader, &events);
        Some((events, names))
    } else {
        None
    };
    Ok(OverviewData {
        counts,
        broken,
        rotating,
        to_rotate: due.rows.into_iter().zip(due.ages).collect(),
        to_rotate_total: due.total,
        latest,
        live: Live::of(may, None, after),
    })
}

fn tiles(counts: &[(&'static str, u64)]) -> Markup {
    html! {
        ul.tiles aria-label="Connections by health" {
            @for (state, count) in counts {
                li {
                    a href=(with_query("/connections", &[("health", state)])) {
                        span.figure { (thousands(*count)) }
                        (health(state))
                    }
                }
            }
        }
    }
}

/// Returns the way to a new connection, for whoever may create one somewhere.
pub(super) fn new_connection(request: &PageRequest) -> Markup {
    html! { @if request.frame.creates { a.button.primary href="/new" { "New connection" } } }
}

fn broken(request: &PageRequest, found: &OverviewData, now: Micros) -> Markup {
    let total: u64 = found.counts.iter().take(2).map(|(_, count)| count).sum();
    let shown = u64::try_from(found.broken.len()).unwrap_or(u64::MAX);
    html! {
        section aria-labelledby="broken" {
            h2 #broken { "Broken connections" }
            @if found.broken.is_empty() {
                (nothing("Nothing is broken: no connection is reported failed or degraded."))
            }
            ul.issues {
                @for (why, connection) in &found.broken {
                    li id={ "w-" (why.connection) } class={ "issue " (why.health.state) } {
                        (issue(request, why, connection, now))
                    }
                }
            }
            @if total > shown {
                p {
                    a href="/connections?health=failed&health=degraded" {
                        "All " (counted(total, "broken connection", "broken connections"))
                    }
                }
            }
        }
    }
}

fn issue(request: &PageRequest, why: &WhyView, connection: &Connection, now: Micros) -> Markup {
    let of = connection.details.provider.as_str();
    let path = path_of(&why.workspace, &why.connection);
    html! {
        div.issue-head {
            (health(&why.health.state))
            h3 { a href=(path) { (name(&name_of(connection))) } }
            span.soft { (provider(of, request.catalogue())) " \u{b7} " (why.workspace) }
        }
        @if let Some(reason) = &why.health.reason { p.reason { (name(reason)) } }
        p.facts-line {
            span { "Since " (ago(&why.health.since, now)) }
            @if let Some(change) = &why.change_before {
                span {
                    "Last change before: " (event::title(&change.r#type).to_lowercase())
                    " by " (actor(&change.actor)) ", " (ago(&change.recorded_at, now))
                }
            }
            @if why.dependents_total > 0 {
                span { (counted(why.dependents_total, "dependent", "dependents")) }
            }
        }
        (remedy(request, &why.what_to_do, connection, &path))
    }
}

/// Returns what to do about a connection, as a link to where it is done, for whoever may do it.
pub(crate) fn remedy(
    request: &PageRequest,
    what: &Remedy,
    connection: &Connection,
    path: &str,
) -> Markup {
    let verb = match what.code {
        RemedyCode::Nothing => return html! {},
        RemedyCode::Revert => Verb::Revert,
        RemedyCode::RotateSecret => Verb::RotateSecret,
        RemedyCode::Test => Verb::TestConnection,
        RemedyCode::Report => Verb::MarkOperational,
        RemedyCode::Enable => Verb::Enable,
        RemedyCode::Restore => Verb::Restore,
    };
    let (text, to) = way(verb, what, path);
    html! {
        @if may(request, verb, connection) { p.remedy { a.button href=(to) { (text) } } }
        @else { p.remedy.soft { "What would help: " (text.to_lowercase()) ". You may not do that here." } }
    }
}

/// Returns what the link says, and where it leads.
fn way(verb: Verb, what: &Remedy, path: &str) -> (String, String) {
    let form = format!("{path}/do/{}", verb.as_str());
    match verb {
        Verb::Revert => {
            let version = what.to_version.unwrap_or(1).to_string();
            let text = format!("Go back to version {version}");
            (text, with_query(&form, &[("to_version", &version)]))
        }
        Verb::RotateSecret => ("Rotate its secret".to_owned(), format!("{path}/rotate")),
        Verb::TestConnection => ("Test it".to_owned(), form),
        Verb::MarkOperational => ("Report its health".to_owned(), form),
        Verb::Enable => ("Enable it".to_owned(), form),
        _ => ("Restore it".to_owned(), form),
    }
}

fn rotating(all: &[(Connection, RotationView)], now: Micros) -> Markup {
    html! {
        section aria-labelledby="rotating" {
            h2 #rotating { "Rotations under way" }
            @if all.is_empty() { (nothing("No former secret is in use.")) }
            ul.issues {
                @for (connection, view) in all {
                    li.issue id={ "r-" (connection.id) } {
                        div.issue-head {
                            h3 {
                                a href=(path_of(connection.workspace.as_str(), &view.connection)) {
                                    (name(&name_of(connection)))
                                }
                            }
                            span.soft { (connection.workspace.as_str()) }
                        }
                        (progress(view, now))
                    }
                }
            }
        }
    }
}

/// Returns how far the consumers of rotated fields are, and who still uses a former secret.
pub(crate) fn progress(view: &RotationView, now: Micros) -> Markup {
    let behind = view.consumers.iter().filter(|(_, consumer)| consumer.behind);
    let behind: Vec<_> = behind.collect();
    html! {
        @for (field, one) in &view.fields {
            @if let Some(former) = &one.former {
                div.progress {
                    code { (field) } " v" (former.generation) " \u{2192} v" (one.generation)
                    @if one.consumers > 0 {
                        progress max=(one.consumers) value=(one.confirmed)
                            aria-label={ "Consumers of " (field) " that have changed over" } {}
                        span { (one.confirmed) " of " (one.consumers) " have changed over" }
                    } @else { span.soft { "no consumer has registered" } }
                    span.soft { "former secret ends " (ago(&former.until, now)) }
                }
            }
        }
        @if !behind.is_empty() {
            p.facts-line {
                span { "Still on the former secret:" }
                @for (consumer, view) in behind {
                    span {
                        strong { (name(consumer)) } " "
                        span.soft {
                            "(" @if view.gone { "gone, " } "seen " (ago(&view.last_seen, now)) ")"
                        }
                    }
                }
            }
        }
    }
}

fn to_rotate(rows: &[(Connection, SecretAges)], total: u64, now: Micros) -> Markup {
    html! {
        section aria-labelledby="due" {
            h2 #due { "Secrets to rotate" }
            @if rows.is_empty() { (nothing("No secret is due by a policy.")) }
            @else {
                ul.rows {
                    @for (connection, ages) in rows {
                        @let view = ConnectionView::of(connection).with_ages(ages);
                        li id={ "d-" (view.id) } {
                            a href=(path_of_view(&view)) { (name(&title_of(&view))) }
                            @for (field, secret) in &view.secrets {
                                @if let Some(age @ ("due" | "overdue")) = secret.age.as_deref() {
                                    span {
                                        code { (field) } " "
                                        (secret_age(age, secret.rotate_by.as_deref(), now))
                                    }
                                }
                            }
                            span.soft { "changed " (ago_of(connection.updated_at, now)) }
                        }
                    }
                }
                @if total > u64::try_from(rows.len()).unwrap_or(u64::MAX) {
                    p {
                        a href="/connections?secret_age=due&secret_age=overdue" {
                            "All " (counted(total, "connection", "connections"))
                        }
                    }
                }
            }
        }
    }
}
