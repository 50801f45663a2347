//! Defaults of a new connection, from the catalogue's description of its provider.

use std::collections::BTreeMap;

use ledger_domain::connection::{Access, AuthMethod, Environment, Kind};

use crate::draft::Draft;
use crate::request::FacadeRequest;

/// Returns a draft with the defaults for a provider.
pub(crate) fn of(request: &FacadeRequest, provider: String) -> Draft {
    let known = request.provider(&provider);
    let auth_method = known.and_then(|known| known.auth_methods.first().copied());
    Draft {
        kind: known.map_or(Kind::Api, |known| known.kind),
        auth_method: auth_method.unwrap_or(AuthMethod::ApiKey),
        provider,
        environment: Environment::Live,
        enabled: true,
        slug: None,
        display_name: None,
        description: None,
        config: BTreeMap::new(),
        secrets: BTreeMap::new(),
        referring: BTreeMap::new(),
        secret_references: Vec::new(),
        labels: BTreeMap::new(),
        tags: Vec::new(),
        annotations: BTreeMap::new(),
        identity: None,
        access: Access::default(),
        pricing: None,
    }
}
