//! A server that speaks the protocol of Azure Blob Storage.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use ring::hmac;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::s3_server::spawn_quietly;
use crate::http::door;
use crate::ports::free_port;
use crate::settings;
use crate::wait::eventually;

/// The container that is there.
pub(super) const CONTAINER: &str = "backups";
/// The account that the server knows, and its key, which everybody knows.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// The server does not look at the clock.
const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
const VERSION: &str = "2023-11-03";

/// Azurite, in a process of its own.
pub(super) struct AzureServer {
    port: u16,
    child: Child,
    _folder: TempDir,
}

impl AzureServer {
    /// Starts one with a container.
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let script = settings::servers_node_modules().join("azurite/dist/src/blob/main.js");
        let mut command = Command::new(settings::node());
        command
            .arg(script)
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args(["--inMemoryPersistence", "--silent", "--disableTelemetry"])
            // The library may ask for a newer version of the protocol than the server lists.
            .arg("--skipApiVersionCheck");
        let child = spawn_quietly(command, folder.path());
        let server = Self { port, child, _folder: folder };
        let http = door::client();
        eventually("the Azure server makes a container", async || {
            server.make_container(&http).await
        })
        .await;
        server
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    /// Kills it.
    pub(super) async fn stop(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    async fn make_container(&self, http: &Client) -> Option<()> {
        let path = format!("/{ACCOUNT}/{CONTAINER}");
        let headers = format!("x-ms-date:{DATE}\nx-ms-version:{VERSION}\n");
        let signed = format!("PUT{}{headers}/{ACCOUNT}{path}\nrestype:container", "\n".repeat(12));
        let key = STANDARD.decode(ACCOUNT_KEY).expect("base64");
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        let signature = STANDARD.encode(signature);
        let url = format!("http://127.0.0.1:{}{path}?restype=container", self.port);
        let asked = http
            .put(url)
            .header("x-ms-date", DATE)
            .header("x-ms-version", VERSION)
            .header("Authorization", format!("SharedKey {ACCOUNT}:{signature}"));
        let answer = asked.send().await.ok()?;
        answer.status().is_success().then_some(())
    }
}

/// The variables by which the program finds the server.
pub(super) fn variables(url: &str) -> Vec<(&str, &str)> {
    vec![
        ("AZURE_STORAGE_ENDPOINT", url),
        ("AZURE_ALLOW_HTTP", "true"),
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
        ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY),
    ]
}
