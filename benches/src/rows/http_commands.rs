//! Durable commands a second over HTTP, against an echo that does nothing.

use std::time::Duration;

use super::IN_FLIGHT;
use crate::clients::{Clients, clients};
use crate::failure::Outcome;
use crate::ground::{Ground, Served};
use crate::load;
use crate::row::{Mark, Measured, RowName};
use crate::times::per_second;
use crate::wire::Asker;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let commands = ground.sizes().commands;
    let Served { server, echo } = ground.served().await?;
    let (ledger, echo) = (server.asker()?, server.asker_at(echo.http));
    let warm_up = commands / 10;
    send(&echo, "hwarm", warm_up, "warming up echo").await?;
    send(&ledger, "hwarm", warm_up, "warming up").await?;
    server.relayed().await?;
    let before = send(&echo, "h", commands, "echo").await?;
    let ours = send(&ledger, "h", commands, "commands").await?;
    let behind = server.relayed().await?;
    let after = send(&echo, "h", commands, "echo").await?;
    let reference = per_second(2 * commands, before.took + after.took);
    let note = format!(
        "{commands} creates with one secret over {IN_FLIGHT} connections; p50 {:.3} ms, p99 \
         {:.3} ms; echo p50 {:.3} ms; the relay had caught up {:.1} s after the last answer",
        ours.each.p50_ms(),
        ours.each.p99_ms(),
        after.each.p50_ms(),
        Duration::as_secs_f64(&behind)
    );
    let pair = (per_second(commands, ours.took), Some(reference));
    Ok(Measured::new(RowName::HttpCommands, pair, "commands/s", (Mark::Nothing, "-"), note))
}

async fn send(asker: &Asker, prefix: &'static str, count: u64, what: &str) -> Outcome<Clients> {
    let write = move |asker: &Asker, number| {
        let body = load::create_body(prefix, number);
        asker.send("POST", load::CONNECTIONS, &format!("{prefix}-{number}"), &body)
    };
    clients(what, asker, IN_FLIGHT, 0..count, write).await
}
