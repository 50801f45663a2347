//! From the rotation of a leaked secret until a gateway that held it has dropped it, against a NATS
//! round trip.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_client::{Client, CommandHeaders, Mirror, ResumePoint, Secret, Seen};
use serde_json::json;
use tokio::sync::watch;

use super::ROUNDS;
use super::commit_to_gateway::round_trips;
use crate::failure::{Failure, Outcome};
use crate::ground::Ground;
use crate::ledger::WORKSPACE;
use crate::row::{Mark, Measured, RowName};
use crate::times::Times;

/// Rotations for each sample of the other latency rows, as each is followed by a fetch.
const SHARE: u64 = 10;
/// How long a gateway may take before the row is given up.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECTION: &str = "leaked";
const FIELD: &str = "api_key";

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let samples = ground.sizes().samples / SHARE;
    let server = &mut ground.served().await?.server;
    server.relayed().await?;
    let body = json!({"slug": CONNECTION, "provider": "mock", "secrets": {FIELD: value(0)}});
    server.command(WORKSPACE, "create", &body.to_string()).await?;
    let sender = server.gateway().await?;
    let mut gateway = Gateway::start(server.gateway().await?).await?;
    let (mut dropped, mut replaced, mut trips) = (Times::new(), Times::new(), Times::new());
    for round in 0..ROUNDS {
        for number in round * samples / ROUNDS..(round + 1) * samples / ROUNDS {
            let held = gateway.secret().await?;
            let body = json!({
                "connection": CONNECTION, "secrets": {FIELD: value(number + 1)}, "compromised": true,
            });
            let (body, about) = (body.to_string().into_bytes(), CommandHeaders::default());
            sender.command(WORKSPACE, "rotate-secret", body, about).await?;
            let answered = Instant::now();
            dropped.add(gateway.dropped(&held).await?.saturating_duration_since(answered));
            let next = gateway.secret().await?;
            replaced.add(answered.elapsed());
            if next.value() != value(number + 1) {
                return Err(Failure::new("the gateway was given another value"));
            }
        }
        round_trips(server, samples / ROUNDS, &mut trips).await?;
    }
    let trip = trips.p50_ms();
    let ours = dropped.p50_ms() + trip / 2.0;
    let note = format!(
        "p50 of {samples} rotations: {:.3} ms from the reply until the value is dropped (0 when that \
         came first), p99 {:.3} ms, and half a round trip for the reply's own way; {:.3} ms until \
         the gateway holds the next value, p99 {:.3} ms",
        dropped.p50_ms(),
        dropped.p99_ms(),
        replaced.p50_ms(),
        replaced.p99_ms()
    );
    let mark = (Mark::Nothing, "-");
    Ok(Measured::new(RowName::CompromisedRotation, (ours, Some(trip)), "ms", mark, note))
}

fn value(number: u64) -> String {
    format!("sk-abcdefghijklmnopqrstuvwxyz-{number:012}")
}

/// A mirror that is asked for the secret of the connection.
struct Gateway {
    mirror: Mirror,
    points: watch::Receiver<Option<ResumePoint>>,
}

impl Gateway {
    async fn start(client: Client) -> Outcome<Self> {
        let mirror = Mirror::follow(client, WORKSPACE);
        mirror.ready().await?;
        let points = mirror.points();
        Ok(Self { mirror, points })
    }

    fn seen(&self) -> Outcome<Arc<Seen>> {
        self.mirror.connection(CONNECTION).ok_or_else(|| Failure::new("no connection"))
    }

    async fn secret(&self) -> Outcome<Arc<Secret>> {
        Ok(self.mirror.secret(&*self.seen()?, FIELD, "to measure").await?)
    }

    /// Waits until a value is dropped; returns when that was.
    async fn dropped(&mut self, held: &Secret) -> Outcome<Instant> {
        while !held.is_compromised() {
            tokio::time::timeout(PATIENCE, self.points.changed())
                .await?
                .map_err(|_| Failure::new("the mirror ended"))?;
        }
        Ok(Instant::now())
    }
}
