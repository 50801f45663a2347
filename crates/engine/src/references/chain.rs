//! Checks the references of a command before it is queued.

use ledger_contract::commands::{ConnectionRef, GivenSecret};
use ledger_domain::principal::Scope;
use ledger_domain::{ConnectionId, FieldName, Reference, WorkspaceName};

use super::{DEPTH_MAX, ReferenceProblem};
use crate::access::Permit;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, Forbidden, ReferenceError};

/// What is said of a connection that is missing or hidden, or of which nothing may be revealed.
pub(super) const NO_CONNECTION: &str =
    "there is no such active connection in the workspace, or the credential may not reveal it";

impl Engine {
    /// Checks the references that a command gives the secret fields of a connection, or of a new
    /// one, and names connections in them by id.
    ///
    /// Errors: those of the references; `forbidden` for callers who may not reveal the secrets of
    /// the connection.
    pub(crate) fn check_references<'a>(
        &self,
        permit: &Permit,
        workspace: &WorkspaceName,
        own: Option<ConnectionId>,
        secrets: impl Iterator<Item = (&'a FieldName, &'a mut GivenSecret)>,
    ) -> Result<(), ExecuteError> {
        let given = secrets.filter_map(|(field, given)| match given {
            GivenSecret::Value(_) => None,
            GivenSecret::Reference(reference) => Some((field, reference)),
        });
        let mut is_asked = false;
        for (field, reference) in given {
            if let Some(own) = own.filter(|_| !std::mem::replace(&mut is_asked, true)) {
                let row = self.shared.models.load().row(own)?;
                if row.is_some_and(|row| !permit.may_reveal(&row.connection)) {
                    return Err(Forbidden::Scope(Scope::Reveal).into());
                }
            }
            let from = own.map(|own| (own, field));
            match self.check_reference(permit, workspace, from, reference)? {
                Err(problem) => {
                    return Err(Box::new(ReferenceError::new(field, reference, problem)).into());
                }
                Ok(None) => {}
                Ok(Some(id)) => *reference = reference.clone().by_id(id),
            }
        }
        Ok(())
    }

    /// Checks one reference. Returns the connection to which it leads, if it leads to one.
    fn check_reference(
        &self,
        permit: &Permit,
        workspace: &WorkspaceName,
        own: Option<(ConnectionId, &FieldName)>,
        reference: &Reference,
    ) -> Result<Result<Option<ConnectionId>, ReferenceProblem>, Fault> {
        let Some((name, field)) = reference.connection() else {
            let checked = self.shared.references.get();
            return Ok(checked
                .and_then(|follower| follower.check(workspace, reference))
                .map(|()| None));
        };
        let unknown = || Ok(Err(ReferenceProblem::forbidden(NO_CONNECTION)));
        let Ok(target) = ConnectionRef::parse("connection", name) else { return unknown() };
        let Some(id) = self.resolve(workspace, &target)? else { return unknown() };
        let Some(row) = self.shared.models.load().row(id)? else { return unknown() };
        if row.connection.workspace != *workspace || !permit.may_reveal(&row.connection) {
            return unknown();
        }
        Ok(self.check_chain(own, (id, field))?.map(|()| Some(id)))
    }

    /// Checks that following references from a field of a connection ends, and not where it is to
    /// begin.
    fn check_chain(
        &self,
        own: Option<(ConnectionId, &FieldName)>,
        (mut id, mut field): (ConnectionId, FieldName),
    ) -> Result<Result<(), ReferenceProblem>, Fault> {
        let models = self.shared.models.load();
        for _ in 0..DEPTH_MAX {
            if own.is_some_and(|own| own == (id, &field)) {
                return Ok(Err(ReferenceProblem::unusable("it leads back to this field")));
            }
            let row = models.row(id)?;
            let secret = row.as_ref().and_then(|row| row.connection.secrets.get(&field));
            let Some(secret) = secret else {
                let cause = format!("connection {id} has no such secret field");
                return Ok(Err(ReferenceProblem::unusable(cause)));
            };
            let next = secret.held.reference().and_then(Reference::connection);
            let Some((name, next_field)) = next else { return Ok(Ok(())) };
            let Ok(next_id) = name.parse() else { return Ok(Ok(())) };
            (id, field) = (next_id, next_field);
        }
        Ok(Err(too_deep()))
    }
}

pub(super) fn too_deep() -> ReferenceProblem {
    ReferenceProblem::unusable(format!("it leads through more than {DEPTH_MAX} connections"))
}
