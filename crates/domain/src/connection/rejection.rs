//! Reasons for refusing a command.

use crate::handover::HandoverEnd;
use crate::ids::{Generation, MasterKeyId, Micros, Version};
use crate::text::{FieldName, InvalidField};

/// The reason why a command was refused. Each has a stable public code with a page of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no such connection.
    #[error("there is no such connection")]
    ConnectionUnknown,
    /// A connection with this id already exists.
    #[error("the connection already exists")]
    ConnectionExists,
    /// The caller expected another version of the stream.
    #[error("the stream is at version {actual}, the command expected {expected}")]
    VersionConflict {
        /// The expected version, in words.
        expected: String,
        /// The current version of the stream.
        actual: Version,
    },
    /// Only `restore` changes an archived connection.
    #[error("the connection is archived; restore it first")]
    ConnectionArchived,
    /// Nothing changes an erased connection, and nothing brings it back.
    #[error("the connection is erased")]
    ConnectionErased,
    /// The secrets of a disabled connection are not revealed.
    #[error("the connection is disabled; enable it first")]
    ConnectionDisabled,
    /// Only an archived connection can be restored.
    #[error("the connection is not archived")]
    ConnectionNotArchived,
    /// Something depends on the connection.
    #[error("{dependents} dependents still use the connection")]
    ConnectionInUse {
        /// Number of dependents.
        dependents: usize,
    },
    /// The connection is already enabled.
    #[error("it is already enabled")]
    AlreadyEnabled,
    /// The connection is already disabled.
    #[error("it is already disabled")]
    AlreadyDisabled,
    /// The connection already has this health, for this reason.
    #[error("the connection already has this health, for this reason")]
    HealthUnchanged,
    /// Another attempt to refresh the token was faster, or the connection was changed meanwhile.
    #[error("the token was refreshed, or the connection changed, while it was asked for")]
    RefreshSuperseded,
    /// The command would change nothing.
    #[error("the command would change nothing")]
    NothingToChange,
    /// The connection has no secret to rotate in this field.
    #[error("the connection has no secret field {field}")]
    SecretFieldUnknown {
        /// The field in the command.
        field: FieldName,
    },
    /// A rotation that keeps the current generation found another one still in use.
    #[error(
        "the generation before the current one is still in use; retire it first, or rotate without \
         keeping one"
    )]
    FormerInUse {
        /// The field in the command.
        field: FieldName,
    },
    /// There is no former generation to retire or to return to.
    #[error("no former generation is in use")]
    FormerUnknown,
    /// The generation is given out no more.
    #[error("that generation has been retired")]
    GenerationRetired {
        /// The field in the command.
        field: FieldName,
    },
    /// The generation is known to others, so its value does not come back.
    #[error(
        "generation {generation} of this secret is compromised, and its value does not come back"
    )]
    GenerationCompromised {
        /// The field.
        field: FieldName,
        /// The generation.
        generation: Generation,
    },
    /// The field never had the generation.
    #[error("there is no such generation")]
    GenerationUnknown {
        /// The field in the command.
        field: FieldName,
    },
    /// There is no such consumer of the connection.
    #[error("the connection has no such consumer")]
    ConsumerUnknown,
    /// Another identity has confirmed under the name of the consumer.
    #[error("another identity uses this name of a consumer")]
    ConsumerTaken,
    /// The connection has as many consumers as it may have.
    #[error("the connection has {0} consumers, and none of them is gone")]
    ConsumersFull(usize),
    /// There is no such handover.
    #[error("there is no such handover")]
    HandoverUnknown,
    /// The handover was used before.
    #[error("the handover was used before")]
    HandoverUsed {
        /// When.
        at: Micros,
    },
    /// The handover ended before it was used.
    #[error("the handover has ended unused: it is {}", .0.as_str())]
    HandoverEnded(HandoverEnd),
    /// The handover is for one principal, and another asks.
    #[error("the handover is for one principal, which has to ask with its own key")]
    HandoverForOther,
    /// The workspace has as many handovers as it may have.
    #[error("the workspace has {0} handovers that can still be used")]
    HandoversFull(usize),
    /// There is no policy about this.
    #[error("there is no such policy")]
    PolicyUnknown,
    /// The workspace, or the ledger, has as many policies as it may have.
    #[error("there are {0} policies, and no room for more")]
    PoliciesFull(usize),
    /// There is no such alert.
    #[error("there is no such alert")]
    AlertUnknown,
    /// There is an alert with this name.
    #[error("there is an alert with this name")]
    AlertExists,
    /// The alert is disabled.
    #[error("the alert is disabled, so it sends nothing")]
    AlertDisabled,
    /// The alert is sent by mail.
    #[error("the alert is sent by mail, which has no signing secret")]
    AlertUnsigned,
    /// The workspace, or the ledger, has as many alerts as it may have.
    #[error("there are {0} alerts, and no room for more")]
    AlertsFull(usize),
    /// There is no such lease on secrets of the connection, or it has ended.
    #[error("there is no such lease, or it has ended")]
    SecretLeaseEnded,
    /// There are as many leases as there may be.
    #[error("{of} has {most} leases on secrets, which is the most")]
    SecretLeasesFull {
        /// What has them.
        of: &'static str,
        /// The limit.
        most: usize,
    },
    /// There is no grant to revoke or limit.
    #[error("there is no such grant")]
    GrantUnknown,
    /// There is no such dependent.
    #[error("there is no such dependent")]
    DependentUnknown,
    /// There is no earlier version with that number.
    #[error("version {to} is not an earlier version; the connection is at {actual}")]
    VersionUnknown {
        /// The version in the command.
        to: Version,
        /// The current version of the stream.
        actual: Version,
    },
    /// There is no such principal.
    #[error("there is no such principal")]
    PrincipalUnknown,
    /// A principal with this name already exists.
    #[error("the principal already exists")]
    PrincipalExists,
    /// The principal has no such key, or the key has been revoked.
    #[error("the principal has no such key, or the key has been revoked")]
    ApiKeyUnknown,
    /// The ledger has no such master key.
    #[error("the ledger has no master key {key}")]
    MasterKeyUnknown {
        /// The key in the command.
        key: MasterKeyId,
    },
    /// The master key was retired, and does not come back.
    #[error("master key {key} was retired, and is not used again")]
    MasterKeyRetired {
        /// The key in the command.
        key: MasterKeyId,
    },
    /// A master key is not given, though something is still wrapped under it.
    #[error(
        "master key {key} is not there, though {data_keys} data keys are still wrapped under it"
    )]
    MasterKeyLacking {
        /// The key that is not there.
        key: MasterKeyId,
        /// The number of data keys under it.
        data_keys: u64,
    },
    /// The master key to be retired is the active one.
    #[error("master key {key} is the active one; rotate to another one first")]
    MasterKeyActive {
        /// The key in the command.
        key: MasterKeyId,
    },
    /// Something is still wrapped under the master key, or was, and is still in the files.
    #[error("{data_keys} data keys are still wrapped under master key {key}, or being rewrapped")]
    MasterKeyInUse {
        /// The key in the command.
        key: MasterKeyId,
        /// The number of data keys under it.
        data_keys: u64,
    },
    /// The ledger is sealed, and has no key with which to do this.
    #[error("the ledger is sealed: it opens no secret and stores no new one before it is unsealed")]
    Sealed,
    /// The result would exceed a limit.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}
