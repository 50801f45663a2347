//! An admitted request.

use std::sync::Arc;

use axum::http::HeaderMap;
use ledger_contract::queries::{ALL_WORKSPACES, QueryWorkspace};
use ledger_domain::InvalidField;
use ledger_engine::Caller;

use super::routes::WORKSPACE;
use super::state::AppState;
use crate::toolkit::{HasInputs, Inputs, RequestId};

/// An admitted request.
#[derive(Debug)]
pub struct ApiRequest {
    pub(super) state: Arc<AppState>,
    pub(super) caller: Caller,
    pub(super) id: RequestId,
    pub(super) headers: HeaderMap,
    /// The path as sent.
    pub(super) path: String,
    pub(super) inputs: Inputs,
}

impl HasInputs for ApiRequest {
    fn inputs(&self) -> &Inputs {
        &self.inputs
    }
}

impl ApiRequest {
    /// Returns the workspace that path or query names, else all workspaces.
    ///
    /// Errors: `field_invalid`.
    pub(super) fn workspace(&self) -> Result<QueryWorkspace, InvalidField> {
        QueryWorkspace::parse(self.inputs.text(WORKSPACE).unwrap_or(ALL_WORKSPACES))
    }
}
