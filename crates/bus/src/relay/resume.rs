//! Determines where the relay continues, from the event stream and the log.

use async_nats::jetstream::Context;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use ledger_contract::errors::Problem;
use ledger_domain::Position;
use ledger_engine::Engine;

use super::message::EVENT_ID;
use crate::connect::{refused, unreachable};

/// Returns the position of the last event in the stream, after checking that the stream has the
/// events of this log and not another's. `last` is the sequence number of its newest message.
///
/// A stream shorter than the outbox mark lost events (a server restarted empty), which are
/// published again. A longer one has events whose acknowledgments never arrived.
pub(super) async fn resume_position(
    jetstream: &Context,
    engine: &Engine,
    stream: &str,
    last: u64,
) -> Result<Position, Problem> {
    let head = engine.head().get();
    if last > head {
        return Err(refused(format!(
            "the stream {stream} ends at {last} and this ledger at {head}: the ledger was \
             restored from an older copy, or the stream was written by another one"
        )));
    }
    if last == 0 {
        return Ok(Position::ZERO);
    }
    let stored = last_message(jetstream, stream, last).await?;
    let event_id = engine.event_id(Position::new(last))?.to_string();
    let header = |name: &str| stored.headers.get(name).map(async_nats::HeaderValue::as_str);
    // Earlier programs had message ids of ledger and position.
    let earlier = format!("{}/{last}", engine.ledger_id());
    let message_id = header("Nats-Msg-Id");
    let same = header(EVENT_ID) == Some(event_id.as_str())
        && (message_id == Some(event_id.as_str()) || message_id == Some(earlier.as_str()));
    if same {
        return Ok(Position::new(last));
    }
    Err(refused(format!(
        "message {last} of the stream {stream} is not the event at that position of this log: \
         another copy of the ledger wrote it"
    )))
}

async fn last_message(
    jetstream: &Context,
    stream: &str,
    last: u64,
) -> Result<StreamMessage, Problem> {
    let silent =
        |_| unreachable(format!("the NATS server did not return information about {stream}"));
    let handle = jetstream.get_stream_no_info(stream).await.map_err(silent)?;
    handle.get_raw_message(last).await.map_err(|error| match error.kind() {
        LastRawMessageErrorKind::NoMessageFound => {
            refused(format!("message {last}, the last of the stream {stream}, was removed from it"))
        }
        _ => unreachable(format!(
            "the NATS server did not return message {last} of {stream}: {error}"
        )),
    })
}
