//! An event as `history` shows it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Why an event cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("an event of the ledger cannot be read")]
pub struct EventError(#[from] serde_json::Error);

/// One event, without ciphertext, as the ledger tells it.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    /// Its position in the log.
    pub position: u64,
    /// What it is about: `connection/<id>`, `principal/<name>` and others.
    #[serde(borrow)]
    pub stream: Cow<'a, str>,
    /// Its number in the stream.
    pub version: u64,
    /// Its id, a UUID.
    #[serde(borrow)]
    pub event_id: Cow<'a, str>,
    /// Its stable type name.
    #[serde(rename = "type", borrow)]
    pub type_name: Cow<'a, str>,
    /// When it was recorded, RFC 3339 in UTC.
    #[serde(borrow)]
    pub recorded_at: Cow<'a, str>,
    /// What the clock said, if it had gone back.
    #[serde(default, borrow)]
    pub clock: Option<Cow<'a, str>>,
    /// The workspace; `_ledger` for principals and the ledger itself.
    #[serde(borrow)]
    pub workspace: Cow<'a, str>,
    /// Who caused it, such as `user:ada`.
    #[serde(borrow)]
    pub actor: Cow<'a, str>,
    /// The way it came in.
    #[serde(borrow)]
    pub via: Cow<'a, str>,
    /// Id of the command.
    #[serde(borrow)]
    pub command_id: Cow<'a, str>,
    /// Id of the whole conversation.
    #[serde(default, borrow)]
    pub correlation_id: Option<Cow<'a, str>>,
    /// Id of what caused the command.
    #[serde(default, borrow)]
    pub causation_id: Option<Cow<'a, str>>,
    /// Id of the API key.
    #[serde(default, borrow)]
    pub key: Option<Cow<'a, str>>,
    /// Address of the caller.
    #[serde(default, borrow)]
    pub address: Option<Cow<'a, str>>,
    /// What happened.
    #[serde(borrow)]
    pub data: &'a RawValue,
    /// The whole event as JSON.
    #[serde(skip)]
    pub json: &'a str,
}

/// The part of an event's data that other systems have a field for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    pub(crate) reason: Option<String>,
}

impl<'a> Event<'a> {
    /// Reads an event.
    pub fn read(json: &'a RawValue) -> Result<Self, EventError> {
        let event: Self = serde_json::from_str(json.get())?;
        Ok(Self { json: json.get(), ..event })
    }

    /// Returns when it happened: by the clock, if that had gone back.
    pub fn time(&self) -> &str {
        self.clock.as_ref().unwrap_or(&self.recorded_at)
    }

    /// Returns the kind of its stream, and what is named there.
    pub(crate) fn subject(&self) -> (&str, &str) {
        self.stream.split_once('/').unwrap_or((&self.stream, ""))
    }

    /// Returns why somebody did it, if they said.
    pub(crate) fn reason(&self) -> Option<String> {
        let data: Data = serde_json::from_str(self.data.get()).unwrap_or_default();
        data.reason
    }
}
