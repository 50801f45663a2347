//! Starts and owns the parts of this crate.

use std::sync::Arc;
use std::time::Duration;

use ledger_engine::{Clock, VerifyToken};
use tokio::task::JoinHandle;

use crate::keys::{Held, keep};
use crate::options::Prepared;
use crate::verify::Verifier;

/// Verifies the tokens of one issuer. A task keeps its keys up to date until this is dropped.
#[derive(Debug)]
pub struct Tokens {
    verifier: Arc<Verifier>,
    held: Arc<Held>,
    keeper: JoinHandle<()>,
}

impl Prepared {
    /// Starts fetching keys without waiting for them.
    pub fn start(self, clock: Clock) -> Tokens {
        let Self { options, source } = self;
        let held = Arc::new(Held::new(options.timings, clock.clone()));
        let keeper = tokio::spawn(keep(source, Arc::clone(&held)));
        let verifier = Arc::new(Verifier::new(options, Arc::clone(&held), clock));
        Tokens { verifier, held, keeper }
    }
}

impl Tokens {
    /// Returns the verifier of tokens.
    pub fn verifier(&self) -> Arc<dyn VerifyToken> {
        Arc::clone(&self.verifier) as Arc<dyn VerifyToken>
    }

    /// Waits until keys have been fetched once, whatever the result, or for at most `patience`.
    /// Returns whether there are keys.
    pub async fn wait_for_keys(&self, patience: Duration) -> bool {
        let looked = tokio::time::timeout(patience, self.held.looked()).await;
        looked.is_ok() && self.held.current().is_ok()
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
