//! Answers queries.

use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{QueryName, QueryRequest, QueryWorkspace};
use ledger_domain::Micros;
use ledger_engine::{Caller, Engine};
use tracing::error;

use super::incoming::Incoming;
use super::reply::Reply;
use super::subject::QueryAddress;
use super::{ServiceState, subject};

impl ServiceState {
    /// Answers a query from the store, on a thread that may block.
    pub(super) async fn query(&self, incoming: Incoming<'_>) -> Result<Reply, Problem> {
        let (caller, address, deadline) = self.counted(self.query_address(incoming))?;
        let reading = self.readers.acquire().await;
        self.counted(self.engine.in_time(deadline))?;
        let engine = self.engine.clone();
        let QueryAddress { workspace, query } = address;
        let body = incoming.body().clone();
        let read = move || answer(&engine, &caller, &workspace, query, &body);
        let answered = tokio::task::spawn_blocking(read).await.map_err(|failure| crashed(&failure));
        drop(reading);
        let answer = self.counted(answered?)?;
        self.counted(Reply::bytes(answer, &self.client))
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

/// Returns the problem for a task that panicked, and logs the panic.
pub(super) fn crashed(failure: &tokio::task::JoinError) -> Problem {
    error!(error = %failure, "a task panicked");
    Problem::new(Code::Internal)
}
