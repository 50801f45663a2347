//! Whether an event is one of an alert's.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_contract::alerts::{HEALTH_CHANGED, SECRET_COMPROMISED};
use ledger_contract::records::{Frame, Happened, StreamId};
use ledger_domain::{Alert, AlertName, AlertSelection, CheckedText as _, Event, WorkspaceName};
use serde::Deserialize;

use super::is_ledger;
use crate::errors::Fault;
use crate::outbox::OutboxItem;

/// The stored type names of the events that can say how well a connection works.
const HEALTH_TYPES: [&str; 7] = [
    "marked_degraded",
    "marked_failed",
    "marked_operational",
    "connection_tested",
    "provider_token_refreshed",
    "provider_token_failed",
    "connection_authorized",
];

/// The type of a test of an alert, which is always one of its events.
const TESTED: &str = "alert_tested";
/// The type of a rotation, which may say that the former value is known to others.
const ROTATED: &str = "secret_rotated";

/// Returns whether an event may be one of an alert's, by what its record says. Of one that says
/// nothing any more, because its connection was erased, nothing is told.
pub(super) fn may_concern(
    place: &WorkspaceName,
    name: &AlertName,
    alert: &Alert,
    frame: Frame<'_>,
) -> Result<bool, Fault> {
    if !is_in(place, &frame) {
        return Ok(false);
    }
    let selection = &alert.settings.selection;
    let named = is_named(selection, frame.type_name);
    let is_of_place = matches!(&frame.stream, StreamId::Alerts(of) if of == place);
    let of_test = frame.type_name == TESTED && is_of_place;
    let of_leaks = frame.type_name == ROTATED && is_named(selection, SECRET_COMPROMISED);
    let of_connection = matches!(frame.stream, StreamId::Connection(_));
    let may_tell = HEALTH_TYPES.contains(&frame.type_name);
    let of_health = of_connection && may_tell && is_named(selection, HEALTH_CHANGED);
    // Most events end here, without being read as a whole.
    if !(named || of_test || of_leaks || of_health) {
        return Ok(false);
    }
    Ok(match frame.happened()? {
        Happened::Connection(Event::Emptied(_)) => false,
        Happened::Connection(event) => {
            named || (of_leaks && event.is_urgent()) || (of_health && event.reports_health())
        }
        Happened::Alert(event) => named || event.name == *name,
        _ => named,
    })
}

fn is_in(place: &WorkspaceName, frame: &Frame<'_>) -> bool {
    is_ledger(place) || frame.workspace == place.as_str()
}

fn is_named(selection: &AlertSelection, word: &str) -> bool {
    selection.on.iter().any(|named| named.as_str() == word)
}

/// What the notification of an event shows of its connection, as far as a selection asks for it.
#[derive(Deserialize)]
struct Shown<'a> {
    #[serde(borrow)]
    connection: Option<ShownConnection<'a>>,
    #[serde(default)]
    state_omitted: bool,
}

#[derive(Deserialize)]
struct ShownConnection<'a> {
    #[serde(borrow)]
    provider: Cow<'a, str>,
    #[serde(borrow)]
    labels: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow)]
    health: ShownHealth<'a>,
}

#[derive(Deserialize)]
struct ShownHealth<'a> {
    #[serde(borrow)]
    since: Cow<'a, str>,
    #[serde(borrow)]
    by: Cow<'a, str>,
}

/// Returns whether an event is one of an alert's, by the state of its connection after it. If the
/// state is too large to be shown, it is.
pub(super) fn concerns(alert: &Alert, item: &OutboxItem) -> Result<bool, Fault> {
    if item.type_name == TESTED {
        return Ok(true);
    }
    let selection = &alert.settings.selection;
    let asks_no_state = selection.provider.is_none() && selection.labels.is_empty();
    let named = is_named(selection, item.type_name);
    let leaks = item.is_urgent && is_named(selection, SECRET_COMPROMISED);
    if asks_no_state && (named || leaks) {
        return Ok(true);
    }
    let shown: Shown<'_> = serde_json::from_slice(&item.body)
        .map_err(|_| Fault::bug("a notification is not as it was written"))?;
    let Some(connection) = shown.connection else { return Ok(shown.state_omitted) };
    let provider = selection.provider.as_ref().map(ledger_domain::Line::as_str);
    let fits = provider.is_none_or(|provider| provider == connection.provider)
        && selection.labels.iter().all(|(key, value)| {
            connection.labels.get(key.as_str()).is_some_and(|shown| shown == value.text())
        });
    let health_changed = || {
        let ShownHealth { since, by } = &connection.health;
        *by == item.event_id.to_string() && *since == item.recorded_at
    };
    Ok(fits && (named || leaks || health_changed()))
}

/// Returns whether what an event says may be told: not if its connection is erased by now, unless
/// it says just that.
pub(super) fn is_told(item: &OutboxItem, is_erased: bool) -> bool {
    !is_erased || item.type_name == "connection_erased"
}
