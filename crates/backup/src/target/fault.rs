//! Why a target could not be used.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};

/// The kind of a failure, by which an operator knows what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFault {
    /// It does not answer, or has a failure of its own.
    Unavailable,
    /// It does not answer in time.
    Slow,
    /// It cannot be written.
    ReadOnly,
    /// It has no room.
    Full,
    /// It does not accept the credentials, or they lack a right.
    Refused,
    /// There is no such object.
    Missing,
    /// The object is not as large as it should be.
    Size,
    /// The server stops.
    Stopped,
}

/// A failure of a target. Never holds a credential: of what the other side said, only its code is
/// repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError {
    /// The kind.
    pub fault: TargetFault,
    /// The target.
    target: String,
    /// What was done.
    doing: String,
    /// What is known of the cause.
    cause: String,
}

impl TargetError {
    pub(super) fn new(
        fault: TargetFault,
        target: &impl fmt::Display,
        doing: &str,
        cause: impl Into<String>,
    ) -> Self {
        let (target, doing) = (target.to_string(), doing.to_owned());
        Self { fault, target, doing, cause: cause.into() }
    }

    /// Says of what is missing that the folder or the bucket is, because no object was asked for.
    pub(super) fn of_whole_target(self) -> Self {
        match self.fault {
            TargetFault::Missing => Self { fault: TargetFault::Unavailable, ..self },
            _ => self,
        }
    }

    /// Says what the error of a store means.
    pub(super) fn of(error: &StoreError, target: &impl fmt::Display, doing: &str) -> Self {
        let (fault, cause) = understood(error);
        Self::new(fault, target, doing, cause)
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} at {}: {}", self.doing, self.target, self.cause)
    }
}

impl StdError for TargetError {}

/// What the library says if the environment has a part of the credentials only.
const MISSING_PARTS: [&str; 3] =
    ["Missing AccessKeyId", "Missing SecretAccessKey", "Account must be specified"];
/// Where the machines of the providers are asked for credentials, if the environment has none.
const CREDENTIAL_SERVERS: [&str; 3] =
    ["169.254.169.254", "169.254.170.2", "metadata.google.internal"];

fn understood(error: &StoreError) -> (TargetFault, String) {
    let said = error.to_string();
    if CREDENTIAL_SERVERS.iter().any(|server| said.contains(server)) {
        let cause = "there are no credentials in the environment, nor does the machine have any";
        return (TargetFault::Refused, cause.to_owned());
    }
    for cause in causes(error) {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return (of_io(error.kind()), error.kind().to_string());
        }
        if let Some(error) = cause.downcast_ref::<HttpError>() {
            return of_http(error.kind());
        }
    }
    let code = code_in(&said);
    let fault = match error {
        _ if said.contains("507 Insufficient Storage") || code.is_some_and(means_full) => {
            TargetFault::Full
        }
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            TargetFault::Refused
        }
        _ if code.is_some_and(means_refused) => TargetFault::Refused,
        StoreError::NotFound { .. } if code.is_some_and(means_no_bucket) => {
            TargetFault::Unavailable
        }
        StoreError::NotFound { .. } => TargetFault::Missing,
        _ if MISSING_PARTS.iter().any(|part| said.contains(part)) => TargetFault::Refused,
        _ => TargetFault::Unavailable,
    };
    (fault, described(fault, code))
}

fn of_io(kind: io::ErrorKind) -> TargetFault {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TargetFault::Full,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            TargetFault::ReadOnly
        }
        io::ErrorKind::NotFound => TargetFault::Missing,
        io::ErrorKind::TimedOut => TargetFault::Slow,
        _ => TargetFault::Unavailable,
    }
}

fn of_http(kind: HttpErrorKind) -> (TargetFault, String) {
    match kind {
        HttpErrorKind::Timeout => (TargetFault::Slow, "no answer in time".to_owned()),
        HttpErrorKind::Connect => {
            (TargetFault::Unavailable, "no connection can be made".to_owned())
        }
        _ => (TargetFault::Unavailable, "the connection broke".to_owned()),
    }
}

fn described(fault: TargetFault, code: Option<&str>) -> String {
    let text = match fault {
        TargetFault::Full => "it has no room",
        TargetFault::Refused => "it does not accept the credentials, or they lack the right",
        TargetFault::Missing => "it is not there",
        _ => "it answers with a failure",
    };
    match code {
        Some(code) => format!("{text} ({code})"),
        None => text.to_owned(),
    }
}

fn causes<'a>(error: &'a StoreError) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let first: &'a (dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |error| (*error).source())
}

/// Returns the error code of an S3 or Azure answer in a text.
fn code_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = !code.is_empty() && code.len() <= 64;
    (is_code && code.chars().all(|c| c.is_ascii_alphanumeric())).then_some(code)
}

fn means_no_bucket(code: &str) -> bool {
    ["NoSuchBucket", "ContainerNotFound"].contains(&code)
}

fn means_full(code: &str) -> bool {
    ["QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "StorageFull"].contains(&code)
}

fn means_refused(code: &str) -> bool {
    [
        "AccessDenied",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "AuthenticationFailed",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "InvalidAuthenticationInfo",
    ]
    .contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(error: &StoreError) -> TargetFault {
        TargetError::of(error, &"/srv", "write x").fault
    }

    fn generic(source: impl Into<Box<dyn StdError + Send + Sync>>) -> StoreError {
        StoreError::Generic { store: "test", source: source.into() }
    }

    #[test]
    fn each_failure_has_its_kind() {
        let of = |kind: io::ErrorKind| fault(&generic(io::Error::from(kind)));
        assert_eq!(of(io::ErrorKind::StorageFull), TargetFault::Full);
        assert_eq!(of(io::ErrorKind::ReadOnlyFilesystem), TargetFault::ReadOnly);
        assert_eq!(of(io::ErrorKind::PermissionDenied), TargetFault::ReadOnly);
        assert_eq!(of(io::ErrorKind::BrokenPipe), TargetFault::Unavailable);
        let connect = HttpError::new(HttpErrorKind::Connect, io::Error::other("x"));
        assert_eq!(fault(&generic(connect)), TargetFault::Unavailable);
        let timeout = HttpError::new(HttpErrorKind::Timeout, io::Error::other("x"));
        assert_eq!(fault(&generic(timeout)), TargetFault::Slow);
        let denied =
            |body: &str| StoreError::PermissionDenied { path: "x".into(), source: body.into() };
        assert_eq!(fault(&denied("")), TargetFault::Refused);
        let quota = denied("status 403: <Error><Code>QuotaExceeded</Code></Error>");
        assert_eq!(fault(&quota), TargetFault::Full);
        let missing = |body: &str| StoreError::NotFound { path: "x".into(), source: body.into() };
        assert_eq!(fault(&missing("<Code>NoSuchKey</Code>")), TargetFault::Missing);
        for code in ["NoSuchBucket", "ContainerNotFound"] {
            let missing = missing(&format!("<Code>{code}</Code>"));
            assert_eq!(fault(&missing), TargetFault::Unavailable, "{code}");
        }
        // What Azurite and Azure answer to a list with a wrong key.
        for code in ["AuthorizationFailure", "AuthenticationFailed"] {
            let listed = generic(format!("<Error><Code>{code}</Code></Error>"));
            assert_eq!(fault(&listed), TargetFault::Refused, "{code}");
        }
    }

    #[test]
    fn what_the_other_side_says_is_not_repeated_but_for_its_code() {
        let error = generic("GET https://h/?sig=canary: <Code>SlowDown</Code>canary");
        let told = TargetError::of(&error, &"s3://b", "list manifests").to_string();
        assert_eq!(told, "cannot list manifests at s3://b: it answers with a failure (SlowDown)");
        let error = generic("<Code>canary canary</Code>");
        let told = TargetError::of(&error, &"s3://b", "list manifests").to_string();
        assert!(!told.contains("canary"), "{told}");
    }
}
