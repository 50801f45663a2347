//! Signing in at an identity provider that others wrote, in a browser.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::canary::expect_silence_in;
use crate::clients::script::Language::Browser;
use crate::clients::script::{Script, folder};
use crate::http::door;
use crate::ports::free_port;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

const AUDIENCE: &str = "https://ledger.example.com";
/// The secret of the console's client, which `issuer.mjs` knows.
const SECRET: &str = "of: the console+/=%";

const CHECKS: [&str; 19] = [
    "the link has state, nonce and challenge",
    "the attempt is kept by the browser, for ten minutes and out of reach of scripts",
    "the sign-in page has no fault that axe finds",
    "signing in leads to where somebody wanted to go",
    "the session is that of the person",
    "scripts find no token",
    "the attempt is forgotten",
    "no token is in an address",
    "an answer is good once",
    "an attempt leads to the provider",
    "an answer for another browser does nothing",
    "who says no is told that nothing was done",
    "who has no rights is told so",
    "and gets no session",
    "signing in takes no script",
    "whom the provider knows already signs in with a click",
    "a blocked person is out at the next request",
    "a provider that is away is told",
    "a key opens the console all the same",
];

/// An identity provider, in a process of its own.
struct Provider {
    url: String,
    folder: TempDir,
    _child: Child,
}

impl Provider {
    async fn start(callback: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let script = home.path().join("issuer.mjs");
        fs::copy(folder("browser").join("issuer.mjs"), &script).expect("it can be copied");
        let packages = settings::browser_node_modules();
        symlink(packages, home.path().join("node_modules")).expect("a link can be made");
        let port = free_port().to_string();
        let child = Command::new(settings::node())
            .arg(script)
            .args([port.as_str(), callback, AUDIENCE])
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let url = format!("http://127.0.0.1:{port}");
        let document = format!("{url}/.well-known/openid-configuration");
        let http = door::client();
        eventually("the provider describes itself", async || {
            http.get(&document).send().await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
        Self { url, folder: home, _child: child }
    }

    /// Returns a file with the secret of the client.
    fn secret(&self) -> String {
        let path = self.folder.path().join("client-secret");
        fs::write(&path, SECRET).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permitted");
        path.display().to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_at_an_identity_provider_that_others_wrote() {
    let listen = format!("127.0.0.1:{}", free_port());
    let public = format!("http://{listen}");
    let provider = Provider::start(&format!("{public}/sign-in/callback")).await;
    let (secret, resource) = (provider.secret(), format!("resource={AUDIENCE}"));
    let args = [
        &["--nats", "off", "--log", "debug", "--rate-per-address", "0"][..],
        &["--listen", &listen, "--public-url", &public],
        &["--oidc-issuer", &provider.url, "--oidc-audience", AUDIENCE, "--oidc-claim", "roles"],
        &["--oidc-client-id", "console", "--oidc-client-secret-file", &secret],
        &["--oidc-param", &resource],
    ];
    let mut service = Service::start(&args.concat()).await;
    let passed = Script { language: Browser, name: "sign_in" }.run(&service).await;
    let expected = CHECKS.iter().map(|check| (*check).to_owned()).collect();
    assert_eq!(passed, expected, "{}", service.log());
    assert!(service.stop().await.success(), "{}", service.log());
    let log = service.log();
    assert!(!log.contains(SECRET) && !log.contains("eyJ"), "a secret or a token was logged");
    expect_silence_in(service.folder());
}
