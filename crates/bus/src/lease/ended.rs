//! Why an instance does not write any more until it is started again.

/// Says that the next start opens another history.
pub(crate) const HISTORY_BEGUN: &str =
    "this instance starts again with another history of the ledger";

/// Why an instance has to be started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// A part of the bus ended although it was not told to.
    Part(&'static str),
    /// Another history of the ledger was begun, which only the next start opens.
    History,
}

impl Ended {
    /// Returns it as what commands are refused with.
    pub(super) fn sentence(self) -> String {
        match self {
            Self::Part(part) => {
                format!("this instance must be restarted: its {part} has ended unexpectedly")
            }
            Self::History => HISTORY_BEGUN.to_owned(),
        }
    }
}
