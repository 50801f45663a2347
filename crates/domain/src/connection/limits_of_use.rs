//! Limits that gateways enforce on a workspace's use of a connection.

use super::vocabulary::vocabulary;
use crate::ids::Micros;
use crate::text::InvalidField;

vocabulary!(
    /// The unit of a usage limit.
    UsageUnit, "usage_limits.type", {
        /// Money, in the gateway's currency unit.
        Cost = "cost",
        /// Tokens.
        Tokens = "tokens",
    }
);

vocabulary!(
    /// The period of a rate limit.
    RateUnit, "rate_limits.unit", {
        /// Per minute.
        Minute = "rpm",
        /// Per hour.
        Hour = "rph",
        /// Per day.
        Day = "rpd",
    }
);

/// When a usage counter restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetPeriod {
    /// Each calendar week.
    Weekly,
    /// Each calendar month.
    Monthly,
    /// After this number of days.
    Days(u16),
}

impl ResetPeriod {
    /// Returns a period of 1 to 365 days.
    pub fn days(days: u64) -> Result<Self, InvalidField> {
        match u16::try_from(days) {
            Ok(days @ 1..=365) => Ok(Self::Days(days)),
            _ => Err(InvalidField::new("periodic_reset_days", "must be 1 to 365")),
        }
    }
}

/// Limit on the total use of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLimit {
    /// The unit.
    pub unit: UsageUnit,
    /// The amount at which further use is denied, at least 1.
    pub credit_limit: u64,
    /// The amount at which a warning is sent, at least 1.
    pub alert_threshold: Option<u64>,
    /// When the counter restarts; never when absent.
    pub reset: Option<ResetPeriod>,
    /// The next time the counter restarts, if the gateway has set one.
    pub next_reset_at: Option<Micros>,
}

/// Limit on the rate of use of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Whether it counts requests or tokens.
    pub counts: RateCounts,
    /// The period over which it counts.
    pub unit: RateUnit,
    /// The number allowed in one period, at least 1.
    pub value: u64,
}

vocabulary!(
    /// The unit of a rate limit.
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
    /// Limits on total use.
    pub usage: Option<UsageLimit>,
    /// Limits on the rate of use.
    pub rate: Option<RateLimit>,
}
