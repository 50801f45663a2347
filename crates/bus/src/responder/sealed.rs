//! Checks sealed requests and seals their replies; see `ledger_contract::sealed`.

use async_nats::Message;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::{subjects, time};

use super::ServiceState;
use super::incoming::{Incoming, Opened};
use super::reply::Reply;

impl ServiceState {
    /// Checks that a sealed request was created for this subject and recently, and was not seen
    /// before.
    pub(super) fn check_sealed(&self, message: &Message, opened: &Opened) -> Result<(), Problem> {
        if opened.head.subject != message.subject.as_str() {
            let problem = "the request was created for another subject";
            return Err(Problem::because(Code::SealedUnreadable, problem));
        }
        let now = self.engine.clock().now();
        self.freshness.check_time(time::parse("made_at", &opened.head.made_at)?, now)?;
        self.freshness.note(&opened.sender, opened.id.as_str(), now)
    }

    /// Seals a reply if its request was sealed.
    pub(super) fn seal_like(&self, reply: Reply, incoming: Incoming<'_>) -> Reply {
        let Some(opened) = incoming.opened else { return reply };
        self.sealed(reply, opened, incoming).unwrap_or_else(|problem| {
            let refusal = Reply::problem(&problem);
            // A refusal is short, and the sender's key has already opened a message, so sealing
            // succeeds.
            self.sealed(refusal, opened, incoming)
                .unwrap_or_else(|problem| Reply::problem(&problem))
        })
    }

    fn sealed(
        &self,
        reply: Reply,
        opened: &Opened,
        incoming: Incoming<'_>,
    ) -> Result<Reply, Problem> {
        let in_flight = reply.in_flight();
        let text = reply.text(opened.id.as_str());
        let sealed = self.engine.seal_for(&text, &opened.sender, &opened.ledger_xkey)?;
        let reply = self.counted(incoming.attempt, Reply::bytes(sealed, &self.client))?;
        Ok(reply.with_header(subjects::XKEY, &opened.ledger_xkey).keeping(in_flight))
    }
}
