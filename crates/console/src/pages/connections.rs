//! The list of connections, with any filters that the API has.

use std::sync::Arc;

use axum::response::Response;
use ledger_contract::errors::Problem;
use ledger_contract::queries::{
    ALL_WORKSPACES, ListQuery, PAGE_SIZE, PageQuery, QueryName, QueryRequest, QueryWorkspace, list,
};
use ledger_contract::view::{ConnectionView, SecretView};
use ledger_contract::{AsOf, time};
use ledger_domain::principal::Scope;
use ledger_domain::{Micros, WorkspaceName};
use ledger_engine::{Effort, ListOptions, QueryError, Reader};
use ledger_http::toolkit::Refusal;
use ledger_providers::Catalogue;
use maud::{Markup, html};

use super::overview::new_connection;
use crate::request::PageRequest;
use crate::view::filters::Filters;
use crate::view::layout::{Live, Section, live};
use crate::view::moment::{AS_OF, MomentForm, in_utc};
use crate::view::parts::{
    actor, counted, name, nothing, path_of_view, thousands, title_of, with_query,
};
use crate::view::status::{badge, health_since, in_use};
use crate::view::table::{self, Head, cards, cell, number};
use crate::view::times::{ago, exact};
use crate::view::{pager, status};

/// How far back the slider of all connections goes.
const SLIDER_MICROS: i64 = 30 * 86_400_000_000;
/// Workspaces to choose from.
const WORKSPACES_MAX: u32 = 500;

/// What the read gives.
struct ListData {
    rows: Vec<Markup>,
    total: Option<u64>,
    next: Option<String>,
    altered: u64,
    live: Live,
    workspaces: Vec<String>,
}

/// What is asked for.
struct ListRequest {
    workspace: QueryWorkspace,
    query: ListQuery,
    /// The moment, if it is not the present.
    past: Option<AsOf>,
}

impl ListRequest {
    fn of(request: &PageRequest) -> Result<Self, Problem> {
        let asked = request.query(QueryName::List, list::PARAMETERS, &[])?;
        let QueryRequest::List(query) = asked else {
            unreachable!("it is the query that was named")
        };
        let past = query.as_of.as_deref().map(|text| AsOf::parse(AS_OF, text)).transpose()?;
        let workspace = match past {
            Some(_) => request.workspace_for(Scope::Audit)?,
            None => request.workspace()?,
        };
        Ok(Self { workspace, query, past })
    }

    /// Returns the links to other pages of the list.
    fn pager(&self, query: &[(String, String)], found: &ListData) -> Markup {
        if self.query.cursor.is_some() || self.past.is_some() {
            return pager::by_cursor(query, found.next.as_deref());
        }
        let size = u64::from(self.query.page_size.unwrap_or(PAGE_SIZE)).max(1);
        let pages = found.total.unwrap_or_default().div_ceil(size);
        pager::by_number(query, u64::from(self.query.page.unwrap_or(1)), pages)
    }

    /// Returns the time that is shown, if it is a time of the past.
    fn shown(&self, now: Micros) -> Option<Micros> {
        match self.past {
            Some(AsOf::Time(moment)) => Some(moment.before(now)),
            _ => None,
        }
    }
}

/// Shows a page of the list.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let asked = ListRequest::of(&request)?;
    let found = find(&request, &asked).await?;
    let query = &request.inputs.query;
    let body = html! {
        div.head { h1 { "Connections" } (new_connection(&request)) }
        (filters(&request, &asked, &found))
        @if request.frame.audits { (moment(&request, &asked)) }
        @if let Some(past) = &asked.past { (of_the_past(&request, past)) }
        (live(&found.live, &html! {
            p #total role="status" {
                @match found.total {
                    Some(total) => (counted(total, "connection", "connections")),
                    None => "Many connections have changed since then, so their number is not known.",
                }
            }
            @if found.altered > 0 {
                p.notice.bad { (thousands(found.altered)) " left out because something other than \
                    the ledger changed their stored rows." }
            }
            @if found.rows.is_empty() { (nothing("No connection fits these filters.")) }
            @else { (table(&asked, query, &found.rows)) }
            (asked.pager(query, &found))
        }))
    };
    Ok(request.page("Connections", Section::Connections, &body))
}

async fn find(request: &PageRequest, asked: &ListRequest) -> Result<ListData, Problem> {
    let ListRequest { workspace, query, past } = asked;
    let (query, past) = (query.clone(), *past);
    let may = request.may(Scope::Read, workspace);
    let (now, only) = (request.now(), workspace.name().map(|name| name.as_str().to_owned()));
    let catalogue = Arc::clone(&request.console.catalogue);
    let read = request.read(Effort::Scan, workspace.clone(), move |reader| {
        let workspaces = names(reader)?;
        let shown = |view: &ConnectionView<'_>| {
            row(view, &catalogue, now, past.is_some().then_some(view.version))
        };
        if let Some(past) = past {
            let found = reader.list_as_of(query, &past)?;
            let rows = found.rows.iter().map(|then| shown(&ConnectionView::of(then)));
            return Ok(ListData {
                rows: rows.collect(),
                total: found.total,
                altered: found.altered,
                live: Live::still(),
                next: found.next,
                workspaces,
            });
        }
        let found = reader.list(&ListOptions::page(query)?)?;
        let rows = found.rows.iter().zip(&found.ages);
        let rows = rows.map(|(now, ages)| shown(&ConnectionView::of(now).with_ages(ages)));
        Ok(ListData {
            rows: rows.collect(),
            total: Some(found.total),
            altered: found.altered,
            live: Live::of(may, only.as_deref(), found.end),
            next: found.next.clone(),
            workspaces,
        })
    });
    read.await
}

/// Returns the names of the workspaces that the caller sees.
pub(crate) fn names(reader: &Reader<'_>) -> Result<Vec<String>, QueryError> {
    let page = PageQuery { page_size: Some(WORKSPACES_MAX), cursor: None };
    let workspaces = reader.workspaces(&page)?.workspaces;
    Ok(workspaces.into_iter().map(|workspace| workspace.name).collect())
}

fn filters(request: &PageRequest, asked: &ListRequest, found: &ListData) -> Markup {
    let scope = if asked.past.is_some() { Scope::Audit } else { Scope::Read };
    // Everybody sees what they may of all workspaces; only the past takes a right to all of them.
    let choices = match asked.past {
        Some(_) => request.workspace_choices(scope, &found.workspaces),
        None => all_and(&found.workspaces),
    };
    Filters {
        action: "/connections",
        parameters: list::PARAMETERS,
        first: &["text", "health"],
        left_out: &["sort", "descending", "page", "cursor", AS_OF],
        query: &request.inputs.query,
        workspaces: &choices,
        workspace: name_of_workspace(&asked.workspace),
    }
    .render()
}

fn all_and(names: &[String]) -> Vec<(String, String)> {
    let all = (ALL_WORKSPACES.to_owned(), "All workspaces".to_owned());
    std::iter::once(all).chain(names.iter().map(|name| (name.clone(), name.clone()))).collect()
}

/// Returns the name of a workspace in addresses.
pub(crate) fn name_of_workspace(workspace: &QueryWorkspace) -> &str {
    workspace.name().map_or(ALL_WORKSPACES, WorkspaceName::as_str)
}

fn moment(request: &PageRequest, asked: &ListRequest) -> Markup {
    let now = request.now();
    MomentForm {
        action: "/connections",
        query: &request.inputs.query,
        shown: asked.shown(now),
        first: Micros::new(now.get() - SLIDER_MICROS),
        now,
        stops: &[],
        stop: 0,
    }
    .render()
}

/// Says that what is below is of the past, and where its changes are.
fn of_the_past(request: &PageRequest, past: &AsOf) -> Markup {
    let text = request.parameter(AS_OF).map(in_utc).unwrap_or_default();
    let workspace = request.parameter("workspace").unwrap_or(ALL_WORKSPACES);
    let changes = [("workspace", workspace), ("from", text.as_str())];
    let undo = [("workspace", workspace), (AS_OF, text.as_str())];
    html! {
        div.notice.warn role="status" {
            p {
                "This is the past: connections as they were "
                @match past {
                    AsOf::Time(moment) => {
                        "at " strong { (exact(&time::format(moment.before(request.now())))) }
                    },
                    _ => { "at position " strong { (text) } " of the log" },
                }
                "."
            }
            p.links {
                a href=(with_query("/changes", &changes)) { "What has changed since" }
                a href=(with_query("/undo", &undo)) { "Plan an undo" }
            }
        }
    }
}

fn table(asked: &ListRequest, query: &[(String, String)], rows: &[Markup]) -> Markup {
    // The past is in the order of creation.
    let sortable = |by: &str, text: &'static str| match asked.past {
        Some(_) => Head::Text(text),
        None => Head::Own(sortable(query, by, text)),
    };
    let heads = [
        sortable("name", "Connection"),
        Head::Text("Provider"),
        Head::Text("Health"),
        Head::Text("Secrets"),
        Head::Number("Used by"),
        sortable("created", "Created"),
        sortable("updated", "Changed"),
    ];
    cards(&heads, &html! { @for row in rows { (row) } })
}

/// Returns the head of a column by which the list can be sorted.
fn sortable(query: &[(String, String)], by: &str, text: &str) -> Markup {
    let set = |name: &str| {
        let found = query.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let is_current = set("sort").unwrap_or("created") == by;
    let descending = set("descending") == Some("true");
    let sorted = is_current.then_some(if descending { "descending" } else { "ascending" });
    let other = (is_current && !descending).then_some("true");
    // Times are read from the latest on.
    let first = (!is_current && by != "name").then_some("true");
    let to = pager::with(
        query,
        &[("sort", Some(by)), ("descending", other.or(first)), ("page", None), ("cursor", None)],
    );
    html! {
        th role="columnheader" scope="col" aria-sort=[sorted] {
            a.sort href=(to) { (text) span.arrow aria-hidden="true" {} }
        }
    }
}

fn row(
    view: &ConnectionView<'_>,
    catalogue: &Catalogue,
    now: Micros,
    of_past: Option<u64>,
) -> Markup {
    let path = path_of_view(view);
    let to = match of_past {
        Some(version) => with_query(&format!("{path}/then"), &[(AS_OF, &format!("v{version}"))]),
        None => path,
    };
    table::row(
        Some(&format!("c-{}", view.id)),
        &html! {
            (cell("Connection", &html! {
                a.name href=(to) { (name(&title_of(view))) }
                div.soft.slug { (view.workspace) " / " bdi { (view.slug) } }
            }))
            (cell("Provider", &provider(&view.provider, catalogue)))
            (cell("Health", &html! {
                (in_use(&view.lifecycle, view.enabled)) " " (health_since(&view.health, now))
            }))
            (cell("Secrets", &secrets(view, now)))
            (number("Used by", &html! {
                @if !view.dependents.is_empty() { (view.dependents.len()) }
                @else { span.soft { "\u{2013}" } }
            }))
            (cell("Created", &ago(&view.created_at, now)))
            (cell("Changed", &html! {
                (ago(&view.updated_at, now))
                div.soft.by { "by " (actor(&view.updated_by)) }
            }))
        },
    )
}

/// Returns what the catalogue calls a provider.
pub(crate) fn provider(id: &str, catalogue: &Catalogue) -> Markup {
    match catalogue.find(id) {
        Some(known) => html! { span title=(id) { (known.display_name) } },
        None => name(id),
    }
}

/// Returns the generations of the secrets, and what is to be done about them.
fn secrets(view: &ConnectionView<'_>, now: Micros) -> Markup {
    html! {
        @for (field, secret) in &view.secrets {
            div.secret {
                code { (field) } " " span.soft { "v" (secret.generation) }
                " " span.soft { (ago(&secret.set_at, now)) }
                " " (secret_state(secret, now))
            }
        }
        @if view.secrets.is_empty() { span.soft { "\u{2013}" } }
    }
}

/// Returns what is to be done about a secret, if anything is.
pub(crate) fn secret_state(secret: &SecretView<'_>, now: Micros) -> Markup {
    html! {
        @if secret.former.is_some() { (badge("warn", "Changing over")) " " }
        @match secret.age.as_deref() {
            Some(age @ ("due" | "overdue")) => (status::secret_age(age, secret.rotate_by.as_deref(), now)),
            _ => {},
        }
    }
}
