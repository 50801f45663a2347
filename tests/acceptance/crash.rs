//! The server is killed again and again while many write.

use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ledger_client::{Accepted, Client, ClientError, CommandHeaders};
use ledger_engine::EngineOptions;
use ledger_vault::Keyring;
use rand::Rng as _;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::compare::{expect_equal, wait_until_published};
use crate::ledger::open;
use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// Rounds of the test suite; `cargo xtask crash` runs more.
const ROUNDS: usize = 50;
const WRITERS: usize = 64;
/// The server lives this long, in milliseconds, after the first answer of a round.
const LIFE: std::ops::Range<u64> = 1..250;

/// Someone who changes one connection over and over, and never forgets what was not answered.
#[derive(Debug)]
struct Writer {
    number: usize,
    /// Commands of this writer that were sent at least once.
    sent: u64,
    /// The last one sent has no answer yet.
    open: bool,
    /// Answers that told of an earlier execution: accepted, but the answer died with the server.
    repeated: usize,
    /// Positions of accepted commands, by command id.
    accepted: BTreeMap<String, u64>,
}

impl Writer {
    fn command_id(&self, command: u64) -> String {
        format!("w{}-{command}", self.number)
    }

    /// Command 1 makes the connection; each later one changes it.
    fn command(&self, command: u64) -> (&'static str, Value) {
        let slug = format!("w-{}", self.number);
        let reason = format!("r-{command}");
        match command {
            1 => (
                "create",
                json!({"slug": slug, "provider": "x", "secrets": {"k": "sk-0123456789"}}),
            ),
            _ if command.is_multiple_of(7) => {
                ("rotate-secret", json!({"connection": slug, "secrets": {"k": reason}}))
            }
            _ => ("mark-degraded", json!({"connection": slug, "reason": reason})),
        }
    }

    /// Writes until the server is about to die. What has no answer is sent again first.
    async fn write(
        &mut self,
        client: &Client,
        mut dying: watch::Receiver<bool>,
        first: &watch::Sender<bool>,
    ) {
        loop {
            if !self.open {
                self.sent += 1;
                self.open = true;
            }
            let answer = tokio::select! {
                biased;
                _ = dying.wait_for(|dying| *dying) => return,
                answer = self.send(client) => answer,
            };
            match answer {
                Ok(accepted) => {
                    self.note(&accepted);
                    first.send_replace(true);
                }
                Err(error) if error.retry() => tokio::task::yield_now().await,
                Err(error) => panic!("{} was refused: {error}", self.command_id(self.sent)),
            }
        }
    }

    async fn send(&self, client: &Client) -> Result<Accepted, ClientError> {
        let (verb, body) = self.command(self.sent);
        let about = CommandHeaders::with_id(self.command_id(self.sent));
        client.command("default", verb, body.to_string().into_bytes(), about).await
    }

    fn note(&mut self, accepted: &Accepted) {
        assert_eq!(
            accepted.receipt.version, self.sent,
            "writer {}: a command is there twice",
            self.number
        );
        let id = self.command_id(self.sent);
        assert_eq!(self.accepted.insert(id, accepted.receipt.position), None);
        self.repeated += usize::from(accepted.repeated);
        self.open = false;
    }
}

/// What is known of the log so far.
#[derive(Debug, Default)]
struct Known {
    head: u64,
    /// Command ids by position, from 1.
    commands: HashMap<String, u64>,
}

impl Known {
    /// Reads what is new in the log, newest first, down to what is known.
    async fn read_on(&mut self, client: &Client) {
        let mut new = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let question = json!({"page_size": 500, "cursor": cursor});
            let answer = client.query("_all", "history", &question).await;
            let page: Value = serde_json::from_slice(&answer.expect("history")).expect("JSON");
            let events = page["events"].as_array().expect("events");
            let is_new = |event: &&Value| event["position"].as_u64() > Some(self.head);
            let before = new.len();
            new.extend(events.iter().filter(is_new).cloned());
            cursor = page["next_cursor"].clone();
            if cursor.is_null() || new.len() - before < events.len() {
                break;
            }
        }
        for event in new.iter().rev() {
            self.head += 1;
            assert_eq!(event["position"], json!(self.head), "positions are dense");
            let id = event["command_id"].as_str().expect("an id").to_owned();
            let twice = self.commands.insert(id.clone(), self.head);
            assert_eq!(twice, None, "the command {id} is in the log twice");
        }
    }

    fn expect_all_accepted(&self, writers: &[Writer]) {
        for (id, position) in writers.iter().flat_map(|writer| &writer.accepted) {
            assert_eq!(self.commands.get(id), Some(position), "{id} was accepted and is not there");
        }
    }
}

/// One life of the server, from ready to killed.
async fn live(client: &Client, service: &mut Service, writers: &mut Vec<Writer>, replaying: bool) {
    let (die, dying) = watch::channel(false);
    let (first, mut answered) = watch::channel(false);
    let first = Arc::new(first);
    let tasks: Vec<_> = std::mem::take(writers)
        .into_iter()
        .map(|mut writer| {
            let (client, dying, first) = (client.clone(), dying.clone(), first.clone());
            tokio::spawn(async move {
                writer.write(&client, dying, &first).await;
                writer
            })
        })
        .collect();
    answered.wait_for(|answered| *answered).await.expect("a command is answered");
    let replay = |mut command: Command| {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        quiet.spawn().expect("connledger starts")
    };
    // Held until the server is dead: dropping it would end it.
    let _replay = replaying.then(|| replay(service.command(&["replay"])));
    let end = Instant::now() + Duration::from_millis(rand::rng().random_range(LIFE));
    eventually("the time has come", async || (Instant::now() >= end).then_some(())).await;
    service.kill().await;
    die.send_replace(true);
    for task in tasks {
        writers.push(task.await.expect("no writer failed"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_64_writers_lose_and_repeat_nothing() {
    let rounds = settings::crash_rounds().unwrap_or(ROUNDS);
    let nats = NatsServer::start().await;
    let mut service = Service::start(&["--nats-url", &nats.url(), "--log", "warn"]).await;
    let client = service.client().await;
    let writer =
        |number| Writer { number, sent: 0, open: false, repeated: 0, accepted: BTreeMap::new() };
    let mut writers: Vec<Writer> = (0..WRITERS).map(writer).collect();
    let mut known = Known::default();
    let nats_client = nats.client().await;
    for round in 0..rounds {
        live(&client, &mut service, &mut writers, round % 5 == 4).await;
        service.start_again().await;
        wait_until_answering(&client).await;
        known.read_on(&client).await;
        known.expect_all_accepted(&writers);
        // The relay catches up before the next kill.
        wait_until_published(&nats_client, known.head).await;
    }
    for writer in &mut writers {
        while writer.open {
            let accepted = writer.send(&client).await.expect("accepted or answered the same");
            writer.note(&accepted);
        }
    }
    known.read_on(&client).await;
    known.expect_all_accepted(&writers);
    let accepted: usize = writers.iter().map(|writer| writer.accepted.len()).sum();
    // Three more: the default workspace, the admin and the admin's key.
    assert_eq!(known.commands.len(), accepted + 3, "the log holds what was accepted, nothing else");
    let repeated: usize = writers.iter().map(|writer| writer.repeated).sum();
    assert!(repeated > 0, "no kill came between a commit and its answer");
    assert!(accepted > rounds * WRITERS / 4, "only {accepted} commands got through");

    let replay = service.run(&["replay", "--verify"]).await;
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    wait_until_published(&nats_client, known.head).await;
    assert!(service.stop().await.success());
    let keyring = || Keyring::read_file(service.data_dir().join("dev-master.key")).expect("a key");
    let options = || EngineOptions::new(service.data_dir(), keyring());
    let engine = open(options).expect("the ledger opens");
    assert_eq!(expect_equal(&nats_client, &engine).await, known.head);
    engine.shutdown();
}

async fn wait_until_answering(client: &Client) {
    eventually("the ledger answers", async || {
        client.query("default", "status", &json!({})).await.ok()
    })
    .await;
}
