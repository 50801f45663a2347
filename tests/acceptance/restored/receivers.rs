//! Everybody who follows a ledger.

use std::collections::BTreeMap;

use ledger_client::{Mirror, Restart, WatchScope};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::feed::FeedReader;
use super::stage::{HOME, Login, Stage};
use crate::bucket_watcher::{BucketWatcher, Seen};
use crate::example_gateway::Gateway;
use crate::histories::follower::{Follower, is_equal};
use crate::wait::eventually;

const HISTORY_CHANGED: [&str; 1] = ["history_changed"];

/// None of them is started again.
pub(super) struct Receivers {
    everything: Follower,
    workspace: Follower,
    mirror: Mirror,
    feed: FeedReader,
    bucket: BucketWatcher,
    gateway: Gateway,
}

impl Receivers {
    pub(super) async fn start(stage: &Stage) -> Self {
        let key = stage.service().gateway_key(HOME).await;
        let of_all = stage.client("administrator", &stage.service().key()).await;
        let of_home = stage.client("gateway-acme", &key).await;
        let scope = WatchScope::Workspace(HOME.to_owned());
        let mirror = Mirror::follow(of_home.clone(), HOME);
        mirror.ready().await.expect("it watches");
        Self {
            everything: Follower::new(of_all.watch(WatchScope::Everything, None), None),
            workspace: Follower::new(of_home.watch(scope, None), None),
            mirror,
            feed: FeedReader::start(stage.service(), HOME),
            bucket: bucket_watcher(stage.login("auditor")),
            gateway: gateway(stage, &key).await,
        }
    }

    /// Waits until everybody knows what the ledger lists, and nothing else.
    pub(super) async fn until_equal(&mut self, stage: &Stage) {
        let (home, all) = (stage.service().listed(HOME).await, stage.listed().await);
        self.everything.until_equal_to(&all).await;
        self.workspace.until_equal_to(&home).await;
        eventually("the mirror is equal to the list", async || {
            is_mirrored(&self.mirror, &home).then_some(())
        })
        .await;
        eventually("the reader of the feed knows the list", async || {
            is_equal(&self.feed.known().states, &home).then_some(())
        })
        .await;
        eventually("the bucket is equal to the list", async || {
            let Seen { states, .. } = self.bucket.seen()?;
            let states = states.into_values().map(|view| (id(&view).to_owned(), view)).collect();
            let has_archived = |states: &BTreeMap<String, Value>| {
                states.values().any(|view| view["lifecycle"] == "archived")
            };
            (is_equal(&states, &all) && !has_archived(&states)).then_some(())
        })
        .await;
    }

    /// Waits until gateways use the values of the new history, and no others.
    pub(super) async fn expect_values(&self) {
        let values = [("kept", "kept-new-2"), ("lost-1", "again"), ("new-1", "new-value")];
        for (slug, value) in values {
            eventually(&format!("the gateway uses the value of {slug}"), async || {
                let answer = self.gateway.ask(slug).await;
                (answer == (StatusCode::OK, value.to_owned())).then_some(())
            })
            .await;
            // Until it follows, the mirror may hold the connection of the former history with the
            // same name, which the ledger no longer knows.
            eventually(&format!("the mirror serves the value of {slug}"), async || {
                let seen = self.mirror.connection(slug).filter(|seen| seen.usable)?;
                let secret = self.mirror.secret(&seen, "api_key", "to test").await.ok()?;
                (secret.value() == value).then_some(())
            })
            .await;
        }
        assert_eq!(self.gateway.ask("goes").await.0, StatusCode::FORBIDDEN);
        for slug in ["lost-0", "lost-2", "lost-5"] {
            assert_eq!(self.gateway.ask(slug).await.0, StatusCode::NOT_FOUND, "{slug}");
            assert!(self.mirror.connection(slug).is_none(), "{slug}");
        }
    }

    /// Fails if anybody had to start anew.
    pub(super) fn expect_nothing_told(&self) {
        for follower in [&self.everything, &self.workspace] {
            assert!(follower.restarts.is_empty(), "{:?}", follower.restarts);
        }
        assert_eq!(*self.mirror.restarts().borrow(), None);
        assert!(self.gateway.restarts().is_empty());
        assert!(self.feed.known().refusals.is_empty());
    }

    /// Fails unless everybody was told that the history is another one, once.
    pub(super) async fn expect_told(&mut self, before: &str, after: &str) {
        for follower in [&self.everything, &self.workspace] {
            assert_eq!(follower.restarts, HISTORY_CHANGED);
            let incarnation = follower.last.and_then(|point| point.incarnation);
            assert_eq!(incarnation.map(|name| name.to_string()).as_deref(), Some(after));
        }
        let reason = *self.mirror.restarts().borrow();
        assert_eq!(reason.map(Restart::as_str), Some(HISTORY_CHANGED[0]));
        let point = self.mirror.points().borrow().expect("it has caught up");
        assert_eq!(point.incarnation.map(|name| name.to_string()).as_deref(), Some(after));
        eventually("the gateway says why", async || {
            (self.gateway.restarts() == HISTORY_CHANGED).then_some(())
        })
        .await;
        assert_eq!(self.feed.known().refusals, HISTORY_CHANGED);
        let seen = self.bucket.seen().expect("it was told of something");
        assert_eq!(seen.histories, [before, after]);
        assert!(self.bucket.runs() && self.gateway.runs(), "none was started again");
    }
}

fn id(view: &Value) -> &str {
    view["id"].as_str().expect("an id")
}

fn bucket_watcher(login: Login) -> BucketWatcher {
    let Login { url, inbox_prefix, jetstream_prefix } = login;
    let inbox = inbox_prefix.as_deref().map(|prefix| ("LEDGER_INBOX_PREFIX", prefix));
    let jetstream = jetstream_prefix.map(|prefix| ("LEDGER_JS_PREFIX", prefix));
    BucketWatcher::start(&url, &inbox.into_iter().chain(jetstream).collect::<Vec<_>>())
}

async fn gateway(stage: &Stage, key: &str) -> Gateway {
    let Login { url, inbox_prefix, jetstream_prefix } = stage.login("gateway-acme");
    let xkey = stage.service().xkey();
    let inbox = inbox_prefix.as_deref().map(|prefix| ("LEDGER_NATS_INBOX_PREFIX", prefix));
    let jetstream = jetstream_prefix.map(|prefix| ("LEDGER_NATS_JS_PREFIX", prefix));
    let settings = [
        ("LEDGER_KEY", key),
        ("LEDGER_NATS_URL", url.as_str()),
        ("LEDGER_XKEY", xkey.as_str()),
        ("LEDGER_WORKSPACE", HOME),
    ];
    Gateway::start(&settings.into_iter().chain(inbox).chain(jetstream).collect::<Vec<_>>()).await
}

/// Returns whether a mirror has the connections of the list. An archived one may be left out.
fn is_mirrored(mirror: &Mirror, listed: &[Value]) -> bool {
    let seen: BTreeMap<_, _> =
        mirror.connections().into_iter().map(|seen| (seen.id.clone(), seen)).collect();
    let known = listed.iter().filter(|view| seen.contains_key(id(view)));
    let states = seen
        .values()
        .map(|seen| json!([seen.slug, seen.version, seen.position, seen.usable, seen.generations]));
    let mut missed = listed.iter().filter(|view| !seen.contains_key(id(view)));
    states.eq(known.map(summary)) && missed.all(|view| view["lifecycle"] == "archived")
}

/// What a mirror keeps of a connection.
fn summary(view: &Value) -> Value {
    let secrets = view["secrets"].as_object().expect("secrets").iter();
    let generations: BTreeMap<_, _> =
        secrets.map(|(name, secret)| (name, secret["generation"].clone())).collect();
    let is_usable = view["enabled"] == true && view["lifecycle"] == "active";
    json!([view["slug"], view["version"], view["position"], is_usable, generations])
}
