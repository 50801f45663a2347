//! Answers requests for secrets, which must be sealed.

use ledger_contract::commands::{Address, ConnectionRef, ParsedCommand};
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
        let (body, in_flight) = self.engine.secrets(request).await?.into_json();
        Ok(Reply::secrets(body, in_flight))
    }

    fn reveal_request(&self, incoming: Incoming<'_>) -> Result<RevealRequest, Problem> {
        let opened = incoming.opened.ok_or_else(|| Problem::new(Code::SealedRequired))?;
        let caller = self.admit(incoming)?;
        let to = subject::reveal(&self.prefix, &incoming.message.subject)?;
        let headers = Headers { expected: Expected::Any, ..incoming.headers()? };
        let workspace = to.workspace.clone();
        let connection = to.connection.map(|name| ConnectionRef::parse("connection", name));
        let address = Address { connection: connection.transpose()?, ..Address::of(to.workspace) };
        let mut command = to.verb.parse(&address, incoming.body())?;
        if let ParsedCommand::Reveal { from, .. }
        | ParsedCommand::Unwrap { from, .. }
        | ParsedCommand::LeaseSecrets { from, .. } = &mut command
        {
            *from = Some(Line::stored(format!("nats:{}", opened.sender).into()));
        }
        let context = self.engine.context(caller, Via::Nats, headers);
        Ok(RevealRequest { workspace, command, context })
    }
}
