//! What a login says about the credentials, in words of this side.

use ledger_domain::connection::TestOutcome;
use ledger_outgoing::DialError;
use ledger_providers::Protocol;

/// What came of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It was tried.
    Tried {
        /// What it says about the credentials.
        outcome: TestOutcome,
        /// What happened, to be put after "the database". Nothing of the connection, and no word of
        /// a server, is in it.
        what: String,
    },
    /// The operator does not permit to go there, or not without TLS; nothing was sent.
    NotPermitted,
}

impl Finding {
    pub(crate) fn new(outcome: TestOutcome, what: impl Into<String>) -> Self {
        Self::Tried { outcome, what: what.into() }
    }

    pub(crate) fn accepted() -> Self {
        Self::new(TestOutcome::Works, "accepted the login")
    }

    /// Nobody is kept out, so that it means nothing to be let in.
    pub(crate) fn open_to_all() -> Self {
        let what = "asks for no password, so that a login proves nothing";
        Self::new(TestOutcome::Inconclusive, what)
    }

    /// There is no answer, and why: with "it" for the server.
    pub(crate) fn unanswered(why: impl AsRef<str>) -> Self {
        Self::new(TestOutcome::Unreachable, format!("gave no answer: {}", why.as_ref()))
    }

    pub(crate) fn no_protocol(protocol: Protocol) -> Self {
        Self::unanswered(format!("it does not speak the protocol of {}", protocol.name()))
    }
}

impl From<DialError> for Finding {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Forbidden => Self::NotPermitted,
            other => Self::unanswered(other.to_string()),
        }
    }
}
