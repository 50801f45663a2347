//! Commands beside tests of many connections by a schedule, against commands alone.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::IN_FLIGHT;
use super::updates::Updates;
use crate::failure::{Failure, Outcome};
use crate::flight::fly;
use crate::ground::Ground;
use crate::row::{Mark, Measured, RowName};
use crate::server::{NO_RATES, Server};
use crate::times::{Times, as_f64};
use crate::{ledger, load};

/// What the keys begin with that the provider takes.
const KEY: &str = "sk-checked-";
/// How often each connection is tested beside commands.
const ROUNDS: u32 = 2;
/// How long to wait for a round of tests beyond the time that it takes by the schedule.
const PATIENCE: Duration = Duration::from_mins(1);
/// The unit of processor times in `/proc`, which is the same on every Linux.
const TICKS_A_SECOND: f64 = 100.0;
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let connections = ground.sizes().checked;
    let every = Duration::from_secs(ground.sizes().check_seconds);
    let folder = ground.fresh_folder("checked")?;
    let provider = Provider::start().await?;
    let server = Server::start(ground.programs(), &folder).await?;
    create(&server, connections, provider.address).await?;
    let mut alone = Updates::new(&server, connections).await?.alone().await?;
    server.stop().await?;

    let schedule = format!("{}s", every.as_secs());
    let checks = ["--check-every", &schedule, "--allow-check-network", "127.0.0.0/8"];
    let server =
        Server::start_with(ground.programs(), &folder, &[&NO_RATES[..], &checks].concat()).await?;
    // The first results are events; those that follow are not.
    provider.tested(connections, every + PATIENCE).await?;
    let started = (Instant::now(), processor_time(server.pid()?)?);
    tokio::time::sleep(every).await;
    let busy = processor_time(server.pid()?)?.saturating_sub(started.1).as_secs_f64();
    let busy = 100.0 * busy / started.0.elapsed().as_secs_f64();
    let mut beside = Times::new();
    let mut updates = Updates::new(&server, connections).await?;
    updates.send(super::updates::ALONE, &mut Times::new()).await?;
    let end = Instant::now() + every * ROUNDS;
    while Instant::now() < end {
        updates.send(1, &mut beside).await?;
    }
    let (resident, _) = server.resident_mib()?;
    let tested = provider.drift(every)?;
    server.stop().await?;

    let server = Server::start(ground.programs(), &folder).await?;
    alone.join(&Updates::new(&server, connections).await?.alone().await?);
    server.stop().await?;
    let note = format!(
        "p99 of updates one at a time; {connections} connections tested every {} s: {} tests, the \
         time between two of a connection off by {:.1} ms on average at most, and by more than a \
         second for {} of them; {busy:.1} % of a processor for the tests alone; {resident:.0} MiB; \
         p50: {:.3} ms against {:.3} ms",
        every.as_secs(),
        tested.count,
        tested.drift.as_secs_f64() * 1_000.0,
        tested.off,
        beside.p50_ms(),
        alone.p50_ms()
    );
    let figures = (beside.p99_ms(), Some(alone.p99_ms()));
    let mark = (Mark::AtMost(1.3), "≤ 1.3 x");
    Ok(Measured::new(RowName::BesideChecks, figures, "ms", mark, note))
}

/// Creates connections to a provider at an address.
async fn create(server: &Server, connections: u64, provider: SocketAddr) -> Outcome<()> {
    let sender = server.sender("create");
    let send = move |number: u64| {
        let sender = sender.clone();
        let slug = load::slug(ledger::PREFIX, number);
        let body = serde_json::json!({
            "slug": slug, "provider": "openai", "secrets": {"api_key": format!("{KEY}{number}")},
            "config": {"base_url": format!("http://{provider}")},
        });
        async move { sender.send(&slug, body.to_string()).await.map(drop) }
    };
    fly(0..connections, IN_FLIGHT, send).await.map(drop)
}

/// Returns the processor time that a process has taken.
fn processor_time(pid: u32) -> Outcome<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold spaces. User and system time are fields 14 and 15 of all.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = rest.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
    Ok(Duration::from_secs_f64(as_f64(ticks) / TICKS_A_SECOND))
}

/// A provider that takes the keys of all connections, and knows when each came.
#[derive(Debug)]
struct Provider {
    address: SocketAddr,
    heard: Arc<Heard>,
    task: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug, Default)]
struct Heard(Mutex<HashMap<String, Seen>>);

/// When a key came.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Instant,
    last: Instant,
    times: u32,
}

/// What the provider saw of the schedule.
struct Tested {
    count: u64,
    /// How much the time between two tests of a connection differed from the schedule, on average,
    /// for the connection with the largest difference.
    drift: Duration,
    /// For how many it differed by more than a second.
    off: usize,
}

impl Heard {
    fn keys(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider {
    async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let heard = Arc::new(Heard::default());
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&heard));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, heard, task })
    }

    /// Waits until the keys of a number of connections came.
    async fn tested(&self, connections: u64, patience: Duration) -> Outcome<()> {
        let all = usize::try_from(connections)?;
        let deadline = Instant::now() + patience;
        while self.heard.keys().len() < all {
            if Instant::now() > deadline {
                let came = self.heard.keys().len();
                return Err(Failure::new(format!("{came} of {all} connections were tested")));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    fn drift(&self, every: Duration) -> Outcome<Tested> {
        let (mut count, mut drift, mut off) = (0, Duration::ZERO, 0);
        for (key, seen) in &*self.heard.keys() {
            let Some(between @ 1..) = seen.times.checked_sub(1) else {
                return Err(Failure::new(format!("the connection of {key} was tested once")));
            };
            count += u64::from(seen.times);
            let differs = ((seen.last - seen.first) / between).abs_diff(every);
            drift = drift.max(differs);
            off += usize::from(differs > Duration::from_secs(1));
        }
        Ok(Tested { count, drift, off })
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(heard): State<Arc<Heard>>, headers: HeaderMap) -> StatusCode {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(key) = key.and_then(|value| value.strip_prefix("Bearer ")) else {
        return StatusCode::UNAUTHORIZED;
    };
    if !key.starts_with(KEY) {
        return StatusCode::UNAUTHORIZED;
    }
    let now = Instant::now();
    let mut keys = heard.keys();
    let seen = keys.entry(key.to_owned()).or_insert(Seen { first: now, last: now, times: 0 });
    (seen.last, seen.times) = (now, seen.times + 1);
    StatusCode::OK
}
