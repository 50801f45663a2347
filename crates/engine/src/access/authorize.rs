//! What a command takes, and whether its caller has it.
//!
//! The decider asks twice: before the rules of the domain, whose refusals tell of the state, and
//! once more of the state that would follow, so that nobody moves a connection out of or into
//! their own reach, or lets others in without administering it. What a caller may do nothing with
//! does not exist for them.

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::errors::{Code, Problem};
use ledger_domain::connection::Access;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Actor, Command, Connection, WorkspaceName};

use super::Caller;

/// A caller, and what the command at hand takes.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    caller: Caller,
    scopes: &'static [Scope],
    /// How the command names its connection.
    target: Option<ConnectionRef>,
}

/// Says that a connection is not there, in the same words whether it is missing or hidden.
pub(crate) fn connection_unknown(
    workspace: &WorkspaceName,
    target: Option<&ConnectionRef>,
) -> Problem {
    match target {
        Some(ConnectionRef::Slug(slug)) => {
            let message = format!("there is no active connection {slug} in workspace {workspace}");
            Problem::because(Code::ConnectionUnknown, message)
        }
        Some(ConnectionRef::Id(_)) | None => Problem::new(Code::ConnectionUnknown),
    }
}

/// Returns how a command names its connection.
fn target(command: &ParsedCommand) -> Option<&ConnectionRef> {
    match command {
        ParsedCommand::Update { target, .. }
        | ParsedCommand::RotateSecret { target, .. }
        | ParsedCommand::Revert { target, .. }
        | ParsedCommand::Plain { target, .. }
        | ParsedCommand::Reveal { target, .. } => Some(target),
        ParsedCommand::Create(_)
        | ParsedCommand::CreateWorkspace(_)
        | ParsedCommand::Principal { .. }
        | ParsedCommand::IssueKey { .. } => None,
    }
}

/// Returns the scopes a command takes, all of them.
fn scopes(command: &ParsedCommand) -> &'static [Scope] {
    match command {
        ParsedCommand::Update { secrets, .. } if secrets.is_empty() => &[Scope::Write],
        // An earlier version may have had other secrets.
        ParsedCommand::Update { .. } | ParsedCommand::Revert { .. } => {
            &[Scope::Write, Scope::Rotate]
        }
        ParsedCommand::Plain { command, .. }
            if matches!(**command, Command::GrantWorkspace { .. }) =>
        {
            &[Scope::Administer]
        }
        ParsedCommand::Create(_) | ParsedCommand::Plain { .. } => &[Scope::Write],
        ParsedCommand::RotateSecret { .. } => &[Scope::Rotate],
        ParsedCommand::Reveal { .. } => &[Scope::Reveal],
        ParsedCommand::CreateWorkspace(_)
        | ParsedCommand::Principal { .. }
        | ParsedCommand::IssueKey { .. } => &[Scope::Administer],
    }
}

impl Permit {
    /// Settles what a command takes, and refuses at once a caller who has nothing to do with the
    /// workspace, or the ledger, that it is sent to.
    pub(crate) fn of(
        caller: Caller,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
    ) -> Result<Self, Problem> {
        match command {
            ParsedCommand::Principal { .. } | ParsedCommand::IssueKey { .. } => {
                caller.require(Scope::Administer, Subject::Ledger)?;
            }
            ParsedCommand::CreateWorkspace(_) => {
                caller.require(Scope::Administer, Subject::Workspace(workspace))?;
            }
            // Before the decider looks up the workspaces that a draft names.
            ParsedCommand::Create(draft) => {
                caller.require_foothold(workspace)?;
                let subject = Subject::Connection(workspace, &draft.details);
                caller.require(Scope::Write, subject)?;
                let shares = draft.access.widens(&Access::default());
                if shares && !caller.may(Scope::Administer, subject) {
                    return Err(sharing());
                }
            }
            _ => caller.require_foothold(workspace)?,
        }
        let (scopes, target) = (scopes(command), target(command).cloned());
        Ok(Self { caller, scopes, target })
    }

    pub(crate) fn actor(&self) -> &Actor {
        self.caller.actor()
    }

    /// Checks the state that a command found.
    pub(crate) fn check_before(&self, state: &Connection) -> Result<(), Problem> {
        if !self.caller.knows(state) {
            return Err(connection_unknown(&state.workspace, self.target.as_ref()));
        }
        self.check_after(state)
    }

    /// Checks what a command that makes a connection takes somewhere in its workspace, at least:
    /// whoever has it nowhere there is told nothing else.
    pub(crate) fn check_new(&self, workspace: &WorkspaceName) -> Result<(), Problem> {
        let may = |scope: &Scope| self.caller.may_somewhere_in(*scope, workspace);
        match self.scopes.iter().find(|scope| !may(scope)) {
            None => Ok(()),
            Some(scope) => Err(lacking(*scope)),
        }
    }

    /// Checks the state that a command leads to.
    pub(crate) fn check_after(&self, state: &Connection) -> Result<(), Problem> {
        match self.scopes.iter().find(|scope| !self.caller.may_with(**scope, state)) {
            None => Ok(()),
            Some(scope) => Err(lacking(*scope)),
        }
    }

    /// Checks what a change would open, whatever the command: only who administers a connection
    /// lets other workspaces in, or gets more rights to it than they had.
    pub(crate) fn check_opened(
        &self,
        before: Option<&Connection>,
        after: &Connection,
    ) -> Result<(), Problem> {
        let administers = |state: &Connection| self.caller.may_with(Scope::Administer, state);
        if before.is_none_or(administers) && administers(after) {
            return Ok(());
        }
        let closed = Access::default();
        if after.access.widens(before.map_or(&closed, |before| &before.access)) {
            return Err(sharing());
        }
        let Some(before) = before else { return Ok(()) };
        let may = |scope: &Scope, state: &Connection| self.caller.may_with(*scope, state);
        let gained = Scope::ALL.iter().find(|scope| may(scope, after) && !may(scope, before));
        gained.map_or(Ok(()), |scope| Err(gaining(*scope)))
    }
}

impl Caller {
    /// Refuses a caller who may not do `scope` to `subject`.
    ///
    /// Errors: `forbidden`.
    pub fn require(&self, scope: Scope, subject: Subject<'_>) -> Result<(), Problem> {
        if self.may(scope, subject) { Ok(()) } else { Err(lacking(scope)) }
    }

    /// Refuses a caller who may do nothing in a workspace, whether or not there is one.
    pub(crate) fn require_foothold(&self, workspace: &WorkspaceName) -> Result<(), Problem> {
        if Scope::ALL.iter().any(|scope| self.may_somewhere_in(*scope, workspace)) {
            return Ok(());
        }
        let message = "the credential has no rights in this workspace";
        Err(Problem::because(Code::Forbidden, message))
    }
}

fn lacking(scope: Scope) -> Problem {
    let message =
        format!("this takes the scope `{scope}` here, which the credential does not have");
    Problem::because(Code::Forbidden, message)
}

fn sharing() -> Problem {
    let message = "to let other workspaces use a connection takes the scope `administer` here, \
                   which the credential does not have";
    Problem::because(Code::Forbidden, message)
}

fn gaining(scope: Scope) -> Problem {
    let message = format!(
        "this would give the credential the scope `{scope}` on the connection, and only who has \
         `administer` there may do that"
    );
    Problem::because(Code::Forbidden, message)
}
