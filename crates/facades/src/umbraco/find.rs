//! Finding the connection that a path names, and its provider.

use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Connection, InvalidField};
use ledger_providers::Provider;

use super::shapes::ConnectionOut;
use super::show;
use crate::handles;
use crate::request::FacadeRequest;

/// Returns the connection that the path names: by id if it is a GUID, else by alias. An invalid
/// alias names no connection.
pub(super) async fn named(request: &FacadeRequest, text: &str) -> Result<Connection, Problem> {
    let target = handles::target("idOrAlias", text);
    let unknown = |_: InvalidField| Problem::new(Code::ConnectionUnknown);
    request.find(target.map_err(unknown)?).await
}

/// Returns the description of a connection's provider.
pub(super) fn of<'a>(request: &'a FacadeRequest, connection: &Connection) -> Option<&'a Provider> {
    request.provider(connection.details.provider.as_str())
}

/// Returns a connection in answers.
pub(super) fn shown(request: &FacadeRequest, connection: &Connection) -> ConnectionOut {
    show::connection(connection, of(request, connection))
}
