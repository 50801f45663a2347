//! A nats-server of the tests' own, which they stop, start and empty as they like.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use async_nats::Client;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::ports::free_port;
use crate::settings;
use crate::wait::eventually;

/// A server on a port and a folder that stay the same over its restarts.
#[derive(Debug)]
pub(crate) struct NatsServer {
    folder: TempDir,
    port: u16,
    /// Where its configuration is, if it has one.
    config: Option<PathBuf>,
    child: Option<Child>,
}

impl NatsServer {
    /// Starts one on a free port and waits until it answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Self { folder, port: free_port(), config: None, child: None };
        server.start_again().await;
        server
    }

    /// The same with lines of a configuration, which say who may do what. It does not wait.
    pub(crate) fn start_with(lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("nats.conf");
        fs::write(&config, lines).expect("writable");
        let mut server = Self { folder, port: free_port(), config: Some(config), child: None };
        server.launch();
        server
    }

    pub(crate) async fn start_again(&mut self) {
        self.launch();
        let what = format!("nats-server answers; its log: {}", self.log_path().display());
        eventually(&what, async || {
            let client = async_nats::connect(self.url()).await.ok()?;
            async_nats::jetstream::new(client).query_account().await.ok()
        })
        .await;
    }

    fn launch(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = fs::File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the log can be written");
        let config = self.config.iter().flat_map(|path| ["--config".into(), path.into()]);
        let child = Command::new(settings::nats_server())
            .args(config.collect::<Vec<std::ffi::OsString>>())
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream"])
            .arg("--store_dir")
            .arg(self.store_path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("nats-server starts"));
    }

    /// Kills it, as a power cut would.
    pub(crate) async fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("it can be killed");
    }

    /// Throws everything it stored away.
    pub(crate) fn forget_everything(&self) {
        assert!(self.child.is_none(), "it is stopped first");
        fs::remove_dir_all(self.store_path()).expect("its store can be removed");
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The address of one of its users.
    pub(crate) fn url_of(&self, user: &str, password: &str) -> String {
        format!("nats://{user}:{password}@127.0.0.1:{}", self.port)
    }

    pub(crate) async fn client(&self) -> Client {
        async_nats::connect(self.url()).await.expect("the server is there")
    }

    /// Where everything it writes is.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn store_path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("nats-server.log")
    }
}
