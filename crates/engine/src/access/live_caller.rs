//! Callers of long-lived requests, whose rights are checked repeatedly.

use std::time::Duration;

use ledger_domain::principal::{Scope, Subject};

use super::Caller;
use crate::engine::Engine;
use crate::errors::LiveCallerError;

/// The caller of a long-lived request, such as the reader of a feed. A check costs two comparisons
/// as long as no principal changes.
#[derive(Clone, Debug)]
pub struct LiveCaller {
    caller: Caller,
    /// The change count of the directory at the last check.
    seen: Option<u64>,
}

impl LiveCaller {
    /// Starts with an authenticated caller.
    pub fn new(caller: Caller) -> Self {
        Self { caller, seen: None }
    }

    /// Returns the caller as of the last check.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Rejects callers whose credential has expired or been revoked, or who no longer have `scope`
    /// for `subject`. Pass the same scope and subject each time. Returns whether rights may have
    /// changed since the last check.
    ///
    /// The rights of a token do not change before it expires, but it may be blocked.
    pub fn check(
        &mut self,
        engine: &Engine,
        scope: Scope,
        subject: Subject<'_>,
    ) -> Result<bool, LiveCallerError> {
        // Read before the check, so that a later change is noticed at the next one.
        let changes = engine.shared.directory.changes();
        engine.renew(&mut self.caller)?;
        if self.seen == Some(changes) {
            return Ok(false);
        }
        self.caller.require(scope, subject)?;
        self.seen = Some(changes);
        Ok(true)
    }

    /// Returns the time until the credential expires, if it does.
    pub fn ends_in(&self, engine: &Engine) -> Option<Duration> {
        let left = self.caller.ends_at()?.get().saturating_sub(engine.clock().now().get());
        Some(Duration::from_micros(u64::try_from(left).unwrap_or(0)))
    }
}
