//! Requests whose caller loses the right to them while the body is on its way.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::door::{CONNECTIONS, Door};

/// What takes a right away, and the code with which a command is refused then.
const LOSSES: [(&str, &str); 3] = [
    ("revoke", "credential_revoked"),
    ("disable", "credential_revoked"),
    ("take the grants of", "forbidden"),
];

/// A request whose body the server awaits. Its caller has been authenticated.
struct HalfSent {
    stream: TcpStream,
    body: String,
}

impl HalfSent {
    /// Sends the header and waits until the server wants the body.
    async fn begin(door: &Door, key: &str, method: &str, path: &str, body: &Value) -> Self {
        let mut stream = TcpStream::connect(door.address).await.expect("a connection");
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("it takes a header");
        let mut said = vec![0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut said).await.expect("it answers");
        assert!(said.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&said));
        Self { stream, body }
    }

    /// Sends the body and returns the answer.
    async fn finish(mut self) -> String {
        self.stream.write_all(self.body.as_bytes()).await.expect("it takes a body");
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.expect("it answers and closes");
        answer
    }
}

/// Makes an administrator of everything and returns its key and the key's id.
async fn administrator(door: &Door, name: &str) -> (String, String) {
    let grant = json!({ "scopes": ["read", "write", "rotate", "reveal", "audit", "administer"] });
    let body = json!({ "principal": name, "kind": "user", "grants": [grant] });
    assert_eq!(door.post("/api/v1/principals", &body).await.status, 201);
    let issued = door.post(&format!("/api/v1/principals/{name}/keys"), &json!({})).await;
    let issued = issued.json()["api_key"].clone();
    let text = |field: &str| issued[field].as_str().expect("a text").to_owned();
    (text("key"), text("id"))
}

async fn lose(door: &Door, how: &str, name: &str, id: &str) {
    let path = format!("/api/v1/principals/{name}");
    let answer = match how {
        "revoke" => door.post(&format!("{path}/keys/{id}/revoke"), &json!({})).await,
        "disable" => door.post(&format!("{path}/disable"), &json!({})).await,
        _ => {
            let request = door.ask(reqwest::Method::PATCH, &path);
            let body = json!({ "grants": [] });
            super::door::read(super::door::with_body(request, &body)).await
        }
    };
    assert_eq!(answer.status, 200, "{how}: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_half_sent_when_its_caller_loses_the_right_is_refused() {
    let door = Door::open().await;
    let body =
        json!({ "slug": "main", "provider": "openai", "secrets": { "api_key": "sk-1-2-3" } });
    door.create(&body).await;
    let main = format!("{CONNECTIONS}/main");
    let requests = [
        ("POST", format!("{main}/reveal-secret"), json!({ "reason": "a test" })),
        ("POST", "/api/v1/principals/admin/keys".to_owned(), json!({})),
        ("POST", "/api/v1/principals".to_owned(), json!({ "principal": "x", "kind": "user" })),
        ("POST", "/api/v1/workspaces".to_owned(), json!({ "name": "new" })),
        ("POST", CONNECTIONS.to_owned(), json!({ "provider": "x" })),
        ("POST", format!("{main}/rotate-secret"), json!({ "secrets": { "api_key": "sk-4" } })),
        ("POST", "/api/v1/replay".to_owned(), json!({ "verify": true })),
        (
            "POST",
            "/v1/integrations".to_owned(),
            json!({ "name": "x", "ai_provider_id": "openai", "key": "sk-5" }),
        ),
    ];
    for (number, (how, code)) in LOSSES.into_iter().enumerate() {
        for (turn, (method, path, body)) in requests.iter().enumerate() {
            let name = format!("p-{number}-{turn}");
            let (key, id) = administrator(&door, &name).await;
            let half = HalfSent::begin(&door, &key, method, path, body).await;
            lose(&door, how, &name, &id).await;
            let head = door.ledger.engine.head();
            let answer = half.finish().await;
            assert_eq!(door.ledger.engine.head(), head, "{how}: {path}: {answer}");
            let status = if code == "forbidden" { " 403 " } else { " 401 " };
            assert!(answer.contains(status), "{how}: {path}: {answer}");
            assert!(path.starts_with("/v1") || answer.contains(code), "{path}: {answer}");
        }
    }
}
