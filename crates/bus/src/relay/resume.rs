//! Determines where the relay continues, from the event stream and the log.

use async_nats::jetstream::Context;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use ledger_contract::errors::Problem;
use ledger_domain::Position;
use ledger_engine::Engine;

use super::message::EVENT_ID;
use crate::connect::unreachable;

/// What a stream is to this log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// A copy of it, up to a position.
    SameUpTo(Position),
    /// A copy of another log, as the text says.
    OfAnother(String),
}

/// A stream of this ledger's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream<'a> {
    pub(super) name: &'a str,
    /// The sequence number of its newest message, also if that has been removed.
    pub(super) last: u64,
    /// Whether it says that it holds this history.
    pub(super) is_marked: bool,
}

/// Compares the last event of the stream with the log.
///
/// A stream shorter than the outbox mark lost events (a server restarted empty), which are
/// published again. A longer one has events whose acknowledgments never arrived. If the last event
/// was too old for the window, it is the history that the stream says it holds that counts.
pub(super) async fn compare(
    jetstream: &Context,
    engine: &Engine,
    stream: Stream<'_>,
) -> Result<Comparison, Problem> {
    let Stream { name, last, is_marked } = stream;
    let head = engine.head().get();
    if last > head {
        return Ok(Comparison::OfAnother(format!(
            "the stream {name} ends at {last} and this ledger at {head}: the ledger was restored \
             from an older copy, or the stream was written by another one"
        )));
    }
    let same = Comparison::SameUpTo(Position::new(last));
    if last == 0 {
        return Ok(same);
    }
    let Some(stored) = last_message(jetstream, name, last).await? else {
        let unknown = format!(
            "message {last}, the last of the stream {name}, was removed from it, and the stream \
             does not say which history it holds"
        );
        return Ok(if is_marked { same } else { Comparison::OfAnother(unknown) });
    };
    let event_id = engine.event_id(Position::new(last))?.to_string();
    if stored.headers.get(EVENT_ID).map(async_nats::HeaderValue::as_str) == Some(event_id.as_str())
    {
        return Ok(same);
    }
    Ok(Comparison::OfAnother(format!(
        "message {last} of the stream {name} is not the event at that position of this log: \
         another copy of the ledger wrote it"
    )))
}

/// Returns a message, or `None` if it has been removed.
async fn last_message(
    jetstream: &Context,
    stream: &str,
    last: u64,
) -> Result<Option<StreamMessage>, Problem> {
    let silent =
        |_| unreachable(format!("the NATS server did not return information about {stream}"));
    let handle = jetstream.get_stream_no_info(stream).await.map_err(silent)?;
    match handle.get_raw_message(last).await {
        Ok(message) => Ok(Some(message)),
        Err(error) => match error.kind() {
            LastRawMessageErrorKind::NoMessageFound => Ok(None),
            _ => Err(unreachable(format!(
                "the NATS server did not return message {last} of {stream}: {error}"
            ))),
        },
    }
}
