//! Answers commands.

use ledger_contract::commands::Address;
use ledger_contract::errors::Problem;
use ledger_contract::records::Via;
use ledger_contract::subjects;
use ledger_engine::{CommandRequest, Received};
use tracing::debug;

use super::incoming::Incoming;
use super::reply::Reply;
use super::{ServiceState, subject};

impl ServiceState {
    /// Executes a command. When this returns, its receipt is durable.
    pub(super) async fn command(&self, incoming: Incoming<'_>) -> Result<Reply, Problem> {
        let request = self.counted(incoming.attempt, self.command_request(incoming))?;
        let executed = self.engine.execute(request).await.inspect_err(|error| {
            debug!(
                nats.subject = %incoming.message.subject,
                ledger.error.code = error.code().as_str(),
                "command refused"
            );
        })?;
        debug!(
            nats.subject = %incoming.message.subject,
            ledger.position = executed.receipt.position,
            ledger.version = executed.receipt.version,
            "command executed"
        );
        let reply = Reply::json(&executed.answer());
        Ok(if executed.repeated { reply.with_header(subjects::REPEATED, "true") } else { reply })
    }

    fn command_request(&self, incoming: Incoming<'_>) -> Result<CommandRequest, Problem> {
        let caller = self.admit(incoming)?;
        let address = subject::command(&self.prefix, &incoming.message.subject)?;
        let headers = incoming.headers()?;
        let body = incoming.body();
        let verb = address.verb;
        let command = verb.parse(&Address::of(address.workspace.clone()), body)?;
        Ok(CommandRequest {
            received: Received::new(verb.as_str(), body.clone()),
            workspace: address.workspace,
            command,
            context: self.engine.context(caller, Via::Nats, headers),
        })
    }
}
