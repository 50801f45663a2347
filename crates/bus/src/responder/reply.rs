//! Replies: always a JSON body, and for errors also the headers of the service API.

use std::sync::Arc;

use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, Request};
use async_nats::{Client, HeaderMap};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::sealed::{SealedAnswer, join};
use ledger_contract::subjects;
use ledger_engine::SecretsInFlight;
use serde::Serialize;
use tracing::debug;
use zeroize::{Zeroize as _, Zeroizing};

/// Room for the headers of a reply.
const HEADERS_BYTES_MAX: usize = 1_024;

/// A reply to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    body: Vec<u8>,
    headers: HeaderMap,
    /// Kept until a reply with secrets has left.
    in_flight: Option<Arc<SecretsInFlight>>,
}

impl Reply {
    /// Creates a reply from JSON. Fails if it exceeds the server's limit.
    pub(crate) fn bytes(body: Vec<u8>, client: &Client) -> Result<Self, Problem> {
        check_size(body.len(), client.max_payload())?;
        Ok(Self { body, headers: HeaderMap::new(), in_flight: None })
    }

    /// Creates a reply from a value.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("replies always have a JSON form");
        Self { body, headers: HeaderMap::new(), in_flight: None }
    }

    /// Creates a reply from the JSON of secrets. They are sealed before they are sent.
    pub(crate) fn secrets(mut body: Zeroizing<Vec<u8>>, in_flight: SecretsInFlight) -> Self {
        let body = std::mem::take(&mut *body);
        Self { body, headers: HeaderMap::new(), in_flight: Some(Arc::new(in_flight)) }
    }

    /// Has what another reply keeps kept by this one.
    pub(super) fn keeping(mut self, in_flight: Option<Arc<SecretsInFlight>>) -> Self {
        self.in_flight = in_flight;
        self
    }

    /// Returns what it keeps.
    pub(super) fn in_flight(&self) -> Option<Arc<SecretsInFlight>> {
        self.in_flight.clone()
    }

    /// Creates a reply from an error.
    pub(crate) fn problem(problem: &Problem) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_SERVICE_ERROR, one_line(&problem.message));
        headers.insert(NATS_SERVICE_ERROR_CODE, problem.code.class().status().to_string());
        headers.insert(subjects::ERROR_CODE, problem.code.as_str());
        Self { headers, ..Self::json(&problem.body()) }
    }

    /// Returns the whole reply as the text to be sealed.
    pub(super) fn text(mut self, answer_to: &str) -> Zeroizing<Vec<u8>> {
        let first = |values: &[async_nats::HeaderValue]| values.first().map(ToString::to_string);
        let headers = self.headers.iter().filter_map(|(name, values)| {
            Some((AsRef::<str>::as_ref(name).to_owned(), first(values)?))
        });
        let head = SealedAnswer { answer_to: answer_to.to_owned(), headers: headers.collect() };
        let text = join(&head, &self.body);
        self.body.zeroize();
        text
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sends the reply, if the caller expects one. If that fails, the caller repeats the command
    /// with the same id and gets the same answer. One with secrets has left when this returns.
    pub(crate) async fn send(self, request: &Request, client: &Client) {
        if request.message.reply.is_none() {
            return;
        }
        let sent = request.respond_with_headers(Ok(self.body.into()), self.headers).await;
        if let Err(error) = sent {
            debug!(%error, "cannot send a reply");
        }
        // Whoever ends a lease or seals the ledger is told that no value is on its way any more.
        if self.in_flight.is_some()
            && let Err(error) = client.flush().await
        {
            debug!(%error, "cannot send a reply with secrets at once");
        }
    }

    /// Publishes the reply to `subject` instead of the request's reply subject.
    pub(crate) async fn publish(self, client: &Client, subject: async_nats::Subject) {
        let sent = client.publish_with_headers(subject, self.headers, self.body.into()).await;
        if let Err(error) = sent {
            debug!(%error, "cannot send progress");
        }
    }
}

fn check_size(body_bytes: usize, payload_bytes_max: usize) -> Result<(), Problem> {
    // Before the first connection the limit is unknown, and the server decides.
    if payload_bytes_max == 0 || body_bytes + HEADERS_BYTES_MAX <= payload_bytes_max {
        return Ok(());
    }
    let message = format!(
        "the answer has {body_bytes} bytes and this NATS server carries {payload_bytes_max}; \
         ask for a smaller page"
    );
    Err(Problem::because(Code::MessageTooLarge, message))
}

/// Replaces line breaks, which header values must not contain.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_a_body_and_the_headers_of_the_service_api() {
        let reply = Reply::problem(&Problem::because(Code::SlugTaken, "taken\r\nby one"));
        let header = |name: &str| reply.headers.get(name).unwrap().as_str().to_owned();
        assert_eq!(header("Nats-Service-Error"), "taken  by one");
        assert_eq!(header("Nats-Service-Error-Code"), "409");
        assert_eq!(header("Ledger-Error-Code"), "slug_taken");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["error"]["code"], "slug_taken");
    }

    #[test]
    fn an_answer_over_the_servers_limit_is_an_error() {
        assert!(check_size(1_000, 1_048_576).is_ok());
        assert!(check_size(5_000_000, 0).is_ok());
        let problem = check_size(1_048_000, 1_048_576).unwrap_err();
        assert_eq!(problem.code, Code::MessageTooLarge);
        assert!(problem.message.contains("smaller page"));
    }
}
