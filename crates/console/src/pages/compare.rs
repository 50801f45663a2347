//! Two versions of a connection side by side, or two moments of it.

use std::collections::BTreeMap;

use axum::response::Response;
use ledger_contract::AsOf;
use ledger_contract::commands::Verb;
use ledger_contract::queries::{DiffQuery, DiffView, QueryWorkspace, VersionAt};
use ledger_contract::view::ConnectionView;
use ledger_domain::Micros;
use ledger_engine::{Effort, QueryError, Reader, Versions};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};
use serde_json::value::RawValue;

use super::connection::may;
use crate::request::PageRequest;
use crate::view::difference::{self, label};
use crate::view::event;
use crate::view::layout::Section;
use crate::view::moment::in_utc;
use crate::view::parts::{actor, counted, crumbs, fact, name, name_of, nothing, with_query};
use crate::view::times::{ago_of, stamped};

/// Versions to choose from.
const VERSIONS_MAX: u64 = 200;

/// What the read gives.
struct Compared {
    versions: Versions,
    diff: DiffView,
    /// The fields of the second state.
    after: BTreeMap<String, Box<RawValue>>,
}

/// Shows the page: the versions or moments that are named, or the latest two.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let (workspace, target) = request.place()?;
    let moment = |name: &'static str| request.parameter(name).map(in_utc);
    let (from, to) = (moment("from"), moment("to"));
    let path = request.own_path()?;
    let place = QueryWorkspace::Named(workspace);
    let read = request.read(Effort::Scan, place, move |reader| {
        let versions = reader.versions(&target, 0, VERSIONS_MAX)?;
        let newest = versions.now.version.get();
        let to = to.unwrap_or_else(|| format!("v{newest}"));
        let from = from.unwrap_or_else(|| format!("v{}", newest.saturating_sub(1).max(1)));
        let connection = versions.now.id.to_string();
        let diff = reader.diff(&DiffQuery { connection, from, to: Some(to) })?;
        let after = fields(reader, &versions, diff.to.version)?;
        Ok(Compared { versions, diff, after })
    });
    let compared = read.await?;
    let title = name_of(&compared.versions.now);
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &title)]))
        div.head {
            h1 { "Compare versions" }
            a.button href={ (path) "/then" } { "Go back in time" }
        }
        (form(&compared, request.now()))
        (side_by_side(&compared, request.now()))
        (revert(&request, &compared, &path))
    };
    Ok(request.page(&format!("Compare versions of {title}"), Section::Connections, &body))
}

/// Returns the fields of a version; none if it is before the first one.
fn fields(
    reader: &Reader<'_>,
    versions: &Versions,
    version: u64,
) -> Result<BTreeMap<String, Box<RawValue>>, QueryError> {
    if version == 0 {
        return Ok(BTreeMap::new());
    }
    let target = ledger_contract::commands::ConnectionRef::Id(versions.now.id);
    let as_of = AsOf::Version(ledger_domain::Version::new(version));
    let state = reader.connection_as_of(&target, &as_of)?;
    let json = serde_json::to_string(&ConnectionView::of(&state)).unwrap_or_default();
    Ok(serde_json::from_str(&json).unwrap_or_default())
}

fn form(compared: &Compared, now: Micros) -> Markup {
    let Compared { versions, diff, .. } = compared;
    html! {
        form.filters method="get" {
            div.row.wide {
                (choose("from", "From", versions, &diff.from, now))
                (choose("to", "To", versions, &diff.to, now))
                button.primary type="submit" { "Compare" }
            }
        }
    }
}

fn choose(
    field: &str,
    label: &str,
    versions: &Versions,
    chosen: &VersionAt,
    now: Micros,
) -> Markup {
    let line = versions.lines.iter().find(|line| line.version.get() == chosen.version);
    html! {
        div.field {
            label for=(field) { (label) }
            select id=(field) name=(field) {
                @if line.is_none() {
                    option value={ "v" (chosen.version) } selected { "v" (chosen.version) }
                }
                @for line in &versions.lines {
                    option value={ "v" (line.version.get()) }
                        selected[line.version.get() == chosen.version] {
                        "v" (line.version.get()) " \u{b7} " (event::title(line.event_type))
                        " \u{b7} " (line.actor.as_str())
                    }
                }
            }
            @if let Some(line) = line {
                p.help {
                    (event::title(line.event_type)) " by " (actor(line.actor.as_str())) ", "
                    (ago_of(line.recorded_at, now))
                }
            }
        }
    }
}

fn side_by_side(compared: &Compared, now: Micros) -> Markup {
    let diff = &compared.diff;
    let heading = |at: &VersionAt| match at.version {
        0 => "Before it was created".to_owned(),
        version => format!("Version {version}"),
    };
    let (before, after) = (heading(&diff.from), heading(&diff.to));
    html! {
        p #total role="status" {
            (counted(u64::try_from(diff.changes.len()).unwrap_or(u64::MAX), "field differs", "fields differ"))
            @for at in [&diff.from, &diff.to] {
                @if let (Some(time), Some(who)) = (&at.recorded_at, &at.actor) {
                    " \u{b7} " (heading(at)) ": " (stamped(time, now)) " by " (actor(who))
                }
            }
        }
        @if diff.changes.is_empty() { (nothing("Nothing differs between these versions.")) }
        @else { (difference::table(&diff.changes, &before, &after)) }
        (same(compared))
    }
}

/// Returns what both sides have in common.
fn same(compared: &Compared) -> Markup {
    let differs = |field: &str| {
        compared.diff.changes.iter().any(|change| {
            let rest = change.field.strip_prefix(field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    let known = ["version", "position", "updated_at", "updated_by"];
    let same = compared
        .after
        .iter()
        .filter(|(field, _)| !differs(field) && !known.contains(&field.as_str()));
    let same: Vec<_> = same.filter(|(_, value)| !difference::is_empty(value)).collect();
    html! {
        @if !same.is_empty() && compared.diff.from.version > 0 {
            details.more {
                summary { "What is the same (" (same.len()) ")" }
                dl.facts.wide.card {
                    @for (field, value) in same {
                        @let text = difference::shown(value);
                        (fact(&label(field), &html! { span.prose { (name(&text)) } }))
                    }
                }
            }
        }
    }
}

fn revert(request: &PageRequest, compared: &Compared, path: &str) -> Markup {
    let (now, from) = (&compared.versions.now, compared.diff.from.version);
    let is_earlier = from > 0 && from != now.version.get();
    let version = from.to_string();
    html! {
        @if is_earlier && may(request, Verb::Revert, now) {
            p.buttons {
                a.button href=(with_query(&format!("{path}/do/revert"), &[("to_version", &version)])) {
                    "Go back to version " (from)
                }
            }
        }
    }
}
