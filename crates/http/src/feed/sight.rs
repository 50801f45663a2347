//! What of the events a reader is shown.

use ledger_domain::WorkspaceName;

use super::frame::{About, Notice, Text};

/// Whose events a reader follows, and how much of them it may see. A feed must not tell what the
/// queries would not.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// The one workspace; every one without it.
    pub(crate) only: Option<WorkspaceName>,
    /// Whether the reader may see who did what and why. Without it an event is what the state
    /// itself tells, and readings of secrets, which change no state, are not shown.
    pub(crate) audits: bool,
    /// Whether the reader may see who may ask: principals, their rights, their keys.
    pub(crate) administers: bool,
}

impl Sight {
    /// Returns what this reader is shown of an event; nothing when it is not for it.
    pub(super) fn of<'a>(&self, notice: &'a Notice) -> Option<&'a Text> {
        let here = self.only.as_ref().is_none_or(|only| notice.workspace == *only);
        let open = match notice.about {
            About::State => true,
            About::Reading => self.audits,
            About::Principal => self.administers,
        };
        match (here && open, self.audits) {
            (false, _) => None,
            (true, true) => Some(&notice.whole),
            (true, false) => notice.outline(),
        }
    }
}
