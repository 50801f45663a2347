//! What every HTTP API of the ledger is built with, the native one and the products' alike: typed
//! handlers, routes on their methods, request ids and responses.
//!
//! A handler is an `async fn` of a request and of what it takes from it: [`Body`], [`Path`],
//! [`Query`]. [`Operation`] keeps such a handler with its signature, which both the router and the
//! OpenAPI document follow, so a route cannot promise another body or answer than its handler has.
//!
//! Not here: authentication, limits, and what an API says when it refuses.

mod extract;
mod operation;
mod parameters;
mod query;
mod response;
mod router;

pub use extract::{Body, Extract, Path, Query, RequestParts};
pub use ledger_http_server::answer::{json, of_type, refusal, with};
pub use ledger_http_server::request_id::{RequestId, X_REQUEST_ID};
pub use operation::{Handler, Operation, Parameter, Signature};
pub use query::pairs;
pub use response::{Created, Empty, Json, Output, Unspecified};
pub use router::{allow, router};
