//! One connection.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;
use ledger_domain::principal::Scope;
use ledger_domain::{InvalidField, WorkspaceName};

use super::to_json;
use crate::access::Caller;
use crate::engine::Engine;

impl Engine {
    pub(super) fn get(
        &self,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
        query: &GetQuery,
    ) -> Result<Vec<u8>, Problem> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let id = match (&target, scope) {
            (ConnectionRef::Id(id), _) => *id,
            (ConnectionRef::Slug(_), Some(workspace)) => self.resolve(workspace, &target)?,
            (ConnectionRef::Slug(_), None) => {
                let problem = "must be an id when no workspace is named";
                return Err(InvalidField::new("connection", problem).into());
            }
        };
        let row = self.shared.models.load().row(id)?;
        let found = row.map(|row| row.connection).filter(|connection| {
            let here = |scope: &WorkspaceName| {
                connection.workspace == *scope || connection.access.allows(scope)
            };
            scope.is_none_or(here) && caller.knows(connection)
        });
        let connection = found.ok_or_else(|| Problem::new(Code::ConnectionUnknown))?;
        if !caller.may_with(Scope::Read, &connection) {
            return Err(Problem::new(Code::Forbidden));
        }
        Ok(to_json(&ConnectionView::of(&connection)))
    }
}
