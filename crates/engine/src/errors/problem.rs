//! Converts errors to problems: a stable code and a sentence for the caller.
//!
//! Callers learn little about faults. A problem has the rest in `internal`, which is for the log.

use ledger_contract::errors::{Code, Problem};
use ledger_contract::resume::{history_changed, position_unknown};
use ledger_store::{AppendError, OpenError as DataDirError, Poison, ReadError};
use ledger_vault::OpenError as UnsealError;

use super::{
    AuthenticateError, ConnectionUnknown, DeadlineExpired, ExecuteError, Fault, Forbidden,
    LiveCallerError, OpenError, QueryError, ReplayError, SealedError, Unavailable, chain,
};
use crate::references::ReferenceFault;
use crate::shares::NoPlace;
use crate::transparency::LogFault;

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let problem = match &fault {
            Fault::Read(error @ (ReadError::Corrupt { .. } | ReadError::Altered { .. })) => {
                Self::because(code, chain(error))
            }
            Fault::Read(_) => Self::because(code, "the store cannot be read"),
            Fault::Append(error) => Self::because(code, chain(error)),
            Fault::Record(error) => Self::because(code, chain(error)),
            Fault::Row { of, .. } => {
                Self::because(code, format!("{of} cannot be read; run connledger replay"))
            }
            Fault::Unseal(error @ UnsealError::UnknownKey { .. }) => {
                Self::because(code, error.to_string())
            }
            Fault::Unseal(_) => Self::because(code, "a sealed value cannot be opened"),
            Fault::Founding { .. } | Fault::NoRoom { .. } | Fault::OwnKeys(_) => {
                Self::because(code, fault.to_string())
            }
            Fault::Damaged(_)
            | Fault::Room(_)
            | Fault::Thread(_)
            | Fault::Shared(_)
            | Fault::Unstored(_) => Self::because(code, chain(&fault)),
            Fault::Stopped | Fault::Bug(_) => Self::new(code),
        };
        Self { internal: Some(chain(&fault).into()), ..problem }
    }
}

impl Fault {
    fn code(&self) -> Code {
        match self {
            Self::Read(ReadError::Altered { .. }) | Self::Founding { .. } => Code::RecordAltered,
            Self::Read(ReadError::Corrupt { .. })
            | Self::Record(_)
            | Self::Row { .. }
            | Self::Damaged(_) => Code::RecordCorrupt,
            Self::NoRoom { .. } => Code::DiskFull,
            Self::Append(error) if error.is_disk_full() => Code::DiskFull,
            Self::Append(AppendError::Sorted { .. }) => Code::Internal,
            Self::Append(error) => poison_code(error),
            Self::Unseal(UnsealError::UnknownKey { .. }) | Self::OwnKeys(_) => Code::MasterKeyWrong,
            Self::Stopped => Code::ShuttingDown,
            Self::Shared(_) => Code::NatsUnreachable,
            Self::Read(_)
            | Self::Unseal(_)
            | Self::Room(_)
            | Self::Thread(_)
            | Self::Unstored(_)
            | Self::Bug(_) => Code::Internal,
        }
    }
}

/// Returns the code for a write that failed or was not tried.
fn poison_code(error: &AppendError) -> Code {
    match error.poison() {
        Some(Poison::DiskFull) => Code::DiskFull,
        Some(Poison::Fault) | None => Code::LogPoisoned,
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        match &unavailable {
            Unavailable::WriteFailed(error) => Self::because(unavailable.code(), chain(error)),
            Unavailable::NotOwner(refusal) => Self::because(unavailable.code(), refusal),
            Unavailable::DiskFull => Self::because(Code::DiskFull, unavailable.to_string()),
            Unavailable::ShuttingDown | Unavailable::Poisoned => Self::new(unavailable.code()),
        }
    }
}

impl Unavailable {
    /// Returns the error code for callers.
    pub fn code(&self) -> Code {
        match self {
            Self::ShuttingDown => Code::ShuttingDown,
            Self::NotOwner(_) => Code::NotOwner,
            Self::DiskFull => Code::DiskFull,
            Self::Poisoned => Code::LogPoisoned,
            Self::WriteFailed(error) => poison_code(error),
        }
    }
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        let code = error.code();
        match error {
            ExecuteError::Rejected(rejection) => rejection.into(),
            ExecuteError::Credential(error) => error.into(),
            ExecuteError::Forbidden(forbidden) => forbidden.into(),
            ExecuteError::ConnectionUnknown(unknown) => unknown.into(),
            ExecuteError::DeadlineExpired(expired) => expired.into(),
            ExecuteError::Unavailable(unavailable) => unavailable.into(),
            ExecuteError::Fault(fault) => fault.into(),
            ExecuteError::DestinationForbidden(ref fields) => {
                let field = fields.first().map(ToString::to_string);
                Self { field, ..Self::because(code, error.to_string()) }
            }
            ExecuteError::SecretExposed { ref field, .. }
            | ExecuteError::PolicyViolated { ref field, .. } => {
                Self { field: Some(field.clone()), ..Self::because(code, error.to_string()) }
            }
            ExecuteError::Reference(ref error) => {
                let field = Some(error.field.to_string());
                Self { field, ..Self::because(code, error.to_string()) }
            }
            ExecuteError::SlugTaken(_) => {
                Self { field: Some("slug".to_owned()), ..Self::because(code, error.to_string()) }
            }
            ExecuteError::ProviderToken(ref refusal) => {
                let wait = refusal.wait.filter(|_| !refusal.gives_up);
                let retry_after_seconds = wait.map(|wait| wait.as_secs() + 1);
                Self { retry_after_seconds, ..Self::because(code, error.to_string()) }
            }
            ExecuteError::Models(ref refusal) => {
                let wait = refusal.wait.filter(|_| code.class().retry());
                let retry_after_seconds = wait.map(|wait| wait.as_secs() + 1);
                Self { retry_after_seconds, ..Self::because(code, error.to_string()) }
            }
            ExecuteError::MasterKeys(error) => Self::because(code, chain(&error)),
            ExecuteError::WorkspaceUnknown(_)
            | ExecuteError::QuotaExceeded(_)
            | ExecuteError::SecretsInFlight(_)
            | ExecuteError::ReadsInFlight
            | ExecuteError::MailOff
            | ExecuteError::TestImpossible(_)
            | ExecuteError::RefreshImpossible(_)
            | ExecuteError::ConnectImpossible(_)
            | ExecuteError::CheckFailed(_)
            | ExecuteError::ConnectionTooLarge { .. } => Self::because(code, error.to_string()),
            ExecuteError::WorkspaceTaken
            | ExecuteError::WorkspaceVersion
            | ExecuteError::CommandIdReused
            | ExecuteError::RecordTooLarge
            | ExecuteError::VerbUnknown
            | ExecuteError::TestRunning
            | ExecuteError::Busy => Self::new(code),
        }
    }
}

impl ExecuteError {
    /// Returns the error code for callers.
    pub fn code(&self) -> Code {
        match self {
            Self::Rejected(rejection) => Problem::from(rejection.clone()).code,
            Self::Credential(error) => error.code(),
            Self::Forbidden(_) => Code::Forbidden,
            Self::ConnectionUnknown(_) => Code::ConnectionUnknown,
            Self::WorkspaceUnknown(_) => Code::WorkspaceUnknown,
            Self::WorkspaceTaken => Code::WorkspaceTaken,
            Self::WorkspaceVersion => Code::VersionConflict,
            Self::DestinationForbidden(_) => Code::DestinationForbidden,
            Self::SecretExposed { .. } => Code::SecretExposed,
            Self::PolicyViolated { .. } => Code::PolicyViolated,
            Self::Reference(error) => match error.problem.fault {
                ReferenceFault::Forbidden => Code::ReferenceForbidden,
                ReferenceFault::Unusable => Code::ReferenceUnusable,
                ReferenceFault::Away => Code::ReferenceUnavailable,
            },
            Self::SlugTaken(_) => Code::SlugTaken,
            Self::CommandIdReused => Code::CommandIdReused,
            Self::DeadlineExpired(_) => Code::DeadlineExpired,
            Self::RecordTooLarge => Code::RecordTooLarge,
            Self::ConnectionTooLarge { .. } => Code::ConnectionTooLarge,
            Self::QuotaExceeded(_) => Code::QuotaExceeded,
            Self::MasterKeys(_) => Code::MasterKeysUnreadable,
            Self::SecretsInFlight(_) => Code::SecretsInFlight,
            Self::VerbUnknown => Code::VerbUnknown,
            Self::MailOff => Code::MailOff,
            Self::TestImpossible(_) => Code::TestImpossible,
            Self::RefreshImpossible(_) => Code::RefreshImpossible,
            Self::ConnectImpossible(_) => Code::ConnectImpossible,
            Self::ProviderToken(refusal) if refusal.gives_up => Code::ProviderTokenRefused,
            Self::ProviderToken(_) => Code::ProviderTokenUnavailable,
            Self::Models(refusal) => refusal.why.code(),
            Self::CheckFailed(_) => Code::CheckFailed,
            Self::TestRunning => Code::TestRunning,
            Self::Busy | Self::ReadsInFlight => Code::Busy,
            Self::Unavailable(unavailable) => unavailable.code(),
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let code = error.code();
        match error {
            QueryError::Invalid(invalid) => invalid.into(),
            QueryError::Credential(error) => error.into(),
            QueryError::Forbidden(forbidden) => forbidden.into(),
            QueryError::ConnectionUnknown(unknown) => unknown.into(),
            QueryError::VersionUnknown { latest } => {
                Self { version: Some(latest.get()), ..Self::new(code) }
            }
            QueryError::SecretFieldUnknown(field) => {
                Self { field: Some(field.as_str().to_owned()), ..Self::new(code) }
            }
            QueryError::WorkspaceUnknown(_)
            | QueryError::Rebuilding { .. }
            | QueryError::NotYet { .. }
            | QueryError::Erased => Self::because(code, error.to_string()),
            QueryError::DeadlineExpired(expired) => expired.into(),
            QueryError::Unavailable(unavailable) => unavailable.into(),
            QueryError::Log(fault) => fault.into(),
            QueryError::Fault(fault) => fault.into(),
            QueryError::Busy(no_place) => no_place.into(),
            QueryError::HistoryChanged(end) => history_changed(end),
            QueryError::PositionUnknown(end) => position_unknown(end),
            QueryError::CursorInvalid
            | QueryError::GenerationUnknown
            | QueryError::ReadForbidden
            | QueryError::PrincipalUnknown
            | QueryError::EventUnknown
            | QueryError::AlertUnknown => Self::new(code),
        }
    }
}

impl QueryError {
    /// Returns the error code for callers.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::FieldInvalid,
            Self::CursorInvalid => Code::CursorInvalid,
            Self::HistoryChanged(_) => Code::HistoryChanged,
            Self::Credential(error) => error.code(),
            Self::Forbidden(_) | Self::ReadForbidden => Code::Forbidden,
            Self::ConnectionUnknown(_) | Self::NotYet { .. } => Code::ConnectionUnknown,
            Self::Erased => Code::ConnectionErased,
            Self::PositionUnknown(_) => Code::PositionUnknown,
            Self::VersionUnknown { .. } => Code::VersionUnknown,
            Self::SecretFieldUnknown(_) => Code::SecretFieldUnknown,
            Self::GenerationUnknown => Code::GenerationUnknown,
            Self::WorkspaceUnknown(_) => Code::WorkspaceUnknown,
            Self::PrincipalUnknown => Code::PrincipalUnknown,
            Self::AlertUnknown => Code::AlertUnknown,
            Self::EventUnknown => Code::EventUnknown,
            Self::Log(fault) => fault.code(),
            Self::Rebuilding { .. } => Code::Rebuilding,
            Self::Busy(_) => Code::Busy,
            Self::DeadlineExpired(_) => Code::DeadlineExpired,
            Self::Unavailable(unavailable) => unavailable.code(),
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<LogFault> for Problem {
    fn from(fault: LogFault) -> Self {
        let code = fault.code();
        match fault {
            LogFault::Unknown => Self::new(code),
            LogFault::Refused(_) | LogFault::Broken(_) => Self::because(code, fault.to_string()),
            LogFault::Fault(fault) => fault.into(),
        }
    }
}

impl LogFault {
    fn code(&self) -> Code {
        match self {
            Self::Unknown => Code::PositionUnknown,
            Self::Refused(_) => Code::CheckpointRefused,
            Self::Broken(_) => Code::RecordCorrupt,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(forbidden: Forbidden) -> Self {
        Self::because(Code::Forbidden, forbidden.to_string())
    }
}

impl From<NoPlace> for Problem {
    fn from(no_place: NoPlace) -> Self {
        match no_place {
            NoPlace::Full => Self::new(Code::Busy),
            NoPlace::OverShare => {
                Self::because(Code::Busy, "this caller has as many requests in progress as allowed")
            }
        }
    }
}

impl From<ConnectionUnknown> for Problem {
    fn from(unknown: ConnectionUnknown) -> Self {
        match unknown {
            ConnectionUnknown::Id => Self::new(Code::ConnectionUnknown),
            ConnectionUnknown::Slug { .. } => {
                Self::because(Code::ConnectionUnknown, unknown.to_string())
            }
        }
    }
}

impl From<DeadlineExpired> for Problem {
    fn from(_: DeadlineExpired) -> Self {
        Self::new(Code::DeadlineExpired)
    }
}

impl From<AuthenticateError> for Problem {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::TokenExpired | AuthenticateError::TokenBlocked => {
                Self::because(error.code(), error.to_string())
            }
            _ => Self::new(error.code()),
        }
    }
}

impl AuthenticateError {
    /// Returns the error code for callers.
    pub fn code(self) -> Code {
        match self {
            Self::Missing => Code::CredentialMissing,
            Self::Unknown => Code::CredentialInvalid,
            Self::Revoked | Self::TokenBlocked => Code::CredentialRevoked,
            Self::Expired | Self::TokenExpired => Code::CredentialExpired,
            Self::TokenInvalid => Code::TokenInvalid,
            Self::TokensUnavailable => Code::TokensUnavailable,
        }
    }
}

impl From<LiveCallerError> for Problem {
    fn from(error: LiveCallerError) -> Self {
        match error {
            LiveCallerError::Credential(error) => error.into(),
            LiveCallerError::Forbidden(forbidden) => forbidden.into(),
        }
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::DataDir(fault) => {
                let code = match fault {
                    DataDirError::Missing { .. } => Code::DataDirMissing,
                    DataDirError::Incomplete { .. } => Code::DataDirIncomplete,
                    DataDirError::Foreign { .. } => Code::DataDirForeign,
                    DataDirError::Newer { .. } => Code::DataDirNewer,
                    DataDirError::InUse { .. } => Code::DataDirInUse,
                    DataDirError::Damaged { .. } => Code::DataDirDamaged,
                    DataDirError::NotEmpty { .. } => Code::DataDirNotEmpty,
                    DataDirError::Unfinished { .. } => Code::RestoreUnfinished,
                    _ => Code::DataDirUnusable,
                };
                Self::because(code, chain(&fault))
            }
            OpenError::Incomplete(_) => Self::because(Code::DataDirIncomplete, error.to_string()),
            OpenError::InCluster => Self::because(Code::NotInCluster, error.to_string()),
            OpenError::NotUpgraded => Self::because(Code::DataDirOlder, error.to_string()),
            OpenError::NewerModel { .. } => Self::because(Code::DataDirNewer, error.to_string()),
            OpenError::NoRoom { .. } => Self::because(Code::DiskFull, error.to_string()),
            OpenError::MasterKey(_) => Self::because(Code::MasterKeyWrong, chain(&error)),
            OpenError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::ProjectionUnknown { .. } => {
                Self::because(Code::ProjectionUnknown, error.to_string())
            }
            ReplayError::Running => Self::new(Code::ReplayRunning),
            ReplayError::Open(error) => error.into(),
            ReplayError::Unavailable(unavailable) => unavailable.into(),
            ReplayError::Fault(fault) => fault.into(),
        }
    }
}

impl From<SealedError> for Problem {
    fn from(SealedError(cause): SealedError) -> Self {
        Self::because(Code::SealedUnreadable, cause.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use ledger_contract::ResumePoint;
    use ledger_domain::{
        CheckedText as _, Incarnation, InvalidField, Position, Rejection, Slug, Version,
        WorkspaceName,
    };

    use super::*;

    #[test]
    fn each_error_becomes_a_code_and_a_sentence() {
        let slug = || Slug::stored("main".into());
        let workspace = || WorkspaceName::stored("default".into());
        let conflict = Rejection::VersionConflict {
            expected: "version 2".to_owned(),
            actual: Version::new(3),
        };
        let write = || Arc::new(AppendError::Poisoned(Poison::Fault));
        let cases: [(ExecuteError, Code, &str); 8] = [
            (conflict.into(), Code::VersionConflict, "is at version 3"),
            (ExecuteError::SlugTaken(slug()), Code::SlugTaken, "the slug main is taken"),
            (ConnectionUnknown::Id.into(), Code::ConnectionUnknown, "no such connection"),
            (
                ConnectionUnknown::Slug { slug: slug(), workspace: workspace() }.into(),
                Code::ConnectionUnknown,
                "no active connection main in workspace default",
            ),
            (Forbidden::Workspace.into(), Code::Forbidden, "no rights in this workspace"),
            (
                Unavailable::WriteFailed(write()).into(),
                Code::LogPoisoned,
                "an earlier failed write",
            ),
            (Unavailable::from(Poison::DiskFull).into(), Code::DiskFull, "once 256 MiB are free"),
            (Fault::bug("two heads").into(), Code::Internal, "unexpected error"),
        ];
        for (error, code, part) in cases {
            assert_eq!(error.code(), code, "{error}");
            let problem = Problem::from(error);
            assert_eq!(problem.code, code);
            assert!(problem.message.contains(part), "{problem}");
        }
    }

    #[test]
    fn each_error_of_a_query_becomes_the_problem_of_its_code() {
        let workspace = WorkspaceName::stored("search".into());
        let end = ResumePoint::new(Position::new(7), Incarnation::from_bytes([1; 16]));
        let cases: [(QueryError, &str); 10] = [
            (InvalidField::new("page", "starts at 1").into(), "page: starts at 1"),
            (QueryError::CursorInvalid, Code::CursorInvalid.summary()),
            (QueryError::HistoryChanged(end), "the ledger was restored since"),
            (Forbidden::Workspace.into(), "no rights in this workspace"),
            (QueryError::ReadForbidden, Code::Forbidden.summary()),
            (
                QueryError::VersionUnknown { latest: Version::new(3) },
                Code::VersionUnknown.summary(),
            ),
            (QueryError::WorkspaceUnknown(workspace), "there is no workspace search"),
            (QueryError::PrincipalUnknown, Code::PrincipalUnknown.summary()),
            (
                QueryError::Rebuilding { model: "lists", done: 3, total: 9 },
                "lists is being rebuilt; 3 of 9 events are done",
            ),
            (Fault::Damaged("the record is missing".to_owned()).into(), "the record is missing"),
        ];
        for (error, part) in cases {
            let code = error.code();
            let problem = Problem::from(error);
            assert_eq!(problem.code, code);
            assert!(problem.message.contains(part), "{problem}");
            assert_eq!(problem.version, (code == Code::VersionUnknown).then_some(3));
        }
    }

    #[test]
    fn a_fault_is_told_to_the_operator_in_full_and_to_no_caller() {
        let problem = Problem::from(ExecuteError::from(Fault::bug("two heads")));
        assert_eq!(problem.internal.as_deref(), Some("two heads"));
        let (body, details) = (problem.body(), problem.details("r-1"));
        assert!(!format!("{problem} {body:?} {details:?}").contains("two heads"));
        assert_eq!(Problem::from(ExecuteError::WorkspaceTaken).internal, None);
    }

    #[test]
    fn no_error_repeats_its_cause() {
        let full = || io::Error::other("no more processes");
        let faults = [
            Fault::Thread(full()),
            Fault::Append(AppendError::Poisoned(Poison::Fault)),
            Fault::Unseal(UnsealError::Corrupt),
        ];
        for fault in faults {
            let cause = std::error::Error::source(&fault).expect("a cause").to_string();
            assert!(!fault.to_string().contains(&cause), "{fault}");
            assert!(chain(&fault).ends_with(&cause));
        }
    }
}
