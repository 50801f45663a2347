//! One connection as it was at a moment, and what has changed since.

use axum::response::Response;
use ledger_contract::AsOf;
use ledger_contract::commands::{ConnectionRef, Verb};
use ledger_contract::queries::{DiffQuery, DiffView, QueryWorkspace};
use ledger_contract::view::ConnectionView;
use ledger_domain::{Connection, Version};
use ledger_engine::{Effort, QueryError, Reader, Versions};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::actions::{is_active, may};
use super::{facts, secrets};
use crate::pages::connections::provider;
use crate::request::PageRequest;
use crate::view::layout::Section;
use crate::view::moment::{AS_OF, MomentForm, Stop, in_utc};
use crate::view::parts::{crumbs, name, name_of, nothing, title_of, with_query};
use crate::view::status::{health_since, in_use, words};
use crate::view::table::{Head, cards, cell, row};
use crate::view::times::{ago, exact, stamped};
use crate::view::{difference, event};

/// Versions that the slider stops at.
const VERSIONS_MAX: u64 = 100;

/// What the read gives.
struct ThenData {
    then: Connection,
    versions: Versions,
    since: DiffView,
}

/// Shows the page.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let (workspace, target) = request.place()?;
    let as_of = request.parameter(AS_OF).map(|text| AsOf::parse(AS_OF, &in_utc(text)));
    let as_of = as_of.transpose()?;
    let path = request.own_path()?;
    let place = QueryWorkspace::Named(workspace);
    let read = request.read(Effort::Scan, place, move |reader| find(reader, &target, as_of));
    let found = read.await?;
    let view = ConnectionView::of(&found.then);
    let title = title_of(&view);
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &name_of(&found.versions.now))]))
        (head(&request, &found, &view, &path))
        (moment(&request, &found, as_of.as_ref(), &format!("{path}/then")))
        (since(&request, &found, &path))
        div.columns {
            div {
                (masked(&request, &view))
                (facts::settings(&view, request.catalogue()))
            }
            aside aria-label="Facts" { (facts::own(&view, request.now())) }
        }
    };
    Ok(request.page(&format!("{title}, version {}", view.version), Section::Connections, &body))
}

fn find(
    reader: &Reader<'_>,
    target: &ConnectionRef,
    as_of: Option<AsOf>,
) -> Result<ThenData, QueryError> {
    let versions = reader.versions(target, 0, VERSIONS_MAX)?;
    let id = ConnectionRef::Id(versions.now.id);
    let then = match &as_of {
        Some(as_of) => reader.connection_as_of(&id, as_of)?,
        None => versions.now.clone(),
    };
    let from = format!("v{}", then.version.get());
    let since = DiffQuery { connection: versions.now.id.to_string(), from, to: None };
    Ok(ThenData { since: reader.diff(&since)?, then, versions })
}

fn head(request: &PageRequest, found: &ThenData, view: &ConnectionView<'_>, path: &str) -> Markup {
    let newest = found.versions.now.version.get();
    let line = found.versions.lines.iter().find(|line| line.version.get() == view.version);
    html! {
        div.head {
            div {
                h1 { (name(&title_of(view))) ", version " (view.version) }
                p.soft {
                    (provider(&view.provider, request.catalogue()))
                    " \u{b7} " (view.workspace) " / " bdi { (view.slug) }
                    " \u{b7} " (words(&view.environment))
                }
                p {
                    (in_use(&view.lifecycle, view.enabled)) " "
                    (health_since(&view.health, request.now()))
                }
            }
        }
        div.notice.warn[view.version != newest] role="status" {
            p {
                @if view.version == newest { "This is the present version" }
                @else { "This is the past: version " (view.version) " of " (newest) }
                @if let Some(line) = line { ", made by the event \u{201c}" (event::title(line.event_type)) "\u{201d}" }
                " at " (stamped(&view.updated_at, request.now())) " by " (name(&view.updated_by)) "."
            }
            p.links { a href=(path) { "To the connection as it is" } a href={ (path) "/history" } { "History" } }
        }
    }
}

fn moment(request: &PageRequest, found: &ThenData, as_of: Option<&AsOf>, action: &str) -> Markup {
    let now = request.now();
    let lines = found.versions.lines.iter().rev();
    let stops: Vec<_> = lines
        .map(|line| Stop {
            value: format!("v{}", line.version.get()),
            text: format!(
                "v{} \u{b7} {} \u{b7} {}",
                line.version.get(),
                event::title(line.event_type),
                exact(&ledger_contract::time::format(line.recorded_at)),
            ),
        })
        .collect();
    let value = format!("v{}", found.then.version.get());
    let shown = match as_of {
        None => None,
        Some(AsOf::Time(moment)) => Some(moment.before(now)),
        Some(_) => Some(found.then.updated_at),
    };
    MomentForm {
        action,
        query: &request.inputs.query,
        shown,
        first: found.versions.now.created_at,
        now,
        stop: stops.iter().position(|stop| stop.value == value).unwrap_or(0),
        stops: &stops,
    }
    .render()
}

/// Returns what has changed since, and how it is undone.
fn since(request: &PageRequest, found: &ThenData, path: &str) -> Markup {
    let now = &found.versions.now;
    let version = found.then.version;
    if version == now.version {
        return html! {};
    }
    let (then, today) =
        (format!("Version {}", version.get()), format!("Now, {}", now.version.get()));
    let compare =
        with_query(&format!("{path}/compare"), &[("from", &of(version)), ("to", &of(now.version))]);
    let revert =
        with_query(&format!("{path}/do/revert"), &[("to_version", &version.get().to_string())]);
    html! {
        section.card #since aria-labelledby="since-title" {
            div.section-head {
                h2 #since-title { "What has changed since" }
                a href=(compare) { "Compare side by side" }
            }
            @if found.since.changes.is_empty() { (nothing("It is as it was then.")) }
            @else { (difference::table(&found.since.changes, &then, &today)) }
            @if is_active(now) && may(request, Verb::Revert, now) {
                p.buttons { a.button href=(revert) { "Go back to version " (version.get()) } }
            }
        }
    }
}

fn of(version: Version) -> String {
    format!("v{}", version.get())
}

/// Returns the secrets that it had, masked.
fn masked(request: &PageRequest, view: &ConnectionView<'_>) -> Markup {
    let heads = ["Field", "Value", "Version", "Set"].map(Head::Text);
    let now = request.now();
    html! {
        section.card #secrets aria-labelledby="secrets-title" {
            h2 #secrets-title { "Secrets" }
            @if view.secrets.is_empty() { (nothing("It had no secret.")) }
            @else {
                (cards(&heads, &html! {
                    @for (field, secret) in &view.secrets {
                        (row(None, &html! {
                            (cell("Field", &html! { code { (name(field)) } }))
                            (cell("Value", &secrets::value(secret, now)))
                            (cell("Version", &html! { "v" (secret.generation) }))
                            (cell("Set", &ago(&secret.set_at, now)))
                        }))
                    }
                }))
            }
        }
    }
}
