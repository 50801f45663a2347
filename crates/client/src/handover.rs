//! Hands values over to whoever has a token, and receives what was handed over.

use std::collections::BTreeMap;

use ledger_contract::access::IssuedKey;
use ledger_contract::handover::IssuedHandover;
use ledger_contract::reveal::RevealAnswer;
use ledger_contract::subjects;
use serde_json::{Value, json};

use crate::connect::Client;
use crate::error::ClientError;
use crate::moment::deadline;
use crate::options::Key;
use crate::reveal::{RevealedGeneration, Secret, secrets_of};

/// How values are handed over.
#[derive(Clone, Debug)]
pub struct HandOver<'a> {
    /// The secret fields; all when empty.
    pub fields: &'a [&'a str],
    /// Which value of them.
    pub generation: RevealedGeneration,
    /// The reason, for readers of the history.
    pub reason: &'a str,
    /// A time until which the token can be used, or a span of time from now like `10m`; at most 24
    /// hours ahead.
    pub until: &'a str,
    /// The only principal that may use the token; anyone who has it when absent.
    pub receiver: Option<&'a str>,
}

/// What was received with a token.
#[derive(Debug)]
pub enum HandedOver {
    /// Values of secrets, by field.
    Secrets(BTreeMap<String, Secret>),
    /// An API key.
    Key {
        /// The principal whose key it is.
        principal: String,
        /// The key.
        key: IssuedKey,
    },
}

impl HandedOver {
    fn of(mut answer: RevealAnswer) -> Self {
        match (answer.principal.take(), answer.api_key.take()) {
            (Some(principal), Some(key)) => Self::Key { principal, key },
            _ => Self::Secrets(secrets_of(&answer)),
        }
    }

    /// Returns the values of secrets, or none if it is a key.
    pub fn secrets(self) -> BTreeMap<String, Secret> {
        match self {
            Self::Secrets(secrets) => secrets,
            Self::Key { .. } => BTreeMap::new(),
        }
    }
}

impl Client {
    /// Hands current values of a connection's secrets over, and returns the token for which they
    /// are given out once. It is not stored anywhere.
    pub async fn hand_over(
        &self,
        workspace: &str,
        connection: &str,
        how: &HandOver<'_>,
    ) -> Result<IssuedHandover, ClientError> {
        let mut body = json!({
            "fields": how.fields,
            "reason": how.reason,
            "wrap": how.until,
            "generation": match how.generation {
                RevealedGeneration::Current => json!("current"),
                RevealedGeneration::Former => json!("former"),
                RevealedGeneration::Exactly(number) => json!(number),
            },
        });
        if let (Some(receiver), Some(body)) = (how.receiver, body.as_object_mut()) {
            body.insert("for".to_owned(), json!(receiver));
        }
        let answer = self.sealed(self.subjects.reveal(workspace, connection), &body).await?;
        answer
            .handover
            .clone()
            .ok_or_else(|| ClientError::Internal("the ledger answered without a token".to_owned()))
    }

    /// Receives what was handed over, with the token as the credential. That is possible once: if
    /// the answer is lost, the token is used all the same.
    pub async fn receive(&self, token: &str) -> Result<HandedOver, ClientError> {
        let bearer = self.with_key(Key::new(token));
        let answer = bearer.sealed(self.subjects.handovers(), &json!({})).await?;
        Ok(HandedOver::of(answer))
    }

    /// Receives what was handed over to one principal, whose key is this client's.
    pub async fn receive_own(&self, token: &str) -> Result<HandedOver, ClientError> {
        let body = json!({ "token": token });
        let answer = self.sealed(self.subjects.handovers(), &body).await?;
        Ok(HandedOver::of(answer))
    }

    /// Sends a request for secrets.
    pub(crate) async fn sealed(
        &self,
        subject: String,
        body: &Value,
    ) -> Result<RevealAnswer, ClientError> {
        if self.ledger_xkey.is_none() {
            return Err(ClientError::Unsealed);
        }
        let about = vec![(subjects::DEADLINE, deadline(self.timeout))];
        let answer = self.request(subject, about, body.to_string().into_bytes()).await?;
        serde_json::from_slice(answer.body())
            .map_err(|_| ClientError::Internal("the answer cannot be understood".to_owned()))
    }
}
