//! The program gets tokens from a service that others wrote: Authlib, in a process of its own.

use std::path::Path;
use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::program::{HERE, reveal, view};
use crate::backup::expect_code;
use crate::canary::{CANARY, expect_silence_in, secret, sings};
use crate::http::door;
use crate::output::{said, told};
use crate::ports::free_port;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// A running service. It ends with the test.
struct Published {
    url: String,
    folder: TempDir,
    _child: Child,
}

impl Published {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
        let made = Command::new(settings::oauth_python())
            .args(["-c", MAKE_KEY, &key("private.pem"), &key("public.pem")])
            .status();
        assert!(made.await.expect("it runs").success());
        let (port, script) = (free_port(), "acceptance/token_service.py");
        let child = Command::new(settings::oauth_python())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
            .args([&port.to_string(), CANARY, &key("public.pem")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let url = format!("http://127.0.0.1:{port}");
        let service = Self { url, folder, _child: child.expect("it starts") };
        eventually("the token service answers", || async {
            door::client().get(format!("{}/issued", service.url)).send().await.ok()
        })
        .await;
        service
    }

    fn config(&self, name: &str, path: &str) -> String {
        format!("{name}={}{path}", self.url)
    }

    /// Returns what was given out, oldest first.
    async fn issued(&self) -> Vec<Value> {
        let answer = door::client().get(format!("{}/issued", self.url)).send().await;
        let text = answer.expect("an answer").bytes().await.expect("a body");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// A person enters a code.
    async fn enter(&self, path: &str, code: &str) {
        let form = format!("user_code={code}");
        let request = door::client().post(format!("{}{path}", self.url)).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// Creates a connection that a person connects, with one of the clients.
    async fn personal(&self, service: &Service, slug: &str, client: &str) {
        let [token, authorize, device] = [
            self.config("token_url", "/token"),
            self.config("authorization_url", "/authorize"),
            self.config("device_authorization_url", "/device_authorization"),
        ];
        let id = format!("client_id={client}");
        let mut args = vec!["create", "--slug", slug, "--provider", "acme"];
        args.extend(["--auth-method", "refresh_token", "--config", &token, "--config", &id]);
        args.extend(["--config", &authorize, "--config", &device]);
        args.extend(["--config", "scopes:=[\"read\"]"]);
        let issuer = self.config("issuer", "");
        args.extend(["--config", &issuer]);
        let client_secret = format!("client_secret={}", secret(1));
        if client == "app" {
            args.extend(["--config", "basic_auth_in_header:=true", "--secret", &client_secret]);
        }
        told(&service.run(&args).await);
    }
}

const MAKE_KEY: &str = "
import sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(65537, 2048)
open(sys.argv[1], 'wb').write(key.private_bytes(
    s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
open(sys.argv[2], 'wb').write(key.public_key().public_bytes(
    s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo))
";

/// A server to which browsers come back.
async fn public() -> Service {
    let address = format!("127.0.0.1:{}", free_port());
    let url = format!("http://{address}");
    let args = [&HERE[..], &["--listen", &address, "--public-url", &url]].concat();
    Service::start(&args).await
}

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).expect("JSON")
}

/// Begins an attempt and returns its link.
async fn link(service: &Service, slug: &str) -> String {
    let begun = json(&told(&service.run(&["connect", slug, "--no-wait", "--json"]).await));
    begun["link"].as_str().expect("a link").to_owned()
}

/// Opens a link as a browser does, and returns the page at which it ends.
async fn open(link: &str) -> (StatusCode, String) {
    let answer = door::client().get(link).send().await.expect("an answer");
    let status = answer.status();
    let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let page = String::from_utf8(answer.bytes().await.expect("a body").to_vec()).expect("text");
    assert!(!page.contains("<script") && !sings(page.as_bytes()), "{page}");
    (status, page)
}

async fn token(service: &Service, slug: &str) -> String {
    told(&reveal(service, slug).await).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_get_tokens_from_a_service_that_others_wrote() {
    let tokens = Published::start().await;
    let mut service = Service::start(&HERE).await;
    let url = tokens.config("token_url", "/token");
    let client_secret = format!("client_secret={}", secret(1));
    let mut args = vec!["create", "--slug", "machine", "--provider", "acme"];
    args.extend(["--auth-method", "oauth2_client_credentials", "--config", &url]);
    args.extend(["--config", "client_id=machine", "--secret", &client_secret]);
    args.extend(["--config", "scopes:=[\"read\", \"write\"]"]);
    told(&service.run(&args).await);
    let audience = tokens.config("audience", "/token");
    let key = format!("secret_key=@{}", tokens.folder.path().join("private.pem").display());
    for (slug, method, usage) in [
        ("signer", "private_key_jwt", "client_id=signer"),
        ("bearer", "oauth2_jwt", "jwt_usage=authorization_grant"),
    ] {
        let mut args = vec!["create", "--slug", slug, "--provider", "acme"];
        let issuer = format!("issuer={slug}");
        let subject = format!("subject={slug}");
        args.extend(["--auth-method", method, "--config", &url, "--config", usage]);
        args.extend(["--config", &audience, "--config", &issuer, "--config", &subject]);
        args.extend(["--config", "algorithm=RS256", "--config", "scopes=read"]);
        args.extend(["--secret", &key]);
        told(&service.run(&args).await);
    }
    for slug in ["machine", "signer", "bearer"] {
        let first = token(&service, slug).await;
        assert_eq!(token(&service, slug).await, first, "it is still valid");
        told(&service.run(&["refresh", slug]).await);
        let second = token(&service, slug).await;
        assert_ne!(second, first, "{slug}");
        let issued = tokens.issued().await;
        let own = issued.iter().filter(|one| one["client"] == slug);
        let own: Vec<_> = own.map(|one| one["access_token"].as_str().expect("text")).collect();
        assert_eq!(own, [first.as_str(), second.as_str()]);
        assert_eq!(view(&service, slug).await["health"]["state"], "operational");
    }
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_connects_by_a_link_and_tokens_are_refreshed_from_then_on() {
    let tokens = Published::start().await;
    let mut service = public().await;
    for (slug, client) in [("crm", "app"), ("own", "public")] {
        tokens.personal(&service, slug, client).await;
        let opened = link(&service, slug).await;
        let (status, page) = open(&format!("{opened}&login={slug}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(
            page.contains(&format!("The connection {slug} of the workspace default has")),
            "{page}"
        );
        let issued = tokens.issued().await;
        let last = issued.last().expect("a token");
        assert_eq!((&last["user"], &last["client"]), (&slug.into(), &client.into()));
        assert_eq!(token(&service, slug).await, last["access_token"].as_str().expect("text"));
        // Each refresh replaces what the next one is made with.
        for _ in 0..3 {
            told(&service.run(&["refresh", slug]).await);
            let last = tokens.issued().await.pop().expect("a token");
            assert_eq!(last["user"], slug);
            assert_eq!(token(&service, slug).await, last["access_token"].as_str().expect("text"));
        }
        let (status, page) = open(&opened).await;
        assert_eq!(status, StatusCode::GONE, "{page}");
        assert!(page.contains("This link was used already"), "{page}");
    }
    let why = told(&service.run(&["why", "crm"]).await);
    assert!(why.contains("connection_authorized") || why.contains("connected"), "{why}");
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    // Neither a token nor a code nor the secret is in a file, the log included.
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_with_a_link_is_told_by_a_page() {
    let tokens = Published::start().await;
    let mut service = public().await;
    tokens.personal(&service, "crm", "app").await;
    let (status, page) = open(&format!("{}&deny=1", link(&service, "crm").await)).await;
    assert_eq!((status, page.contains("Access was denied")), (StatusCode::FORBIDDEN, true));
    let url = service.http_url();
    for query in ["", "?state=x&code=%3Cscript%3E", "?error=%3Cscript%3E&state=%3Cscript%3E"] {
        let (status, page) = open(&format!("{url}/oauth/callback{query}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{page}");
        assert!(page.contains("This link leads nowhere"), "{page}");
    }
    let opened = link(&service, "crm").await;
    let head = door::client().head(format!("{url}/oauth/callback?state=x")).send().await;
    assert_eq!(head.expect("an answer").status(), StatusCode::METHOD_NOT_ALLOWED);

    // While the ledger is sealed nothing is lost, and nobody begins.
    told(&service.run(&["keys", "seal"]).await);
    let (status, page) = open(&opened).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{page}");
    assert!(page.contains("sealed") && page.contains("reload"), "{page}");
    expect_code(&service.run(&["connect", "crm"]).await, "sealed");
    told(&service.run(&["keys", "unseal"]).await);
    // The server is killed, and started again.
    service.kill().await;
    service.start_again().await;
    let (status, page) = open(&opened).await;
    assert_eq!(status, StatusCode::OK, "{page}");

    // Who began it loses the right.
    let key = principal(&service, "ops", "admin").await;
    let mut command = service.command(&["connect", "crm", "--no-wait", "--json"]);
    let begun = command.env("CONNLEDGER_KEY", &key).output().await.expect("it runs");
    let opened = json(&told(&begun))["link"].as_str().expect("a link").to_owned();
    told(&service.run(&["principal", "disable", "ops"]).await);
    let (status, page) = open(&opened).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{page}");
    assert!(page.contains("No right to connect it"), "{page}");
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

/// Creates a principal with a role, and returns a key of it.
async fn principal(service: &Service, name: &str, role: &str) -> String {
    told(&service.run(&["principal", "create", name, "--kind", "user", "--role", role]).await);
    told(&service.run(&["key", "issue", "--for", name]).await).trim().to_owned()
}

/// Begins an attempt that waits, and returns it with the first lines of what it says.
async fn begin(service: &Service, args: &[&str]) -> (Child, Value) {
    let mut command = service.command(args);
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let first = lines.next_line().await.expect("readable").expect("a line");
    let begun = json(&first);
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, begun)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_connects_by_a_code_and_the_command_waits_for_it() {
    let tokens = Published::start().await;
    let mut service = Service::start(&HERE).await;
    for (slug, client) in [("crm", "app"), ("own", "public")] {
        tokens.personal(&service, slug, client).await;
        let (mut child, begun) = begin(&service, &["connect", slug, "--device", "--json"]).await;
        assert_eq!(begun["verification_uri"], format!("{}/device", tokens.url));
        let code = begun["user_code"].as_str().expect("a code");
        assert!(!begun.to_string().contains("device_code\":"), "{begun}");
        assert!(child.try_wait().expect("it can be asked").is_none(), "it waits");
        tokens.enter("/permit", code).await;
        assert!(child.wait().await.expect("it ends").success());
        let last = tokens.issued().await.pop().expect("a token");
        assert_eq!((&last["user"], &last["client"]), (&"anna".into(), &client.into()));
        assert_eq!(token(&service, slug).await, last["access_token"].as_str().expect("text"));
        told(&service.run(&["refresh", slug]).await);
    }
    // The person denies it.
    let mut denied = service.command(&["connect", "crm", "--device", "--json"]);
    denied.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = denied.spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let begun = json(&lines.next_line().await.expect("readable").expect("a line"));
    tokens.enter("/deny", begun["user_code"].as_str().expect("a code")).await;
    let ended = child.wait_with_output().await.expect("it ends");
    assert!(!ended.status.success());
    assert!(said(&ended).contains("the access was denied at the provider"), "{}", said(&ended));
    // The server is started again, and asks no more.
    let (mut child, _) = begin(&service, &["connect", "own", "--device", "--json"]).await;
    assert!(service.stop().await.success());
    service.start_again().await;
    assert!(!child.wait().await.expect("it ends").success());
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}
