//! What of the events a reader is shown.

use ledger_domain::WorkspaceName;
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::Caller;

use super::frame::{About, Notice, Text};

/// Whose events a reader follows, and how much of them it may see. A feed must not tell what the
/// queries would not.
#[derive(Clone, Debug)]
pub(super) struct EventVisibility {
    /// The one workspace; every one without it.
    pub(super) only: Option<WorkspaceName>,
    /// Whether the reader may see who did what and why. Without it an event is what the state
    /// itself tells, and readings of secrets, which change no state, are not shown.
    audits: bool,
    /// Whether the reader may see who may ask: principals, their rights, their keys.
    administers: bool,
}

impl EventVisibility {
    /// Settles how much of the events a caller is shown.
    pub(super) fn of_caller(caller: &Caller, only: Option<WorkspaceName>) -> Self {
        let followed = only.as_ref().map_or(Subject::Ledger, Subject::Workspace);
        let audits = caller.may(Scope::Audit, followed);
        let administers = caller.may(Scope::Administer, Subject::Ledger);
        Self { only, audits, administers }
    }

    /// Returns what is followed.
    pub(super) fn followed(&self) -> Subject<'_> {
        self.only.as_ref().map_or(Subject::Ledger, Subject::Workspace)
    }

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
            (true, false) => notice.reduced(),
        }
    }
}
