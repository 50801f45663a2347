//! The head of the page: what the connection is called, how it is, and what can be done.

use ledger_contract::commands::Verb;
use ledger_contract::queries::WhyView;
use ledger_contract::view::ConnectionView;
use ledger_domain::Micros;
use maud::{Markup, html};

use super::ConnectionData;
use super::actions::{actions, may};
use crate::pages::connections::provider;
use crate::pages::overview::remedy;
use crate::request::PageRequest;
use crate::view::event;
use crate::view::parts::{actor, counted, id, name, title_of};
use crate::view::status::{health_since, in_use, outcome, words};
use crate::view::times::ago;

/// Says what the form before has done.
pub(crate) fn done(request: &PageRequest) -> Markup {
    let verb = request.parameter("done").and_then(Verb::find);
    let Some(verb) = verb else { return html! {} };
    let text = match verb {
        Verb::Create => "Created.",
        Verb::Update => "Saved.",
        Verb::RotateSecret => "The secret is rotated.",
        Verb::Archive => "Archived. It can be restored.",
        Verb::Restore => "Restored.",
        Verb::Enable => "Enabled: gateways may use it.",
        Verb::Disable => "Disabled: gateways may not use it.",
        Verb::Revert => "Reverted.",
        Verb::TestConnection => "Tested; the result is below.",
        Verb::Erase => "Erased. What it said is destroyed, and cannot come back.",
        Verb::GrantWorkspace => "Shared.",
        Verb::RevokeWorkspace => "No longer shared.",
        _ => "Done.",
    };
    html! { p.notice.good role="status" data-done { (text) } }
}

/// Returns the head.
pub(super) fn head(
    request: &PageRequest,
    found: &ConnectionData,
    view: &ConnectionView<'_>,
    path: &str,
) -> Markup {
    html! {
        div.head #head {
            div {
                h1 { (name(&title_of(view))) }
                p.soft {
                    (provider(&view.provider, request.catalogue()))
                    " \u{b7} " (view.workspace) " / " bdi { (view.slug) }
                    " \u{b7} " (words(&view.environment))
                    " \u{b7} version " (view.version)
                }
                p { (in_use(&view.lifecycle, view.enabled)) " " (id(&view.id)) }
                @if let Some(text) = &view.description { p.prose { (name(text)) } }
            }
            (offered(request, found, path))
        }
    }
}

fn offered(request: &PageRequest, found: &ConnectionData, path: &str) -> Markup {
    let all = actions(&found.connection);
    let offered = all.filter(|action| may(request, action.verb, &found.connection));
    html! {
        div.actions {
            ul aria-label="Actions" {
                @for (index, action) in offered.enumerate() {
                    li {
                        a.button.primary[index == 0].danger[action.verb == Verb::Erase]
                            href={ (path) "/" (action.path) } { (action.label) }
                    }
                }
            }
            @if !found.denied.is_empty() {
                details.denied {
                    summary { (counted(found.denied.len().try_into().unwrap_or(u64::MAX), "action", "actions")) " you may not do" }
                    ul {
                        @for one in &found.denied {
                            li { strong { (one.label) } ": " (one.because) }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the health, what led to it, and what to do.
pub(super) fn health(
    request: &PageRequest,
    found: &ConnectionData,
    path: &str,
    now: Micros,
) -> Markup {
    let why = &found.why;
    html! {
        section.card #health aria-labelledby="health-title" {
            h2 #health-title { "Health" }
            p.large { (health_since(&why.health, now)) }
            (causes(why, now))
            (remedy(request, &why.what_to_do, &found.connection, path))
        }
    }
}

/// Returns what led to a health.
fn causes(why: &WhyView, now: Micros) -> Markup {
    html! {
        dl.facts {
            @if let Some(cause) = &why.cause {
                div {
                    dt { "Reported" }
                    dd {
                        (ago(&cause.recorded_at, now)) " by " (actor(&cause.actor))
                        @if let Some(word) = &cause.outcome { " " (outcome(word)) }
                        @if let Some(status) = cause.status { " HTTP " (status) }
                        @if let Some(latency) = cause.latency_ms { " in " (latency) " ms" }
                    }
                }
            }
            @if let Some(failure) = &why.first_failure {
                div {
                    dt { "First failure" }
                    dd { (ago(&failure.recorded_at, now)) " by " (actor(&failure.actor)) }
                }
            }
            @if let Some(change) = &why.change_before {
                div {
                    dt { "Last change before" }
                    dd {
                        (event::title(&change.r#type)) " by " (actor(&change.actor)) ", "
                        (ago(&change.recorded_at, now)) ", version " (change.version)
                        @for (field, generation) in &change.secrets {
                            " \u{b7} " code { (field) } " v" (generation)
                        }
                    }
                }
            }
            @if let Some(worked) = &why.last_worked {
                div { dt { "Last worked" } dd { (ago(&worked.recorded_at, now)) } }
            }
            @if let Some(tests) = &why.tests {
                div {
                    dt { "Tests since" }
                    dd { (tests.count) ", the last: " (outcome(&tests.last_outcome)) }
                }
            }
            @if let Some(next) = &why.next_test {
                div { dt { "Next test" } dd { (ago(&next.at, now)) } }
            }
        }
    }
}
