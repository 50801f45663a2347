//! The operations of each connection are linearizable, while nodes and servers fail, as a checker
//! finds that others wrote; and the same checker finds what is wrong if readers name no position.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures::future::join_all;
use ledger_contract::cluster::{AT_LEAST, POSITION};
use reqwest::Method;
use serde_json::{Value, json};
use stateright::semantics::register::{Register, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester};

use super::faults::{Fault, Place};
use super::links::Cut;
use super::nodes::Nodes;
use super::servers::Servers;
use crate::http::door::CONNECTIONS;
use crate::wait::eventually;

/// Connections that are changed and read.
const CONNECTIONS_COUNT: usize = 4;
/// Clients of each connection.
const CLIENTS: usize = 3;
/// What each client does while a fault lasts.
const OPERATIONS: usize = 10;
/// What a connection has at first.
const FIRST: &str = "first";

/// What happened to each connection, with the times in between.
struct Histories {
    of: Vec<Mutex<LinearizabilityTester<usize, Register<String>>>>,
    /// The highest position that an answer had.
    position: AtomicU64,
    /// Operations that have ended.
    count: AtomicUsize,
}

impl Histories {
    async fn begin(nodes: &Nodes) -> Self {
        let new = || Mutex::new(LinearizabilityTester::new(Register(FIRST.to_owned())));
        let of = (0..CONNECTIONS_COUNT).map(|_| new()).collect();
        let histories = Self { of, position: AtomicU64::new(0), count: AtomicUsize::new(0) };
        for connection in 0..CONNECTIONS_COUNT {
            let slug = slug(connection);
            let position = eventually("a command is acknowledged", async || {
                nodes.create_over_http(connection % 3, &slug).await
            });
            histories.position.fetch_max(position.await, Ordering::SeqCst);
            let command = format!("{slug}-first");
            histories.write(nodes, connection, FIRST, &command).await;
        }
        histories
    }

    fn invoke(&self, connection: usize, client: usize, operation: RegisterOp<String>) {
        let mut history = self.of[connection].lock().expect("no panic");
        history.on_invoke(client, operation).expect("a client does one thing at a time");
    }

    fn ended(&self, connection: usize, client: usize, result: RegisterRet<String>) {
        let mut history = self.of[connection].lock().expect("no panic");
        history.on_return(client, result).expect("it was begun");
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Sets the value of a connection, at whichever node takes it.
    async fn write(&self, nodes: &Nodes, connection: usize, value: &str, command: &str) {
        let turn = AtomicUsize::new(connection);
        let answer = eventually("a change is acknowledged", async || {
            let node = turn.fetch_add(1, Ordering::SeqCst) % 3;
            let body = json!({"display_name": value});
            nodes.send(node, Method::PATCH, &path(connection), &body, Some(command)).await
        });
        let position = answer.await["position"].as_u64().expect("a position");
        self.position.fetch_max(position, Ordering::SeqCst);
    }

    /// Returns the value of a connection at whichever node has what any client has seen.
    async fn read(&self, nodes: &Nodes, connection: usize, first: usize) -> String {
        let turn = AtomicUsize::new(first);
        eventually("a connection is read", async || {
            let node = turn.fetch_add(1, Ordering::SeqCst) % 3;
            let position = self.position.load(Ordering::SeqCst);
            let (value, position) = read_at(nodes, node, connection, Some(position)).await?;
            self.position.fetch_max(position, Ordering::SeqCst);
            Some(value)
        })
        .await
    }

    async fn client(&self, nodes: &Nodes, round: usize, number: usize) {
        let (connection, client) = (number % CONNECTIONS_COUNT, number / CONNECTIONS_COUNT);
        for step in 0..OPERATIONS {
            if (step + client).is_multiple_of(2) {
                let value = format!("{round}-{client}-{step}");
                self.invoke(connection, client, RegisterOp::Write(value.clone()));
                let command = format!("{}-{value}", slug(connection));
                self.write(nodes, connection, &value, &command).await;
                self.ended(connection, client, RegisterRet::WriteOk);
            } else {
                self.invoke(connection, client, RegisterOp::Read);
                let value = self.read(nodes, connection, step + number).await;
                self.ended(connection, client, RegisterRet::ReadOk(value));
            }
        }
    }
}

fn slug(connection: usize) -> String {
    format!("linear-{connection}")
}

fn path(connection: usize) -> String {
    format!("{CONNECTIONS}/{}", slug(connection))
}

/// Returns the value of a connection at a node, and the position of that.
async fn read_at(
    nodes: &Nodes,
    node: usize,
    connection: usize,
    at_least: Option<u64>,
) -> Option<(String, u64)> {
    let at_least = at_least.map(|position| position.to_string());
    let headers = at_least.iter().map(|position| (AT_LEAST, position.as_str()));
    let (answer, body) = nodes.get(node, &path(connection), headers).await?;
    if !answer.status.is_success() {
        assert_eq!(answer.status, 503, "the only refusal is that of a node that lacks it: {body}");
        return None;
    }
    let position = answer.headers.get(POSITION).expect("a position").to_str().expect("text");
    let (position, _) = position.split_once('@').expect("with its history");
    let value = body["display_name"].as_str().expect("a value").to_owned();
    Some((value, position.parse().expect("a number")))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_see_of_a_connection_is_linearizable_whatever_fails() {
    let mut servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    let histories = Histories::begin(&nodes).await;
    let faults =
        [Fault::WriterKilled, Fault::LeaderKilled, Fault::FollowerCut, Fault::WriterPaused];
    for (round, fault) in faults.into_iter().enumerate() {
        let place = Place::now(&servers, &nodes).await;
        fault.begin(&mut servers, &mut nodes, place).await;
        let before = histories.count.load(Ordering::SeqCst);
        let clients =
            (0..CONNECTIONS_COUNT * CLIENTS).map(|number| histories.client(&nodes, round, number));
        let passes = async {
            eventually("clients go on", async || {
                let count = histories.count.load(Ordering::SeqCst);
                (count >= before + CONNECTIONS_COUNT * CLIENTS * 2).then_some(())
            })
            .await;
            fault.pass(&servers, &nodes, place);
        };
        tokio::join!(join_all(clients), passes);
        fault.end(&mut servers, &mut nodes, place).await;
    }
    for history in &histories.of {
        let history = history.lock().expect("no panic");
        assert_eq!(history.len(), faults.len() * CLIENTS * OPERATIONS);
        assert!(history.is_consistent(), "{history:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_names_no_position_sees_the_past_and_the_checker_finds_it() {
    let servers = Servers::start("sync_interval: always").await;
    let nodes = Nodes::start(&servers).await;
    let histories = Histories::begin(&nodes).await;
    let last = histories.position.load(Ordering::SeqCst);
    nodes.until_all_have(last).await;
    let writer = nodes.writer().await;
    let follower = (writer + 1) % 3;
    servers.cut_node(follower, Cut::Both);
    histories.invoke(0, 0, RegisterOp::Write("new".to_owned()));
    let body = json!({"display_name": "new"});
    let done = nodes.send(writer, Method::PATCH, &path(0), &body, None).await;
    let done: Value = done.expect("acknowledged");
    let position = done["position"].as_u64().expect("a position");
    histories.ended(0, 0, RegisterRet::WriteOk);
    assert!(read_at(&nodes, follower, 0, Some(position)).await.is_none(), "it does not have it");
    let (value, _) = read_at(&nodes, writer, 0, Some(position)).await.expect("the writer has it");
    assert_eq!(value, "new");
    assert!(histories.of[0].lock().expect("no panic").is_consistent());
    histories.invoke(0, 1, RegisterOp::Read);
    let (value, _) = read_at(&nodes, follower, 0, None).await.expect("it answers what it has");
    histories.ended(0, 1, RegisterRet::ReadOk(value));
    assert!(!histories.of[0].lock().expect("no panic").is_consistent(), "the read was of the past");
}
