//! Starts an operation and follows its progress.

use std::time::Duration;

use async_nats::StatusCode;
use futures::StreamExt as _;
use ledger_contract::backups::{BackupReport, BackupRequest};
use ledger_contract::master_keys::{RewrapReport, RewrapRequest, ShareReport, ShareRequest};
use ledger_contract::operations::{
    Progress, ReplayReport, ReplayRequest, StepDownReport, StepDownRequest,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::connect::Client;
use crate::error::ClientError;
use crate::sealed::Prepared;

/// Longest silence of a running operation, which normally reports far more often.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// A message of a running operation. A report has more fields than progress, so it is matched
/// first.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told<R> {
    Ended(R),
    Going(Progress),
}

impl Client {
    /// Rebuilds read models while commands continue, and returns the final report.
    pub async fn replay(
        &self,
        request: &ReplayRequest,
        on_progress: impl FnMut(Progress),
    ) -> Result<ReplayReport, ClientError> {
        self.operate("replay", request, on_progress).await
    }

    /// Backs the ledger up to where its server puts backups, and returns the final report.
    pub async fn backup(
        &self,
        request: &BackupRequest,
        on_progress: impl FnMut(Progress),
    ) -> Result<BackupReport, ClientError> {
        self.operate("backup", request, on_progress).await
    }

    /// Follows the wrapping anew of what is still under a former master key, and returns the final
    /// report.
    pub async fn rewrap(
        &self,
        request: &RewrapRequest,
        on_progress: impl FnMut(Progress),
    ) -> Result<RewrapReport, ClientError> {
        self.operate("rewrap", request, on_progress).await
    }

    /// Has the writer of a cluster leave it to another node to write.
    pub async fn step_down(
        &self,
        request: &StepDownRequest,
    ) -> Result<StepDownReport, ClientError> {
        self.operate("step-down", request, |_| {}).await
    }

    /// Gives a share of the master keys to a sealed ledger.
    ///
    /// Errors: requests are not sealed; those of the ledger.
    pub async fn give_share(&self, request: &ShareRequest) -> Result<ShareReport, ClientError> {
        if self.ledger_xkey.is_none() {
            return Err(ClientError::Unsealed);
        }
        self.operate("give-share", request, |_| {}).await
    }

    async fn operate<R: DeserializeOwned>(
        &self,
        name: &str,
        request: &impl Serialize,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<R, ClientError> {
        // It may be a share, so it is wiped.
        let body = serde_json::to_vec(request).map(Zeroizing::new);
        let body = body
            .map_err(|error| ClientError::Internal(format!("cannot write the request: {error}")))?;
        let until = Instant::now() + self.timeout;
        loop {
            let done = self.operate_once(name, &body, &mut on_progress).await;
            if !matches!(done, Err(ClientError::NoLedger(_))) || Instant::now() >= until {
                return done;
            }
            match self.wait_for_writer().await {
                Some(wait) => sleep(wait).await,
                None => return done,
            }
        }
    }

    async fn operate_once<R: DeserializeOwned>(
        &self,
        name: &str,
        body: &[u8],
        on_progress: &mut impl FnMut(Progress),
    ) -> Result<R, ClientError> {
        self.check_connected()?;
        let subject = self.subjects.operation(name);
        let Prepared { headers, payload, reader } = self.prepare(&subject, &[], body)?;
        let inbox = self.nats.new_inbox();
        let lost = |error: String| ClientError::Unavailable(format!("NATS failed: {error}"));
        let mut answers =
            self.nats.subscribe(inbox.clone()).await.map_err(|error| lost(error.to_string()))?;
        self.nats
            .publish_with_reply_and_headers(subject, inbox, headers, payload.into())
            .await
            .map_err(|error| lost(error.to_string()))?;
        loop {
            let message = tokio::time::timeout(SILENCE_MAX, answers.next())
                .await
                .map_err(|_| lost(format!("no progress of the {name} was reported for a minute")))?
                .ok_or_else(|| lost("the connection was closed".to_owned()))?;
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(self.no_ledger());
            }
            match serde_json::from_slice(reader.read(message)?.body()) {
                Ok(Told::Going(progress)) => on_progress(progress),
                Ok(Told::Ended(report)) => return Ok(report),
                Err(error) => {
                    let text = format!("the progress of the {name} cannot be read: {error}");
                    return Err(ClientError::Internal(text));
                }
            }
        }
    }
}
