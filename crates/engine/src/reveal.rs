//! Reveals secrets, after an audit event is durable in the log.

use std::collections::BTreeMap;

use ledger_contract::commands::ParsedCommand;
use ledger_contract::records::{Happened, Record};
use ledger_contract::reveal::{RevealAnswer, RevealedSecret};
use ledger_domain::{CheckedText, Connection, FieldName, Position, Sealed, WorkspaceName};
use ledger_vault::{Disclosure, Scope};

use crate::engine::Engine;
use crate::errors::{ConnectionUnknown, ExecuteError, Fault};
use crate::history;
use crate::request::RequestContext;

/// A request for secrets.
#[derive(Debug)]
pub struct RevealRequest {
    /// The workspace to which it is sent.
    pub workspace: WorkspaceName,
    /// The command, which is `reveal-secret`.
    pub command: ParsedCommand,
    /// The caller and the request's headers; see [`Engine::context`].
    pub context: RequestContext,
}

impl Engine {
    /// Reveals secrets. The event that records it is durable before any value is opened. Every call
    /// records its own event, so the request's command id is not used.
    pub async fn reveal(&self, request: RevealRequest) -> Result<RevealAnswer, ExecuteError> {
        let RevealRequest { workspace, command, mut context } = request;
        if !matches!(command, ParsedCommand::Reveal { .. }) {
            return Err(ExecuteError::VerbUnknown);
        }
        context.provenance.command_id = self.shared.ports.command_id();
        let outcome = self.decide(workspace, command, None, context).await?;
        let connection =
            outcome.seen.ok_or_else(|| Fault::bug("a reveal was decided without a state"))?;
        let position = Position::new(outcome.receipt.position);
        // Reads the event back from the log, which proves that it was recorded.
        let Record { metadata, happened } = history::record(&self.shared.store, position)?;
        let Happened::Revealed(revealed) = happened else {
            return Err(Fault::bug("a reveal was recorded as something else").into());
        };
        let recorded = Disclosure::recorded(metadata.event_id);
        let mut secrets = BTreeMap::new();
        for (field, generation) in &revealed.generations {
            let secret = connection.secrets.get(field);
            let sealed = secret.and_then(|secret| secret.sealed_of(*generation));
            let sealed =
                sealed.ok_or_else(|| Fault::bug("a revealed value is not in the state"))?;
            let value = self.value(&connection, field, sealed, &recorded)?;
            let value = RevealedSecret { generation: generation.get(), value };
            secrets.insert(field.text().to_owned(), value);
        }
        let connection = connection.id.to_string();
        let incarnation = outcome.receipt.incarnation;
        Ok(RevealAnswer { connection, position: position.get(), incarnation, secrets })
    }

    fn value(
        &self,
        connection: &Connection,
        field: &FieldName,
        sealed: &Sealed,
        recorded: &Disclosure,
    ) -> Result<String, ExecuteError> {
        let scope = Scope { workspace: &connection.workspace, connection: connection.id };
        let key = self.data_key(scope)?.ok_or(ConnectionUnknown::Id)?;
        let plaintext = key.open(scope, field, sealed).map_err(Fault::from)?;
        // The only plaintext copy is in the answer, which wipes it on drop.
        let text = std::str::from_utf8(plaintext.expose(recorded));
        Ok(text.map_err(|_| Fault::bug("a secret is not text"))?.to_owned())
    }
}
