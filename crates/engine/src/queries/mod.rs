//! Answers to queries. Each reads the live models and the log; none changes anything.

mod access;
mod get;
mod history;
mod list;
mod paging;
mod status;
mod versions;

pub use list::{Found, Wanted};
pub use versions::{VersionLine, Versions};

use ledger_contract::errors::{Code, Problem, read_json};
use ledger_contract::queries::QUERIES;
use ledger_domain::WorkspaceName;
use serde::Serialize;

use crate::access::Caller;
use crate::engine::Engine;

/// The workspace that stands for all of them in queries.
const ALL: &str = "_all";

/// Where a query looks.
pub(crate) type Scope = Option<WorkspaceName>;

impl Engine {
    /// Answers a query: JSON in, JSON out. Blocks. `workspace` is a name, or `_all`.
    ///
    /// Errors: `forbidden`, `verb_unknown`, `workspace_unknown`, `body_malformed`, `field_invalid`,
    /// `connection_unknown`, `cursor_invalid`.
    pub fn query(
        &self,
        caller: &Caller,
        workspace: &str,
        name: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Problem> {
        let answer = self.answer(caller, workspace, name, body);
        if let Err(problem) = &answer {
            self.count_refusal(problem.code);
        }
        answer
    }

    fn answer(
        &self,
        caller: &Caller,
        workspace: &str,
        name: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Problem> {
        let scope = self.scope(caller, workspace)?;
        match name {
            "get" => self.get(caller, scope.as_ref(), &read_json(body)?),
            "list" => self.list(caller, scope.as_ref(), &read_json(body)?),
            "history" => self.history(caller, scope.as_ref(), &read_json(body)?),
            "workspaces" => self.workspaces(caller),
            "status" => self.status(caller),
            "principals" => self.principals(caller),
            "access-check" => self.access_check(caller, scope.as_ref(), &read_json(body)?),
            "whoami" => Ok(Self::whoami(caller)),
            _ => {
                let message = format!("there is no such query; known are {}", QUERIES.join(", "));
                Err(Problem::because(Code::VerbUnknown, message))
            }
        }
    }

    fn scope(&self, caller: &Caller, workspace: &str) -> Result<Scope, Problem> {
        if workspace == ALL {
            return Ok(None);
        }
        let name = WorkspaceName::parse("workspace", workspace)?;
        caller.require_foothold(&name)?;
        if self.has_workspace(&name)? {
            return Ok(Some(name));
        }
        let message = format!("there is no workspace {name}");
        Err(Problem::because(Code::WorkspaceUnknown, message))
    }
}

fn to_json<T: Serialize>(answer: &T) -> Vec<u8> {
    serde_json::to_vec(answer).expect("answers have a JSON form")
}
