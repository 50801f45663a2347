//! What each user of `deploy/nats/ledger.conf` can do, and what none can; and the same for the
//! users of `deploy/nats/operator.sh`.

mod operator;
pub(crate) mod world;

use futures::StreamExt as _;
use futures::future::join_all;
use ledger_client::{Mirror, ResumePoint, WatchItem, WatchScope, Watcher};
use ledger_domain::Position;
use serde_json::{Value, json};

use crate::canary::secret;
use crate::wait::{PATIENCE, eventually};
use world::{Known, User, World, members_of_template};

/// What nobody but the ledger may send.
const NOBODY_SENDS: [&str; 28] = [
    "ledger.events.acme.x",
    "$KV.ledger-connections.acme.x",
    "$KV.ledger-owner.owner",
    "$JS.API.STREAM.INFO.KV_ledger-owner",
    "$JS.API.STREAM.MSG.GET.KV_ledger-owner",
    "$JS.API.STREAM.UPDATE.KV_ledger-owner",
    "$JS.API.STREAM.DELETE.KV_ledger-owner",
    "$JS.API.CONSUMER.CREATE.KV_ledger-owner.x.$KV.ledger-owner.owner",
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.LEDGER_EVENTS",
    "$JS.API.STREAM.CREATE.X",
    "$JS.API.STREAM.UPDATE.LEDGER_EVENTS",
    "$JS.API.STREAM.DELETE.LEDGER_EVENTS",
    "$JS.API.STREAM.PURGE.LEDGER_EVENTS",
    "$JS.API.STREAM.MSG.GET.LEDGER_EVENTS",
    "$JS.API.STREAM.MSG.DELETE.LEDGER_EVENTS",
    "$JS.API.DIRECT.GET.LEDGER_EVENTS",
    "$JS.API.DIRECT.GET.KV_ledger-connections.$KV.ledger-connections.acme.x",
    "ledger.js.STREAM.PURGE.LEDGER_EVENTS",
    "ledger.js.STREAM.MSG.GET.LEDGER_EVENTS",
    "ledger.js.DIRECT.GET.KV_ledger-connections",
    "ledger.js.CONSUMER.NAMES.LEDGER_EVENTS",
    // Without a filter in the subject, the filter could be any.
    "ledger.js.CONSUMER.CREATE.LEDGER_EVENTS",
    "ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.x",
    "ledger.js.CONSUMER.DURABLE.CREATE.LEDGER_EVENTS.x",
    "_INBOX.x",
    "_INBOX_ledger.x",
    "_R_.x",
];

/// What nobody but the ledger may hear.
const NOBODY_HEARS: [&str; 13] = [
    ">",
    "*.>",
    "_INBOX.>",
    "_INBOX_ledger.>",
    "_R_.>",
    "ledger.>",
    "ledger.cmd.>",
    "ledger.cmd.acme.*",
    "ledger.query.>",
    "ledger.reveal.>",
    "ledger.reveal.acme.*",
    "$KV.>",
    "$JS.EVENT.>",
];

/// What is needed to send commands, to ask, and to get secrets, of any workspace.
const CHANGES: [&str; 5] = [
    "ledger.cmd.acme.create",
    "ledger.cmd.other.create",
    "ledger.cmd._ledger.issue-key",
    "ledger.admin.replay",
    "ledger.admin.backup",
];
const QUESTIONS: [&str; 2] = ["ledger.query.acme.list", "ledger.query.other.list"];
const SECRETS: [&str; 2] = ["ledger.reveal.acme.main", "ledger.reveal.other.main"];
/// What is needed to watch all workspaces, or the one that is not the user's.
const FOREIGN_WATCHES: [&str; 5] = [
    "ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.x.>",
    "ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.x.ledger.events.>",
    "ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.x.ledger.events.other.>",
    "ledger.js.CONSUMER.CREATE.KV_ledger-connections.x.$KV.ledger-connections.>",
    "ledger.js.CONSUMER.CREATE.KV_ledger-connections.x.$KV.ledger-connections.other.>",
];
const OWN_WATCHES: [&str; 3] = [
    "ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.x.ledger.events.acme.>",
    "ledger.js.CONSUMER.CREATE.KV_ledger-connections.x.$KV.ledger-connections.acme.>",
    "ledger.js.CONSUMER.MSG.NEXT.LEDGER_EVENTS.x",
];

/// Checks a claim on a server that knows its users by the template, and on one with an operator.
async fn on_both(claim: impl AsyncFn(World)) {
    let on = async |known| claim(World::new(known).await).await;
    tokio::join!(Box::pin(on(Known::ByTemplate)), Box::pin(on(Known::ByOperator)));
}

/// Checks that a user is refused everything in the tables, and that the streams are as before.
async fn expect_refusals(world: &World, user: &User, tables: &[&[&str]], deaf_to: &[&str]) {
    let before = world.streams().await;
    for subject in tables.iter().copied().flatten() {
        user.cannot_publish(subject).await;
    }
    for subject in NOBODY_HEARS.iter().chain(deaf_to) {
        user.cannot_subscribe(subject).await;
    }
    assert_eq!(world.streams().await, before, "{} changed a stream", user.name);
}

/// Takes what is told until everything there is has been told; nothing if it cannot be.
async fn initial(mut watcher: Watcher) -> Option<usize> {
    let mut told = 0;
    loop {
        let item = tokio::time::timeout(PATIENCE, watcher.next()).await.expect("it tells");
        match item.expect("a watch never ends") {
            WatchItem::Initial(_) => told += 1,
            WatchItem::CaughtUp { .. } => return Some(told),
            _ => return None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_has_its_workspace_and_nothing_else() {
    on_both(async |world: World| {
        let key = world.service.gateway_key("acme").await;
        let client = world.client("gateway-acme", &key).await;
        let mirror = Mirror::follow(client.clone(), "acme");
        tokio::time::timeout(PATIENCE, mirror.ready()).await.expect("in time").expect("it watches");
        let seen = mirror.connection("main").expect("it is told of its connection");
        let value = mirror.secret(&seen, "api_key", "to route").await.expect("it gets its secret");
        assert_eq!(value.value(), secret(1));
        let create = ["create", "--slug", "second", "--provider", "mock", "-w", "acme"];
        assert!(world.run("manager-acme", &create).await.status.success());
        eventually("a change is told", async || mirror.connection("second")).await;

        assert_eq!(
            initial(client.watch(WatchScope::Workspace("acme".to_owned()), None)).await,
            Some(2)
        );
        let foreign = [WatchScope::Workspace("other".to_owned()), WatchScope::Everything];
        let watches = foreign.iter().flat_map(|scope| [(scope, None), (scope, Some(start()))]);
        let told = watches.map(|(scope, after)| initial(client.watch(scope.clone(), after)));
        assert_eq!(join_all(told).await, [None; 4], "it is told of what is not its own");
        assert!(client.reveal("other", "main", &[], "curious").await.is_err());

        world.published().await;
        let user = world.user("gateway-acme").await;
        let only = [
            "ledger.reveal.other.main",
            "ledger.reveal.acme.main.x",
            "ledger.query.acme.history",
            "_INBOX_manager-acme.x",
        ];
        let other = &QUESTIONS[1..];
        let tables: [&[&str]; 5] = [&NOBODY_SENDS, &CHANGES, other, &FOREIGN_WATCHES, &only];
        let deaf_to = ["_INBOX_manager-acme.>", "ledger.events.acme.>", "ledger.events.>"];
        expect_refusals(&world, &user, &tables, &deaf_to).await;
    })
    .await;
}

/// Returns the start of the log.
fn start() -> ResumePoint {
    ResumePoint::in_any_history(Position::ZERO)
}

/// The body of a request for a reader.
fn reader(stream: &str, more: &Value) -> Value {
    let mut config = json!({"name": "x", "ack_policy": "none", "deliver_policy": "all"});
    let config_map = config.as_object_mut().expect("an object");
    config_map.extend(more.as_object().expect("an object").clone());
    json!({"stream_name": stream, "config": config})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_lies_in_its_requests_gets_and_changes_nothing() {
    on_both(async |world: World| {
        const EVENTS: &str = "ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.x.ledger.events.acme.>";
        const BUCKET: &str =
            "ledger.js.CONSUMER.CREATE.KV_ledger-connections.x.$KV.ledger-connections.acme.>";
        let before = world.streams().await;
        let user = world.user("gateway-acme").await;
        let own = json!({"filter_subject": "ledger.events.acme.>"});
        let other = "ledger.events.other.>";
        let lies = [
            reader("LEDGER_EVENTS", &json!({"filter_subject": other})),
            reader("LEDGER_EVENTS", &json!({})),
            reader("LEDGER_EVENTS", &json!({"filter_subjects": [other]})),
            reader("LEDGER_EVENTS", &json!({"filter_subjects": ["ledger.events.acme.>", other]})),
            reader("KV_ledger-connections", &own),
        ];
        for lie in lies {
            let answer = user.ask(EVENTS, &lie).await;
            assert!(answer["error"]["err_code"].is_u64(), "{lie} was answered {answer}");
        }
        // Answers that would be events if they went where they are asked to go.
        let honest = user.ask(EVENTS, &reader("LEDGER_EVENTS", &own)).await;
        // The workspace's own event and its connection's.
        assert_eq!(honest["num_pending"], 2, "{honest}");
        let astray = [
            (EVENTS, reader("LEDGER_EVENTS", &own)),
            ("ledger.js.CONSUMER.MSG.NEXT.LEDGER_EVENTS.x", json!({"batch": 5, "no_wait": true})),
            ("ledger.reveal.acme.main", json!({})),
        ];
        for (subject, body) in astray {
            let (reply, body) = ("ledger.events.acme.fake", body.to_string());
            user.nats
                .publish_with_reply(subject, reply, body.into())
                .await
                .expect("it can be sent");
        }
        let pushed = json!({
            "name": "y", "filter_subject": "$KV.ledger-connections.acme.>",
            "deliver_subject": "ledger.events.acme.fake",
        });
        let push = BUCKET.replace(".x.", ".y.");
        user.ask(&push, &reader("KV_ledger-connections", &pushed)).await;
        assert_eq!(world.streams().await, before, "a stream was changed");
        // The next event takes the next place, which it could not if anything else had.
        let create = ["create", "--slug", "second", "--provider", "mock", "-w", "acme"];
        assert!(world.run("manager-acme", &create).await.status.success());
        let position = world.published().await;
        let after = world.streams().await;
        assert_eq!((after[0].1, after[0].2, after[0].3), (1, position, position));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_commands_and_asks_in_its_workspace() {
    on_both(async |world: World| {
        let create = |workspace| ["create", "--slug", "two", "--provider", "mock", "-w", workspace];
        assert!(world.run("manager-acme", &create("acme")).await.status.success());
        assert!(world.run("manager-acme", &["list", "-w", "acme"]).await.status.success());
        let user = world.user("manager-acme").await;
        world.published().await;
        let foreign = [CHANGES[1], CHANGES[2], CHANGES[3], QUESTIONS[1], "_INBOX_auditor.x"];
        let tables: [&[&str]; 5] =
            [&NOBODY_SENDS, &foreign, &SECRETS, &FOREIGN_WATCHES, &OWN_WATCHES];
        expect_refusals(&world, &user, &tables, &["_INBOX_gateway-acme.>", "ledger.events.>"])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_reaches_all_of_the_ledger_and_no_stream() {
    on_both(async |world: World| {
        for args in [&["list", "-w", "other"][..], &["replay", "--verify"], &["status"]] {
            let ran = world.run("administrator", args).await;
            assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        }
        let client = world.client("administrator", &world.service.key()).await;
        assert_eq!(initial(client.watch(WatchScope::Everything, None)).await, Some(2));
        let user = world.user("administrator").await;
        world.published().await;
        let tables: [&[&str]; 2] = [&NOBODY_SENDS, &["_INBOX_auditor.x"]];
        expect_refusals(&world, &user, &tables, &["_INBOX_auditor.>", "ledger.events.>"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_every_event_and_says_nothing() {
    on_both(async |world: World| {
        let client = world.client("auditor", "no key at all").await;
        assert_eq!(initial(client.watch(WatchScope::Everything, None)).await, Some(2));
        let mut events = client.watch(WatchScope::Everything, Some(start()));
        let last = world.published().await;
        for expected in 1..=last {
            let item = tokio::time::timeout(PATIENCE, events.next()).await.expect("in time");
            let Some(WatchItem::Change(notice)) = item else { panic!("no change: {item:?}") };
            assert_eq!(notice.position, expected);
        }
        let user = world.user("auditor").await;
        let tables: [&[&str]; 4] = [&NOBODY_SENDS, &CHANGES, &QUESTIONS, &SECRETS];
        expect_refusals(&world, &user, &tables, &["_INBOX_gateway-acme.>", "ledger.events.>"])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_may_make_its_copies_anew_and_take_nothing_out_of_them() {
    on_both(async |world: World| {
        let before = world.streams().await;
        let user = world.user("ledger").await;
        for stream in ["LEDGER_EVENTS", "KV_ledger-connections", "KV_ledger-owner"] {
            for verb in ["PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE"] {
                user.cannot_publish(&format!("$JS.API.STREAM.{verb}.{stream}")).await;
            }
        }
        // The lease is nobody's copy.
        user.cannot_publish("$JS.API.STREAM.DELETE.KV_ledger-owner").await;
        user.cannot_publish("$JS.API.STREAM.DELETE.X").await;
        user.cannot_publish("$KV.ledger-owner.x").await;
        user.cannot_publish("$KV.ledger-connections.acme.x").await;
        user.cannot_subscribe("_INBOX_manager-acme.>").await;
        assert_eq!(world.streams().await, before);

        let last = before[0].2;
        for stream in ["KV_ledger-connections", "LEDGER_EVENTS"] {
            let deleted = user.ask(&format!("$JS.API.STREAM.DELETE.{stream}"), &json!({})).await;
            assert_eq!(deleted["success"], true, "{deleted}");
        }
        eventually("the ledger has made and filled both again", async || {
            let again = world.streams().await;
            (again[0].2 == last).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_reader_has_a_name_of_its_own() {
    on_both(async |world: World| {
        let client = world.client("gateway-acme", &world.service.gateway_key("acme").await).await;
        let scope = || WatchScope::Workspace("acme".to_owned());
        let (one, two) = tokio::join!(
            initial(client.watch(scope(), None)),
            initial(client.watch(scope(), None))
        );
        assert_eq!((one, two), (Some(1), Some(1)));
    })
    .await;
}

#[test]
fn both_ways_to_set_up_a_server_give_each_user_the_same() {
    let (template, script) = (members_of_template(), operator::members());
    assert_eq!(template.len(), 5);
    assert_eq!(template, script);
}
