//! The list of all verbs, and the verb of each domain command.
//!
//! A new verb needs a file beside this one, an entry here, and an arm in the two matches below.
//! Parsing, JSON Schemas, authorization, `access check`, HTTP routes, NATS subjects and the tests
//! over all verbs are derived from this list.

use std::fmt;

use ledger_domain::{Command, PrincipalCommand, WorkspaceName};
use schemars::schema_for;
use serde_json::Value;

use super::content::Content;
use super::verb::{Address, VerbDefinition, VerbSpec};
use super::{ConnectionRef, NewConnection, ParsedCommand};
use crate::errors::{Code, Problem, read_json};

/// Defines the enum of verbs and its functions.
macro_rules! verbs {
    ($($name:ident in $module:ident),+ $(,)?) => {
        /// A verb. Listed in the order of a connection's life, with those about principals last.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb {
            $(
                #[doc = concat!("Defined in `", stringify!($module), ".rs`.")]
                $name,
            )+
        }

        impl Verb {
            /// Every verb.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the properties that the verb's file declares.
            pub const fn spec(self) -> &'static VerbSpec {
                match self {
                    $(Self::$name => &<super::$module::$name as VerbDefinition>::SPEC,)+
                }
            }

            /// Reads a body.
            ///
            /// Errors: `body_malformed`, `field_invalid`; neither repeats the body.
            pub fn parse(self, address: &Address, body: &[u8]) -> Result<ParsedCommand, Problem> {
                match self {
                    $(Self::$name => super::$module::$name::read(address, read_json(body)?),)+
                }
            }

            /// Returns the JSON Schema of the verb's body.
            pub fn schema(self) -> Value {
                match self {
                    $(Self::$name => {
                        schema_for!(<super::$module::$name as VerbDefinition>::Body).to_value()
                    })+
                }
            }
        }
    };
}

verbs! {
    Create in create,
    Update in update,
    RotateSecret in rotate_secret,
    Enable in enable,
    Disable in disable,
    MarkDegraded in mark_degraded,
    MarkFailed in mark_failed,
    MarkOperational in mark_operational,
    Archive in archive,
    Restore in restore,
    GrantWorkspace in grant_workspace,
    RevokeWorkspace in revoke_workspace,
    SetLimits in set_limits,
    SetModelPolicy in set_model_policy,
    SetPricing in set_pricing,
    LinkDependent in link_dependent,
    UnlinkDependent in unlink_dependent,
    Revert in revert,
    RevealSecret in reveal_secret,
    CreateWorkspace in create_workspace,
    CreatePrincipal in create_principal,
    UpdatePrincipal in update_principal,
    EnablePrincipal in enable_principal,
    DisablePrincipal in disable_principal,
    IssueKey in issue_key,
    RevokeKey in revoke_key,
}

impl Verb {
    /// Returns the verb as subjects, routes and the command line spell it.
    pub const fn as_str(self) -> &'static str {
        self.spec().name
    }

    /// Finds a verb by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verb| verb.as_str() == name)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Parses the body of the verb called `name`. `connection` is the connection that the path names,
/// if it does; otherwise the body must name it.
///
/// Errors: `verb_unknown`; those of [`Verb::parse`].
pub fn parse(
    name: &str,
    workspace: &WorkspaceName,
    connection: Option<ConnectionRef>,
    body: &[u8],
) -> Result<ParsedCommand, Problem> {
    let verb = Verb::find(name).ok_or_else(unknown)?;
    verb.parse(&Address { connection, ..Address::of(workspace.clone()) }, body)
}

fn unknown() -> Problem {
    let known: Vec<_> = Verb::ALL.iter().map(|verb| verb.as_str()).collect();
    let message = format!("there is no such command; known are {}", known.join(", "));
    Problem::because(Code::VerbUnknown, message)
}

/// Returns the verb of a command to a connection.
const fn of_change(command: &Command) -> Verb {
    match command {
        Command::Create(_) => Verb::Create,
        Command::Update(_) => Verb::Update,
        Command::RotateSecret(_) => Verb::RotateSecret,
        Command::Enable => Verb::Enable,
        Command::Disable { .. } => Verb::Disable,
        Command::MarkDegraded { .. } => Verb::MarkDegraded,
        Command::MarkFailed { .. } => Verb::MarkFailed,
        Command::MarkOperational { .. } => Verb::MarkOperational,
        Command::Archive { .. } => Verb::Archive,
        Command::Restore { .. } => Verb::Restore,
        Command::GrantWorkspace { .. } => Verb::GrantWorkspace,
        Command::RevokeWorkspace { .. } => Verb::RevokeWorkspace,
        Command::SetLimits { .. } => Verb::SetLimits,
        Command::SetModelPolicy(_) => Verb::SetModelPolicy,
        Command::SetPricing(_) => Verb::SetPricing,
        Command::LinkDependent { .. } => Verb::LinkDependent,
        Command::UnlinkDependent { .. } => Verb::UnlinkDependent,
        Command::Revert { .. } => Verb::Revert,
    }
}

impl ParsedCommand {
    /// Returns the command's verb.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Create(_) => Verb::Create,
            Self::Update { .. } => Verb::Update,
            Self::RotateSecret { .. } => Verb::RotateSecret,
            Self::Change { command, .. } => of_change(command),
            Self::Reveal { .. } => Verb::RevealSecret,
            Self::CreateWorkspace(_) => Verb::CreateWorkspace,
            Self::IssueKey { .. } => Verb::IssueKey,
            Self::Principal { command, .. } => match &**command {
                PrincipalCommand::Create(_) => Verb::CreatePrincipal,
                PrincipalCommand::Update(_) => Verb::UpdatePrincipal,
                PrincipalCommand::Enable => Verb::EnablePrincipal,
                PrincipalCommand::Disable { .. } => Verb::DisablePrincipal,
                PrincipalCommand::IssueKey { .. } => Verb::IssueKey,
                PrincipalCommand::RevokeKey { .. } => Verb::RevokeKey,
            },
        }
    }
}

/// Writes the content of a command, without verb, workspace and target.
pub(super) fn content(command: &ParsedCommand, to: &mut Content<'_>) {
    match command {
        ParsedCommand::Create(new) => new_connection(new, to),
        ParsedCommand::Update { target: _, revision, secrets } => {
            to.field("revision", &**revision);
            for (field, value) in secrets {
                to.secret(field, value.as_ref());
            }
        }
        ParsedCommand::RotateSecret { target: _, secrets } => {
            for (field, value) in secrets {
                to.secret(field, Some(value));
            }
        }
        ParsedCommand::Change { target: _, command } => change_content(command, to),
        ParsedCommand::Reveal { target: _, fields, reason, from: _ } => {
            to.field("fields", fields);
            to.field("reason", reason);
        }
        ParsedCommand::CreateWorkspace(created) => to.field("workspace", created),
        ParsedCommand::IssueKey { name, environment, label, expires_at } => {
            to.field("principal", name);
            to.field("environment", environment);
            to.field("label", label);
            to.field("expires_at", expires_at);
        }
        ParsedCommand::Principal { name, command } => {
            to.field("principal", name);
            principal_content(command, to);
        }
    }
}

/// Names every field, so that a new one does not compile until it is written here.
fn new_connection(new: &NewConnection, to: &mut Content<'_>) {
    let NewConnection { workspace: _, slug, details, secrets, enabled, access, models, pricing } =
        new;
    to.field("slug", slug);
    to.field("details", details);
    to.flag("enabled", *enabled);
    to.field("access", access);
    to.field("models", models);
    to.field("pricing", pricing);
    for (field, value) in secrets {
        to.secret(field, Some(value));
    }
}

fn change_content(command: &Command, to: &mut Content<'_>) {
    match command {
        Command::Enable => {}
        Command::Disable { reason }
        | Command::MarkDegraded { reason }
        | Command::MarkFailed { reason }
        | Command::MarkOperational { reason } => to.field("reason", reason),
        Command::Archive { reason, force } => {
            to.field("reason", reason);
            to.flag("force", *force);
        }
        Command::Restore { slug } => to.field("slug", slug),
        Command::GrantWorkspace { scope, limits } | Command::SetLimits { scope, limits } => {
            to.field("grant_to", scope);
            to.field("limits", limits);
        }
        Command::RevokeWorkspace { scope } => to.field("grant_to", scope),
        Command::SetModelPolicy(policy) => to.field("policy", policy),
        Command::SetPricing(pricing) => to.field("pricing", pricing),
        Command::LinkDependent { key, dependent } => {
            to.field("kind", &key.kind);
            to.field("id", &key.id);
            to.field("dependent", dependent);
        }
        Command::UnlinkDependent { key } => {
            to.field("kind", &key.kind);
            to.field("id", &key.id);
        }
        Command::Revert { to: version, .. } => to.field("to_version", version),
        // Not reached: `ParsedCommand` has separate variants for these, with plaintext in place of
        // sealed values.
        Command::Create(draft) => to.field("draft", &**draft),
        Command::Update(revision) => to.field("revision", &**revision),
        Command::RotateSecret(secrets) => to.field("secrets", secrets),
    }
}

fn principal_content(command: &PrincipalCommand, to: &mut Content<'_>) {
    match command {
        PrincipalCommand::Create(draft) => to.field("draft", draft),
        PrincipalCommand::Update(revision) => to.field("revision", revision),
        PrincipalCommand::Enable => {}
        PrincipalCommand::Disable { reason } => to.field("reason", reason),
        PrincipalCommand::IssueKey { id, .. } => to.field("key", id),
        PrincipalCommand::RevokeKey { id, reason } => {
            to.field("key", id);
            to.field("reason", reason);
        }
    }
}
