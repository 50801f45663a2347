//! Gets secrets in the clear, sealed on the way.

use std::collections::BTreeMap;
use std::fmt;

use ledger_contract::reveal::{RevealAnswer, RevealedSecret};
use ledger_contract::subjects;
use serde_json::json;
use zeroize::Zeroizing;

use crate::connect::Client;
use crate::error::ClientError;
use crate::moment::deadline;

/// A secret in the clear. Wiped when dropped; printing it for debugging shows nothing of it.
pub struct Secret {
    generation: u64,
    value: Zeroizing<String>,
}

impl Secret {
    #[cfg(test)]
    pub(crate) fn new(generation: u64, value: &str) -> Self {
        Self { generation, value: Zeroizing::new(value.to_owned()) }
    }

    /// Returns which of the field's values it is; a later value has a greater number.
    pub fn generation(&self) -> u64 {
        self.generation
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
    /// Gets secrets of a connection, all of them or some `fields`. The ledger records who got
    /// them and `reason` before it answers.
    ///
    /// Secrets are given out sealed only, so the options must name the ledger's curve key: it is
    /// what tells the ledger from whoever runs the NATS server.
    pub async fn reveal(
        &self,
        workspace: &str,
        connection: &str,
        fields: &[&str],
        reason: &str,
    ) -> Result<BTreeMap<String, Secret>, ClientError> {
        if self.ledger_xkey.is_none() {
            let missing = "the ledger's curve key is not known; `connledger status` shows it";
            return Err(ClientError::Internal(missing.to_owned()));
        }
        let body = json!({ "fields": fields, "reason": reason }).to_string().into_bytes();
        let about = vec![(subjects::DEADLINE, deadline(self.timeout))];
        let subject = self.subjects.reveal(workspace, connection);
        let answer = self.request(subject, about, body).await?;
        let answer: RevealAnswer = serde_json::from_slice(answer.body())
            .map_err(|_| ClientError::Internal("the answer cannot be understood".to_owned()))?;
        let secret = |(field, one): (&String, &RevealedSecret)| {
            let value = Zeroizing::new(one.value.clone());
            (field.clone(), Secret { generation: one.generation, value })
        };
        Ok(answer.secrets.iter().map(secret).collect())
    }
}
