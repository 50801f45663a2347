//! One file a row: how its figure and its reference are measured, and its mark.

mod beside_backup;
mod beside_checks;
mod beside_readers;
mod beside_rewrap;
mod catch_up;
mod cluster;
mod commit_to_gateway;
mod compromised;
mod engine_commands;
mod facade_reads;
mod flood;
mod gateway_rotation;
mod http_commands;
mod http_reads;
mod list_filters;
mod memory;
mod nats_commands;
mod replay;
mod reveals;
mod revert;
mod single_command;
mod small_workspace;
mod start;
mod tenants;
mod updates;

use crate::failure::Outcome;
use crate::ground::Ground;
use crate::row::{Measured, RowName};

/// Commands in flight in the throughput rows.
const IN_FLIGHT: usize = 64;
/// Rounds into which samples of latency rows are cut, so that a passing disturbance meets ours and
/// the reference alike.
const ROUNDS: u64 = 10;

/// Measures one row.
pub(crate) async fn measure(name: RowName, ground: &mut Ground) -> Outcome<Measured> {
    let served = [
        RowName::NatsCommands,
        RowName::HttpCommands,
        RowName::SingleCommand,
        RowName::CommitToGateway,
        RowName::GatewayRotation,
        RowName::CompromisedRotation,
        RowName::RevealLeased,
        RowName::Reveal,
    ];
    if !served.contains(&name) {
        ground.stop_server().await?;
    }
    match name {
        RowName::NatsCommands => nats_commands::measure(ground).await,
        RowName::HttpCommands => http_commands::measure(ground).await,
        RowName::EngineCommands => engine_commands::measure(ground).await,
        RowName::SingleCommand => single_command::measure(ground).await,
        RowName::CommitToGateway => commit_to_gateway::measure(ground).await,
        RowName::GatewayRotation => gateway_rotation::measure(ground).await,
        RowName::CompromisedRotation => compromised::measure(ground).await,
        RowName::RevealLeased => reveals::leased(ground).await,
        RowName::Reveal => reveals::revealed(ground).await,
        RowName::RelayCatchUp => catch_up::relay(ground).await,
        RowName::FeedCatchUp => catch_up::feed(ground).await,
        RowName::HttpGets => http_reads::gets(ground).await,
        RowName::HttpLists => http_reads::lists(ground).await,
        RowName::FacadeReads => facade_reads::measure(ground).await,
        RowName::SmallWorkspace => small_workspace::measure(ground).await,
        RowName::BesideReaders => beside_readers::measure(ground).await,
        RowName::BesideBackup => beside_backup::measure(ground).await,
        RowName::BesideChecks => beside_checks::measure(ground).await,
        RowName::BesideRewrap => beside_rewrap::measure(ground).await,
        RowName::FloodHttp => flood::http(ground).await,
        RowName::FloodNats => flood::nats(ground).await,
        RowName::Revert => revert::measure(ground).await,
        RowName::TenantsGet => tenants::get(ground).await,
        RowName::TenantsStart => tenants::start(ground).await,
        RowName::Replay => replay::measure(ground).await,
        RowName::ListFilters => list_filters::measure(ground).await,
        RowName::Memory => memory::measure(ground).await,
        RowName::Start => start::measure(ground).await,
        RowName::ClusterCommands => cluster::commands(ground).await,
        RowName::ClusterCommandsMany => cluster::many_commands(ground).await,
        RowName::ClusterReads => cluster::reads(ground).await,
    }
}
