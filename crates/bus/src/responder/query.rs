//! Answers queries.

use ledger_contract::errors::Problem;
use ledger_contract::queries::{QueryName, QueryRequest, QueryWorkspace};
use ledger_domain::Micros;
use ledger_engine::{Caller, Effort, Engine};

use super::incoming::Incoming;
use super::reply::Reply;
use super::subject::QueryAddress;
use super::{ServiceState, subject};

impl ServiceState {
    /// Answers a query from the store, on a thread that may block.
    pub(super) async fn query(&self, incoming: Incoming<'_>) -> Result<Reply, Problem> {
        let (caller, address, deadline) =
            self.counted(incoming.attempt, self.query_address(incoming))?;
        let QueryAddress { workspace, query } = address;
        let body = incoming.body().clone();
        let by = caller.clone();
        let read = move |engine: &Engine| answer(engine, &caller, &workspace, query, &body);
        let answer = self.counted(
            incoming.attempt,
            self.engine.read(Effort::of(query), deadline, &by, read).await,
        )?;
        self.counted(incoming.attempt, Reply::bytes(answer, &self.client))
    }

    fn query_address(
        &self,
        incoming: Incoming<'_>,
    ) -> Result<(Caller, QueryAddress, Option<Micros>), Problem> {
        let caller = self.admit(incoming)?;
        let address = subject::query(&self.prefix, &incoming.message.subject)?;
        Ok((caller, address, incoming.headers()?.deadline))
    }
}

/// Answers a JSON query in JSON. Blocks. Callers without rights in the workspace do not learn
/// whether the body is valid.
fn answer(
    engine: &Engine,
    caller: &Caller,
    workspace: &QueryWorkspace,
    query: QueryName,
    body: &[u8],
) -> Result<Vec<u8>, Problem> {
    let reader = engine.reader(caller, workspace)?;
    let request = QueryRequest::from_json(query, body)?;
    Ok(reader.answer(request)?.to_json())
}
