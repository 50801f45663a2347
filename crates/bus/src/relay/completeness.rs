//! Whether the bucket has every state, and what follows if it has not.

use ledger_contract::errors::Problem;
use ledger_engine::Engine;
use tokio::time::Instant;

use crate::connect::unreachable;
use crate::topology::{Idle, Reach, Streams, Topology};

/// What is known of whether the bucket is complete.
#[derive(Debug)]
pub(super) struct Completeness {
    /// What the last looks showed.
    idle: Idle,
    /// The position and the number of states of the last count that found none missing.
    counted: Option<(u64, u64)>,
    /// Which states were found missing, so that the bucket is to be made anew.
    lacks: Option<String>,
    /// Whether the bucket was found complete since it was last made anew.
    was_complete: bool,
    /// Which states are missing from a bucket that cannot be made anew, and why it cannot.
    stays: Option<String>,
}

/// What is wrong with a bucket that stays as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) text: String,
    /// How many events it is not waited for, because they will not reach it.
    pub(super) lost: u64,
}

impl Completeness {
    pub(super) fn new() -> Self {
        Self { idle: Idle::default(), counted: None, lacks: None, was_complete: true, stays: None }
    }

    /// Begins anew with a bucket that was made anew.
    pub(super) fn made_anew(&mut self) {
        *self = Self { was_complete: false, ..Self::new() };
    }

    /// Keeps a bucket that lacks states and cannot be made anew, as the text says.
    pub(super) fn stays(&mut self, text: String) {
        self.stays = Some(text);
    }

    /// Returns which states were found missing, if that is to be mended now.
    pub(super) fn take_lacking(&mut self) -> Option<String> {
        self.stays = None;
        self.lacks.take()
    }

    /// Returns what is wrong with the bucket, if that cannot be mended.
    ///
    /// Errors: `nats_unreachable` if both streams are to be made anew.
    pub(super) fn examine(
        &mut self,
        topology: &Topology,
        engine: &Engine,
        streams: &Streams,
    ) -> Result<Option<Flaw>, Problem> {
        let reach = match self.idle.look(streams, Instant::now()) {
            Reach::Good => self.count(topology, engine, streams)?,
            other => other,
        };
        let limited = topology.is_limited(Some(&streams.events), streams.bucket.as_ref());
        match reach {
            Reach::Good => {
                self.was_complete |= streams.reached() >= streams.events.state.last_sequence;
                Ok(self.stays.clone().map(|text| Flaw { text, lost: 0 }))
            }
            // What somebody keeps from the bucket by a limit does not arrive later, either.
            Reach::Behind { text, events } => {
                Ok(Some(Flaw { text, lost: if limited { events } else { 0 } }))
            }
            // What was lacking in streams that were made for that reason would be lacking again.
            Reach::Lacking { text, events }
                if limited || self.stays.is_some() || !self.was_complete =>
            {
                let text = self.stays.clone().unwrap_or(text);
                Ok(Some(Flaw { text, lost: events }))
            }
            Reach::Lacking { text, .. } => {
                self.lacks = Some(text.clone());
                Err(unreachable(text))
            }
        }
    }

    /// Compares the number of states in the bucket with that of connections and workspaces, if both
    /// are of the same position.
    fn count(
        &mut self,
        topology: &Topology,
        engine: &Engine,
        streams: &Streams,
    ) -> Result<Reach, Problem> {
        let last = streams.events.state.last_sequence;
        let head = || engine.head().get();
        if !topology.keeps_bucket() || streams.reached() < last || head() != last {
            return Ok(Reach::Good);
        }
        let states = streams.bucket.as_ref().map(|bucket| bucket.state.messages);
        if self.counted == Some((last, states.unwrap_or_default())) {
            return Ok(Reach::Good);
        }
        let lasting = engine.lasting_states().map_err(Problem::from)?;
        let Some(lasting) = lasting.filter(|_| head() == last) else {
            return Ok(Reach::Good);
        };
        let reach = self.idle.count(streams, lasting);
        if reach == Reach::Good && states.is_none_or(|states| states >= lasting) {
            self.counted = states.map(|states| (last, states));
        }
        Ok(reach)
    }
}
