//! The workspaces of an integration: the ledger's grants.

use std::collections::BTreeSet;

use ledger_contract::commands::SHARING;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::connection::{EventFacts, Grant, GrantScope, Limits};
use ledger_domain::limits::GRANTS;
use ledger_domain::principal::Scope;
use ledger_domain::{
    Command, Connection, EventId, Expected, InvalidField, Rejection, WorkspaceName, advance, decide,
};
use ledger_engine::Effort;
use ledger_http::toolkit::{Body, Json, Path, Refusal, Tagged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::edit::provider_slug;
use super::handlers::named;
use super::ids;
use super::limits::{LimitsIn, LimitsOut};
use super::shapes::{DoneOut, IntegrationPath};
use crate::request::FacadeRequest;

/// Grants to give and to revoke.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateIntegrationWorkspaces")]
pub(super) struct WorkspacesIn {
    /// Workspaces; others stay unchanged.
    workspaces: Option<Vec<WorkspaceIn>>,
    /// Every workspace at once.
    global_workspace_access: Option<AccessIn>,
    /// Whether workspaces that are not named here lose their own entries, so that only a grant to
    /// all workspaces applies to them. Clients call it `override_existing_workspaces_access`.
    #[serde(alias = "override_existing_workspaces_access")]
    override_existing_workspace_access: Option<bool>,
    /// Has no effect.
    #[expect(dead_code, reason = "only its type is checked")]
    create_default_provider: Option<bool>,
    /// Has no effect.
    default_provider_slug: Option<String>,
}

/// A grant to give or to revoke.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "IntegrationWorkspaceInput")]
struct WorkspaceIn {
    /// The workspace.
    id: String,
    /// Whether it may use the integration.
    enabled: bool,
    /// The limits.
    #[serde(flatten)]
    limits: LimitsIn,
    /// Has no effect.
    #[expect(dead_code, reason = "only its type is checked")]
    reset_usage: Option<bool>,
    /// Has no effect.
    #[expect(dead_code, reason = "only its type is checked")]
    create_default_provider: Option<bool>,
    /// Has no effect.
    default_provider_slug: Option<String>,
}

/// A grant to every workspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "GlobalWorkspaceAccessInput")]
struct AccessIn {
    /// Whether every workspace may use the integration.
    enabled: bool,
    /// The limits.
    #[serde(flatten)]
    limits: LimitsIn,
}

/// The workspaces of an integration.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationWorkspaces")]
pub(super) struct WorkspacesOut {
    /// `list`.
    object: &'static str,
    /// Number of entries.
    total: usize,
    /// The integration's own workspace, and those with a grant or a denial.
    workspaces: Vec<WorkspaceOut>,
}

/// A workspace.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationWorkspace")]
struct WorkspaceOut {
    /// Its name.
    id: String,
    /// Whether it may use the integration.
    enabled: bool,
    /// The limits.
    #[serde(flatten)]
    limits: LimitsOut,
}

pub(super) async fn list(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
) -> Result<Tagged<Json<WorkspacesOut>>, Refusal> {
    let connection = named(&request, &path).await?;
    let home = Grant { allowed: true, limits: Limits::default() };
    let granted = connection.access.workspaces.iter();
    let all = [(&connection.workspace, &home)].into_iter().chain(granted);
    let workspaces: Vec<WorkspaceOut> = all.map(|(name, grant)| shown(name, grant)).collect();
    let shown = WorkspacesOut { object: "list", total: workspaces.len(), workspaces };
    Ok(request.tagged(&connection, Json(shown)))
}

fn shown(name: &WorkspaceName, grant: &Grant) -> WorkspaceOut {
    let limits = LimitsOut::of(&grant.limits);
    WorkspaceOut { id: name.as_str().to_owned(), enabled: grant.allowed, limits }
}

pub(super) async fn update(
    request: FacadeRequest,
    Body(body): Body<WorkspacesIn>,
    Path(path): Path<IntegrationPath>,
) -> Result<Tagged<Json<DoneOut>>, Refusal> {
    let connection = named(&request, &path).await?;
    let may = |scope| request.caller.may_with(scope, &connection);
    if !may(Scope::Write) {
        return Err(Problem::new(Code::Forbidden).into());
    }
    if body.workspaces.as_ref().is_some_and(|given| given.len() > GRANTS) {
        let problem = format!("must have at most {GRANTS} entries");
        return Err(InvalidField::new("workspaces", problem).into());
    }
    let Plan { said, left, named } = plan(&request, &connection, body).await?;
    let lets_in = |command: &Command| matches!(command, Command::GrantWorkspace { .. });
    if said.iter().chain(&left).any(lets_in) && !SHARING.iter().all(|scope| may(*scope)) {
        return Err(Problem::new(Code::Forbidden).into());
    }
    all_exist(&request, named).await?;
    rehearse(&connection, said.iter().chain(&left))?;
    for command in said {
        ignore_missing_grant(request.change(connection.id, command).await)?;
    }
    for command in left {
        ignore_missing_grant(request.change_left(connection.id, command).await)?;
    }
    request.compare_version(&connection).await?;
    Ok(request.tagged(&connection, Json(DoneOut {})))
}

/// Treats revoking a missing grant as a success.
fn ignore_missing_grant(changed: Result<(), Refusal>) -> Result<(), Refusal> {
    match changed {
        Err(refusal) if refusal.code() == Code::GrantUnknown => Ok(()),
        changed => changed,
    }
}

/// The commands that result from a body.
#[derive(Debug, Default)]
struct Plan {
    /// Commands about workspaces that the body names.
    said: Vec<Command>,
    /// Commands about other workspaces.
    left: Vec<Command>,
    /// The workspaces that the body names.
    named: Vec<WorkspaceName>,
}

async fn plan(
    request: &FacadeRequest,
    connection: &Connection,
    body: WorkspacesIn,
) -> Result<Plan, Problem> {
    provider_slug(body.default_provider_slug.as_deref())?;
    let mut plan = Plan::default();
    let mut everyone = connection.access.everyone.clone();
    if let Some(access) = body.global_workspace_access {
        let limits = access.limits.over(everyone.as_ref().unwrap_or(&Limits::default()))?;
        everyone = access.enabled.then_some(limits);
        plan.said.push(command(GrantScope::Everyone, everyone.clone()));
    }
    let mut named = BTreeSet::new();
    for given in body.workspaces.unwrap_or_default() {
        provider_slug(given.default_provider_slug.as_deref())?;
        let name = ids::workspace(request, "workspaces.id", &given.id, Some(connection)).await?;
        if !named.insert(name.clone()) {
            return Err(InvalidField::new("workspaces", "must name each one only once").into());
        }
        let is_home = name == connection.workspace;
        let scope = GrantScope::Workspace(name);
        let own = connection.access.limits(&scope);
        let now = own.or(everyone.as_ref()).filter(|_| !is_home).cloned().unwrap_or_default();
        let limits = given.limits.over(&now)?;
        // The integration's own workspace has access unless the body says more about it.
        if !(is_home && given.enabled && limits == Limits::default()) {
            plan.said.push(command(scope, given.enabled.then_some(limits)));
        }
    }
    if body.override_existing_workspace_access.unwrap_or(false) {
        let there = connection.access.workspaces.keys();
        let others = there.filter(|name| !named.contains(*name)).cloned();
        let others = others.map(|name| command(GrantScope::Workspace(name), everyone.clone()));
        plan.left.extend(others);
    }
    plan.named.extend(named);
    Ok(plan)
}

/// Checks that all these workspaces exist, before any command is executed.
///
/// Errors: `workspace_unknown`.
pub(super) async fn all_exist(
    request: &FacadeRequest,
    names: Vec<WorkspaceName>,
) -> Result<(), Problem> {
    match request.read_store(Effort::Lookup, move |engine| engine.missing_workspace(&names)).await?
    {
        None => Ok(()),
        Some(name) => {
            let message = format!("there is no workspace {name}");
            Err(Problem::because(Code::WorkspaceUnknown, message))
        }
    }
}

fn command(scope: GrantScope, limits: Option<Limits>) -> Command {
    match limits {
        Some(limits) => Command::GrantWorkspace { scope, limits },
        None => Command::RevokeWorkspace { scope },
    }
}

/// Checks all commands without executing any, so that none is executed if one would be refused.
pub(super) fn rehearse<'a>(
    connection: &Connection,
    commands: impl Iterator<Item = &'a Command>,
) -> Result<(), Problem> {
    let facts = EventFacts {
        connection: connection.id,
        event_id: EventId::from_bytes([0; 16]),
        version: connection.version,
        position: connection.position,
        recorded_at: connection.updated_at,
        actor: connection.updated_by.clone(),
    };
    let mut state = connection.clone();
    for command in commands {
        match decide(Some(&state), Expected::Any, command.clone()) {
            Ok(event) => advance(&mut state, event, &facts),
            Err(Rejection::NothingToChange | Rejection::GrantUnknown) => {}
            Err(rejection) => return Err(rejection.into()),
        }
    }
    Ok(())
}
