//! Workspaces.

use ledger_contract::errors::Code;
use ledger_contract::queries::{QueryName, workspaces};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Route, Scope, Work};

pub(super) const ROUTES: &[Route] = &[
    query!(
        Workspaces at workspaces::WORKSPACES,
        "workspaces",
        &[p::QUERY, p::COMMON],
        &[Answer {
            status: 200,
            about: "The workspaces.",
            content: &[("application/json", Some("WorkspacePage"))],
            headers: &[],
        }]
    ),
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
