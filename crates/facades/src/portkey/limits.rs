//! Usage limits, which Portkey represents as lists of at most one.

use ledger_contract::commands::input::{AmountRule, AtLeastOne, Input, whole_tokens};
use ledger_contract::commands::nullable;
use ledger_contract::time;
use ledger_contract::view::amount;
use ledger_domain::InvalidField;
use ledger_domain::connection::{
    Limits, RateCounts, RateLimit, RateUnit, ResetPeriod, UsageLimit, UsageUnit,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// Limits in a body. Omitted limits stay unchanged; null or an empty list removes one.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(super) struct LimitsIn {
    /// The limit on total use.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<OneOrList<UsageIn>>")]
    usage_limits: Option<Option<OneOrList<UsageIn>>>,
    /// The rate limit.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<OneOrList<RateIn>>")]
    rate_limits: Option<Option<OneOrList<RateIn>>>,
}

/// A list of at most one limit, or a bare limit, as in the types of one client.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a list of at most one limit")]
enum OneOrList<T> {
    List(Vec<T>),
    One(T),
}

/// The limit on total use.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "UsageLimitInput", transform = whole_tokens)]
struct UsageIn {
    /// `cost` (default) or `tokens`.
    r#type: Option<String>,
    /// The amount at which use stops, more than 0; a cost may have decimals.
    credit_limit: Input<AmountRule>,
    /// The amount at which a warning is due, more than 0; a cost may have decimals.
    alert_threshold: Option<Input<AmountRule>>,
    /// `monthly` or `weekly`.
    periodic_reset: Option<String>,
    /// A number of days, 1 to 365; not together with `periodic_reset`.
    periodic_reset_days: Option<u16>,
    /// RFC 3339 time in UTC.
    next_usage_reset_at: Option<String>,
}

/// The rate limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RateLimitInput")]
struct RateIn {
    /// `requests` (default) or `tokens`.
    r#type: Option<String>,
    /// `rpm` (default), `rph` or `rpd`.
    unit: Option<String>,
    /// The number per unit of time, at least 1.
    value: Input<AtLeastOne>,
}

/// Limits in answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Limits")]
pub(super) struct LimitsOut {
    /// The limit on total use, if any.
    usage_limits: Option<[UsageOut; 1]>,
    /// The rate limit, if any.
    rate_limits: Option<[RateOut; 1]>,
}

/// The access of every workspace.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "GlobalWorkspaceAccess")]
pub(super) struct AccessOut {
    /// Always true.
    pub(super) enabled: bool,
    /// The limits.
    #[serde(flatten)]
    pub(super) limits: LimitsOut,
}

/// The limit on total use.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UsageLimit")]
struct UsageOut {
    /// `cost` or `tokens`.
    r#type: &'static str,
    /// The amount at which use stops.
    #[schemars(with = "f64")]
    credit_limit: Number,
    /// The amount at which a warning is due.
    #[schemars(with = "Option<f64>")]
    alert_threshold: Option<Number>,
    /// `monthly` or `weekly`.
    periodic_reset: Option<&'static str>,
    /// A number of days.
    periodic_reset_days: Option<u16>,
    /// Time of the next reset.
    next_usage_reset_at: Option<String>,
}

/// The rate limit.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RateLimit")]
struct RateOut {
    /// `requests` or `tokens`.
    r#type: &'static str,
    /// `rpm`, `rph` or `rpd`.
    unit: &'static str,
    /// The number per unit of time.
    value: u64,
}

impl LimitsIn {
    /// Applies the limits of a body to the present ones.
    ///
    /// Errors: `field_invalid`.
    pub(super) fn over(self, current: &Limits) -> Result<Limits, InvalidField> {
        let mut limits = current.clone();
        if let Some(usage) = self.usage_limits {
            limits.usage = only("usage_limits", usage)?.map(UsageIn::check).transpose()?;
        }
        if let Some(rate) = self.rate_limits {
            limits.rate = only("rate_limits", rate)?.map(RateIn::check).transpose()?;
        }
        Ok(limits)
    }
}

fn only<T>(field: &str, given: Option<OneOrList<T>>) -> Result<Option<T>, InvalidField> {
    match given {
        None => Ok(None),
        Some(OneOrList::One(one)) => Ok(Some(one)),
        Some(OneOrList::List(mut list)) => match (list.pop(), list.is_empty()) {
            (one, true) => Ok(one),
            (_, false) => Err(InvalidField::new(field, "must have at most one entry")),
        },
    }
}

impl UsageIn {
    fn check(self) -> Result<UsageLimit, InvalidField> {
        let wrong = |problem| Err(InvalidField::new("usage_limits.periodic_reset", problem));
        let reset = match (self.periodic_reset.as_deref(), self.periodic_reset_days) {
            (None, None) => None,
            (None, Some(days)) => Some(ResetPeriod::days(days.into())?),
            (Some("weekly"), None) => Some(ResetPeriod::Weekly),
            (Some("monthly"), None) => Some(ResetPeriod::Monthly),
            (Some(_), None) => return wrong("must be monthly or weekly"),
            (Some(_), Some(_)) => return wrong("cannot go with periodic_reset_days"),
        };
        let unit = self.r#type.as_deref();
        let unit = unit.map_or(Ok(UsageUnit::Cost), UsageUnit::parse)?;
        let alert = self.alert_threshold;
        let alert = alert.map(|at| at.check_in(unit, "usage_limits.alert_threshold"));
        let next = self.next_usage_reset_at;
        let next = next.map(|at| time::parse("usage_limits.next_usage_reset_at", &at));
        Ok(UsageLimit {
            unit,
            credit_limit: self.credit_limit.check_in(unit, "usage_limits.credit_limit")?,
            alert_threshold: alert.transpose()?,
            reset,
            next_reset_at: next.transpose()?,
        })
    }
}

impl RateIn {
    fn check(self) -> Result<RateLimit, InvalidField> {
        let (counts, unit) = (self.r#type.as_deref(), self.unit.as_deref());
        Ok(RateLimit {
            counts: counts.map_or(Ok(RateCounts::Requests), RateCounts::parse)?,
            unit: unit.map_or(Ok(RateUnit::Minute), RateUnit::parse)?,
            value: self.value.check("rate_limits.value")?,
        })
    }
}

/// The limits of one workspace, as virtual keys and single providers show them.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LimitsView {
    /// The limit on total use.
    usage_limits: Option<UsageOut>,
    /// The rate limit, if any.
    rate_limits: Vec<RateOut>,
}

impl LimitsView {
    /// Returns limits in Portkey's format.
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            usage_limits: limits.usage.as_ref().map(UsageOut::of),
            rate_limits: limits.rate.iter().map(RateOut::of).collect(),
        }
    }
}

/// The limits of one workspace, as lists of providers show them: a client fails on a list of rate
/// limits there.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OneLimits {
    /// The limit on total use.
    usage_limits: Option<UsageOut>,
    /// The rate limit.
    rate_limits: Option<RateOut>,
}

impl OneLimits {
    /// Returns limits in Portkey's format.
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            usage_limits: limits.usage.as_ref().map(UsageOut::of),
            rate_limits: limits.rate.as_ref().map(RateOut::of),
        }
    }
}

impl LimitsOut {
    /// Returns limits in Portkey's format.
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            usage_limits: limits.usage.as_ref().map(|usage| [UsageOut::of(usage)]),
            rate_limits: limits.rate.as_ref().map(|rate| [RateOut::of(rate)]),
        }
    }
}

impl AccessOut {
    /// Returns the access of every workspace in Portkey's format.
    pub(super) fn of(limits: &Limits) -> Self {
        Self { enabled: true, limits: LimitsOut::of(limits) }
    }
}

impl UsageOut {
    fn of(usage: &UsageLimit) -> Self {
        let (periodic_reset, periodic_reset_days) = match usage.reset {
            None => (None, None),
            Some(ResetPeriod::Weekly) => (Some("weekly"), None),
            Some(ResetPeriod::Monthly) => (Some("monthly"), None),
            Some(ResetPeriod::Days(days)) => (None, Some(days)),
        };
        Self {
            r#type: usage.unit.as_str(),
            credit_limit: amount(usage.credit_limit),
            alert_threshold: usage.alert_threshold.map(amount),
            periodic_reset,
            periodic_reset_days,
            next_usage_reset_at: usage.next_reset_at.map(time::format),
        }
    }
}

impl RateOut {
    fn of(rate: &RateLimit) -> Self {
        Self { r#type: rate.counts.as_str(), unit: rate.unit.as_str(), value: rate.value }
    }
}
