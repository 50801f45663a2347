//! The query for the attempts to connect a connection.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{AttemptsQuery, AttemptsView};

use super::Reader;
use crate::errors::QueryError;

impl Reader<'_> {
    /// Returns how the attempts to connect a connection go. Blocks.
    ///
    /// Errors: `connection_unknown`, `forbidden`.
    pub fn attempts(&self, query: &AttemptsQuery) -> Result<AttemptsView, QueryError> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let connection = self.connection(&target)?;
        Ok(AttemptsView {
            connection: connection.id.to_string(),
            attempts: self.engine.connect_attempts(&connection),
            connected: self.engine.last_connect(&connection)?,
        })
    }
}
