//! What this instance knows about the ownership of its names, and what follows from it.

use std::sync::Arc;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::lease::Lease;
use ledger_contract::queries::{EventWindow, LeaseHolder, NatsStatus};
use ledger_contract::subjects::Subjects;
use ledger_engine::{Fence, Identity};
use ledger_guard::{LimitedCounters, LimitedCounts};
use tokio::sync::watch;
use tracing::error;

use super::FencedBy;
use super::ended::Ended;
use super::moment::Moment;

/// What this instance knows, shared by all parts of the bus.
#[derive(Debug)]
pub(crate) struct Ownership {
    prefix: String,
    instance: String,
    identity: Identity,
    state: watch::Sender<State>,
    /// What the service refuses because of rates and lockouts, for the status.
    limited: Arc<LimitedCounters>,
}

/// What is known at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(super) fenced_by: FencedBy,
    pub(super) phase: Phase,
    /// The tenure to which `until` and `is_synchronized` belong: one for each time that the lease
    /// was taken.
    tenure: u64,
    /// When the right from the lease ends, while the lease is held.
    until: Option<Moment>,
    /// Whether the event stream was found to be a copy of the log during this tenure.
    is_synchronized: bool,
    /// Whether the relay found during this tenure that the event stream is not a copy of the log,
    /// so that the lease is to be released.
    is_unsuitable: bool,
    /// The lease when it was last seen.
    seen: Option<Lease>,
    /// Another holder, if one was seen since this instance last held the lease.
    other: Option<Lease>,
    /// Whether requests over NATS are received.
    is_listening: bool,
    /// What differs from the wanted settings of the event stream and its bucket.
    stream_drift: Vec<String>,
    /// The same of the bucket of the lease.
    lease_drift: Vec<String>,
    /// What the event stream held at the last look.
    window: Option<EventWindow>,
    /// Why this instance does not write any more until it is started again.
    ended: Option<Ended>,
}

/// The result of the latest attempt to be the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// No attempt has ended yet.
    #[default]
    Starting,
    /// The lease is held, and the event stream is to be compared with the log.
    Held,
    /// The lease is held, and the event stream is a copy of the log.
    Owner,
    /// Another instance holds the lease.
    Waiting,
    /// The NATS server or its streams do not permit it.
    Refused(Problem),
    /// The NATS server does not respond.
    Unreachable(String),
}

impl Ownership {
    pub(crate) fn new(
        subjects: &Subjects,
        instance: String,
        identity: Identity,
        fenced_by: FencedBy,
    ) -> Self {
        let state = watch::Sender::new(State { fenced_by, ..State::default() });
        let prefix = subjects.prefix().to_owned();
        Self { prefix, instance, identity, state, limited: Arc::default() }
    }

    /// Returns the counters of refusals because of rates and lockouts.
    pub(crate) fn limited(&self) -> Arc<LimitedCounters> {
        Arc::clone(&self.limited)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Records that the lease was taken.
    pub(super) fn taken(&self, lease: Lease, until: Moment) {
        self.state.send_modify(|state| {
            state.end_tenure();
            state.tenure += 1;
            state.phase = Phase::Held;
            state.other = None;
            state.seen = Some(lease);
            state.until = Some(until);
        });
    }

    /// Records that the lease was renewed.
    pub(super) fn renewed(&self, lease: Lease, until: Moment) {
        self.state.send_modify(|state| {
            if !state.is_unsuitable {
                state.phase = if state.is_synchronized { Phase::Owner } else { Phase::Held };
            }
            state.seen = Some(lease);
            state.until = Some(until);
        });
    }

    /// Records that another instance holds the lease.
    pub(super) fn held_by(&self, lease: Lease) {
        self.state.send_modify(|state| {
            state.end_tenure();
            state.phase = Phase::Waiting;
            state.other = Some(lease.clone());
            state.seen = Some(lease);
        });
    }

    /// Records that nobody holds the lease.
    pub(super) fn free(&self) {
        self.state.send_modify(|state| {
            state.end_tenure();
            state.seen = None;
        });
    }

    /// Records why an attempt to take or renew the lease failed. The right from the last renewal
    /// stays as long as it would anyway.
    pub(super) fn failed(&self, problem: &Problem) {
        self.state.send_modify(|state| {
            // An unsuitable stream is still the reason while the server is away.
            let refused = matches!(state.phase, Phase::Refused(_));
            match problem.code {
                Code::NatsUnreachable if refused => {}
                Code::NatsUnreachable => {
                    state.phase = Phase::Unreachable(problem.message.clone());
                }
                _ => state.phase = Phase::Refused(problem.clone()),
            }
        });
    }

    /// Records that the event stream is a copy of the log.
    pub(crate) fn synchronized(&self, tenure: u64) {
        self.state.send_modify(|state| {
            if state.tenure == tenure && state.until.is_some() {
                state.is_synchronized = true;
                state.phase = Phase::Owner;
            }
        });
    }

    /// Records that the event stream is not a copy of the log, or cannot be used. The lease is then
    /// released.
    pub(crate) fn unsuitable(&self, tenure: u64, problem: &Problem) {
        self.state.send_modify(|state| {
            if state.tenure == tenure && state.until.is_some() {
                state.is_synchronized = false;
                state.is_unsuitable = true;
                state.phase = Phase::Refused(problem.clone());
            }
        });
    }

    /// Records that a part of the bus has ended although it was not told to. From now on this
    /// instance does not write.
    pub(crate) fn ended(&self, part: &'static str) {
        error!(part, "a part of the bus has ended unexpectedly; commands are refused");
        self.state.send_modify(|state| {
            state.ended.get_or_insert(Ended::Part(part));
        });
    }

    /// Records that another history of the ledger was begun. From now on this instance does not
    /// write.
    pub(crate) fn history_begun(&self) {
        self.state.send_modify(|state| {
            state.ended.get_or_insert(Ended::History);
        });
    }

    pub(crate) fn is_history_begun(&self) -> bool {
        self.state.borrow().ended == Some(Ended::History)
    }

    /// Waits until another history of the ledger was begun.
    pub(crate) async fn until_history_begun(&self) {
        let mut states = self.subscribe();
        let begun = states.wait_for(|state| state.ended == Some(Ended::History)).await;
        begun.map(drop).expect("this ownership has the sender");
    }

    /// Waits until a part of the bus has ended although it was not told to, and returns its name.
    pub(crate) async fn until_part_ended(&self) -> &'static str {
        let mut states = self.subscribe();
        loop {
            if let Some(Ended::Part(part)) = states.borrow_and_update().ended {
                return part;
            }
            states.changed().await.expect("this ownership has the sender");
        }
    }

    pub(super) fn is_unsuitable(&self) -> bool {
        self.state.borrow().is_unsuitable()
    }

    /// Returns a text that changes when there is something new to log, or `None` while an attempt
    /// to be the owner is running.
    pub(super) fn topic(&self) -> Option<String> {
        let state = self.state.borrow();
        let now = Moment::now();
        let holder = state.other.as_ref().map(|lease| lease.holder.as_str());
        let about = match &state.phase {
            // A failure of the keeper is news when the right has run out.
            _ if state.is_owner(now) => "",
            Phase::Starting | Phase::Held => return None,
            Phase::Refused(problem) => problem.message.as_str(),
            Phase::Owner | Phase::Waiting => holder.unwrap_or_default(),
            // The words for it vary from attempt to attempt.
            Phase::Unreachable(_) => "unreachable",
        };
        let may_write = state.may_write(now);
        Some(format!("{} {may_write} {about}", state.is_owner(now)))
    }

    pub(crate) fn set_listening(&self, is_listening: bool) {
        self.state.send_modify(|state| state.is_listening = is_listening);
    }

    pub(crate) fn set_stream_drift(&self, drift: Vec<String>) {
        self.set_drift(drift, |state| &mut state.stream_drift);
    }

    pub(crate) fn set_window(&self, window: EventWindow) {
        // Nobody waits for it.
        self.state.send_if_modified(|state| {
            state.window = Some(window);
            false
        });
    }

    pub(super) fn set_lease_drift(&self, drift: Vec<String>) {
        self.set_drift(drift, |state| &mut state.lease_drift);
    }

    fn set_drift(&self, drift: Vec<String>, place: impl FnOnce(&mut State) -> &mut Vec<String>) {
        self.state.send_if_modified(|state| {
            let place = place(state);
            let changed = *place != drift;
            *place = drift;
            changed
        });
    }

    /// Returns the tenure in which events may be published now, if any.
    pub(crate) fn tenure(&self) -> Option<u64> {
        self.state.borrow().tenure_at(Moment::now())
    }

    /// Waits for a tenure in which events may be published.
    pub(crate) async fn next_tenure(&self) -> u64 {
        let mut states = self.subscribe();
        let found = states.wait_for(|state| state.tenure_at(Moment::now()).is_some()).await;
        found.map_or(0, |state| state.tenure)
    }

    fn sentence(&self, lease: &Lease) -> String {
        let (prefix, holder) = (&self.prefix, &lease.holder);
        let (ledger, incarnation) = (self.identity.ledger, self.identity.incarnation);
        if lease.ledger != ledger.to_string() {
            let whose = &lease.ledger;
            return format!(
                "the name `{prefix}` on this NATS server belongs to ledger {whose}, held by \
                 {holder}; choose another --prefix or stop {holder}"
            );
        }
        if lease.incarnation != incarnation.to_string() {
            let other = &lease.incarnation;
            return format!(
                "the name `{prefix}` on this NATS server belongs to another history of this \
                 ledger, incarnation {other}, held by {holder}; choose another --prefix or stop \
                 {holder}"
            );
        }
        format!(
            "the name `{prefix}` on this NATS server belongs to another copy of this ledger, held \
             by {holder}; send commands there, or stop {holder}"
        )
    }
}

impl State {
    fn end_tenure(&mut self) {
        self.until = None;
        self.is_synchronized = false;
        self.is_unsuitable = false;
        self.window = None;
    }

    /// Returns whether the lease is to be released, because of [`Ownership::unsuitable`].
    pub(super) fn is_unsuitable(&self) -> bool {
        self.is_unsuitable
    }

    fn tenure_at(&self, now: Moment) -> Option<u64> {
        self.until.filter(|until| *until > now && !self.is_unsuitable).map(|_| self.tenure)
    }

    fn is_owner(&self, now: Moment) -> bool {
        self.ended.is_none() && self.is_synchronized && self.tenure_at(now).is_some()
    }

    /// Returns whether this instance may write.
    fn may_write(&self, now: Moment) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let is_unreachable = matches!(self.phase, Phase::Unreachable(_));
        self.is_owner(now)
            || match self.fenced_by {
                FencedBy::Lease => false,
                FencedBy::LeaseIfReachable => is_unreachable && self.other.is_none(),
                FencedBy::DataDir => self.other.is_none(),
            }
    }

    /// Returns the number of the last tenure.
    pub(crate) fn tenure(&self) -> u64 {
        self.tenure
    }

    /// Returns whether the first attempt to be the owner has ended, and requests over NATS are
    /// received if they are to be.
    pub(crate) fn is_settled(&self) -> bool {
        match self.phase {
            Phase::Starting | Phase::Held => false,
            Phase::Owner => self.is_listening,
            Phase::Refused(_) | Phase::Waiting | Phase::Unreachable(_) => true,
        }
    }
}

impl Fence for Ownership {
    fn refusal(&self) -> Option<String> {
        let state = self.state.borrow();
        if state.may_write(Moment::now()) {
            return None;
        }
        if let Some(ended) = state.ended {
            return Some(ended.sentence());
        }
        let prefix = &self.prefix;
        Some(match (&state.phase, &state.other) {
            (Phase::Refused(Problem { message, .. }), _) => {
                format!("this instance does not own the name `{prefix}` on NATS: {message}")
            }
            (_, Some(lease)) => self.sentence(lease),
            (Phase::Unreachable(reason), None) => format!(
                "the lease of the name `{prefix}` cannot be taken or renewed: {reason}; commands are \
                 accepted again when the NATS server responds"
            ),
            (Phase::Held, None) => format!(
                "the lease of the name `{prefix}` is held, and the event stream is still being \
                 compared with the log"
            ),
            (Phase::Owner, None) => {
                format!("the lease of the name `{prefix}` has run out and is to be renewed")
            }
            (Phase::Starting | Phase::Waiting, None) => {
                format!("the lease of the name `{prefix}` is not taken yet")
            }
        })
    }

    fn status(&self) -> NatsStatus {
        let state = self.state.borrow().clone();
        let holder = state.seen.as_ref().map(|lease| LeaseHolder {
            instance: lease.holder.clone(),
            ledger_id: lease.ledger.clone(),
            incarnation: lease.incarnation.clone(),
            epoch: lease.epoch,
        });
        let LimitedCounts { rate_limited, locked_out } = self.limited.counts();
        NatsStatus {
            prefix: self.prefix.clone(),
            instance: self.instance.clone(),
            owner: state.is_owner(Moment::now()),
            holder,
            refusal: self.refusal(),
            drift: [state.stream_drift, state.lease_drift].concat(),
            window: state.window,
            requests_rate_limited: rate_limited,
            requests_locked_out: locked_out,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use ledger_domain::{Incarnation, LedgerId};

    use super::*;

    const ALL: [FencedBy; 3] = [FencedBy::Lease, FencedBy::LeaseIfReachable, FencedBy::DataDir];

    pub(in crate::lease) fn lease(ledger: LedgerId) -> Lease {
        Lease {
            ledger: ledger.to_string(),
            incarnation: Incarnation::from_bytes([2; 16]).to_string(),
            epoch: 3,
            holder: "them".to_owned(),
            lock: "theirs".to_owned(),
            seconds: 10,
            renewed_at: String::new(),
        }
    }

    pub(in crate::lease) fn own() -> LedgerId {
        LedgerId::from_bytes([1; 16])
    }

    pub(in crate::lease) fn all() -> [Ownership; 3] {
        let incarnation = Incarnation::from_bytes([2; 16]);
        let identity = Identity { ledger: own(), incarnation, epoch: 4 };
        ALL.map(|by| Ownership::new(&Subjects::default(), "us".to_owned(), identity, by))
    }

    /// Returns who accepts commands after these steps.
    fn accepting(steps: impl Fn(&Ownership)) -> Vec<FencedBy> {
        let all = all();
        let accepts = |ownership: &Ownership| {
            steps(ownership);
            ownership.refusal().is_none()
        };
        all.iter().zip(ALL).filter(|(ownership, _)| accepts(ownership)).map(|(_, by)| by).collect()
    }

    pub(in crate::lease) fn later() -> Moment {
        Moment::now() + Duration::from_mins(1)
    }

    pub(in crate::lease) fn unreachable() -> Problem {
        Problem::new(Code::NatsUnreachable)
    }

    #[test]
    fn who_accepts_commands_depends_on_what_fences() {
        use FencedBy::{DataDir, LeaseIfReachable};
        assert_eq!(accepting(|_| {}), [DataDir]);
        assert_eq!(accepting(|own| own.failed(&unreachable())), [LeaseIfReachable, DataDir]);
        assert_eq!(accepting(|us| us.held_by(lease(own()))), []);
        let seen_before = |us: &Ownership| {
            us.held_by(lease(own()));
            us.failed(&unreachable());
        };
        assert_eq!(accepting(seen_before), []);
        assert_eq!(accepting(|us| us.taken(lease(own()), later())), [DataDir]);
        let synchronized = |us: &Ownership| {
            us.taken(lease(own()), later());
            us.synchronized(1);
        };
        assert_eq!(accepting(synchronized), ALL);
        let refused = |us: &Ownership| {
            synchronized(us);
            us.unsuitable(1, &Problem::new(Code::NatsRefused));
        };
        assert_eq!(accepting(refused), [DataDir]);
        let lapsed = |us: &Ownership| {
            synchronized(us);
            us.renewed(lease(own()), Moment::now());
        };
        assert_eq!(accepting(lapsed), [DataDir]);
        let lapsed_in_an_outage = |us: &Ownership| {
            lapsed(us);
            us.failed(&unreachable());
        };
        assert_eq!(accepting(lapsed_in_an_outage), [LeaseIfReachable, DataDir]);
    }

    #[test]
    fn only_an_unsuitable_stream_ends_a_tenure_before_its_time() {
        let refused = Problem::new(Code::NatsRefused);
        for failure in [unreachable(), refused.clone()] {
            for us in all() {
                us.taken(lease(own()), later());
                us.synchronized(1);
                us.failed(&failure);
                assert!(!us.is_unsuitable(), "the lease is kept");
                assert_eq!((us.tenure(), us.refusal()), (Some(1), None));
                us.renewed(lease(own()), later());
                assert!(us.status().owner, "as before");
                us.failed(&failure);
                us.renewed(lease(own()), Moment::now());
                assert_eq!(us.tenure(), None, "it has run out");
            }
        }
        let [us, ..] = all();
        us.taken(lease(own()), later());
        us.unsuitable(1, &refused);
        us.renewed(lease(own()), later());
        assert_eq!((us.is_unsuitable(), us.tenure()), (true, None));
        us.free();
        assert!(!us.is_unsuitable(), "released");
    }

    #[test]
    fn a_stream_of_an_earlier_tenure_makes_nobody_the_owner() {
        let [us, ..] = all();
        us.taken(lease(own()), later());
        us.taken(lease(own()), later());
        us.synchronized(1);
        assert!(us.refusal().is_some_and(|text| text.contains("compared with the log")));
        us.synchronized(2);
        assert_eq!(us.refusal(), None);
    }

    #[test]
    fn a_refusal_names_whose_the_name_is() {
        let [us, ..] = all();
        let told = |lease| {
            us.held_by(lease);
            us.refusal().unwrap_or_default()
        };
        let copy = told(lease(own()));
        assert!(copy.contains("another copy of this ledger, held by them"), "{copy}");
        let other = LedgerId::from_bytes([9; 16]);
        let foreign = told(lease(other));
        assert!(foreign.contains(&format!("belongs to ledger {other}, held by them")), "{foreign}");
        let restored = Incarnation::from_bytes([8; 16]).to_string();
        let history = told(Lease { incarnation: restored.clone(), ..lease(own()) });
        assert!(history.contains(&format!("incarnation {restored}, held by them")), "{history}");
    }
}
