//! Fetches secrets, sealed in transit.

use std::collections::BTreeMap;
use std::fmt;

use ledger_contract::reveal::{RevealAnswer, RevealedSecret};
use ledger_contract::subjects;
use ledger_domain::Incarnation;
use serde_json::json;
use zeroize::Zeroizing;

use crate::connect::Client;
use crate::error::ClientError;
use crate::moment::deadline;

/// A secret in plaintext. It is wiped on drop and hidden in debug output.
pub struct Secret {
    generation: u64,
    incarnation: Option<Incarnation>,
    value: Zeroizing<String>,
}

impl Secret {
    #[cfg(test)]
    pub(crate) fn new(generation: u64, incarnation: Incarnation, value: &str) -> Self {
        let value = Zeroizing::new(value.to_owned());
        Self { generation, incarnation: Some(incarnation), value }
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
    /// Fetches all secrets of a connection, or only some `fields`. Before it answers, the ledger
    /// records the caller and `reason`.
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
        if self.ledger_xkey.is_none() {
            return Err(ClientError::Unsealed);
        }
        let body = json!({ "fields": fields, "reason": reason }).to_string().into_bytes();
        let about = vec![(subjects::DEADLINE, deadline(self.timeout))];
        let subject = self.subjects.reveal(workspace, connection);
        let answer = self.request(subject, about, body).await?;
        let answer: RevealAnswer = serde_json::from_slice(answer.body())
            .map_err(|_| ClientError::Internal("the answer cannot be understood".to_owned()))?;
        let incarnation = answer.incarnation.parse().ok();
        let secret = |(field, one): (&String, &RevealedSecret)| {
            let value = Zeroizing::new(one.value.clone());
            (field.clone(), Secret { generation: one.generation, incarnation, value })
        };
        Ok(answer.secrets.iter().map(secret).collect())
    }
}
