//! Requests for secrets. They come sealed, or get none.

use ledger_contract::commands::{Address, ConnectionRef, ParsedCommand, Verb};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_domain::{CheckedText as _, Expected, Line};
use ledger_engine::CommandRequest;

use super::asked::Asked;
use super::reply::Reply;
use super::{Desk, subject};

impl Desk {
    /// Gives secrets out, to who asked and nobody else.
    pub(super) async fn reveal(&self, asked: Asked<'_>) -> Result<Reply, Problem> {
        let request = self.counted(self.reveal_request(asked))?;
        Ok(Reply::json(&self.engine.reveal(request).await?))
    }

    fn reveal_request(&self, asked: Asked<'_>) -> Result<CommandRequest, Problem> {
        let opened = asked.opened.ok_or_else(|| Problem::new(Code::SealedRequired))?;
        let caller = self.admit(asked)?;
        let (workspace, connection) = subject::reveal(&self.prefix, &asked.message.subject)?;
        let headers = Headers { expected: Expected::Any, ..asked.headers()? };
        let target = ConnectionRef::parse("connection", connection)?;
        let address = Address { connection: Some(target), ..Address::of(workspace.clone()) };
        let verb = Verb::RevealSecret;
        let mut command = verb.parse(&address, asked.body())?;
        if let ParsedCommand::Reveal { from, .. } = &mut command {
            *from = Some(Line::stored(format!("nats:{}", opened.sender).into()));
        }
        Ok(CommandRequest {
            fingerprint: self.engine.fingerprint(&workspace, &command, verb.as_str(), &[]),
            workspace,
            command,
            context: self.engine.context(caller, Via::Nats, headers),
        })
    }
}
