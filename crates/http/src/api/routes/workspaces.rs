//! Workspaces.

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Route, Work};

pub(super) fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::Get,
        path: "/api/v1/workspaces",
        id: "listWorkspaces",
        tag: "workspaces",
        summary: "Lists the workspaces in which the key may do something",
        about: "By name. Any key may ask.".to_owned(),
        work: Work::Keyed(Keyed::Query("workspaces")),
        scope: None,
        parameters: &[p::QUERY, p::COMMON],
        body: None,
        body_may_be_absent: false,
        answers: &[Answer {
            status: 200,
            about: "The workspaces.",
            content: &[("application/json", Some("WorkspacePage"))],
            headers: &[],
        }],
        refusals: vec![r::KEY, r::QUERY],
    }]
}
