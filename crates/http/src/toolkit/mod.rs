//! The toolkit of the native API and the facades: typed handlers, routing by method, and responses.
//!
//! A handler is an `async fn` of a request and of arguments extracted from it: [`Body`], [`Path`],
//! [`Query`]. [`Operation`] stores such a handler with its signature. The router and the OpenAPI
//! document both use the signature, so the documented body and answer are those of the handler.
//!
//! Not here: authentication, limits, and the error formats of APIs.

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
