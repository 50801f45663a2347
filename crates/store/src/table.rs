//! Names of tables.

use std::borrow::Cow;

/// The name of a table: a fixed one, or one generation of a read model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    pub(crate) name: Cow<'static, str>,
    /// Whether its rows are stored with MACs; see [`crate::UnkeyedStore`].
    pub(crate) has_macs: bool,
}

impl Table {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
