//! Ids of organisations and workspaces.

use ledger_contract::errors::Problem;
use ledger_domain::{Connection, LedgerId, WorkspaceName};
use ledger_engine::Effort;
use uuid::Uuid;

use crate::request::FacadeRequest;

/// The UUID namespace of organisations.
const ORGANISATIONS: Uuid = Uuid::from_u128(0x4f0c_2b9e_71d3_4a86_9a55_0d6e_c3b7_f218);

/// Returns the id of the only organisation, which is the ledger: a version 5 UUID of the ledger's
/// id.
pub(super) fn organisation(ledger: LedgerId) -> String {
    Uuid::new_v5(&ORGANISATIONS, &ledger.to_bytes()).to_string()
}

/// Resolves a workspace's id: its name, or the UUID derived from it, if the caller may see that
/// workspace. The grants of `connection` are searched, too.
///
/// Errors: `field_invalid` for `field`.
pub(super) async fn workspace(
    request: &FacadeRequest,
    field: &str,
    text: &str,
    connection: Option<&Connection>,
) -> Result<WorkspaceName, Problem> {
    let name = WorkspaceName::parse(field, text);
    let Ok(id) = Uuid::try_parse(text) else { return Ok(name?) };
    let granted = connection.into_iter().flat_map(|found| found.access.workspaces.keys());
    let home = connection.map(|found| &found.workspace);
    let mut near = granted.chain(home).chain([&request.workspace]);
    if let Some(found) = near.find(|name| is(name, id)) {
        return Ok(found.clone());
    }
    match request
        .query(Effort::Scan, move |reader| reader.find_workspace(|name| is(name, id)))
        .await?
    {
        Some(found) => Ok(found),
        // A name may look like a UUID.
        None => Ok(name?),
    }
}

fn is(name: &WorkspaceName, id: Uuid) -> bool {
    name.stream_id() == id.into_bytes()
}
