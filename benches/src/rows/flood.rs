//! Commands of others beside refusals that one source causes, against the same commands alone.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use ledger_contract::subjects::{AUTHORIZATION, Subjects};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{interval, interval_at};

use super::ROUNDS;
use crate::failure::{Failure, Outcome};
use crate::ground::Ground;
use crate::load;
use crate::row::{Mark, Measured, RowName};
use crate::server::{Sender, Server};
use crate::times::{Times, as_f64};
use crate::wire::{Asker, Wire};

/// Requests a second that are refused.
const REFUSALS_PER_SECOND: u64 = 10_000;
/// How often the next of them are sent.
const TICK: Duration = Duration::from_millis(10);
/// Connections from which they come over HTTP.
const WIRES: u64 = 20;
/// The address from which they come; the commands come from another.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const WRONG_KEY: &str = "sk_live_aaaaaaaaaaaa_wrong";
/// Only the commands have no limit, so that they come one after another.
const LIMITS: [&str; 4] = ["--rate-per-key", "0", "--nats-rate-per-key", "0"];
/// The kinds of entries that a flood leaves in the audit journal.
const KINDS: &str = r#"{"kind":["credential_invalid","credential_lockout","rate_limited"]}"#;

/// What is sent when.
#[derive(Debug, Default)]
struct Flood {
    is_on: AtomicBool,
    is_over: AtomicBool,
    sent: AtomicU64,
}

/// Commands, one after another.
enum Commands {
    Http { asker: Asker, wire: Wire },
    Nats(Sender),
}

/// Measures a flood over HTTP.
pub(super) async fn http(ground: &mut Ground) -> Outcome<Measured> {
    let server = start(ground).await?;
    let asker = server.asker()?;
    let wrong = Asker::new(asker.address, WRONG_KEY.to_owned());
    let flood = Arc::new(Flood::default());
    let mut floods = Vec::new();
    for number in 0..WIRES {
        floods.push(tokio::spawn(over_http(wrong.clone(), number, Arc::clone(&flood))));
    }
    let commands = Commands::Http { wire: asker.connect().await?, asker };
    measure(ground, RowName::FloodHttp, server, commands, &flood, floods).await
}

/// Measures a flood over NATS.
pub(super) async fn nats(ground: &mut Ground) -> Outcome<Measured> {
    let server = start(ground).await?;
    let flood = Arc::new(Flood::default());
    let source = server.login().connect().await?;
    let floods = vec![tokio::spawn(over_nats(source, Arc::clone(&flood)))];
    let commands = Commands::Nats(server.sender("create"));
    measure(ground, RowName::FloodNats, server, commands, &flood, floods).await
}

async fn start(ground: &Ground) -> Outcome<Server> {
    let folder = ground.fresh_folder("flooded")?;
    Server::start_with(ground.programs(), &folder, &LIMITS).await
}

async fn measure(
    ground: &Ground,
    row: RowName,
    server: Server,
    mut commands: Commands,
    flood: &Flood,
    floods: Vec<JoinHandle<Outcome<()>>>,
) -> Outcome<Measured> {
    let part = Duration::from_secs(ground.sizes().flood_seconds) / u32::try_from(ROUNDS)?;
    let (mut number, mut flooded) = (0, Duration::ZERO);
    let (mut alone, mut beside) = (Times::new(), Times::new());
    commands.send_for(part, &mut number, &mut Times::new()).await?;
    for _ in 0..ROUNDS {
        commands.send_for(part, &mut number, &mut alone).await?;
        flood.is_on.store(true, Ordering::Relaxed);
        let started = Instant::now();
        commands.send_for(part, &mut number, &mut beside).await?;
        flood.is_on.store(false, Ordering::Relaxed);
        flooded += started.elapsed();
    }
    flood.is_over.store(true, Ordering::Relaxed);
    for flood in floods {
        flood.await??;
    }
    let sent = flood.sent.load(Ordering::Relaxed);
    let entries = recorded(&server, sent).await?;
    server.stop().await?;
    let note = format!(
        "p99 of commands one at a time beside {:.0} refusals a second for {:.0} s from one source, \
         {sent} in all, of which the audit journal tells exactly in {entries} entries; p50: {:.3} \
         ms against {:.3} ms",
        as_f64(sent) / flooded.as_secs_f64(),
        flooded.as_secs_f64(),
        beside.p50_ms(),
        alone.p50_ms()
    );
    let figures = (beside.p99_ms(), Some(alone.p99_ms()));
    Ok(Measured::new(row, figures, "ms", (Mark::AtMost(1.5), "≤ 1.5 x"), note))
}

impl Commands {
    /// Sends commands one after another for a time.
    async fn send_for(
        &mut self,
        time: Duration,
        number: &mut u64,
        times: &mut Times,
    ) -> Outcome<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            *number += 1;
            let (id, body) = (format!("f-{number}"), load::create_body("f", *number));
            let started = Instant::now();
            match self {
                Self::Http { asker, wire } => {
                    let request = asker.send("POST", load::CONNECTIONS, &id, &body);
                    wire.ask(&request).await?;
                }
                Self::Nats(sender) => drop(sender.send(&id, body).await?),
            }
            times.add(started.elapsed());
        }
        Ok(())
    }
}

/// Sends the share of one of the connections, which take turns.
async fn over_http(asker: Asker, number: u64, flood: Arc<Flood>) -> Outcome<()> {
    let request = asker.get("/api/v1/whoami", "application/json");
    // The server closes a connection without a first request after a while.
    let mut connected = None;
    let turn = Duration::from_secs(1) / u32::try_from(REFUSALS_PER_SECOND)?;
    let first = tokio::time::Instant::now() + turn * u32::try_from(number)?;
    let mut ticks = interval_at(first, turn * u32::try_from(WIRES)?);
    while !flood.is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        if flood.is_on.load(Ordering::Relaxed) {
            let wire = match &mut connected {
                Some(wire) => wire,
                None => connected.insert(asker.connect_from(SOURCE).await?),
            };
            let (status, _) = wire.exchange(&request).await?;
            if !matches!(status, 401 | 429) {
                return Err(Failure::new(format!("a wrong key was answered {status}")));
            }
            flood.sent.fetch_add(1, Ordering::Relaxed);
        } else {
            // What was not sent in a pause is not sent after it.
            ticks.reset();
        }
    }
    Ok(())
}

async fn over_nats(source: async_nats::Client, flood: Arc<Flood>) -> Outcome<()> {
    let each = REFUSALS_PER_SECOND * u64::try_from(TICK.as_millis())? / 1_000;
    let (subject, inbox) = (Subjects::default().query("_all", "whoami"), source.new_inbox());
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {WRONG_KEY}"));
    let mut ticks = interval(TICK);
    while !flood.is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        if !flood.is_on.load(Ordering::Relaxed) {
            ticks.reset();
            continue;
        }
        for _ in 0..each {
            let sent = flood.sent.fetch_add(1, Ordering::Relaxed);
            let (subject, reply) = (subject.clone(), format!("{inbox}.{sent}"));
            let headers = headers.clone();
            let body = "{}".into();
            source.publish_with_reply_and_headers(subject, reply, headers, body).await?;
        }
    }
    source.flush().await?;
    Ok(())
}

/// Waits until the audit journal tells of every refusal, and returns in how many entries.
async fn recorded(server: &Server, sent: u64) -> Outcome<usize> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let page: Value = serde_json::from_slice(&server.query_at("_all", "audit", KINDS).await?)?;
        let entries = page.get("entries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let counted: u64 = entries.iter().filter_map(|entry| entry.get("count")?.as_u64()).sum();
        if counted == sent {
            return Ok(entries.len());
        }
        if counted > sent || Instant::now() > deadline {
            let told = format!("the audit journal tells of {counted} refusals, and {sent} were");
            return Err(Failure::new(told));
        }
        tokio::time::sleep(TICK).await;
    }
}
