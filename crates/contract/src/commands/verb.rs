//! What every verb says of itself.

use ledger_domain::principal::Scope;
use ledger_domain::{InvalidField, PrincipalName, WorkspaceName};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::input::{ConnectionRule, Input, PrincipalRule};
use super::{ConnectionRef, ParsedCommand};
use crate::errors::{Code, Problem};
use crate::route::HttpRoute;

/// One verb: a file of this folder each. Nothing here has a default, so a verb that leaves a
/// question open does not compile.
pub(super) trait VerbDefinition {
    /// The JSON body, as callers write it.
    type Body: DeserializeOwned + JsonSchema;

    /// What there is to say of the verb besides its body.
    const SPEC: VerbSpec;

    /// Checks a body and makes it a command. `address` is what something outside of the body, a
    /// subject or a path, says already.
    ///
    /// Errors: `field_invalid`.
    fn read(address: &Address, body: Self::Body) -> Result<ParsedCommand, Problem>;
}

/// What there is to say of a verb besides its body.
#[derive(Clone, Copy, Debug)]
pub struct VerbSpec {
    /// The verb, as subjects, routes and the command line spell it. Never reused.
    pub name: &'static str,
    /// What it is about.
    pub target: Target,
    /// Where HTTP answers it.
    pub route: HttpRoute,
    /// What it does: one line in the imperative, for every listing and help.
    pub summary: &'static str,
    /// What else a caller should know. May be empty.
    pub description: &'static str,
    /// The scopes it requires.
    pub requires: &'static [Requirement],
    /// The codes it refuses with, besides those of every command.
    pub refusals: &'static [Code],
    /// What an accepted command is answered with.
    pub answer: Answer,
}

/// What a verb is about. It settles the NATS subject and the parameters over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A connection that is there, named by path or body.
    Connection,
    /// A connection to be made in the workspace that the subject or the path names.
    NewConnection,
    /// A workspace to be made, named by the subject, or by the body over HTTP.
    NewWorkspace,
    /// A principal to be made, named by the body.
    NewPrincipal,
    /// A principal that is there, named by path or body.
    Principal,
    /// A key of a principal, named by path or body.
    Key,
}

impl Target {
    /// Tells whether commands go to the ledger as a whole, under
    /// [`LEDGER`](crate::subjects::LEDGER) in place of a workspace.
    pub const fn is_ledger(self) -> bool {
        match self {
            Self::NewPrincipal | Self::Principal | Self::Key => true,
            Self::Connection | Self::NewConnection | Self::NewWorkspace => false,
        }
    }

    /// Tells whether the command creates its target.
    pub const fn is_new(self) -> bool {
        match self {
            Self::NewConnection | Self::NewWorkspace | Self::NewPrincipal => true,
            Self::Connection | Self::Principal | Self::Key => false,
        }
    }
}

/// What an accepted command is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The receipt of a change.
    Changed,
    /// The receipt of something created, and over HTTP where it is.
    Created,
    /// The receipt and a key, shown this once.
    KeyIssued,
    /// Secret values.
    Secrets,
}

/// Scopes that a command requires, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// When they are required.
    pub when: Condition,
    /// The scopes, all of them.
    pub scopes: &'static [Scope],
}

impl Requirement {
    /// Requires scopes of every command of a verb.
    pub(super) const fn always(scopes: &'static [Scope]) -> Self {
        Self { when: Condition::Always, scopes }
    }

    /// Requires scopes of commands that set or remove secrets.
    pub(super) const fn for_secrets(scopes: &'static [Scope]) -> Self {
        Self { when: Condition::ChangesSecrets, scopes }
    }

    /// Requires `administer` of commands that let further workspaces use the connection.
    pub(super) const fn for_sharing() -> Self {
        Self { when: Condition::Shares, scopes: &[Scope::Administer] }
    }
}

/// What a requirement depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Nothing: every command of the verb requires it.
    Always,
    /// The body sets or removes secrets.
    ChangesSecrets,
    /// The command lets workspaces use the connection that could not before. The body of `create`
    /// tells; for a revert the earlier version does, so it is settled when the command is decided.
    Shares,
}

impl Condition {
    /// Returns the condition as the end of a sentence that begins "requires ...".
    pub const fn as_clause(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::ChangesSecrets => "when it sets or removes secrets",
            Self::Shares => "when it lets further workspaces use the connection",
        }
    }
}

impl VerbSpec {
    /// Returns the scopes that a command of the verb requires, each with its condition. `met` tells
    /// which conditions hold for the command. Authorization and `access-check` both ask here.
    pub fn required(
        &self,
        met: impl Fn(Condition) -> bool,
    ) -> impl Iterator<Item = (Condition, Scope)> {
        let met = self.requires.iter().filter(move |requirement| met(requirement.when));
        met.flat_map(|requirement| {
            requirement.scopes.iter().map(|scope| (requirement.when, *scope))
        })
    }

    /// Returns the scopes that every command of the verb requires.
    pub fn always_required(&self) -> impl Iterator<Item = Scope> {
        self.required(|condition| condition == Condition::Always).map(|(_, scope)| scope)
    }
}

/// Where a command is sent, and what it names before its body is read.
#[derive(Clone, Debug)]
pub struct Address {
    /// The workspace; [`LEDGER`](crate::subjects::LEDGER) for what concerns the ledger as a whole.
    pub workspace: WorkspaceName,
    /// The connection that a path names.
    pub connection: Option<ConnectionRef>,
    /// The principal that a path names.
    pub principal: Option<PrincipalName>,
}

impl Address {
    /// Returns the address of a command whose body names everything but the workspace.
    pub const fn of(workspace: WorkspaceName) -> Self {
        Self { workspace, connection: None, principal: None }
    }

    /// Settles which connection is meant, by the path or by the body.
    pub(super) fn connection(
        &self,
        body: Option<Input<ConnectionRule>>,
    ) -> Result<ConnectionRef, InvalidField> {
        const FIELD: &str = "connection";
        let named = body.map(|name| name.check(FIELD)).transpose()?;
        match (&self.connection, named) {
            (Some(path), None) => Ok(path.clone()),
            (Some(path), Some(named)) if named.is_same_name(path) => Ok(path.clone()),
            (Some(_), Some(_)) => Err(differs(FIELD)),
            (None, Some(named)) => Ok(named),
            (None, None) => Err(InvalidField::new(FIELD, "must name the connection by id or slug")),
        }
    }

    /// Settles which principal is meant, by the path or by the body.
    pub(super) fn principal(
        &self,
        body: Option<Input<PrincipalRule>>,
    ) -> Result<PrincipalName, InvalidField> {
        const FIELD: &str = "principal";
        match (&self.principal, body) {
            (Some(path), None) => Ok(path.clone()),
            (Some(path), Some(named)) => match named.check(FIELD) {
                Ok(named) if named == *path => Ok(named),
                _ => Err(differs(FIELD)),
            },
            (None, Some(named)) => named.check(FIELD),
            (None, None) => Err(InvalidField::new(FIELD, "must name the principal")),
        }
    }
}

fn differs(field: &str) -> InvalidField {
    InvalidField::new(field, "must be left out, or be the same as in the path")
}
