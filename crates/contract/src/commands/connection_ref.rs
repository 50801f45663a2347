//! References to connections.

use ledger_domain::{ConnectionId, InvalidField, Slug};

/// How a caller names a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionRef {
    /// By its id.
    Id(ConnectionId),
    /// By its slug in the command's workspace.
    Slug(Slug),
}

impl ConnectionRef {
    /// Reads an id or a slug; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => Slug::parse(field, text).map(Self::Slug),
        }
    }

    /// Returns whether both are the same id or, ignoring case, the same slug.
    pub fn is_same_name(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// Returns the canonical text, which is the same for all spellings of a name.
    pub fn canonical(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Slug(slug) => slug.folded(),
        }
    }
}
