//! The codes that routes refuse with, in groups.

use ledger_contract::errors::Code;

/// Refusals of the listener, before a request reaches its route.
pub(super) const DOOR: &[Code] = &[Code::RateLimited, Code::TooManyConnections, Code::UriTooLong];

/// Refusals of a missing or invalid key.
pub(super) const KEY: &[Code] = &[
    Code::CredentialMissing,
    Code::CredentialInvalid,
    Code::CredentialExpired,
    Code::CredentialRevoked,
    Code::TokenInvalid,
    Code::TokensUnavailable,
    Code::Forbidden,
    Code::HeaderInvalid,
    Code::FieldInvalid,
    Code::Busy,
    Code::CredentialLockout,
    Code::RateLimited,
    Code::TooManyConnections,
    Code::UriTooLong,
    Code::Internal,
    Code::ShuttingDown,
];

/// Refusals of a body by its form.
pub(super) const BODY: &[Code] =
    &[Code::BodyMalformed, Code::BodyTooSlow, Code::MessageTooLarge, Code::MediaTypeUnsupported];

/// Any command.
pub(super) const COMMAND: &[Code] = &[
    Code::CommandIdReused,
    Code::ConnectionTooLarge,
    Code::DeadlineExpired,
    Code::DiskFull,
    Code::LogPoisoned,
    Code::MasterKeyWrong,
    Code::NotOwner,
    Code::RecordAltered,
    Code::RecordCorrupt,
    Code::RecordTooLarge,
    Code::VersionConflict,
    Code::WorkspaceUnknown,
];

/// Any command about the ledger as a whole.
pub(super) const LEDGER_COMMAND: &[Code] = &[
    Code::CommandIdReused,
    Code::DeadlineExpired,
    Code::DiskFull,
    Code::LogPoisoned,
    Code::NotOwner,
    Code::RecordAltered,
    Code::RecordCorrupt,
    Code::RecordTooLarge,
    Code::VersionConflict,
];

/// Any command to an existing connection.
pub(super) const CHANGE: &[Code] =
    &[Code::ConnectionUnknown, Code::ConnectionArchived, Code::ConnectionErased];

/// Any query.
pub(super) const QUERY: &[Code] =
    &[Code::DeadlineExpired, Code::RecordAltered, Code::RecordCorrupt, Code::WorkspaceUnknown];
