//! What the ledger does by itself, without anybody's command: it ends what is over, and records
//! what it found.

use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_domain::{Expected, WorkspaceName};

use crate::access::{Caller, Permit};
use crate::engine::Engine;
use crate::errors::{ExecuteError, Unavailable};
use crate::execute::Outcome;
use crate::writer::{Answer, Envelope, Prepared, Work};

impl Engine {
    /// Queues such work for the writer, which records it under the name of `caller`.
    pub(crate) fn submit_own(
        &self,
        caller: Caller,
        workspace: WorkspaceName,
        work: Work,
    ) -> Result<Answer, ExecuteError> {
        let context = self.context(caller, Via::System, Headers::default());
        let envelope = Envelope {
            workspace,
            fingerprint: None,
            permit: Permit::of_ledger(context.caller),
            expected: Expected::Any,
            deadline: None,
            provenance: context.provenance,
            span: tracing::Span::none(),
        };
        self.submit(Prepared { work, envelope })
    }

    /// The same, and waits until it is durable.
    pub(crate) async fn own_work(
        &self,
        caller: Caller,
        workspace: WorkspaceName,
        work: Work,
    ) -> Result<Outcome, ExecuteError> {
        let answer = self.submit_own(caller, workspace, work)?;
        let stopping = |_| Err(Unavailable::ShuttingDown.into());
        answer.await.unwrap_or_else(stopping)
    }

    /// The same. Blocks.
    pub(crate) fn do_own(
        &self,
        caller: Caller,
        workspace: WorkspaceName,
        work: Work,
    ) -> Result<(), ExecuteError> {
        let answer = self.submit_own(caller, workspace, work)?;
        let stopping = |_| Err(Unavailable::ShuttingDown.into());
        answer.blocking_recv().unwrap_or_else(stopping).map(drop)
    }
}
