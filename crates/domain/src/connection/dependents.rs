//! Dependents: what uses a connection and blocks its archiving.

use std::collections::BTreeMap;

use crate::text::{Json, Line};

/// Identifies one dependent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DependentKey {
    /// Kind of dependent, such as `tool`, `mcp_server`, `integration_connection` or `gateway`.
    pub kind: Line,
    /// Id of the dependent in its own system.
    pub id: Line,
}

/// Something that uses the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Its human-readable name.
    pub name: Option<Line>,
    /// Further attributes from its own API, such as access level or creation time.
    pub attributes: BTreeMap<Line, Json>,
}
