//! One-line summaries of notifications, for people.

use ledger_contract::reply::Notification;
use serde::Deserialize;

use super::Notice;

/// The parts of an event that the summary shows.
#[derive(Deserialize)]
struct EventHead {
    #[serde(rename = "type")]
    event_type: String,
    actor: String,
}

impl Notice {
    /// Returns one line with the position, the event, the resulting state and the actor.
    pub fn summary(&self) -> String {
        let position = self.position;
        match self.notification() {
            Ok(notification) => format!("{position:>6}  {}", summary(&notification)),
            Err(error) => format!("{position:>6}  cannot be read: {error}"),
        }
    }
}

fn summary(notification: &Notification<'_>) -> String {
    let event: Result<Option<EventHead>, _> = serde_json::from_str(notification.event.get());
    let (event_type, actor) = match &event {
        Ok(Some(event)) => (event.event_type.as_str(), event.actor.as_str()),
        // A state that the ledger listed.
        Ok(None) => {
            let by = notification.connection.as_ref().map(|view| view.updated_by.as_ref());
            ("(state)", by.unwrap_or("?"))
        }
        Err(_) => ("(unknown)", "?"),
    };
    if notification.state_omitted {
        return format!("{event_type:<22}  (state not published)  by {actor}");
    }
    let Some(view) = &notification.connection else {
        return format!("{event_type:<22}  by {actor}");
    };
    let state = match (view.lifecycle.as_ref(), view.enabled) {
        ("archived", _) => "archived",
        ("erased", _) => "erased",
        (_, true) => "enabled",
        (_, false) => "disabled",
    };
    let (workspace, slug, version) = (&view.workspace, &view.slug, view.version);
    let health = &view.health.state;
    format!("{event_type:<22}  {workspace}/{slug}  v{version}  {state}, {health}  by {actor}")
}
