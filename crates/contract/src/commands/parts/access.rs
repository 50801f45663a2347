//! Workspaces that a connection is shared with, and the limits of their use.

use ledger_domain::connection::{
    Access, Grant, Limits, RateCounts, RateLimit, RateUnit, UsageLimit, UsageUnit,
};
use ledger_domain::{InvalidField, limits};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::commands::input::{
    AmountRule, AtLeastOne, Checked as _, Input, MapInput, ResetRule, TimeRule, WordRule,
    WorkspaceRule, whole_tokens,
};

/// Initial grants of a new connection.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessBody {
    /// Limits of the grant to all workspaces; absent if there is none.
    pub everyone: Option<LimitsBody>,
    /// Limits of grants to individual workspaces.
    #[serde(default)]
    pub workspaces: MapInput<WorkspaceRule, LimitsBody, { limits::GRANTS }>,
}

/// Limits of a grant.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsBody {
    /// Limit on total use.
    pub usage: Option<UsageLimitBody>,
    /// Limit on the rate of use.
    pub rate: Option<RateLimitBody>,
}

/// Limit on total use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = whole_tokens)]
pub struct UsageLimitBody {
    /// `cost` or `tokens`.
    pub r#type: Input<WordRule<UsageUnit>>,
    /// More than 0. An amount of money may have decimals.
    pub credit_limit: Input<AmountRule>,
    /// More than 0. An amount of money may have decimals.
    pub alert_threshold: Option<Input<AmountRule>>,
    /// When the counter restarts: `weekly`, `monthly` or a number of days like `30d`; never when
    /// absent.
    pub reset: Option<Input<ResetRule>>,
    /// The next time the counter restarts, RFC 3339 in UTC.
    pub next_reset_at: Option<Input<TimeRule>>,
}

/// Limit on the rate of use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitBody {
    /// `requests` or `tokens`.
    pub r#type: Input<WordRule<RateCounts>>,
    /// `rpm`, `rph` or `rpd`.
    pub unit: Input<WordRule<RateUnit>>,
    /// At least 1.
    pub value: Input<AtLeastOne>,
}

impl AccessBody {
    /// Checks initial grants.
    ///
    /// Errors: `field_invalid`.
    pub fn check(self) -> Result<Access, InvalidField> {
        let workspaces = self.workspaces.check("access.workspaces", |_, body| {
            Ok(Grant { allowed: true, limits: body.check()? })
        })?;
        Ok(Access { everyone: self.everyone.map(LimitsBody::check).transpose()?, workspaces })
    }
}

impl LimitsBody {
    /// Checks the limits of a grant.
    ///
    /// Errors: `field_invalid`.
    pub fn check(self) -> Result<Limits, InvalidField> {
        Ok(Limits {
            usage: self.usage.map(UsageLimitBody::check).transpose()?,
            rate: self.rate.map(RateLimitBody::check).transpose()?,
        })
    }
}

impl UsageLimitBody {
    fn check(self) -> Result<UsageLimit, InvalidField> {
        let unit = self.r#type.check("limits.usage.type")?;
        let alert = self.alert_threshold;
        let alert = alert.map(|at| at.check_in(unit, "limits.usage.alert_threshold"));
        Ok(UsageLimit {
            unit,
            credit_limit: self.credit_limit.check_in(unit, "limits.usage.credit_limit")?,
            alert_threshold: alert.transpose()?,
            reset: self.reset.check("limits.usage.reset")?,
            next_reset_at: self.next_reset_at.check("limits.usage.next_reset_at")?,
        })
    }
}

impl RateLimitBody {
    fn check(self) -> Result<RateLimit, InvalidField> {
        Ok(RateLimit {
            counts: self.r#type.check("limits.rate.type")?,
            unit: self.unit.check("limits.rate.unit")?,
            value: self.value.check("limits.rate.value")?,
        })
    }
}
