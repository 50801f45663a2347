//! Quotas: limits of what one workspace may take, so that it leaves enough to the others.
//!
//! The decider compares (`writer/quotas.rs`), so no two commands pass where one has room. What was
//! used before the start is counted in the indexes, once a workspace has its first command; from
//! then on the decider counts itself. Nothing of it is stored: it follows from the log.

mod keys;
mod measure;

pub(crate) use keys::KeyCounts;
pub(crate) use measure::{Today, Used, log_uncounted, measure};

use std::collections::BTreeSet;
use std::fmt;

use ledger_domain::{Micros, Principal, WorkspaceName, principal::Workspaces};

/// Microseconds of a day.
const DAY: i64 = 24 * 3_600 * 1_000_000;

/// The quotas of each workspace; without one, there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Connections that are not archived.
    pub connections: Option<u64>,
    /// API keys that are valid, of principals with grants that name the workspace.
    pub keys: Option<u64>,
    /// Changes in a day, by UTC.
    pub events_per_day: Option<u64>,
    /// Reveals of secrets in a day, by UTC, of the workspace that asks.
    pub reveals_per_day: Option<u64>,
}

impl Quotas {
    /// No limits.
    pub const UNLIMITED: Self =
        Self { connections: None, keys: None, events_per_day: None, reveals_per_day: None };
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            connections: Some(1_000_000),
            keys: Some(10_000),
            events_per_day: Some(5_000_000),
            reveals_per_day: Some(5_000_000),
        }
    }
}

/// One of the quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// See [`Quotas::connections`].
    Connections,
    /// See [`Quotas::keys`].
    Keys,
    /// See [`Quotas::events_per_day`].
    EventsPerDay,
    /// See [`Quotas::reveals_per_day`].
    RevealsPerDay,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connections => "connections",
            Self::Keys => "API keys",
            Self::EventsPerDay => "changes a day",
            Self::RevealsPerDay => "reveals a day",
        })
    }
}

/// A quota that is used up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the workspace {workspace} has used its quota of {limit} {quota}")]
pub struct QuotaExceeded {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// The quota.
    pub quota: Quota,
    /// The limit.
    pub limit: u64,
}

impl Quota {
    /// Refuses one more if `used` is all that there is.
    pub(crate) fn check(
        self,
        workspace: &WorkspaceName,
        used: u64,
        limit: Option<u64>,
    ) -> Result<(), QuotaExceeded> {
        match limit {
            Some(limit) if used >= limit => {
                Err(QuotaExceeded { workspace: workspace.clone(), quota: self, limit })
            }
            _ => Ok(()),
        }
    }
}

/// Returns the number of the day that contains a time.
pub(crate) fn day_of(time: Micros) -> i64 {
    time.get().div_euclid(DAY)
}

/// Returns the time at which a day begins.
pub(crate) fn start_of(day: i64) -> Micros {
    Micros::new(day.saturating_mul(DAY))
}

/// Returns the workspaces that the grants of a principal name.
pub(crate) fn workspaces_of(principal: &Principal) -> BTreeSet<&WorkspaceName> {
    let named = principal.grants.iter().filter_map(|grant| match &grant.workspaces {
        Workspaces::All => None,
        Workspaces::Named(names) => Some(names),
    });
    named.flatten().collect()
}

/// Returns how many keys of a principal are valid.
pub(crate) fn live_keys(principal: &Principal, now: Micros) -> u64 {
    let live = principal.keys.values().filter(|key| key.is_live(now)).count();
    u64::try_from(live).unwrap_or(u64::MAX)
}
