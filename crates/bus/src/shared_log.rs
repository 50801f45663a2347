//! A log that several nodes share: who holds the lease writes it before it publishes anything.

use std::fmt;
use std::sync::Arc;

use ledger_contract::errors::Problem;
use tokio::sync::watch;

use crate::lease::Ownership;

/// What this node is for the log that several nodes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogState {
    /// It does not write the log, or not yet.
    Follows,
    /// It writes the log in this tenure of the lease.
    Writes(u64),
}

/// Tells when this instance holds the lease of the names.
#[derive(Clone)]
pub struct Tenures(Arc<Ownership>);

impl fmt::Debug for Tenures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tenures({:?})", self.now())
    }
}

impl Tenures {
    pub(crate) fn new(ownership: Arc<Ownership>) -> Self {
        Self(ownership)
    }

    /// Returns the number of the tenure in which this instance holds the lease now, if it does.
    pub fn now(&self) -> Option<u64> {
        self.0.tenure()
    }

    /// Leaves the lease of a tenure to another node, because this one cannot write the log.
    pub fn leave(&self, tenure: u64, problem: &Problem) {
        self.0.unsuitable(tenure, problem);
    }

    /// Waits for a tenure.
    pub async fn next(&self) -> u64 {
        self.0.next_tenure().await
    }
}

/// Waits until this node writes the log in a tenure.
pub(crate) async fn written(log: &mut watch::Receiver<LogState>, tenure: u64) {
    if log.wait_for(|state| *state == LogState::Writes(tenure)).await.is_err() {
        // The node is stopping.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_state_of_the_same_tenure_counts() {
        let (state, mut log) = watch::channel(LogState::Writes(1));
        written(&mut log, 1).await;
        let mut later = Box::pin(written(&mut log, 2));
        assert!(futures::poll!(&mut later).is_pending());
        state.send_replace(LogState::Follows);
        assert!(futures::poll!(&mut later).is_pending());
        state.send_replace(LogState::Writes(2));
        later.await;
    }
}
