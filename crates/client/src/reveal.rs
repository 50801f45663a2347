//! Fetches secrets, sealed in transit.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger_contract::reveal::{RevealAnswer, RevealedSecret};
use ledger_domain::Incarnation;
use serde_json::json;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::connect::Client;
use crate::error::ClientError;

/// A secret in plaintext. It is wiped on drop and hidden in debug output.
pub struct Secret {
    generation: u64,
    incarnation: Option<Incarnation>,
    value: Zeroizing<String>,
    /// Where the ledger found the value, if it is not in the ledger.
    reference: Option<String>,
    /// Told when the secret is dropped, if somebody waits for that.
    dropped: Option<Arc<Notify>>,
    compromised: AtomicBool,
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
        let compromised = AtomicBool::new(false);
        let incarnation = Some(incarnation);
        Self { generation, incarnation, value, reference: None, dropped: None, compromised }
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

    /// Returns where the ledger found the value, such as `vault:kv/team/openai#key`, if the field
    /// has a reference. The value there may change without a new generation.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Has somebody told when the secret is dropped.
    pub(crate) fn tell_dropped(&mut self, waiting: Arc<Notify>) {
        self.dropped = Some(waiting);
    }

    /// Returns whether the ledger has said since that others know the value. A [`crate::Mirror`]
    /// says so of what it gave out; drop the secret then, and ask for the new one.
    pub fn is_compromised(&self) -> bool {
        self.compromised.load(Ordering::Relaxed)
    }

    pub(crate) fn mark_compromised(&self) {
        self.compromised.store(true, Ordering::Relaxed);
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
        let body = match generation {
            // Ledgers of before know no others.
            RevealedGeneration::Current => json!({ "fields": fields, "reason": reason }),
            RevealedGeneration::Former => {
                json!({ "fields": fields, "reason": reason, "generation": "former" })
            }
            RevealedGeneration::Exactly(number) => {
                json!({ "fields": fields, "reason": reason, "generation": number })
            }
        };
        let answer = self.sealed(self.subjects.reveal(workspace, connection), &body).await?;
        Ok(secrets_of(&answer))
    }
}

/// Returns the secrets of an answer.
pub(crate) fn secrets_of(answer: &RevealAnswer) -> BTreeMap<String, Secret> {
    let incarnation = answer.incarnation.parse().ok();
    let secret = |(field, one): (&String, &RevealedSecret)| {
        let secret = Secret {
            generation: one.generation,
            incarnation,
            value: Zeroizing::new(one.value.clone()),
            reference: one.reference.as_ref().map(ToString::to_string),
            dropped: None,
            compromised: AtomicBool::new(false),
        };
        (field.clone(), secret)
    };
    answer.secrets.iter().map(secret).collect()
}
