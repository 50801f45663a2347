//! Callers who stay: what they may do is looked at again and again.

use std::time::Duration;

use ledger_domain::principal::{Scope, Subject};

use super::Caller;
use crate::engine::Engine;
use crate::errors::{AuthenticateError, LiveCallerError};

/// A caller over time, as the reader of a feed is one. Looking costs two comparisons while no
/// principal changes.
#[derive(Clone, Debug)]
pub struct LiveCaller {
    caller: Caller,
    /// The state of the book at the last look.
    seen: Option<u64>,
}

impl LiveCaller {
    /// Starts with a caller as authentication found it.
    pub fn new(caller: Caller) -> Self {
        Self { caller, seen: None }
    }

    /// Returns the caller as the last look found it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Refuses a caller whose credential has ended meanwhile, or who may not do `scope` to
    /// `subject` any more. Ask about the same each time. Returns whether rights may have changed
    /// since the last look.
    ///
    /// What a token allows does not change before it ends.
    pub fn check(
        &mut self,
        engine: &Engine,
        scope: Scope,
        subject: Subject<'_>,
    ) -> Result<bool, LiveCallerError> {
        let (directory, now) = (&engine.shared.directory, engine.clock().now());
        if self.caller.ends_at().is_some_and(|end| now >= end) {
            return Err(AuthenticateError::Expired.into());
        }
        // Taken before the look: what changes after it is another number.
        let changes = directory.changes();
        if self.seen == Some(changes) {
            return Ok(false);
        }
        if let Some(id) = self.caller.key() {
            self.caller = directory.caller_again(id, now)?;
        }
        self.caller.require(scope, subject)?;
        self.seen = Some(changes);
        Ok(true)
    }

    /// Returns the time until the credential ends, when it has an end.
    pub fn ends_in(&self, engine: &Engine) -> Option<Duration> {
        let left = self.caller.ends_at()?.get().saturating_sub(engine.clock().now().get());
        Some(Duration::from_micros(u64::try_from(left).unwrap_or(0)))
    }
}
