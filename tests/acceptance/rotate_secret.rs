//! The journey of a rotate-secret, step by step as the map in `crates/README.md` tells it.
//!
//! Each test is named after its step. The first two and the last two run over NATS; those between
//! run on an engine in this process, whose folder they look into.

use async_nats::HeaderMap;
use async_nats::jetstream;
use futures::StreamExt as _;
use ledger_client::{Client, ClientOptions, CommandHeaders, Key, WatchItem, WatchScope};
use ledger_contract::commands::{self, GivenSecret, ParsedCommand};
use ledger_contract::errors::Code;
use ledger_contract::records::{self, Happened, Record, StreamId, Via};
use ledger_contract::subjects::{self, Subjects};
use ledger_domain::limits::{RECORD_BYTES, SECRET_BYTES};
use ledger_domain::{ConnectionId, Event, FieldName, Position, WorkspaceName};
use ledger_store::tables::{keys, log};
use ledger_vault::{Plaintext, Scope, WrappedDataKey};
use serde_json::{Value, json};

use crate::bus::start_with;
use crate::compare::wait_until_published;
use crate::ledger::{HOME, Ledger, Place, TestCommand};
use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::wait::eventually;

const FIELD: &str = "api_key";
const FIRST: &str = "sk-first-value-0001";
const SECOND: &str = "sk-second-value-0002";

/// Commands at once that are certain to be more than one permit lets in.
const CROWDED: usize = 200;

fn rotation() -> Value {
    json!({"connection": "main", "secrets": {FIELD: SECOND}})
}

fn workspace() -> WorkspaceName {
    WorkspaceName::parse("workspace", HOME).expect("a good name")
}

fn field() -> FieldName {
    FieldName::parse("field", FIELD).expect("a good name")
}

/// The program on a NATS server that anybody can listen to, with one connection.
struct World {
    nats: NatsServer,
    service: Service,
    client: Client,
    connection: String,
}

impl World {
    async fn new() -> Self {
        let nats = NatsServer::start().await;
        let service = Service::start(&["--nats-url", &nats.url()]).await;
        let client = Self::connect(&nats, &service, service.key()).await;
        let body = json!({"slug": "main", "provider": "openai", "secrets": {FIELD: FIRST}});
        let about = CommandHeaders::with_id("create-main");
        let made = eventually("the ledger answers", async || {
            let body = body.to_string().into_bytes();
            client.command(HOME, "create", body, about.clone()).await.ok()
        });
        let connection = made.await.receipt.connection.expect("a connection was made");
        Self { nats, service, client, connection }
    }

    /// Connects a client that seals what it sends.
    async fn connect(nats: &NatsServer, service: &Service, key: String) -> Client {
        let file = std::fs::read(service.data_dir().join("server.json")).expect("it is there");
        let file: Value = serde_json::from_slice(&file).expect("JSON");
        let mut options = ClientOptions::new(Key::new(key));
        options.url = nats.url();
        options.ledger_xkey = file["xkey"].as_str().map(ToOwned::to_owned);
        Client::connect(options).await.expect("NATS is there")
    }

    async fn rotate(&self, about: CommandHeaders) -> Result<u64, String> {
        let body = rotation().to_string().into_bytes();
        let answer = self.client.command(HOME, "rotate-secret", body, about).await;
        answer.map(|accepted| accepted.receipt.position).map_err(|error| code(&error))
    }

    async fn history(&self) -> Vec<Value> {
        let question = json!({"connection": "main"});
        let answer = self.client.query(HOME, "history", &question).await.expect("answered");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        answer["events"].as_array().expect("events").clone()
    }
}

fn code(error: &ledger_client::ClientError) -> String {
    error.code().map_or_else(|| error.to_string(), ToOwned::to_owned)
}

/// An engine in this process with one connection. Returns the connection's id, too.
async fn ledger() -> (Ledger, String) {
    let ledger = Ledger::new().await;
    let body = json!({"slug": "main", "provider": "openai", "secrets": {FIELD: FIRST}});
    let made = ledger.run("create", body).await;
    (ledger, made.receipt.connection.expect("a connection was made"))
}

/// Reads a record from the log of a ledger that is closed.
fn stored(place: &Place, position: u64) -> Vec<u8> {
    let bytes = log::get(&place.store(), Position::new(position)).expect("readable");
    bytes.expect("there is a record")
}

#[tokio::test(flavor = "multi_thread")]
async fn step_1_arrive_with_a_permit_or_be_answered_busy() {
    let server = NatsServer::start().await;
    let (ledger, _) = ledger().await;
    let bus = start_with(&ledger, server.url(), |options| {
        options.limits.commands_max = 1;
        // More strangers at once than the rates permit.
        options.rates.per_source = 0;
    })
    .await;
    let client = server.client().await;
    let whoami = Subjects::default().query("_all", "whoami");
    eventually("the ledger answers", async || client.request(whoami.clone(), "".into()).await.ok())
        .await;

    let subject = Subjects::default().command(HOME, "rotate-secret");
    let rotations = (0..CROWDED).map(async |_| {
        let body = rotation().to_string();
        let answer = client.request(subject.clone(), body.into()).await.expect("answered");
        let headers = answer.headers.expect("an error has headers");
        headers.get(subjects::ERROR_CODE).expect("a code").as_str().to_owned()
    });
    let codes = futures::future::join_all(rotations).await;
    let count = |wanted: &str| codes.iter().filter(|code| *code == wanted).count();
    // Those that were let in went on to the next step, which found no key.
    let (turned_away, let_in) = (count("busy"), count("credential_missing"));
    assert_eq!(turned_away + let_in, CROWDED, "{codes:?}");
    assert!(turned_away > 0 && let_in > 0, "{turned_away} turned away, {let_in} let in");
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn step_2_authenticate_what_was_sealed() {
    let world = World::new().await;
    let listener = world.nats.client().await;
    let mut heard = listener.subscribe("ledger.cmd.>").await.expect("subscribed");
    // The server handles a connection in order: once it has returned this message, it has the
    // subscription above.
    let mut echo = listener.subscribe("echo").await.expect("subscribed");
    listener.publish("echo", "".into()).await.expect("sent");
    echo.next().await.expect("returned");
    let about = CommandHeaders {
        command_id: Some("rotate-1".to_owned()),
        expected_version: Some("1".to_owned()),
        correlation_id: Some("incident-7".to_owned()),
        ..CommandHeaders::default()
    };
    world.rotate(about).await.expect("accepted");

    let message = heard.next().await.expect("it went over NATS");
    let headers = message.headers.unwrap_or_default();
    assert!(headers.get(subjects::XKEY).is_some(), "it came sealed");
    assert!(headers.get(subjects::AUTHORIZATION).is_none(), "the key is inside");
    let text = String::from_utf8_lossy(&message.payload);
    assert!(!text.contains(SECOND) && !text.contains(&world.service.key()));

    let event = &world.history().await[0];
    assert_eq!((&event["type"], &event["via"]), (&json!("secret_rotated"), &json!("nats")));
    assert_eq!(event["command_id"], "rotate-1");
    assert_eq!(event["correlation_id"], "incident-7");
    assert_eq!(event["actor"], "user:admin");

    let late = CommandHeaders { expected_version: Some("1".to_owned()), ..Default::default() };
    assert_eq!(world.rotate(late).await, Err("version_conflict".to_owned()));
    let stranger = World::connect(&world.nats, &world.service, "sk_live_wrong".to_owned()).await;
    let body = rotation().to_string().into_bytes();
    let refused = stranger.command(HOME, "rotate-secret", body, CommandHeaders::default()).await;
    assert_eq!(code(&refused.expect_err("refused")), "credential_invalid");
}

#[test]
fn step_3_parse_the_body_with_the_value_as_plaintext() {
    let parse = |body: &Value| {
        commands::parse("rotate-secret", &workspace(), None, body.to_string().as_bytes())
    };
    let command = parse(&rotation()).expect("a good body");
    assert!(!format!("{command:?}").contains(SECOND), "nothing prints the value");
    let ParsedCommand::RotateSecret { secrets, .. } = command else { panic!("another command") };
    let value = secrets.get(&field()).expect("the field is there");
    let GivenSecret::Value(value) = value else { panic!("it is a value") };
    assert!(value.same_as(&Plaintext::from_string(SECOND.to_owned())));

    let problem = parse(&json!({"connection": "main", "secrets": {FIELD: [SECOND]}}));
    let problem = problem.expect_err("a list is no secret");
    assert_eq!(problem.code, Code::BodyMalformed);
    assert!(!format!("{problem:?} {problem}").contains(SECOND), "nor does a complaint");
}

#[tokio::test(flavor = "multi_thread")]
async fn step_4_seal_under_the_key_of_the_connection_that_the_slug_names() {
    let (ledger, connection) = ledger().await;
    let receipt = ledger.run("rotate-secret", rotation()).await.receipt;
    assert_eq!(receipt.connection.as_deref(), Some(&*connection), "found by its slug");
    let place = ledger.close();
    let record = stored(&place, receipt.position);
    assert!(!String::from_utf8_lossy(&record).contains(SECOND));
    let record = records::decode(Position::new(receipt.position), &record).expect("readable");
    let Happened::Connection(Event::SecretRotated { secrets, .. }) = record.happened else {
        panic!("another event");
    };
    let id: ConnectionId = connection.parse().expect("an id");
    let wrapped = keys::get(&place.store(), id).expect("readable").expect("a data key");
    let wrapped = WrappedDataKey::from_bytes(&wrapped).expect("the vault wrote it");
    let workspace = workspace();
    let scope = Scope { workspace: &workspace, connection: id };
    let data_key = place.keyring().unwrap(scope, &wrapped).expect("the master key fits");
    let sealed =
        &secrets.get(&field()).expect("the field is there").held.sealed().expect("a value");
    let opened = data_key.open(scope, &field(), sealed).expect("it opens where it belongs");
    assert!(opened.same_as(&Plaintext::from_string(SECOND.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn step_5_decide_once_for_each_command_id() {
    let (ledger, connection) = ledger().await;
    let rotate = |body: &Value| TestCommand::new("rotate-secret", body).id("rotate-1");
    let first = ledger.send(rotate(&rotation())).await.expect("accepted");
    assert_eq!((first.repeated, first.receipt.version), (false, 2));
    let again = ledger.send(rotate(&rotation())).await.expect("the same answer");
    assert_eq!((again.repeated, &again.receipt), (true, &first.receipt));
    assert_eq!(ledger.engine.head().get(), first.receipt.position, "nothing was added");

    let other = json!({"connection": "main", "secrets": {FIELD: "sk-third-value-0003"}});
    assert_eq!(ledger.refusal(rotate(&other)).await, Code::CommandIdReused);
    let unknown = json!({"connection": "main", "secrets": {"password": SECOND}});
    let unknown = TestCommand::new("rotate-secret", &unknown);
    assert_eq!(ledger.refusal(unknown).await, Code::SecretFieldUnknown);
    ledger.run("archive", json!({"connection": "main"})).await;
    let late = json!({"connection": connection, "secrets": {FIELD: SECOND}});
    let late = TestCommand::new("rotate-secret", &late);
    assert_eq!(ledger.refusal(late).await, Code::ConnectionArchived);
}

#[tokio::test(flavor = "multi_thread")]
async fn step_6_record_event_and_metadata_in_at_most_60_kib() {
    let (ledger, connection) = ledger().await;
    let largest = "x".repeat(SECRET_BYTES);
    let both = json!({FIELD: largest, "password": largest});
    ledger.run("update", json!({"connection": "main", "secrets": {"password": FIRST}})).await;
    let both = TestCommand::new("rotate-secret", &json!({"connection": "main", "secrets": both}));
    assert_eq!(ledger.refusal(both).await, Code::RecordTooLarge);

    let one = json!({"connection": "main", "secrets": {FIELD: largest}});
    let test_command =
        TestCommand::new("rotate-secret", &one).id("rotate-1").correlation("incident-7");
    let receipt = ledger.send(test_command).await.expect("accepted").receipt;
    let place = ledger.close();
    let bytes = stored(&place, receipt.position);
    assert!((SECRET_BYTES..=RECORD_BYTES).contains(&bytes.len()), "{} bytes", bytes.len());
    let record = records::decode(Position::new(receipt.position), &bytes).expect("readable");
    let Record { metadata, happened } = record;
    assert_eq!(happened.type_name(), "secret_rotated");
    assert_eq!(metadata.stream, StreamId::Connection(connection.parse().expect("an id")));
    assert_eq!((metadata.version.get(), metadata.provenance.via), (receipt.version, Via::Nats));
    assert_eq!(metadata.provenance.command_id.as_str(), "rotate-1");
    let correlation = metadata.provenance.correlation_id.expect("it was given");
    assert_eq!(correlation.as_str(), "incident-7");
}

#[tokio::test(flavor = "multi_thread")]
async fn step_7_commit_durably_before_the_answer() {
    let (ledger, _) = ledger().await;
    let receipt = ledger.run("rotate-secret", rotation()).await.receipt;
    let after_power_cut = ledger.power_cut();
    assert_eq!(ledger.engine.head().get(), receipt.position);
    for ledger in [ledger, after_power_cut.open()] {
        assert_eq!(ledger.engine.head().get(), receipt.position);
        assert_eq!(ledger.get("main")["secrets"][FIELD]["generation"], 2);
        let listed = ledger.ask("list", &json!({"provider": ["openai"]}));
        assert_eq!(listed["connections"][0]["version"], json!(receipt.version), "{listed}");
        ledger.expect_replay_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn step_8_relay_to_the_stream_at_the_position_of_the_log() {
    let world = World::new().await;
    let position = world.rotate(CommandHeaders::default()).await.expect("accepted");
    let jetstream = jetstream::new(world.nats.client().await);
    let name = Subjects::default().stream_name();
    let message = eventually("the event is in the stream", async || {
        let stream = jetstream.get_stream(&name).await.ok()?;
        stream.get_raw_message(position).await.ok()
    })
    .await;
    assert_eq!(message.sequence, position);
    assert_eq!(message.subject.as_str(), format!("ledger.events.{HOME}.{}", world.connection));
    let notification: Value = serde_json::from_slice(&message.payload).expect("JSON");
    assert_eq!(notification["event"]["type"], "secret_rotated");
    assert_eq!(notification["position"], position);
    assert_eq!(notification["connection"]["secrets"][FIELD]["generation"], 2);

    // Another publisher that is as sure of its predecessor is refused: the place is taken.
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Last-Sequence", (position - 1).to_string().as_str());
    let twice = jetstream.publish_with_headers(message.subject, headers, message.payload).await;
    assert!(twice.expect("sent").await.is_err(), "an event has one place");
}

#[tokio::test(flavor = "multi_thread")]
async fn step_9_watch_the_new_generation_and_ask_for_its_value() {
    let world = World::new().await;
    let head = world.history().await[0]["position"].as_u64().expect("a number");
    wait_until_published(&world.nats.client().await, head).await;
    let mut watcher = world.client.watch(WatchScope::Workspace(HOME.to_owned()), None);
    let generation = |json: &[u8]| {
        let notification: Value = serde_json::from_slice(json).expect("JSON");
        assert!(!notification.to_string().contains("value-000"), "only a mask is shown");
        notification["connection"]["secrets"][FIELD]["generation"].clone()
    };
    let Some(WatchItem::Initial(initial)) = watcher.next().await else { panic!("no state") };
    assert_eq!(generation(initial.json()), 1);
    let Some(WatchItem::CaughtUp { .. }) = watcher.next().await else { panic!("not caught up") };

    let position = world.rotate(CommandHeaders::default()).await.expect("accepted");
    let Some(WatchItem::Change(change)) = watcher.next().await else { panic!("no change") };
    assert_eq!((change.position, generation(change.json())), (position, json!(2)));
    let secrets = world.client.reveal(HOME, "main", &[FIELD], "to forward requests").await;
    let secrets = secrets.expect("the administrator may");
    assert_eq!((secrets[FIELD].generation(), secrets[FIELD].value()), (2, SECOND));
}
