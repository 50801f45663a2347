//! Everything put together and set going.

use std::sync::Arc;
use std::time::Duration;

use ledger_engine::{Clock, VerifyToken};
use tokio::task::JoinHandle;

use crate::keys::{Held, keep};
use crate::options::Prepared;
use crate::verify::Verifier;

/// Tokens of one issuer, whose keys a task keeps up to date until this is dropped.
#[derive(Debug)]
pub struct Tokens {
    verifier: Arc<Verifier>,
    held: Arc<Held>,
    keeper: JoinHandle<()>,
}

impl Prepared {
    /// Starts fetching keys. Does not wait for them.
    pub fn start(self, clock: Clock) -> Tokens {
        let Self { options, source } = self;
        let held = Arc::new(Held::new(options.timings, clock.clone()));
        let keeper = tokio::spawn(keep(source, Arc::clone(&held)));
        let verifier = Arc::new(Verifier::new(options, Arc::clone(&held), clock));
        Tokens { verifier, held, keeper }
    }
}

impl Tokens {
    /// Returns what checks a token.
    pub fn verifier(&self) -> Arc<dyn VerifyToken> {
        Arc::clone(&self.verifier) as Arc<dyn VerifyToken>
    }

    /// Waits until the issuer was asked for its keys once, or for as long as `patience` lasts.
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
