//! A ledger with two workspaces, what happens in each of its histories, and its restore.

use std::path::PathBuf;
use std::process::Output;

use ledger_client::{Client, ClientOptions, Key};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::example_gateway::provider;
use crate::http::door;
use crate::permissions::world::{JETSTREAM, Known, World};
use crate::ports::free_port;
use crate::service::Service;
use crate::wait::eventually;

/// The workspace of the gateways.
pub(super) const HOME: &str = "acme";
pub(super) const OTHER: &str = "other";

/// Where the restored ledger is to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Folder {
    /// Where the former one was, beside what the managed NATS server has.
    Same,
    /// An empty one.
    Other,
}

/// The NATS server of the ledger.
enum Nats {
    Managed(Box<Service>),
    /// One that has the users of `deploy/nats/ledger.conf`, and goes on during the restore.
    WithUsers(Box<World>),
}

/// The ledger that answers now.
pub(super) struct Stage {
    nats: Nats,
    /// The address of the connections' provider.
    base_url: String,
    room: TempDir,
}

/// Whom a program is for NATS.
pub(super) struct Login {
    pub(super) url: String,
    pub(super) inbox_prefix: Option<String>,
    pub(super) jetstream_prefix: Option<&'static str>,
}

impl Stage {
    async fn new(nats: Nats) -> Self {
        let (base_url, room) = (provider().await, tempfile::tempdir().expect("a folder"));
        Self { nats, base_url, room }
    }

    pub(super) async fn managed() -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let service = Service::start(&["--nats", "managed", "--listen", &listen]).await;
        service.wait_until_published().await;
        for workspace in [HOME, OTHER] {
            service.create("/workspaces", &json!({ "name": workspace })).await;
        }
        Self::new(Nats::Managed(Box::new(service))).await
    }

    pub(super) async fn with_users() -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let world = World::with(Known::ByTemplate, &["--listen", &listen]).await;
        Self::new(Nats::WithUsers(Box::new(world))).await
    }

    pub(super) fn service(&self) -> &Service {
        match &self.nats {
            Nats::Managed(service) => service,
            Nats::WithUsers(world) => &world.service,
        }
    }

    fn service_mut(&mut self) -> &mut Service {
        match &mut self.nats {
            Nats::Managed(service) => service,
            Nats::WithUsers(world) => &mut world.service,
        }
    }

    /// Returns how a program reaches NATS that would be this user of the template.
    pub(super) fn login(&self, user: &str) -> Login {
        match &self.nats {
            Nats::Managed(service) => {
                Login { url: service.nats_url(), inbox_prefix: None, jetstream_prefix: None }
            }
            Nats::WithUsers(world) => Login {
                url: world.url_of(user),
                inbox_prefix: Some(format!("_INBOX_{user}")),
                jetstream_prefix: Some(JETSTREAM),
            },
        }
    }

    /// Connects our own client.
    pub(super) async fn client(&self, user: &str, key: &str) -> Client {
        let Login { url, inbox_prefix, jetstream_prefix } = self.login(user);
        let mut options = ClientOptions::new(Key::new(key));
        options.url = url;
        options.ledger_xkey = Some(self.service().xkey());
        options.inbox_prefix = inbox_prefix;
        options.jetstream_prefix = jetstream_prefix.map(str::to_owned);
        Client::connect(options).await.expect("NATS is there")
    }

    /// Returns the connections of both workspaces, by id.
    pub(super) async fn listed(&self) -> Vec<Value> {
        let mut all = self.service().listed(HOME).await;
        all.extend(self.service().listed(OTHER).await);
        all.sort_by_key(|view| view["id"].to_string());
        all
    }

    /// Creates a connection, and returns the position.
    async fn create(&self, workspace: &str, slug: &str, value: &str) -> u64 {
        let body = json!({
            "slug": slug, "provider": "mock",
            "config": { "base_url": self.base_url }, "secrets": { "api_key": value },
        });
        let path = format!("/workspaces/{workspace}/connections");
        let receipt = self.service().create(&path, &body).await;
        receipt["position"].as_u64().expect("a position")
    }

    async fn change(&self, name: &str, verb: &str, body: &Value) {
        self.service().change(HOME, name, verb, body).await;
    }

    async fn rotate(&self, slug: &str, value: &str) {
        self.change(slug, "rotate-secret", &json!({ "secrets": { "api_key": value } })).await;
    }

    /// What both histories have.
    pub(super) async fn begin(&self) {
        for slug in ["kept", "turns", "goes", "returns"] {
            self.create(HOME, slug, &format!("{slug}-first")).await;
        }
        self.create(OTHER, "kept", "kept-first").await;
        self.change("returns", "archive", &json!({})).await;
    }

    /// What is lost.
    pub(super) async fn go_on(&self) {
        for value in ["kept-lost-2", "kept-lost-3"] {
            self.rotate("kept", value).await;
        }
        self.change("goes", "archive", &json!({})).await;
        self.change("turns", "disable", &json!({})).await;
        // An archived connection is known by its id only.
        let listed = self.service().listed(HOME).await;
        let returns = listed.iter().find(|view| view["slug"] == "returns").expect("it is there");
        let id = returns["id"].as_str().expect("an id");
        self.change(id, "restore", &json!({})).await;
        for number in 0..6 {
            self.create(HOME, &format!("lost-{number}"), "lost-value").await;
        }
        self.change("lost-0", "archive", &json!({})).await;
        self.create(OTHER, "lost", "lost-value").await;
    }

    /// What happens instead, up to beyond a position.
    pub(super) async fn go_otherwise(&self, lost: u64) {
        self.rotate("kept", "kept-new-2").await;
        self.change("goes", "disable", &json!({})).await;
        self.change("turns", "archive", &json!({})).await;
        // The name is that of another connection in the history that is lost.
        self.create(HOME, "lost-1", "again").await;
        let mut number = 0;
        while self.create(HOME, &format!("new-{number}"), "new-value").await <= lost {
            number += 1;
        }
        self.change("new-0", "archive", &json!({})).await;
    }

    fn file(&self) -> PathBuf {
        self.room.path().join("ledger.jsonl")
    }

    /// Exports the ledger as it is, and goes on.
    pub(super) async fn export(&mut self) {
        let file = self.file().display().to_string();
        let service = self.service_mut();
        assert!(service.stop().await.success());
        succeeded(&service.run(&["export", "--out", &file]).await);
        service.start_again().await;
        service.wait_until_published().await;
    }

    /// Makes the ledger of the export again, and serves it.
    pub(super) async fn restore(&mut self, folder: Folder) {
        let file = self.file().display().to_string();
        let service = self.service_mut();
        assert!(service.stop().await.success());
        match folder {
            Folder::Same => service.lose_ledger(),
            Folder::Other => *service = service.elsewhere(),
        }
        succeeded(&service.run(&["import", &file]).await);
        service.start_again().await;
        if let Nats::WithUsers(world) = &mut self.nats {
            expect_refused(&world.service).await;
            let service = &mut world.service;
            assert!(service.stop().await.success());
            service.add_args(&["--adopt-stream"]);
            service.start_again().await;
        }
        eventually("it owns its name", async || {
            (self.service().status().await["nats"]["owner"] == true).then_some(())
        })
        .await;
        self.service().wait_until_published().await;
    }

    /// Stops the ledger, and makes its read models again to compare them.
    pub(super) async fn verify(&mut self) {
        assert!(self.service_mut().stop().await.success());
        succeeded(&self.service().run(&["replay", "--verify"]).await);
    }
}

fn succeeded(run: &Output) {
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// Fails unless the ledger refuses to go on with the streams that it finds, and says what to do.
async fn expect_refused(service: &Service) {
    let steps = ["another history of this ledger", "--adopt-stream", "explain stream_differs"];
    let names_steps = |text: &str| steps.iter().all(|part| text.contains(part));
    eventually("the status names the steps", async || {
        let status = service.status().await;
        names_steps(status["nats"]["refusal"].as_str()?).then_some(())
    })
    .await;
    let url = format!("{}/readyz", service.http_url());
    let ready = door::client().get(url).send().await.expect("an answer");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let create = json!({ "slug": "no", "provider": "mock" });
    let path = format!("/workspaces/{HOME}/connections");
    let (_, refused) = service.ask(Method::POST, &path, &create).await;
    assert_eq!(refused["code"], "not_owner", "{refused}");
    assert!(names_steps(&refused.to_string()), "{refused}");
    assert!(service.log().contains("stream_differs"), "{}", service.log());
}
