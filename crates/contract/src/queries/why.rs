//! `why`: why a connection is in the state that it is in, and what to do.

use std::collections::BTreeMap;

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::is_false;
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};
use crate::view::HealthView;

/// The HTTP route.
pub const WHY: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}/why",
    operation_id: "explainHealth",
};

/// The query `why`.
#[derive(Clone, Copy, Debug)]
pub struct Why;

impl Query for Why {
    const SPEC: QuerySpec = QuerySpec {
        name: "why",
        summary: "Explains the health of a connection: its cause, the change before it, what to do",
        description: "Looks through the newest 1,000 events of the connection. Who caused an \
                      event, and with which command, is told to those who may audit it.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[WHY],
        refusals: &[Code::ConnectionUnknown],
    };
    type Parameters = WhyQuery;
    type Answer<'a> = WhyView;
}

/// `why`: the state of one connection, by id or slug, and what led to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyQuery {
    /// Id or slug of the connection.
    pub connection: String,
}

/// Answer to `why`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhyView {
    /// Id of the connection.
    pub connection: String,
    /// Its slug.
    pub slug: String,
    /// Its home workspace.
    pub workspace: String,
    /// `active`, `archived` or `erased`.
    pub lifecycle: String,
    /// Whether gateways may use it.
    pub enabled: bool,
    /// Its version.
    pub version: u64,
    /// The health.
    pub health: HealthView<'static>,
    /// The event that set the health; absent if it is older than what was looked through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EventView>,
    /// The reports of its health since it last worked, or since it was created.
    pub reports: ReportsView,
    /// The first report since then that it does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<EventView>,
    /// The last report that it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_worked: Option<EventView>,
    /// The last change before the first failure and, if it had worked, since then. Neither reports
    /// and tests nor dependents and the age of secrets count as changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_before: Option<EventView>,
    /// The tests since the first failure, with itself; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestsView>,
    /// When the server tests it next by itself; absent if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_test: Option<NextTestView>,
    /// What uses the connection, up to 50 of them; none for workspaces with which it is shared.
    pub dependents: Vec<DependentName>,
    /// Number of all dependents.
    pub dependents_total: u64,
    /// What to do.
    pub what_to_do: Remedy,
    /// True if there are earlier events that were not looked through, and that the connection
    /// worked is in none of the others. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
}

/// The next test that nobody asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextTestView {
    /// When it is made. One that finds the former still running is left out.
    pub at: String,
    /// The time between two tests, in seconds.
    pub every_seconds: u64,
}

/// An event of a connection, without what it changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// Its id.
    pub event_id: String,
    /// Its stored type name.
    pub r#type: String,
    /// Its log position.
    pub position: u64,
    /// The version that it led to.
    pub version: u64,
    /// When it was recorded.
    pub recorded_at: String,
    /// Who caused it; `undisclosed` to those who may not audit the connection.
    pub actor: String,
    /// Id of the command, for those who may audit the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// Of a report or a test: its reason, without anything of a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of a test: what it found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Of a test: the HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Of a test: how long the provider took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Of a test: the provider's name for the request, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Of `change_before`: the secret fields that got another value, each with its generation then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, u64>,
}

/// Reports of the health of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportsView {
    /// Number of events that reported a health.
    pub count: u64,
    /// When the first of them was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<String>,
    /// When the last of them was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
}

/// Tests of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestsView {
    /// Number of tests.
    pub count: u64,
    /// What the last one found out.
    pub last_outcome: String,
}

/// Something that uses the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DependentName {
    /// Kind of dependent, such as `tool`, `mcp_server` or `gateway`.
    pub kind: String,
    /// Id of the dependent in its own system.
    pub id: String,
    /// Its human-readable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What to do about the state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// What.
    pub code: RemedyCode,
    /// Of `revert`: the version to go back to. What was changed since is undone with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_version: Option<u64>,
}

/// What to do, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemedyCode {
    /// Nothing: it works, or it is erased.
    Nothing,
    /// Go back to the settings and secrets before the failure: they were changed before it.
    Revert,
    /// Give it other secrets: the provider refuses them, or nothing else is known to help.
    RotateSecret,
    /// Test it: it is not known whether it works now.
    Test,
    /// Report whether it works: that is not known, and there is no test for it.
    Report,
    /// Enable it.
    Enable,
    /// Restore it from the archive.
    Restore,
}
