//! Durable commands a second over NATS, against an echo service that does nothing.

use std::sync::Arc;
use std::time::Duration;

use super::IN_FLIGHT;
use crate::failure::Outcome;
use crate::flight::fly;
use crate::ground::Ground;
use crate::row::{Mark, Measured, RowName};
use crate::server::Sender;
use crate::times::per_second;
use crate::{load, output};

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let commands = ground.sizes().commands;
    let server = &mut ground.served().await?.server;
    let (ledger, echo) = (server.sender("create"), server.echo_sender());
    let warm_up = commands / 10;
    send(&echo, "warm", (warm_up, IN_FLIGHT), "warming up echo").await?;
    send(&ledger, "warm", (warm_up, IN_FLIGHT), "warming up").await?;
    server.relayed().await?;
    let all = (commands, IN_FLIGHT);
    let before = send(&echo, "n", all, "echo").await?;
    let ours = per_second(commands, send(&ledger, "n", all, "commands").await?);
    let behind = server.relayed().await?;
    let after = send(&echo, "n", all, "echo").await?;
    let reference = per_second(2 * commands, before + after);
    let note = format!(
        "{commands} creates with one secret, {IN_FLIGHT} in flight on one connection; the relay \
         had caught up {:.1} s after the last reply",
        behind.as_secs_f64()
    );
    let mark = (Mark::AtLeast(0.35), "≥ 0.35");
    let pair = (ours, Some(reference));
    Ok(Measured::new(RowName::NatsCommands, pair, "commands/s", mark, note))
}

/// Sends so many bodies, so many at a time, and returns how long that took.
pub(super) async fn send(
    sender: &Sender,
    prefix: &'static str,
    (count, in_flight): (u64, usize),
    what: &str,
) -> Outcome<Duration> {
    let (sender, bar) = (Arc::new(sender.clone()), output::bar(what, count));
    let moving = bar.clone();
    let work = move |number| {
        let (sender, bar) = (Arc::clone(&sender), moving.clone());
        async move {
            let body = load::create_body(prefix, number);
            sender.send(&format!("{prefix}-{number}"), body).await?;
            bar.inc(1);
            Ok(())
        }
    };
    let time = fly(0..count, in_flight, work).await?;
    bar.finish_and_clear();
    Ok(time)
}
