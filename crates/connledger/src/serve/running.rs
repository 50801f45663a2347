//! Starting and stopping the parts beside the engine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_alerts::{Delivery, DeliveryOptions};
use ledger_backup::{Serving, ServingOptions};
use ledger_bus::{
    Bus, BusOptions, CheckpointStream, Connection, MANAGED_INBOX_PREFIX, ManagedServer, check,
    connect, public_url,
};
use ledger_checkpoints::Publisher;
use ledger_cluster::Cluster;
use ledger_console::{Console, ConsoleOptions};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use ledger_domain::Micros;
use ledger_engine::{Engine, Poison};
use ledger_facades::Facades;
use ledger_http::{Api, ApiOptions};
use ledger_http_server::Listener;
use ledger_providers::Catalogue;
use ledger_tokens::{Prepared, SignIn, Tokens};
use tokio::signal::unix::{Signal, SignalKind};

use super::cluster::{ClusterArgs, InnerRoutes};
use super::http::PreparedHttp;
use super::nats::{self, Choice};
use super::reload::Reloading;
use super::{ServeArgs, absolute, alerts, backup, check_start, log, metrics, room, tokens};
use crate::clock;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::server_file::ServerFile;
use crate::signals::{Signals, listen_for};

/// The timeout of one check of the NATS server; a failed check is logged and repeated.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// How long the announcement of the ledger's addresses waits for the lease.
const SETTLE_PATIENCE: Duration = Duration::from_secs(5);

/// How often the server looks whether a write has failed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Why the server was stopped in order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stopped {
    /// Somebody asked for it.
    BySignal,
    /// The disk was full, and there is room now. Stopping began at this time.
    ForRoom { since: Micros },
    /// Another history of the ledger was begun, which the next run opens.
    ForHistory,
}

/// The parts that are to run beside the engine.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) subjects: Subjects,
    pub(super) nats: Choice,
    pub(super) http: Option<PreparedHttp>,
    pub(super) metrics: Option<ledger_http_server::Prepared>,
    pub(super) tokens: Option<Prepared>,
    pub(super) providers: Arc<Catalogue>,
    pub(super) backups: Option<ServingOptions>,
    pub(super) alerts: DeliveryOptions,
    /// What is read again at SIGHUP.
    pub(super) reloading: Option<Reloading>,
}

/// The parts that run beside the engine.
#[derive(Default)]
struct Parts {
    /// Keeps the issuer's keys up to date while it exists.
    tokens: Option<Tokens>,
    server: Option<ManagedServer>,
    bus: Option<Bus>,
    cluster: Option<Cluster>,
    /// Answers requests of other nodes.
    inner: Option<InnerRoutes>,
    http: Option<(Api, Listener)>,
    /// Serves metrics alone.
    metrics: Option<Listener>,
    backups: Option<Serving>,
    /// Sends alerts while it exists.
    alerts: Option<Delivery>,
    /// Publishes checkpoints of the log while it exists.
    checkpoints: Option<Publisher>,
}

impl Parts {
    /// Stops the parts that accept work before the parts that do it.
    async fn stop(self) {
        if let Some(alerts) = self.alerts {
            alerts.shutdown().await;
        }
        if let Some(checkpoints) = self.checkpoints {
            checkpoints.shutdown().await;
        }
        // A backup that was asked for over HTTP or NATS ends before they wait for its answer.
        if let Some(backups) = self.backups {
            backups.shutdown().await;
        }
        if let Some((api, listener)) = self.http {
            // Feeds end first: they never end by themselves, and the listener waits for complete
            // answers.
            api.stop_feeds();
            listener.shutdown().await;
            api.shutdown().await;
        }
        if let Some(listener) = self.metrics {
            listener.shutdown().await;
        }
        if let Some(inner) = self.inner {
            inner.shutdown().await;
        }
        if let Some(bus) = self.bus {
            bus.shutdown().await;
        }
        if let Some(cluster) = self.cluster {
            cluster.shutdown().await;
        }
        if let Some(server) = self.server {
            server.shutdown().await;
        }
        drop(self.tokens);
    }
}

/// Serves until a stop signal, then stops the parts in order.
pub(super) async fn until_stopped(
    common: &Common,
    args: &ServeArgs,
    folder: &Path,
    plan: Plan,
    engine: &Engine,
    signals: &mut Signals,
) -> Result<Stopped, Failure> {
    let started = Instant::now();
    let mut parts = Parts::default();
    let done = tokio::select! {
        done = serve(common, args, folder, plan, engine, &mut parts) => done,
        name = signals.wait() => {
            tracing::info!(signal = name, "stopping");
            Ok(Stopped::BySignal)
        }
        done = until_broken(engine, started, || check_start(common, args, folder)) => done,
    };
    parts.stop().await;
    done
}

/// Waits until a write has failed and opening the ledger again may help. After a full disk it helps
/// once there is room, so until then the server goes on and answers what needs no write.
async fn until_broken(
    engine: &Engine,
    started: Instant,
    check: impl Fn() -> Result<(), Failure>,
) -> Result<Stopped, Failure> {
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    loop {
        looks.tick().await;
        match engine.poisoned_by() {
            None => {}
            Some(Poison::DiskFull) => {
                room::until_there_is_room(engine, started, check).await?;
                return Ok(Stopped::ForRoom { since: clock::now() });
            }
            Some(Poison::Fault) => return Err(Problem::new(Code::LogPoisoned).into()),
        }
    }
}

/// What else decides how HTTP requests are answered.
struct HttpChoices {
    /// Whether anybody may read the log's tree.
    public_log: bool,
    /// How people sign in to the console at the issuer.
    sign_in: Option<Arc<SignIn>>,
}

/// Starts to listen for HTTP requests.
async fn start_http(
    prepared: PreparedHttp,
    engine: &Engine,
    providers: Arc<Catalogue>,
    cluster: Option<&Cluster>,
    choices: HttpChoices,
) -> Result<(Api, Listener), Failure> {
    let HttpChoices { public_log, sign_in } = choices;
    let private = prepared.is_private();
    let options = ApiOptions { reveals: private, public_log, ..ApiOptions::default() };
    let api = Api::new(engine.clone(), options);
    let facades = Facades::new(api.state(), Arc::clone(&providers));
    let routes = api.router(facades.router());
    let routes = match cluster {
        Some(cluster) => cluster.door(private).before(routes),
        None => routes,
    };
    // A session is known to this node alone, so nothing of the console goes to another.
    let console = ConsoleOptions { secure: prepared.is_secure(), sign_in };
    let console = Console::new(api.state(), providers, console);
    let routes = routes.merge(console.router());
    let listener = prepared.open(engine, routes).await?;
    Ok((api, listener))
}

/// Starts all parts and announces them; returns only if that fails.
#[expect(clippy::too_many_lines, reason = "it starts the parts of a server one by one")]
async fn serve(
    common: &Common,
    args: &ServeArgs,
    folder: &Path,
    plan: Plan,
    engine: &Engine,
    parts: &mut Parts,
) -> Result<Stopped, Failure> {
    let Plan { subjects, nats: choice, http, metrics: measured, .. } = plan;
    let Plan { tokens, providers, backups, alerts: delivery, reloading, .. } = plan;
    tracing::info!(providers = providers.len(), "provider descriptions loaded");
    if let Some(prepared) = tokens {
        parts.tokens = Some(tokens::accept(prepared, engine).await);
    }
    // Without certificates, SIGHUP ends a development server together with its terminal.
    let reloads = !args.dev || args.http.tls_cert.is_some();
    let hangups = reloads.then(|| listen_for(SignalKind::hangup())).transpose()?;
    let prefix = subjects.prefix().to_owned();
    let stream_of = subjects.clone();
    let (own_url, client_url) = match choice {
        Choice::Off => (None, None),
        Choice::Url(url) => (Some(url.clone()), Some(url)),
        Choice::Managed(program) => {
            let server = nats::start(folder, program, args, &subjects, engine).await?;
            let server = parts.server.insert(server);
            (Some(server.url()), Some(server.client_url()))
        }
    };
    let client = match own_url {
        None => None,
        Some(url) => {
            let starting = start_bus(common, args, url, subjects, engine, &providers, parts);
            Some(Box::pin(starting).await?.client())
        }
    };
    let http_url = match http {
        None => None,
        Some(prepared) => {
            let cluster = parts.cluster.as_ref();
            let choices = HttpChoices {
                public_log: args.checkpoints.public_log,
                sign_in: parts.tokens.as_ref().and_then(Tokens::sign_in),
            };
            let started = start_http(prepared, engine, providers, cluster, choices).await?;
            let (_, listener) = parts.http.insert(started);
            Some(listener.url())
        }
    };
    if let Some(prepared) = measured {
        parts.metrics = Some(metrics::start(prepared, engine).await?);
    }
    // Clients that find the file send requests at once, so this instance should own the names by
    // then, and the NATS server know the subscriptions. An unreachable server is awaited below,
    // while HTTP already serves.
    if let Some(bus) = &parts.bus {
        bus.settled(SETTLE_PATIENCE).await;
    }
    parts.backups = backup::start(backups, engine);
    parts.alerts = Some(alerts::start(delivery, engine)?);
    let replicas = args.stream_replicas();
    let stream = client.clone().map(|client| CheckpointStream::new(client, &stream_of, replicas));
    parts.checkpoints = Some(log::start(&args.checkpoints, engine, stream)?);
    let http_shown = http_url.clone().unwrap_or_else(|| "off".to_owned());
    let shown = client_url.as_deref().map_or_else(|| "off".to_owned(), public_url);
    let pid = std::process::id();
    let file = ServerFile { pid, nats_url: client_url, http_url, prefix, xkey: engine.xkey() };
    let _file = file.write(folder)?;
    let places = format!("data {}, http {http_shown}, nats {shown}", absolute(folder).display());
    let served = async {
        if let Some(client) = client {
            wait_for(|| check(&client, CHECK_PATIENCE)).await;
        }
        announce(engine, &places, Output::new(common.json));
        room::log_interruption();
        let listeners = parts.http.iter().map(|(_, listener)| listener).chain(&parts.metrics);
        match hangups.zip(reloading) {
            Some((hangups, reloading)) => reload_at(hangups, reloading, listeners.collect()).await,
            None => std::future::pending().await,
        }
    };
    // The file is removed when this future is dropped, which is the first step of stopping.
    tokio::select! {
        done = served => done,
        done = until_bus_ends(parts.bus.as_ref()) => done,
    }
}

/// Connects to NATS, and starts what answers and publishes there, and the node of a cluster.
async fn start_bus(
    common: &Common,
    args: &ServeArgs,
    url: String,
    subjects: Subjects,
    engine: &Engine,
    providers: &Arc<Catalogue>,
    parts: &mut Parts,
) -> Result<Connection, Failure> {
    let mut connection = nats::connect_options(url, common)?;
    if parts.server.is_some() {
        connection.inbox_prefix = Some(MANAGED_INBOX_PREFIX.to_owned());
    }
    connection.turns = args.cluster.cluster;
    let connected = connect(&connection).await?;
    let mut options = BusOptions::new(connected.clone(), connection);
    options.subjects = subjects.clone();
    let requires_sealed = engine.requires_sealed().map_err(Problem::from)?;
    nats::set_bus_options(&mut options, args, parts.server.is_some(), requires_sealed);
    parts.cluster = ClusterArgs::prepare(engine, args, &connected, &subjects, &mut options)?;
    let bus = parts.bus.insert(Bus::start(engine.clone(), options).await?);
    if let Some(cluster) = &mut parts.cluster {
        cluster.run(bus.tenures()).await?;
        parts.inner = Some(InnerRoutes::open(cluster, engine, providers).await?);
    }
    Ok(connected)
}

fn announce(engine: &Engine, places: &str, out: Output) {
    match engine.ready() {
        Ok(()) => out.say(format!("ready: {places}")),
        Err(refusal) => out.say(format!("standing by: {places}; commands are refused: {refusal}")),
    }
}

/// Waits until a part of the bus has ended by a defect, which a restart may mend, or until the
/// streams are to be adopted by another history of the ledger.
async fn until_bus_ends(bus: Option<&Bus>) -> Result<Stopped, Failure> {
    let Some(bus) = bus else { return std::future::pending().await };
    tokio::select! {
        problem = bus.until_broken() => Err(problem.into()),
        () = bus.until_history_begun() => Ok(Stopped::ForHistory),
    }
}

/// Reads settings and certificates again at each SIGHUP.
async fn reload_at(
    mut hangups: Signal,
    mut reloading: Reloading,
    listeners: Vec<&Listener>,
) -> Result<Stopped, Failure> {
    while hangups.recv().await.is_some() {
        tracing::info!(signal = "SIGHUP", "reloading the settings and the certificates");
        tokio::task::block_in_place(|| reloading.read_again());
        for listener in &listeners {
            listener.reload_certificates().await;
        }
    }
    std::future::pending().await
}

/// Waits until a check of the NATS server succeeds.
async fn wait_for<Look: Future<Output = Result<(), Problem>>>(look: impl Fn() -> Look) {
    let mut logged = None;
    while let Err(problem) = look().await {
        if logged != Some(problem.code) {
            logged = Some(problem.code);
            tracing::warn!(
                ledger.error.code = problem.code.as_str(),
                error = problem.message,
                "nats cannot be used yet, retrying"
            );
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
