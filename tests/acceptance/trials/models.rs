//! The models that providers list for connections, through every door, and against providers that
//! do what they like.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use ledger_contract::errors::Code;
use ledger_engine::{SendTest, Sending, SentTest};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::scheduled::Stage;
use super::{HERE, post};
use crate::backup::expect_code;
use crate::canary::{expect_silence_in, secret, sings};
use crate::http::door;
use crate::ledger::TestCommand;
use crate::output::{said, told};
use crate::service::Service;

const CONNECTIONS: &str = "/api/v1/workspaces/default/connections";

/// A provider that lists models as the first segment of the path says.
struct Lister {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    /// `held` waits until this is notified.
    release: Arc<Notify>,
}

impl Lister {
    async fn start(redirects_to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let release = Arc::new(Notify::new());
        let parts = (Arc::clone(&heard), Arc::clone(&release));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (heard, release) = parts.clone();
                tokio::spawn(list(socket, heard, release, redirects_to));
            }
        });
        Self { port, heard, release }
    }

    /// Returns how many requests had a text in their heads.
    fn heard(&self, text: &str) -> usize {
        let heard = self.heard.lock().expect("nobody panicked");
        heard.iter().filter(|request| request.contains(text)).count()
    }

    async fn create(&self, service: &Service, provider: &str, wish: &str) {
        let address = format!("base_url=http://127.0.0.1:{}/{wish}", self.port);
        let key = format!("api_key={}", secret(1));
        let args = ["create", "--slug", wish, "--provider", provider, "--config", &address];
        told(&service.run(&[&args[..], &["--secret", &key]].concat()).await);
    }
}

#[expect(clippy::too_many_lines, reason = "an arm for each way to answer")]
#[expect(clippy::disallowed_methods, reason = "a limit is told by the system's clock")]
async fn list(
    mut socket: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
    release: Arc<Notify>,
    redirects_to: u16,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        request.push(byte);
    }
    let request = String::from_utf8(request).expect("text");
    heard.lock().expect("nobody panicked").push(request.clone());
    let path = request.split(' ').nth(1).unwrap_or_default();
    let wish = path.split('/').nth(1).unwrap_or_default();
    let whole = |status: &str, more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{more}content-length: {length}\r\n\r\n{body}")
    };
    let good = json!({ "object": "list", "data": [
        { "id": "gpt-4o" }, { "id": "text-embedding-3-small" }, { "id": "ft:gpt-4o:acme::7" },
        { "id": format!("echo-{}", secret(1)) }, { "id": "gpt-4o" }, { "no": "id" },
    ] });
    let answer = match wish {
        "good" => whole("200 OK", "", &good.to_string()),
        "held" => {
            release.notified().await;
            whole("200 OK", "", &good.to_string())
        }
        "paged" => {
            let after = path.split_once("after_id=").map_or("", |(_, after)| after);
            let first = after.trim_start_matches("claude-").parse().map_or(0, |last: u32| last + 1);
            let data: Vec<Value> = (first..first + 3)
                .map(|n| json!({ "id": format!("claude-{n}"), "display_name": format!("No. {n}") }))
                .collect();
            let last = format!("claude-{}", first + 2);
            whole(
                "200 OK",
                "",
                &json!({ "data": data, "last_id": last, "has_more": first < 6 }).to_string(),
            )
        }
        // Each page leads to another, forever.
        "forever" => {
            let number = heard.lock().expect("nobody panicked").len();
            let id = format!("claude-{number}");
            let page = json!({ "data": [{ "id": id }], "last_id": id, "has_more": true });
            whole("200 OK", "", &page.to_string())
        }
        "many" => {
            let data: Vec<Value> = (0..5_000).map(|n| json!({ "id": format!("m-{n}") })).collect();
            whole("200 OK", "", &json!({ "data": data }).to_string())
        }
        "refused" => whole("401 Unauthorized", "", "{\"error\": {\"message\": \"no such key\"}}"),
        "limited" => whole("429 Too Many Requests", "retry-after: 30\r\n", "{}"),
        "dated" => {
            let until = chrono::Utc::now() + chrono::TimeDelta::seconds(90);
            let until = until.format("%a, %d %b %Y %H:%M:%S GMT");
            whole("429 Too Many Requests", &format!("retry-after: {until}\r\n"), "{}")
        }
        "garbage" => whole("200 OK", "", "<html>welcome</html>"),
        "another" => whole("200 OK", "", "{\"data\": \"none\"}"),
        "redirect" => {
            let to = format!("location: http://127.0.0.1:{redirects_to}/good/models\r\n");
            whole("307 Temporary Redirect", &to, "")
        }
        "huge" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n").await.ok();
            while socket.write_all(&[b' '; 8_192]).await.is_ok() {}
            return;
        }
        "endless" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"data\": [").await.ok();
            while socket.write_all(&[b' '; 8_192]).await.is_ok() {}
            return;
        }
        "trickle" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await.ok();
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            while socket.write_all(b" ").await.is_ok() {
                ticks.tick().await;
            }
            return;
        }
        other => panic!("nobody lists as {other}"),
    };
    socket.write_all(answer.as_bytes()).await.ok();
}

/// Asks with the command line, which asks over NATS.
async fn models(service: &Service, slug: &str, more: &[&str]) -> Value {
    let listed = service.run(&[&["models", slug, "--json"], more].concat()).await;
    assert!(!sings(&listed.stdout) && !sings(&listed.stderr), "{slug}");
    serde_json::from_str(&told(&listed)).expect("JSON")
}

fn ids(list: &Value) -> Vec<&str> {
    let models = list["models"].as_array().expect("a list");
    models.iter().filter_map(|model| model["id"].as_str()).collect()
}

async fn list_over_http(service: &Service, slug: &str, refresh: bool) -> (u16, Value) {
    let path = format!("{CONNECTIONS}/{slug}/list-models");
    post(service, &path, &json!({ "refresh": refresh })).await
}

async fn get(service: &Service, path: &str) -> Value {
    let url = format!("{}{path}", service.http_url());
    let answer = door::client().get(url).bearer_auth(service.key()).send().await;
    let text = answer.expect("answered").text().await.expect("a body");
    assert!(!sings(text.as_bytes()), "{text}");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_by_the_provider_at_every_door_and_asked_for_once() {
    let lister = Lister::start(0).await;
    let mut service = Service::start(&HERE).await;
    lister.create(&service, "openai", "good").await;
    let list = models(&service, "good", &[]).await;
    assert_eq!(ids(&list), ["gpt-4o", "text-embedding-3-small", "ft:gpt-4o:acme::7"], "{list}");
    assert_eq!((&list["source"], &list["stale"]), (&json!("provider"), &json!(false)), "{list}");
    assert_eq!(list["models"][1]["capabilities"], json!(["embedding"]));
    assert_eq!(list["models"][0]["allowed"], true);
    assert_eq!(lister.heard("GET /good/models "), 1);
    assert_eq!(lister.heard(&format!("authorization: Bearer {}", secret(1))), 1);

    let (status, over_http) = list_over_http(&service, "good", true).await;
    assert_eq!(status, 200, "{over_http}");
    assert_eq!(over_http["models"], list["models"]);
    assert_eq!(over_http["version"], 1, "nothing was recorded beside the reveal");
    let umbraco = "/umbraco/ai/management/api/v1/connections/good/models";
    let at_umbraco = get(&service, umbraco).await;
    let shown = at_umbraco.as_array().expect("a list");
    assert_eq!(shown.len(), 3, "{at_umbraco}");
    assert_eq!(shown[2]["model"], json!({"providerId": "openai", "modelId": "ft:gpt-4o:acme::7"}));
    let chat = get(&service, &format!("{umbraco}?capability=Embedding")).await;
    assert_eq!(chat.as_array().map(Vec::len), Some(1), "{chat}");
    let at_blaxel = get(&service, "/v0/integrations/connections/good/models").await;
    assert_eq!(at_blaxel.as_array().map(Vec::len), Some(3), "{at_blaxel}");
    let path = "/v0/integrations/connections/good/models/ft:gpt-4o:acme::7";
    assert_eq!(get(&service, path).await["id"], "ft:gpt-4o:acme::7");
    let portkey = "/v1/integrations/good/models";
    let at_portkey = get(&service, portkey).await;
    assert_eq!(
        (&at_portkey["total"], &at_portkey["models"][2]["enabled"]),
        (&json!(3), &json!(true))
    );
    assert_eq!(lister.heard(""), 1, "one request for all doors, and none for a refresh so soon");

    let policy =
        json!({ "policy": { "allow_all": true, "models": { "gpt-4o": { "enabled": false } } } });
    let (status, _) =
        post(&service, &format!("{CONNECTIONS}/good/set-model-policy"), &policy).await;
    assert_eq!(status, 200);
    let list = models(&service, "good", &[]).await;
    assert_eq!(list["models"][0]["allowed"], false);
    assert_eq!(get(&service, umbraco).await.as_array().map(Vec::len), Some(2));
    let at_portkey = get(&service, portkey).await;
    let slugs: Vec<_> = at_portkey["models"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|model| &model["slug"])
        .collect();
    assert_eq!(slugs, ["gpt-4o", "text-embedding-3-small", "ft:gpt-4o:acme::7"], "{at_portkey}");
    assert_eq!(at_portkey["models"][0]["enabled"], false);
    assert_eq!(lister.heard(""), 1, "a policy changes no list");

    let history = told(&service.run(&["history", "good", "--json"]).await);
    assert!(history.contains("to list the models of the connection"), "{history}");
    let shown = told(&service.run(&["models", "good"]).await);
    assert!(shown.contains("ft:gpt-4o:acme::7"), "{shown}");
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_followed_up_to_a_limit() {
    let lister = Lister::start(0).await;
    let service = Service::start(&HERE).await;
    for (provider, wish) in [("anthropic", "paged"), ("anthropic", "forever"), ("openai", "many")] {
        lister.create(&service, provider, wish).await;
    }
    let paged = models(&service, "paged", &[]).await;
    assert_eq!(ids(&paged).len(), 9, "{paged}");
    assert_eq!(paged["models"][8]["name"], "No. 8");
    assert_eq!((lister.heard("GET /paged/"), &paged["truncated"]), (3, &json!(false)));
    let forever = models(&service, "forever", &[]).await;
    assert_eq!(ids(&forever).len(), 20, "{forever}");
    assert_eq!((lister.heard("GET /forever/"), &forever["truncated"]), (20, &json!(true)));
    let many = models(&service, "many", &[]).await;
    assert_eq!((ids(&many).len(), &many["truncated"]), (2_000, &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_lists_nothing_has_a_code_and_the_doors_have_the_catalogue() {
    let elsewhere = Lister::start(0).await;
    let lister = Lister::start(elsewhere.port).await;
    let service = Service::start(&[&HERE[..], &["--check-timeout", "2s"]].concat()).await;
    for (wish, code, part) in [
        ("refused", "models_refused", "answered 401: no such key"),
        ("limited", "models_limited", "it asks to wait 30 s"),
        ("dated", "models_limited", "it asks to wait until"),
        ("garbage", "models_unavailable", "not JSON"),
        ("another", "models_unavailable", "no list of models"),
        ("redirect", "models_unavailable", "a redirect, which is not followed"),
        ("huge", "models_unavailable", "more than 4194304 bytes"),
        ("endless", "models_unavailable", "more than 4194304 bytes"),
        ("trickle", "models_unavailable", "did not answer in time"),
    ] {
        lister.create(&service, "openai", wish).await;
        let refused = service.run(&["models", wish]).await;
        expect_code(&refused, code);
        assert!(said(&refused).contains(part), "{wish}: {}", said(&refused));
        assert!(!sings(&refused.stderr), "{wish}");
        let url = format!("{}{CONNECTIONS}/{wish}/list-models", service.http_url());
        let sent = door::client().post(url).bearer_auth(service.key()).body("{}");
        let sent = sent.header("Content-Type", "application/json").send().await;
        let answer = sent.expect("the ledger answers");
        let wait = answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok());
        let wait: Option<u64> = wait.and_then(|wait| wait.parse().ok());
        let problem = answer.text().await.expect("a body");
        assert!(problem.contains(code) && !sings(problem.as_bytes()), "{problem}");
        match wish {
            "refused" => assert_eq!(wait, None, "{problem}"),
            "limited" => assert!(wait.is_some_and(|wait| (20..=31).contains(&wait)), "{wait:?}"),
            "dated" => assert!(wait.is_some_and(|wait| (80..=91).contains(&wait)), "{wait:?}"),
            _ => assert!(wait.is_some_and(|wait| (1..=31).contains(&wait)), "{wait:?}"),
        }
        assert_eq!(lister.heard(&format!("GET /{wish}/")), 1, "{wish} is not asked again so soon");
        let path = format!("/umbraco/ai/management/api/v1/connections/{wish}/models");
        let known = get(&service, &path).await;
        assert!(known.to_string().contains("gpt-5-mini"), "{wish}: {known}");
        let at_portkey = get(&service, &format!("/v1/integrations/{wish}/models")).await;
        assert_eq!(at_portkey["total"], 0, "{wish}: entries only");
    }
    assert_eq!(elsewhere.heard(""), 0, "a credential followed a redirect");
    assert_eq!(super::health(&service, "refused").await, "unknown", "only a test says how it is");
}

/// A provider without a network.
#[derive(Debug)]
struct Steered {
    /// The status; 0 if it is away.
    status: AtomicU16,
    heard: AtomicUsize,
}

impl SendTest for Steered {
    fn send(&self, _: ledger_providers::Request) -> Sending<'_> {
        unreachable!("nothing is tested")
    }

    fn send_for_all(&self, _: ledger_providers::Request) -> Sending<'_> {
        self.heard.fetch_add(1, Ordering::SeqCst);
        let sent = match self.status.load(Ordering::SeqCst) {
            0 => SentTest::Unanswered("it refuses connections".to_owned()),
            status => SentTest::Answered {
                status,
                request_id: None,
                retry_after: (status == 429).then(|| "120".to_owned()),
                body: zeroize::Zeroizing::new(br#"{"data": [{"id": "gpt-4o"}]}"#.to_vec()),
            },
        };
        Box::pin(std::future::ready(sent))
    }

    fn log_in(&self, _: ledger_providers::Login) -> ledger_engine::LoggingIn<'_> {
        unreachable!("nothing is tested")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_answer_is_given_with_its_age_while_the_provider_is_away() {
    let stage = Stage::new(1).await;
    let steered = Arc::new(Steered { status: AtomicU16::new(200), heard: AtomicUsize::new(0) });
    stage.ledger.engine.set_test_sender(Arc::<Steered>::clone(&steered));
    let list = async |refresh: bool| {
        let body = json!({ "connection": "c-0", "refresh": refresh });
        let executed = stage.ledger.send(TestCommand::new("list-models", &body)).await;
        executed.map(|executed| executed.models.expect("models"))
    };
    let heard = || steered.heard.load(Ordering::SeqCst);
    let pass = |seconds| stage.pass(Duration::from_secs(seconds));
    let first = list(false).await.expect("listed");
    assert_eq!((first.stale, first.age_seconds, first.models.len()), (false, Some(0), 1));
    pass(9);
    assert_eq!(list(true).await.expect("recent").age_seconds, Some(9));
    pass(3_500);
    assert_eq!(list(false).await.expect("young").age_seconds, Some(3_509));
    assert_eq!(heard(), 1);
    pass(100);
    let mut requests = 1;
    for (status, part) in [(0, "it refuses connections"), (503, "answered 503"), (429, "120 s")] {
        steered.status.store(status, Ordering::SeqCst);
        requests += 1;
        for _ in 0..3 {
            let earlier = list(false).await.expect("an earlier answer");
            assert!(earlier.stale && earlier.models.len() == 1, "{earlier:?}");
            assert_eq!(earlier.source, "provider");
            assert!(earlier.age_seconds.is_some_and(|age| age > 3_600), "{earlier:?}");
            let because = earlier.because.unwrap_or_default();
            assert!(because.contains(part), "{because}");
            assert_eq!(heard(), requests, "{status}: nobody asks again at once");
        }
        pass(11);
        if status != 429 {
            assert!(list(false).await.expect("an earlier answer").stale);
            assert_eq!(heard(), requests, "{status}: it is let be for half a minute");
            pass(31);
        }
    }
    assert!(list(true).await.expect("an earlier answer").stale);
    assert_eq!(heard(), requests, "a limit is kept to, whoever insists");
    pass(120);
    steered.status.store(200, Ordering::SeqCst);
    assert_eq!(list(false).await.expect("listed").age_seconds, Some(0));
    assert_eq!(heard(), requests + 1);

    // What another secret could list is forgotten with it.
    steered.status.store(401, Ordering::SeqCst);
    let rotate = json!({ "connection": "c-0", "secrets": { "api_key": "sk-another-one." } });
    stage.ledger.run("rotate-secret", rotate).await;
    assert_eq!(list(false).await.expect_err("refused").code, Code::ModelsRefused);
    assert_eq!(heard(), requests + 2);
    pass(60);
    assert_eq!(list(false).await.expect_err("refused").code, Code::ModelsRefused);
    assert_eq!(heard(), requests + 2, "it is let be for five minutes");
    steered.status.store(200, Ordering::SeqCst);
    assert_eq!(list(true).await.expect("listed").models.len(), 1, "somebody repaired it");
    // The clock went back.
    stage.back(Duration::from_hours(2));
    assert!(!list(false).await.expect("requests again").stale);
    assert_eq!(heard(), requests + 4);
    stage.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_are_one_request() {
    let lister = Lister::start(0).await;
    let service = Service::start(&[&HERE[..], &["--nats", "off"]].concat()).await;
    let body = json!({
        "slug": "held", "provider": "openai", "secrets": {"api_key": secret(1)},
        "config": {"base_url": format!("http://127.0.0.1:{}/held", lister.port)},
    });
    assert_eq!(post(&service, CONNECTIONS, &body).await.0, 201);
    let answered = AtomicUsize::new(0);
    let ask = async || {
        let answer = list_over_http(&service, "held", false).await;
        answered.fetch_add(1, Ordering::SeqCst);
        answer
    };
    let callers = join_all((0..64).map(|_| ask()));
    let release = async {
        crate::wait::eventually("it is asked", async || (lister.heard("") > 0).then_some(())).await;
        assert_eq!(answered.load(Ordering::SeqCst), 0);
        lister.release.notify_one();
    };
    let (answers, ()) = tokio::join!(callers, release);
    for (status, list) in answers {
        assert_eq!((status, ids(&list).len()), (200, 3), "{list}");
    }
    assert_eq!(lister.heard(""), 1);
    let history = get(&service, &format!("{CONNECTIONS}/held/history")).await;
    let reveals = history.to_string().matches("to list the models of the connection").count();
    assert_eq!(reveals, 1, "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_or_setting_is_asked_for_anew() {
    let lister = Lister::start(0).await;
    let service = Service::start(&HERE).await;
    lister.create(&service, "openai", "good").await;
    models(&service, "good", &[]).await;
    let key = format!("api_key={}", secret(2));
    told(&service.run(&["rotate-secret", "good", "--secret", &key]).await);
    models(&service, "good", &[]).await;
    assert_eq!(lister.heard(&secret(2)), 1, "asked with the new secret");
    told(&service.run(&["update", "good", "--config", "organization=org-1"]).await);
    models(&service, "good", &[]).await;
    assert_eq!(lister.heard("openai-organization: org-1"), 1, "asked with the new setting");
    told(&service.run(&["update", "good", "--description", "Good"]).await);
    models(&service, "good", &[]).await;
    assert_eq!(lister.heard(""), 3, "a new name asks nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_and_whom_nobody_describes_get_the_catalogue() {
    let lister = Lister::start(0).await;
    let mut service = Service::start(&HERE).await;
    lister.create(&service, "openai", "good").await;
    let made = ["create", "--slug", "db", "--provider", "redis", "--secret", "password=p"];
    told(&service.run(&made).await);
    expect_code(&service.run(&["models", "db"]).await, "models_impossible");
    told(&service.run(&["create", "--slug", "bare", "--provider", "openai"]).await);
    let refused = service.run(&["models", "bare"]).await;
    expect_code(&refused, "models_impossible");
    assert!(said(&refused).contains("takes api_key"), "{}", said(&refused));
    models(&service, "good", &[]).await;
    for (role, source) in [("viewer", "catalogue"), ("gateway", "provider"), ("editor", "provider")]
    {
        let create = ["principal", "create", role, "--kind", "user", "--role", role];
        told(&service.run(&create).await);
        let key = told(&service.run(&["key", "issue", "--for", role]).await).trim().to_owned();
        let url = format!("{}{CONNECTIONS}/good/list-models", service.http_url());
        let sent = door::client().post(url).bearer_auth(key).body("{}");
        let sent = sent.header("Content-Type", "application/json");
        let list: Value =
            serde_json::from_str(&sent.send().await.expect("answered").text().await.expect("text"))
                .expect("JSON");
        assert_eq!(list["source"], json!(source), "{role}: {list}");
        assert_eq!(list.to_string().contains("ft:gpt-4o:acme::7"), role != "viewer", "{role}");
    }
    assert_eq!(lister.heard(""), 1);

    assert!(service.stop().await.success());
    service.add_args(&["--models-max-age", "0"]);
    service.start_again().await;
    let list = models(&service, "good", &[]).await;
    assert_eq!(list["source"], "catalogue", "{list}");
    let refused = service.run(&["models", "good", "--refresh"]).await;
    expect_code(&refused, "models_impossible");
    assert_eq!(lister.heard(""), 1, "nobody is asked");
}
