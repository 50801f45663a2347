//! All sessions, in memory: bounded in number, for each person and in total.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Micros;
use ledger_engine::{Caller, Clock};
use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;

use super::random_text;

/// Limits of sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionLimits {
    /// The longest time, used or not.
    pub(crate) lifetime: Duration,
    /// The longest time without a request.
    pub(crate) idle: Duration,
    /// The most sessions of one actor. A further one ends the one that was unused for longest.
    pub(crate) per_actor_max: usize,
    /// The most sessions of all.
    pub(crate) total_max: usize,
    /// The most forms of a session that are remembered as used.
    pub(crate) forms_max: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_hours(8),
            idle: Duration::from_mins(30),
            per_actor_max: 16,
            total_max: 10_000,
            forms_max: 64,
        }
    }
}

/// The name of a session in the table: a digest of what the cookie holds, which is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionId([u8; 32]);

impl SessionId {
    /// Returns the id for the value of a cookie.
    pub(crate) fn of(value: &str) -> Self {
        Self(*blake3::hash(value.as_bytes()).as_bytes())
    }
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Who signed in, with the rights at the last request.
    caller: Mutex<Caller>,
    actor: String,
    /// What every form of the session carries.
    token: String,
    began: Micros,
    used: AtomicI64,
    /// Tells streams that the session has ended.
    over: watch::Sender<bool>,
    /// Forms that can be used once and were, the latest last.
    forms: Mutex<Vec<String>>,
    forms_max: usize,
}

impl Session {
    fn new(caller: Caller, now: Micros, forms_max: usize) -> Self {
        Self {
            actor: caller.actor().as_str().to_owned(),
            caller: Mutex::new(caller),
            token: random_text(),
            began: now,
            used: AtomicI64::new(now.get()),
            over: watch::Sender::new(false),
            forms: Mutex::default(),
            forms_max,
        }
    }

    /// Returns who signed in, with the rights at the last request.
    pub(crate) fn caller(&self) -> Caller {
        self.caller.lock().clone()
    }

    /// Keeps the rights that a request found.
    pub(crate) fn keep(&self, caller: &Caller) {
        *self.caller.lock() = caller.clone();
    }

    /// Returns the token that every form carries.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Returns whether a token is that of the session, in a time that tells nothing of it.
    pub(crate) fn is_token(&self, text: &str) -> bool {
        self.token.as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// Uses a form that can be used once. Returns whether this was the first time.
    pub(crate) fn use_form(&self, id: &str) -> bool {
        let mut forms = self.forms.lock();
        if forms.iter().any(|used| used == id) {
            return false;
        }
        if forms.len() >= self.forms_max {
            forms.remove(0);
        }
        forms.push(id.to_owned());
        true
    }

    /// Waits until the session has ended: somebody ended it, or its time is over.
    pub(crate) async fn ended(self: Arc<Self>, limits: SessionLimits, clock: Clock) {
        let mut over = self.over.subscribe();
        loop {
            let left = self.left(limits, clock.now());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                // The error would mean that the sender is gone, which this keeps.
                _ = over.wait_for(|over| *over) => return,
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Returns how long the session lasts if it is not used; nothing if it is over.
    fn left(&self, limits: SessionLimits, now: Micros) -> Duration {
        let until = |from: i64, span: Duration| {
            let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            u64::try_from(from.saturating_add(span).saturating_sub(now.get())).unwrap_or(0)
        };
        let idle = until(self.used.load(Ordering::Relaxed), limits.idle);
        Duration::from_micros(until(self.began.get(), limits.lifetime).min(idle))
    }
}

/// All sessions of a server.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    limits: SessionLimits,
    all: Mutex<HashMap<SessionId, Arc<Session>>>,
}

impl Sessions {
    pub(crate) fn limits(&self) -> SessionLimits {
        self.limits
    }

    /// Begins a session, and returns what its cookie holds.
    ///
    /// Errors: `busy` if there are as many sessions as there may be.
    pub(crate) fn begin(&self, caller: Caller, now: Micros) -> Result<String, Problem> {
        let value = random_text();
        let session = Arc::new(Session::new(caller, now, self.limits.forms_max));
        let mut all = self.all.lock();
        all.retain(|_, session| !session.left(self.limits, now).is_zero());
        let own = all.iter().filter(|(_, other)| other.actor == session.actor);
        let unused = own.clone().min_by_key(|(_, other)| other.used.load(Ordering::Relaxed));
        let unused = unused.map(|(id, _)| *id);
        if own.count() >= self.limits.per_actor_max
            && let Some(ended) = unused.and_then(|id| all.remove(&id))
        {
            ended.over.send_replace(true);
        }
        if all.len() >= self.limits.total_max {
            return Err(Problem::because(Code::Busy, "the limit on sessions is reached"));
        }
        all.insert(SessionId::of(&value), session);
        Ok(value)
    }

    /// Returns a session that has not ended, and notes that it is used.
    pub(crate) fn find(&self, id: SessionId, now: Micros) -> Option<Arc<Session>> {
        let mut all = self.all.lock();
        let session = Arc::clone(all.get(&id)?);
        if session.left(self.limits, now).is_zero() {
            all.remove(&id);
            session.over.send_replace(true);
            return None;
        }
        session.used.store(now.get(), Ordering::Relaxed);
        Some(session)
    }

    /// Returns a session that has not ended, without using it.
    pub(crate) fn peek(&self, id: SessionId, now: Micros) -> Option<Arc<Session>> {
        let session = self.all.lock().get(&id).map(Arc::clone)?;
        (!session.left(self.limits, now).is_zero()).then_some(session)
    }

    /// Ends a session, and whatever it has open.
    pub(crate) fn end(&self, id: SessionId) {
        if let Some(session) = self.all.lock().remove(&id) {
            session.over.send_replace(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn sessions(limits: SessionLimits) -> Sessions {
        Sessions { limits, all: Mutex::default() }
    }

    fn at(micros: i64) -> Micros {
        Micros::new(micros)
    }

    fn begin(all: &Sessions, who: &str, now: i64) -> SessionId {
        SessionId::of(&all.begin(Caller::system(who), at(now)).unwrap())
    }

    #[test]
    fn a_session_ends_when_it_is_unused_and_at_its_end_however_much_it_is_used() {
        let all = sessions(SessionLimits::default());
        let idle = begin(&all, "user:ada", 0);
        assert!(all.find(idle, at(HOUR / 2 - 1)).is_some());
        assert!(all.find(idle, at(HOUR)).is_none(), "unused for half an hour");
        let busy = begin(&all, "user:ada", 0);
        for quarter in 1..32 {
            assert!(all.find(busy, at(quarter * HOUR / 4)).is_some(), "{quarter}");
        }
        assert!(all.find(busy, at(8 * HOUR)).is_none());
        assert!(all.find(busy, at(0)).is_none(), "it is gone");
    }

    #[test]
    fn looking_at_a_session_does_not_lengthen_it() {
        let all = sessions(SessionLimits::default());
        let session = begin(&all, "user:ada", 0);
        assert!(all.peek(session, at(HOUR / 2 - 1)).is_some());
        assert!(all.peek(session, at(HOUR / 2)).is_none());
    }

    #[test]
    fn a_person_has_so_many_sessions_and_all_have_so_many() {
        let limits = SessionLimits { per_actor_max: 2, total_max: 3, ..SessionLimits::default() };
        let all = sessions(limits);
        let first = begin(&all, "user:ada", 1);
        let second = begin(&all, "user:ada", 2);
        all.find(first, at(3)).unwrap();
        let third = begin(&all, "user:ada", 4);
        assert!(all.find(second, at(5)).is_none(), "the one that was unused for longest");
        assert!(all.find(first, at(5)).is_some() && all.find(third, at(5)).is_some());
        begin(&all, "user:ben", 6);
        let refused = all.begin(Caller::system("user:eve"), at(7)).unwrap_err();
        assert_eq!(refused.code, Code::Busy);
        assert!(all.begin(Caller::system("user:eve"), at(HOUR)).is_ok(), "others have ended");
    }

    #[test]
    fn a_form_is_used_once_and_the_memory_of_that_is_bounded() {
        let session = Session::new(Caller::system("user:ada"), at(0), 2);
        assert!(session.use_form("a") && !session.use_form("a"));
        assert!(session.use_form("b") && session.use_form("c"));
        assert_eq!(session.forms.lock().len(), 2);
        assert!(!session.use_form("c"));
    }

    #[test]
    fn no_two_sessions_have_a_token_in_common_and_only_the_whole_one_fits() {
        let one = Session::new(Caller::system("user:ada"), at(0), 1);
        let other = Session::new(Caller::system("user:ada"), at(0), 1);
        assert_eq!(one.token().len(), 64);
        assert!(one.is_token(one.token()) && !one.is_token(other.token()));
        assert!(!one.is_token("") && !one.is_token(&one.token()[..63]));
    }

    #[tokio::test]
    async fn whoever_waits_for_the_end_of_a_session_is_told() {
        let all = sessions(SessionLimits::default());
        let id = begin(&all, "user:ada", 0);
        let session = all.find(id, at(1)).unwrap();
        let clock = Clock::new(|| Micros::new(2));
        let ended = tokio::spawn(session.ended(all.limits(), clock));
        tokio::task::yield_now().await;
        assert!(!ended.is_finished());
        all.end(id);
        ended.await.unwrap();
    }
}
