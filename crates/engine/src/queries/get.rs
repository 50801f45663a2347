//! The query for one connection.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::GetQuery;
use ledger_domain::principal::Scope;
use ledger_domain::{Connection, ConnectionId, InvalidField, SecretAges, WorkspaceName};

use super::{Reader, as_of};
use crate::access::connection_unknown;
use crate::errors::{ConnectionUnknown, QueryError};

impl Reader<'_> {
    /// Returns the connection named in a query, and how old its secrets are by the policies, which
    /// is told of the present only. Blocks.
    ///
    /// Errors: `field_invalid`; those of [`Self::connection`], and of [`Self::connection_as_of`] if
    /// it is asked for as of a moment.
    pub fn get(&self, query: &GetQuery) -> Result<(Connection, SecretAges), QueryError> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        if let Some(as_of) = as_of::parse("as_of", query.as_of.as_deref())? {
            return Ok((self.connection_as_of(&target, &as_of)?, SecretAges::default()));
        }
        let connection = self.connection(&target)?;
        let ages = self.ages(&connection);
        Ok((connection, ages))
    }

    /// Returns a connection of the workspace, or one shared with it, as the caller may see it; see
    /// [`Connection::for_guest`]. Blocks.
    ///
    /// Errors: `connection_unknown`, `forbidden`.
    pub fn connection(&self, target: &ConnectionRef) -> Result<Connection, QueryError> {
        Ok(self.caller.shown(self.readable(target)?))
    }

    /// Returns the same with what is shown to none of those with whom it is shared.
    pub(super) fn readable(&self, target: &ConnectionRef) -> Result<Connection, QueryError> {
        let connection = self.known("connection", target)?;
        if self.caller.may_with(Scope::Read, &connection) {
            return Ok(connection);
        }
        Err(QueryError::ReadForbidden)
    }

    /// Returns the named connection, including shared ones, unless it is hidden from the caller.
    /// `field` is the name of the field in errors.
    pub(super) fn known(
        &self,
        field: &str,
        target: &ConnectionRef,
    ) -> Result<Connection, QueryError> {
        let id = self.named(field, target)?;
        let row = self.engine.shared.models.load().row(id)?;
        let found = row
            .map(|row| row.connection)
            .filter(|connection| self.is_here(connection) && self.caller.knows(connection));
        found.ok_or_else(|| match self.workspace {
            Some(workspace) => connection_unknown(workspace, Some(target)).into(),
            None => ConnectionUnknown::Id.into(),
        })
    }

    /// Returns whether the workspace of the queries has a connection or shares it.
    pub(super) fn is_here(&self, connection: &Connection) -> bool {
        self.workspace.is_none_or(|workspace: &WorkspaceName| {
            connection.workspace == *workspace || connection.access.allows(workspace)
        })
    }

    /// Returns the id of the named connection without checking rights. `field` is the name of the
    /// field in errors.
    pub(super) fn named(
        &self,
        field: &str,
        target: &ConnectionRef,
    ) -> Result<ConnectionId, QueryError> {
        match (target, self.workspace) {
            (ConnectionRef::Id(id), _) => Ok(*id),
            (ConnectionRef::Slug(_), Some(workspace)) => {
                let id = self.engine.resolve(workspace, target)?;
                Ok(id.ok_or_else(|| connection_unknown(workspace, Some(target)))?)
            }
            (ConnectionRef::Slug(_), None) => {
                let problem = "must be an id when no workspace is named";
                Err(InvalidField::new(field, problem).into())
            }
        }
    }
}
