//! Finds where a copy of the ledger begins to follow the stream, by the position at which it ends.

use async_nats::HeaderValue;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Info, Stream};
use ledger_contract::errors::Problem;
use ledger_contract::log_stream::GroupPart;
use ledger_contract::records;
use ledger_domain::Position;

use crate::read::{Checked, Stored};
use crate::stream::MAC;
use crate::{Common, away, differs};

/// What a message says about positions.
#[derive(Clone, Debug)]
struct Place {
    /// The last position that is in the log with this message.
    last: u64,
    /// Whether that is the end of a group, or a term.
    is_whole: bool,
    /// The id of the event there, as far as the message has it.
    event: Option<String>,
}

/// Returns the sequence of the last message of which everything is in this log.
///
/// Errors: `log_differs` if the stream begins later, or has another event where this log ends.
pub(crate) async fn find_place(common: &Common, info: &Info) -> Result<u64, Problem> {
    let (first, end) = (info.state.first_sequence, info.state.last_sequence);
    if info.state.messages == 0 {
        return Ok(end);
    }
    let head = common.engine.head().get();
    let name = &common.stream.log.name;
    let stream = common.jetstream.get_stream_no_info(name).await;
    let stream = stream.map_err(|error| away(format!("no log stream: {error}")))?;
    let begins = place(common, &stream, first).await?;
    if begins.last > head {
        return Err(differs(format!(
            "the stream {name} begins after position {}, and this copy of the ledger ends at \
             position {head}; take a newer copy",
            begins.last
        )));
    }
    // The first message that is beyond this log, by halves: positions never go back.
    let (mut within, mut beyond) = (first, end + 1);
    while within + 1 < beyond {
        let middle = within + (beyond - within) / 2;
        if place(common, &stream, middle).await?.last > head {
            beyond = middle;
        } else {
            within = middle;
        }
    }
    // What has no records is taken over once more, which changes nothing.
    let mut last = within;
    let mut at = place(common, &stream, last).await?;
    while at.event.is_none() && at.last == head {
        if last == first {
            return Ok(first - 1);
        }
        last -= 1;
        at = place(common, &stream, last).await?;
    }
    let own = common.engine.last_event()?.map(|id| id.to_string());
    if at.last != head || !at.is_whole {
        return Err(differs(format!(
            "this copy of the ledger ends at position {head}, within a group of the stream {name} \
             or after its end; take another copy"
        )));
    }
    if at.event.is_some() && at.event != own {
        return Err(differs(format!(
            "the stream {name} has another event at position {head} than this copy of the ledger; \
             take a copy of a node of this cluster"
        )));
    }
    Ok(last)
}

async fn place(common: &Common, stream: &Stream<()>, sequence: u64) -> Result<Place, Problem> {
    let message = message(stream, sequence).await?;
    let part = match stored(&message).check(&common.engine)? {
        Checked::Term(term) => {
            return Ok(Place { last: term.position, is_whole: true, event: None });
        }
        Checked::Part(part) => part,
    };
    if part.part < part.parts {
        // Nothing of a group counts before its last part, which may never have come.
        let begins = self::message(stream, sequence + 1 - u64::from(part.part)).await?;
        let Checked::Part(begins) = stored(&begins).check(&common.engine)? else {
            return Err(differs(format!("message {sequence} of the log stream is out of place")));
        };
        return Ok(Place { last: begins.first - 1, is_whole: false, event: None });
    }
    // A group without records has the position that would be next.
    let last = (part.first + part.records.len() as u64).saturating_sub(1);
    if part.records.is_empty() && part.part > 1 {
        let before = self::message(stream, sequence - 1).await?;
        let Checked::Part(before) = stored(&before).check(&common.engine)? else {
            return Err(differs(format!("message {sequence} of the log stream is out of place")));
        };
        return Ok(Place { last, is_whole: true, event: last_event(&before, last)? });
    }
    Ok(Place { last, is_whole: true, event: last_event(&part, last)? })
}

async fn message(stream: &Stream<()>, sequence: u64) -> Result<StreamMessage, Problem> {
    let message = stream.get_raw_message(sequence).await;
    message.map_err(|error| away(format!("cannot read the log: {error}")))
}

fn stored(message: &StreamMessage) -> Stored<'_> {
    let mac = message.headers.get(MAC).map(HeaderValue::as_str);
    Stored { sequence: message.sequence, mac, body: &message.payload }
}

/// Returns the id of the event in the last record of a part, if it has records.
fn last_event(part: &GroupPart<'_>, position: u64) -> Result<Option<String>, Problem> {
    let Some(record) = part.records.last() else { return Ok(None) };
    let record = records::decode(Position::new(position), record.get().as_bytes());
    let record = record.map_err(|error| differs(format!("the log stream has {error}")))?;
    Ok(Some(record.metadata.event_id.to_string()))
}
