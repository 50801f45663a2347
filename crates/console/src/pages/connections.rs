//! The list of connections, with any filters that the API has.

use std::sync::Arc;

use axum::response::Response;
use ledger_contract::AsOf;
use ledger_contract::queries::{PAGE_SIZE, PageQuery, QueryName, QueryRequest, list};
use ledger_contract::view::{ConnectionView, SecretView};
use ledger_domain::Micros;
use ledger_domain::principal::Scope;
use ledger_engine::{Effort, ListOptions};
use ledger_http::toolkit::Refusal;
use ledger_providers::Catalogue;
use maud::{Markup, html};

use crate::request::PageRequest;
use crate::view::filters::Filters;
use crate::view::layout::{Live, Section, live};
use crate::view::parts::{actor, counted, name, nothing, path_of_view, thousands, title_of};
use crate::view::status::{badge, health_since, in_use};
use crate::view::times::ago;
use crate::view::{pager, status};

/// Workspaces to choose from.
pub(crate) const WORKSPACES_MAX: u32 = 500;

/// What the read gives.
struct ListData {
    rows: Vec<Markup>,
    total: Option<u64>,
    next: Option<String>,
    altered: u64,
    live: Live,
    workspaces: Vec<String>,
}

/// Shows a page of the list.
#[expect(clippy::too_many_lines, reason = "one page, of the present or the past")]
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let workspace = request.workspace()?;
    let asked = request.query(QueryName::List, list::PARAMETERS, &[])?;
    let QueryRequest::List(query) = asked else { unreachable!("it is the query that was named") };
    let (number, size) = (query.page.unwrap_or(1), query.page_size.unwrap_or(PAGE_SIZE));
    let past = query.as_of.as_deref().map(|text| AsOf::parse("as_of", text)).transpose()?;
    let by_cursor = query.cursor.is_some() || past.is_some();
    let may = request.may(Scope::Read, &workspace) && past.is_none();
    let (now, only) = (request.now(), workspace.name().map(|name| name.as_str().to_owned()));
    let catalogue = Arc::clone(&request.console.catalogue);
    let read = request.read(Effort::Scan, workspace, move |reader| {
        let page = PageQuery { page_size: Some(WORKSPACES_MAX), cursor: None };
        let workspaces = reader.workspaces(&page)?.workspaces;
        let workspaces = workspaces.into_iter().map(|workspace| workspace.name).collect();
        let shown = |view: &ConnectionView<'_>| row(view, &catalogue, now);
        if let Some(past) = past {
            let found = reader.list_as_of(query, &past)?;
            let rows = found.rows.iter().map(|then| shown(&ConnectionView::of(then)));
            return Ok(ListData {
                rows: rows.collect(),
                total: found.total,
                altered: found.altered,
                live: Live::of(may, only.as_deref(), found.end),
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
    let found = read.await?;
    let query = &request.inputs.query;
    let filters = Filters {
        action: "/connections",
        parameters: list::PARAMETERS,
        first: &["text", "health"],
        left_out: &["sort", "descending", "page", "cursor"],
        query,
        workspaces: &found.workspaces,
    };
    let pages = found.total.unwrap_or_default().div_ceil(u64::from(size).max(1));
    let body = html! {
        div.head {
            h1 { "Connections" }
            a.button.primary href="/new" { "New connection" }
        }
        (filters.render())
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
            @else { (table(query, &found.rows)) }
            @if by_cursor { (pager::by_cursor(query, found.next.as_deref())) }
            @else { (pager::by_number(query, u64::from(number), pages)) }
        }))
    };
    Ok(request.page("Connections", Section::Connections, &body))
}

fn table(query: &[(String, String)], rows: &[Markup]) -> Markup {
    html! {
        table.cards role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    (sortable(query, "name", "Connection"))
                    th role="columnheader" scope="col" { "Provider" }
                    th role="columnheader" scope="col" { "Health" }
                    th role="columnheader" scope="col" { "Secrets" }
                    th.number role="columnheader" scope="col" { "Used by" }
                    (sortable(query, "created", "Created"))
                    (sortable(query, "updated", "Changed"))
                }
            }
            tbody role="rowgroup" { @for row in rows { (row) } }
        }
    }
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

fn row(view: &ConnectionView<'_>, catalogue: &Catalogue, now: Micros) -> Markup {
    html! {
        tr role="row" id={ "c-" (view.id) } {
            td role="cell" data-label="Connection" {
                a.name href=(path_of_view(view)) { (name(&title_of(view))) }
                div.soft.slug { (view.workspace) " / " bdi { (view.slug) } }
            }
            td role="cell" data-label="Provider" { (provider(&view.provider, catalogue)) }
            td role="cell" data-label="Health" {
                (in_use(&view.lifecycle, view.enabled)) " "
                (health_since(&view.health, now))
            }
            td role="cell" data-label="Secrets" { (secrets(view, now)) }
            td.number role="cell" data-label="Used by" {
                @if !view.dependents.is_empty() { (view.dependents.len()) }
                @else { span.soft { "\u{2013}" } }
            }
            td role="cell" data-label="Created" { (ago(&view.created_at, now)) }
            td role="cell" data-label="Changed" {
                (ago(&view.updated_at, now))
                div.soft.by { "by " (actor(&view.updated_by)) }
            }
        }
    }
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
