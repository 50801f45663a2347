//! A server with the template's users, a ledger on it, and the users' connections.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Client as Nats, ConnectOptions, Message};
use ledger_client::{Client, ClientOptions, Credentials, Key};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::operator::{self, Member};
use crate::canary::secret;
use crate::compare::last_of;
use crate::ports::free_port;
use crate::private;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// What operators are told to use, with nothing changed but address, folder and passwords.
const TEMPLATE: &str = include_str!("../../../deploy/nats/ledger.conf");
/// What requests to JetStream begin with for everybody but the ledger.
pub(crate) const JETSTREAM: &str = "ledger.js";
/// Long enough for an answer that comes; requests without one wait this long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How the server knows its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// By its configuration, with passwords.
    ByTemplate,
    /// By an operator's word, with credentials files.
    ByOperator,
}

/// The server and the ledger, with a connection `main` in the workspaces `acme` and `other`.
pub(crate) struct World {
    folder: TempDir,
    port: u16,
    known: Known,
    pub(crate) service: Service,
    _child: Child,
}

/// One user's plain connection, and what the server said against it.
pub(super) struct User {
    pub(super) name: &'static str,
    pub(super) nats: Nats,
    said: Arc<Mutex<Vec<String>>>,
}

/// What both streams hold and how they are set.
pub(super) type Streams = [(stream::Config, u64, u64, u64); 2];

impl World {
    pub(super) async fn new(known: Known) -> Self {
        Self::with(known, &[]).await
    }

    /// The same with more arguments for the ledger.
    pub(crate) async fn with(known: Known, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let child = start_server(&folder, port, known);
        for name in ["ledger", "gateway-acme", "manager-acme", "administrator", "auditor"] {
            let password = folder.path().join(name);
            private::write(&password, &format!("a-test-{name}\n"));
        }
        let login = login(&folder, known, "ledger");
        let mut args = vec!["--nats-url".to_owned(), format!("nats://127.0.0.1:{port}")];
        args.extend(login);
        let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let service = Service::start(&args).await;
        let world = Self { folder, port, known, service, _child: child };
        for workspace in ["acme", "other"] {
            let value = format!("api_key={}", secret(1));
            let words = ["workspace", "create", workspace];
            eventually("the ledger answers the administrator", async || {
                world.run("administrator", &words).await.status.success().then_some(())
            })
            .await;
            let create = ["create", "--slug", "main", "--provider", "mock", "-w", workspace];
            let create = [&create[..], &["--secret", &value]].concat();
            let made = world.run("administrator", &create).await;
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        world.published().await;
        world
    }

    /// Runs a command of the program as one of the users.
    pub(crate) async fn run(&self, user: &str, args: &[&str]) -> Output {
        let login = login(&self.folder, self.known, user);
        let login = login.iter().map(String::as_str);
        let more = login.chain(["--nats-js-prefix", JETSTREAM, "--timeout", "5"]);
        let all: Vec<&str> = args.iter().copied().chain(more).collect();
        self.service.run(&all).await
    }

    /// Waits until every event is in the stream, and returns how many there are.
    pub(super) async fn published(&self) -> u64 {
        eventually("all events are published", async || {
            let asked = self.run("administrator", &["status", "--json"]).await;
            let status: Value = serde_json::from_slice(&asked.stdout).ok()?;
            let position = status["position"].as_u64()?;
            (status["published"] == position).then_some(position)
        })
        .await
    }

    /// Connects our own client as one of the users.
    pub(crate) async fn client(&self, user: &str, key: &str) -> Client {
        let mut options = ClientOptions::new(Key::new(key));
        options.url = self.url();
        options.ledger_xkey = Some(self.service.xkey());
        options.credentials = match self.known {
            Known::ByTemplate => Credentials {
                user: Some((user.to_owned(), format!("a-test-{user}"))),
                ..Credentials::default()
            },
            Known::ByOperator => {
                let file = Some(creds(&self.folder, user));
                Credentials { file, ..Credentials::default() }
            }
        };
        options.inbox_prefix = Some(format!("_INBOX_{user}"));
        options.jetstream_prefix = Some(JETSTREAM.to_owned());
        options.timeout = TIMEOUT;
        Client::connect(options).await.expect("NATS is there")
    }

    /// Connects as one of the users without our client.
    pub(super) async fn user(&self, name: &'static str) -> User {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let options = match self.known {
            Known::ByTemplate => {
                ConnectOptions::with_user_and_password(name.to_owned(), format!("a-test-{name}"))
            }
            Known::ByOperator => {
                let options = ConnectOptions::with_credentials_file(creds(&self.folder, name));
                options.await.expect("good credentials")
            }
        };
        let options = options
            .custom_inbox_prefix(format!("_INBOX_{name}"))
            .request_timeout(Some(TIMEOUT))
            .event_callback(move |event| {
                heard.lock().expect("not poisoned").push(event.to_string().to_lowercase());
                std::future::ready(())
            });
        let nats = options.connect(self.url()).await.expect("the server is there");
        User { name, nats, said }
    }

    /// Returns the address with the name and the password of one of the template's users.
    pub(crate) fn url_of(&self, user: &str) -> String {
        assert_eq!(self.known, Known::ByTemplate, "others have files");
        format!("nats://{user}:a-test-{user}@127.0.0.1:{}", self.port)
    }

    /// Looks at both streams, as the ledger may, once the bucket holds what the other one does.
    pub(super) async fn streams(&self) -> Streams {
        let jetstream = jetstream::new(self.user("ledger").await.nats);
        let look = async |name: &str| {
            let stream = jetstream.get_stream(name).await.ok()?;
            let info = stream.cached_info();
            let state = &info.state;
            Some((info.config.clone(), state.first_sequence, last_of(info), state.messages))
        };
        eventually("the bucket is filled", async || {
            let streams = [look("LEDGER_EVENTS").await?, look("KV_ledger-connections").await?];
            (streams[0].2 == streams[1].2).then_some(streams)
        })
        .await
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl User {
    /// Asks, and returns the answer's JSON.
    pub(super) async fn ask(&self, subject: &str, body: &Value) -> Value {
        let reply = self.nats.request(subject.to_owned(), body.to_string().into()).await;
        let Message { payload, .. } = reply.expect("it is answered");
        serde_json::from_slice(&payload).expect("JSON")
    }

    /// Publishes, and expects the server to refuse.
    pub(super) async fn cannot_publish(&self, subject: &str) {
        let inbox = self.nats.new_inbox();
        let sent = self.nats.publish_with_reply(subject.to_owned(), inbox, "{}".into()).await;
        sent.expect("it can be sent");
        self.is_refused("publish", subject).await;
    }

    /// Subscribes, and expects the server to refuse.
    pub(super) async fn cannot_subscribe(&self, subject: &str) {
        let _kept = self.nats.subscribe(subject.to_owned()).await.expect("it can be sent");
        self.is_refused("subscription", subject).await;
    }

    async fn is_refused(&self, what: &str, subject: &str) {
        self.nats.flush().await.expect("the server is there");
        let wanted = format!("permissions violation for {what} to \"{subject}\"").to_lowercase();
        eventually(&format!("{}: {wanted}", self.name), async || {
            let said = self.said.lock().expect("not poisoned");
            said.iter().any(|line| line.contains(&wanted)).then_some(())
        })
        .await;
    }
}

fn start_server(folder: &TempDir, port: u16, known: Known) -> Child {
    let store = folder.path().join("store");
    let text = match known {
        Known::ByTemplate => TEMPLATE
            .replace("127.0.0.1:4222", &format!("127.0.0.1:{port}"))
            .replace("/var/lib/nats", &store.display().to_string())
            .replace("change-me-", "a-test-"),
        Known::ByOperator => format!(
            "listen: \"127.0.0.1:{port}\"\nmax_payload: 1048576\n\
             jetstream {{ store_dir: {store:?} }}\n{}",
            operator::carry_out(folder.path())
        ),
    };
    let path: PathBuf = folder.path().join("ledger.conf");
    fs::write(&path, text).expect("writable");
    let log = fs::File::create(folder.path().join("nats.log")).expect("writable");
    let child = Command::new(settings::nats_server())
        .arg("--config")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn();
    child.expect("nats-server starts")
}

fn creds(folder: &TempDir, user: &str) -> PathBuf {
    folder.path().join(format!("{user}.creds"))
}

fn login(folder: &TempDir, known: Known, user: &str) -> Vec<String> {
    let inbox = ["--nats-inbox-prefix".to_owned(), format!("_INBOX_{user}")];
    let login = match known {
        Known::ByTemplate => vec![
            "--nats-user".to_owned(),
            user.to_owned(),
            "--nats-password-file".to_owned(),
            folder.path().join(user).display().to_string(),
        ],
        Known::ByOperator => {
            vec!["--nats-creds".to_owned(), creds(folder, user).display().to_string()]
        }
    };
    login.into_iter().chain(inbox).collect()
}

/// Returns the users of the template, as those of the script are written.
pub(super) fn members_of_template() -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    let (mut account, mut hears) = ("", false);
    for line in TEMPLATE.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match line {
            "LEDGER {" => account = "LEDGER",
            "USERS {" => account = "USERS",
            _ => {}
        }
        if let Some(name) = line.strip_prefix("user: ") {
            let (name, account) = (name.to_owned(), account.to_owned());
            members.push(Member { account, name, publishes: Vec::new(), hears: Vec::new() });
        }
        hears = (hears || line.starts_with("subscribe {")) && !line.starts_with("publish {");
        let in_list = line.starts_with('"') || line.contains("allow: [\"");
        if let (true, Some(member)) = (in_list, members.last_mut()) {
            let subjects = line.split('"').skip(1).step_by(2).map(ToOwned::to_owned);
            if hears { &mut member.hears } else { &mut member.publishes }.extend(subjects);
        }
    }
    members
}
