//! One connection.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;
use ledger_domain::principal::Scope;
use ledger_domain::{Connection, ConnectionId, InvalidField, WorkspaceName};

use super::to_json;
use crate::access::{Caller, connection_unknown};
use crate::engine::Engine;

impl Engine {
    pub(super) fn get(
        &self,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
        query: &GetQuery,
    ) -> Result<Vec<u8>, Problem> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let connection = self.readable_one(caller, scope, &target)?;
        Ok(to_json(&ConnectionView::of(&connection)))
    }

    /// Returns a connection of a workspace, or one that is shared with it. Blocks.
    ///
    /// Errors: as the query `get`.
    pub fn connection(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        target: &ConnectionRef,
    ) -> Result<Connection, Problem> {
        let scope = self.scope(caller, workspace.as_str())?;
        self.readable_one(caller, scope.as_ref(), target)
    }

    fn readable_one(
        &self,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
        target: &ConnectionRef,
    ) -> Result<Connection, Problem> {
        let connection = self.known(caller, scope, "connection", target)?;
        if caller.may_with(Scope::Read, &connection) {
            return Ok(connection);
        }
        Err(Problem::new(Code::Forbidden))
    }

    /// Returns the connection that is named, unless the caller may not know of it. `field` names
    /// the name in the error. What a connection's home grants to a workspace is there, too.
    pub(super) fn known(
        &self,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
        field: &str,
        target: &ConnectionRef,
    ) -> Result<Connection, Problem> {
        let id = self.named(scope, field, target)?;
        let row = self.shared.models.load().row(id)?;
        let found = row.map(|row| row.connection).filter(|connection| {
            let here = |scope: &WorkspaceName| {
                connection.workspace == *scope || connection.access.allows(scope)
            };
            scope.is_none_or(here) && caller.knows(connection)
        });
        found.ok_or_else(|| match scope {
            Some(workspace) => connection_unknown(workspace, Some(target)).into(),
            None => Problem::new(Code::ConnectionUnknown),
        })
    }

    /// Returns the id of the connection that is named, whoever asks. `field` names the name in the
    /// error.
    pub(super) fn named(
        &self,
        scope: Option<&WorkspaceName>,
        field: &str,
        target: &ConnectionRef,
    ) -> Result<ConnectionId, Problem> {
        match (target, scope) {
            (ConnectionRef::Id(id), _) => Ok(*id),
            (ConnectionRef::Slug(_), Some(workspace)) => {
                let id = self.resolve(workspace, target)?;
                Ok(id.ok_or_else(|| connection_unknown(workspace, Some(target)))?)
            }
            (ConnectionRef::Slug(_), None) => {
                let problem = "must be an id when no workspace is named";
                Err(InvalidField::new(field, problem).into())
            }
        }
    }
}
