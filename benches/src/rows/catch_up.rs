//! Events of much-changed connections that wait to be published or read, against a plain JetStream
//! publisher of the same messages.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Message, stream};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use ledger_contract::subjects::Subjects;

use crate::failure::{Failure, Outcome};
use crate::ground::Ground;
use crate::ledger;
use crate::row::{Mark, Measured, RowName};
use crate::server::Server;
use crate::times::per_second;

/// Connections that the events are about.
const CONNECTIONS: u64 = 40;
/// Messages that are published again and again as the reference.
const SAMPLES: usize = 10_000;
/// Messages of the plain publisher that wait for their acknowledgment.
const UNACKNOWLEDGED: usize = 1_024;
const PLAIN: &str = "BENCH_PLAIN";
/// The mark of the end of the log in a feed.
const CAUGHT_UP: &[u8] = b"event: caught_up";

/// Measures how fast a relay works off a backlog.
pub(super) async fn relay(ground: &mut Ground) -> Outcome<Measured> {
    let (server, ours, waiting) = behind(ground).await?;
    let reference = plain(&server, waiting).await?;
    server.stop().await?;
    let note = format!("{waiting} events that wait, of {CONNECTIONS} connections");
    let mark = (Mark::AtLeastAnd(0.5, 50_000.0), "≥ 0.5, ≥ 50,000/s");
    let figures = (ours, Some(reference));
    Ok(Measured::new(RowName::RelayCatchUp, figures, "events/s", mark, note))
}

/// Measures how fast a feed delivers the log from its start.
pub(super) async fn feed(ground: &mut Ground) -> Outcome<Measured> {
    let (mut server, ..) = behind(ground).await?;
    server.relayed().await?;
    let events = ledger::number(&server.query("status", "{}").await?, "position")?;
    let took = follow(&server).await?;
    let reference = plain(&server, events).await?;
    server.stop().await?;
    let note = format!("one reader over HTTP; {events} events of {CONNECTIONS} connections");
    let mark = (Mark::AtLeastAnd(0.5, 50_000.0), "≥ 0.5, ≥ 50,000/s");
    let figures = (per_second(events, took), Some(reference));
    Ok(Measured::new(RowName::FeedCatchUp, figures, "events/s", mark, note))
}

/// Starts a server whose log is ahead of an empty event stream. Returns how many events a second it
/// published, and how many were still waiting when it was first looked at.
async fn behind(ground: &Ground) -> Outcome<(Server, f64, u64)> {
    let folder = backlog(ground).await?;
    let mut server = Server::start(ground.programs(), &folder).await?;
    let status = server.query("status", "{}").await?;
    let started = Instant::now();
    let number = |name| ledger::number(&status, name);
    let waiting = number("position")?.saturating_sub(number("published")?);
    server.relayed().await?;
    Ok((server, per_second(waiting, started.elapsed()), waiting))
}

/// Returns the folder of a ledger with few connections that changed often and were never published.
async fn backlog(ground: &Ground) -> Outcome<PathBuf> {
    let folder = ground.fresh_folder("backlog")?;
    let engine = ledger::open(&folder).await?;
    ledger::fill_connections(&engine, CONNECTIONS).await?;
    ledger::fill_events(&engine, CONNECTIONS, ground.sizes().backlog).await?;
    ledger::close(engine).await?;
    Ok(folder)
}

async fn follow(server: &Server) -> Outcome<Duration> {
    let asker = server.asker()?;
    let request = asker.get("/api/v1/events?after=0", "text/event-stream");
    let mut wire = asker.connect().await?;
    let started = Instant::now();
    wire.open(&request).await?;
    let mut end = Vec::new();
    loop {
        let piece = wire.piece().await?;
        // The mark may be cut in two by the pieces.
        end.extend_from_slice(piece);
        if end.windows(CAUGHT_UP.len()).any(|bytes| bytes == CAUGHT_UP) {
            return Ok(started.elapsed());
        }
        end.drain(..end.len().saturating_sub(CAUGHT_UP.len()));
    }
}

/// Publishes messages like those of the event stream to a stream of its own, each acknowledged.
/// Returns how many a second.
async fn plain(server: &Server, messages: u64) -> Outcome<f64> {
    let samples = samples(&server.nats).await?;
    let context = jetstream::new(server.nats.clone());
    let config = stream::Config {
        name: PLAIN.to_owned(),
        subjects: vec![format!("{PLAIN}.>")],
        ..stream::Config::default()
    };
    context.create_stream(config).await?;
    let started = Instant::now();
    futures::stream::iter(0..messages)
        .map(|number| {
            let index = usize::try_from(number).unwrap_or(0) % samples.len();
            let context = &context;
            let sample = samples.get(index);
            async move {
                let Some(sample) = sample else { return Ok(()) };
                let subject = format!("{PLAIN}.{}", number % CONNECTIONS);
                let (headers, payload) = sample.clone();
                context.publish_with_headers(subject, headers, payload).await?.await?;
                Outcome::Ok(())
            }
        })
        .buffer_unordered(UNACKNOWLEDGED)
        .try_collect::<()>()
        .await?;
    let took = started.elapsed();
    context.delete_stream(PLAIN).await?;
    Ok(per_second(messages, took))
}

/// What a plain publisher sends: the same bytes, without the headers that JetStream checks.
type Sample = (HeaderMap, Bytes);

/// Reads the newest messages of the event stream.
async fn samples(nats: &Client) -> Outcome<Vec<Sample>> {
    let context = jetstream::new(nats.clone());
    let mut events = context.get_stream(Subjects::default().stream_name()).await?;
    let last = events.info().await?.state.last_sequence;
    let start_sequence = last.saturating_sub(u64::try_from(SAMPLES)?).max(1);
    let config = jetstream::consumer::pull::OrderedConfig {
        deliver_policy: jetstream::consumer::DeliverPolicy::ByStartSequence { start_sequence },
        ..Default::default()
    };
    let consumer = events.create_consumer(config).await?;
    let count = usize::try_from(last - start_sequence + 1)?;
    let messages = consumer.messages().await?.take(count);
    let messages: Vec<_> = messages.map_ok(|message| sample(&message)).try_collect().await?;
    if messages.is_empty() {
        return Err(Failure::new("the event stream is empty"));
    }
    Ok(messages)
}

fn sample(message: &Message) -> Sample {
    let mut headers = HeaderMap::new();
    let all = message.headers.iter().flat_map(HeaderMap::iter);
    for (name, values) in all.filter(|(name, _)| !name.to_string().starts_with("Nats-")) {
        for value in values {
            headers.append(name.clone(), value.clone());
        }
    }
    (headers, message.payload.clone())
}
