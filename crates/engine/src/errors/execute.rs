//! Errors of commands.

use std::sync::Arc;

use ledger_domain::connection::TestResult;
use ledger_domain::principal::Scope;
use ledger_domain::{FieldName, Line, MasterKeyId, Reference, Rejection, Slug, WorkspaceName};
use ledger_store::{AppendError, Poison, ROOM_NEEDED_BYTES};
use ledger_vault::KeySourceError;

use super::{AuthenticateError, Fault};
use crate::listings::ModelsRefusal;
use crate::policies::Violated;
use crate::provider_tokens::{ConnectImpossible, RefreshImpossible, TokenRefusal};
use crate::quotas::QuotaExceeded;
use crate::references::ReferenceProblem;
use crate::trials::TestImpossible;

const ROOM_NEEDED_MIB: u64 = ROOM_NEEDED_BYTES / (1024 * 1024);

/// Why a command was not executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The domain's rules reject the command.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The credential has expired or been revoked since it was verified.
    #[error(transparent)]
    Credential(#[from] AuthenticateError),
    /// The caller lacks a right.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The change would send secrets elsewhere that stay attached, which takes the right to reveal.
    #[error(
        "this changes {}, which decides where secrets are sent, and takes the scope `reveal` here, \
         which the credential lacks; set detach_secrets to remove the secrets in the same change (in \
         another product's API with the header `Ledger-Detach-Secrets: true`), or have it made by \
         somebody who may reveal them",
        listed(.0)
    )]
    DestinationForbidden(Vec<Line>),
    /// A setting contains a secret in the clear.
    #[error("{field} {why}; send it under `secrets`, where it is sealed, and leave it out here")]
    SecretExposed {
        /// Its place, from `config` on.
        field: String,
        /// Why it counts as a secret.
        why: String,
    },
    /// An alert is to be sent by mail, and the server has no relay.
    #[error(
        "this server sends no mail: start it with --smtp-url and --smtp-from, or give the alert a url"
    )]
    MailOff,
    /// A new value of a secret does not meet a policy.
    #[error("the value of {field} {rule}, as a policy demands")]
    PolicyViolated {
        /// The secret field.
        field: String,
        /// The rule.
        rule: Violated,
    },
    /// The connection does not exist, or the caller may not see it.
    #[error(transparent)]
    ConnectionUnknown(#[from] ConnectionUnknown),
    /// The command names a workspace that does not exist.
    #[error("there is no workspace {0}")]
    WorkspaceUnknown(WorkspaceName),
    /// The workspace already exists.
    #[error("the workspace already exists")]
    WorkspaceTaken,
    /// The command expects a version of a workspace that it creates.
    #[error("a new workspace has no version to expect")]
    WorkspaceVersion,
    /// Another active connection has the slug.
    #[error("the slug {0} is taken in this workspace")]
    SlugTaken(Slug),
    /// The command id belongs to another command.
    #[error("the command id was used for another command")]
    CommandIdReused,
    /// The command arrived after its deadline.
    #[error(transparent)]
    DeadlineExpired(#[from] DeadlineExpired),
    /// The event would exceed the maximum size of a record.
    #[error("the record would be too large")]
    RecordTooLarge,
    /// The connection would exceed its maximum size.
    #[error(
        "the connection would take {bytes} bytes, and at most {max} can be stored, sealed secrets \
         included; keep large values outside and refer to them"
    )]
    ConnectionTooLarge {
        /// What it would take, in bytes.
        bytes: usize,
        /// What it may take, in bytes.
        max: usize,
    },
    /// The workspace may not have more.
    #[error(transparent)]
    QuotaExceeded(#[from] QuotaExceeded),
    /// A reference may not be set, or gives no value.
    #[error(transparent)]
    Reference(#[from] Box<ReferenceError>),
    /// The master keys could not be read again.
    #[error(transparent)]
    MasterKeys(#[from] MasterKeysError),
    /// The ledger is sealed, and this many reveals from before are still being answered.
    #[error("the ledger is sealed, and {0} requests from before still have a secret")]
    SecretsInFlight(usize),
    /// The verb does not belong to this operation: `reveal-secret` is not executed as a command,
    /// and nothing else is revealed.
    #[error("the verb does not belong to this operation")]
    VerbUnknown,
    /// Leases have ended, but values that were read under them before are still on their way.
    #[error(
        "the leases have ended, but not all values that were read under them before have been sent; \
         send the command again with the same command id"
    )]
    ReadsInFlight,
    /// The connection cannot be tested.
    #[error(transparent)]
    TestImpossible(TestImpossible),
    /// The ledger cannot get a token for the connection.
    #[error("no token can be got: {0}")]
    RefreshImpossible(RefreshImpossible),
    /// Nobody can connect the connection by signing in.
    #[error("it cannot be connected by signing in: {0}")]
    ConnectImpossible(ConnectImpossible),
    /// The token service gave out no token.
    #[error("{0}")]
    ProviderToken(Box<TokenRefusal>),
    /// There is no list of the models of the connection.
    #[error(transparent)]
    Models(Box<ModelsRefusal>),
    /// The test before a change did not work.
    #[error("{}: {}", .0.outcome.as_str(), .0.reason)]
    CheckFailed(Box<TestResult>),
    /// It is being tested.
    #[error("the connection is being tested already")]
    TestRunning,
    /// The queue of the writer is full.
    #[error("too many commands are waiting")]
    Busy,
    /// The writer has stopped. Whether it wrote the command is unknown.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The ledger failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fn listed(fields: &[Line]) -> String {
    let fields: Vec<&str> = fields.iter().map(Line::as_str).collect();
    fields.join(", ")
}

/// Why a reference was not set, or gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reference {reference} of {field}: {problem}")]
pub struct ReferenceError {
    /// The secret field.
    pub field: FieldName,
    /// The reference, as the command line has it.
    pub reference: String,
    /// The problem.
    pub problem: ReferenceProblem,
}

impl ReferenceError {
    pub(crate) fn new(field: &FieldName, reference: &Reference, problem: ReferenceProblem) -> Self {
        Self { field: field.clone(), reference: reference.to_string(), problem }
    }
}

/// Why master keys were not taken over from where they are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeysError {
    /// The ledger was opened without a place to read them from again.
    #[error("this server cannot read its master keys again; restart it with the new key file")]
    NoSource,
    /// They cannot be read, or are not whole.
    #[error("{source_name} cannot be used")]
    Unreadable {
        /// The name of the place.
        source_name: String,
        /// The cause.
        #[source]
        source: KeySourceError,
    },
    /// One of them has the id of a key that the ledger has, and other bytes.
    #[error("the master key {0} is not the key that the ledger has under this id")]
    Differs(MasterKeyId),
}

/// A right that the caller lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Forbidden {
    /// The operation requires a scope.
    #[error("this requires the scope `{0}` here, which the credential lacks")]
    Scope(Scope),
    /// The caller has no rights in the workspace.
    #[error("the credential has no rights in this workspace")]
    Workspace,
    /// Sharing a connection with other workspaces requires several scopes.
    #[error(
        "sharing a connection with other workspaces requires the scopes `administer` and `reveal` \
         here, of which the credential lacks `{0}`"
    )]
    Sharing(Scope),
    /// The change would give the caller a scope they lack.
    #[error(
        "this change would give the credential the scope `{0}` for the connection; only a caller \
         who has that scope can make it"
    )]
    Gain(Scope),
    /// A principal would have no grant, and so belong to no workspace.
    #[error(
        "who administers workspaces gives each principal a grant that names one of them; to take \
         its last one, disable it"
    )]
    NoGrant,
    /// The principal has or gets a right beyond the caller's own.
    #[error(
        "this requires `administer` over the whole ledger, because the principal has or gets \
         `{scope}` in {place}, and the credential does not administer {place} with that scope"
    )]
    ExceedsCaller {
        /// The scope.
        scope: Scope,
        /// The workspace, or all of them.
        place: String,
    },
}

/// A connection that is missing or hidden from the caller. Both read the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionUnknown {
    /// It was named by its id.
    #[error("there is no such connection")]
    Id,
    /// It was named by its slug.
    #[error("there is no active connection {slug} in workspace {workspace}")]
    Slug {
        /// The slug.
        slug: Slug,
        /// The workspace in which it was looked up.
        workspace: WorkspaceName,
    },
}

/// The request's deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline has passed")]
pub struct DeadlineExpired;

/// Why the ledger accepts no more writes.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The engine is stopping.
    #[error("the ledger is stopping")]
    ShuttingDown,
    /// This instance may not write, because another may. Whether a command that was already
    /// accepted was written is unknown.
    #[error("{0}")]
    NotOwner(String),
    /// The disk was full at an earlier write.
    #[error(
        "the disk is full; the ledger accepts writes again once {} MiB are free",
        ROOM_NEEDED_MIB
    )]
    DiskFull,
    /// A write failed earlier.
    #[error("a write failed, and the log accepts no further writes until a restart")]
    Poisoned,
    /// Writing the group of this command failed.
    #[error("cannot write the log, which accepts no further writes until it is opened again")]
    WriteFailed(#[source] Arc<AppendError>),
}

impl From<Poison> for Unavailable {
    fn from(poison: Poison) -> Self {
        match poison {
            Poison::DiskFull => Self::DiskFull,
            Poison::Fault => Self::Poisoned,
        }
    }
}
