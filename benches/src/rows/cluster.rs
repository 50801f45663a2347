//! A cluster of three nodes: durable commands against plain messages to a stream of three copies,
//! and reads at all nodes against reads at one.

use std::time::Duration;

use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, Context};
use ledger_contract::subjects::Subjects;

use super::IN_FLIGHT;
use super::nats_commands::send;
use crate::clients::clients;
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::flight::fly;
use crate::ground::Ground;
use crate::ledger::WORKSPACE;
use crate::load::{self, CONNECTIONS};
use crate::row::{Mark, Measured, RowName};
use crate::times::per_second;
use crate::wire::Asker;

/// How many times fewer commands there are than for a single node: each is synced three times.
const PART: u64 = 10;
/// Commands in flight of the row with many.
const MANY: usize = 512;
/// The stream and subject of plain messages.
const PLAIN: &str = "plain";
const PREFIX: &str = "c";
const JSON: &str = "application/json";

pub(super) async fn commands(ground: &mut Ground) -> Outcome<Measured> {
    measure(ground, RowName::ClusterCommands, IN_FLIGHT).await
}

pub(super) async fn many_commands(ground: &mut Ground) -> Outcome<Measured> {
    measure(ground, RowName::ClusterCommandsMany, MANY).await
}

async fn measure(ground: &mut Ground, row: RowName, in_flight: usize) -> Outcome<Measured> {
    let count = ground.sizes().commands / PART;
    let folder = ground.fresh_folder("cluster")?;
    let cluster = Cluster::start(ground.programs(), &folder).await?;
    let sender = cluster.sender(Subjects::default().command(WORKSPACE, "create"));
    let plain = plain_stream(&cluster).await?;
    send(&sender, "warm", (count / 10, in_flight), "warming up").await?;
    let before = stream_bytes(&cluster).await?;
    let first = publish(&plain, average_bytes(count / 10, before), count, in_flight).await?;
    let took = send(&sender, "n", (count, in_flight), "commands").await?;
    let bytes = average_bytes(count, stream_bytes(&cluster).await?.saturating_sub(before));
    let second = publish(&plain, bytes, count, in_flight).await?;
    cluster.stop().await?;
    let reference = per_second(2 * count, first + second);
    let note = format!(
        "{count} creates with one secret, {in_flight} in flight on one connection, at three nodes \
         with three NATS servers that sync each message; reference is messages of {bytes} bytes, \
         what a command takes in the log, to a stream of three copies on the same servers"
    );
    let pair = (per_second(count, took), Some(reference));
    Ok(Measured::new(row, pair, "commands/s", (Mark::AtLeast(0.5), "≥ 0.5"), note))
}

pub(super) async fn reads(ground: &mut Ground) -> Outcome<Measured> {
    let (connections, count) = (ground.sizes().few, ground.sizes().commands / PART);
    let folder = ground.fresh_folder("cluster")?;
    let cluster = Cluster::start(ground.programs(), &folder).await?;
    let sender = cluster.sender(Subjects::default().command(WORKSPACE, "create"));
    send(&sender, PREFIX, (connections, MANY), "creating").await?;
    let askers = cluster.askers().await?;
    for asker in &askers {
        reached(asker, connections).await?;
    }
    let first = askers.first().ok_or_else(|| Failure::new("there are nodes"))?;
    let before = read(std::slice::from_ref(first), connections, count).await?;
    let all = read(&askers, connections, count).await?;
    let after = read(std::slice::from_ref(first), connections, count).await?;
    cluster.stop().await?;
    let note = format!(
        "{count} gets by slug over {IN_FLIGHT} connections, spread over three nodes; reference is \
         the same at one of them; all of it on one machine"
    );
    let pair = (per_second(count, all), Some(per_second(2 * count, before + after)));
    let mark = (Mark::Nothing, "-");
    Ok(Measured::new(RowName::ClusterReads, pair, "gets/s", mark, note))
}

/// Waits until a node has a connection.
async fn reached(asker: &Asker, connections: u64) -> Outcome<()> {
    let path = format!("{CONNECTIONS}/{}", load::slug(PREFIX, connections - 1));
    let mut wire = asker.connect().await?;
    for _ in 0..1_000 {
        if wire.ask(&asker.get(&path, JSON)).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Failure::new("a node did not follow"))
}

/// Gets connections at these nodes at the same time, and returns how long all took.
async fn read(askers: &[Asker], connections: u64, count: u64) -> Outcome<Duration> {
    let each = u64::try_from(askers.len())?;
    let write = move |asker: &Asker, number: u64| {
        let slug = load::slug(PREFIX, number * 7_919 % connections);
        asker.get(&format!("{CONNECTIONS}/{slug}"), JSON)
    };
    let in_flight = IN_FLIGHT / askers.len();
    let asked =
        askers.iter().map(|asker| clients("gets", asker, in_flight, 0..count / each, write));
    let done = futures::future::try_join_all(asked).await?;
    Ok(done.iter().map(|clients| clients.took).max().unwrap_or_default())
}

async fn plain_stream(cluster: &Cluster) -> Outcome<Context> {
    let jetstream = jetstream::new(cluster.nats.clone());
    let config = Config {
        name: PLAIN.to_owned(),
        subjects: vec![PLAIN.to_owned()],
        num_replicas: 3,
        ..Config::default()
    };
    jetstream.create_stream(config).await?;
    Ok(jetstream)
}

/// Publishes so many messages of a size, each of which is acknowledged, and returns how long that
/// took.
async fn publish(
    jetstream: &Context,
    bytes: u64,
    count: u64,
    in_flight: usize,
) -> Outcome<Duration> {
    let body = bytes::Bytes::from(vec![b'x'; usize::try_from(bytes)?]);
    let jetstream = jetstream.clone();
    let work = move |_| {
        let (jetstream, body) = (jetstream.clone(), body.clone());
        async move {
            jetstream.publish(PLAIN, body).await?.await?;
            Ok(())
        }
    };
    fly(0..count, in_flight, work).await
}

/// Returns how many bytes the stream of the log has.
async fn stream_bytes(cluster: &Cluster) -> Outcome<u64> {
    let jetstream = jetstream::new(cluster.nats.clone());
    let name = Subjects::default().log_stream_name();
    Ok(jetstream.get_stream(name).await?.cached_info().state.bytes)
}

fn average_bytes(count: u64, bytes: u64) -> u64 {
    bytes / count.max(1)
}
