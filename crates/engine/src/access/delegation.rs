//! Who administers which principals.
//!
//! Who administers the whole ledger administers all of them. Who administers the whole of some
//! workspaces administers the principals that belong to these: those whose every grant names only
//! such workspaces. Such a caller takes any right away, but gives none that they lack themselves,
//! whether by a grant, by a key or by enabling. All other principals look missing.

use ledger_contract::commands::ParsedCommand;
use ledger_domain::principal::{Grant, Scope, Subject, Workspaces};
use ledger_domain::{
    Expected, Principal, PrincipalCommand, Rejection, Version, WorkspaceName, check_expected,
};

use super::{Caller, Permit, PrincipalDirectory};
use crate::errors::{ExecuteError, Forbidden};

impl Caller {
    /// Rejects callers who administer neither the ledger nor the whole of a workspace.
    pub(crate) fn require_principals(&self) -> Result<(), Forbidden> {
        let whole =
            |grant: &Grant| grant.scopes.contains(&Scope::Administer) && !grant.is_selective();
        if self.grants().iter().any(whole) {
            return Ok(());
        }
        Err(Forbidden::Scope(Scope::Administer))
    }

    /// Returns whether the caller administers a principal.
    pub(crate) fn administers(&self, principal: &Principal) -> bool {
        self.administers_ledger() || self.administers_all_of(&principal.grants)
    }

    /// Returns whether the caller administers the whole ledger, and so every principal.
    pub(crate) fn administers_ledger(&self) -> bool {
        self.may(Scope::Administer, Subject::Ledger)
    }

    /// Returns whether grants name only workspaces that the caller administers, and at least one.
    fn administers_all_of(&self, grants: &[Grant]) -> bool {
        let administered =
            |name: &WorkspaceName| self.may(Scope::Administer, Subject::Workspace(name));
        let inside = |grant: &Grant| match &grant.workspaces {
            Workspaces::All => false,
            Workspaces::Named(names) => names.iter().all(administered),
        };
        !grants.is_empty() && grants.iter().all(inside)
    }

    /// Checks that the caller may give grants to others, or use those that others have: each names
    /// only workspaces that the caller administers, with scopes that they have there themselves.
    fn check_gives(&self, grants: &[Grant]) -> Result<(), Forbidden> {
        if grants.is_empty() {
            return Err(Forbidden::NoGrant);
        }
        grants.iter().try_for_each(|grant| self.check_gives_one(grant))
    }

    fn check_gives_one(&self, grant: &Grant) -> Result<(), Forbidden> {
        let exceeds = |scope: &Scope, place: &str| {
            Err(Forbidden::ExceedsCaller { scope: *scope, place: place.to_owned() })
        };
        let Workspaces::Named(names) = &grant.workspaces else {
            let scope = grant.scopes.first().unwrap_or(&Scope::Administer);
            return exceeds(scope, "all workspaces");
        };
        for name in names {
            let administered = self.may(Scope::Administer, Subject::Workspace(name));
            let has = |scope: &Scope| {
                administered && self.grants().iter().any(|own| own.includes(*scope, name, grant))
            };
            if let Some(scope) = grant.scopes.iter().find(|scope| !has(scope)) {
                return exceeds(scope, name.as_str());
            }
        }
        Ok(())
    }
}

/// The version at which a principal was found when the rights to it were checked, or `None` if no
/// state of it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckedAt(Option<Version>);

impl CheckedAt {
    /// Returns the version that the decider must find, so that it decides on the checked state.
    /// Errors: `version_conflict` if the sender expects another version.
    pub(crate) fn expected(self, given: Expected) -> Result<Expected, Rejection> {
        let Some(version) = self.0 else { return Ok(given) };
        check_expected(version, given)?;
        Ok(if version == Version::ZERO { Expected::Absent } else { Expected::At(version) })
    }
}

impl Permit {
    /// Checks that the caller may send a command about a principal, by its durable state.
    ///
    /// Errors: `forbidden`; `principal_unknown` for principals that the caller does not administer.
    pub(crate) fn check_principal(
        &self,
        directory: &PrincipalDirectory,
        command: &ParsedCommand,
    ) -> Result<CheckedAt, ExecuteError> {
        let ParsedCommand::Principal { name, command, .. } = command else {
            return Ok(CheckedAt(None));
        };
        if self.caller().administers_ledger() {
            return Ok(CheckedAt(None));
        }
        let before = directory.principal(name);
        self.caller().check_command(before.as_deref(), command)?;
        if matches!(**command, PrincipalCommand::Create(_)) {
            // Its rights follow from the command alone.
            return Ok(CheckedAt(None));
        }
        Ok(CheckedAt(Some(before.map_or(Version::ZERO, |principal| principal.version))))
    }
}

impl Permit {
    /// Returns whether the caller administers a principal.
    pub(crate) fn administers(&self, principal: &Principal) -> bool {
        self.caller().administers(principal)
    }

    /// Checks a command about a principal again, by the rights that the caller has now and the
    /// latest state of the principal.
    ///
    /// Errors: as [`Self::check_principal`].
    pub(crate) fn check_principal_again(
        &self,
        before: Option<&Principal>,
        command: &PrincipalCommand,
    ) -> Result<(), ExecuteError> {
        if self.caller().administers_ledger() {
            return Ok(());
        }
        self.caller().check_command(before, command)
    }
}

impl Caller {
    /// Checks a command of a caller who does not administer the whole ledger.
    fn check_command(
        &self,
        before: Option<&Principal>,
        command: &PrincipalCommand,
    ) -> Result<(), ExecuteError> {
        if let PrincipalCommand::Create(draft) = command {
            return Ok(self.check_gives(&draft.grants)?);
        }
        let before = before.filter(|before| self.administers_all_of(&before.grants));
        let before = before.ok_or(Rejection::PrincipalUnknown)?;
        match command {
            PrincipalCommand::BlockToken { .. } | PrincipalCommand::UnblockToken { .. } => {
                Err(Forbidden::Scope(Scope::Administer).into())
            }
            PrincipalCommand::Create(_)
            | PrincipalCommand::Disable { .. }
            | PrincipalCommand::RevokeKey { .. } => Ok(()),
            PrincipalCommand::Update(revision) => {
                let grants = revision.grants.as_deref();
                Ok(grants.map_or(Ok(()), |grants| self.check_gives(grants))?)
            }
            PrincipalCommand::Enable | PrincipalCommand::IssueKey { .. } => {
                Ok(self.check_gives(&before.grants)?)
            }
        }
    }
}
