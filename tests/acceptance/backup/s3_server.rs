//! A server that speaks the protocol of S3, and a proxy before it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::http::door;
use crate::ports::free_port;
use crate::settings;
use crate::wait::eventually;

/// The bucket that is there.
pub(crate) const BUCKET: &str = "backups";
/// What requests are signed with before the server asks who somebody is.
const ANYONE: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "anyone"), ("AWS_SECRET_ACCESS_KEY", "x")];

/// `moto`, in a process of its own.
pub(crate) struct S3Server {
    port: u16,
    child: Child,
    http: Client,
    _folder: TempDir,
}

impl S3Server {
    /// Starts one with a bucket.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let mut command = Command::new(settings::moto_server());
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = spawn_quietly(command, folder.path());
        let server = Self { port, child, http: door::client(), _folder: folder };
        eventually("the S3 server makes a bucket", async || {
            let made = server.http.put(format!("{}/{BUCKET}", server.url())).send().await.ok()?;
            made.status().is_success().then_some(())
        })
        .await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills it.
    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// From now on it asks who somebody is, and knows one user, whose credentials are returned.
    pub(crate) async fn ask_for_credentials(&self) -> [String; 2] {
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        self.iam(&[("Action", "CreateUser"), ("UserName", "ledger")]).await;
        self.iam(&[
            ("Action", "PutUserPolicy"),
            ("UserName", "ledger"),
            ("PolicyName", "all"),
            ("PolicyDocument", policy),
        ])
        .await;
        let key = self.iam(&[("Action", "CreateAccessKey"), ("UserName", "ledger")]).await;
        let part = |name: &str| {
            let (_, rest) = key.split_once(&format!("<{name}>")).expect("a part");
            rest.split_once('<').expect("its end").0.to_owned()
        };
        let credentials = [part("AccessKeyId"), part("SecretAccessKey")];
        let asked = self.http.post(format!("{}/moto-api/reset-auth", self.url())).body("0");
        assert!(asked.send().await.expect("an answer").status().is_success());
        credentials
    }

    /// Asks its KMS for something.
    pub(crate) async fn kms(&self, operation: &str, request: &Value) -> Value {
        self.json("kms", &format!("TrentService.{operation}"), request).await
    }

    /// Asks its Secrets Manager for something.
    pub(crate) async fn secrets(&self, operation: &str, request: &Value) -> Value {
        self.json("secretsmanager", &format!("secretsmanager.{operation}"), request).await
    }

    async fn json(&self, service: &str, target: &str, request: &Value) -> Value {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=anyone/20261129/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=x"
        );
        let asked = self.http.post(self.url()).header("Authorization", scope);
        let asked = asked
            .header("Content-Type", "application/x-amz-json-1.1")
            .header("X-Amz-Target", target)
            .body(request.to_string());
        let text = asked.send().await.expect("an answer").text().await.expect("a body");
        serde_json::from_str(if text.is_empty() { "null" } else { &text }).expect("JSON")
    }

    async fn iam(&self, form: &[(&str, &str)]) -> String {
        let mut body = String::from("Version=2010-05-08");
        for (name, value) in form {
            write!(body, "&{name}=").expect("a text takes it");
            for byte in value.bytes() {
                write!(body, "%{byte:02X}").expect("a text takes it");
            }
        }
        let scope = "AWS4-HMAC-SHA256 Credential=anyone/20261129/us-east-1/iam/aws4_request, \
                     SignedHeaders=host, Signature=x";
        let asked = self.http.post(self.url()).header("Authorization", scope);
        let asked = asked.header("Content-Type", "application/x-www-form-urlencoded").body(body);
        let answer = asked.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{text}");
        text
    }
}

/// Starts a server that says nothing, in a folder of its own. It ends with its handle.
pub(super) fn spawn_quietly(mut command: Command, folder: &Path) -> Child {
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the server starts")
}

/// The variables by which the program finds the server.
pub(crate) fn variables(url: &str) -> Vec<(&str, &str)> {
    let of_server = [("AWS_ENDPOINT_URL", url), ("AWS_ALLOW_HTTP", "true")];
    [&of_server[..], &ANYONE, &[("AWS_REGION", "us-east-1")]].concat()
}

/// Passes on what is sent to a port, and nothing of what comes back.
pub(crate) async fn proxy_without_answers(port: u16) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(swallow(client, port));
        }
    });
    url
}

async fn swallow(mut client: TcpStream, port: u16) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let mut bytes = [0; 4_096];
    // The answers stay in the socket, until the client has enough of waiting.
    while let Ok(read @ 1..) = client.read(&mut bytes).await {
        if server.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
