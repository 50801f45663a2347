//! What can be done about a connection, by whom, and why not.

use ledger_contract::commands::Verb;
use ledger_contract::queries::AccessQuery;
use ledger_domain::principal::Scope;
use ledger_domain::{Connection, Lifecycle};
use ledger_engine::{QueryError, Reader};
use maud::{Markup, html};

use crate::request::PageRequest;

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
pub(super) fn actions(connection: &Connection) -> impl Iterator<Item = Action> {
    ACTIONS.into_iter().filter(|action| (action.fits)(connection))
}

pub(super) fn is_active(connection: &Connection) -> bool {
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

/// Says that the caller may not do something, in place of the form for it.
pub(crate) fn not_offered(request: &PageRequest, verb: Verb) -> Markup {
    if verb == Verb::RevealSecret && request.console.state.check_reveals().is_err() {
        return html! {
            p.notice.warn { "Secrets are not revealed over a connection that is not encrypted." }
        };
    }
    html! {
        p.notice.warn {
            "You may not do this here: it takes the right "
            @for (index, scope) in verb.spec().always_required().enumerate() {
                @if index > 0 { " and " } code { (scope.as_str()) }
            }
            ". Ask whoever administers the ledger for it."
        }
    }
}

/// What is not offered, and why.
pub(super) struct Denied {
    pub(super) label: &'static str,
    pub(super) because: String,
}

/// Returns what fits the state and the caller may not do.
pub(super) fn denied(
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
