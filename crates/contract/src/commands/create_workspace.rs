//! `create-workspace`.

use ledger_domain::principal::Scope;
use ledger_domain::{WorkspaceCreated, WorkspaceName, limits};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::input::{Checked as _, Input, LineRule, WorkspaceRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `create-workspace`: creates the workspace that the subject names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateWorkspaceBody {
    /// Human-readable name.
    display_name: Option<Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>>,
}

/// `create-workspace` over HTTP, where the body names the workspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkspaceBody {
    /// Name of the workspace, which is also its id: `a-z`, `0-9` and inner hyphens.
    name: Input<WorkspaceRule>,
    /// Human-readable name.
    display_name: Option<Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>>,
}

impl NewWorkspaceBody {
    /// Returns the command and the workspace that it is sent to.
    ///
    /// Errors: `field_invalid`.
    pub fn read(self) -> Result<(WorkspaceName, ParsedCommand), Problem> {
        let workspace = self.name.check("name")?;
        let body = CreateWorkspaceBody { display_name: self.display_name };
        let command = CreateWorkspace::read(&Address::of(workspace.clone()), body)?;
        Ok((workspace, command))
    }
}

/// Creates a workspace.
#[derive(Debug)]
pub(super) enum CreateWorkspace {}

impl VerbDefinition for CreateWorkspace {
    type Body = CreateWorkspaceBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "create-workspace",
        target: Target::NewWorkspace,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces",
            operation_id: "createWorkspace",
        },
        summary: "Create a workspace",
        description: "Over NATS, the subject names it; over HTTP, the body does.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::WorkspaceTaken],
        answer: Answer::Created,
    };

    fn read(address: &Address, body: CreateWorkspaceBody) -> Result<ParsedCommand, Problem> {
        let display_name = body.display_name.check("display_name")?;
        let name = address.workspace.clone();
        Ok(ParsedCommand::CreateWorkspace(WorkspaceCreated { name, display_name }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::CreateWorkspace(created) => Some(to.field("workspace", created)),
            _ => None,
        }
    }
}
