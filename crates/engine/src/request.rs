//! What is known of a request besides what it asks for.

use ledger_contract::headers::Headers;
use ledger_contract::records::{Provenance, Via};
use ledger_domain::{Expected, Micros};

use crate::access::Caller;
use crate::engine::Engine;

/// The circumstances of a command: made once, where the request arrives. [`Engine::context`] makes
/// one.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks, as authentication found.
    pub caller: Caller,
    /// The state that the caller expects the stream to be in.
    pub expected: Expected,
    /// The time after which the command must not run.
    pub deadline: Option<Micros>,
    /// What the record will keep of the request.
    pub provenance: Provenance,
}

impl Engine {
    /// Puts together what is known of a request that came in through `via`. A command whose caller
    /// gave no id gets one here.
    pub fn context(&self, caller: Caller, via: Via, headers: Headers) -> RequestContext {
        let Headers { command_id, expected, deadline, correlation_id, causation_id, trace_id } =
            headers;
        let command_id = command_id.unwrap_or_else(|| self.shared.ports.command_id());
        let provenance = Provenance { via, command_id, correlation_id, causation_id, trace_id };
        RequestContext { caller, expected, deadline, provenance }
    }
}
