//! The limits of one workspace.

use ledger_contract::commands::SHARING;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::connection::{GrantScope, Limits};
use ledger_domain::principal::Scope;
use ledger_domain::{CheckedText as _, Command, Connection, InvalidField, WorkspaceName};
use ledger_http::toolkit::Refusal;
use serde_json::{Value, json};

use crate::draft::Changes;
use crate::portkey::limits::{LimitsIn, LimitsView};
use crate::portkey::workspaces::{all_exist, rehearse};
use crate::request::FacadeRequest;

/// The annotation that stores the limits of a connection's own workspace, which needs no grant and
/// so has none to hold them.
const OWN: &str = "portkey.limits";

/// A change of an annotation; `None` removes it.
pub(super) type Annotation = (String, Option<Value>);

/// Returns the limits of a workspace.
pub(super) fn of(connection: &Connection, workspace: &WorkspaceName) -> Limits {
    if *workspace == connection.workspace {
        return own(connection).unwrap_or_default();
    }
    let access = &connection.access;
    let granted = access.limits(&GrantScope::Workspace(workspace.clone()));
    granted.or(access.everyone.as_ref()).cloned().unwrap_or_default()
}

/// Returns the limits of the connection's own workspace, unless something else was stored.
fn own(connection: &Connection) -> Option<Limits> {
    let stored = connection.details.annotations.get(OWN)?;
    let stored: LimitsIn = serde_json::from_str(stored.text()).ok()?;
    stored.over(&Limits::default()).ok()
}

/// Returns the annotation that stores the limits of a body for a connection's own workspace, if
/// they differ from the present ones.
///
/// Errors: `field_invalid`.
pub(super) fn annotation(
    current: &Limits,
    limits: LimitsIn,
) -> Result<Option<Annotation>, InvalidField> {
    let new = limits.over(current)?;
    let value = (new != Limits::default()).then(|| json!(LimitsView::of(&new)));
    Ok((new != *current).then(|| (OWN.to_owned(), value)))
}

/// What is to be done for the limits of a workspace.
#[derive(Debug, Default)]
pub(super) struct Plan {
    annotation: Option<Annotation>,
    command: Option<Command>,
}

impl Plan {
    /// Plans what sets the limits of a workspace, and lets it use the connection if it may not yet.
    ///
    /// Errors: those of the command, which is not executed yet.
    pub(super) async fn of(
        request: &FacadeRequest,
        connection: &Connection,
        workspace: &WorkspaceName,
        limits: LimitsIn,
    ) -> Result<Self, Problem> {
        let current = of(connection, workspace);
        if *workspace == connection.workspace {
            let annotation = annotation(&current, limits)?;
            return Ok(Self { annotation, command: None });
        }
        let limits = limits.over(&current)?;
        let scope = GrantScope::Workspace(workspace.clone());
        let (command, needed) = match connection.access.limits(&scope) {
            Some(own) if *own == limits => return Ok(Self::default()),
            Some(_) => (Command::SetLimits { scope, limits }, [Scope::Write].as_slice()),
            None => (Command::GrantWorkspace { scope, limits }, SHARING),
        };
        if !needed.iter().all(|scope| request.caller.may_with(*scope, connection)) {
            return Err(Problem::new(Code::Forbidden));
        }
        all_exist(request, vec![workspace.clone()]).await?;
        rehearse(connection, [&command].into_iter())?;
        Ok(Self { annotation: None, command: Some(command) })
    }

    /// Carries the plan out, together with other changes.
    pub(super) async fn carry_out(
        self,
        request: &FacadeRequest,
        connection: &Connection,
        mut update: Option<Changes>,
    ) -> Result<(), Refusal> {
        if let Some((name, value)) = self.annotation {
            update.get_or_insert_with(Changes::default).annotations.insert(name, value);
        }
        if let Some(update) = update {
            request.update(connection, update).await?;
        }
        if let Some(command) = self.command {
            request.change(connection.id, command).await?;
        }
        request.compare_version(connection).await
    }
}
