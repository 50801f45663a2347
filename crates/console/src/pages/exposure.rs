//! Who knows one value of a secret.

use axum::response::Response;
use ledger_contract::queries::exposure::ExposedTo;
use ledger_contract::queries::{ExposurePage, ExposureQuery, QueryWorkspace};
use ledger_domain::{InvalidField, Micros};
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use crate::request::PageRequest;
use crate::view::layout::Section;
use crate::view::pager;
use crate::view::parts::{actor, crumbs, name, name_of, nothing, path_of, thousands};
use crate::view::status::badge;
use crate::view::times::{ago, stamped};

/// Shows the page.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let (workspace, target) = request.place()?;
    let path = path_of(workspace.as_str(), request.inputs.text("connection").unwrap_or_default());
    let number = |text: &str| {
        let invalid = || InvalidField::new("generation", "must be a number");
        text.parse::<u64>().map_err(|_| invalid())
    };
    let query = ExposureQuery {
        connection: target.canonical(),
        field: request.parameter("field").unwrap_or_default().to_owned(),
        generation: request.parameter("generation").map(number).transpose()?,
        page_size: None,
        cursor: request.parameter("cursor").map(str::to_owned),
    };
    let place = QueryWorkspace::Named(workspace);
    let read = request.read(Effort::Scan, place, move |reader| {
        Ok((reader.connection(&target)?, reader.exposure(&query)?))
    });
    let (connection, page) = read.await?;
    let (title, now) = (name_of(&connection), request.now());
    let earlier = (1..=page.generation.max(1)).rev().take(20);
    let link = |number: u64| {
        let number = number.to_string();
        pager::with(&request.inputs.query, &[("generation", Some(&number)), ("cursor", None)])
    };
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &title)]))
        div.head {
            h1 { "Who knows " code { (name(&page.field)) } " v" (page.generation) }
            a.button.primary href={ (path) "/rotate" } { "Rotate" }
        }
        nav.tabs aria-label="Versions of the secret" {
            @for number in earlier {
                a href=(link(number))
                    aria-current=[(number == page.generation).then_some("page")] { "v" (number) }
            }
        }
        (about(&page, now))
        @if page.readers.is_empty() { (nothing("The ledger has given it to nobody.")) }
        @else { (table(&page.readers, now)) }
        (pager::by_cursor(&request.inputs.query, page.next_cursor.as_deref()))
    };
    Ok(request.page("Who knows a secret", Section::Connections, &body))
}

fn about(page: &ExposurePage, now: Micros) -> Markup {
    html! {
        p {
            @if page.current { (badge("good", "In use")) } @else { (badge("off", "Replaced")) }
            @if page.compromised { " " (badge("bad", "Compromised")) }
            " Set by " (actor(&page.set_by.actor)) " " (stamped(&page.set_by.at, now))
            ", with version " (page.set_by.version) " of the connection."
        }
    }
}

fn table(readers: &[ExposedTo], now: Micros) -> Markup {
    html! {
        table.cards role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    th role="columnheader" scope="col" { "Who" }
                    th.number role="columnheader" scope="col" { "Reveals" }
                    th role="columnheader" scope="col" { "First" }
                    th role="columnheader" scope="col" { "Last" }
                    th role="columnheader" scope="col" { "Reason" }
                    th role="columnheader" scope="col" { "From" }
                    th role="columnheader" scope="col" { "Now" }
                }
            }
            tbody role="rowgroup" { @for reader in readers { (row(reader, now)) } }
        }
    }
}

fn row(reader: &ExposedTo, now: Micros) -> Markup {
    let addresses: Vec<_> = reader.addresses.iter().map(ToString::to_string).collect();
    html! {
        tr role="row" {
            td role="cell" data-label="Who" {
                (actor(&reader.actor))
                @if let Some(key) = &reader.key { div.soft { "key " code { (name(key)) } } }
                @if let Some(by) = &reader.handed_over_by { div.soft { "handed over by " (actor(by)) } }
            }
            td.number role="cell" data-label="Reveals" { (thousands(reader.reveals)) }
            td role="cell" data-label="First" { (ago(&reader.first_at, now)) }
            td role="cell" data-label="Last" { (ago(&reader.last_at, now)) }
            td role="cell" data-label="Reason" { (name(&reader.last_reason)) }
            td role="cell" data-label="From" {
                div {
                    (addresses.join(", "))
                    @if reader.more_addresses { " and more" }
                    div.soft { "over " (reader.via.iter().map(String::as_str).collect::<Vec<_>>().join(", ")) }
                }
            }
            td role="cell" data-label="Now" {
                div {
                    @match reader.may_reveal {
                        Some(true) => (badge("warn", "May reveal it")),
                        Some(false) => (badge("off", "May not any more")),
                        None => span.soft { "By its token" },
                    }
                    @if reader.leases_held > 0 { " " (badge("warn", "Holds leases")) }
                }
            }
        }
    }
}
