//! What was found.

use ledger_contract::errors::Problem;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// All is well.
    Ok,
    /// It works, and should be changed.
    Warning,
    /// It does not work, or is not safe.
    Problem,
}

impl Level {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at; never changes.
    pub(super) code: &'static str,
    pub(super) level: Level,
    /// What was found.
    pub(super) about: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to_do: Option<String>,
}

impl Finding {
    pub(super) fn ok(code: &'static str, about: impl Into<String>) -> Self {
        Self { code, level: Level::Ok, about: about.into(), to_do: None }
    }

    pub(super) fn warning(
        code: &'static str,
        about: impl Into<String>,
        to_do: impl Into<String>,
    ) -> Self {
        let (about, to_do) = (about.into(), Some(to_do.into()));
        Self { code, level: Level::Warning, about, to_do }
    }

    pub(super) fn problem(
        code: &'static str,
        about: impl Into<String>,
        to_do: impl Into<String>,
    ) -> Self {
        let (about, to_do) = (about.into(), Some(to_do.into()));
        Self { code, level: Level::Problem, about, to_do }
    }

    /// Returns the finding of an error of the ledger, whose page says what to do.
    pub(super) fn of_problem(code: &'static str, problem: &Problem) -> Self {
        let explained = format!("connledger explain {}", problem.code);
        Self::problem(code, problem.message.clone(), explained)
    }
}
