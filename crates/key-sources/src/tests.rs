//! Sources and the transit service, over real HTTP.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_outgoing::Plain;
use ledger_vault::{KeyText, Keyring, WrappedMasterKey, create_with};

use crate::testing::{APP_ROLE, NAMESPACE, TOKEN, TransitServer};
use crate::{
    MasterKeySource, Patience, ServiceError, ServiceKey, Settings, Source, SourceError, wrap,
};

/// What every secret of these tests has in it, but for keys.
const CANARY: &str = "cnry-7f3a91e04bd2-tweet";

thread_local! {
    static VARIABLES: RefCell<HashMap<OsString, OsString>> = RefCell::default();
}

/// Sets variables for this test alone. A test runs on one thread.
fn set(variables: &[(&str, &str)]) {
    let pairs = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    VARIABLES.with_borrow_mut(|known| known.extend(pairs));
}

/// Variables for the threads that read sources patiently, which have set none themselves.
static OF_OTHER_THREADS: Mutex<Option<HashMap<OsString, OsString>>> = Mutex::new(None);

/// Sets the variables of this test for the threads that it starts, too.
fn share() {
    let own = VARIABLES.with_borrow(Clone::clone);
    *OF_OTHER_THREADS.lock().expect("nobody panics with it") = Some(own);
}

fn variable(name: &OsStr) -> Option<OsString> {
    let value = |known: &HashMap<OsString, OsString>| {
        known.get(name).filter(|value| !value.is_empty()).cloned()
    };
    VARIABLES.with_borrow(|known| {
        if known.is_empty() {
            let shared = OF_OTHER_THREADS.lock().expect("nobody panics with it");
            shared.as_ref().and_then(value)
        } else {
            value(known)
        }
    })
}

fn settings() -> Settings {
    Settings { variables: variable, plain: Plain::Here }
}

fn source(text: &str) -> MasterKeySource {
    let source: Source = text.parse().expect("a source");
    MasterKeySource { source, settings: settings() }
}

fn keys() -> Keyring {
    let rng = &mut rand::rng();
    Keyring::generate(rng).rotate(rng)
}

/// A Vault, and a file with two keys that it wrapped.
struct Wrapped {
    server: TransitServer,
    keys: Keyring,
    text: String,
    folder: tempfile::TempDir,
}

impl Wrapped {
    async fn start() -> Self {
        let server = TransitServer::start().await;
        set(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", TOKEN)]);
        let keys = keys();
        let text = wrapped(&keys, "transit:transit/ledger").await.expect("wrapped");
        let folder = tempfile::tempdir().expect("a folder");
        let made = Self { server, keys, text, folder };
        made.write(&made.text);
        made
    }

    fn write(&self, text: &str) {
        let path = self.folder.path().join("wrapped.key");
        if path.exists() {
            fs::remove_file(&path).expect("ours");
        }
        create_with(&path, text).expect("a file");
    }

    fn source(&self) -> MasterKeySource {
        source(&format!("file:{}/wrapped.key", self.folder.path().display()))
    }

    async fn read(&self) -> Result<Keyring, SourceError> {
        self.source().read().await
    }

    async fn opens(&self) {
        assert!(self.read().await.expect("opened").key_ids().eq(self.keys.key_ids()));
    }

    async fn refused(&self) -> ServiceError {
        match self.read().await.expect_err("refused") {
            SourceError::Service(error) => error,
            other => panic!("{other}"),
        }
    }
}

async fn wrapped(keys: &Keyring, with: &str) -> Result<String, SourceError> {
    wrap(keys, &with.parse::<ServiceKey>().expect("a key"), settings()).await
}

#[tokio::test]
async fn every_source_has_the_same_text_and_the_same_checks() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = keys();
    let path = folder.path().join("master-key");
    let sources = |path: &Path| {
        let path = path.display();
        [
            "env:LEDGER_KEY",
            "credential:master-key",
            &format!("file:{path}"),
            &format!("command:cat {path}"),
        ]
        .map(source)
    };
    let shown = folder.path().to_str().expect("text");
    set(&[("LEDGER_KEY", &keys.to_file_text()), ("CREDENTIALS_DIRECTORY", shown)]);
    create_with(&path, &keys.to_file_text()).expect("a file");
    for source in sources(&path) {
        let read = source.read().await.expect("keys");
        assert!(read.key_ids().eq(keys.key_ids()), "{source:?}");
    }
    let text = keys.to_file_text();
    let half = &text[..text.len() - 10];
    set(&[("LEDGER_KEY", half)]);
    fs::write(&path, half).expect("written");
    for source in sources(&path) {
        let error = source.read().await.expect_err("half of a key");
        let said = error.to_string();
        assert!(said.starts_with(&format!("{}: line 4 ", source.source)), "{said}");
        assert!(!format!("{error:?}").contains(half.rsplit(':').next().expect("a key")), "{said}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
    for open in ["credential:master-key".to_owned(), format!("file:{}", path.display())] {
        let error = source(&open).read().await.expect_err("others can read it");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[tokio::test]
async fn a_source_that_is_not_there_is_named() {
    set(&[("EMPTY", "")]);
    for (from, said) in [
        ("env:EMPTY", "EMPTY is not set"),
        ("env:UNSET", "UNSET is not set"),
        ("credential:master-key", "LoadCredential=master-key:FILE"),
        ("file:/nowhere/at/all", "/nowhere/at/all"),
        ("command:/nowhere/at/all --now", "/nowhere/at/all cannot be started"),
    ] {
        let error = source(from).read().await.expect_err("not there");
        assert!(error.to_string().contains(said) && !error.is_away(), "{error}");
    }
}

#[tokio::test]
async fn a_vault_opens_what_it_wrapped_also_after_its_key_was_rotated() {
    let wrapped_keys = Wrapped::start().await;
    for (id, line) in wrapped_keys.keys.key_ids().zip(wrapped_keys.text.lines().skip(3)) {
        let begin = format!("connledger-wrapped-key-v1:{id}:transit:transit/ledger:");
        assert!(line.starts_with(&begin), "{line}");
    }
    wrapped_keys.opens().await;
    wrapped_keys.server.rotate_key("ledger", false);
    wrapped_keys.opens().await;
    wrapped_keys.server.rotate_key("ledger", true);
    let error = wrapped_keys.refused().await;
    assert!(error.to_string().contains("too old") && !error.is_away(), "{error}");
}

#[tokio::test]
async fn a_derived_key_wraps_and_opens_as_well() {
    let server = TransitServer::start().await;
    server.add_key("derived", true);
    set(&[("BAO_ADDR", &server.url()), ("BAO_TOKEN", TOKEN), ("VAULT_ADDR", "http://127.0.0.1:1")]);
    let keys = keys();
    let text = wrapped(&keys, "transit:transit/derived").await.expect("wrapped");
    set(&[("LEDGER_KEY", &text)]);
    let read = source("env:LEDGER_KEY").read().await.expect("opened");
    assert!(read.key_ids().eq(keys.key_ids()));
}

/// Returns the first key of a text, with one bit of what the service made of it flipped.
fn with_a_bit_flipped(text: &str) -> WrappedMasterKey {
    let text = KeyText::parse(text).expect("keys");
    let wrapped = text.wrapped().next().expect("a wrapped key");
    let made = std::str::from_utf8(wrapped.ciphertext()).expect("text");
    let (version, sealed) = made.rsplit_once(':').expect("a version");
    let mut sealed = STANDARD.decode(sealed).expect("base64");
    sealed[20] ^= 1;
    let made = format!("{version}:{}", STANDARD.encode(sealed)).into_bytes();
    WrappedMasterKey::new(wrapped.id(), wrapped.service(), wrapped.key(), made).expect("a line")
}

#[tokio::test]
async fn a_wrapped_key_is_bound_to_its_id_and_its_key_at_the_service() {
    let wrapped_keys = Wrapped::start().await;
    wrapped_keys.server.add_key("other", false);
    let [first, second] = wrapped_keys.keys.key_ids().collect::<Vec<_>>()[..] else {
        panic!("two keys")
    };
    let (first, second) = (first.to_string(), second.to_string());
    let text = &wrapped_keys.text;
    let swapped = text.replace(&first, "?").replace(&second, &first).replace('?', &second);
    let elsewhere = text.replace("transit/ledger", "transit/other");
    let damaged = WrappedMasterKey::to_text(&[with_a_bit_flipped(text)]);
    for changed in [swapped, elsewhere, damaged] {
        wrapped_keys.write(&changed);
        let error = wrapped_keys.refused().await;
        assert!(error.to_string().contains("message authentication failed"), "{error}");
        assert!(!error.is_away());
    }
}

#[tokio::test]
async fn a_token_is_read_from_a_file_each_time_and_an_app_role_gives_its_token_back() {
    let wrapped_keys = Wrapped::start().await;
    let (server, folder) = (&wrapped_keys.server, wrapped_keys.folder.path());
    let file = folder.join("token");
    create_with(&file, "hvs.old\n").expect("a file");
    server.forget_tokens();
    server.accept_token("hvs.new");
    set(&[("VAULT_TOKEN", ""), ("VAULT_TOKEN_FILE", file.to_str().expect("text"))]);
    assert!(wrapped_keys.refused().await.to_string().contains("the token is not valid"));
    fs::write(&file, "hvs.new\n").expect("written");
    wrapped_keys.opens().await;

    set(&[
        ("VAULT_TOKEN_FILE", ""),
        ("VAULT_ROLE_ID", APP_ROLE[0]),
        ("VAULT_SECRET_ID", APP_ROLE[1]),
    ]);
    wrapped_keys.opens().await;
    assert_eq!((server.logins(), server.tokens()), (1, 1), "one login for two keys, and revoked");
    let secret = folder.join("secret-id");
    create_with(&secret, APP_ROLE[1]).expect("a file");
    set(&[("VAULT_SECRET_ID", ""), ("VAULT_SECRET_ID_FILE", secret.to_str().expect("text"))]);
    wrapped_keys.opens().await;
    set(&[("VAULT_ROLE_ID", "another")]);
    assert!(wrapped_keys.refused().await.to_string().contains("invalid role or secret ID"));
    set(&[("VAULT_ROLE_ID", "")]);
    assert!(wrapped_keys.refused().await.remedy().contains("VAULT_TOKEN_FILE"));
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let wrapped_keys = Wrapped::start().await;
    let server = &wrapped_keys.server;
    server.in_namespace();
    assert!(wrapped_keys.refused().await.remedy().contains("VAULT_NAMESPACE"));
    set(&[("VAULT_NAMESPACE", NAMESPACE)]);
    wrapped_keys.opens().await;
    server.forbid("transit/decrypt/ledger");
    let error = wrapped_keys.refused().await;
    assert!(error.to_string().contains("may not use transit/decrypt/ledger: permission denied"));
    assert!(error.remedy().contains("`update`") && !error.is_away());
    let id = wrapped_keys.keys.active_id().to_string();
    assert!(error.to_string().contains(&format!("does not open master key {id}")), "{error}");
    let typed =
        wrapped(&wrapped_keys.keys, "transit:transit/ledgre").await.expect_err("a typing error");
    assert!(typed.to_string().contains("encryption key not found"), "{typed}");
    set(&[("VAULT_CACERT", "/nowhere/at/all")]);
    assert!(wrapped_keys.refused().await.remedy().contains("VAULT_CACERT"));
}

#[tokio::test]
async fn a_key_service_needs_tls_except_on_this_machine() {
    let wrapped_keys = Wrapped::start().await;
    set(&[("VAULT_ADDR", "http://192.0.2.1:8200")]);
    let error = wrapped_keys.refused().await;
    assert!(error.to_string().contains("must start with https://"), "{error}");
    assert!(error.remedy().contains("--key-service-allow-http") && !error.is_away());
    set(&[("VAULT_ADDR", "")]);
    assert!(wrapped_keys.refused().await.remedy().contains("set VAULT_ADDR"));
}

#[tokio::test]
async fn a_redirect_gets_neither_token_nor_ciphertext() {
    let wrapped_keys = Wrapped::start().await;
    let other = TransitServer::start().await;
    wrapped_keys.server.redirect_to(&other.url());
    let error = wrapped_keys.refused().await;
    assert!(error.to_string().contains("redirects"), "{error}");
    assert_eq!(other.requests(), 0);
}

#[tokio::test]
async fn no_error_repeats_what_was_sent() {
    let wrapped_keys = Wrapped::start().await;
    let server = &wrapped_keys.server;
    server.repeat_requests();
    let ciphertexts = wrapped_keys.text.lines().skip(3).map(|line| line.rsplit(':').next());
    let mut hidden: Vec<String> =
        ciphertexts.map(|text| text.expect("a text").to_owned()).collect();
    let keys = wrapped_keys.keys.to_file_text();
    hidden.extend(
        keys.lines().skip(2).map(|line| line.rsplit(':').next().expect("a key").to_owned()),
    );
    hidden.extend([CANARY.to_owned(), "vault:v1:".to_owned() + "A"]);
    let silent = |error: &SourceError| {
        let shown = format!("{error} {error:?}");
        assert!(!hidden.iter().any(|secret| shown.contains(secret.as_str())), "{shown}");
    };
    server.forbid("transit/decrypt/ledger");
    server.forbid("transit/encrypt/ledger");
    silent(&wrapped_keys.read().await.expect_err("refused"));
    silent(&wrapped(&wrapped_keys.keys, "transit:transit/ledger").await.expect_err("refused"));
    set(&[("VAULT_TOKEN", ""), ("VAULT_ROLE_ID", APP_ROLE[0]), ("VAULT_SECRET_ID", CANARY)]);
    silent(&wrapped_keys.read().await.expect_err("refused"));
    for (status, body) in
        [(200, "{}"), (200, TOKEN), (500, TOKEN), (418, "[]"), (400, "{\"errors\":[]}")]
    {
        server.say(status, body);
        let error = wrapped_keys.read().await.expect_err("no answer");
        silent(&error);
        assert_eq!(error.is_away(), status == 500, "{error}");
    }
}

#[tokio::test]
async fn what_a_vault_opens_as_another_key_is_refused() {
    let wrapped_keys = Wrapped::start().await;
    wrapped_keys
        .server
        .say(200, r#"{"data":{"plaintext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}"#);
    let error = wrapped_keys.read().await.expect_err("another key");
    let id = wrapped_keys.keys.active_id();
    assert!(error.to_string().contains(&format!("names key {id}, but contains key")), "{error}");
    let badly = wrapped(&wrapped_keys.keys, "transit:transit/ledger").await;
    assert!(badly.is_err(), "what was not wrapped is not written");
}

#[tokio::test]
async fn a_service_that_is_away_is_asked_again_and_a_refusal_is_final() {
    let wrapped_keys = Wrapped::start().await;
    let server = &wrapped_keys.server;
    let patience = Patience { total: Duration::from_secs(3), before_wait: |_, _| {} };
    share();
    server.set_sealed(true);
    let before = server.requests();
    let error = wrapped_keys.source().read_patiently(patience).await.expect_err("it stays sealed");
    assert!(error.is_away() && error.to_string().contains("503: Vault is sealed"), "{error}");
    assert!(server.requests() > before + 1, "it is asked more than once");
    server.set_sealed(false);
    server.forget_tokens();
    let before = server.requests();
    assert!(!wrapped_keys.source().read_patiently(patience).await.expect_err("no token").is_away());
    assert_eq!(server.requests() - before, 1);
}

#[tokio::test]
async fn a_service_that_comes_back_opens_the_keys() {
    let wrapped_keys = Wrapped::start().await;
    wrapped_keys.server.set_sealed(true);
    let patience = Patience { total: Duration::from_mins(1), before_wait: |_, _| {} };
    share();
    let source = wrapped_keys.source();
    let unsealing = async {
        while wrapped_keys.server.requests() < 6 {
            tokio::task::yield_now().await;
        }
        wrapped_keys.server.set_sealed(false);
    };
    let (read, ()) = tokio::join!(source.read_patiently(patience), unsealing);
    assert!(read.expect("opened").key_ids().eq(wrapped_keys.keys.key_ids()));
}
