//! The message about an event: its body, and the headers of the Standard Webhooks convention.

use ledger_domain::{Micros, SignatureScheme};
use ledger_engine::OutboxItem;
use ledger_vault::SigningSecret;
use serde::Serialize;
use serde_json::value::RawValue;

/// The header with the id of the event, the same each time that it is sent.
pub(crate) const ID: &str = "webhook-id";
/// The header with the time of sending, in seconds since 1970.
pub(crate) const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub(crate) const SIGNATURE: &str = "webhook-signature";

/// The message about one event.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The id of the event.
    pub(crate) id: String,
    /// Its JSON text.
    pub(crate) body: Vec<u8>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: &'a str,
    data: &'a RawValue,
}

impl Message {
    /// Returns the message about an event, with what the event stream has of it.
    pub(crate) fn of(item: &OutboxItem) -> Result<Self, serde_json::Error> {
        let data: &RawValue = serde_json::from_slice(&item.body)?;
        let body = Body { r#type: item.type_name, timestamp: &item.recorded_at, data };
        Ok(Self { id: item.event_id.to_string(), body: serde_json::to_vec(&body)? })
    }

    /// Returns time and signatures, one for each secret, of the message as it is sent now.
    pub(crate) fn signed(
        &self,
        secrets: &[(SignatureScheme, SigningSecret)],
        now: Micros,
    ) -> (String, String) {
        let timestamp = (now.get() / 1_000_000).to_string();
        let mut content = Vec::with_capacity(self.id.len() + timestamp.len() + self.body.len() + 2);
        for part in [self.id.as_bytes(), b".", timestamp.as_bytes(), b".", &self.body] {
            content.extend_from_slice(part);
        }
        let signatures: Vec<_> =
            secrets.iter().map(|(scheme, secret)| secret.sign(*scheme, &content)).collect();
        (timestamp, signatures.join(" "))
    }
}
