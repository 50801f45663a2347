//! `handovers`: who handed what over, and what became of it.

use std::collections::BTreeMap;

use ledger_domain::principal::Scope;
use ledger_domain::{
    CheckedText as _, Ended, FieldName, Generation, Handover, HandoverContent, HandoverEnd,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::is_false;
use super::{NoParameters, Query, QuerySpec};
use crate::route::{HttpRoute, Method};
use crate::time;

/// Handovers in one answer, at most.
pub const HANDOVERS_MAX: usize = 1_000;

/// The HTTP route.
pub const HANDOVERS: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/handovers",
    operation_id: "listHandovers",
};

/// The query `handovers`.
#[derive(Clone, Copy, Debug)]
pub struct Handovers;

impl Query for Handovers {
    const SPEC: QuerySpec = QuerySpec {
        name: "handovers",
        summary: "Lists handovers of secrets and API keys, those that can still be used first",
        description: "Those that ended stay for about a day; the history has all of them. There are \
                      at most 1,000 in an answer, the newest first. Those of keys are for who \
                      administers the principal, and belong to the workspaces that its grants \
                      name.",
        scopes: &[Scope::Audit],
        on_ledger: false,
        in_access_check: true,
        routes: &[HANDOVERS],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = HandoversAnswer;
}

/// Answer to `handovers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandoversAnswer {
    /// The handovers.
    pub handovers: Vec<HandoverView>,
    /// True if there are more. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
}

/// A handover, without its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandoverView {
    /// Its id, the second part of its token.
    pub id: String,
    /// Id of the connection, unless it is of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The connection's home workspace; `_ledger` if it is of a key.
    pub workspace: String,
    /// The fields, with the generation of each, unless it is of a key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub generations: BTreeMap<String, u64>,
    /// Id of the API key, if it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The principal of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The only principal that may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<String>,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: String,
    /// From when on it cannot be used.
    pub expires_at: String,
    /// `pending`, `used`, `expired` or `revoked`.
    pub state: String,
    /// When it was used or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Who used or ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

impl HandoverView {
    /// Returns a handover as it is shown.
    pub fn of(handover: &Handover) -> Self {
        let Handover { content, workspace, made_by, made_at, ended, .. } = handover;
        let state = match ended {
            None => "pending",
            Some(Ended { unused: None, .. }) => "used",
            Some(Ended { unused: Some(HandoverEnd::Expired), .. }) => "expired",
            Some(Ended { unused: Some(HandoverEnd::Revoked), .. }) => "revoked",
        };
        let mut view = Self {
            id: handover.id.as_str().to_owned(),
            connection: None,
            workspace: workspace.as_str().to_owned(),
            generations: BTreeMap::new(),
            key: None,
            principal: None,
            receiver: handover.receiver.as_ref().map(|name| name.as_str().to_owned()),
            made_by: made_by.as_str().to_owned(),
            made_at: time::format(*made_at),
            expires_at: time::format(handover.until),
            state: state.to_owned(),
            ended_at: ended.as_ref().map(|ended| time::format(ended.at)),
            ended_by: ended.as_ref().map(|ended| ended.by.as_str().to_owned()),
        };
        match content {
            HandoverContent::Values { connection, generations, .. } => {
                let generation = |(field, number): (&FieldName, &Generation)| {
                    (field.text().to_owned(), number.get())
                };
                view.connection = Some(connection.to_string());
                view.generations = generations.iter().map(generation).collect();
            }
            HandoverContent::Key { principal, key, .. } => {
                view.key = Some(key.as_str().to_owned());
                view.principal = Some(principal.as_str().to_owned());
            }
        }
        view
    }
}
