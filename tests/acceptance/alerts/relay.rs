//! The process that takes mail.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::canary::secret;
use crate::settings;

/// How a relay speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// It begins when the client asks for it.
    Starttls,
    /// It is there from the start.
    Smtps,
    /// There is none.
    None,
}

/// A relay at one port, with what it wrote down.
#[derive(Debug)]
pub(super) struct Relay {
    folder: tempfile::TempDir,
    port: u16,
    tls: Tls,
    child: Option<Child>,
}

impl Relay {
    /// Starts one whose certificate is for a name.
    pub(super) fn start(tls: Tls, certified: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let made = rcgen::generate_simple_self_signed([certified.to_owned()]).expect("made");
        let mut relay = Self { folder, port, tls, child: None };
        fs::write(relay.file("cert.pem"), made.cert.pem()).expect("writable");
        fs::write(relay.file("key.pem"), made.signing_key.serialize_pem()).expect("writable");
        relay.give_password(&Self::password());
        relay.answer("take");
        relay.start_again();
        relay
    }

    /// Returns what its user has for a password.
    pub(super) fn password() -> String {
        secret(4_711)
    }

    /// Writes down which password the ledger gives.
    pub(super) fn give_password(&self, password: &str) {
        let file = self.file("password");
        fs::write(&file, format!("{password}\n")).expect("writable");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("changed");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the file to which it writes what it takes.
    pub(super) fn taken(&self) -> PathBuf {
        self.file("mail.jsonl")
    }

    /// Says how it answers from now on.
    pub(super) fn answer(&self, mode: &str) {
        fs::write(self.file("mode.new"), mode).expect("writable");
        fs::rename(self.file("mode.new"), self.file("mode")).expect("renamed");
    }

    /// Starts it at the same port.
    pub(super) fn start_again(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance/mail_relay.py");
        let tls = match self.tls {
            Tls::Starttls => "starttls",
            Tls::Smtps => "smtps",
            Tls::None => "none",
        };
        let child = Command::new(settings::receiver_python())
            .arg(script)
            .arg(self.port.to_string())
            .args([self.taken(), self.file("mode")])
            .arg(tls)
            .args([self.file("cert.pem"), self.file("key.pem")])
            .args(["ledger", &Self::password()])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("the relay starts"));
    }

    /// Kills it, as a power cut would.
    pub(super) async fn kill(&mut self) {
        self.child.take().expect("it runs").kill().await.expect("it can be killed");
    }

    /// Returns the flags of a server that gives its mail to the relay.
    pub(super) fn flags(&self) -> Vec<String> {
        let scheme = if self.tls == Tls::Smtps { "smtps" } else { "smtp" };
        let url = format!("{scheme}://ledger@localhost:{}", self.port);
        let text = |name: &str| self.file(name).to_str().expect("text").to_owned();
        let flags = [
            ("--smtp-url", url),
            ("--smtp-from", "Ledger <ledger@ledger.example>".to_owned()),
            ("--smtp-password-file", text("password")),
            ("--smtp-ca-file", text("cert.pem")),
            ("--smtp-every", "1s".to_owned()),
        ];
        flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
    }

    /// Returns the mail that got an answer.
    pub(super) fn mail(&self, answer: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.taken()).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|mail| mail["answer"] == answer).collect()
    }

    /// Returns the positions of the events of each connection that taken mail tells, in the order
    /// of their first arrival.
    pub(super) fn arrived(&self) -> BTreeMap<String, Vec<u64>> {
        let mut arrived: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for mail in self.mail("250") {
            for (slug, position) in told(mail["body"].as_str().unwrap_or_default()) {
                let positions = arrived.entry(slug).or_default();
                if !positions.contains(&position) {
                    positions.push(position);
                }
            }
        }
        arrived
    }
}

/// Returns the connection and position of each event that a mail tells, in full or in a line.
fn told(body: &str) -> Vec<(String, u64)> {
    let (mut told, mut slug) = (Vec::new(), None);
    for line in body.lines() {
        let Some((name, rest)) = line.trim().split_once(' ') else { continue };
        let rest = rest.trim();
        match name {
            "connection" => slug = Some(rest.to_owned()),
            "position" => {
                let position = rest.parse().expect("a position");
                told.extend(slug.take().map(|slug| (slug, position)));
            }
            name => {
                let position = name.parse();
                let of = rest.split_once(':').and_then(|(of, _)| of.split_once('/'));
                let of = of.map(|(_, slug)| slug.to_owned());
                told.extend(of.zip(position.ok()));
            }
        }
    }
    told
}
