//! Looks at the streams while the relay works: whether they are still there, still as they have to
//! be, and whether the bucket follows.

use ledger_contract::errors::Problem;
use ledger_contract::queries::EventWindow;
use tokio::time::Instant;

use super::{Progress, Relay};
use crate::connect::unreachable;
use crate::topology::{Reach, Streams};

impl Relay {
    /// Detects a stream or bucket that was deleted, lost events or got others, a bucket that lacks
    /// states, and changed settings.
    pub(super) async fn look(&mut self, progress: &mut Progress) -> Result<(), Problem> {
        let streams = self.topology.present(&self.jetstream).await?;
        let end = streams.events.state.last_sequence;
        let (least, most) = (progress.acknowledged.get(), progress.sent.get());
        if !(least..=most).contains(&end) {
            return Err(unreachable(format!(
                "the stream ends at {end}, and not at {least} as acknowledged"
            )));
        }
        progress.pace.reached(streams.reached());
        if self.topology.is_due(&streams) {
            return Err(unreachable(
                "the bucket has everything, so the window can be made smaller",
            ));
        }
        let behind = self.examine(&streams)?;
        self.topology.compare(&streams, behind);
        self.tell(&streams);
        Ok(())
    }

    /// Looks how far the bucket is, which the relay waits for.
    pub(super) async fn follow(&self, progress: &mut Progress) -> Result<(), Problem> {
        if let Some(position) = self.topology.bucket_reached(&self.jetstream).await? {
            progress.pace.reached(position);
        }
        Ok(())
    }

    /// Returns what is wrong with the bucket, if that cannot be mended.
    ///
    /// Errors: `nats_unreachable` if both streams are to be made anew.
    fn examine(&mut self, streams: &Streams) -> Result<Option<String>, Problem> {
        let reach = match self.idle.look(streams, Instant::now()) {
            Reach::Good => self.count(streams)?,
            other => other,
        };
        let reason = match reach {
            Reach::Good => {
                self.was_complete |= streams.reached() >= streams.events.state.last_sequence;
                return Ok(None);
            }
            Reach::Behind(text) => return Ok(Some(text)),
            Reach::Lacking(reason) => reason,
        };
        let limited = self.topology.is_limited(Some(&streams.events), streams.bucket.as_ref());
        // What was lacking in streams that were made for that reason would be lacking again.
        if limited || !self.was_complete {
            return Ok(Some(reason));
        }
        self.lacks = Some(reason.clone());
        Err(unreachable(reason))
    }

    /// Compares the number of states in the bucket with that of connections, if both are of the
    /// same position.
    fn count(&mut self, streams: &Streams) -> Result<Reach, Problem> {
        let last = streams.events.state.last_sequence;
        let head = || self.engine.head().get();
        if !self.topology.keeps_bucket() || streams.reached() < last || head() != last {
            return Ok(Reach::Good);
        }
        let states = streams.bucket.as_ref().map(|bucket| bucket.state.messages);
        if self.counted == Some((last, states.unwrap_or_default())) {
            return Ok(Reach::Good);
        }
        let connections = self.engine.active_connections().map_err(Problem::from)?;
        let Some(connections) = connections.filter(|_| head() == last) else {
            return Ok(Reach::Good);
        };
        let reach = self.idle.count(streams, connections);
        if reach == Reach::Good && states.is_none_or(|states| states >= connections) {
            self.counted = states.map(|states| (last, states));
        }
        Ok(reach)
    }

    /// Says in the status how the streams are.
    pub(super) fn tell(&self, streams: &Streams) {
        let state = &streams.events.state;
        self.ownership.set_stream_drift(self.topology.drift());
        self.ownership.set_window(EventWindow {
            first_position: state.first_sequence.max(1),
            last_position: state.last_sequence,
            bytes: state.bytes,
            bucket_position: streams.bucket.as_ref().map(|_| streams.reached()),
        });
    }
}
