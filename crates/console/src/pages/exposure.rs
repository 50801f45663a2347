//! Who knows one value of a secret.

use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::queries::exposure::ExposedTo;
use ledger_contract::queries::{ExposurePage, ExposureQuery, QueryWorkspace};
use ledger_domain::{InvalidField, Micros};
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::connection::may;
use crate::request::PageRequest;
use crate::view::layout::Section;
use crate::view::pager;
use crate::view::parts::{actor, crumbs, name, name_of, nothing, thousands};
use crate::view::status::badge;
use crate::view::table::{Head, cards, cell, number, row};
use crate::view::times::{ago, stamped};

/// Shows the page.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let (workspace, target) = request.place()?;
    let path = request.own_path()?;
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
            @if may(&request, Verb::RotateSecret, &connection) {
                a.button.primary href={ (path) "/rotate" } { "Rotate" }
            }
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
    let heads = [
        Head::Text("Who"),
        Head::Number("Reveals"),
        Head::Text("First"),
        Head::Text("Last"),
        Head::Text("Reason"),
        Head::Text("From"),
        Head::Text("Now"),
    ];
    cards(&heads, &html! { @for reader in readers { (row(None, &cells(reader, now))) } })
}

fn cells(reader: &ExposedTo, now: Micros) -> Markup {
    let addresses: Vec<_> = reader.addresses.iter().map(ToString::to_string).collect();
    let ways: Vec<_> = reader.via.iter().map(String::as_str).collect();
    html! {
        (cell("Who", &html! {
            (actor(&reader.actor))
            @if let Some(key) = &reader.key { div.soft { "key " code { (name(key)) } } }
            @if let Some(by) = &reader.handed_over_by { div.soft { "handed over by " (actor(by)) } }
        }))
        (number("Reveals", &html! { (thousands(reader.reveals)) }))
        (cell("First", &ago(&reader.first_at, now)))
        (cell("Last", &ago(&reader.last_at, now)))
        (cell("Reason", &name(&reader.last_reason)))
        (cell("From", &html! {
            div {
                (addresses.join(", "))
                @if reader.more_addresses { " and more" }
                div.soft { "over " (ways.join(", ")) }
            }
        }))
        (cell("Now", &html! {
            div {
                @match reader.may_reveal {
                    Some(true) => (badge("warn", "May reveal it")),
                    Some(false) => (badge("off", "May not any more")),
                    None => span.soft { "By its token" },
                }
                @if reader.leases_held > 0 { " " (badge("warn", "Holds leases")) }
            }
        }))
    }
}
