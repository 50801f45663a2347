//! Which connections of a workspace differ between two moments.

use axum::response::Response;
use ledger_contract::queries::{ChangesPage, ChangesQuery, ConnectionChange, QueryWorkspace};
use ledger_domain::Micros;
use ledger_domain::principal::Scope;
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::connections::{name_of_workspace, names};
use super::history::tabs;
use crate::request::PageRequest;
use crate::view::difference::label;
use crate::view::layout::Section;
use crate::view::moment::{AS_OF, in_utc, local};
use crate::view::pager;
use crate::view::parts::{
    TextField, actor, counted, name, nothing, path_of, select, thousands, with_query,
};
use crate::view::status::{badge, words};
use crate::view::table::{Head, cards, cell, row};
use crate::view::times::ago;

/// What is compared with the present unless something else is asked for.
const USUAL: &str = "1d";
/// What a shorter look back leads to.
const SPANS: [(&str, &str); 4] =
    [("1h", "Last hour"), ("1d", "Last day"), ("7d", "Last 7 days"), ("30d", "Last 30 days")];
const DAY_MICROS: i64 = 86_400_000_000;

/// Shows the page.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let workspace = request.workspace_for(Scope::Audit)?;
    let from = request.parameter("from").map_or_else(|| USUAL.to_owned(), in_utc);
    let query = ChangesQuery {
        from: from.clone(),
        to: request.parameter("to").map(in_utc),
        page_size: None,
        cursor: request.parameter("cursor").map(str::to_owned),
    };
    let read = request.read(Effort::Scan, workspace.clone(), move |reader| {
        Ok((reader.changes(&query)?, names(reader)?))
    });
    let (page, names) = read.await?;
    let choices = request.workspace_choices(Scope::Audit, &names);
    let body = html! {
        div.head { h1 { "Audit" } (undo(&request, &workspace, &from)) }
        (tabs("changes"))
        (form(&request, &workspace, &choices))
        p #total role="status" {
            (found(&page)) " between position " (thousands(page.from.position.get()))
            " and " (thousands(page.to.position.get()))
        }
        @if page.connections.is_empty() { (nothing("No connection differs between these moments.")) }
        @else { (table(&page, request.now())) }
        (pager::by_cursor(&request.inputs.query, page.next_cursor.as_deref()))
    };
    Ok(request.page("Changes", Section::Audit, &body))
}

/// Returns the way to a plan that brings back the first moment.
fn undo(request: &PageRequest, workspace: &QueryWorkspace, from: &str) -> Markup {
    let place = [("workspace", name_of_workspace(workspace)), (AS_OF, from)];
    html! {
        @if request.parameter("to").is_none() {
            a.button href=(with_query("/undo", &place)) { "Plan an undo" }
        }
    }
}

fn form(request: &PageRequest, workspace: &QueryWorkspace, choices: &[(String, String)]) -> Markup {
    let now = request.now();
    let given = |name: &str| request.parameter(name).map(in_utc);
    let shown = |text: Option<String>| {
        let known = text.and_then(|text| ledger_contract::Moment::parse("moment", &text).ok());
        known.map(|moment| local(moment.before(now)))
    };
    let day_ago = local(Micros::new(now.get() - DAY_MICROS));
    let (from, to) = (shown(given("from")).unwrap_or(day_ago), shown(given("to")));
    let place = name_of_workspace(workspace);
    html! {
        form.filters method="get" action="/changes" data-sparse {
            div.row {
                (select("workspace", "Workspace", choices, place))
                (TextField {
                    name: "from", label: "From (UTC)", value: &from, time: true,
                    ..TextField::default()
                }.render())
                (TextField {
                    name: "to", label: "To, or now", value: to.as_deref().unwrap_or_default(),
                    time: true, ..TextField::default()
                }.render())
                button.primary type="submit" { "Show" }
            }
            ul.spans aria-label="How far back" {
                @for (span, text) in SPANS {
                    li { a href=(with_query("/changes", &[("workspace", place), ("from", span)])) { (text) } }
                }
            }
        }
    }
}

fn found(page: &ChangesPage) -> String {
    let count = u64::try_from(page.connections.len()).unwrap_or(u64::MAX);
    let told = counted(count, "connection differs", "connections differ");
    if page.next_cursor.is_some() { format!("{told} on this page") } else { told }
}

fn table(page: &ChangesPage, now: Micros) -> Markup {
    let heads = ["Connection", "What", "Fields", "Versions", "Last changed"].map(Head::Text);
    cards(
        &heads,
        &html! {
            @for one in &page.connections { (row(None, &cells(one, now))) }
        },
    )
}

fn cells(one: &ConnectionChange, now: Micros) -> Markup {
    let path = path_of(&one.workspace, &one.connection);
    let (from, to) = (format!("v{}", one.from_version), format!("v{}", one.to_version));
    let compare = with_query(&format!("{path}/compare"), &[("from", &from), ("to", &to)]);
    let class = match one.change.as_str() {
        "created" | "restored" => "good",
        "archived" | "erased" => "off",
        _ => "none",
    };
    html! {
        (cell("Connection", &html! {
            a.name href=(path) { (name(&one.slug)) }
            div.soft.slug { (one.workspace) }
        }))
        (cell("What", &badge(class, &words(&one.change))))
        (cell("Fields", &html! {
            @if one.fields.is_empty() { span.soft { "\u{2013}" } }
            @else { (one.fields.iter().map(|field| label(field)).collect::<Vec<_>>().join(", ")) }
        }))
        (cell("Versions", &html! {
            @if one.from_version > 0 && one.change != "erased" {
                a href=(compare) { (from) " to " (to) }
            } @else { (to) }
        }))
        (cell("Last changed", &html! {
            (ago(&one.updated_at, now)) div.soft.by { "by " (actor(&one.updated_by)) }
        }))
    }
}
