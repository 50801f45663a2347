//! What a new connection is where its maker says nothing: what the catalogue knows of its provider.

use ledger_contract::commands::CreateBody;
use ledger_domain::connection::AuthMethod;

use crate::request::FacadeRequest;

/// Returns the beginnings of a connection to a provider.
pub(crate) fn of(request: &FacadeRequest, provider: String) -> CreateBody {
    let known = request.provider(&provider);
    let auth_method = known.and_then(|known| known.auth_methods.first().copied());
    CreateBody {
        kind: known.map(|known| known.kind.as_str().to_owned()),
        auth_method: auth_method.map(AuthMethod::as_str).map(str::to_owned),
        provider,
        ..CreateBody::default()
    }
}
