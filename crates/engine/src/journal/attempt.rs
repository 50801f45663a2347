//! What is known of a request.

use std::net::IpAddr;

use ledger_contract::commands::ConnectionRef;
use ledger_contract::records::Via;
use ledger_domain::{Actor, CheckedText as _, WorkspaceName};

use crate::access::{Caller, Claim};

/// A request as the journal records it. Each door begins one when a request arrives, and adds what
/// it learns. It holds no credential and no text that a caller wrote, except valid names.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub(super) source: Source,
    pub(super) detail: Detail,
}

/// Who sent a request, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) via: Via,
    pub(super) address: Option<IpAddr>,
    pub(super) actor: Option<Actor>,
    pub(super) key: Option<Box<str>>,
}

/// What it was for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Detail {
    pub(super) operation: &'static str,
    pub(super) workspace: Option<WorkspaceName>,
    pub(super) connection: Option<Box<str>>,
}

impl Attempt {
    /// Begins with a request that arrived through `via`. `operation` is the name of the verb, query
    /// or operation; empty if there is none.
    pub fn new(via: Via, operation: &'static str) -> Self {
        let source = Source { via, address: None, actor: None, key: None };
        let detail = Detail { operation, workspace: None, connection: None };
        Self { source, detail }
    }

    /// Begins with a request of a caller.
    pub fn of(caller: &Caller, operation: &'static str) -> Self {
        let mut attempt = Self::new(caller.via(), operation).from_address(caller.address());
        attempt.by(caller);
        attempt
    }

    /// Sets the address from which it came.
    #[must_use]
    pub fn from_address(mut self, address: Option<IpAddr>) -> Self {
        self.source.address = address;
        self
    }

    /// Sets the workspace that it names.
    #[must_use]
    pub fn in_workspace(mut self, workspace: Option<WorkspaceName>) -> Self {
        self.detail.workspace = workspace;
        self
    }

    /// Sets the workspace, once it is known.
    pub fn enters(&mut self, workspace: &WorkspaceName) {
        self.detail.workspace = Some(workspace.clone());
    }

    /// Sets the connection that it names.
    #[must_use]
    pub fn on_connection(mut self, connection: Option<&ConnectionRef>) -> Self {
        self.detail.connection = connection.map(|target| target.canonical().into());
        self
    }

    /// Sets the connection by its id.
    #[must_use]
    pub(crate) fn on_id(mut self, id: Option<&str>) -> Self {
        self.detail.connection = id.map(Into::into);
        self
    }

    /// Sets the caller, once it is known.
    pub fn by(&mut self, caller: &Caller) {
        self.source.actor = Some(caller.actor().clone());
        self.source.key = caller.credential().map(|name| name.text().into());
    }

    /// Sets what a credential that was not accepted claims to be.
    pub fn claims(&mut self, claim: &Claim) {
        self.source.actor.clone_from(&claim.actor);
        self.source.key = claim.key.as_ref().map(|id| id.as_str().into());
    }

    /// Returns how it came in.
    pub fn via(&self) -> Via {
        self.source.via
    }

    /// Returns the address from which it came, if that is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.source.address
    }

    /// Returns the operation.
    pub fn operation(&self) -> &'static str {
        self.detail.operation
    }
}
