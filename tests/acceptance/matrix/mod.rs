//! Who may do what: everyone of a cast asks everything there is, through each door, and a small
//! table says what must come of it. What has no line in the table fails.

pub(crate) mod bodies;
pub(crate) mod cast;

mod nats;

use ledger_contract::commands::SHARING;
use ledger_domain::principal::{Role, Scope};

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
/// All is well.
pub(crate) const WELL: &str = "";

/// What somebody may do: a role in the home workspace or everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) role: Option<Role>,
    pub(crate) everywhere: bool,
}

impl Rights {
    /// Tells the code of a refusal in the home workspace or in another.
    pub(crate) fn refusal(self, need: Need, at_home: bool) -> &'static str {
        match need {
            Need::Principal(place) if self.meet(Need::Principals(place), at_home) => {
                "principal_unknown"
            }
            _ => "forbidden",
        }
    }

    /// Tells whether they are enough in the home workspace or in another.
    pub(crate) fn meet(self, need: Need, at_home: bool) -> bool {
        let has = |scope: &Scope| self.role.is_some_and(|role| role.scopes().contains(scope));
        let here = self.role.is_some() && (at_home || self.everywhere);
        match need {
            Need::Nothing | Need::Anyone => true,
            Need::Foothold => here,
            Need::Here(scopes) => here && scopes.iter().all(has),
            Need::Ledger(scope) => self.everywhere && has(&scope),
            Need::Principals(place) => {
                has(&Scope::Administer) && (here || place == Place::OfLedger)
            }
            Need::Principal(_) => self.everywhere && has(&Scope::Administer),
        }
    }
}

/// Finds the line of something that can be asked.
#[track_caller]
pub(crate) fn line(table: &[Line], name: &str) -> (Need, &'static str) {
    let found = table.iter().find(|(known, ..)| *known == name);
    let (_, need, told) = found.unwrap_or_else(|| panic!("{name} has no line in the table"));
    (*need, told)
}
