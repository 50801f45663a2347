//! Queries.

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Micros;
use ledger_engine::Caller;
use tracing::error;

use super::asked::Asked;
use super::reply::Reply;
use super::subject::QueryAddress;
use super::{Desk, subject};

impl Desk {
    /// Answers one query from the store, on a thread that may block.
    pub(super) async fn query(&self, asked: Asked<'_>) -> Result<Reply, Problem> {
        let (caller, address, deadline) = self.counted(self.query_address(asked))?;
        let reading = self.readers.acquire().await;
        self.counted(self.engine.in_time(deadline))?;
        let engine = self.engine.clone();
        let QueryAddress { workspace, query } = address;
        let body = match asked.opened {
            None => asked.message.payload.clone(),
            Some(_) => asked.body().to_vec().into(),
        };
        let read = move || engine.answer_json(&caller, &workspace, query, &body);
        let answered = tokio::task::spawn_blocking(read).await.map_err(|failure| crashed(&failure));
        drop(reading);
        self.counted(Reply::bytes(answered??, &self.client))
    }

    fn query_address(
        &self,
        asked: Asked<'_>,
    ) -> Result<(Caller, QueryAddress, Option<Micros>), Problem> {
        let caller = self.admit(asked)?;
        let address = subject::query(&self.prefix, &asked.message.subject)?;
        Ok((caller, address, asked.headers()?.deadline))
    }
}

/// Says that a task ended in a panic, which the log shows in full.
pub(super) fn crashed(failure: &tokio::task::JoinError) -> Problem {
    error!(error = %failure, "a task ended before it was done");
    Problem::new(Code::Internal)
}
