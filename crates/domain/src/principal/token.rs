//! Tokens of an identity provider that are refused before they expire.

use crate::ids::{Actor, Micros};
use crate::limits;
use crate::text::{CheckedText as _, InvalidField, Line, PrincipalName};

/// The principal in whose stream the blocks of tokens are. Nobody else can have its name.
const TOKENS: &str = "_tokens";

/// Some tokens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenRef {
    /// All tokens of a subject, the claim `sub`, whenever they are issued.
    Subject(Line),
    /// The token with an id, the claim `jti`.
    Id(Line),
}

/// Since when tokens are refused, and who wanted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBlock {
    /// When they were blocked.
    pub since: Micros,
    /// Who blocked them.
    pub by: Actor,
}

impl TokenRef {
    /// Reads what names exactly one of the two.
    pub fn of(subject: Option<Line>, id: Option<Line>) -> Result<Self, InvalidField> {
        match (subject, id) {
            (Some(subject), None) => Ok(Self::Subject(subject)),
            (None, Some(id)) => Ok(Self::Id(id)),
            _ => Err(InvalidField::new("subject", "or token_id must be given, and only one")),
        }
    }

    /// Returns the subject, if it names one.
    pub const fn subject(&self) -> Option<&Line> {
        match self {
            Self::Subject(subject) => Some(subject),
            Self::Id(_) => None,
        }
    }

    /// Returns the token's id, if it names one.
    pub const fn id(&self) -> Option<&Line> {
        match self {
            Self::Subject(_) => None,
            Self::Id(id) => Some(id),
        }
    }
}

impl PrincipalName {
    /// Returns the name of the principal in whose stream the blocks of tokens are.
    pub fn of_tokens() -> Self {
        Self::stored(TOKENS.into())
    }

    /// Returns whether it stands for the ledger's own records and for nobody.
    pub fn is_reserved(&self) -> bool {
        self.as_str() == TOKENS
    }
}

/// Checks that one more block is permitted.
pub(super) fn check_blocks(count: usize) -> Result<(), InvalidField> {
    if count < limits::BLOCKED_TOKENS {
        return Ok(());
    }
    let problem = format!(
        "must be one of at most {}; unblock tokens that have expired",
        limits::BLOCKED_TOKENS
    );
    Err(InvalidField::new("token_id", problem))
}
