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

/// An amount of money or tokens: more than 0, and finite. A whole one has no decimals, however it
/// was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount(Digits);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Digits {
    Whole(u64),
    Decimal(f64),
}

// Sound because an amount is never NaN.
impl Eq for Amount {}

impl Amount {
    /// Returns a whole amount, unless it is 0.
    pub fn whole(amount: u64) -> Option<Self> {
        (amount > 0).then_some(Self(Digits::Whole(amount)))
    }

    /// Returns an amount that may have decimals, unless it is 0, negative or beyond all numbers.
    pub fn decimal(amount: f64) -> Option<Self> {
        // Each whole number of this type up to here is also one of `u64`.
        const END: f64 = 18_446_744_073_709_551_616.0;
        if !(amount > 0.0 && amount < END) {
            return None;
        }
        if amount.fract() > 0.0 {
            return Some(Self(Digits::Decimal(amount)));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        Self::whole(amount as u64)
    }

    /// Returns the amount if it is whole, else the number that it is.
    pub const fn get(self) -> Result<u64, f64> {
        match self.0 {
            Digits::Whole(amount) => Ok(amount),
            Digits::Decimal(amount) => Err(amount),
        }
    }
}

/// Limit on the total use of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLimit {
    /// The unit.
    pub unit: UsageUnit,
    /// The amount at which further use is denied; whole if it counts tokens.
    pub credit_limit: Amount,
    /// The amount at which a warning is sent; whole if it counts tokens.
    pub alert_threshold: Option<Amount>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_amount_is_the_same_however_it_was_written() {
        assert_eq!(Amount::decimal(10.0), Amount::whole(10));
        assert_eq!(Amount::decimal(0.5).unwrap().get(), Err(0.5));
        assert_eq!(Amount::whole(u64::MAX).unwrap().get(), Ok(u64::MAX));
    }

    #[test]
    fn nothing_is_no_amount() {
        assert_eq!(Amount::whole(0), None);
        for amount in [0.0, -0.0, -0.5, f64::NAN, f64::INFINITY, 1e20] {
            assert_eq!(Amount::decimal(amount), None, "{amount}");
        }
    }
}
