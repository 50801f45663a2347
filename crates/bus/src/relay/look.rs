//! Looks at the streams while the relay works: whether they are still there, still as they have to
//! be, and whether the bucket follows. The relay goes on while the server answers.

use std::fmt;
use std::pin::Pin;

use ledger_contract::errors::Problem;
use ledger_contract::queries::EventWindow;

use super::{Progress, Relay};
use crate::connect::unreachable;
use crate::topology::Streams;

/// A look for which the server was asked.
pub(super) struct Look {
    streams: Pin<Box<dyn Future<Output = Result<Streams, Problem>> + Send>>,
    /// The last position that was acknowledged before.
    acknowledged: u64,
}

/// What a look showed.
pub(super) struct Looked {
    streams: Streams,
    acknowledged: u64,
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("acknowledged", &self.acknowledged).finish_non_exhaustive()
    }
}

/// Waits for the answer to a look, or forever without one. Cancel-safe.
pub(super) async fn looked(look: &mut Option<Look>) -> Result<Looked, Problem> {
    let Some(Look { streams, acknowledged }) = look else { return std::future::pending().await };
    let (streams, acknowledged) = (streams.as_mut().await, *acknowledged);
    *look = None;
    Ok(Looked { streams: streams?, acknowledged })
}

impl Relay {
    /// Begins a look.
    pub(super) fn look(&self, progress: &Progress) -> Look {
        let (topology, jetstream) = (self.topology.clone(), self.jetstream.clone());
        let streams = Box::pin(async move { topology.present(&jetstream).await });
        Look { streams, acknowledged: progress.acknowledged.get() }
    }

    /// Detects a stream or bucket that was deleted, lost events or got others, a bucket that lacks
    /// states, and changed settings.
    pub(super) fn consider(
        &mut self,
        progress: &mut Progress,
        looked: Looked,
    ) -> Result<(), Problem> {
        let Looked { streams, acknowledged: least } = looked;
        let (end, most) = (streams.events.state.last_sequence, progress.sent.get());
        if !(least..=most).contains(&end) {
            return Err(unreachable(format!(
                "the stream ends at {end}, and not at {least} as acknowledged"
            )));
        }
        if self.topology.is_due(&streams) {
            return Err(unreachable("the window can now be made as it is to be"));
        }
        let flaw = self.completeness.examine(&self.topology, &self.engine, &streams)?;
        progress.pace.reached(streams.reached(), flaw.as_ref().map_or(0, |flaw| flaw.lost));
        self.topology.compare(&streams, flaw.map(|flaw| flaw.text));
        self.tell(&streams);
        Ok(())
    }

    /// Looks how far the bucket is, which the relay waits for.
    pub(super) async fn follow(&self, progress: &mut Progress) -> Result<(), Problem> {
        if let Some(position) = self.topology.bucket_reached(&self.jetstream).await? {
            progress.pace.nearer(position);
        }
        Ok(())
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
