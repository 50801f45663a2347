//! Fetches secrets, sealed in transit.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ledger_contract::reveal::{RevealAnswer, RevealedSecret};
use ledger_contract::subjects;
use ledger_domain::Incarnation;
use serde_json::json;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::connect::Client;
use crate::error::ClientError;
use crate::moment::deadline;

/// A secret in plaintext. It is wiped on drop and hidden in debug output.
pub struct Secret {
    generation: u64,
    incarnation: Option<Incarnation>,
    value: Zeroizing<String>,
    /// Told when the secret is dropped, if somebody waits for that.
    dropped: Option<Arc<Notify>>,
}

impl Drop for Secret {
    fn drop(&mut self) {
        if let Some(waiting) = &self.dropped {
            waiting.notify_one();
        }
    }
}

/// Which value of a secret field is revealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevealedGeneration {
    /// The current one.
    #[default]
    Current,
    /// The one before it, while a rotation keeps it.
    Former,
    /// The one with this number, while it is given out.
    Exactly(u64),
}

impl Secret {
    #[cfg(test)]
    pub(crate) fn new(generation: u64, incarnation: Incarnation, value: &str) -> Self {
        let value = Zeroizing::new(value.to_owned());
        Self { generation, incarnation: Some(incarnation), value, dropped: None }
    }

    /// Returns the generation of the value, which grows with each new one.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the history in which it has this generation. In another one, the same generation may
    /// be another value.
    pub(crate) fn incarnation(&self) -> Option<Incarnation> {
        self.incarnation
    }

    /// Has somebody told when the secret is dropped.
    pub(crate) fn tell_dropped(&mut self, waiting: Arc<Notify>) {
        self.dropped = Some(waiting);
    }

    /// Returns the value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret(generation {})", self.generation)
    }
}

impl Client {
    /// Fetches all current secrets of a connection, or only some `fields`. Before it answers, the
    /// ledger records the caller and `reason`.
    ///
    /// The ledger reveals secrets only in sealed form, so the options must contain its curve key,
    /// which also distinguishes the ledger from an operator of the NATS server.
    pub async fn reveal(
        &self,
        workspace: &str,
        connection: &str,
        fields: &[&str],
        reason: &str,
    ) -> Result<BTreeMap<String, Secret>, ClientError> {
        let current = RevealedGeneration::Current;
        self.reveal_generation(workspace, connection, fields, current, reason).await
    }

    /// Fetches secrets as [`Self::reveal`] does, of a generation. A former one is refused with
    /// `generation_retired` once its overlap has ended.
    pub async fn reveal_generation(
        &self,
        workspace: &str,
        connection: &str,
        fields: &[&str],
        generation: RevealedGeneration,
        reason: &str,
    ) -> Result<BTreeMap<String, Secret>, ClientError> {
        if self.ledger_xkey.is_none() {
            return Err(ClientError::Unsealed);
        }
        let mut body = json!({ "fields": fields, "reason": reason });
        match generation {
            // Ledgers of before know no others.
            RevealedGeneration::Current => {}
            RevealedGeneration::Former => body["generation"] = json!("former"),
            RevealedGeneration::Exactly(number) => body["generation"] = json!(number),
        }
        let body = body.to_string().into_bytes();
        let about = vec![(subjects::DEADLINE, deadline(self.timeout))];
        let subject = self.subjects.reveal(workspace, connection);
        let answer = self.request(subject, about, body).await?;
        let answer: RevealAnswer = serde_json::from_slice(answer.body())
            .map_err(|_| ClientError::Internal("the answer cannot be understood".to_owned()))?;
        let incarnation = answer.incarnation.parse().ok();
        let secret = |(field, one): (&String, &RevealedSecret)| {
            let value = Zeroizing::new(one.value.clone());
            (
                field.clone(),
                Secret { generation: one.generation, incarnation, value, dropped: None },
            )
        };
        Ok(answer.secrets.iter().map(secret).collect())
    }
}
