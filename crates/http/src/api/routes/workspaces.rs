//! Workspaces.

use ledger_contract::errors::Code;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Route, Scope, Work};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/api/v1/workspaces",
        id: "listWorkspaces",
        tag: "workspaces",
        summary: "Lists the workspaces in which the key may do something",
        about: "By name. Any key may ask.",
        work: Work::Keyed(Keyed::Query("workspaces")),
        scope: None,
        parameters: &[p::QUERY, p::COMMON],
        body: None,
        answers: &[Answer {
            status: 200,
            about: "The workspaces.",
            content: &[("application/json", Some("WorkspacePage"))],
            headers: &[],
        }],
        refusals: &[r::KEY, r::QUERY],
    },
    Route {
        method: Method::Post,
        path: "/api/v1/workspaces",
        id: "createWorkspace",
        tag: "workspaces",
        summary: "Makes a workspace",
        about: "Over NATS the subject names it; here the body does.",
        work: Work::Keyed(Keyed::Command("create-workspace")),
        scope: Some(Scope::Administer),
        parameters: &[p::COMMAND, p::MAKING, p::COMMON],
        body: Some("NewWorkspaceBody"),
        answers: &[Answer {
            status: 201,
            about: "It is made, or was by the same command before.",
            content: &[("application/json", Some("Receipt"))],
            headers: &["Location", "ETag", "Ledger-Repeated"],
        }],
        refusals: &[r::KEY, r::BODY, r::COMMAND, &[Code::WorkspaceTaken]],
    },
];
