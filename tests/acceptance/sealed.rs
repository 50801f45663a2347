//! Requests sealed on their way over NATS: what others can make of them, and what is refused.

mod forged;
mod overheard;
mod required;
mod rotated;

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::{HeaderMap, Message};
use futures::StreamExt as _;
use ledger_client::{Client, ClientOptions, Key, new_command_id};
use ledger_contract::sealed::{SealedAnswer, SealedRequest, join, split};
use ledger_contract::subjects::{AUTHORIZATION, ERROR_CODE, XKEY};
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_vault::CurveKey;
use serde_json::{Value, json};

use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::wait::eventually;

/// A ledger on a NATS server that everybody may listen to.
struct Stage {
    nats: NatsServer,
    service: Service,
}

/// An answer to a request that was sealed by hand.
#[derive(Debug)]
struct Told {
    /// Whether it came sealed to who asked.
    sealed: bool,
    /// The code, when it is an error.
    code: String,
    body: Value,
}

impl Stage {
    async fn with(more: &[&str]) -> Self {
        let nats = NatsServer::start().await;
        let url = nats.url();
        let args = [&["--nats-url", &url, "--log", "debug"], more].concat();
        let service = Service::start(&args).await;
        let stage = Self { nats, service };
        // Its file is there before it has subscribed.
        eventually("the ledger answers", async || {
            stage.service.run(&["status"]).await.status.success().then_some(())
        })
        .await;
        stage
    }

    fn xkey(&self) -> String {
        let file = std::fs::read(self.service.data_dir().join("server.json")).expect("there");
        let file: Value = serde_json::from_slice(&file).expect("JSON");
        file["xkey"].as_str().expect("a key").to_owned()
    }

    /// Connects our own client, which seals when it is told to whom.
    async fn client(&self, key: &str, xkey: Option<String>) -> Client {
        let mut options = ClientOptions::new(Key::new(key));
        options.url = self.nats.url();
        options.allow_unsealed = xkey.is_none();
        options.ledger_xkey = xkey;
        options.timeout = Duration::from_secs(20);
        Client::connect(options).await.expect("NATS is there")
    }

    /// Connects it as the administrator, sealing.
    async fn admin(&self) -> Client {
        self.client(&self.service.key(), Some(self.xkey())).await
    }

    /// Returns the last position of the log.
    async fn head(&self) -> u64 {
        let answer = self.admin().await.query("_all", "status", &json!({})).await;
        let status: Value = serde_json::from_slice(&answer.expect("answered")).expect("JSON");
        status["position"].as_u64().expect("a number")
    }

    /// Returns the head of a request, as good as any.
    fn head_for(&self, subject: &str) -> SealedRequest {
        let authorization = format!("Bearer {}", self.service.key());
        SealedRequest {
            subject: subject.to_owned(),
            request_id: new_command_id(),
            made_at: seconds_from_now(0),
            headers: BTreeMap::from([(AUTHORIZATION.to_owned(), authorization)]),
        }
    }

    /// Seals a request and sends it, perhaps elsewhere than its head says.
    async fn send(&self, subject: &str, head: &SealedRequest, body: &Value) -> Told {
        self.try_send(subject, head, body).await.expect("answered")
    }

    /// The same, which returns nothing if nobody answers.
    async fn try_send(&self, subject: &str, head: &SealedRequest, body: &Value) -> Option<Told> {
        let own = CurveKey::generate();
        let text = join(head, body.to_string().as_bytes());
        let sealed = own.seal(&text, &self.xkey()).expect("a good key");
        let mut headers = HeaderMap::new();
        headers.insert(XKEY, own.public());
        let nats = self.nats.client().await;
        let sent = nats.request_with_headers(subject.to_owned(), headers, sealed.into()).await;
        let reply = sent.ok()?;
        let Ok(text) = own.open(&reply.payload, &self.xkey()) else {
            return Some(Told::in_the_clear(&reply));
        };
        let (answer, at) = split::<SealedAnswer>(&text).expect("an answer");
        assert_eq!(answer.answer_to, head.request_id);
        let code = answer.headers.get(ERROR_CODE).cloned().unwrap_or_default();
        let body = serde_json::from_slice(&text[at..]).expect("JSON");
        Some(Told { sealed: true, code, body })
    }

    async fn request(&self, subject: &str, headers: HeaderMap, payload: Vec<u8>) -> Message {
        let nats = self.nats.client().await;
        let subject = subject.to_owned();
        nats.request_with_headers(subject, headers, payload.into()).await.expect("answered")
    }
}

impl Told {
    fn in_the_clear(reply: &Message) -> Self {
        let headers = reply.headers.clone().unwrap_or_default();
        let code = headers.get(ERROR_CODE).map(|code| code.as_str().to_owned());
        let body = serde_json::from_slice(&reply.payload).expect("JSON in the clear");
        Self { sealed: false, code: code.unwrap_or_default(), body }
    }
}

/// Returns a time on the clock of this machine, which is the ledger's too.
#[expect(clippy::disallowed_methods, reason = "a request says when it was made")]
fn seconds_from_now(seconds: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = i64::try_from(now.expect("after 1970").as_micros()).expect("before 290,000");
    time::format(Micros::new(micros + seconds * 1_000_000))
}

/// Returns the code that a client was refused with.
#[track_caller]
fn code<T>(answered: Result<T, ledger_client::ClientError>) -> String {
    match answered {
        Ok(_) => panic!("it was answered"),
        Err(error) => error.code().map_or_else(|| error.to_string(), ToOwned::to_owned),
    }
}

/// Answers every message of a subject with something, in place of a ledger.
async fn impostor(
    nats: &NatsServer,
    subject: &'static str,
    answer: impl Fn(&Message) -> (HeaderMap, Vec<u8>) + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    let nats = nats.client().await;
    let mut asked = nats.subscribe(subject).await.expect("subscribed");
    // The server knows of the subscription once it has passed on something that was sent after it.
    let inbox = nats.new_inbox();
    let mut passed_on = nats.subscribe(inbox.clone()).await.expect("subscribed");
    nats.publish(inbox, "".into()).await.expect("sent");
    passed_on.next().await.expect("the server is there");
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let (headers, body) = answer(&message);
            let inbox = message.reply.expect("an answer is wanted");
            nats.publish_with_headers(inbox, headers, body.into()).await.expect("sent");
        }
    })
}
