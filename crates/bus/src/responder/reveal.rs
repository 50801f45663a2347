//! Answers requests for secrets, which must be sealed.

use ledger_contract::commands::{Address, ConnectionRef, ParsedCommand, Verb};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_domain::{CheckedText as _, Expected, Line};
use ledger_engine::RevealRequest;

use super::incoming::Incoming;
use super::reply::Reply;
use super::{ServiceState, subject};

impl ServiceState {
    /// Reveals secrets in a reply that only the sender can open.
    pub(super) async fn reveal(&self, incoming: Incoming<'_>) -> Result<Reply, Problem> {
        let request = self.counted(incoming.attempt, self.reveal_request(incoming))?;
        Ok(Reply::json(&self.engine.reveal(request).await?))
    }

    fn reveal_request(&self, incoming: Incoming<'_>) -> Result<RevealRequest, Problem> {
        let opened = incoming.opened.ok_or_else(|| Problem::new(Code::SealedRequired))?;
        let caller = self.admit(incoming)?;
        let (workspace, connection) = subject::reveal(&self.prefix, &incoming.message.subject)?;
        let headers = Headers { expected: Expected::Any, ..incoming.headers()? };
        let target = ConnectionRef::parse("connection", connection)?;
        let address = Address { connection: Some(target), ..Address::of(workspace.clone()) };
        let mut command = Verb::RevealSecret.parse(&address, incoming.body())?;
        if let ParsedCommand::Reveal { from, .. } = &mut command {
            *from = Some(Line::stored(format!("nats:{}", opened.sender).into()));
        }
        let context = self.engine.context(caller, Via::Nats, headers);
        Ok(RevealRequest { workspace, command, context })
    }
}
