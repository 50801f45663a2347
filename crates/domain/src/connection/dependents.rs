//! What would break without a connection.

use std::collections::BTreeMap;

use crate::text::{Json, Line};

/// Names one dependent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DependentKey {
    /// What sort of thing: `tool`, `mcp_server`, `integration_connection`, `gateway`, ...
    pub kind: Line,
    /// Its id in its own system.
    pub id: Line,
}

/// Something that uses the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Its name for people.
    pub name: Option<Line>,
    /// Further facts its own API shows (access level, creation time, ...).
    pub attributes: BTreeMap<Line, Json>,
}
