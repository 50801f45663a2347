//! The circumstances of a request.

use ledger_contract::commands::{ParsedCommand, Verb};
use ledger_contract::headers::Headers;
use ledger_contract::records::{Provenance, Via};
use ledger_domain::{Expected, Micros, WorkspaceName};
use tracing::Span;

use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::ExecuteError;
use crate::journal::Attempt;

/// The circumstances of a command, assembled where the request arrives by [`Engine::context`].
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The authenticated caller.
    pub caller: Caller,
    /// The state in which the caller expects the stream to be.
    pub expected: Expected,
    /// The time after which the command must not be executed.
    pub deadline: Option<Micros>,
    /// The parts of the request that are recorded with the event.
    pub provenance: Provenance,
    /// Whether the command id is the caller's. Nobody can repeat a command whose id the ledger
    /// made, so it has no receipt.
    pub repeatable: bool,
    /// The place of the request in a trace, as a W3C `traceparent`.
    pub traceparent: Option<Box<str>>,
}

impl RequestContext {
    /// Begins the span of a command.
    pub(crate) fn span(&self, verb: Verb) -> Span {
        let door = self.provenance.via.as_str();
        ledger_spans::command(verb.as_str(), door, self.traceparent.as_deref())
    }

    /// Returns what the audit journal records of a command.
    pub(crate) fn attempt(&self, workspace: &WorkspaceName, command: &ParsedCommand) -> Attempt {
        let Provenance { via, address, .. } = &self.provenance;
        let mut attempt = Attempt::new(*via, command.verb().as_str())
            .from_address(*address)
            .in_workspace(Some(workspace.clone()))
            .on_connection(command.target());
        attempt.by(&self.caller);
        attempt
    }
}

/// Notes on the span of a command what it failed with.
pub(crate) fn note(span: &Span, error: Option<&ExecuteError>) {
    if let (Some(error), false) = (error, span.is_disabled()) {
        ledger_spans::fail(span, error.code().as_str());
    }
}

impl Engine {
    /// Assembles the context of a request that arrived through `via`. Creates a command id if the
    /// request has none.
    pub fn context(&self, caller: Caller, via: Via, headers: Headers) -> RequestContext {
        let Headers { command_id, expected, deadline, correlation_id, causation_id, .. } = headers;
        let Headers { trace_id, traceparent, .. } = headers;
        let repeatable = command_id.is_some();
        let command_id = command_id.unwrap_or_else(|| self.shared.ports.command_id());
        let provenance = Provenance {
            via,
            command_id,
            correlation_id,
            causation_id,
            trace_id,
            key: caller.credential().cloned(),
            address: caller.address(),
        };
        RequestContext { caller, expected, deadline, provenance, repeatable, traceparent }
    }
}
