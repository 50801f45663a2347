//! What was refused, and who read the history: the audit journal.

use axum::response::Response;
use ledger_contract::journal::{JournalEntry, READING};
use ledger_contract::queries::{PageQuery, QueryName, QueryRequest, audit};
use ledger_domain::Micros;
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::connections::WORKSPACES_MAX;
use super::history::tabs;
use crate::request::PageRequest;
use crate::view::filters::Filters;
use crate::view::layout::Section;
use crate::view::pager;
use crate::view::parts::{actor, name, nothing, path_of, thousands, with_query};
use crate::view::status::{badge, words};
use crate::view::times::stamped;

/// Shows a page of the journal.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let workspace = request.workspace()?;
    let asked = request.query(QueryName::Audit, audit::PARAMETERS, &[])?;
    let QueryRequest::Audit(query) = asked else { unreachable!("it is the query that was named") };
    let read = request.read(Effort::Scan, workspace, move |reader| {
        let page = reader.audit(&query)?;
        let names = PageQuery { page_size: Some(WORKSPACES_MAX), cursor: None };
        Ok((page, reader.workspaces(&names)?.workspaces))
    });
    let (page, workspaces) = read.await?;
    let workspaces: Vec<_> = workspaces.into_iter().map(|workspace| workspace.name).collect();
    let entries = page.entries.iter().filter_map(|entry| serde_json::from_str(entry.get()).ok());
    let entries: Vec<JournalEntry> = entries.collect();
    let filters = Filters {
        action: "/refusals",
        parameters: audit::PARAMETERS,
        first: &["actor", "from", "until"],
        left_out: &["cursor"],
        query: &request.inputs.query,
        workspaces: &workspaces,
    };
    let body = html! {
        div.head { h1 { "Audit" } }
        (tabs("refusals"))
        (filters.render())
        @if entries.is_empty() { (nothing("No entry fits these filters.")) }
        @else { (table(&entries, request.now())) }
        (pager::by_cursor(&request.inputs.query, page.next_cursor.as_deref()))
    };
    Ok(request.page("Refusals and readings", Section::Audit, &body))
}

fn table(entries: &[JournalEntry], now: Micros) -> Markup {
    html! {
        table.cards role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    th role="columnheader" scope="col" { "What" }
                    th role="columnheader" scope="col" { "Who" }
                    th role="columnheader" scope="col" { "Asked for" }
                    th role="columnheader" scope="col" { "From" }
                    th role="columnheader" scope="col" { "When" }
                    th.number role="columnheader" scope="col" { "Times" }
                }
            }
            tbody role="rowgroup" { @for entry in entries { (row(entry, now)) } }
        }
    }
}

fn row(entry: &JournalEntry, now: Micros) -> Markup {
    let by_actor = |text: &str| with_query("/refusals", &[("actor", text)]);
    html! {
        tr role="row" {
            td role="cell" data-label="What" {
                @if entry.kind == READING { (badge("none", "Reading")) }
                @else { (badge("bad", &words(&entry.kind))) }
            }
            td role="cell" data-label="Who" {
                div {
                    @match &entry.actor {
                        Some(who) => a href=(by_actor(who)) { (actor(who)) },
                        None => span.soft { "Nobody known" },
                    }
                    @if let Some(key) = &entry.key { div.soft { "key " code { (name(key)) } } }
                }
            }
            td role="cell" data-label="Asked for" {
                div {
                    @if let Some(operation) = &entry.operation { code { (name(operation)) } }
                    @if let Some(workspace) = &entry.workspace { div.soft { (name(workspace)) } }
                    @if let (Some(workspace), Some(id)) = (&entry.workspace, &entry.connection) {
                        div { a href=(path_of(workspace, id)) { (name(id)) } }
                    }
                    @if entry.without.is_some() { div.soft { "Different ones, counted together" } }
                }
            }
            td role="cell" data-label="From" {
                div {
                    @if let Some(address) = &entry.address { (address) }
                    @if let Some(via) = &entry.via { div.soft { "over " (via) } }
                }
            }
            td role="cell" data-label="When" {
                div {
                    (stamped(&entry.last_at, now))
                    @if entry.count > 1 { div.soft { "since " (stamped(&entry.first_at, now)) } }
                }
            }
            td.number role="cell" data-label="Times" { (thousands(entry.count)) }
        }
    }
}
