//! The secrets of a connection, masked, and who uses them.

use ledger_contract::queries::RotationView;
use ledger_contract::view::{ConnectionView, FormerView, SecretView};
use ledger_domain::Micros;
use maud::{Markup, html};

use crate::pages::connections::secret_state;
use crate::pages::overview::progress;
use crate::request::PageRequest;
use crate::view::parts::{actor, name, nothing, with_query};
use crate::view::status::{badge, secret_age};
use crate::view::times::ago;

/// Returns the secrets.
pub(super) fn secrets(
    request: &PageRequest,
    view: &ConnectionView<'_>,
    path: &str,
    now: Micros,
) -> Markup {
    html! {
        section.card #secrets aria-labelledby="secrets-title" {
            h2 #secrets-title { "Secrets" }
            @if view.secrets.is_empty() { (nothing("It has no secret.")) }
            @else {
                table.cards role="table" {
                    thead role="rowgroup" {
                        tr role="row" {
                            th role="columnheader" scope="col" { "Field" }
                            th role="columnheader" scope="col" { "Value" }
                            th role="columnheader" scope="col" { "Version" }
                            th role="columnheader" scope="col" { "Set" }
                            th role="columnheader" scope="col" { "State" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for (field, secret) in &view.secrets {
                            (row(request, view, field, secret, path, now))
                        }
                    }
                }
            }
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

fn row(
    request: &PageRequest,
    view: &ConnectionView<'_>,
    field: &str,
    secret: &SecretView<'_>,
    path: &str,
    now: Micros,
) -> Markup {
    let title = request.catalogue().find(&view.provider).and_then(|known| known.field(field));
    let exposure = with_query(&format!("{path}/exposure"), &[("field", field)]);
    html! {
        tr role="row" id={ "s-" (field) } {
            td role="cell" data-label="Field" {
                @if let Some(known) = title { div { (known.title()) } }
                code { (name(field)) }
            }
            td role="cell" data-label="Value" {
                code { (secret.masked) }
                @if let Some(reference) = &secret.reference {
                    div.soft { "from " code { (name(&reference.to_string())) } }
                }
                @if let Some(former) = &secret.former { (of_before(former, now)) }
            }
            td role="cell" data-label="Version" { "v" (secret.generation) }
            td role="cell" data-label="Set" { (ago(&secret.set_at, now)) }
            td role="cell" data-label="State" {
                (secret_state(secret, now))
                @if secret.age.as_deref() == Some("fresh") {
                    (secret_age("fresh", secret.rotate_by.as_deref(), now))
                }
                @if let Some(generation) = secret.compromised {
                    " " (badge("bad", "Compromised up to")) " v" (generation)
                }
                " " a href=(exposure) { "Who knows it" }
            }
        }
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

/// Returns the consumers, and how far they have changed over.
pub(super) fn consumers(
    request: &PageRequest,
    view: &RotationView,
    path: &str,
    now: Micros,
) -> Markup {
    let under_way = view.fields.values().any(|field| field.former.is_some());
    let rotates = request.frame.to.contains("/connections/");
    html! {
        section.card #consumers aria-labelledby="consumers-title" {
            h2 #consumers-title { "Consumers" }
            (progress(view, now))
            @if under_way && rotates {
                p.buttons {
                    a.button href={ (path) "/do/retire-former" } { "Retire the former secret now" }
                    a.button href={ (path) "/do/cancel-rotation" } { "Go back to the former secret" }
                }
            }
            @if view.consumers.is_empty() {
                (nothing("No consumer has said which secret it uses."))
            } @else {
                table.cards role="table" {
                    thead role="rowgroup" {
                        tr role="row" {
                            th role="columnheader" scope="col" { "Consumer" }
                            th role="columnheader" scope="col" { "Uses" }
                            th role="columnheader" scope="col" { "State" }
                            th role="columnheader" scope="col" { "Confirmed" }
                            th role="columnheader" scope="col" { "Last seen" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for (consumer, one) in &view.consumers {
                            tr role="row" id={ "n-" (consumer) } {
                                td role="cell" data-label="Consumer" {
                                    (name(consumer)) div.soft { (actor(&one.actor)) }
                                }
                                td role="cell" data-label="Uses" {
                                    @for (field, generation) in &one.generations {
                                        div { code { (field) } " v" (generation) }
                                    }
                                }
                                td role="cell" data-label="State" {
                                    @if one.gone { (badge("off", "Gone")) }
                                    @else if one.behind { (badge("warn", "On the former secret")) }
                                    @else { (badge("good", "Up to date")) }
                                }
                                td role="cell" data-label="Confirmed" { (ago(&one.confirmed_at, now)) }
                                td role="cell" data-label="Last seen" { (ago(&one.last_seen, now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
