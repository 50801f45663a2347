//! Reads the value of a secret field, wherever it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_domain::{
    Connection, ConnectionId, Expected, FieldName, Held, Line, MessageId, Prose, Reference,
    Rejection, WantedGeneration,
};
use ledger_vault::{Disclosure, Plaintext, Scope};

use super::chain::{NO_CONNECTION, too_deep};
use super::{DEPTH_MAX, ReferenceProblem, content};
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, ReferenceError};
use crate::master_keys::KeyUse;
use crate::request::RequestContext;
use crate::reveal::RevealRequest;

/// Who reads a value, and the event that records it.
#[derive(Debug)]
pub(crate) struct ReadBy<'a> {
    /// The caller and the circumstances.
    pub(crate) context: &'a RequestContext,
    /// The right to use the keys, which lasts until the values have left.
    pub(crate) keys: &'a KeyUse,
    /// The event, which is durable.
    pub(crate) recorded: &'a Disclosure,
    /// The reason that the event has.
    pub(crate) reason: &'a Prose,
    /// Where the request came from.
    pub(crate) from: Option<&'a Line>,
    /// Connections that references have led through before this one.
    pub(crate) depth: usize,
}

impl Engine {
    /// Returns the value that a secret field holds, or that its reference leads to. What reads
    /// secrets goes through here, after the event that records it is durable.
    ///
    /// Errors: those of the reference, which name it and never what was found.
    pub(crate) async fn secret_value(
        &self,
        connection: &Connection,
        field: &FieldName,
        held: &Held,
        by: &ReadBy<'_>,
    ) -> Result<Plaintext, ExecuteError> {
        let reference = match held {
            Held::Reference(reference) => reference,
            Held::Sealed(sealed) => {
                let scope = Scope { workspace: &connection.workspace, connection: connection.id };
                // An erasure is answered only after this is let go of.
                let _opening = self.shared.opening.read();
                if self.shared.is_erased(connection.id)? {
                    return Err(Rejection::ConnectionErased.into());
                }
                let key = self.known_data_key(by.keys, scope)?;
                return Ok(key.open(scope, field, sealed).map_err(Fault::from)?);
            }
        };
        let problem =
            |problem| ExecuteError::from(Box::new(ReferenceError::new(field, reference, problem)));
        let found = if let Some((id, target)) = reference.connection() {
            let Ok(id) = id.parse() else {
                return Err(Fault::bug("a reference names no connection").into());
            };
            self.other_value(connection, reference, field, id, target, by).await?
        } else {
            let follower = self.shared.references.get().map_err(problem)?;
            follower.check(&connection.workspace, reference).map_err(problem)?;
            let found = follower.follow(&connection.workspace, reference).await;
            let found = found.map_err(problem)?;
            let _opening = self.shared.opening.read();
            if self.shared.is_erased(connection.id)? {
                return Err(Rejection::ConnectionErased.into());
            }
            found
        };
        content::value(reference, &found, by.recorded).map_err(problem)
    }

    /// Returns the value of a field of another connection, whose reveal has an event there.
    async fn other_value(
        &self,
        connection: &Connection,
        reference: &Reference,
        field: &FieldName,
        id: ConnectionId,
        target: FieldName,
        by: &ReadBy<'_>,
    ) -> Result<Arc<Plaintext>, ExecuteError> {
        let problem =
            |problem| ExecuteError::from(Box::new(ReferenceError::new(field, reference, problem)));
        if by.depth >= DEPTH_MAX {
            return Err(problem(too_deep()));
        }
        let cause = MessageId::parse("causation_id", &by.recorded.event().to_string());
        let mut context = by.context.clone();
        context.expected = Expected::Any;
        context.provenance.causation_id = Some(cause.map_err(|_| Fault::bug("an id is no id"))?);
        let command = ParsedCommand::Reveal {
            target: ConnectionRef::Id(id),
            fields: BTreeSet::from([target.clone()]),
            generation: WantedGeneration::Current,
            reason: by.reason.clone(),
            from: by.from.cloned(),
            wrap: None,
        };
        let workspace = connection.workspace.clone();
        let request = RevealRequest { workspace, command, context };
        let revealed = self.further_values(request, by.depth + 1).await;
        let mut revealed = revealed.map_err(|error| match error {
            ExecuteError::Forbidden(_) | ExecuteError::ConnectionUnknown(_) => {
                problem(ReferenceProblem::forbidden(NO_CONNECTION))
            }
            ExecuteError::Rejected(rejection) => {
                problem(ReferenceProblem::unusable(rejection.to_string()))
            }
            // Names what the next reference leads to.
            other => other,
        })?;
        let value = revealed.secrets.remove(&target).map(|(_, _, value)| Arc::new(value));
        value.ok_or_else(|| Fault::bug("a field was not revealed").into())
    }
}
