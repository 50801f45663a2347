//! What a command requires, and whether its caller has it.
//!
//! The decider asks twice: before the rules of the domain, whose refusals tell of the state, and
//! once more of the state that would follow, so that nobody moves a connection out of or into
//! their own reach, gains a right to it by changing it, or lets others in without administering
//! it. What a caller may do nothing with does not exist for them.

use ledger_contract::commands::{Condition, ConnectionRef, ParsedCommand, Target, VerbSpec};
use ledger_domain::connection::Access;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Actor, Connection, WorkspaceName};
use ledger_store::tables::Receipt;

use super::Caller;
use crate::errors::{ConnectionUnknown, ExecuteError, Forbidden};
use crate::execute::Outcome;
use crate::fingerprint::Fingerprint;
use crate::writer::answer;

/// A caller, and what the command at hand requires.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    caller: Caller,
    /// What the command's verb requires, and when.
    requires: &'static VerbSpec,
    /// Whether the command sets or removes secrets.
    changes_secrets: bool,
    /// How the command names its connection.
    target: Option<ConnectionRef>,
}

/// Says that a connection is not there, in the same words whether it is missing or hidden.
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
    /// Settles what a command requires, and refuses at once a caller who has nothing to do with the
    /// workspace, or the ledger, that it is sent to.
    pub(crate) fn of(
        caller: Caller,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
    ) -> Result<Self, Forbidden> {
        let spec = command.verb().spec();
        let subject = match (spec.target, command) {
            (Target::NewPrincipal | Target::Principal | Target::Key, _) => Some(Subject::Ledger),
            (Target::NewWorkspace, _) => Some(Subject::Workspace(workspace)),
            // Before the decider looks up the workspaces that a draft names.
            (_, ParsedCommand::Create(draft)) => {
                caller.require_foothold(workspace)?;
                Some(Subject::Connection(workspace, &draft.details))
            }
            // Settled when the decider has found the connection.
            (Target::Connection | Target::NewConnection, _) => {
                caller.require_foothold(workspace)?;
                None
            }
        };
        if let Some(subject) = subject {
            let mut required = spec.required(|condition| command.meets(condition));
            match required.find(|(_, scope)| !caller.may(*scope, subject)) {
                None => {}
                Some((Condition::Shares, _)) => return Err(Forbidden::Sharing),
                Some((_, scope)) => return Err(Forbidden::Scope(scope)),
            }
        }
        let changes_secrets = command.meets(Condition::ChangesSecrets);
        Ok(Self { caller, requires: spec, changes_secrets, target: command.target().cloned() })
    }

    /// Returns the scopes that the command requires whatever it leads to. Whether it lets further
    /// workspaces in is judged by the states: see [`Self::check_opened`].
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        let required = self.requires.required(|condition| match condition {
            Condition::Always => true,
            Condition::ChangesSecrets => self.changes_secrets,
            Condition::Shares => false,
        });
        required.map(|(_, scope)| scope)
    }

    pub(crate) fn actor(&self) -> &Actor {
        self.caller.actor()
    }

    /// Checks the state that a command found.
    pub(crate) fn check_before(&self, state: &Connection) -> Result<(), ExecuteError> {
        if !self.caller.knows(state) {
            return Err(connection_unknown(&state.workspace, self.target.as_ref()).into());
        }
        Ok(self.check_after(state)?)
    }

    /// Checks what a command that makes a connection takes somewhere in its workspace, at least:
    /// whoever has it nowhere there is told nothing else.
    pub(crate) fn check_new(&self, workspace: &WorkspaceName) -> Result<(), Forbidden> {
        let may = |scope: &Scope| self.caller.may_somewhere_in(*scope, workspace);
        match self.scopes().find(|scope| !may(scope)) {
            None => Ok(()),
            Some(scope) => Err(Forbidden::Scope(scope)),
        }
    }

    /// Checks the state that a command leads to.
    pub(crate) fn check_after(&self, state: &Connection) -> Result<(), Forbidden> {
        match self.scopes().find(|scope| !self.caller.may_with(*scope, state)) {
            None => Ok(()),
            Some(scope) => Err(Forbidden::Scope(scope)),
        }
    }

    /// Checks what a change would open, whatever the command: only who administers a connection
    /// lets other workspaces in.
    pub(crate) fn check_opened(
        &self,
        before: Option<&Connection>,
        after: &Connection,
    ) -> Result<(), Forbidden> {
        let administers = |state: &Connection| self.caller.may_with(Scope::Administer, state);
        if before.is_none_or(administers) && administers(after) {
            return Ok(());
        }
        let closed = Access::default();
        if after.access.widens(before.map_or(&closed, |before| &before.access)) {
            return Err(Forbidden::Sharing);
        }
        Ok(())
    }

    /// Checks that the caller gains no right to a connection by changing it: whoever says with
    /// whom it is shared, or how it is labelled, could otherwise take every right that they have
    /// to anything.
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

    /// Returns what the caller is told who sends a command under an id that was used before, by
    /// whomever; nothing when they may not know what it was used for. `state` is the connection of
    /// the receipt as it is now.
    ///
    /// Errors: [`ExecuteError::CommandIdReused`], and those of [`Self::check_before`] for a repeat.
    pub(crate) fn repeat(
        &self,
        workspace: &WorkspaceName,
        fingerprint: Fingerprint,
        receipt: &Receipt,
        state: Option<&Connection>,
    ) -> Result<Option<Outcome>, ExecuteError> {
        if fingerprint.is_of(receipt) {
            state.map_or(Ok(()), |state| self.check_before(state))?;
            return Ok(Some(answer(receipt, true)));
        }
        let known = match state {
            Some(state) => self.caller.knows(state),
            None => self.caller.may(Scope::Administer, Subject::Workspace(workspace)),
        };
        if known { Err(ExecuteError::CommandIdReused) } else { Ok(None) }
    }

    /// Tells whether the caller may know of every connection whose home is a workspace.
    pub(crate) fn knows_all_of(&self, workspace: &WorkspaceName) -> bool {
        let whole = Subject::Workspace(workspace);
        Scope::ALL.iter().any(|scope| self.caller.may(*scope, whole))
    }

    /// Tells whether a connection is there for the caller, seen from a workspace.
    pub(crate) fn knows_from(&self, workspace: &WorkspaceName, connection: &Connection) -> bool {
        let here = connection.workspace == *workspace || connection.access.allows(workspace);
        here && self.caller.knows(connection)
    }
}

impl Caller {
    /// Refuses a caller who may not do `scope` to `subject`.
    pub fn require(&self, scope: Scope, subject: Subject<'_>) -> Result<(), Forbidden> {
        if self.may(scope, subject) { Ok(()) } else { Err(Forbidden::Scope(scope)) }
    }

    /// Refuses a caller who may do nothing in a workspace, whether or not there is one.
    pub(crate) fn require_foothold(&self, workspace: &WorkspaceName) -> Result<(), Forbidden> {
        if Scope::ALL.iter().any(|scope| self.may_somewhere_in(*scope, workspace)) {
            return Ok(());
        }
        Err(Forbidden::Workspace)
    }
}
