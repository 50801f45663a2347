//! Starts and owns the parts of this crate.

use std::sync::Arc;
use std::time::Duration;

use ledger_engine::{Clock, VerifyToken};
use tokio::task::JoinHandle;

use crate::keys::{Held, keep};
use crate::options::Prepared;
use crate::sign_in::{SignIn, Target};
use crate::verify::Verifier;

/// Verifies the tokens of one issuer. A task keeps its keys up to date until this is dropped.
#[derive(Debug)]
pub struct Tokens {
    verifier: Arc<Verifier>,
    held: Arc<Held>,
    keeper: JoinHandle<()>,
    sign_in: Option<Arc<SignIn>>,
}

impl Prepared {
    /// Starts fetching keys without waiting for them.
    pub fn start(self, clock: Clock) -> Tokens {
        let Self { mut options, source, sign_in } = self;
        let held = Arc::new(Held::new(options.timings, clock.clone()));
        let keeper = tokio::spawn(keep(source, Arc::clone(&held)));
        let (issuer, lifetime_max) = (options.issuer.clone(), options.lifetime_max);
        let target = sign_in.zip(options.sign_in.take()).map(|(prepared, options)| Target {
            options,
            issuer,
            description: prepared.description,
            client: prepared.client,
            lifetime_max,
            clock: clock.clone(),
        });
        let verifier = Arc::new(Verifier::new(options, Arc::clone(&held), clock));
        let sign_in = target
            .map(|target| Arc::new(SignIn::new(target, Arc::clone(&verifier), Arc::clone(&held))));
        Tokens { verifier, held, keeper, sign_in }
    }
}

impl Tokens {
    /// Returns the verifier of tokens.
    pub fn verifier(&self) -> Arc<dyn VerifyToken> {
        Arc::clone(&self.verifier) as Arc<dyn VerifyToken>
    }

    /// Returns how people sign in with a browser, if they can.
    pub fn sign_in(&self) -> Option<Arc<SignIn>> {
        self.sign_in.clone()
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
