//! One connection.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;
use ledger_domain::{InvalidField, WorkspaceName};

use super::to_json;
use crate::engine::Engine;

impl Engine {
    pub(super) fn get(
        &self,
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
        let visible =
            row.filter(|row| scope.is_none_or(|scope| row.connection.workspace == *scope));
        let row = visible.ok_or_else(|| Problem::new(Code::ConnectionUnknown))?;
        Ok(to_json(&ConnectionView::of(&row.connection)))
    }
}
