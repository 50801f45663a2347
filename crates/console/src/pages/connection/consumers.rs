//! The consumers of a connection's secrets, and how far they have changed over.

use ledger_contract::commands::Verb;
use ledger_contract::queries::rotation::ConsumerView;
use ledger_domain::Micros;
use maud::{Markup, html};

use super::ConnectionData;
use super::actions::may;
use crate::pages::overview::progress;
use crate::request::PageRequest;
use crate::view::parts::{actor, name, nothing};
use crate::view::status::badge;
use crate::view::table::{Head, cards, cell, row};
use crate::view::times::ago;

/// What can be done while a rotation is under way.
const ENDINGS: [(Verb, &str); 2] = [
    (Verb::RetireFormer, "Retire the former secret now"),
    (Verb::CancelRotation, "Go back to the former secret"),
];

/// Returns the consumers.
pub(super) fn consumers(
    request: &PageRequest,
    found: &ConnectionData,
    path: &str,
    now: Micros,
) -> Markup {
    let view = &found.rotation;
    let under_way = view.fields.values().any(|field| field.former.is_some());
    let endings =
        ENDINGS.into_iter().filter(|(verb, _)| under_way && may(request, *verb, &found.connection));
    let endings: Vec<_> = endings.collect();
    let heads = ["Consumer", "Uses", "State", "Confirmed", "Last seen"].map(Head::Text);
    let rows = html! {
        @for (consumer, one) in &view.consumers {
            (row(Some(&format!("n-{consumer}")), &cells(consumer, one, now)))
        }
    };
    html! {
        section.card #consumers aria-labelledby="consumers-title" {
            h2 #consumers-title { "Consumers" }
            (progress(view, now))
            @if !endings.is_empty() {
                p.buttons {
                    @for (verb, label) in endings {
                        a.button href={ (path) "/do/" (verb.as_str()) } { (label) }
                    }
                }
            }
            @if view.consumers.is_empty() {
                (nothing("No consumer has said which secret it uses."))
            } @else { (cards(&heads, &rows)) }
        }
    }
}

fn cells(consumer: &str, one: &ConsumerView, now: Micros) -> Markup {
    html! {
        (cell("Consumer", &html! { (name(consumer)) div.soft { (actor(&one.actor)) } }))
        (cell("Uses", &html! {
            @for (field, generation) in &one.generations {
                div { code { (field) } " v" (generation) }
            }
        }))
        (cell("State", &html! {
            @if one.gone { (badge("off", "Gone")) }
            @else if one.behind { (badge("warn", "On the former secret")) }
            @else { (badge("good", "Up to date")) }
        }))
        (cell("Confirmed", &ago(&one.confirmed_at, now)))
        (cell("Last seen", &ago(&one.last_seen, now)))
    }
}
