//! One notification as it came over NATS.

use std::fmt;

use async_nats::Message;
use ledger_contract::reply::Notification;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A notification: an event, and the state of the connection right after it.
#[derive(Clone)]
pub struct Notice {
    /// The event's place in the log.
    pub position: u64,
    message: Message,
    about_connection: bool,
}

#[derive(Deserialize)]
struct MessageHead {
    position: u64,
    connection: Option<IgnoredAny>,
}

impl Notice {
    /// Reads the outline of a message; `None` when it is no notification.
    pub(super) fn read(message: Message) -> Option<Self> {
        let head: MessageHead = serde_json::from_slice(&message.payload).ok()?;
        Some(Self { position: head.position, message, about_connection: head.connection.is_some() })
    }

    /// Returns the subject it came on, which names the connection.
    pub(super) fn subject(&self) -> String {
        self.message.subject.to_string()
    }

    /// Returns the notification as it was published.
    pub fn json(&self) -> &[u8] {
        &self.message.payload
    }

    /// Tells whether it is about a connection, and not about a workspace as such.
    pub fn about_connection(&self) -> bool {
        self.about_connection
    }

    /// Reads the whole notification.
    pub fn notification(&self) -> Result<Notification<'_>, serde_json::Error> {
        serde_json::from_slice(&self.message.payload)
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").field("position", &self.position).finish_non_exhaustive()
    }
}
