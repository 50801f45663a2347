//! Which requests over NATS an instance receives.

use ledger_contract::errors::Code;

use super::FencedBy;
use super::ownership::{Phase, State};

/// Which requests over NATS are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    /// None: another instance answers them, or nobody.
    Nothing,
    /// What the status is, so that an operator learns why nobody answers the others. An instance
    /// whose log the stream is not a copy of may be an older copy, whose answers to other questions
    /// nobody should take for the ledger's.
    Status,
    /// All of them.
    Everything,
}

impl State {
    /// Returns which requests over NATS are to be received, or `None` if that stays as it is.
    ///
    /// Requests are the owner's to answer. An instance that was the owner goes on receiving them
    /// until another is, and says why it refuses commands.
    pub(crate) fn listens(&self) -> Option<Listening> {
        match &self.phase {
            Phase::Starting | Phase::Waiting => Some(Listening::Nothing),
            Phase::Owner => Some(Listening::Everything),
            // Nobody else has requests to answer on a managed server.
            Phase::Refused(_) if self.fenced_by == FencedBy::DataDir => Some(Listening::Everything),
            Phase::Refused(problem) if problem.code == Code::StreamDiffers => {
                Some(Listening::Status)
            }
            Phase::Refused(_) | Phase::Held | Phase::Unreachable(_) => None,
        }
    }

    /// Returns whether the service that was started in `tenure` for these requests is to end.
    pub(crate) fn ends_service_of(&self, tenure: u64, listening: Listening) -> bool {
        match listening {
            Listening::Everything => {
                self.listens() == Some(Listening::Nothing) || self.tenure() != tenure
            }
            Listening::Status | Listening::Nothing => {
                self.listens().is_some_and(|wanted| wanted != listening)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::{Code, Problem};

    use super::*;
    use crate::lease::ownership::tests::{all, later, lease, own, unreachable};

    #[test]
    fn a_service_ends_with_its_tenure_also_if_nobody_else_was_seen() {
        let [us, ..] = all();
        let ends = |tenure| us.subscribe().borrow().ends_service_of(tenure, Listening::Everything);
        us.taken(lease(own()), later());
        us.synchronized(1);
        us.failed(&unreachable());
        us.renewed(lease(own()), later());
        assert!(!ends(1), "after an outage in which nobody wrote the lease");
        us.failed(&unreachable());
        us.taken(lease(own()), later());
        assert!(ends(1));
        us.synchronized(2);
        assert!(ends(1));
        assert!(!ends(2));
    }

    #[test]
    fn an_instance_that_its_stream_refuses_tells_its_status_until_somebody_owns_the_names() {
        let [us, ..] = all();
        let state = || us.subscribe().borrow().clone();
        us.taken(lease(own()), later());
        us.unsuitable(1, &Problem::new(Code::StreamDiffers));
        assert_eq!(state().listens(), Some(Listening::Status));
        assert!(!state().ends_service_of(1, Listening::Everything), "who was the owner goes on");
        us.free();
        us.taken(lease(own()), later());
        assert!(!state().ends_service_of(1, Listening::Status), "it may be refused again");
        us.synchronized(2);
        assert!(state().ends_service_of(1, Listening::Status), "now everything is answered");
        us.held_by(lease(own()));
        assert!(state().ends_service_of(1, Listening::Status), "now another answers");
        us.free();
        us.taken(lease(own()), later());
        us.unsuitable(3, &Problem::new(Code::NatsRefused));
        assert_eq!(state().listens(), None, "the names may be another ledger's");
    }
}
