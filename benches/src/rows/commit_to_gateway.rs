//! From the commit of a command until a gateway sees it, against a NATS round trip.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use ledger_client::{Client, CommandHeaders, ResumePoint, WatchItem, WatchScope};
use ledger_domain::Position;
use tokio::sync::mpsc;

use super::ROUNDS;
use crate::failure::{Failure, Outcome};
use crate::ground::Ground;
use crate::ledger::WORKSPACE;
use crate::load;
use crate::row::{Mark, Measured, RowName};
use crate::server::Server;
use crate::times::Times;

/// How long a notification may take before the row is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// When which position was seen.
type Seen = mpsc::Receiver<(u64, Instant)>;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let samples = ground.sizes().samples;
    let server = &mut ground.served().await?.server;
    let (sender, gateway) = (server.gateway().await?, server.gateway().await?);
    server.relayed().await?;
    let mut seen = watch(&sender, gateway).await?;
    let (mut from_reply, mut from_request) = (Times::new(), Times::new());
    let mut trips = Times::new();
    for round in 0..ROUNDS {
        for number in round * samples / ROUNDS..(round + 1) * samples / ROUNDS {
            let (replied, notified) = one(&sender, &mut seen, number).await?;
            from_reply.add(notified.saturating_sub(replied));
            from_request.add(notified);
        }
        round_trips(server, samples / ROUNDS, &mut trips).await?;
    }
    let trip = trips.p50_ms();
    let ours = from_reply.p50_ms() + trip / 2.0;
    let note = format!(
        "p50 of {samples} creates: {:.3} ms from the reply to the notification (0 when that came \
         first), and half a round trip for the reply's own way; {:.3} ms from sending the command",
        from_reply.p50_ms(),
        from_request.p50_ms()
    );
    let mark = (Mark::AtMost(2.0), "≤ 2 x");
    Ok(Measured::new(RowName::CommitToGateway, (ours, Some(trip)), "ms", mark, note))
}

/// Follows the ledger on a connection of its own, from a first command on that shows it is there.
async fn watch(sender: &Client, gateway: Client) -> Outcome<Seen> {
    let (told, mut seen) = mpsc::channel(1_024);
    let first = create(sender, "g-first").await?;
    let before = ResumePoint::in_any_history(Position::new(first - 1));
    let mut watcher = gateway.watch(WatchScope::Everything, Some(before));
    tokio::spawn(async move {
        while let Some(item) = watcher.next().await {
            let WatchItem::Change(notice) = item else { continue };
            if told.send((notice.position, Instant::now())).await.is_err() {
                return;
            }
        }
    });
    wait_for(&mut seen, first).await?;
    Ok(seen)
}

/// Sends one command; returns how long its reply and its notification took.
async fn one(sender: &Client, seen: &mut Seen, number: u64) -> Outcome<(Duration, Duration)> {
    let slug = load::slug("g", number);
    let started = Instant::now();
    let position = create(sender, &slug).await?;
    let replied = started.elapsed();
    let notified = wait_for(seen, position).await?;
    Ok((replied, notified.saturating_duration_since(started)))
}

async fn create(sender: &Client, slug: &str) -> Outcome<u64> {
    let body = format!(
        r#"{{"slug":"{slug}","provider":"openai","secrets":{{"api_key":"sk-abcdefghijklmnop"}}}}"#
    );
    let about = CommandHeaders::default();
    let accepted = sender.command(WORKSPACE, "create", body.into_bytes(), about).await?;
    Ok(accepted.receipt.position)
}

async fn wait_for(seen: &mut Seen, position: u64) -> Outcome<Instant> {
    loop {
        match tokio::time::timeout(PATIENCE, seen.recv()).await? {
            Some((at, when)) if at == position => return Ok(when),
            Some(_) => {}
            None => return Err(Failure::new("the watcher ended")),
        }
    }
}

/// Adds the times of round trips to the echo service.
pub(super) async fn round_trips(server: &Server, count: u64, trips: &mut Times) -> Outcome<()> {
    let echo = server.echo_sender();
    for number in 0..count {
        let body = load::create_body("g", number);
        let started = Instant::now();
        echo.send("g", body).await?;
        trips.add(started.elapsed());
    }
    Ok(())
}
