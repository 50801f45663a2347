//! Workspaces.

use ledger_contract::queries::{QueryName, workspaces};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Route, Work};

pub(super) fn routes() -> Vec<Route> {
    vec![query!(
        Workspaces at workspaces::WORKSPACES,
        "workspaces",
        &[p::QUERY, p::COMMON],
        &[Answer {
            status: 200,
            about: "The workspaces.",
            content: &[("application/json", Some("WorkspacePage"))],
            headers: &[],
        }]
    )]
}
