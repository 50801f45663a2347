//! Why a command of the binary failed, and the exit code it ends with.

use std::io;

use ledger_client::ClientError;
use ledger_contract::errors::{ErrorBody, Problem};
use ledger_engine::{ExecuteError, OpenError, log_fault};
use serde_json::{Value, json};

/// The kind of a failure; each kind has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The reader of standard output has gone, which is not an error.
    BrokenPipe,
    /// The answer is negative and already on standard output.
    ToldNo,
    Refused,
    Usage,
    Unavailable,
    Internal,
    /// Ctrl-C.
    Interrupted,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    hints: Vec<String>,
    /// The error that the ledger returned, if it refused.
    body: Option<Box<ErrorBody>>,
    /// The problem with the ledger's fault, if that is the cause.
    fault: Option<Box<Problem>>,
}

impl Failure {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), body: None, fault: None }
    }

    /// Creates a refusal that is not an error returned by the ledger.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Creates a negative answer that has already been written to standard output.
    pub(crate) fn told_no() -> Self {
        Self::new(Kind::ToldNo, "")
    }

    /// Creates a failure caused by a wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Creates a failure caused by something outside that is not available.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// Creates a failure that should not have happened.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Creates the failure of a command that Ctrl-C ended early.
    pub(crate) fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }

    /// Creates a failure caused by a file that cannot be used.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::usage(format!("cannot {what} {}: {error}", path.display()))
    }

    /// Creates the failure of a write to standard output.
    pub(crate) fn from_stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Kind::BrokenPipe, "");
        }
        Self::internal(format!("cannot write to standard output: {error}"))
    }

    /// Adds a hint at the remedy.
    #[must_use]
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// Makes a refusal one of the command line: of a file that is wrong, or of a question that has
    /// no answer.
    #[must_use]
    pub(crate) fn into_usage(self) -> Self {
        let kind = if self.kind == Kind::Refused { Kind::Usage } else { self.kind };
        Self { kind, ..self }
    }

    /// Returns the code of the error that the ledger returned, if it refused.
    pub(crate) fn code(&self) -> Option<&str> {
        self.body.as_ref().map(|body| body.code.as_str())
    }

    /// Logs the ledger's fault, if that is the cause.
    pub(crate) fn log(&self) {
        if let Some(problem) = &self.fault {
            log_fault(problem);
        }
    }

    /// Returns the exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::BrokenPipe => 0,
            Kind::Refused | Kind::ToldNo => 1,
            Kind::Usage => 2,
            Kind::Unavailable => 3,
            Kind::Internal => 4,
            Kind::Interrupted => 130,
        }
    }

    /// Returns the object for programs: the ledger's own, if that refused, with all hints; none if
    /// the answer is already written.
    pub(crate) fn object(&self) -> Option<Value> {
        if matches!(self.kind, Kind::BrokenPipe | Kind::ToldNo) {
            return None;
        }
        let hints: Vec<&str> = self.hints.iter().map(|hint| hint.trim_end_matches('.')).collect();
        let hint = hints.join("; ");
        let error = match self.body.as_deref() {
            Some(body) => json!(ErrorBody { hint, ..body.clone() }),
            None => json!({ "message": self.message, "hint": hint }),
        };
        Some(json!({ "error": error }))
    }

    /// Returns the lines for people; none if the answer is already written.
    pub(crate) fn lines(&self) -> Vec<String> {
        if matches!(self.kind, Kind::BrokenPipe | Kind::ToldNo) {
            return Vec::new();
        }
        let mut lines = vec![match &self.body {
            Some(body) => format!("error: {} [{}]", self.message, body.code),
            None => format!("error: {}", self.message),
        }];
        lines.extend(self.hints.iter().map(|hint| format!("hint: {hint}")));
        lines
    }
}

impl From<ErrorBody> for Failure {
    fn from(body: ErrorBody) -> Self {
        let kind = match body.class.as_str() {
            "busy" | "unavailable" => Kind::Unavailable,
            "internal" => Kind::Internal,
            _ => Kind::Refused,
        };
        let mut failure = Self::new(kind, body.message.clone());
        if !body.hint.is_empty() {
            failure = failure.hint(body.hint.clone());
        }
        let mut failure = failure.hint(format!("for details: connledger explain {}", body.code));
        failure.body = Some(Box::new(body));
        failure
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let failure = Self::from(problem.body().error);
        let fault = problem.internal.is_some().then(|| Box::new(problem));
        Self { fault, ..failure }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Problem::from(error).into()
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        Problem::from(error).into()
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem(body) => (*body).into(),
            ClientError::Unavailable(_) | ClientError::NoLedger(_) => {
                Self::unavailable(error.to_string())
                    .hint("is the ledger running? start it with `connledger serve`")
            }
            ClientError::LoginRefused(message) => Self::refused(message).hint(
                "check the user and the password, --nats-creds or --nats-nkey; a managed server's \
                 login is in server.json, which --data-dir reads",
            ),
            ClientError::NotPermitted(message) => Self::refused(message)
                .hint("the permissions of the NATS user decide; deploy/nats has examples"),
            ClientError::Unanswered(message) => Self::unavailable(message),
            ClientError::Unsealed => Self::usage(error.to_string())
                .hint("pass the curve key: --ledger-xkey KEY or CONNLEDGER_XKEY; status shows it")
                .hint("to send requests in the clear all the same: --nats-allow-unsealed"),
            other => Self::internal(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::Code;

    use super::*;

    fn exit_code(code: Code) -> u8 {
        Failure::from(Problem::new(code)).exit_code()
    }

    #[test]
    fn exit_codes_follow_the_class_of_the_error() {
        assert_eq!(exit_code(Code::VersionConflict), 1);
        assert_eq!(exit_code(Code::FieldInvalid), 1);
        assert_eq!(exit_code(Code::Busy), 3);
        assert_eq!(exit_code(Code::NatsUnreachable), 3);
        assert_eq!(exit_code(Code::RecordCorrupt), 4);
        assert_eq!(Failure::usage("").exit_code(), 2);
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::from_stdout(&broken).exit_code(), 0);
    }

    #[test]
    fn programs_get_every_hint_inside_the_error() {
        let failure = Failure::from(Problem::new(Code::SlugTaken)).hint("one more");
        let object = failure.object().unwrap();
        assert_eq!(object["error"]["code"], "slug_taken");
        let hint = object["error"]["hint"].as_str().unwrap();
        assert!(hint.contains("explain slug_taken") && hint.ends_with("; one more"), "{hint}");
        assert_eq!(Failure::told_no().object(), None);
    }

    #[test]
    fn a_refusal_names_its_code_and_its_page() {
        let lines = Failure::from(Problem::new(Code::SlugTaken)).lines();
        assert!(lines.first().unwrap().ends_with("[slug_taken]"), "{lines:?}");
        assert!(lines.last().unwrap().contains("connledger explain slug_taken"), "{lines:?}");
    }
}
