//! The flags and parts of a node of a cluster.

use std::sync::Arc;

use clap::Args;
use ledger_bus::{BusOptions, ConnectOptions, Connection};
use ledger_cluster::{Cluster, ClusterOptions};
use ledger_contract::errors::Problem;
use ledger_contract::subjects::Subjects;
use ledger_engine::{Engine, LogOf};
use ledger_facades::Facades;
use ledger_http::{Api, ApiOptions};
use ledger_providers::Catalogue;

use super::ServeArgs;
use crate::common::Common;
use crate::failure::Failure;

/// How a node shares the log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterArgs {
    /// Be a node of a cluster: share the log with other nodes in a replicated stream of the NATS
    /// servers at --nats-url. Every node begins with a copy of the same data directory
    #[arg(long, env = "CONNLEDGER_CLUSTER", requires = "instance")]
    pub(crate) cluster: bool,
    /// Copies of the log among the NATS servers, 3 or 5
    #[arg(
        long,
        env = "CONNLEDGER_CLUSTER_REPLICAS",
        default_value_t = 3,
        value_parser = replicas,
        value_name = "NUMBER"
    )]
    cluster_replicas: usize,
    /// Address and user of the system account of the NATS servers, which alone is told whether they
    /// sync each message: nats://USER:PASSWORD@HOST:4222
    #[arg(
        long,
        env = "CONNLEDGER_CLUSTER_SYSTEM_URL",
        hide_env_values = true,
        requires = "cluster",
        value_name = "URL"
    )]
    cluster_system_url: Option<String>,
    /// Accept NATS servers that do not sync each message, or do not tell: what they acknowledged is
    /// lost if they lose power together
    #[arg(long, env = "CONNLEDGER_CLUSTER_ACCEPT_LOST_WRITES", requires = "cluster")]
    cluster_accept_lost_writes: bool,
    /// Serve the data directory of a node alone from now on, with a new history. No other node may
    /// go on with the former one
    #[arg(long, conflicts_with = "cluster")]
    pub(crate) leave_cluster: bool,
}

/// Parses the number of copies: two are no safer than one.
pub(crate) fn replicas(text: &str) -> Result<usize, &'static str> {
    match text {
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("must be 3 or 5"),
    }
}

impl ClusterArgs {
    /// Returns the copies that the streams of a cluster have.
    pub(super) fn replicas(&self) -> Option<usize> {
        self.cluster.then_some(self.cluster_replicas)
    }

    /// Returns who has the log of the ledger.
    pub(super) fn log_of(&self) -> LogOf {
        match (self.cluster, self.leave_cluster) {
            (true, _) => LogOf::Cluster,
            (false, true) => LogOf::Leaver,
            (false, false) => LogOf::Directory,
        }
    }

    /// Refuses flags that do not go together with a cluster.
    pub(super) fn check(common: &Common, args: &ServeArgs) -> Result<(), Failure> {
        if !args.cluster.cluster {
            return Ok(());
        }
        if common.nats_url.is_none() || args.nats.is_some() {
            return Err(Failure::usage("--cluster needs --nats-url, and no --nats")
                .hint("name all servers: --nats-url nats://a:4222,nats://b:4222,nats://c:4222"));
        }
        if args.accept_without_lease {
            return Err(Failure::usage("--accept-without-lease would let two nodes write"));
        }
        Ok(())
    }

    /// Has the engine share its log, and the bus wait for it.
    pub(super) fn prepare(
        engine: &Engine,
        args: &ServeArgs,
        connection: &Connection,
        subjects: &Subjects,
        bus: &mut BusOptions,
    ) -> Result<Option<Cluster>, Problem> {
        let given = &args.cluster;
        if !given.cluster {
            return Ok(None);
        }
        let system = given.cluster_system_url.clone();
        let options = ClusterOptions {
            client: connection.client(),
            subjects: subjects.clone(),
            node: args.instance.clone().unwrap_or_default(),
            replicas: given.cluster_replicas,
            system: system.map(|url| ConnectOptions { url, ..ConnectOptions::default() }),
            accepts_unsynced: given.cluster_accept_lost_writes,
        };
        let cluster = Cluster::prepare(engine.clone(), options)?;
        bus.log = Some(cluster.log_state());
        bus.replicas = bus.replicas.or(Some(given.cluster_replicas));
        Ok(Some(cluster))
    }
}

/// The routes that answer requests of other nodes.
#[derive(Debug)]
pub(super) struct InnerRoutes {
    private: Api,
    open: Api,
}

impl InnerRoutes {
    /// Begins to answer requests of other nodes.
    pub(super) async fn open(
        cluster: &mut Cluster,
        engine: &Engine,
        providers: &Arc<Catalogue>,
    ) -> Result<Self, Problem> {
        let api = |reveals| {
            let api = Api::new(engine.clone(), ApiOptions { reveals, ..ApiOptions::default() });
            let facades = Facades::new(api.state(), Arc::clone(providers));
            let routes = api.router(facades.router());
            (api, routes)
        };
        let ((private, for_private), (open, for_open)) = (api(true), api(false));
        cluster.receive(for_private, for_open).await?;
        Ok(Self { private, open })
    }

    /// Stops.
    pub(super) async fn shutdown(self) {
        self.private.shutdown().await;
        self.open.shutdown().await;
    }
}
