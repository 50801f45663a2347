//! Gets secrets in the clear, sealed on the way both ways.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_nats::HeaderMap;
use ledger_contract::reveal::{RevealAnswer, RevealRequest};
use ledger_contract::subjects;
use ledger_vault::CurveKey;
use zeroize::Zeroizing;

use crate::connect::Client;
use crate::error::ClientError;
use crate::moment::{deadline, new_command_id};

/// How long a request is good for. Long enough for clocks that differ by some seconds.
const GOOD_FOR: Duration = Duration::from_secs(30);

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
    /// The request is sealed to the ledger's curve key, which the options must name: it is what
    /// tells the ledger from whoever runs the NATS server.
    pub async fn reveal(
        &self,
        workspace: &str,
        connection: &str,
        fields: &[&str],
        reason: &str,
    ) -> Result<BTreeMap<String, Secret>, ClientError> {
        let ledger = self.ledger_xkey.as_deref().ok_or_else(|| {
            let missing = "the ledger's curve key is not known; `connledger status` shows it";
            ClientError::Internal(missing.to_owned())
        })?;
        let own = CurveKey::generate();
        let request = RevealRequest {
            credential: self.key.credential().to_owned(),
            request_id: new_command_id(),
            expires_at: deadline(GOOD_FOR),
            workspace: workspace.to_owned(),
            connection: connection.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            reason: reason.to_owned(),
        };
        let text = serde_json::to_vec(&request).map(Zeroizing::new);
        let text = text.map_err(|error| ClientError::Internal(error.to_string()))?;
        let sealed = own.seal(&text, ledger).map_err(wrong)?;
        let mut headers = HeaderMap::new();
        headers.insert(subjects::XKEY, own.public());
        let subject = self.subjects.reveal(workspace, connection);
        let message = self.request(subject, headers, sealed).await?;
        let opened = own.open(&message.payload, ledger).map_err(wrong)?;
        let answer: RevealAnswer = serde_json::from_slice(&opened)
            .map_err(|_| ClientError::Internal("the answer cannot be understood".to_owned()))?;
        if answer.request_id.as_deref() != Some(&request.request_id) {
            return Err(ClientError::Internal("the answer is to another request".to_owned()));
        }
        let secret = |(field, one): (&String, &ledger_contract::reveal::RevealedSecret)| {
            let value = Zeroizing::new(one.value.clone());
            (field.clone(), Secret { generation: one.generation, value })
        };
        Ok(answer.secrets.iter().map(secret).collect())
    }
}

fn wrong(error: ledger_vault::CurveError) -> ClientError {
    ClientError::Internal(format!("the curve key of the ledger does not fit: {error}"))
}
