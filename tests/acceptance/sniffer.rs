//! nats-py, which hears everything on a NATS server.

use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::canary::sings;
use crate::settings;

/// The process that listens.
pub(crate) struct Sniffer {
    child: Child,
    input: ChildStdin,
    folder: TempDir,
}

/// A message as it was heard.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) subject: String,
    /// Where its answer was to go; empty when nowhere.
    pub(crate) reply: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sniffer {
    /// Starts to listen to everything, and waits until it does.
    pub(crate) async fn start(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(settings::python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/acceptance/sniffer.py"))
            .env("LEDGER_URL", url)
            .env("LEDGER_SEEN", seen(&folder))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python runs");
        let input = child.stdin.take().expect("piped");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next_line().await.expect("readable");
        assert_eq!(line.as_deref(), Some("listening"));
        Self { child, input, folder }
    }

    /// Stops it and returns every message it heard.
    pub(crate) async fn stop(mut self) -> Vec<Heard> {
        drop(self.input);
        assert!(self.child.wait().await.expect("it ends").success());
        let text = std::fs::read_to_string(seen(&self.folder)).expect("it leaves what it heard");
        text.lines().map(|line| Heard::read(&serde_json::from_str(line).expect("JSON"))).collect()
    }
}

fn seen(folder: &TempDir) -> PathBuf {
    folder.path().join("seen")
}

impl Heard {
    fn read(line: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let headers = line["headers"].as_object().expect("headers");
        Self {
            subject: text(&line["subject"]),
            reply: text(&line["reply"]),
            headers: headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            body: STANDARD.decode(text(&line["body"])).expect("base64"),
        }
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the headers as they are sent.
    pub(crate) fn header_map(&self) -> async_nats::HeaderMap {
        let mut map = async_nats::HeaderMap::new();
        self.headers.iter().for_each(|(name, value)| map.insert(name.as_str(), value.as_str()));
        map
    }

    /// Fails when a secret, or one of some other texts, can be read anywhere in the message.
    #[track_caller]
    pub(crate) fn expect_none_of(&self, texts: &[&str]) {
        let body = String::from_utf8_lossy(&self.body);
        let all = format!("{} {} {:?} {body}", self.subject, self.reply, self.headers);
        assert!(!sings(&self.body) && !sings(all.as_bytes()), "a secret was heard: {all}");
        for text in texts {
            assert!(!all.contains(text), "{text} was heard: {all}");
        }
    }
}
