//! Sealing the ledger, and unsealing it with shares of its master keys.
//!
//! A sealed ledger has wiped its master keys and data keys. The keys of MACs and fingerprints and
//! the curve keys stay: they open no stored secret, and authentic answers need them.

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::commands::ParsedCommand;
use ledger_contract::errors::Problem;
use ledger_contract::master_keys::{ShareReport, ShareRequest, SharesView};
use ledger_contract::reply::Receipt;
use ledger_contract::subjects;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{ConnectionId, Rejection};
use ledger_vault::{Keyring, leaving_nothing};

use crate::engine::{DATA_KEYS, Engine, HeldKey, Shared};
use crate::errors::{ExecuteError, Fault, Unavailable};
use crate::execute::Begun;
use crate::master_keys::GivenShare;
use crate::request::RequestContext;
use crate::writer::{GivenKeys, Recent};

/// Longest wait for secrets that are on their way when the ledger is sealed.
const IN_FLIGHT: Duration = Duration::from_secs(5);
/// Interval at which shares are wiped that were held too long.
pub(crate) const WIPE_INTERVAL: Duration = Duration::from_secs(5);

/// Wipes shares that were held too long.
pub(crate) fn wipe_overdue(shared: &Shared) {
    shared.master_keys.shares.wipe_overdue(shared.ports.now());
}

impl Shared {
    /// Drops the master keys, all data keys and what references led to.
    pub(crate) fn drop_keys(&self) {
        // First the master keys: a data key that is opened from here on is not kept.
        self.master_keys.drop_all();
        *self.data_keys.lock() = Recent::new(DATA_KEYS);
        self.references.forget();
    }

    /// Keeps a data key in memory, unless the ledger is sealed.
    pub(crate) fn keep_data_key(&self, id: ConnectionId, held: HeldKey) {
        let mut kept = self.data_keys.lock();
        if self.master_keys.are_there() {
            kept.set(id, held);
        }
    }
}

impl Engine {
    /// Returns whether the ledger is sealed.
    pub fn is_sealed(&self) -> bool {
        !self.shared.master_keys.are_there()
    }

    /// Waits until the keys that were dropped are wiped, because nobody uses them any more.
    ///
    /// Errors: `secrets_in_flight`.
    pub(crate) async fn await_wiped(&self) -> Result<(), ExecuteError> {
        let shared = Arc::clone(&self.shared);
        let wait = move || shared.master_keys.wait_until_unused(IN_FLIGHT);
        let waited = tokio::task::spawn_blocking(wait).await;
        match waited.map_err(|_| Fault::bug("waiting for the end of reveals panicked"))? {
            // Somebody may have unsealed the ledger meanwhile.
            uses if uses > 0 && self.is_sealed() => Err(ExecuteError::SecretsInFlight(uses)),
            _ => Ok(()),
        }
    }

    /// Takes a share of the master keys. With enough of them, unseals the ledger. Blocks.
    ///
    /// Errors: `nothing_to_change` if it is not sealed; `share_invalid`, `share_foreign`,
    /// `share_repeated`, `shares_wrong`; those of unsealing.
    pub(crate) fn give_share(
        &self,
        request: &ShareRequest,
        context: RequestContext,
    ) -> Result<ShareReport, Problem> {
        let (shared, actor) = (&self.shared, context.caller.actor().clone());
        context.caller.require(Scope::Administer, Subject::Ledger).map_err(ExecuteError::from)?;
        self.ready()?;
        if !self.is_sealed() {
            return Err(Rejection::NothingToChange.into());
        }
        let now = shared.ports.now();
        let given = leaving_nothing(|| {
            shared.master_keys.shares.give(&request.share, request.start_over, now)
        })?;
        let (view, receipt) = match given {
            GivenShare::Held(view) => {
                if !self.is_sealed() {
                    // Others gave enough meanwhile, and no share is held any longer.
                    shared.master_keys.shares.wipe();
                    return Err(Rejection::NothingToChange.into());
                }
                (view, None)
            }
            GivenShare::Enough { view, ring } => {
                let receipt = self.unseal_with(ring, view.given, context)?;
                (view, Some(receipt))
            }
        };
        let SharesView { set, given, threshold, held_until } = view;
        tracing::warn!(
            ledger.actor = actor.as_str(),
            set,
            given,
            threshold,
            "a share of the master keys was given"
        );
        let held_until = receipt.is_none().then_some(held_until);
        Ok(ShareReport { set, given, threshold, held_until, receipt })
    }

    fn unseal_with(
        &self,
        ring: Keyring,
        shares: u8,
        context: RequestContext,
    ) -> Result<Receipt, ExecuteError> {
        let given = GivenKeys { ring, shares, in_use: None };
        let (ledger, command) = (subjects::ledger_workspace(), ParsedCommand::UnsealLedger);
        let outcome = match self.begin(ledger, command, None, context, Some(given))? {
            Begun::Done(outcome) => outcome,
            Begun::Waits(answer) => {
                answer.blocking_recv().map_err(|_| Unavailable::ShuttingDown)??
            }
        };
        Ok(outcome.receipt)
    }
}
