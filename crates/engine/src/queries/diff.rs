//! The query for the difference between two states of one connection.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{DiffQuery, DiffView, QueryName, VersionAt};
use ledger_contract::{AsOf, Difference, time};
use ledger_domain::{Connection, Version};

use super::Reader;
use crate::errors::{Fault, QueryError};

impl Reader<'_> {
    /// Returns how a connection differs between two moments or versions. Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `connection_unknown`, `connection_erased`,
    /// `version_unknown`, `position_unknown`, `history_changed`.
    pub fn diff(&self, query: &DiffQuery) -> Result<DiffView, QueryError> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let now = self.audited(&target, QueryName::Diff)?;
        let version = |field, text: &str| -> Result<Version, QueryError> {
            self.version_as_of(&now, field, &AsOf::parse(field, text)?)
        };
        let from = version("from", &query.from)?;
        let to = match &query.to {
            Some(text) => version("to", text)?,
            None => now.version,
        };
        let (before, after) = (self.state_of(&now, from)?, self.state_of(&now, to)?);
        let difference = differing(before.as_ref(), after.as_ref())?;
        Ok(DiffView {
            connection: now.id.to_string(),
            workspace: now.workspace.as_str().to_owned(),
            slug: now.slug.to_string(),
            from: before.as_ref().map(version_at).unwrap_or_default(),
            to: after.as_ref().map(version_at).unwrap_or_default(),
            changes: difference.changes().map_err(no_form)?,
            patch: difference.patch(),
        })
    }
}

/// Returns how two states differ.
pub(super) fn differing(
    before: Option<&Connection>,
    after: Option<&Connection>,
) -> Result<Difference, Fault> {
    Difference::between(before, after).map_err(no_form)
}

fn no_form(_: serde_json::Error) -> Fault {
    Fault::bug("a view without a JSON form")
}

/// Returns the version of a state, and the event that made it.
fn version_at(state: &Connection) -> VersionAt {
    VersionAt {
        version: state.version.get(),
        position: state.position.get(),
        recorded_at: Some(time::format(state.updated_at)),
        actor: Some(state.updated_by.as_str().to_owned()),
    }
}
