//! Shares of the master keys that officers have given to a sealed ledger, until there are enough.

use ledger_contract::errors::{Code, Problem};
use ledger_contract::master_keys::SharesView;
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_vault::{Keyring, Share, ShareError, Shares};
use parking_lot::Mutex;

/// For how long shares are held after the first of them was given, in microseconds.
const HELD_MICROS: i64 = 10 * 60 * 1_000_000;

/// The shares of one set. They are wiped ten minutes after the first, when they do not fit
/// together, and when the ledger is unsealed.
#[derive(Debug, Default)]
pub(crate) struct HeldShares(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    shares: Shares,
    since: Micros,
}

/// What became of a share.
#[derive(Debug)]
pub(crate) enum Given {
    /// More are needed.
    Held(SharesView),
    /// They were enough, and gave these keys.
    Enough {
        /// What is told of the shares.
        view: SharesView,
        /// The keys.
        ring: Keyring,
    },
}

impl HeldShares {
    /// Takes a share. If there are enough now, all of them are wiped.
    ///
    /// Errors: `share_invalid`, `share_foreign`, `share_repeated`, `shares_wrong`.
    pub(crate) fn give(&self, text: &str, start_over: bool, now: Micros) -> Result<Given, Problem> {
        let share = Share::parse(text).map_err(problem)?;
        let mut held = self.0.lock();
        if start_over || held.as_ref().is_some_and(|held| !held.is_in_time(now)) {
            *held = None;
        }
        let all = match held.take() {
            None => Held { shares: Shares::new(share), since: now },
            Some(mut all) => match all.shares.add(share) {
                Ok(()) => all,
                Err(error) => {
                    // Contradicting shares are never of use together.
                    *held = (error != ShareError::False).then_some(all);
                    return Err(problem(error));
                }
            },
        };
        let view = all.view();
        if !all.shares.are_enough() {
            *held = Some(all);
            return Ok(Given::Held(view));
        }
        let text = all.shares.combine().map_err(problem)?;
        let ring = Keyring::parse(&text).map_err(|_| problem(ShareError::False))?;
        Ok(Given::Enough { view, ring })
    }

    /// Wipes what is held for too long.
    pub(crate) fn wipe_overdue(&self, now: Micros) {
        let mut held = self.0.lock();
        if held.as_ref().is_some_and(|held| !held.is_in_time(now)) {
            *held = None;
            tracing::warn!("shares of the master keys were given, but not enough in time: wiped");
        }
    }

    /// Wipes all.
    pub(crate) fn wipe(&self) {
        *self.0.lock() = None;
    }

    /// Returns what is held.
    pub(crate) fn view(&self) -> Option<SharesView> {
        self.0.lock().as_ref().map(Held::view)
    }
}

impl Held {
    /// Returns whether they may still be held. A clock that goes back ends their time.
    fn is_in_time(&self, now: Micros) -> bool {
        (self.since..self.until()).contains(&now)
    }

    fn until(&self) -> Micros {
        Micros::new(self.since.get().saturating_add(HELD_MICROS))
    }

    fn view(&self) -> SharesView {
        SharesView {
            set: self.shares.set().to_string(),
            given: self.shares.given(),
            threshold: self.shares.threshold(),
            held_until: time::format(self.until()),
        }
    }
}

fn problem(error: ShareError) -> Problem {
    let code = match error {
        ShareError::Foreign { .. } => Code::ShareForeign,
        ShareError::Repeated { .. } => Code::ShareRepeated,
        ShareError::False => Code::SharesWrong,
        _ => Code::ShareInvalid,
    };
    Problem::because(code, error.to_string())
}
