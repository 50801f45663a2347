//! What the handlers of another API on the same listener need: the engine with its places, who
//! asks, bodies with their limits, answers, and the id of a request.

pub use ledger_http_server::answer::{json, of_type, refusal, with};
pub use ledger_http_server::credential;
pub use ledger_http_server::request_id::RequestId;

pub use crate::api::caller::admit;
pub use crate::api::desk::Desk;
pub use crate::api::headers::of_command as command_headers;
