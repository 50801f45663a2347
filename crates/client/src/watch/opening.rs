//! Opens the event stream where a watcher stands, after making sure that what the stream has next
//! is what comes next.
//!
//! The stream is opened at the last event delivered, which is delivered again. If it is the same
//! event of the same history, nothing was missed. The stream is a window on the newest events, and
//! it is made anew after a restore, so the event may be missing or another one.

use async_nats::jetstream::consumer::DeliverPolicy;
use ledger_contract::ResumePoint;
use ledger_domain::{EventId, Incarnation};

use super::notice::{Notice, is_same};
use super::reached::Reached;
use super::reader::Reader;
use super::restart::Restart;
use super::{WatchScope, ledger, reader};
use crate::connect::Client;

/// What was found where a watcher stands.
pub(super) enum Opened {
    /// What comes next is read from here.
    Continues(Box<Reader>),
    /// The stream was behind for a moment, so look again.
    Again,
    /// The watcher starts anew.
    Restart(Restart),
}

/// Opens the event stream. Fills in the history of `reached` if only the ledger knows it.
///
/// Errors: in words, if it cannot be said yet what comes next.
pub(super) async fn open(
    client: &Client,
    scope: &WatchScope,
    reached: &mut Reached,
) -> Result<Opened, String> {
    match reached.event {
        Some(event) => open_at(client, scope, reached, event).await,
        None => open_after(client, scope, reached).await,
    }
}

/// Opens the stream at an event that was delivered.
async fn open_at(
    client: &Client,
    scope: &WatchScope,
    reached: &mut Reached,
    event: EventId,
) -> Result<Opened, String> {
    let position = reached.position();
    let policy = DeliverPolicy::ByStartSequence { start_sequence: position };
    let mut reader = reader::events(client, scope, policy).await?;
    if reader.start == position + 1 {
        // Everything up to the event left the stream, and nothing that follows it.
        return open_after(client, scope, reached).await;
    }
    if reader.start > position {
        return missed(client, scope, reached).await;
    }
    if reader.outstanding == 0 {
        if reader::end(client, scope).await? < position {
            return behind(client, scope, reached).await;
        }
        // It arrived meanwhile, or the event there is not one of the scope.
        reader = reader::events(client, scope, policy).await?;
    }
    if reader.outstanding == 0 {
        return missed(client, scope, reached).await;
    }
    let Some(found) = Notice::read(reader.arrival().await?.message) else {
        return missed(client, scope, reached).await;
    };
    if !found.is_of(reached.point.incarnation) {
        return other_history(client, scope, reached, found.incarnation).await;
    }
    match (found.position == position, found.event_id() == Some(event)) {
        (true, true) => Ok(Opened::Continues(Box::new(reader))),
        // A copy of the ledger that shares the name of its history wrote another event.
        (true, false) => Ok(Opened::Restart(Restart::HistoryChanged { now: found.incarnation })),
        (false, _) => missed(client, scope, reached).await,
    }
}

/// Opens the stream after a position at which no event of the scope needs to be.
async fn open_after(
    client: &Client,
    scope: &WatchScope,
    reached: &mut Reached,
) -> Result<Opened, String> {
    match compared_with_log(client, scope, reached).await {
        Some(Ok(end)) => reached.point.incarnation = end.incarnation,
        Some(Err(restart)) => return Ok(Opened::Restart(restart)),
        None => {}
    }
    let start_sequence = reached.position() + 1;
    let policy = DeliverPolicy::ByStartSequence { start_sequence };
    let reader = reader::events(client, scope, policy).await?;
    if reader.start > start_sequence {
        return missed(client, scope, reached).await;
    }
    // A message that follows shows that the stream is not behind, and names its history itself.
    if reader.outstanding == 0 {
        if reader::end(client, scope).await? < reached.position() {
            return behind(client, scope, reached).await;
        }
        let newest = reader::newest(client, scope).await?;
        let own = reached.point.incarnation;
        if let Some(newest) = newest.filter(|newest| !newest.is_of(own)) {
            return other_history(client, scope, reached, newest.incarnation).await;
        }
    }
    Ok(Opened::Continues(Box::new(reader)))
}

/// Asks the ledger whether its log has the point. Returns the end of the log or why to start anew,
/// or `None` if it does not say.
async fn compared_with_log(
    client: &Client,
    scope: &WatchScope,
    reached: &Reached,
) -> Option<Result<ResumePoint, Restart>> {
    let end = ledger::end(client, scope).await?.point;
    let checked = reached.point.check(end);
    Some(checked.map(|_| end).map_err(|refusal| Restart::at_end(refusal.code, end)))
}

/// Decides about events that are not in the stream: they left it, or are of another history.
pub(super) async fn missed(
    client: &Client,
    scope: &WatchScope,
    reached: &Reached,
) -> Result<Opened, String> {
    if let Some(Err(restart)) = compared_with_log(client, scope, reached).await {
        return Ok(Opened::Restart(restart));
    }
    Ok(Opened::Restart(Restart::EventsMissed { after: reached.position() }))
}

/// Decides about a stream that ends before the position: it is being filled, with the same history
/// or with another one.
async fn behind(client: &Client, scope: &WatchScope, reached: &Reached) -> Result<Opened, String> {
    match compared_with_log(client, scope, reached).await {
        Some(Ok(_)) => {}
        Some(Err(restart)) => return Ok(Opened::Restart(restart)),
        None => {
            let newest = reader::newest(client, scope).await?;
            let own = reached.point.incarnation;
            if let Some(newest) = newest.filter(|newest| !newest.is_of(own)) {
                return Ok(Opened::Restart(Restart::HistoryChanged { now: newest.incarnation }));
            }
        }
    }
    let position = reached.position();
    let end = reader::end_from(client, scope, position).await?;
    if end >= position {
        return Ok(Opened::Again);
    }
    Err(format!(
        "the event stream ends at {end}, before position {position}, and has to be filled again"
    ))
}

/// Decides about events of another history: the ledger says which one it has.
///
/// Errors: in words, if the ledger has that of the watcher, so that the stream has to be made anew.
pub(super) async fn other_history(
    client: &Client,
    scope: &WatchScope,
    reached: &Reached,
    found: Option<Incarnation>,
) -> Result<Opened, String> {
    let own = reached.point.incarnation;
    match ledger::end(client, scope).await {
        Some(end) if is_same(end.point.incarnation, own) => Err(
            "the event stream has the events of another history than the ledger, and has to be \
             made anew"
                .to_owned(),
        ),
        _ => Ok(Opened::Restart(Restart::HistoryChanged { now: found })),
    }
}
