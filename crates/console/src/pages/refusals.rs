//! What was refused, and who read the history: the audit journal.

use axum::response::Response;
use ledger_contract::journal::{JournalEntry, READING};
use ledger_contract::queries::{QueryName, QueryRequest, audit};
use ledger_domain::Micros;
use ledger_domain::principal::Scope;
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::connections::{name_of_workspace, names};
use super::history::tabs;
use crate::request::PageRequest;
use crate::view::event::read_all;
use crate::view::filters::Filters;
use crate::view::layout::Section;
use crate::view::pager;
use crate::view::parts::{actor, name, nothing, path_of, thousands, with_query};
use crate::view::status::{badge, words};
use crate::view::table::{Head, cards, cell, number, row};
use crate::view::times::stamped;

/// Shows a page of the journal.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let workspace = request.workspace_for(Scope::Audit)?;
    let asked = request.query(QueryName::Audit, audit::PARAMETERS, &[])?;
    let QueryRequest::Audit(query) = asked else { unreachable!("it is the query that was named") };
    let read = request.read(Effort::Scan, workspace.clone(), move |reader| {
        Ok((reader.audit(&query)?, names(reader)?))
    });
    let (page, workspaces) = read.await?;
    let entries: Vec<JournalEntry> = read_all(&page.entries);
    let filters = Filters {
        action: "/refusals",
        parameters: audit::PARAMETERS,
        first: &["actor", "from", "until"],
        left_out: &["cursor"],
        query: &request.inputs.query,
        workspaces: &request.workspace_choices(Scope::Audit, &workspaces),
        workspace: name_of_workspace(&workspace),
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
    let heads = ["What", "Who", "Asked for", "From", "When"].map(Head::Text);
    let heads = [&heads[..], &[Head::Number("Times")]].concat();
    cards(&heads, &html! { @for entry in entries { (row(None, &cells(entry, now))) } })
}

fn cells(entry: &JournalEntry, now: Micros) -> Markup {
    let by_actor = |text: &str| with_query("/refusals", &[("actor", text)]);
    html! {
        (cell("What", &html! {
            @if entry.kind == READING { (badge("none", "Reading")) }
            @else { (badge("bad", &words(&entry.kind))) }
        }))
        (cell("Who", &html! {
            div {
                @match &entry.actor {
                    Some(who) => a href=(by_actor(who)) { (actor(who)) },
                    None => span.soft { "Nobody known" },
                }
                @if let Some(key) = &entry.key { div.soft { "key " code { (name(key)) } } }
            }
        }))
        (cell("Asked for", &asked_for(entry)))
        (cell("From", &html! {
            div {
                @if let Some(address) = &entry.address { (address) }
                @if let Some(via) = &entry.via { div.soft { "over " (via) } }
            }
        }))
        (cell("When", &html! {
            div {
                (stamped(&entry.last_at, now))
                @if entry.count > 1 { div.soft { "since " (stamped(&entry.first_at, now)) } }
            }
        }))
        (number("Times", &html! { (thousands(entry.count)) }))
    }
}

fn asked_for(entry: &JournalEntry) -> Markup {
    html! {
        div {
            @if let Some(operation) = &entry.operation { code { (name(operation)) } }
            @if let Some(workspace) = &entry.workspace { div.soft { (name(workspace)) } }
            @if let (Some(workspace), Some(id)) = (&entry.workspace, &entry.connection) {
                div { a href=(path_of(workspace, id)) { (name(id)) } }
            }
            @if entry.without.is_some() { div.soft { "Different ones, counted together" } }
        }
    }
}
