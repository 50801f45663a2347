//! The properties that each verb declares.

use ledger_domain::principal::Scope;
use ledger_domain::{InvalidField, PrincipalName, WorkspaceName};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::content::Content;
use super::input::{ConnectionRule, Input, PrincipalRule};
use super::{ConnectionRef, ParsedCommand};
use crate::errors::{Code, Problem};
use crate::route::HttpRoute;

/// One verb, implemented in a file of its own in this folder. Nothing here has a default, so a verb
/// with a missing property does not compile.
pub(super) trait VerbDefinition {
    /// The JSON body, as callers send it.
    type Body: DeserializeOwned + JsonSchema;

    /// The properties of the verb besides its body.
    const SPEC: VerbSpec;

    /// Checks a body and turns it into a command. `address` is what the subject or path already
    /// names.
    ///
    /// Errors: `field_invalid`.
    fn read(address: &Address, body: Self::Body) -> Result<ParsedCommand, Problem>;

    /// Writes what a command says besides verb, workspace and connection, for its fingerprint: all
    /// that makes it another command. Returns `None` if it is a command of another verb.
    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>>;
}

/// The properties of a verb besides its body.
#[derive(Clone, Copy, Debug)]
pub struct VerbSpec {
    /// The verb, as subjects, routes and the command line spell it. Never reused.
    pub name: &'static str,
    /// The kind of thing that it changes.
    pub target: Target,
    /// Where HTTP answers it.
    pub route: HttpRoute,
    /// One line in the imperative, for listings and help texts.
    pub summary: &'static str,
    /// Further information for callers; may be empty.
    pub description: &'static str,
    /// The scopes it requires.
    pub requires: &'static [Requirement],
    /// The error codes it can fail with, besides those of every command.
    pub refusals: &'static [Code],
    /// The answer to an accepted command.
    pub answer: Answer,
}

/// The kind of thing that a verb changes. It determines the NATS subject and the HTTP parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An existing connection, named by path or body.
    Connection,
    /// A connection to create in the workspace that the subject or the path names.
    NewConnection,
    /// All connections of an existing workspace, which subject or path names.
    Workspace,
    /// A workspace to create, named by the subject, or by the body over HTTP.
    NewWorkspace,
    /// A principal to create, named by the body.
    NewPrincipal,
    /// An existing principal, named by path or body.
    Principal,
    /// A key of a principal, named by path or body.
    Key,
    /// Tokens of the identity provider, named by the body.
    Tokens,
    /// What a token of a handover stands for; the token is the credential or in the body.
    Token,
    /// A handover of a workspace, or of an API key at [`LEDGER`](crate::subjects::LEDGER), named by
    /// the body.
    Handover,
    /// The ledger itself.
    Ledger,
    /// The policies of a workspace, or of the ledger as a whole, in whose place the workspace is
    /// [`LEDGER`](crate::subjects::LEDGER).
    Policies,
    /// An alert of a workspace, or of the ledger as a whole in the same way, named by the body.
    Alerts,
}

impl Target {
    /// Returns whether commands are sent to the ledger as a whole, under
    /// [`LEDGER`](crate::subjects::LEDGER) instead of a workspace.
    pub const fn is_ledger(self) -> bool {
        match self {
            Self::NewPrincipal
            | Self::Principal
            | Self::Key
            | Self::Tokens
            | Self::Token
            | Self::Ledger => true,
            Self::Connection
            | Self::NewConnection
            | Self::Workspace
            | Self::NewWorkspace
            | Self::Handover
            | Self::Policies
            | Self::Alerts => false,
        }
    }

    /// Returns whether commands may be sent to the ledger as a whole, or else to a workspace.
    pub const fn is_sent_to(self, ledger: bool) -> bool {
        match self {
            Self::Policies | Self::Alerts | Self::Handover => true,
            _ => self.is_ledger() == ledger,
        }
    }

    /// Returns whether the command creates its target.
    pub const fn is_new(self) -> bool {
        match self {
            Self::NewConnection | Self::NewWorkspace | Self::NewPrincipal => true,
            Self::Connection
            | Self::Workspace
            | Self::Principal
            | Self::Key
            | Self::Tokens
            | Self::Token
            | Self::Handover
            | Self::Ledger
            | Self::Policies
            | Self::Alerts => false,
        }
    }
}

/// The answer to an accepted command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The receipt of a change.
    Changed,
    /// The receipt of something that is recorded beside the connection, whose version it does not
    /// change. The version in it counts such records.
    Noted,
    /// The receipt of a creation, and over HTTP the location of what was created.
    Created,
    /// The receipt and a key, which is shown only this once.
    KeyIssued,
    /// The receipt, and what receivers of messages check signatures with, which is shown only this
    /// once if it is a secret.
    Signed,
    /// The result of a test.
    Tested,
    /// The receipt of the last change, and what a report of a failure led to.
    Reported,
    /// The receipt of the last change, and the models of the connection.
    Models,
    /// The receipt of the last change, and where a person permits the ledger to get tokens.
    Connecting,
    /// Secret values.
    Secrets,
    /// Secret values and the lease under which they may be read again.
    Leased,
}

impl Answer {
    /// Returns whether it has secret values, so that it is given at doors of its own.
    pub const fn has_secrets(self) -> bool {
        matches!(self, Self::Secrets | Self::Leased)
    }
}

/// The scopes that sharing a connection requires in its home workspace. Whoever shares it lets
/// others reveal its secrets.
pub const SHARING: &[Scope] = &[Scope::Administer, Scope::Reveal];

/// The scopes that commands about principals require: `administer` over each workspace that the
/// grants of the principal name, or else over the whole ledger.
pub(super) const OVER_PRINCIPALS: &[Requirement] =
    &[Requirement::always(&[Scope::Administer]), Requirement::for_others()];

/// Scopes that a command requires, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// When they are required.
    pub when: Condition,
    /// The scopes, all of which are required.
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

    /// Requires `reveal` of commands that set references. Who sets one decides where a value goes
    /// that they need not know.
    pub(super) const fn for_references() -> Self {
        Self { when: Condition::Refers, scopes: &[Scope::Reveal] }
    }

    /// Requires [`SHARING`] of commands that let further workspaces use the connection.
    pub(super) const fn for_sharing() -> Self {
        Self { when: Condition::Shares, scopes: SHARING }
    }

    /// Requires `administer` over the whole ledger of commands about principals that are not within
    /// the sender's own workspaces and rights.
    pub(super) const fn for_others() -> Self {
        Self { when: Condition::ExceedsSender, scopes: &[Scope::Administer] }
    }

    /// Requires `reveal` of commands that send secrets elsewhere which stay attached.
    pub(super) const fn for_destination() -> Self {
        Self { when: Condition::Redirects, scopes: &[Scope::Reveal] }
    }
}

/// What a requirement depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Nothing: every command of the verb requires it.
    Always,
    /// The body sets or removes secrets.
    ChangesSecrets,
    /// The body gives a secret field a reference in place of a value.
    Refers,
    /// The command gives further workspaces access to the connection. For `create`, the body shows
    /// it. For a revert, the earlier version does, so the condition is checked when the command is
    /// decided.
    Shares,
    /// The command changes where, or as whom, secrets are sent that stay attached to the
    /// connection. Checked when the command is decided.
    Redirects,
    /// The command is about a principal with a grant outside of the workspaces that the sender
    /// administers, or it gives or uses a right that the sender lacks. The engine compares the
    /// grants. The scope is required over the whole ledger.
    ExceedsSender,
}

impl Condition {
    /// Returns the condition as the end of a sentence that begins "requires ...".
    pub const fn as_clause(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::ChangesSecrets => "when it sets or removes secrets",
            Self::Refers => "when it gives a secret field a reference",
            Self::Shares => "when it gives further workspaces access to the connection",
            Self::Redirects => {
                "when it changes where, or as whom, secrets are sent, unless it has the secrets \
                 itself or detaches them"
            }
            Self::ExceedsSender => {
                "over the whole ledger when the principal has or gets a right beyond the sender's \
                 own"
            }
        }
    }

    /// Returns whether its scopes are required over the whole ledger.
    pub const fn is_on_ledger(self) -> bool {
        matches!(self, Self::ExceedsSender)
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

/// Where a command is sent, and what the subject or path names.
#[derive(Clone, Debug)]
pub struct Address {
    /// The workspace; [`LEDGER`](crate::subjects::LEDGER) for commands about the ledger as a whole.
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

    /// Returns the connection named by the path or by the body.
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

    /// Returns the principal named by the path or by the body.
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
    InvalidField::new(field, "must be absent or the same as in the path")
}
