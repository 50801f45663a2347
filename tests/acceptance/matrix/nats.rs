//! Everything that can be asked over NATS, by everyone.

use async_nats::{Client, HeaderMap};
use futures::StreamExt as _;
use ledger_bus::{Bus, PROGRESS};
use ledger_contract::operations::OPERATIONS;
use ledger_contract::queries::QueryName;
use ledger_contract::subjects::{self, Subjects};
use ledger_domain::principal::Scope;
use ledger_http::routes::Subject;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::bodies::body;
use super::cast::{Cast, TARGET};
use super::traces::{Cell, Tally, Trace};
use super::{
    AUDIT, At, GOVERN, LET_IN, Line, NO_SOURCE, NO_TARGET, NOT_SEALED, Need, Place, READ, READ_ALL,
    ROTATE, Reach, SHARE, WELL, WRITE, WRITE_AND_ROTATE, line,
};
use crate::bus;
use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};
use crate::nats_server::NatsServer;
use crate::verbs::{ledger_verbs, principal_verbs, token_verbs, verbs};
use crate::wait::{PATIENCE, eventually};

/// An alert tells its receiver what its creator may read.
const ALERT: &[Scope] = &[Scope::Administer, Scope::Read, Scope::Audit];

pub(super) const TABLE: &[Line] = &[
    ("create", WRITE, WELL),
    ("update", WRITE, LET_IN),
    ("rotate-secret", ROTATE, LET_IN),
    ("retire-former", ROTATE, LET_IN),
    ("cancel-rotation", ROTATE, LET_IN),
    ("enable", WRITE, LET_IN),
    ("disable", WRITE, LET_IN),
    ("mark-degraded", WRITE, LET_IN),
    ("mark-failed", WRITE, LET_IN),
    ("mark-operational", WRITE, LET_IN),
    ("archive", WRITE, LET_IN),
    ("restore", WRITE, LET_IN),
    ("erase", Need::Here(&[Scope::Administer]), LET_IN),
    ("grant-workspace", SHARE, LET_IN),
    ("revoke-workspace", WRITE, LET_IN),
    ("set-limits", WRITE, LET_IN),
    ("set-model-policy", WRITE, LET_IN),
    ("set-pricing", WRITE, LET_IN),
    ("link-dependent", WRITE, LET_IN),
    ("unlink-dependent", WRITE, LET_IN),
    ("revert", WRITE_AND_ROTATE, LET_IN),
    ("test-connection", WRITE, LET_IN),
    ("report-failure", Need::Here(&[Scope::Reveal]), LET_IN),
    ("list-models", Need::Here(&[Scope::Read]), LET_IN),
    ("refresh-token", ROTATE, LET_IN),
    ("connect", ROTATE, LET_IN),
    ("revoke-handover", Need::Foothold, "handover_unknown"),
    ("renew-lease", Need::Here(&[Scope::Reveal]), LET_IN),
    ("return-lease", Need::Here(&[Scope::Reveal]), LET_IN),
    ("revoke-leases", ROTATE, LET_IN),
    ("revoke-workspace-leases", ROTATE, LET_IN),
    ("confirm-secret", Need::Here(&[ledger_domain::principal::Scope::Reveal]), LET_IN),
    ("remove-consumer", ROTATE, LET_IN),
    ("create-workspace", Need::Here(&[ledger_domain::principal::Scope::Administer]), TAKEN),
    ("set-secret-policy", Need::Here(&[Scope::Administer]), LET_IN),
    ("remove-secret-policy", Need::Here(&[Scope::Administer]), LET_IN),
    ("create-alert", Need::Here(ALERT), LET_IN),
    ("update-alert", Need::Here(ALERT), LET_IN),
    ("rotate-alert-secret", Need::Here(&[Scope::Administer]), LET_IN),
    ("test-alert", Need::Here(&[Scope::Administer]), LET_IN),
    ("replay-alert", Need::Here(&[Scope::Administer]), LET_IN),
    ("remove-alert", Need::Here(&[Scope::Administer]), LET_IN),
    ("create-principal", GOVERN, WELL),
    ("update-principal", Need::Principal(Place::OfLedger), LET_IN),
    ("enable-principal", Need::Principal(Place::OfLedger), LET_IN),
    ("disable-principal", Need::Principal(Place::OfLedger), LET_IN),
    ("issue-key", Need::Principal(Place::OfLedger), LET_IN),
    ("revoke-key", Need::Principal(Place::OfLedger), LET_IN),
    ("block-token", GOVERN, LET_IN),
    ("unblock-token", GOVERN, LET_IN),
    ("rotate-master-key", GOVERN, NO_SOURCE),
    ("retire-master-key", GOVERN, LET_IN),
    ("seal-ledger", GOVERN, LET_IN),
    ("unseal-ledger", GOVERN, NOT_SEALED),
    ("get", READ, WELL),
    ("why", READ, WELL),
    ("uptime", READ, WELL),
    ("rotation", READ, WELL),
    ("attempts", READ, WELL),
    ("erasure", READ, WELL),
    ("list", Need::Foothold, WELL),
    ("history", AUDIT, WELL),
    ("audit", AUDIT, WELL),
    ("exposure", Need::AtHome(Scope::Audit), WELL),
    ("diff", Need::AtHome(Scope::Audit), WELL),
    ("who-may", Need::AtHome(Scope::Audit), WELL),
    ("changes", AUDIT, WELL),
    ("undo-plan", AUDIT, WELL),
    ("handovers", AUDIT, WELL),
    ("leases", AUDIT, WELL),
    ("workspaces", Need::Foothold, WELL),
    ("status", READ_ALL, WELL),
    ("proof", READ_ALL, WELL),
    ("principals", Need::Principals(Place::OfWorkspace), WELL),
    ("blocked-tokens", GOVERN, WELL),
    ("secret-policies", READ, WELL),
    ("alerts", Need::Here(&[Scope::Administer]), WELL),
    ("dead-letters", Need::Here(&[Scope::Administer]), "alert_unknown"),
    ("master-keys", GOVERN, WELL),
    ("access-check", Need::Principal(Place::OfWorkspace), WELL),
    ("whoami", Need::Foothold, WELL),
    ("replay", GOVERN, WELL),
    ("backup", GOVERN, NO_TARGET),
    ("rewrap", GOVERN, WELL),
    // A share in the clear is refused.
    ("give-share", GOVERN, "sealed_required"),
    ("step-down", GOVERN, "not_in_cluster"),
];

/// Both workspaces are there already.
const TAKEN: &str = "workspace_taken";

/// A ledger that is asked over NATS.
struct Stage {
    ledger: Ledger,
    server: NatsServer,
    bus: Bus,
    client: Client,
    cast: Cast,
    /// The id of a connection of the home workspace that is shared with the other one.
    shared: String,
    made: usize,
}

/// Tells whether something is asked about one connection.
pub(super) fn is_about_connection(name: &str) -> bool {
    let command = verbs().any(|verb| verb == name);
    let of_workspace = [
        "create",
        "create-workspace",
        "revoke-handover",
        "revoke-workspace-leases",
        "set-secret-policy",
        "remove-secret-policy",
        "create-alert",
        "update-alert",
        "rotate-alert-secret",
        "test-alert",
        "replay-alert",
        "remove-alert",
    ];
    (command && !of_workspace.contains(&name))
        || ["get", "why", "uptime", "rotation", "attempts", "erasure"].contains(&name)
        || ["exposure", "diff", "who-may"].contains(&name)
}

/// Returns what something leaves behind when it is done.
pub(super) fn trace(name: &str) -> Trace {
    match QueryName::find(name) {
        Some(query) => Trace::of(Subject::Query(query)),
        None if OPERATIONS.contains(&name) => Trace::Nothing,
        None => Trace::Event,
    }
}

impl Stage {
    async fn open() -> Self {
        let server = NatsServer::start().await;
        let ledger = Ledger::new().await;
        let cast = Cast::of(&ledger.engine).await;
        for workspace in [HOME, ABROAD] {
            let secrets = json!({ "api_key": "sk-first-value-1" });
            let main = json!({ "slug": "main", "provider": "openai", "secrets": secrets });
            ledger.send(TestCommand::new("create", &main).at(workspace)).await.expect("made");
        }
        let shared = ledger.create("shared").await;
        let share = json!({ "connection": shared, "grant_to": ABROAD });
        ledger.run("grant-workspace", share).await;
        let bus = bus::start(&ledger, &server).await;
        let client = server.client().await;
        let asked = Subjects::default().query("_all", "whoami");
        // By somebody who may, so that nothing is recorded.
        let admin = cast.actors.iter().find(|actor| actor.name == "admin-everywhere");
        let mut headers = HeaderMap::new();
        let key = format!("Bearer {}", admin.expect("one of the cast").key);
        headers.insert(subjects::AUTHORIZATION, key.as_str());
        eventually("the ledger answers", async || {
            let sent = client.request_with_headers(asked.clone(), headers.clone(), "".into());
            sent.await.ok()
        })
        .await;
        Self { ledger, server, bus, client, cast, shared, made: 0 }
    }

    /// Sends a message and returns the code it is answered with.
    async fn ask(&self, key: Option<&str>, subject: &str, name: &str, body: &Value) -> String {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert(subjects::AUTHORIZATION, key);
        }
        if !["create", "create-principal", "create-workspace"].contains(&name)
            && QueryName::find(name).is_none()
        {
            headers.insert(subjects::EXPECTED_VERSION, "999");
        }
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.expect("subscribed");
        let payload = body.to_string().into();
        let (to, back) = (subject.to_owned(), inbox);
        let sent = self.client.publish_with_reply_and_headers(to, back, headers, payload).await;
        sent.expect("sent");
        let last = async {
            loop {
                let answer = answers.next().await.expect("the connection is open");
                let headers = answer.headers.unwrap_or_default();
                assert_ne!(answer.status, Some(async_nats::StatusCode::NO_RESPONDERS), "{subject}");
                // How far a replay is comes before its answer.
                if headers.get(PROGRESS).is_none() {
                    return headers;
                }
            }
        };
        let headers = timeout(PATIENCE, last).await.unwrap_or_else(|_| panic!("{subject}"));
        let code = headers.get(subjects::ERROR_CODE).map(|code| code.as_str().to_owned());
        code.unwrap_or_default()
    }

    /// Returns the subject and the body of something that is asked in a workspace.
    fn message(&mut self, name: &str, at: At) -> (String, Value) {
        let (subject, mut body) = self.message_to(name, at.workspace());
        if at == At::Shared {
            body["connection"] = json!(self.shared);
        }
        (subject, body)
    }

    /// Returns the same in any workspace, about its connection `main`.
    fn message_to(&mut self, name: &str, workspace: &str) -> (String, Value) {
        self.made += 1;
        let names = Subjects::default();
        let mut body = body(name, self.made);
        let command = verbs().any(|verb| verb == name);
        if is_about_connection(name) {
            body["connection"] = json!("main");
        }
        if principal_verbs().any(|verb| verb == name) && name != "create-principal" {
            body["principal"] = json!(TARGET);
        }
        match name {
            "revoke-key" => body["key"] = json!(self.cast.target_key),
            "access-check" => body = json!({ "as": TARGET, "may": "read" }),
            "exposure" => body["field"] = json!("api_key"),
            _ => {}
        }
        let subject = if principal_verbs()
            .chain(token_verbs())
            .chain(ledger_verbs())
            .any(|verb| verb == name)
        {
            names.command(subjects::LEDGER, name)
        } else if command {
            names.command(workspace, name)
        } else if QueryName::find(name).is_some() {
            names.query(workspace, name)
        } else {
            names.operation(name)
        };
        (subject, body)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_over_nats_may_do_what_the_table_says_and_nothing_else() {
    let mut stage = Stage::open().await;
    let (mut tally, before) = (Tally::default(), stage.ledger.engine.head().get());
    let verbs = verbs().chain(principal_verbs()).chain(token_verbs()).chain(ledger_verbs());
    for name in verbs.chain(QueryName::names()).chain(OPERATIONS) {
        let (need, told) = line(TABLE, name);
        for at in At::ALL.into_iter().filter(|at| *at != At::Shared || is_about_connection(name)) {
            let asked = Cell { operation: name, trace: trace(name), at };
            for number in 0..stage.cast.actors.len() {
                let (subject, body) = stage.message(name, at);
                let actor = &stage.cast.actors[number];
                let key = format!("Bearer {}", actor.key);
                let code = stage.ask(Some(&key), &subject, name, &body).await;
                let expected = actor.rights.decide(need, told, at);
                assert_eq!(code, expected, "{} asks {subject}, {at:?}", actor.name);
                tally.answered(actor, asked, &code);
            }
            let (subject, body) = stage.message(name, at);
            for (header, code) in &stage.cast.strangers {
                let answered = stage.ask(header.as_deref(), &subject, name, &body).await;
                assert_eq!(answered, *code, "{subject}");
                tally.turned_away(asked, code);
            }
        }
    }
    tally.check(&stage.ledger, before);
    stage.bus.shutdown().await;
    drop(stage.server);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_and_one_that_is_not_there_sound_the_same_over_nats() {
    let mut stage = Stage::open().await;
    let home = stage.cast.actors.iter().filter(|actor| actor.rights.reach == Reach::Home);
    let keys: Vec<_> = home.map(|actor| format!("Bearer {}", actor.key)).collect();
    for name in verbs().chain(QueryName::names()) {
        let (there, body) = stage.message_to(name, ABROAD);
        let (nowhere, _) = stage.message_to(name, "nowhere");
        for key in &keys {
            let heard = stage.ask(Some(key), &there, name, &body).await;
            assert_eq!(heard, stage.ask(Some(key), &nowhere, name, &body).await, "{name}");
            assert_eq!(heard, "forbidden", "{name}");
        }
    }
    stage.bus.shutdown().await;
    drop(stage.server);
}
