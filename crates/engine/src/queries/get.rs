//! One connection.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;
use ledger_domain::principal::Scope;
use ledger_domain::{Connection, InvalidField, WorkspaceName};

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
        let connection = self.known(caller, scope, "connection", &query.connection)?;
        if !caller.may_with(Scope::Read, &connection) {
            return Err(Problem::new(Code::Forbidden));
        }
        Ok(to_json(&ConnectionView::of(&connection)))
    }

    /// Returns the connection that a text names, unless the caller may not know of it. `field`
    /// names the text in the error. What a connection's home grants to a workspace is there, too.
    pub(super) fn known(
        &self,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
        field: &str,
        text: &str,
    ) -> Result<Connection, Problem> {
        let target = ConnectionRef::parse(field, text)?;
        let id = match (&target, scope) {
            (ConnectionRef::Id(id), _) => *id,
            (ConnectionRef::Slug(_), Some(workspace)) => self.resolve(workspace, &target)?,
            (ConnectionRef::Slug(_), None) => {
                let problem = "must be an id when no workspace is named";
                return Err(InvalidField::new(field, problem).into());
            }
        };
        let row = self.shared.models.load().row(id)?;
        let found = row.map(|row| row.connection).filter(|connection| {
            let here = |scope: &WorkspaceName| {
                connection.workspace == *scope || connection.access.allows(scope)
            };
            scope.is_none_or(here) && caller.knows(connection)
        });
        found.ok_or_else(|| match scope {
            Some(workspace) => connection_unknown(workspace, Some(&target)),
            None => Problem::new(Code::ConnectionUnknown),
        })
    }
}
