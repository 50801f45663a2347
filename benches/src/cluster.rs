//! Three NATS servers that sync each message, and three nodes of one ledger, on this machine.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_nats::{Client, ServerAddr};
use ledger_contract::subjects::Subjects;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::failure::{Failure, Outcome};
use crate::ledger::WORKSPACE;
use crate::server::{NO_QUOTAS, NO_RATES, Programs, Sender};
use crate::wire::Asker;

/// How long the cluster may take to form, and a node to start or stop.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
const NAMES: [&str; 3] = ["a", "b", "c"];

/// A running cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    servers: Vec<Child>,
    nodes: Vec<Child>,
    folders: Vec<PathBuf>,
    pub(crate) nats: Client,
    key: String,
}

/// What a node leaves for clients on the same machine.
#[derive(Deserialize)]
struct NodeFile {
    http_url: String,
}

impl Cluster {
    /// Starts servers and nodes of a new ledger in a folder, and waits until one of them writes.
    pub(crate) async fn start(programs: &Programs, folder: &Path) -> Outcome<Self> {
        fs::create_dir_all(folder)?;
        let (servers, urls) = start_servers(programs, folder)?;
        let folders = NAMES.map(|name| folder.join(name)).to_vec();
        make_copies(programs, &folders).await?;
        let (url, system) = (joined(&urls, "app"), joined(&urls, "sys"));
        let mut nodes = Vec::new();
        for (name, folder) in NAMES.iter().zip(&folders) {
            let args = ["--cluster", "--instance", name, "--nats-url", &url];
            let args = [&args[..], &["--cluster-system-url", &system]].concat();
            nodes.push(spawn(programs, folder, &args)?);
        }
        let key = fs::read_to_string(folder.join("a").join("dev-admin.key"))?.trim().to_owned();
        let addresses: Vec<ServerAddr> =
            urls.iter().map(|url| url.parse()).collect::<Result<_, _>>()?;
        let deadline = Instant::now() + PATIENCE;
        let nats = loop {
            match async_nats::connect(addresses.clone()).await {
                Ok(client) => break client,
                Err(error) => pause(deadline, &error).await?,
            }
        };
        let cluster = Self { servers, nodes, folders, nats, key };
        let status = Subjects::default().query(WORKSPACE, "status");
        let status = cluster.sender(status);
        while let Err(error) = status.send("status", "{}".to_owned()).await {
            pause(deadline, &error).await?;
        }
        Ok(cluster)
    }

    /// Returns what sends requests on a subject.
    pub(crate) fn sender(&self, subject: String) -> Sender {
        Sender::new(self.nats.clone(), subject, self.key.clone())
    }

    /// Returns what makes HTTP requests to each node, once it answers.
    pub(crate) async fn askers(&self) -> Outcome<Vec<Asker>> {
        let mut askers = Vec::new();
        for folder in &self.folders {
            let file = node_file(folder, Instant::now() + PATIENCE).await?;
            let address = file.http_url.trim_start_matches("http://").parse()?;
            askers.push(Asker::new(address, self.key.clone()));
        }
        Ok(askers)
    }

    /// Stops the nodes, then the servers.
    pub(crate) async fn stop(self) -> Outcome<()> {
        for child in self.nodes.into_iter().chain(self.servers) {
            end(child).await?;
        }
        Ok(())
    }
}

fn joined(urls: &[String], user: &str) -> String {
    let with = |url: &String| url.replace("nats://", &format!("nats://{user}:{user}@"));
    urls.iter().map(with).collect::<Vec<_>>().join(",")
}

fn start_servers(programs: &Programs, folder: &Path) -> Outcome<(Vec<Child>, Vec<String>)> {
    let mut ports = Vec::new();
    let mut held = Vec::new();
    for _ in 0..2 * NAMES.len() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        ports.push(listener.local_addr()?.port());
        held.push(listener);
    }
    drop(held);
    let (clients, routes) = ports.split_at(NAMES.len());
    let all: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    let program = programs.nats_server.clone().unwrap_or_else(|| "nats-server".into());
    let mut servers = Vec::new();
    for (index, (client, route)) in clients.iter().zip(routes).enumerate() {
        let store = folder.join(format!("store-{index}"));
        let config = format!(
            "server_name: n{index}\nlisten: 127.0.0.1:{client}\n\
             jetstream {{ store_dir: \"{}\", sync_interval: always }}\n\
             cluster {{ name: bench, listen: 127.0.0.1:{route}, routes: [{}] }}\n\
             accounts {{\n\
               $SYS {{ users: [{{ user: sys, password: sys }}] }}\n\
               APP {{ jetstream: enabled, users: [{{ user: app, password: app }}] }}\n\
             }}\n\
             no_auth_user: app\n",
            store.display(),
            all.join(", ")
        );
        let path = folder.join(format!("n{index}.conf"));
        fs::write(&path, config)?;
        let log = File::create(path.with_extension("log"))?;
        let mut command = Command::new(&program);
        command.arg("--config").arg(&path).stdout(log.try_clone()?).stderr(log);
        let started = command.kill_on_drop(true).spawn();
        let shown = program.display();
        servers
            .push(started.map_err(|error| Failure::new(format!("cannot start {shown}: {error}")))?);
    }
    let urls = clients.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    Ok((servers, urls))
}

/// Makes a ledger, and copies of it.
async fn make_copies(programs: &Programs, folders: &[PathBuf]) -> Outcome<()> {
    let Some((first, others)) = folders.split_first() else { return Ok(()) };
    let single = spawn(programs, first, &["--nats", "off"])?;
    node_file(first, Instant::now() + PATIENCE).await?;
    end(single).await?;
    for other in others {
        let copied = Command::new("cp").arg("-r").arg(first).arg(other).status().await?;
        if !copied.success() {
            return Err(Failure::new("the folder of the ledger cannot be copied"));
        }
    }
    Ok(())
}

fn spawn(programs: &Programs, folder: &Path, args: &[&str]) -> Outcome<Child> {
    let mut command = Command::new(&programs.connledger);
    command.args(["serve", "--dev", "--log", "warn", "--listen", "127.0.0.1:0"]);
    command.args(NO_RATES).args(NO_QUOTAS).args(args).arg("--data-dir").arg(folder);
    let log = File::create(folder.with_extension("log"))?;
    command.stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    Ok(command.spawn()?)
}

async fn node_file(folder: &Path, deadline: Instant) -> Outcome<NodeFile> {
    loop {
        match fs::read(folder.join("server.json")) {
            Ok(text) => return Ok(serde_json::from_slice(&text)?),
            Err(error) => pause(deadline, &error).await?,
        }
    }
}

/// Waits a moment, unless that took too long, because of an error.
async fn pause(deadline: Instant, error: &dyn std::fmt::Display) -> Outcome<()> {
    if Instant::now() > deadline {
        return Err(Failure::new(format!("the cluster did not get there in time: {error}")));
    }
    tokio::time::sleep(LOOK_INTERVAL).await;
    Ok(())
}

async fn end(mut child: Child) -> Outcome<()> {
    if let Some(pid) = child.id() {
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
    }
    tokio::time::timeout(PATIENCE, child.wait()).await??;
    Ok(())
}
