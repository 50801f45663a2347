//! One command at a time, against the disk's sync and a NATS round trip.

use std::time::Instant;

use super::ROUNDS;
use crate::disk::Disk;
use crate::failure::Outcome;
use crate::ground::Ground;
use crate::load;
use crate::row::{Mark, Measured, RowName};
use crate::times::Times;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let samples = ground.sizes().samples;
    let mut disk = Disk::new(ground.root())?;
    let server = &mut ground.served().await?.server;
    let (ledger, echo) = (server.sender("create"), server.echo_sender());
    let (mut commands, mut trips, mut syncs) = (Times::new(), Times::new(), Times::new());
    for round in 0..ROUNDS {
        for number in round * samples / ROUNDS..(round + 1) * samples / ROUNDS {
            let body = load::create_body("s", number);
            let id = format!("s-{number}");
            let started = Instant::now();
            ledger.send(&id, body).await?;
            commands.add(started.elapsed());
        }
        server.relayed().await?;
        for number in 0..samples / ROUNDS {
            let body = load::create_body("s", number);
            let started = Instant::now();
            echo.send("s", body).await?;
            trips.add(started.elapsed());
        }
        for _ in 0..samples / ROUNDS {
            syncs.add(tokio::task::block_in_place(|| disk.append())?);
        }
    }
    let (trip, sync) = (trips.p50_ms(), syncs.p50_ms());
    let note = format!(
        "p50 of {samples} creates; reference is fdatasync {sync:.3} ms and a NATS round trip \
         {trip:.3} ms; p99 {:.3} ms",
        commands.p99_ms()
    );
    let mark = (Mark::AtMost(1.5), "≤ 1.5 x");
    let pair = (commands.p50_ms(), Some(trip + sync));
    Ok(Measured::new(RowName::SingleCommand, pair, "ms", mark, note))
}
