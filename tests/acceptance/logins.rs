//! Every way in which a NATS server of one's own may ask who we are.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use futures::StreamExt as _;
use ledger_client::{ClientError, WatchItem, WatchScope};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair as TlsKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::nats_jwt::{account, credentials, trusting};
use crate::ports::free_port;
use crate::private;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// A nats-server with a configuration of the test's, and a folder for keys and passwords.
struct Guarded {
    folder: TempDir,
    port: u16,
    _child: Child,
}

impl Guarded {
    /// Starts one whose configuration has these lines, made with the folder at hand.
    fn start(lines: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let store = folder.path().join("store");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: {store:?} }}\n{}",
            lines(folder.path())
        );
        let path = folder.path().join("nats.conf");
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
        Self { folder, port, _child: child.expect("nats-server starts") }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Serves a ledger with one login, asks it with the same, and is turned away with
    /// wrong ones.
    async fn expect_login(&self, scheme: &str, good: &[&str], wrongs: &[&[&str]]) {
        let url = format!("{scheme}://127.0.0.1:{}", self.port);
        let address = ["--nats-url", url.as_str()];
        let service = Service::start(&[&address, good].concat()).await;
        let create = ["create", "--slug", "main", "--provider", "openai", "--secret", "k=s-1"];
        eventually("the ledger answers over this login", async || {
            let made = service.run(&[&create, &address[..], good].concat()).await;
            made.status.success().then_some(())
        })
        .await;
        eventually("its events reach the stream", async || {
            let asked = service.run(&[&["status", "--json"], &address[..], good].concat()).await;
            let status: Value = serde_json::from_slice(&asked.stdout).ok()?;
            (status["position"] == status["published"]).then_some(())
        })
        .await;
        for wrong in wrongs {
            let refused = service.run(&[&["list"], &address[..], wrong].concat()).await;
            let said = String::from_utf8_lossy(&refused.stderr);
            let code = if said.contains("refuses the login") { 1 } else { 3 };
            assert_eq!(refused.status.code(), Some(code), "{said}");
            assert!(said.contains("NATS"), "{said}");
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    private::write(&path, text);
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_users_and_passwords() {
    let server = Guarded::start(|folder| {
        write(folder, "good", "let-me-in\n");
        write(folder, "wrong", "let-me-out\n");
        "authorization { users = [ { user: me, password: \"let-me-in\" } ] }".to_owned()
    });
    let (good, wrong) = (server.file("good"), server.file("wrong"));
    let login = |file| ["--nats-user", "me", "--nats-password-file", file];
    server.expect_login("nats", &login(&good), &[&login(&wrong)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_nkeys() {
    let server = Guarded::start(|folder| {
        let [known, unknown] = [KeyPair::new_user(), KeyPair::new_user()];
        write(folder, "good", &known.seed().expect("it has one"));
        write(folder, "wrong", &unknown.seed().expect("it has one"));
        format!("authorization {{ users = [ {{ nkey: {} }} ] }}", known.public_key())
    });
    let (good, wrong) = (server.file("good"), server.file("wrong"));
    server.expect_login("nats", &["--nats-nkey", &good], &[&["--nats-nkey", &wrong]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_an_operator_and_credentials_files() {
    let server = Guarded::start(|folder| {
        let operator = KeyPair::new_operator();
        let [system, known, stranger] = [(); 3].map(|()| KeyPair::new_account());
        let free = json!({});
        write(folder, "good", &credentials(&known, &free, &free));
        write(folder, "wrong", &credentials(&stranger, &free, &free));
        trusting(&operator, &[(&system, account(false)), (&known, account(true))])
    });
    let (good, wrong) = (server.file("good"), server.file("wrong"));
    server.expect_login("nats", &["--nats-creds", &good], &[&["--nats-creds", &wrong]]).await;
}

/// Makes an authority and signs a certificate for this machine; leaves `NAME-*.pem` files.
fn certificates(folder: &Path, name: &str) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = TlsKey::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, key).expect("a certificate");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]);
    let key = TlsKey::generate().expect("a key");
    let certificate = params.expect("good names").signed_by(&key, &authority).expect("signed");
    write(folder, &format!("{name}-ca.pem"), &authority.pem());
    write(folder, &format!("{name}-cert.pem"), &certificate.pem());
    write(folder, &format!("{name}-key.pem"), &key.serialize_pem());
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_tls_that_wants_a_certificate() {
    let server = Guarded::start(|folder| {
        certificates(folder, "good");
        certificates(folder, "wrong");
        let file = |name: &str| format!("{:?}", folder.join(name));
        format!(
            "tls {{ cert_file: {}, key_file: {}, ca_file: {}, verify: true }}",
            file("good-cert.pem"),
            file("good-key.pem"),
            file("good-ca.pem")
        )
    });
    let files = |authority: &str, own: &str| {
        let arguments: [String; 6] = [
            "--nats-ca".to_owned(),
            server.file(&format!("{authority}-ca.pem")),
            "--nats-cert".to_owned(),
            server.file(&format!("{own}-cert.pem")),
            "--nats-cert-key".to_owned(),
            server.file(&format!("{own}-key.pem")),
        ];
        arguments
    };
    let [good, other_authority, other_own] =
        [files("good", "good"), files("wrong", "good"), files("good", "wrong")];
    let wrongs = [words(&other_authority), words(&other_own)];
    server.expect_login("tls", &words(&good), &[&wrongs[0], &wrongs[1]]).await;
}

/// Gives the managed NATS server of a stopped service another password for its clients, as if the
/// ledger had been made anew.
fn change_password(service: &Service) {
    let path = service.data_dir().join("nats/managed.json");
    let text = fs::read(&path).expect("the settings of the managed server");
    let mut settings: Value = serde_json::from_slice(&text).expect("JSON");
    settings["client_password"] = json!("panother");
    fs::write(&path, settings.to_string()).expect("writable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_client_says_that_its_login_is_refused_now_and_where_the_present_one_is() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let client = service.client().await;
    let mut watch = client.watch(WatchScope::Everything, None);
    assert!(matches!(watch.next().await, Some(WatchItem::CaughtUp { .. })));
    assert!(service.stop().await.success());
    change_password(&service);
    service.start_again().await;
    let refused = eventually("the login is refused", async || {
        let asked = client.query("_all", "whoami", &json!({})).await;
        asked.err().filter(|error| matches!(error, ClientError::LoginRefused(_)))
    });
    assert!(refused.await.to_string().contains("server.json"));
    let mut told = Vec::new();
    while !told.iter().any(|reason: &String| reason.contains("server.json")) {
        match watch.next().await {
            Some(WatchItem::Interrupted { reason }) => told.push(reason),
            other => panic!("{other:?} after {told:?}"),
        }
    }
    assert!(told.len() <= 2, "{told:?}");
    let present = service.client().await;
    present.query("_all", "whoami", &json!({})).await.expect("answered");
    assert!(service.stop().await.success());
}
