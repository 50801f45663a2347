//! From a rotated secret until the example gateway uses the new one, against getting a secret.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledger_client::{Client, CommandHeaders};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::failure::{Failure, Outcome};
use crate::ground::Ground;
use crate::ledger::WORKSPACE;
use crate::output;
use crate::provider::Provider;
use crate::row::{Mark, Measured, RowName};
use crate::server::Server;
use crate::times::{Times, as_f64};
use crate::wire::Asker;

/// Secrets that are rotated, one after the other.
const ROTATIONS: u64 = 500;
/// Connections over which the gateway is asked all the time.
const LOAD: usize = 8;
/// How long a gateway may take to use a new secret before the row is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The connection that the gateway forwards to.
const CONNECTION: &str = "rotated";
const FIELD: &str = "api_key";

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let program = ground.programs().gateway.clone();
    let server = &mut ground.served().await?.server;
    server.relayed().await?;
    let mut provider = Provider::start().await?;
    provider.allow(key(0));
    let base_url = format!("http://{}", provider.address);
    let body = json!({
        "slug": CONNECTION, "provider": "mock",
        "config": {"base_url": base_url}, "secrets": {FIELD: key(0)},
    });
    server.command(WORKSPACE, "create", &body.to_string()).await?;
    let (_gateway, address) = start(&program, server).await?;
    let load = Load::start(&server.asker_at(address));
    provider.first_use(&key(0), PATIENCE).await?;
    let client = server.gateway().await?;
    let (mut switched, mut revealed) = (Times::new(), Times::new());
    let (bar, started) = (output::bar("rotations", ROTATIONS), Instant::now());
    for number in 1..=ROTATIONS {
        let answered = rotate(&client, &provider, &key(number)).await?;
        let used = provider.first_use(&key(number), PATIENCE).await?;
        switched.add(used.saturating_duration_since(answered));
        let asked = Instant::now();
        client.reveal(WORKSPACE, CONNECTION, &[FIELD], "to measure").await?;
        revealed.add(asked.elapsed());
        bar.inc(1);
    }
    bar.finish_and_clear();
    let took = started.elapsed();
    let (requests, failed, first) = load.stop().await?;
    let refused = provider.refused();
    if failed + refused > 0 {
        let text = format!("{failed} requests failed and {refused} came with a key never given");
        return Err(Failure::new(format!("{text}: {}", first.unwrap_or_default())));
    }
    let note = format!(
        "p50 of {ROTATIONS} rotations, from the answer to rotate-secret to the first request with \
         the new key (0 when that came first); p99 {:.3} ms, {:.3} ms at most; 0 of {requests} \
         requests failed, {:.0}/s over {LOAD} connections; reference is getting a secret over \
         NATS under the same load, p99 {:.3} ms",
        switched.p99_ms(),
        switched.most_ms(),
        as_f64(requests) / took.as_secs_f64(),
        revealed.p99_ms()
    );
    let pair = (switched.p50_ms(), Some(revealed.p50_ms()));
    Ok(Measured::new(RowName::GatewayRotation, pair, "ms", (Mark::Nothing, "-"), note))
}

fn key(number: u64) -> String {
    format!("sk-abcdefghijklmnopqrstuvwxyz-{number:012}")
}

/// Starts the gateway with a key of its own and returns where it answers.
async fn start(program: &std::path::Path, server: &Server) -> Outcome<(Child, SocketAddr)> {
    let principal = json!({
        "principal": "rotation", "kind": "gateway",
        "grants": [{"role": "gateway", "workspaces": [WORKSPACE]}],
    });
    server.command("_ledger", "create-principal", &principal.to_string()).await?;
    let issue = json!({"principal": "rotation"}).to_string();
    let issued: Value =
        serde_json::from_slice(&server.command("_ledger", "issue-key", &issue).await?)?;
    let key = issued.pointer("/api_key/key").and_then(Value::as_str);
    let key = key.ok_or_else(|| Failure::new("no key was issued"))?;
    let shown = program.display();
    let mut gateway = Command::new(program)
        .env("LEDGER_KEY", key)
        .env("LEDGER_NATS_URL", server.client_url())
        .env("LEDGER_XKEY", server.xkey())
        .env("GATEWAY_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Failure::new(format!("cannot start {shown}: {error}")))?;
    let stdout = gateway.stdout.take().ok_or_else(|| Failure::new("the gateway has no output"))?;
    let line = BufReader::new(stdout).lines().next_line().await?.unwrap_or_default();
    let address = line.strip_prefix("ready on http://").and_then(|text| text.parse().ok());
    let address = address.ok_or_else(|| Failure::new("the gateway did not start"))?;
    Ok((gateway, address))
}

/// Rotates the secret to one that the provider takes; returns when that was answered.
async fn rotate(client: &Client, provider: &Provider, key: &str) -> Outcome<Instant> {
    provider.allow(key.to_owned());
    let body = json!({"connection": CONNECTION, "secrets": {FIELD: key}}).to_string();
    let about = CommandHeaders::default();
    client.command(WORKSPACE, "rotate-secret", body.into_bytes(), about).await?;
    Ok(Instant::now())
}

/// Requests to the gateway without a pause.
struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Outcome<()>>>,
}

impl Load {
    fn start(asker: &Asker) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..LOAD).map(|_| {
            let (stop, sent, asker) = (Arc::clone(&stop), Arc::clone(&sent), asker.clone());
            tokio::spawn(async move {
                let request = asker.get(&format!("/{CONNECTION}/v1/models"), "*/*");
                let mut wire = asker.connect().await?;
                while !stop.load(Ordering::Relaxed) {
                    sent.fetch_add(1, Ordering::Relaxed);
                    wire.ask(&request).await?;
                }
                Ok(())
            })
        });
        let tasks = tasks.collect();
        Self { stop, sent, tasks }
    }

    /// Ends it; returns how many requests there were, how many failed, and why the first one did.
    /// A connection asks no more after a failure, so that one counts once.
    async fn stop(self) -> Outcome<(u64, u64, Option<String>)> {
        self.stop.store(true, Ordering::Relaxed);
        let (mut failed, mut first) = (0, None);
        for task in self.tasks {
            if let Err(failure) = task.await? {
                failed += 1;
                first.get_or_insert(failure.to_string());
            }
        }
        Ok((self.sent.load(Ordering::Relaxed), failed, first))
    }
}
