//! The secrets of a connection, masked.

use ledger_contract::view::{ConnectionView, FormerView, SecretView};
use ledger_domain::Micros;
use maud::{Markup, html};

use crate::pages::connections::secret_state;
use crate::request::PageRequest;
use crate::view::parts::{name, nothing, with_query};
use crate::view::status::{badge, secret_age};
use crate::view::table::{Head, cards, cell, row};
use crate::view::times::ago;

/// Returns the secrets.
pub(super) fn secrets(
    request: &PageRequest,
    view: &ConnectionView<'_>,
    path: &str,
    now: Micros,
) -> Markup {
    let heads = ["Field", "Value", "Version", "Set", "State"].map(Head::Text);
    let rows = html! {
        @for (field, secret) in &view.secrets {
            (row(Some(&format!("s-{field}")), &cells(request, view, (field.as_ref(), secret), path, now)))
        }
    };
    html! {
        section.card #secrets aria-labelledby="secrets-title" {
            h2 #secrets-title { "Secrets" }
            @if view.secrets.is_empty() { (nothing("It has no secret.")) }
            @else { (cards(&heads, &rows)) }
            @for one in &view.secret_references {
                p.soft {
                    code { (name(&one.target)) } " is filled by others from " code { (name(&one.reference)) }
                }
            }
            @if let Some(token) = &view.provider_token {
                p {
                    "Token of the provider: "
                    @match &token.expires_at {
                        Some(until) => { "valid until " (ago(until, now)) },
                        None => { "none" },
                    }
                    @if token.given_up { " " (badge("bad", "Needs a person")) }
                }
            }
        }
    }
}

fn cells(
    request: &PageRequest,
    view: &ConnectionView<'_>,
    (field, secret): (&str, &SecretView<'_>),
    path: &str,
    now: Micros,
) -> Markup {
    let title = request.catalogue().find(&view.provider).and_then(|known| known.field(field));
    let exposure = with_query(&format!("{path}/exposure"), &[("field", field)]);
    html! {
        (cell("Field", &html! {
            @if let Some(known) = title { div { (known.title()) } }
            code { (name(field)) }
        }))
        (cell("Value", &value(secret, now)))
        (cell("Version", &html! { "v" (secret.generation) }))
        (cell("Set", &ago(&secret.set_at, now)))
        (cell("State", &html! {
            (secret_state(secret, now))
            @if secret.age.as_deref() == Some("fresh") {
                (secret_age("fresh", secret.rotate_by.as_deref(), now))
            }
            @if let Some(generation) = secret.compromised {
                " " (badge("bad", "Compromised up to")) " v" (generation)
            }
            @if request.frame.audits { " " a href=(exposure) { "Who knows it" } }
        }))
    }
}

/// Returns what is seen of a value, and of the one before it.
pub(super) fn value(secret: &SecretView<'_>, now: Micros) -> Markup {
    html! {
        code { (secret.masked) }
        @if let Some(reference) = &secret.reference {
            div.soft { "from " code { (name(&reference.to_string())) } }
        }
        @if let Some(former) = &secret.former { (of_before(former, now)) }
    }
}

fn of_before(former: &FormerView<'_>, now: Micros) -> Markup {
    html! {
        div.soft {
            "before: " code { (former.masked) } " v" (former.generation)
            ", ends " (ago(&former.until, now))
            @if former.waits_for == "confirmation" { " or when all have confirmed" }
        }
    }
}
