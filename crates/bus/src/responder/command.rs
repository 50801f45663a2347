//! Commands.

use ledger_contract::commands::Address;
use ledger_contract::errors::Problem;
use ledger_contract::records::Via;
use ledger_contract::subjects;
use ledger_engine::CommandRequest;
use tracing::debug;

use super::asked::Asked;
use super::reply::Reply;
use super::{Desk, subject};

impl Desk {
    /// Executes one command. Its receipt is durable when this returns.
    pub(super) async fn command(&self, asked: Asked<'_>) -> Result<Reply, Problem> {
        let request = self.counted(self.command_request(asked))?;
        let executed = self.engine.execute(request).await.inspect_err(|error| {
            debug!(
                nats.subject = %asked.message.subject,
                ledger.error.code = error.code().as_str(),
                "command refused"
            );
        })?;
        debug!(
            nats.subject = %asked.message.subject,
            ledger.position = executed.receipt.position,
            ledger.version = executed.receipt.version,
            "command executed"
        );
        let reply = Reply::json(&executed.answer());
        Ok(if executed.repeated { reply.with_header(subjects::REPEATED, "true") } else { reply })
    }

    fn command_request(&self, asked: Asked<'_>) -> Result<CommandRequest, Problem> {
        let caller = self.admit(asked)?;
        let address = subject::command(&self.prefix, &asked.message.subject)?;
        let headers = asked.headers()?;
        let body = asked.body();
        let verb = address.verb;
        let command = verb.parse(&Address::of(address.workspace.clone()), body)?;
        let fingerprint =
            self.engine.fingerprint(&address.workspace, &command, verb.as_str(), body);
        Ok(CommandRequest {
            fingerprint,
            workspace: address.workspace,
            command,
            context: self.engine.context(caller, Via::Nats, headers),
        })
    }
}
