//! Queries. They read the live models and the log and change nothing.

mod access;
mod answer;
mod get;
mod history;
mod list;
mod paging;
mod status;
mod versions;

pub use answer::QueryAnswer;
pub use list::{Keep, ListOptions, ListResult};
pub use versions::{VersionLine, Versions};

use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{QueryName, QueryRequest, QueryWorkspace};
use ledger_domain::WorkspaceName;

use crate::access::Caller;
use crate::engine::Engine;

/// Answers the queries of one caller about one workspace or all of them.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    engine: &'a Engine,
    caller: &'a Caller,
    /// The workspace of the queries, or `None` for all.
    workspace: Option<&'a WorkspaceName>,
}

impl Engine {
    /// Returns the reader for the workspace to which a query is sent. Blocks.
    ///
    /// Errors: `forbidden` for callers without rights in the workspace, whether or not it exists;
    /// `workspace_unknown`.
    pub fn reader<'a>(
        &'a self,
        caller: &'a Caller,
        workspace: &'a QueryWorkspace,
    ) -> Result<Reader<'a>, Problem> {
        let workspace = workspace.name();
        if let Some(name) = workspace {
            caller.require_foothold(name)?;
            if !self.has_workspace(name)? {
                let message = format!("there is no workspace {name}");
                return Err(Problem::because(Code::WorkspaceUnknown, message));
            }
        }
        Ok(Reader { engine: self, caller, workspace })
    }

    /// Answers a query and counts refusals. Blocks.
    ///
    /// Errors: those of [`Self::reader`] and of [`Reader::answer`].
    pub fn answer(
        &self,
        caller: &Caller,
        workspace: &QueryWorkspace,
        request: QueryRequest,
    ) -> Result<QueryAnswer, Problem> {
        let answer = self.reader(caller, workspace).and_then(|reader| reader.answer(request));
        answer.inspect_err(|problem| self.count_refusal(problem.code))
    }

    /// Answers a JSON query in JSON and counts refusals. Blocks. Callers without rights in the
    /// workspace do not learn whether the body is valid.
    ///
    /// Errors: as [`Self::answer`]; `body_malformed`.
    pub fn answer_json(
        &self,
        caller: &Caller,
        workspace: &QueryWorkspace,
        query: QueryName,
        body: &[u8],
    ) -> Result<Vec<u8>, Problem> {
        let answer = self.reader(caller, workspace).and_then(|reader| {
            let request = QueryRequest::from_json(query, body)?;
            reader.answer(request)
        });
        let answer = answer.inspect_err(|problem| self.count_refusal(problem.code));
        answer.map(|answer| answer.to_json())
    }
}
