//! The connection APIs of five products, so that their clients work with the ledger.
//!
//! A facade only translates: requests become the ledger's commands and queries, and answers take
//! the product's format. Not here: what a command means (`ledger-engine`), which fields a provider
//! has (`ledger-providers`), sockets and limits (`ledger-http`).
//!
//! Read first: [`Facades`], `api.rs` (the definition of a facade), `request.rs` (a request),
//! `ledger.rs` (commands and queries), then `blaxel`, the smallest of the five.
//!
//! Each product is a `FacadeApi`: a table of routes, from which the router and the OpenAPI document
//! are generated, and a format of errors. Within a product, `shapes.rs` holds the bodies, `show.rs`
//! and `edit.rs` translate, and `handlers.rs` holds a function for each operation. `handles.rs`,
//! `masks.rs` and `settings.rs` are shared.
//!
//! # Invariants
//!
//! - A connection that is created at one facade keeps everything that facade stored when another
//!   facade edits it (test: `what_is_made_at_one_door_is_whole_after_an_edit_at_any_other`).
//! - The published clients of all five products work unmodified; the test named here has one
//!   counterpart for each client (test: `blaxels_python_client_does_all_it_can`).
//! - No two facades share a path (test: `no_two_facades_have_a_path_in_common`).
//! - A handle that is generated from an id identifies that connection and no other
//!   (test: `a_made_handle_leads_to_its_id_and_a_slug_to_itself`).
//! - Only the exact mask, sent back, keeps a secret (test: `only_the_exact_mask_is_an_echo`).

mod api;
mod defaults;
mod draft;
mod handles;
mod ledger;
mod masks;
mod models;
mod openapi;
mod request;
mod settings;

mod blaxel;
mod elevenlabs;
mod pica;
mod portkey;
mod umbraco;

use std::sync::Arc;

use axum::Router;
use ledger_http::AppState;
use ledger_providers::{Catalogue, Facade};
use serde_json::Value;

use api::{FacadeApi, FacadeServer};

/// Every facade, in the order of the documentation.
const FACADES: [&FacadeApi; 5] =
    [&blaxel::API, &pica::API, &umbraco::API, &portkey::API, &elevenlabs::API];

/// The five products' APIs for one ledger.
#[derive(Debug)]
pub struct Facades {
    state: Arc<AppState>,
    catalogue: Arc<Catalogue>,
}

impl Facades {
    /// Creates the facades. They share the limits of `state` with the native API.
    pub fn new(state: Arc<AppState>, catalogue: Arc<Catalogue>) -> Self {
        Self { state, catalogue }
    }

    /// Returns a router of all facades, at their products' own paths.
    pub fn router(&self) -> Router {
        FACADES.into_iter().fold(Router::new(), |router, api| {
            let (state, catalogue) = (Arc::clone(&self.state), Arc::clone(&self.catalogue));
            router.merge(FacadeServer { api, state, catalogue }.router())
        })
    }
}

/// Returns the OpenAPI document of each facade.
pub fn openapi_documents() -> impl Iterator<Item = (Facade, Value)> {
    FACADES.into_iter().map(|api| (api.facade, openapi::document(api)))
}
