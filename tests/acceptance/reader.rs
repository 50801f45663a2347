//! Whoever may read everything and reveal nothing is shown a secret nowhere: at no door, in no
//! answer, and in nothing that the server writes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use ledger_client::{Client, ClientOptions, CommandHeaders, Key};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::canary::{CANARY, expect_silence_in, secret, sings};
use crate::facades::creations;
use crate::http::door::{Answer, CONNECTIONS, client, read, with_body};
use crate::nats_server::NatsServer;
use crate::scenarios;
use crate::service::Service;
use crate::sniffer::Sniffer;
use crate::wait::eventually;

const LOUD: [&str; 6] = ["--log", "trace", "--rate-per-key", "0", "--rate-per-address", "0"];

/// The documents of the APIs, with the folders of their scenarios.
const DOCUMENTS: [(&str, &str); 6] = [
    ("native", include_str!("../../schemas/openapi.json")),
    ("blaxel", include_str!("../../schemas/facades/blaxel.json")),
    ("pica", include_str!("../../schemas/facades/pica.json")),
    ("umbraco", include_str!("../../schemas/facades/umbraco.json")),
    ("portkey", include_str!("../../schemas/facades/portkey.json")),
    ("elevenlabs", include_str!("../../schemas/facades/elevenlabs.json")),
];

/// A ledger with secrets of every door, and somebody who may only read.
struct Stage {
    /// A server that everybody may listen to.
    nats: NatsServer,
    service: Service,
    sniffer: Sniffer,
    admin: String,
    reader: String,
    /// The names by which connections can be asked for, in all products' forms.
    handles: Vec<String>,
}

impl Stage {
    async fn open() -> Self {
        let nats = NatsServer::start().await;
        let sniffer = Sniffer::start(&nats.url()).await;
        let url = nats.url();
        let service = Service::start(&[&["--nats-url", &url], LOUD.as_slice()].concat()).await;
        // Its file is there before it has subscribed.
        eventually("the ledger answers", async || {
            service.run(&["status"]).await.status.success().then_some(())
        })
        .await;
        let admin = service.key();
        let (reader, handles) = (String::new(), Vec::new());
        let stage = Self { nats, service, sniffer, admin, reader, handles };
        let principal = json!({
            "principal": "reader", "kind": "user",
            "grants": [{"role": "viewer"}, {"role": "auditor"}],
        });
        let made = stage.send_as(&stage.admin, "native", "/api/v1/principals", &principal).await;
        assert_eq!(made.status, 201, "{made:?}");
        let keys = "/api/v1/principals/reader/keys";
        let issued = stage.send_as(&stage.admin, "native", keys, &json!({})).await;
        let reader = issued.json()["api_key"]["key"].as_str().expect("a key").to_owned();
        Self { reader, ..stage }
    }

    fn request(&self, key: &str, product: &str, method: Method, path: &str) -> RequestBuilder {
        let (header, key) = scenarios::key(product, key);
        let url = format!("{}{path}", self.service.http_url());
        client().request(method, url).header(header, key)
    }

    async fn send_as(&self, key: &str, product: &str, path: &str, body: &Value) -> Answer {
        read(with_body(self.request(key, product, Method::POST, path), body)).await
    }

    async fn client(&self, key: &str) -> Client {
        let file = fs::read(self.service.data_dir().join("server.json")).expect("its file");
        let file: Value = serde_json::from_slice(&file).expect("JSON");
        let mut options = ClientOptions::new(Key::new(key));
        options.url = self.nats.url();
        options.ledger_xkey = file["xkey"].as_str().map(str::to_owned);
        options.timeout = std::time::Duration::from_secs(20);
        Client::connect(options).await.expect("NATS is there")
    }

    async fn run(&self, args: &[&str]) -> Output {
        let mut command = self.service.command(args);
        command.env("CONNLEDGER_KEY", &self.reader).output().await.expect("connledger runs")
    }

    /// Creates and changes connections with secrets through every door.
    async fn put_secrets(&mut self) {
        for (product, path, body) in creations(&secret(1)) {
            let made = self.send_as(&self.admin, product, path, &body).await;
            expect_made(product, &made);
            let handle = ["connection", "id", "slug"]
                .iter()
                .find_map(|name| made.json().get(*name).and_then(Value::as_str).map(str::to_owned));
            self.handles.push(handle.unwrap_or_else(|| "b".to_owned()));
        }
        let url = format!("postgres://app:{}@db.internal/main", secret(2));
        let settings = json!({"apiKey": secret(3), "endpoint": url, "note": {"pat": secret(4)}});
        let umbraco = json!({
            "alias": "inside", "name": "I", "providerId": "openai", "settings": settings,
        });
        let path = "/umbraco/ai/management/api/v1/connections";
        expect_made("umbraco", &self.send_as(&self.admin, "umbraco", path, &umbraco).await);
        let headers = json!({"Authorization": secret(5), "X-Team": "a"});
        let portkey = json!({
            "name": "H", "slug": "headers", "ai_provider_id": "openai", "key": secret(6),
            "configurations": {"custom_headers": headers, "base_url": url},
        });
        let made = self.send_as(&self.admin, "portkey", "/v1/integrations", &portkey).await;
        expect_made("portkey", &made);
        let client = self.client(&self.admin).await;
        let main = json!({"slug": "main", "provider": "openai", "secrets": {"api_key": secret(7)}});
        let headers = CommandHeaders::default;
        let main = main.to_string().into_bytes();
        client.command("default", "create", main, headers()).await.expect("accepted");
        let rotated = json!({"connection": "main", "secrets": {"api_key": secret(8)}});
        let rotated = rotated.to_string().into_bytes();
        client.command("default", "rotate-secret", rotated, headers()).await.expect("accepted");
        let file = self.service.folder().join("secret.txt");
        fs::write(&file, secret(9)).expect("writable");
        let value = format!("client_secret=@{}", file.display());
        let updated = self.service.run(&["update", "main", "--secret", &value]).await;
        assert!(updated.status.success(), "{}", String::from_utf8_lossy(&updated.stderr));
        fs::remove_file(file).expect("it is there");
        self.handles.extend(["main", "inside", "headers"].map(str::to_owned));
    }

    /// Sends secrets where none belong, and bodies that nobody can read, through every door.
    async fn put_mistakes(&self) {
        let connection = format!("{CONNECTIONS}/main");
        let url = format!("https://user:{CANARY}@api.example/v1");
        for settings in [
            json!({"config": {"auth_token": CANARY}}),
            json!({"config": {"endpoint": url}}),
            json!({"config": {"custom_headers": {"Authorization": CANARY}}}),
            json!({"labels": {"note": format!("sk-{CANARY}")}}),
            json!({"annotations": {"x": {"deep": url}}}),
        ] {
            let request = self.request(&self.admin, "native", Method::PATCH, &connection);
            let answer = read(with_body(request, &settings)).await;
            answer.expect_problem(400, "secret_exposed");
            expect_silence(&answer);
        }
        for (product, path, body) in creations(&secret(10)) {
            let text = body.to_string();
            let cut = text.get(..text.len() - 1).expect("one brace");
            let doubled = format!("{{\"{CANARY}\": {{}}, {}", &text[1..]);
            let typed = text.replace(&format!("\"{}\"", secret(10)), &format!("[\"{CANARY}\"]"));
            for broken in [cut, &doubled, &typed, &format!("\"{CANARY}\"")] {
                let request = self.request(&self.admin, product, Method::POST, path);
                let request = request.header("content-type", "application/json");
                let answer = read(request.body(broken.to_owned())).await;
                expect_silence(&answer);
            }
            let refused = self.send_as(&self.reader, product, path, &body).await;
            assert!(refused.status >= 400, "{product}: {refused:?}");
            expect_silence(&refused);
        }
        let client = self.client(&self.admin).await;
        for body in [json!({"connection": "main", "config": {"api_key": CANARY}}), json!([CANARY])]
        {
            let sent = body.to_string().into_bytes();
            let refused =
                client.command("default", "update", sent, CommandHeaders::default()).await;
            let refused = refused.expect_err("refused");
            assert!(!sings(format!("{refused:?} {refused}").as_bytes()), "{refused}");
        }
    }

    /// Reads everything that the documents of the APIs have, and returns how many answers had
    /// something to show.
    async fn read_over_http(&self) -> usize {
        let mut shown = 0;
        for (product, document) in DOCUMENTS {
            let document: Value = serde_json::from_str(document).expect("JSON");
            let paths = document["paths"].as_object().expect("paths");
            let before = shown;
            let readable = paths.iter().filter(|(_, methods)| methods.get("get").is_some());
            let filled = readable
                .flat_map(|(path, _)| self.handles.iter().map(move |handle| filled(path, handle)));
            for path in filled.collect::<BTreeSet<_>>() {
                let request = self.request(&self.reader, product, Method::GET, &path);
                let answer = read(request.header("accept", "application/json")).await;
                expect_silence(&answer);
                assert!(answer.status < 500, "{path}: {answer:?}");
                shown += usize::from(answer.status == 200);
            }
            assert!(shown > before, "{product} shows nothing");
        }
        for handle in &self.handles {
            let path = format!("/umbraco/ai/management/api/v1/connections/{handle}/test");
            expect_silence(&self.send_as(&self.reader, "umbraco", &path, &json!({})).await);
            let path = format!("{CONNECTIONS}/{handle}/reveal-secret");
            let body = json!({"reason": "a test"});
            let refused = self.send_as(&self.reader, "native", &path, &body).await;
            expect_silence(&refused);
            assert_ne!(refused.status, 200, "{refused:?}");
        }
        shown
    }

    async fn read_over_nats_and_by_commands(&self) {
        let client = self.client(&self.reader).await;
        for (workspace, query, parameters) in [
            ("default", "get", json!({"connection": "main"})),
            ("default", "list", json!({})),
            ("_all", "list", json!({})),
            ("_all", "history", json!({})),
            ("_all", "audit", json!({})),
            ("_all", "status", json!({})),
            ("_all", "whoami", json!({})),
        ] {
            let answer = client.query(workspace, query, &parameters).await.expect("answered");
            assert!(!sings(&answer), "{query}: {}", String::from_utf8_lossy(&answer));
        }
        for args in [
            ["get", "main", "--json"].as_slice(),
            &["list"],
            &["list", "--json"],
            &["history", "main"],
            &["history", "--json"],
            &["audit", "--json"],
            &["status", "--json"],
            &["whoami"],
            &["reveal", "main", "--reason", "a test"],
            &["get", "nobody"],
        ] {
            let output = self.run(args).await;
            assert!(!sings(&output.stdout) && !sings(&output.stderr), "{args:?}: {output:?}");
        }
    }

    /// Looks at what the list of processes shows of the server and its threads.
    fn expect_silence_of_the_process(&self) {
        let process = PathBuf::from(format!("/proc/{}", self.service.pid()));
        let threads = fs::read_dir(process.join("task")).expect("it has threads");
        let threads = threads.flatten().map(|thread| thread.path().join("comm"));
        for file in threads.chain([process.join("cmdline"), process.join("environ")]) {
            // A thread may have ended meanwhile.
            let text = fs::read(&file).unwrap_or_default();
            assert!(!sings(&text), "{}", String::from_utf8_lossy(&text));
        }
        let line = fs::read(process.join("cmdline")).expect("it runs");
        assert!(String::from_utf8_lossy(&line).contains("serve"), "{line:?}");
    }
}

/// Fills the parameters of a path.
fn filled(path: &str, handle: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{workspace}" | "{organization}" | "{project}" => "default",
        "{modelId}" => "gpt-4.1",
        "{integrationName}" => "openai",
        "{capability}" => "chat",
        "{version}" => "1",
        "{to}" => "2",
        "{principal}" => "reader",
        _ if part.starts_with('{') => handle,
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[track_caller]
fn expect_made(product: &str, answer: &Answer) {
    assert!(matches!(answer.status, 200 | 201), "{product}: {answer:?}");
    expect_silence(answer);
}

#[track_caller]
fn expect_silence(answer: &Answer) {
    assert!(!sings(format!("{answer:?}").as_bytes()), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_shown_a_secret_nowhere() {
    let mut stage = Stage::open().await;
    stage.put_secrets().await;
    stage.put_mistakes().await;
    assert!(stage.read_over_http().await > 100, "hardly anything was read");
    stage.read_over_nats_and_by_commands().await;
    stage.expect_silence_of_the_process();
    let heard = stage.sniffer.stop().await;
    let published = heard.iter().filter(|message| message.subject.contains(".events.")).count();
    assert!(published > 8, "{published} notifications were heard");
    for message in &heard {
        message.expect_none_of(&[stage.admin.as_str(), stage.reader.as_str()]);
    }
    let mut service = stage.service;
    assert!(service.stop().await.success(), "{}", service.log());
    assert!(service.log().contains("create"), "the log was written at all");
    assert!(expect_silence_in(service.folder()) > 100_000, "hardly anything was searched");
    expect_silence_in(stage.nats.folder());
}
