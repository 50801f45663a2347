//! The connection APIs of five products, so that their own clients work against the ledger.
//!
//! Each facade is translation only: requests become the ledger's commands and queries, answers are
//! written in the product's words. Not here: what a command means (`ledger-engine`), which fields
//! a provider has (`ledger-providers`), sockets and limits (`ledger-http`).
//!
//! Read first: [`Facades`], `api.rs` (what a facade is), `request.rs` (a request), `ledger.rs`
//! (commands and questions), then `blaxel`, the smallest of the five.
//!
//! Each product is a `FacadeApi`: a table of routes, from which router and OpenAPI document are
//! made, and a way to express errors. Within a product, `shapes.rs` has the bodies, `show.rs` and
//! `edit.rs` translate, and `handlers.rs` has a function for each operation. `handles.rs`,
//! `masks.rs` and `settings.rs` are shared.
//!
//! # Invariants
//!
//! - A connection that is created at one facade keeps everything that facade stored when another
//!   facade edits it (test: `what_is_made_at_one_door_is_whole_after_an_edit_at_any_other`).
//! - The published clients of all five products work unmodified; the test named here has one
//!   counterpart for each client (test: `blaxels_python_client_does_all_it_can`).
//! - No two facades share a path (test: `no_two_facades_have_a_path_in_common`).
//! - A handle that is made from an id leads to that connection and to no other
//!   (test: `a_made_handle_leads_to_its_id_and_a_slug_to_itself`).
//! - Only the exact mask, sent back, keeps a secret (test: `only_the_exact_mask_is_an_echo`).

mod api;
mod defaults;
mod draft;
mod handles;
mod ledger;
mod masks;
mod openapi;
mod request;
mod settings;

mod blaxel;
mod elevenlabs;
mod pica;
mod portkey;
mod umbraco;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use ledger_http::AppState;
use ledger_providers::{Catalogue, Facade};
use serde_json::Value;

use api::FacadeApi;

/// Every facade, in the order in which they are described.
const FACADES: [&FacadeApi; 5] =
    [&blaxel::API, &pica::API, &umbraco::API, &portkey::API, &elevenlabs::API];

/// The five products' APIs on one ledger. Cheap to clone.
#[derive(Clone)]
pub struct Facades {
    shared: Arc<Shared>,
}

/// What every handler needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Arc<AppState>,
    pub(crate) catalogue: Arc<Catalogue>,
}

impl fmt::Debug for Facades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facades(..)")
    }
}

impl Facades {
    /// Puts the facades before the engine of `desk`. They share its places with the native API.
    pub fn new(state: Arc<AppState>, catalogue: Arc<Catalogue>) -> Self {
        Self { shared: Arc::new(Shared { state, catalogue }) }
    }

    /// Returns the routes of all facades, at their products' own paths.
    pub fn router(&self) -> Router {
        FACADES
            .into_iter()
            .fold(Router::new(), |router, api| router.merge(api.router(&self.shared)))
    }
}

/// Returns the OpenAPI document of each facade.
pub fn openapi_documents() -> impl Iterator<Item = (Facade, Value)> {
    FACADES.into_iter().map(|api| (api.facade, openapi::document(api)))
}
