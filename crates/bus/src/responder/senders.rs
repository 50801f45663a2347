//! Rates and lockouts over NATS, where no request has an address.
//!
//! What a request costs is known before who sent it: opening a sealed one may take a millisecond.
//! So its sender is recognized by what stands in the clear and cannot be guessed by others.
//!
//! - A credential in the clear, wherever it comes from.
//! - For a sealed request, the inbox of the connection to which the answer goes: the subject
//!   without its last token, if that ends with a random name, as those of NATS clients do. The
//!   server checks nobody's reply subject, but only who overhears requests knows those of others.
//!
//! Once a credential was accepted, requests with that mark pay from the rate of its owner. An inbox
//! in which none was accepted for five minutes is recognized only once more, until one is. All
//! others share a rate, however many inboxes they make up. Wrong keys, sealed or in the clear,
//! count only against inboxes where nobody was accepted. So whoever overhears an inbox can use up
//! the rate of its owner, or make an owner that has been silent for long a newcomer, and nothing
//! else.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_nats::Message;
use ledger_contract::subjects::XKEY;
use ledger_engine::{AuthenticateError, Caller};
use ledger_guard::{
    Clock, Digest, Guard, Identity, Limited, LimitedCounters, Mark, Rates, Verdict, Visit,
};
use tracing::debug;

use super::headers;

/// A request counts once, and once more for each so many bytes, because opening it takes as long.
const UNIT_BYTES: usize = 64 * 1024;
/// Fewest characters of a name that others cannot guess; those of NATS clients have 22.
const NAME_CHARS_MIN: usize = 20;
/// Begins the reply subjects of requests from another account, which the server makes up for each.
const OF_ANOTHER_ACCOUNT: &str = "_R_.";

/// Knows the senders of requests.
#[derive(Debug)]
pub(crate) struct Senders {
    guard: Guard<Digest>,
    counters: Arc<LimitedCounters>,
}

/// A request that was admitted.
pub(super) type Admitted = Visit<Digest>;

impl Senders {
    /// Begins with no sender known.
    pub(crate) fn new(rates: Rates, counters: Arc<LimitedCounters>) -> Self {
        Self { guard: Guard::new(rates, &Clock::default()).with_relays(), counters }
    }

    /// Admits or refuses a message by what stands in the clear.
    pub(super) fn admit(&self, message: &Message) -> Result<Admitted, Limited> {
        let inbox = message.reply.as_deref().and_then(inbox_of);
        let source = inbox.map(|inbox| self.guard.digest(&[inbox.as_bytes()]));
        let sealed = message.headers.as_ref().is_some_and(|headers| headers.get(XKEY).is_some());
        let mark = if sealed {
            source.map(Mark::ReplyTo)
        } else {
            // A message with two credentials is refused without checking either.
            let credential = headers::authorization(message.headers.as_ref()).unwrap_or_default();
            let digest = credential.map(|text| self.guard.digest(&[text.as_bytes()]));
            digest.map(Mark::Credential)
        };
        self.counted(self.guard.admit(source, mark, units(message.length)))
    }

    /// Notes that the credential of a message was accepted. A sealed message must be proven fresh
    /// before: who sends somebody's message again is not its sender.
    pub(super) fn accepted(&self, admitted: &Admitted, caller: &Caller) -> Result<(), Limited> {
        self.judged(admitted, Verdict::Good(Identity::new(caller.identity())))
    }

    /// Notes that the credential of a message was refused.
    pub(super) fn refused(
        &self,
        admitted: &Admitted,
        error: AuthenticateError,
    ) -> Result<(), Limited> {
        let verdict = if error.is_guess() { Verdict::Wrong } else { Verdict::NoGuess };
        self.judged(admitted, verdict)
    }

    fn judged(&self, admitted: &Admitted, verdict: Verdict) -> Result<(), Limited> {
        if let Some(time) = self.counted(self.guard.judged(admitted, verdict))? {
            // Inboxes can be made up, so this is no warning.
            debug!(seconds = time.as_secs(), "too many invalid keys to be answered in one inbox");
        }
        Ok(())
    }

    fn counted<T>(&self, result: Result<T, Limited>) -> Result<T, Limited> {
        result.inspect_err(|limited| self.counters.count(*limited))
    }

    /// Frees the memory for senders that have not been seen for a while.
    pub(super) fn shrink(&self) {
        self.guard.shrink();
    }
}

/// Returns the part of a reply subject that is common to all requests of one connection and that
/// others cannot guess, if there is one.
fn inbox_of(reply: &str) -> Option<&str> {
    let (inbox, _) = reply.rsplit_once('.')?;
    let (_, name) = inbox.rsplit_once('.')?;
    let is_own = name.len() >= NAME_CHARS_MIN && !reply.starts_with(OF_ANOTHER_ACCOUNT);
    is_own.then_some(inbox)
}

/// Returns as how many requests a message counts.
fn units(bytes: usize) -> NonZeroU32 {
    let more = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX);
    NonZeroU32::MIN.saturating_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_is_recognized_only_if_nobody_can_guess_it() {
        let name = "PSUe9z0Qd5Zr2ahkQaKmyB";
        let own = |reply: String| inbox_of(&reply).map(str::to_owned);
        let inbox = format!("_INBOX.{name}");
        assert_eq!(own(format!("_INBOX.{name}.1")), Some(inbox.clone()));
        assert_eq!(own(format!("_INBOX.{name}.{name}")), Some(inbox));
        let with_prefix = format!("_INBOX_me.x.{name}");
        assert_eq!(own(format!("{with_prefix}.7")), Some(with_prefix));
        for alike in ["", name, &format!("_INBOX.{name}"), "_INBOX.me.1", "a.b.c.d"] {
            assert_eq!(own(alike.to_owned()), None, "{alike}");
        }
        assert_eq!(own(format!("_R_.{name}.x")), None, "one name for a whole account");
    }

    #[test]
    fn a_megabyte_counts_as_seventeen_requests() {
        for (bytes, expected) in [(0, 1), (65_535, 1), (65_536, 2), (1_048_576, 17)] {
            assert_eq!(units(bytes).get(), expected, "{bytes}");
        }
    }
}
