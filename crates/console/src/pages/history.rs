//! The history: of one connection, or of everything, by any filters that the API has.

use axum::response::Response;
use ledger_contract::ResumePoint;
use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{QueryName, QueryRequest, QueryWorkspace, history};
use ledger_domain::WorkspaceName;
use ledger_domain::principal::Scope;
use ledger_engine::{Effort, Reader};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::connections::{name_of_workspace, names as workspace_names};
use crate::request::PageRequest;
use crate::view::event::{EventRecord, Names, Timeline};
use crate::view::filters::Filters;
use crate::view::layout::{Live, Section, live};
use crate::view::pager;
use crate::view::parts::{counted, crumbs, name_of, nothing};

/// What the read gives.
struct HistoryData {
    events: Vec<EventRecord>,
    names: Names,
    total: u64,
    next: Option<String>,
    workspaces: Vec<String>,
    title: Option<String>,
}

/// Returns the names of the connections that events are about, as far as the caller may see them.
pub(crate) fn names_of(reader: &Reader<'_>, events: &[EventRecord]) -> Names {
    let mut names = Names::new();
    for id in events.iter().filter_map(EventRecord::connection) {
        if names.contains_key(id) {
            continue;
        }
        let found = id.parse().ok().map(ConnectionRef::Id);
        let found = found.and_then(|target| reader.connection(&target).ok());
        if let Some(connection) = found {
            names.insert(id.to_owned(), name_of(&connection));
        }
    }
    names
}

/// Shows the history of a workspace, or of all.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let workspace = request.workspace_for(Scope::Audit)?;
    let found = find(&request, workspace.clone(), &[]).await?;
    let filters = Filters {
        action: "/history",
        parameters: history::PARAMETERS,
        first: &["actor", "from", "until"],
        left_out: &["cursor"],
        query: &request.inputs.query,
        workspaces: &request.workspace_choices(Scope::Audit, &found.0.workspaces),
        workspace: name_of_workspace(&workspace),
    };
    let body = html! {
        div.head { h1 { "Audit" } }
        (tabs("history"))
        (filters.render())
        (events(&request, &found, true))
    };
    Ok(request.page("History", Section::Audit, &body))
}

/// Returns the links among the pages about who did what.
pub(crate) fn tabs(current: &str) -> Markup {
    let all = [
        ("history", "/history", "History"),
        ("changes", "/changes", "Changes"),
        ("undo", "/undo", "Undo"),
        ("refusals", "/refusals", "Refusals and readings"),
    ];
    html! {
        nav.tabs aria-label="Audit" {
            @for (name, path, text) in all {
                a href=(path) aria-current=[(name == current).then_some("page")] { (text) }
            }
        }
    }
}

/// Shows the history of one connection.
pub(crate) async fn of_connection(request: PageRequest) -> Result<Response, Refusal> {
    let (workspace, connection) = request.place()?;
    let id = connection.canonical();
    let path = request.own_path()?;
    let found = find(&request, QueryWorkspace::Named(workspace), &[("connection", &id)]).await?;
    let filters = Filters {
        action: &format!("{path}/history"),
        parameters: history::PARAMETERS,
        first: &["actor", "from", "until"],
        left_out: &["cursor", "ledger"],
        query: &request.inputs.query,
        workspaces: &[],
        workspace: "",
    };
    let title = found.0.title.clone().unwrap_or_default();
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &title)]))
        div.head { h1 { "History" } a.button href={ (path) "/compare" } { "Compare versions" } }
        (filters.render())
        (events(&request, &found, false))
    };
    Ok(request.page(&format!("History of {title}"), Section::Connections, &body))
}

async fn find(
    request: &PageRequest,
    workspace: QueryWorkspace,
    also: &[(&str, &str)],
) -> Result<(HistoryData, Live), Refusal> {
    let after = request.engine().end();
    let asked = request.query(QueryName::History, history::PARAMETERS, also)?;
    let QueryRequest::History(query) = asked else {
        unreachable!("it is the query that was named")
    };
    let live = watched(request, &workspace, after);
    let read = request.read(Effort::Scan, workspace, move |reader| {
        let page = reader.history(&query)?;
        let events = EventRecord::all(&page);
        let names = names_of(reader, &events);
        let title = query.connection.as_ref().and_then(|id| {
            let target = ConnectionRef::parse("connection", id).ok()?;
            Some(name_of(&reader.connection(&target).ok()?))
        });
        Ok(HistoryData {
            events,
            names,
            total: page.total,
            next: page.next_cursor,
            workspaces: workspace_names(reader)?,
            title,
        })
    });
    Ok((read.await?, live))
}

/// The first page is kept up to date; others are of the past.
fn watched(request: &PageRequest, workspace: &QueryWorkspace, after: ResumePoint) -> Live {
    let may = request.may(Scope::Read, workspace);
    let is_first = request.parameter("cursor").is_none();
    Live::of(may && is_first, workspace.name().map(WorkspaceName::as_str), after)
}

fn events(request: &PageRequest, (found, live_of): &(HistoryData, Live), named: bool) -> Markup {
    let shown = Timeline {
        names: named.then_some(&found.names),
        now: request.now(),
        proves: request.frame.proves(),
    };
    live(
        live_of,
        &html! {
            p #total role="status" { (counted(found.total, "event", "events")) }
            @if found.events.is_empty() { (nothing("No event fits these filters.")) }
            (shown.render(&found.events))
            (pager::by_cursor(&request.inputs.query, found.next.as_deref()))
        },
    )
}
