//! Checks whether a caller may execute a command.
//!
//! The decider renews the caller's rights, then checks twice: before the domain's rules, whose
//! errors reveal the state, and again on the resulting state. Otherwise callers could move a
//! connection into or out of their own reach, gain a right to it by changing it, or share it
//! without the scopes for that. A connection to which a caller has no right at all is treated as
//! missing.

use ledger_contract::commands::{
    Condition, ConnectionRef, ParsedCommand, SHARING, Target, Verb, VerbSpec,
};
use ledger_contract::subjects;
use ledger_domain::connection::Access;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Actor, Connection, HandoverId, Micros, PrincipalName, WorkspaceName};
use ledger_store::tables::Receipt;

use super::Caller;
use crate::engine::Shared;
use crate::errors::{AuthenticateError, ConnectionUnknown, ExecuteError, Forbidden};
use crate::execute::Outcome;
use crate::fingerprint::Fingerprint;
use crate::writer::answer;

/// A caller, and what the current command requires.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    caller: Caller,
    /// What the command's verb requires, and when.
    requires: &'static VerbSpec,
    /// Whether the command sets or removes secrets.
    changes_secrets: bool,
    /// Whether it gives a secret field a reference.
    refers: bool,
    /// How the command names its connection.
    target: Option<ConnectionRef>,
}

/// Returns the error for a connection that is missing or hidden; both read the same.
pub(crate) fn connection_unknown(
    workspace: &WorkspaceName,
    target: Option<&ConnectionRef>,
) -> ConnectionUnknown {
    match target {
        Some(ConnectionRef::Slug(slug)) => {
            ConnectionUnknown::Slug { slug: slug.clone(), workspace: workspace.clone() }
        }
        Some(ConnectionRef::Id(_)) | None => ConnectionUnknown::Id,
    }
}

impl Permit {
    /// Determines the scopes that a command requires. Rejects callers who have no rights in the
    /// workspace, or the ledger, to which it is sent.
    pub(crate) fn of(
        caller: Caller,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
    ) -> Result<Self, Forbidden> {
        let spec = command.verb().spec();
        let changes_secrets = command.meets(Condition::ChangesSecrets);
        let refers = command.meets(Condition::Refers);
        let target = command.target().cloned();
        let permit = Self { caller, requires: spec, changes_secrets, refers, target };
        permit.check_place(workspace)?;
        // Before the decider looks up the workspaces that a draft names.
        if let ParsedCommand::Create(draft) = command {
            let subject = Subject::Connection(workspace, &draft.details);
            let mut required = spec.required(|condition| command.meets(condition));
            match required.find(|(_, scope)| !permit.caller.may(*scope, subject)) {
                None => {}
                Some((Condition::Shares, scope)) => return Err(Forbidden::Sharing(scope)),
                Some((_, scope)) => return Err(Forbidden::Scope(scope)),
            }
        }
        Ok(permit)
    }

    /// Returns the permit for what the ledger does by itself, under the name of a caller.
    pub(crate) fn of_ledger(caller: Caller) -> Self {
        let requires = Verb::RotateMasterKey.spec();
        Self { caller, requires, changes_secrets: false, refers: false, target: None }
    }

    /// Checks what depends on no connection: the rights to a command about the ledger or a
    /// workspace, and for others that the caller has any right in the workspace.
    fn check_place(&self, workspace: &WorkspaceName) -> Result<(), Forbidden> {
        if self.caller.handover().is_some() && self.requires.target != Target::Token {
            return Err(Forbidden::Workspace);
        }
        let subject = match self.requires.target {
            // The token is the right.
            Target::Token => return Ok(()),
            // Which principals, is checked against their grants.
            Target::NewPrincipal | Target::Principal | Target::Key => {
                return self.caller.require_principals();
            }
            // Of a key of a principal.
            Target::Handover if workspace.as_str() == subjects::LEDGER => {
                return self.caller.require_principals();
            }
            Target::Tokens | Target::Ledger => Subject::Ledger,
            Target::Policies | Target::Alerts if workspace.as_str() == subjects::LEDGER => {
                Subject::Ledger
            }
            Target::Workspace | Target::NewWorkspace | Target::Policies | Target::Alerts => {
                Subject::Workspace(workspace)
            }
            // Settled when the decider has found the connection.
            Target::Connection | Target::NewConnection | Target::Handover => {
                return self.caller.require_foothold(workspace);
            }
        };
        self.scopes().try_for_each(|scope| self.caller.require(scope, subject))
    }

    /// Gives the caller the rights that the credential has now, and checks again what
    /// [`Self::check_place`] did. Arguments and result are those of [`Caller::renew`].
    ///
    /// Errors: those of a credential; `forbidden`.
    pub(crate) fn renew(
        &mut self,
        workspace: &WorkspaceName,
        now: Micros,
        changes: u64,
        again: impl FnOnce(&Caller) -> Result<Caller, AuthenticateError>,
    ) -> Result<bool, ExecuteError> {
        let renewed = self.caller.renew(now, changes, again)?;
        if renewed {
            self.check_place(workspace)?;
        }
        Ok(renewed)
    }

    /// Returns the scopes that the command requires whatever it leads to. Whether it lets further
    /// workspaces in or sends secrets elsewhere is judged by the states: see [`Self::check_opened`]
    /// and [`Self::may_redirect`].
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        let required = self.requires.required(|condition| match condition {
            Condition::Always => true,
            Condition::ChangesSecrets => self.changes_secrets,
            Condition::Refers => self.refers,
            Condition::Shares | Condition::Redirects | Condition::ExceedsSender => false,
        });
        required.map(|(_, scope)| scope)
    }

    pub(crate) fn actor(&self) -> &Actor {
        self.caller.actor()
    }

    /// Returns the handover whose token is the caller's credential.
    pub(crate) fn handover(&self) -> Option<&HandoverId> {
        self.caller.handover()
    }

    /// Returns the principal whose key is the caller's credential.
    pub(crate) fn principal(&self, shared: &Shared) -> Option<PrincipalName> {
        let holder = shared.directory.holder(self.caller.key()?)?;
        Some(holder.name.clone())
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Checks the state before the command.
    pub(crate) fn check_before(&self, state: &Connection) -> Result<(), ExecuteError> {
        if !self.caller.knows(state) {
            return Err(connection_unknown(&state.workspace, self.target.as_ref()).into());
        }
        Ok(self.check_after(state)?)
    }

    /// Checks that the caller has the required scopes somewhere in the workspace of a new
    /// connection. Callers without them learn nothing else about it.
    pub(crate) fn check_new(&self, workspace: &WorkspaceName) -> Result<(), Forbidden> {
        let may = |scope: &Scope| self.caller.may_somewhere_in(*scope, workspace);
        match self.scopes().find(|scope| !may(scope)) {
            None => Ok(()),
            Some(scope) => Err(Forbidden::Scope(scope)),
        }
    }

    /// Checks the state after the command.
    pub(crate) fn check_after(&self, state: &Connection) -> Result<(), Forbidden> {
        match self.scopes().find(|scope| !self.caller.may_with(*scope, state)) {
            None => Ok(()),
            Some(scope) => Err(Forbidden::Scope(scope)),
        }
    }

    /// Checks whether a change shares the connection with more workspaces, whatever the command.
    /// That requires [`SHARING`] in both states.
    pub(crate) fn check_opened(
        &self,
        before: Option<&Connection>,
        after: &Connection,
    ) -> Result<(), Forbidden> {
        let has = |scope: Scope, state| self.caller.may_with(scope, state);
        let lacks = |scope: &&Scope| {
            before.is_some_and(|before| !has(**scope, before)) || !has(**scope, after)
        };
        let Some(scope) = SHARING.iter().find(lacks) else { return Ok(()) };
        let closed = Access::default();
        if after.access.widens(before.map_or(&closed, |before| &before.access)) {
            return Err(Forbidden::Sharing(*scope));
        }
        Ok(())
    }

    /// Returns whether the caller may reveal the secrets of a connection.
    pub(crate) fn may_reveal(&self, connection: &Connection) -> bool {
        self.caller.may_with(Scope::Reveal, connection)
    }

    /// Returns whether the caller may send the secrets of a connection elsewhere.
    pub(crate) fn may_redirect(&self, before: &Connection) -> bool {
        let mut required = self.requires.required(|condition| condition == Condition::Redirects);
        required.all(|(_, scope)| self.caller.may_with(scope, before))
    }

    /// Checks that the caller gains no right to a connection by changing its sharing or its labels.
    /// Otherwise they could extend any right they hold to any connection.
    pub(crate) fn check_gain(
        &self,
        before: &Connection,
        after: &Connection,
    ) -> Result<(), Forbidden> {
        let may = |scope: Scope, state| self.caller.may_with(scope, state);
        let gained = |scope: &&Scope| may(**scope, after) && !may(**scope, before);
        let Some(scope) = Scope::ALL.iter().find(gained) else { return Ok(()) };
        Err(Forbidden::Gain(*scope))
    }

    /// Returns the earlier outcome of a repeated command, or `None` if the caller may not know the
    /// command that used the id. `state` is the current state of the connection in the receipt.
    ///
    /// Errors: [`ExecuteError::CommandIdReused`], and those of [`Self::check_before`] for a repeat.
    pub(crate) fn repeat(
        &self,
        workspace: &WorkspaceName,
        fingerprint: &Fingerprint,
        shared: &Shared,
        receipt: &Receipt,
        state: Option<&Connection>,
    ) -> Result<Option<Outcome>, ExecuteError> {
        if fingerprint.is_of(receipt, workspace, &shared.fingerprint_key) {
            state.map_or(Ok(()), |state| self.check_before(state))?;
            return Ok(Some(answer(shared, receipt, true)));
        }
        let known = match state {
            Some(state) => self.caller.knows(state),
            None => self.caller.may(Scope::Administer, Subject::Workspace(workspace)),
        };
        if known { Err(ExecuteError::CommandIdReused) } else { Ok(None) }
    }

    /// Returns whether the caller may see every connection whose home is `workspace`.
    pub(crate) fn knows_all_of(&self, workspace: &WorkspaceName) -> bool {
        let whole = Subject::Workspace(workspace);
        Scope::ALL.iter().any(|scope| self.caller.may(*scope, whole))
    }

    /// Returns whether the caller may see a connection from `workspace`.
    pub(crate) fn knows_from(&self, workspace: &WorkspaceName, connection: &Connection) -> bool {
        let here = connection.workspace == *workspace || connection.access.allows(workspace);
        here && self.caller.knows(connection)
    }
}

impl Caller {
    /// Rejects callers who lack `scope` for `subject`.
    pub fn require(&self, scope: Scope, subject: Subject<'_>) -> Result<(), Forbidden> {
        if self.may(scope, subject) { Ok(()) } else { Err(Forbidden::Scope(scope)) }
    }

    /// Rejects callers who have no rights in a workspace, whether or not it exists.
    pub(crate) fn require_foothold(&self, workspace: &WorkspaceName) -> Result<(), Forbidden> {
        if Scope::ALL.iter().any(|scope| self.may_somewhere_in(*scope, workspace)) {
            return Ok(());
        }
        Err(Forbidden::Workspace)
    }
}
