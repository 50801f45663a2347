//! Nodes and servers are killed and stopped under clients at all nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::future::{join_all, select_all};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::time::Instant;

use super::links::Cut;
use super::machine::Wrong;
use super::nodes::Nodes;
use super::servers::Servers;
use crate::settings;
use crate::wait::eventually;

/// What clients have been told.
#[derive(Default)]
struct Told {
    /// The position of each slug.
    positions: Mutex<BTreeMap<String, u64>>,
    count: AtomicU64,
    enough: AtomicBool,
}

/// Sends commands, each until it is acknowledged, every other one over NATS.
async fn send(nodes: &Nodes, told: &Told, name: usize) {
    for number in 0_u64.. {
        if told.enough.load(Ordering::SeqCst) {
            return;
        }
        let slug = format!("c-{name}-{number}");
        let turn = AtomicU64::new(number);
        let position = eventually("a command is acknowledged", async || {
            let turn = turn.fetch_add(1, Ordering::SeqCst);
            let node = (name as u64 + turn) % 3;
            if (turn + name as u64).is_multiple_of(2) {
                nodes.create_over_nats(&slug).await
            } else {
                nodes.create_over_http(usize::try_from(node).expect("small"), &slug).await
            }
        })
        .await;
        told.positions.lock().expect("no panic").insert(slug, position);
        told.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits until some more commands were acknowledged, and returns how long that took.
async fn progress(told: &Told) -> Duration {
    let (started, before) = (Instant::now(), told.count.load(Ordering::SeqCst));
    eventually("commands are acknowledged", async || {
        (told.count.load(Ordering::SeqCst) > before + 10).then_some(())
    })
    .await;
    started.elapsed()
}

/// Checks that everything that was acknowledged is in every log, once and where it was said.
fn expect_all(told: &Told, logs: &[Vec<String>]) {
    let positions = told.positions.lock().expect("no panic").clone();
    let first = &logs[0];
    assert!(logs.iter().all(|log| log == first), "the logs are equal, byte for byte");
    let mut slugs = BTreeSet::new();
    let mut found = BTreeMap::new();
    for (position, line) in (1_u64..).zip(first) {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let event = &line["event"];
        assert_eq!(event["position"], position, "positions are dense");
        if let Some(slug) = event["data"]["slug"].as_str() {
            assert!(slugs.insert(slug.to_owned()), "{slug} is there once");
            found.insert(slug.to_owned(), position);
        }
    }
    for (slug, position) in &positions {
        assert_eq!(found.get(slug), Some(position), "{slug} is where it was said");
    }
    assert!(positions.len() > 50, "{} were acknowledged", positions.len());
}

/// How much longer a sync takes on a slow disk.
const SLOW_SYNC: Duration = Duration::from_millis(200);
/// Clients at all nodes in the suite.
const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_all_logs_are_equal() {
    let rounds = settings::cluster_rounds();
    let faults: Vec<Fault> = match rounds {
        None => Fault::MOST.into(),
        Some(rounds) => Fault::wanted().into_iter().cycle().take(rounds).collect(),
    };
    let clients = if rounds.is_some() { 4 * CLIENTS } else { CLIENTS };
    let mut servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    let told = Told::default();
    let mut took: BTreeMap<Fault, Vec<Duration>> = BTreeMap::new();
    for (round, fault) in faults.into_iter().enumerate() {
        told.enough.store(false, Ordering::SeqCst);
        let place = Place::now(&servers, &nodes).await;
        fault.begin(&mut servers, &mut nodes, place).await;
        let clients = join_all((0..clients).map(|client| {
            let name = round * 100 + client;
            send(&nodes, &told, name)
        }));
        let during = async {
            let time = next_answer(&nodes, &told, round).await;
            progress(&told).await;
            fault.pass(&servers, &nodes, place);
            progress(&told).await;
            told.enough.store(true, Ordering::SeqCst);
            time
        };
        let (time, _) = tokio::join!(during, clients);
        println!("round {round}: {fault:?}, next command answered after {time:?}");
        took.entry(fault).or_default().push(time);
        fault.end(&mut servers, &mut nodes, place).await;
    }
    for (fault, mut times) in took {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        println!("{fault:?}: {} times, p50 {:?}, p99 {:?}", times.len(), at(50), at(99));
    }
    let last = told.positions.lock().expect("no panic").values().max().copied();
    nodes.until_all_have(last.expect("some were acknowledged")).await;
    let logs = nodes.logs().await;
    expect_all(&told, &logs);
}

/// Sends a command to all nodes until one acknowledges it, and returns how long that took.
async fn next_answer(nodes: &Nodes, told: &Told, round: usize) -> Duration {
    let (started, slug) = (Instant::now(), format!("next-{round}"));
    let slug = &slug;
    let at = |node| async move {
        let send = async || nodes.create_over_http(node, slug).await;
        eventually("the next command is answered", send).await
    };
    let (position, ..) = select_all((0..3).map(|node| Box::pin(at(node)))).await;
    let time = started.elapsed();
    told.positions.lock().expect("no panic").insert(slug.clone(), position);
    time
}

/// Who is what when a fault begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    writer: usize,
    follower: usize,
    /// The server that leads the log stream.
    leader: usize,
    other: usize,
}

impl Place {
    pub(super) async fn now(servers: &Servers, nodes: &Nodes) -> Self {
        let (writer, leader) = (nodes.writer().await, servers.leader("LEDGER_LOG").await);
        Self { writer, follower: (writer + 1) % 3, leader, other: (leader + 1) % 3 }
    }
}

/// What happens to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    WriterKilled,
    WriterPaused,
    WriterStopped,
    /// The writer hears and reaches no server.
    WriterCut,
    /// The writer hears no server.
    WriterDeaf,
    /// The writer reaches no server.
    WriterMute,
    /// The writer's disk takes its time.
    WriterSlow,
    /// The writer's disk is full.
    WriterFull,
    /// The writer's clock is an hour ahead.
    WriterAhead,
    FollowerKilled,
    FollowerPaused,
    FollowerCut,
    FollowerSlow,
    FollowerFull,
    FollowerAhead,
    LeaderKilled,
    LeaderPaused,
    /// The leader hears and reaches no other server.
    LeaderCut,
    /// The leader reaches no other server.
    LeaderMute,
    TwoServersKilled,
}

impl Fault {
    const ALL: [Self; 20] = [
        Self::WriterKilled,
        Self::FollowerPaused,
        Self::LeaderKilled,
        Self::WriterPaused,
        Self::LeaderCut,
        Self::WriterStopped,
        Self::WriterCut,
        Self::FollowerKilled,
        Self::LeaderPaused,
        Self::WriterDeaf,
        Self::LeaderMute,
        Self::FollowerCut,
        Self::WriterMute,
        Self::WriterSlow,
        Self::FollowerFull,
        Self::WriterAhead,
        Self::WriterFull,
        Self::FollowerAhead,
        Self::FollowerSlow,
        Self::TwoServersKilled,
    ];

    /// Those of a long run.
    fn wanted() -> Vec<Self> {
        let Some(names) = settings::cluster_faults() else { return Self::ALL.into() };
        let of_name = |name: &str| {
            let found = Self::ALL.into_iter().find(|fault| format!("{fault:?}") == name);
            found.unwrap_or_else(|| panic!("{name} is none of {:?}", Self::ALL))
        };
        names.split(',').map(of_name).collect()
    }

    /// Those of the suite.
    const MOST: [Self; 10] = [
        Self::WriterKilled,
        Self::FollowerPaused,
        Self::LeaderKilled,
        Self::WriterPaused,
        Self::WriterCut,
        Self::LeaderPaused,
        Self::WriterAhead,
        Self::FollowerFull,
        Self::WriterSlow,
        Self::WriterFull,
    ];

    /// What is wrong with the machine of a node.
    fn wrong(self) -> Wrong {
        match self {
            Self::WriterSlow | Self::FollowerSlow => Wrong { sync: SLOW_SYNC, ..Wrong::default() },
            Self::WriterFull | Self::FollowerFull => Wrong { full: true, ..Wrong::default() },
            Self::WriterAhead | Self::FollowerAhead => {
                Wrong { clock: Duration::from_hours(1), ..Wrong::default() }
            }
            _ => Wrong::default(),
        }
    }

    pub(super) async fn begin(self, servers: &mut Servers, nodes: &mut Nodes, place: Place) {
        let Place { writer, follower, leader, other } = place;
        match self {
            Self::WriterKilled => nodes.all[writer].kill().await,
            Self::WriterPaused => nodes.all[writer].pause(),
            Self::WriterStopped => assert!(nodes.all[writer].stop().await.success()),
            Self::WriterCut => servers.cut_node(writer, Cut::Both),
            Self::WriterDeaf => servers.cut_node(writer, Cut::Back),
            Self::WriterMute => servers.cut_node(writer, Cut::There),
            Self::FollowerKilled => nodes.all[follower].kill().await,
            Self::FollowerPaused => nodes.all[follower].pause(),
            Self::FollowerCut => servers.cut_node(follower, Cut::Both),
            Self::WriterSlow | Self::WriterFull | Self::WriterAhead => {
                nodes.machines[writer].is(self.wrong());
            }
            Self::FollowerSlow | Self::FollowerFull | Self::FollowerAhead => {
                nodes.machines[follower].is(self.wrong());
            }
            Self::LeaderKilled => servers.kill(leader).await,
            Self::LeaderPaused => servers.signal(leader, Signal::SIGSTOP),
            Self::LeaderCut => servers.cut_server(leader, Cut::Both),
            Self::LeaderMute => servers.cut_server(leader, Cut::There),
            Self::TwoServersKilled => {
                for server in [leader, other] {
                    servers.kill(server).await;
                }
                for server in [leader, other] {
                    servers.launch(server);
                }
            }
        }
    }

    /// Ends it while clients go on, if that is possible.
    pub(super) fn pass(self, servers: &Servers, nodes: &Nodes, place: Place) {
        let Place { writer, follower, leader, .. } = place;
        match self {
            Self::WriterPaused => nodes.all[writer].signal(Signal::SIGCONT),
            Self::FollowerPaused => nodes.all[follower].signal(Signal::SIGCONT),
            Self::LeaderPaused => servers.signal(leader, Signal::SIGCONT),
            Self::WriterCut | Self::WriterDeaf | Self::WriterMute => {
                servers.cut_node(writer, Cut::Nothing);
            }
            Self::FollowerCut => servers.cut_node(follower, Cut::Nothing),
            Self::WriterSlow | Self::WriterFull | Self::WriterAhead => {
                nodes.machines[writer].is(Wrong::default());
            }
            Self::FollowerSlow | Self::FollowerFull | Self::FollowerAhead => {
                nodes.machines[follower].is(Wrong::default());
            }
            Self::LeaderCut | Self::LeaderMute => servers.cut_server(leader, Cut::Nothing),
            Self::WriterKilled
            | Self::WriterStopped
            | Self::FollowerKilled
            | Self::LeaderKilled
            | Self::TwoServersKilled => {}
        }
    }

    /// Starts what was killed.
    pub(super) async fn end(self, servers: &mut Servers, nodes: &mut Nodes, place: Place) {
        match self {
            Self::WriterKilled | Self::WriterStopped => {
                nodes.all[place.writer].start_again().await;
            }
            Self::FollowerKilled => nodes.all[place.follower].start_again().await,
            Self::LeaderKilled => servers.launch(place.leader),
            _ => {}
        }
    }
}
