//! Sends queries.

use serde::Serialize;

use crate::connect::Client;
use crate::error::ClientError;

impl Client {
    /// Sends a query to a workspace (or to `_all` for every workspace, where the query allows it)
    /// and returns the JSON of the answer.
    pub async fn query(
        &self,
        workspace: &str,
        name: &str,
        body: &impl Serialize,
    ) -> Result<Vec<u8>, ClientError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| ClientError::Internal(format!("cannot write the query: {error}")))?;
        let subject = self.subjects.query(workspace, name);
        let answer = self.request(subject, Vec::new(), body).await?;
        Ok(answer.body().to_vec())
    }
}
