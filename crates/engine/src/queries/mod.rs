//! Answers to queries. Each reads the live models and the log; none changes anything.

mod get;
mod history;
mod list;
mod paging;
mod status;

use ledger_contract::errors::{Code, Problem, read_json};
use ledger_contract::queries::QUERIES;
use ledger_domain::WorkspaceName;
use serde::Serialize;

use crate::engine::Engine;

/// The workspace that stands for all of them in queries.
const ALL: &str = "_all";

/// Where a query looks.
pub(crate) type Scope = Option<WorkspaceName>;

impl Engine {
    /// Answers a query: JSON in, JSON out. Blocks. `workspace` is a name, or `_all`.
    ///
    /// Errors: `verb_unknown`, `workspace_unknown`, `body_malformed`, `field_invalid`,
    /// `connection_unknown`, `cursor_invalid`.
    pub fn query(&self, workspace: &str, name: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let answer = self.answer(workspace, name, body);
        if let Err(problem) = &answer {
            self.count_refusal(problem.code);
        }
        answer
    }

    fn answer(&self, workspace: &str, name: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let scope = self.scope(workspace)?;
        match name {
            "get" => self.get(scope.as_ref(), &read_json(body)?),
            "list" => self.list(scope.as_ref(), &read_json(body)?),
            "history" => self.history(scope.as_ref(), &read_json(body)?),
            "workspaces" => self.workspaces(),
            "status" => self.status(),
            _ => {
                let message = format!("there is no such query; known are {}", QUERIES.join(", "));
                Err(Problem::because(Code::VerbUnknown, message))
            }
        }
    }

    fn scope(&self, workspace: &str) -> Result<Scope, Problem> {
        if workspace == ALL {
            return Ok(None);
        }
        let name = WorkspaceName::parse("workspace", workspace)?;
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
