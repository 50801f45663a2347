//! Who may do what: everyone of a cast asks everything there is, through each door, and a small
//! table says what must come of it. What has no line in the table fails. `decisions.md` has every
//! decision, so that a change of one shows in a review.

pub(crate) mod bodies;
pub(crate) mod cast;
pub(crate) mod traces;

mod decisions;
mod destinations;
mod nats;

use ledger_contract::commands::SHARING;
use ledger_domain::principal::{Role, Scope};

use crate::ledger::{ABROAD, HOME};

/// What must be allowed to whoever asks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing, not even to be known.
    Nothing,
    /// To be known.
    Anyone,
    /// To do anything at all in the workspace.
    Foothold,
    /// All of these in the workspace.
    Here(&'static [Scope]),
    /// This in the workspace that the connection belongs to.
    AtHome(Scope),
    /// This in the whole ledger.
    Ledger(Scope),
    /// To administer any principals: those of the whole ledger or of a workspace.
    Principals(Place),
    /// To administer a principal that belongs to no workspace alone. To those who administer only
    /// principals of a workspace, it looks missing.
    Principal(Place),
}

/// Where something about principals is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of the ledger.
    OfLedger,
    /// Of a workspace, where it also takes a right to do anything.
    OfWorkspace,
}

/// One line of a table: what is asked, what it takes, and the code that it is answered with when
/// the caller was let in; none when all is well.
pub(crate) type Line = (&'static str, Need, &'static str);

pub(crate) const READ: Need = Need::Here(&[Scope::Read]);
pub(crate) const WRITE: Need = Need::Here(&[Scope::Write]);
pub(crate) const ROTATE: Need = Need::Here(&[Scope::Rotate]);
pub(crate) const WRITE_AND_ROTATE: Need = Need::Here(&[Scope::Write, Scope::Rotate]);
pub(crate) const SHARE: Need = Need::Here(SHARING);
pub(crate) const AUDIT: Need = Need::Here(&[Scope::Audit]);
pub(crate) const READ_ALL: Need = Need::Ledger(Scope::Read);
pub(crate) const GOVERN: Need = Need::Ledger(Scope::Administer);

/// Commands expect a version that nothing has, so that nothing changes: who is let in is told so.
pub(crate) const LET_IN: &str = "version_conflict";
/// Who may have a backup made is told that this ledger makes none.
pub(crate) const NO_TARGET: &str = "backup_off";
/// Who may have master keys rotated is told that this ledger cannot read them again.
pub(crate) const NO_SOURCE: &str = "master_keys_unreadable";
/// Who may unseal the ledger is told that it is not sealed.
pub(crate) const NOT_SEALED: &str = "nothing_to_change";
/// All is well.
pub(crate) const WELL: &str = "";

/// A connection that somebody is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// One of the home workspace, asked there.
    Home,
    /// One of another workspace, asked there.
    Abroad,
    /// One of the home workspace that is shared with the other one, asked in the other one.
    Shared,
}

impl At {
    pub(crate) const ALL: [Self; 3] = [Self::Home, Self::Abroad, Self::Shared];

    /// Returns the workspace in which it is asked.
    pub(crate) fn workspace(self) -> &'static str {
        if self == Self::Home { HOME } else { ABROAD }
    }
}

/// The workspaces that a role is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Home,
    Abroad,
    Everywhere,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    /// None for somebody without rights.
    pub(crate) role: Option<Role>,
    pub(crate) reach: Reach,
}

impl Rights {
    /// Those of everyone who is known: each role at each reach, and nobody.
    pub(crate) fn all() -> Vec<Self> {
        let reaches = [Reach::Home, Reach::Abroad, Reach::Everywhere];
        let of = |role: &Role| reaches.map(|reach| Self { role: Some(*role), reach });
        let nobody = Self { role: None, reach: Reach::Home };
        Role::ALL.iter().flat_map(of).chain([nobody]).collect()
    }

    fn has(self, scope: Scope) -> bool {
        self.role.is_some_and(|role| role.scopes().contains(&scope))
    }

    /// Tells whether they are for the workspace in which something is asked.
    fn is_for(self, at: At) -> bool {
        let reached = match self.reach {
            Reach::Home => at == At::Home,
            Reach::Abroad => at != At::Home,
            Reach::Everywhere => true,
        };
        self.role.is_some() && reached
    }

    /// Decides on one cell of the matrix: returns the code of the answer. `told` is the code for
    /// those who are let in.
    pub(crate) fn decide(self, need: Need, told: &'static str, at: At) -> &'static str {
        let (here, everywhere) = (self.is_for(at), self.reach == Reach::Everywhere);
        let governs = self.has(Scope::Administer);
        let allowed = match need {
            Need::Nothing | Need::Anyone => true,
            Need::Foothold => here,
            Need::Here(scopes)
                if at == At::Shared && here && !scopes.iter().all(|scope| is_shared(*scope)) =>
            {
                return "connection_unknown";
            }
            Need::Here(scopes) => here && scopes.iter().all(|scope| self.has(*scope)),
            Need::AtHome(scope) => here && self.has(scope) && (at != At::Shared || everywhere),
            Need::Ledger(scope) => everywhere && self.has(scope),
            Need::Principals(place) => governs && (here || place == Place::OfLedger),
            Need::Principal(_) if everywhere => governs,
            Need::Principal(place) if governs && (here || place == Place::OfLedger) => {
                return "principal_unknown";
            }
            Need::Principal(_) => false,
        };
        if allowed { told } else { "forbidden" }
    }
}

/// Tells whether a scope in a workspace is for connections that are shared with it, or for its own
/// history.
fn is_shared(scope: Scope) -> bool {
    matches!(scope, Scope::Read | Scope::Reveal | Scope::Audit)
}

/// Finds the line of something that can be asked.
#[track_caller]
pub(crate) fn line(table: &[Line], name: &str) -> (Need, &'static str) {
    let found = table.iter().find(|(known, ..)| *known == name);
    let (_, need, told) = found.unwrap_or_else(|| panic!("{name} has no line in the table"));
    (*need, told)
}
