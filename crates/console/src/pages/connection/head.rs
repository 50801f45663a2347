//! The head of the page: what the connection is called, how it is, and what can be done.

use ledger_contract::commands::Verb;
use ledger_contract::queries::{AccessQuery, WhyView};
use ledger_contract::view::ConnectionView;
use ledger_domain::principal::Scope;
use ledger_domain::{Connection, Lifecycle, Micros};
use ledger_engine::{QueryError, Reader};
use maud::{Markup, html};

use super::ConnectionData;
use crate::pages::connections::provider;
use crate::pages::overview::remedy;
use crate::request::PageRequest;
use crate::view::event;
use crate::view::parts::{actor, counted, id, name, title_of};
use crate::view::status::{health_since, in_use, outcome, words};
use crate::view::times::ago;

/// Something that can be done about a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) verb: Verb,
    /// On the button.
    pub(crate) label: &'static str,
    /// Below the path of the connection.
    pub(crate) path: &'static str,
    /// Whether it makes sense in a state.
    pub(crate) fits: fn(&Connection) -> bool,
}

const fn action(
    verb: Verb,
    label: &'static str,
    path: &'static str,
    fits: fn(&Connection) -> bool,
) -> Action {
    Action { verb, label, path, fits }
}

/// What can be done, in the order in which it is offered.
const ACTIONS: [Action; 12] = [
    action(Verb::RotateSecret, "Rotate", "rotate", |one| is_active(one) && has_secrets(one)),
    action(Verb::TestConnection, "Test", "do/test-connection", is_active),
    action(Verb::RevealSecret, "Reveal", "reveal", |one| {
        is_active(one) && one.enabled && has_secrets(one)
    }),
    action(Verb::Update, "Edit", "edit", is_active),
    action(Verb::MarkOperational, "Report health", "do/mark-operational", is_active),
    action(Verb::Disable, "Disable", "do/disable", |one| is_active(one) && one.enabled),
    action(Verb::Enable, "Enable", "do/enable", |one| is_active(one) && !one.enabled),
    action(Verb::GrantWorkspace, "Share", "do/grant-workspace", is_active),
    action(Verb::Revert, "Revert", "do/revert", |one| is_active(one) && one.version.get() > 1),
    action(Verb::Archive, "Archive", "do/archive", is_active),
    action(Verb::Restore, "Restore", "do/restore", is_archived),
    action(Verb::Erase, "Erase", "do/erase", |one| !one.lifecycle.is_erased()),
];

/// Returns what fits the state of a connection.
pub(crate) fn actions(connection: &Connection) -> impl Iterator<Item = Action> {
    ACTIONS.into_iter().filter(|action| (action.fits)(connection))
}

fn is_active(connection: &Connection) -> bool {
    connection.lifecycle == Lifecycle::Active
}

fn is_archived(connection: &Connection) -> bool {
    matches!(connection.lifecycle, Lifecycle::Archived { .. })
}

fn has_secrets(connection: &Connection) -> bool {
    !connection.secrets.is_empty()
}

/// Returns whether the caller has every right that a verb always takes.
pub(crate) fn may(request: &PageRequest, verb: Verb, connection: &Connection) -> bool {
    let mut scopes = verb.spec().always_required();
    scopes.all(|scope| request.caller.may_with(scope, connection))
        && (verb != Verb::RevealSecret || request.console.state.check_reveals().is_ok())
}

/// What is not offered, and why.
pub(crate) struct Denied {
    label: &'static str,
    because: String,
}

/// Returns what fits the state and the caller may not do.
pub(crate) fn denied(
    request: &PageRequest,
    reader: &Reader<'_>,
    connection: &Connection,
) -> Result<Vec<Denied>, QueryError> {
    let mut all = Vec::new();
    for action in actions(connection).filter(|action| !may(request, action.verb, connection)) {
        let scopes = action.verb.spec().always_required();
        let missing = scopes.filter(|scope| !request.caller.may_with(*scope, connection));
        let missing: Vec<_> = missing.map(Scope::as_str).collect();
        let because = match (request.caller.key(), missing.first()) {
            (_, None) => "secrets are not revealed over an unencrypted connection".to_owned(),
            (Some(key), Some(_)) => {
                let query = AccessQuery {
                    who: key.as_str().to_owned(),
                    what: action.verb.as_str().to_owned(),
                    on: Some(connection.id.to_string()),
                    as_of: None,
                };
                reader.access_check(&query)?.because
            }
            (None, Some(_)) => format!("takes the right {}", missing.join(" and ")),
        };
        all.push(Denied { label: action.label, because });
    }
    Ok(all)
}

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
pub(super) fn health(why: &WhyView, path: &str, now: Micros) -> Markup {
    html! {
        section.card #health aria-labelledby="health-title" {
            h2 #health-title { "Health" }
            p.large { (health_since(&why.health, now)) }
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
            (remedy(&why.what_to_do, path))
        }
    }
}
