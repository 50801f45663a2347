//! Notifications as received over NATS.

use std::fmt;

use async_nats::Message;
use ledger_contract::reply::Notification;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A notification: an event, and the state of the connection directly after it.
#[derive(Clone)]
pub struct Notice {
    /// The event's log position.
    pub position: u64,
    message: Message,
    about_connection: bool,
    state_omitted: bool,
}

#[derive(Deserialize)]
struct MessageHead {
    position: u64,
    connection: Option<IgnoredAny>,
    #[serde(default)]
    state_omitted: bool,
}

impl Notice {
    /// Parses the head of a message. Returns `None` if it is not a notification.
    pub(super) fn read(message: Message) -> Option<Self> {
        let head: MessageHead = serde_json::from_slice(&message.payload).ok()?;
        let MessageHead { position, connection, state_omitted } = head;
        let about_connection = connection.is_some() || state_omitted;
        Some(Self { position, message, about_connection, state_omitted })
    }

    /// Returns the subject of the message, which names the connection.
    pub(super) fn subject(&self) -> String {
        self.message.subject.to_string()
    }

    /// Returns the notification as it was published.
    pub fn json(&self) -> &[u8] {
        &self.message.payload
    }

    /// Returns whether the event is about a connection, as opposed to a workspace itself.
    pub fn about_connection(&self) -> bool {
        self.about_connection
    }

    /// Returns whether the state is too large to be published; ask for it with `get`.
    pub fn state_omitted(&self) -> bool {
        self.state_omitted
    }

    /// Parses the whole notification.
    pub fn notification(&self) -> Result<Notification<'_>, serde_json::Error> {
        serde_json::from_slice(&self.message.payload)
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").field("position", &self.position).finish_non_exhaustive()
    }
}
