//! Which events, and which parts of them, a reader may see.

use ledger_domain::WorkspaceName;
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::Caller;

use super::frame::{About, Notice, Text};

/// The events that a reader follows, and how much of them it may see. A feed must not reveal more
/// than queries do.
#[derive(Clone, Debug)]
pub(super) struct EventVisibility {
    /// The workspace; all workspaces if absent.
    pub(super) only: Option<WorkspaceName>,
    /// Whether the reader may see actors and reasons. If not, an event is reduced to what the
    /// state itself shows, and reveals of secrets, which change no state, are omitted.
    audits: bool,
    /// Whether the reader may see events about principals, their rights and their keys, and about
    /// the ledger itself.
    administers: bool,
}

impl EventVisibility {
    /// Determines how much of the events a caller may see.
    pub(super) fn of_caller(caller: &Caller, only: Option<WorkspaceName>) -> Self {
        let followed = only.as_ref().map_or(Subject::Ledger, Subject::Workspace);
        let audits = caller.may(Scope::Audit, followed);
        let administers = caller.may(Scope::Administer, Subject::Ledger);
        Self { only, audits, administers }
    }

    /// Returns the followed workspace or ledger.
    pub(super) fn followed(&self) -> Subject<'_> {
        self.only.as_ref().map_or(Subject::Ledger, Subject::Workspace)
    }

    /// Returns the text of an event that this reader may see; nothing if it may not see the event.
    pub(super) fn of<'a>(&self, notice: &'a Notice) -> Option<&'a Text> {
        let here = self.only.as_ref().is_none_or(|only| notice.workspace == *only);
        let open = match notice.about {
            About::State => true,
            About::Reading => self.audits,
            About::Administration => self.administers,
        };
        match (here && open, self.audits) {
            (false, _) => None,
            (true, true) => Some(&notice.whole),
            (true, false) => notice.reduced(),
        }
    }
}
