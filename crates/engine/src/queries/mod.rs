//! Queries. They read the live models and the log and change nothing.

mod access;
mod alerts;
mod answer;
mod as_of;
mod attempts;
mod audit;
mod changes;
mod diff;
mod erasure;
mod exposure;
mod get;
mod handovers;
mod history;
mod leases;
mod list;
mod master_keys;
mod matches;
mod names;
mod paging;
mod proof;
mod rotation;
mod secret_policies;
mod status;
mod undo_plan;
mod uptime;
mod usage;
mod versions;
mod who_may;
mod why;

pub use answer::QueryAnswer;
pub(crate) use list::ordinals_of;
pub use list::{Keep, ListAsOf, ListOptions, ListResult};
pub use versions::{VersionLine, Versions};

use ledger_contract::queries::{QueryRequest, QueryWorkspace};
use ledger_domain::WorkspaceName;

use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{Forbidden, QueryError};

/// Answers the queries of one caller about one workspace or all of them.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    engine: &'a Engine,
    /// The caller, with the present rights.
    caller: Caller,
    /// The workspace of the queries, or `None` for all.
    workspace: Option<&'a WorkspaceName>,
}

impl Engine {
    /// Returns the reader for the workspace to which a query is sent, with the rights that the
    /// caller has now. Blocks.
    ///
    /// Errors: those of a credential that has expired or been revoked meanwhile; `forbidden` for
    /// callers without rights in the workspace, whether or not it exists; `workspace_unknown`.
    pub fn reader<'a>(
        &'a self,
        caller: &Caller,
        workspace: &'a QueryWorkspace,
    ) -> Result<Reader<'a>, QueryError> {
        let mut caller = caller.clone();
        self.renew(&mut caller)?;
        if caller.handover().is_some() {
            return Err(Forbidden::Workspace.into());
        }
        let workspace = workspace.name();
        if let Some(name) = workspace {
            caller.require_foothold(name)?;
            if !self.has_workspace(name)? {
                return Err(QueryError::WorkspaceUnknown(name.clone()));
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
    ) -> Result<QueryAnswer, QueryError> {
        let answer = self.reader(caller, workspace).and_then(|reader| reader.answer(request));
        answer.inspect_err(|error| self.count_refusal(error.code()))
    }
}
