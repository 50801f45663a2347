//! The toolkit of the native API and the facades: routes, typed handlers, and responses.
//!
//! An [`HttpApi`] says how requests are admitted and how refusals are worded. A [`Route`] is one
//! entry of its table, from which [`router`] and the OpenAPI document are made. A handler is an
//! `async fn` of an admitted request and of arguments extracted from it: [`Body`], [`Path`],
//! [`Query`]. [`Operation`] stores such a handler with its signature.
//!
//! Not here: authentication, limits, and the error formats of APIs.

mod api;
mod extract;
mod local;
mod operation;
mod parameters;
mod response;
mod router;
mod signature;

pub use api::{HttpApi, Refusal, Route};
pub use extract::{Body, Extract, HasInputs, Inputs, Path, Query, RawBody};
pub use ledger_http_server::answer::{json, of_type, refusal, with};
pub use ledger_http_server::request_id::{RequestId, X_REQUEST_ID};
pub use operation::{Handler, Operation, Pending};
pub use parameters::{ParameterError, Parameters};
pub use response::{Created, Empty, Json, Output, Tagged, Unspecified, Written};
pub use router::router;
pub use signature::{Parameter, Signature};
