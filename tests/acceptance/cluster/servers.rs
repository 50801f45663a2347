//! Three nats-servers that are one cluster, and sync each message. They reach each other, and nodes
//! reach them, over links that can be cut.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use async_nats::jetstream;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::links::{Cut, Link};
use crate::ports::free_port;
use crate::settings;
use crate::wait::eventually;

/// The servers of a cluster.
pub(super) struct Servers {
    folder: TempDir,
    ports: [u16; 3],
    children: [Option<Child>; 3],
    /// From each server to each other one.
    routes: Vec<Vec<Link>>,
    /// From each node to each server.
    ways: Vec<Vec<Link>>,
}

/// Makes links of each of three to all of these ports.
async fn links(ports: [u16; 3]) -> Vec<Vec<Link>> {
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut links = Vec::new();
        for port in ports {
            links.push(Link::to(port).await);
        }
        all.push(links);
    }
    all
}

impl Servers {
    /// Starts three, with a line about how they sync, and waits until they are a cluster.
    pub(super) async fn start(sync: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (ports, mesh) = ([(); 3].map(|()| free_port()), [(); 3].map(|()| free_port()));
        let (routes, ways) = (links(mesh).await, links(ports).await);
        for (index, (port, route)) in ports.iter().zip(mesh).enumerate() {
            let others = routes[index].iter().enumerate().filter(|(other, _)| *other != index);
            let others = others.map(|(_, link)| format!("nats://127.0.0.1:{}", link.port()));
            let others = others.collect::<Vec<_>>().join(", ");
            let store = folder.path().join(format!("store-{index}"));
            let text = format!(
                "server_name: n{index}\nlisten: 127.0.0.1:{port}\n\
                 jetstream {{ store_dir: {store:?}, {sync} }}\n\
                 cluster {{ name: tests, listen: 127.0.0.1:{route}, routes: [{others}], \
                   no_advertise: true, advertise: \"127.0.0.1:1\" }}\n\
                 accounts {{\n\
                   $SYS {{ users: [{{ user: sys, password: sys }}] }}\n\
                   APP {{ jetstream: enabled, users: [{{ user: app, password: app }}] }}\n\
                 }}\n\
                 no_auth_user: app\n"
            );
            fs::write(folder.path().join(format!("n{index}.conf")), text).expect("writable");
        }
        let mut servers = Self { folder, ports, children: [None, None, None], routes, ways };
        for index in 0..3 {
            servers.launch(index);
        }
        servers.wait().await;
        servers
    }

    pub(super) fn launch(&mut self, index: usize) {
        assert!(self.children[index].is_none(), "it runs already");
        let log = fs::File::options().create(true).append(true).open(self.log_path(index));
        let child = Command::new(settings::nats_server())
            .arg("--config")
            .arg(self.folder.path().join(format!("n{index}.conf")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("the log can be written"))
            .kill_on_drop(true)
            .spawn();
        self.children[index] = Some(child.expect("nats-server starts"));
    }

    fn log_path(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("n{index}.log"))
    }

    /// Waits until JetStream answers.
    async fn wait(&mut self) {
        eventually("the NATS servers are a cluster", async || {
            let client = self.client().await?;
            jetstream::new(client).query_account().await.ok()
        })
        .await;
        for index in 0..3 {
            let child = self.children[index].as_mut().expect("it was started");
            let ended = child.try_wait().expect("it can be asked");
            assert_eq!(ended, None, "{}", self.log(index));
        }
    }

    /// What one has logged.
    pub(super) fn log(&self, index: usize) -> String {
        fs::read_to_string(self.log_path(index)).unwrap_or_default()
    }

    /// Connects to whichever is there.
    pub(super) async fn client(&self) -> Option<async_nats::Client> {
        let addresses: Vec<async_nats::ServerAddr> =
            self.url().split(',').map(|url| url.parse().expect("an address")).collect();
        async_nats::connect(addresses).await.ok()
    }

    /// The addresses of all.
    pub(super) fn url(&self) -> String {
        self.ports.map(|port| format!("nats://127.0.0.1:{port}")).join(",")
    }

    /// The addresses of all for a node, of this user.
    pub(super) fn url_of(&self, node: usize, user: &str) -> String {
        let ways = self.ways[node].iter().map(Link::port);
        ways.map(|port| format!("nats://{user}@127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    /// Cuts a node off from all servers.
    pub(super) fn cut_node(&self, node: usize, cut: Cut) {
        self.ways[node].iter().for_each(|way| way.cut(cut));
    }

    /// Cuts a server off from the others.
    pub(super) fn cut_server(&self, index: usize, cut: Cut) {
        for other in (0..3).filter(|other| *other != index) {
            self.routes[index][other].cut(cut);
            self.routes[other][index].cut(cut.reversed());
        }
    }

    /// Kills one, as a power cut would.
    pub(super) async fn kill(&mut self, index: usize) {
        let mut child = self.children[index].take().expect("it runs");
        child.kill().await.expect("it can be killed");
    }

    /// Kills all, takes their disks away, and starts them again.
    pub(super) async fn lose_everything(&mut self) {
        for index in 0..3 {
            self.kill(index).await;
            let store = self.folder.path().join(format!("store-{index}"));
            fs::remove_dir_all(store).expect("it was there");
        }
        for index in 0..3 {
            self.launch(index);
        }
        self.wait().await;
    }

    /// Sends one a signal.
    pub(super) fn signal(&self, index: usize, signal: Signal) {
        let pid = self.children[index].as_ref().and_then(Child::id).expect("it runs");
        let pid = Pid::from_raw(i32::try_from(pid).expect("process numbers are small"));
        kill(pid, signal).expect("it is there");
    }

    /// Returns which one leads a stream.
    pub(super) async fn leader(&self, stream: &str) -> usize {
        eventually("the stream has a leader", async || {
            let jetstream = jetstream::new(self.client().await?);
            let stream = jetstream.get_stream(stream).await.ok()?;
            let leader = stream.cached_info().cluster.as_ref()?.leader.clone()?;
            leader.strip_prefix('n')?.parse().ok()
        })
        .await
    }
}
