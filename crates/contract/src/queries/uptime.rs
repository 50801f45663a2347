//! `uptime`: how long connections worked, and how long they did not.

use ledger_domain::limits;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::is_false;
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, one};
use crate::route::{HttpRoute, Method};

/// The most steps in an answer.
pub const STEPS_MAX: u32 = 366;
/// Steps in an answer by default.
pub const STEPS: u32 = 48;
/// Connections that are counted in one answer.
pub const CONNECTIONS_MAX: usize = 1_000;
/// Events of connections that are looked through for one answer.
pub const EVENTS_MAX: u64 = 50_000;

/// The HTTP route.
pub const UPTIME: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/uptime",
    operation_id: "uptime",
};

/// The query `uptime`.
#[derive(Clone, Copy, Debug)]
pub struct Uptime;

impl Query for Uptime {
    const SPEC: QuerySpec = QuerySpec {
        name: "uptime",
        summary: "Tells how long connections were in each state of health",
        description: "Of one connection, of those of a provider, or of all that the caller may \
                      read, from what their events say. Archived connections count up to when \
                      they were archived only if they are named. At most 1,000 connections and \
                      50,000 events are looked through.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[UPTIME],
        refusals: &[Code::ConnectionUnknown],
    };
    type Parameters = UptimeQuery;
    type Answer<'a> = UptimeView;
}

/// `uptime`: the states of health of connections over a time.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UptimeQuery {
    /// Id or slug of the only connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The only provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// When the time begins: a time, or how long ago, such as `24h`; `7d` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Into how many steps it is divided: 1 to 366, 48 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
}

/// What HTTP takes of it in the query string, besides the connection.
pub const PARAMETERS: &[Parameter] = &[
    one("provider", Form::Text(limits::SLUG_CHARS), "The only provider."),
    one("since", Form::Moment, "When the time begins: a time, or how long ago; `7d` by default."),
    one(
        "steps",
        Form::Number(1, STEPS_MAX as u64),
        "Into how many steps it is divided; 48 by default.",
    ),
];

/// Answer to `uptime`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UptimeView {
    /// When the time begins.
    pub from: String,
    /// When it ends: now.
    pub until: String,
    /// Connections that are counted.
    pub connections: u64,
    /// How long they were in each state, added up.
    pub seconds: StateSeconds,
    /// The part of the time with a known health in which they worked, in percent; absent if there
    /// was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operational_percent: Option<f64>,
    /// How often one became degraded or failed that was neither.
    pub failures: u64,
    /// How often one became operational that was degraded or failed.
    pub recoveries: u64,
    /// How long that took, on average, from the failure on; absent without recoveries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_seconds_to_recovery: Option<f64>,
    /// The time in steps of equal length, the oldest first.
    pub steps: Vec<StepView>,
    /// True if not everything was looked through. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
}

/// A step of the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// When it begins.
    pub from: String,
    /// How long the connections were in each state, added up.
    #[serde(flatten)]
    pub seconds: StateSeconds,
}

/// How long something was in each state of health, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateSeconds {
    /// It worked.
    pub operational: f64,
    /// It failed temporarily.
    pub degraded: f64,
    /// Somebody had to act.
    pub failed: f64,
    /// Nobody had reported.
    pub unknown: f64,
}
