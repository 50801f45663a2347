//! Limits that gateways enforce on a workspace's use of a connection.

use super::vocabulary::vocabulary;
use crate::ids::Micros;
use crate::text::InvalidField;

vocabulary!(
    /// What a usage limit counts.
    UsageUnit, "usage_limits.type", {
        /// Money, in the gateway's currency unit.
        Cost = "cost",
        /// Tokens.
        Tokens = "tokens",
    }
);

vocabulary!(
    /// What a rate limit counts, and over which time.
    RateUnit, "rate_limits.unit", {
        /// Per minute.
        Minute = "rpm",
        /// Per hour.
        Hour = "rph",
        /// Per day.
        Day = "rpd",
    }
);

/// When a usage counter starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetPeriod {
    /// Each calendar week.
    Weekly,
    /// Each calendar month.
    Monthly,
    /// Every so many days.
    Days(u16),
}

impl ResetPeriod {
    /// Makes a period of 1 to 365 days.
    pub fn days(days: u64) -> Result<Self, InvalidField> {
        match u16::try_from(days) {
            Ok(days @ 1..=365) => Ok(Self::Days(days)),
            _ => Err(InvalidField::new("periodic_reset_days", "must be 1 to 365")),
        }
    }
}

/// How much may be used before the gateway stops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLimit {
    /// What is counted.
    pub unit: UsageUnit,
    /// The amount at which use stops, at least 1.
    pub credit_limit: u64,
    /// The amount at which someone is warned, at least 1.
    pub alert_threshold: Option<u64>,
    /// When counting starts again; never when absent.
    pub reset: Option<ResetPeriod>,
    /// The next time counting starts again, if the gateway set one.
    pub next_reset_at: Option<Micros>,
}

/// How much may be used in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Whether tokens are counted rather than requests.
    pub counts: RateCounts,
    /// The stretch of time.
    pub unit: RateUnit,
    /// How many are allowed in it, at least 1.
    pub value: u64,
}

vocabulary!(
    /// What a rate limit counts.
    RateCounts, "rate_limits.type", {
        /// Requests.
        Requests = "requests",
        /// Tokens.
        Tokens = "tokens",
    }
);

/// The limits of one grant; none means unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Total use.
    pub usage: Option<UsageLimit>,
    /// Use per time.
    pub rate: Option<RateLimit>,
}
