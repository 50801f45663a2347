//! Requests for secrets, sealed both ways; see `ledger_contract::reveal`.

use std::collections::HashMap;

use async_nats::{HeaderMap, Message};
use ledger_contract::errors::{Code, Problem, read_json};
use ledger_contract::headers;
use ledger_contract::reveal::{REQUEST_SECONDS_MAX, RevealRequest};
use ledger_contract::{commands, records::Via, subjects, time};
use ledger_domain::{CheckedText, Expected, Line, MessageId, Micros};
use ledger_engine::CommandRequest;
use parking_lot::Mutex;
use serde_json::json;
use zeroize::Zeroizing;

use super::reply::Reply;
use super::{Desk, subject};

/// Most request ids remembered; each for as long as its request is good.
const IDS_MAX: usize = 200_000;
const MICROS_PER_SECOND: i64 = 1_000_000;
/// How much later than allowed a request may expire, for clocks that differ, in seconds.
const LEEWAY_SECONDS: i64 = 5;

/// Requests answered lately, so that none is answered twice.
#[derive(Debug, Default)]
pub(super) struct Answered(Mutex<HashMap<String, Micros>>);

impl Answered {
    /// Notes a request. Refuses one that was noted before, and more than can be remembered.
    fn note(&self, id: &str, expires_at: Micros, now: Micros) -> Result<(), Problem> {
        let mut ids = self.0.lock();
        if ids.get(id).is_some_and(|until| *until > now) {
            return Err(Problem::new(Code::RevealRepeated));
        }
        if ids.len() >= IDS_MAX {
            ids.retain(|_, until| *until > now);
        }
        if ids.len() >= IDS_MAX {
            return Err(Problem::new(Code::Busy));
        }
        ids.insert(id.to_owned(), expires_at);
        Ok(())
    }
}

impl Desk {
    /// Gives secrets out, to who asked and nobody else.
    pub(super) async fn reveal(&self, message: &Message) -> Result<Reply, Problem> {
        let sender = sender_of(message.headers.as_ref());
        let (sender, asked) = self.counted(sender.and_then(|sender| {
            let asked = self.open(message, &sender)?;
            Ok((sender, asked))
        }))?;
        let request = self.counted(self.reveal_request(message, &sender, &asked))?;
        let mut answer = self.engine.reveal(request).await?;
        answer.request_id = Some(asked.request_id.clone());
        let text = serde_json::to_vec(&answer).expect("an answer has a JSON form");
        let text = Zeroizing::new(text);
        Reply::bytes(self.engine.seal_for(&text, &sender)?, &self.client)
    }

    /// Opens what was sealed to the ledger.
    fn open(&self, message: &Message, sender: &str) -> Result<RevealRequest, Problem> {
        if message.payload.len() > super::MESSAGE_BYTES_MAX {
            return Err(Problem::new(Code::MessageTooLarge));
        }
        read_json(&self.engine.open_sealed(&message.payload, sender)?)
    }

    fn reveal_request(
        &self,
        message: &Message,
        sender: &str,
        asked: &RevealRequest,
    ) -> Result<CommandRequest, Problem> {
        let header = Zeroizing::new(format!("Bearer {}", asked.credential));
        let caller = self.engine.authenticate(Some(&header))?;
        let (workspace, connection) = subject::reveal(&self.prefix, &message.subject)?;
        if workspace.as_str() != asked.workspace || connection != asked.connection {
            let problem = "the request was made for another subject";
            return Err(Problem::because(Code::RevealUnreadable, problem));
        }
        let (id, expires_at) = (self.fresh(asked)?, time::parse("expires_at", &asked.expires_at)?);
        self.answered.note(id.as_str(), expires_at, self.clock.now())?;
        let body = json!({
            "connection": asked.connection, "fields": asked.fields, "reason": asked.reason,
        });
        let mut command =
            commands::parse(commands::REVEAL, &workspace, None, body.to_string().as_bytes())?;
        if let commands::ParsedCommand::Reveal { from, .. } = &mut command {
            *from = Some(Line::stored(format!("nats:{sender}").into()));
        }
        let said = headers::Headers::default();
        Ok(CommandRequest {
            fingerprint: self.engine.fingerprint(workspace.as_str(), commands::REVEAL, &[]),
            workspace,
            command,
            command_id: None,
            expected: Expected::Any,
            deadline: Some(expires_at),
            correlation_id: said.correlation_id,
            causation_id: None,
            trace_id: None,
            caller,
            via: Via::Nats,
        })
    }

    /// Checks that a request is good now and not for long, and returns its id.
    fn fresh(&self, asked: &RevealRequest) -> Result<MessageId, Problem> {
        let id = MessageId::parse("request_id", &asked.request_id)?;
        let expires_at = time::parse("expires_at", &asked.expires_at)?;
        let ahead = expires_at.get() - self.clock.now().get();
        let most = (REQUEST_SECONDS_MAX + LEEWAY_SECONDS) * MICROS_PER_SECOND;
        if (1..=most).contains(&ahead) { Ok(id) } else { Err(Problem::new(Code::RevealExpired)) }
    }
}

/// Returns the asker's public curve key.
fn sender_of(headers: Option<&HeaderMap>) -> Result<String, Problem> {
    let value = headers.and_then(|headers| headers.get(subjects::XKEY));
    let missing = || {
        let message = format!("the header {} must name the curve key of who asks", subjects::XKEY);
        let field = Some(subjects::XKEY.to_owned());
        Problem { field, ..Problem::because(Code::HeaderInvalid, message) }
    };
    value.map(|value| value.as_str().to_owned()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_good_once_until_its_request_is_not() {
        let answered = Answered::default();
        let at = Micros::new;
        assert!(answered.note("a", at(10), at(0)).is_ok());
        assert_eq!(answered.note("a", at(20), at(5)).unwrap_err().code, Code::RevealRepeated);
        assert!(answered.note("b", at(10), at(5)).is_ok());
        assert!(answered.note("a", at(30), at(11)).is_ok(), "the first is no longer good");
    }
}
