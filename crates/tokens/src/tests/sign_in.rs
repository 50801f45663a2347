//! Signing in at an issuer on a socket, which gives out what a test says.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use ledger_domain::Micros;
use ledger_engine::Clock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use super::NOW;
use super::mint::Signer;
use crate::{
    SignIn, SignInAnswer, SignInAttempt, SignInError, SignInOptions, TokenOptions, Tokens,
};

const CALLBACK: &str = "https://ledger.example.com/sign-in/callback";
const PATIENCE: Duration = Duration::from_mins(1);

/// What the issuer answers, and what it was asked.
struct Shared {
    url: String,
    key: Signer,
    /// The answer to the next code.
    token: Mutex<(u16, Value)>,
    asked: Mutex<Vec<(String, String)>>,
}

/// An issuer, and whoever signs in there.
struct Place {
    issuer: Arc<Shared>,
    tokens: Tokens,
    now: Arc<Mutex<i64>>,
}

impl Place {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let issuer = Arc::new(Shared {
            url: url.clone(),
            key: Signer::ed25519("1"),
            token: Mutex::new((503, Value::Null)),
            asked: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&issuer));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let mut options = TokenOptions::new(&url, super::AUDIENCE);
        options.sign_in = Some(SignInOptions {
            client_id: "console".into(),
            client_secret: Some(Zeroizing::new("secret".into())),
            redirect_uri: CALLBACK.into(),
            scopes: Vec::new(),
            params: vec![("resource".into(), "ledger".into())],
        });
        let now = Arc::new(Mutex::new(NOW));
        let shown = Arc::clone(&now);
        let clock = Clock::new(move || Micros::new(*shown.lock() * 1_000_000));
        let tokens = options.prepare().expect("good options").start(clock);
        assert!(tokens.wait_for_keys(PATIENCE).await);
        Self { issuer, tokens, now }
    }

    fn sign_in(&self) -> Arc<SignIn> {
        self.tokens.sign_in().expect("people can sign in")
    }

    async fn begin(&self) -> (SignInAttempt, Vec<(String, String)>) {
        let (attempt, link) = self.sign_in().begin().await.expect("the issuer is there");
        let link: ledger_outgoing::Url = link.parse().expect("an address");
        (attempt, link.query_pairs().into_owned().collect())
    }

    /// Has the issuer give out an ID token with these claims, beside good ones.
    fn gives(&self, nonce: &str, change: &Value) {
        let mut claims = json!({
            "iss": self.issuer.url, "aud": "console", "sub": "anna", "exp": NOW + 300,
            "nonce": nonce,
        });
        let into = claims.as_object_mut().expect("an object");
        into.extend(change.as_object().expect("an object").clone());
        let header = json!({ "alg": "EdDSA", "kid": "1" });
        let id_token = self.issuer.key.sign(&header, &claims);
        let answer = json!({
            "access_token": "the-access-token", "id_token": id_token, "token_type": "Bearer",
        });
        *self.issuer.token.lock() = (200, answer);
    }
}

async fn describe(State(issuer): State<Arc<Shared>>) -> String {
    let at = |path: &str| format!("{}/{path}", issuer.url);
    let document = json!({
        "issuer": issuer.url, "jwks_uri": at("keys"), "authorization_endpoint": at("auth"),
        "token_endpoint": at("token"),
    });
    document.to_string()
}

async fn keys(State(issuer): State<Arc<Shared>>) -> String {
    json!({ "keys": [issuer.key.published()] }).to_string()
}

async fn token(
    State(issuer): State<Arc<Shared>>,
    headers: HeaderMap,
    form: String,
) -> (StatusCode, String) {
    let header = headers.get("authorization").map_or("", |value| value.to_str().unwrap_or(""));
    let mut asked: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    asked.push(("authorization".to_owned(), header.to_owned()));
    *issuer.asked.lock() = asked;
    let (status, body) = issuer.token.lock().clone();
    (StatusCode::from_u16(status).expect("a status"), body.to_string())
}

fn of<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

fn answer(pairs: &[(&str, &str)]) -> SignInAnswer {
    SignInAnswer::of(pairs.iter().copied())
}

#[tokio::test]
async fn whoever_signs_in_gets_their_token_and_the_issuer_the_verifier() {
    let place = Place::open().await;
    let (attempt, link) = place.begin().await;
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "console"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("code_challenge_method", "S256"),
        ("resource", "ledger"),
    ] {
        assert_eq!(of(&link, name), value);
    }
    place.gives(of(&link, "nonce"), &json!({}));
    // The browser keeps a text.
    let attempt = SignInAttempt::parse(&attempt.to_text()).expect("an attempt");
    let back = [("state", of(&link, "state")), ("code", "c-1"), ("iss", &*place.issuer.url)];
    let done = place.sign_in().finish(&attempt, &answer(&back)).await.expect("signed in");
    assert_eq!((done.subject.as_str(), done.access_token.as_str()), ("anna", "the-access-token"));
    let asked = place.issuer.asked.lock().clone();
    assert_eq!((of(&asked, "code"), of(&asked, "grant_type")), ("c-1", "authorization_code"));
    assert_eq!((of(&asked, "redirect_uri"), of(&asked, "resource")), (CALLBACK, "ledger"));
    assert_eq!(of(&asked, "authorization"), "Basic Y29uc29sZTpzZWNyZXQ=");
    let verifier =
        ring::digest::digest(&ring::digest::SHA256, of(&asked, "code_verifier").as_bytes());
    assert_eq!(super::mint::text(verifier.as_ref()), of(&link, "code_challenge"));
}

#[tokio::test]
async fn a_sign_in_ends_in_the_browser_in_which_it_began_or_nowhere() {
    let place = Place::open().await;
    let (attempt, link) = place.begin().await;
    let (other, _) = place.begin().await;
    let (state, nonce) = (of(&link, "state"), of(&link, "nonce"));
    let good = [("state", state), ("code", "c-1")];
    let refused = async |attempt: &SignInAttempt, pairs: &[(&str, &str)]| {
        place.sign_in().finish(attempt, &answer(pairs)).await.expect_err("refused")
    };
    place.gives(nonce, &json!({}));
    let twice = [("state", state), ("state", state), ("code", "c-1")];
    for pairs in [&[("code", "c-1")][..], &[("state", "x"), ("code", "c-1")], &twice] {
        assert!(matches!(refused(&attempt, pairs).await, SignInError::NotBegun), "{pairs:?}");
    }
    assert!(matches!(refused(&other, &good).await, SignInError::NotBegun), "another browser");
    let elsewhere = [good[0], good[1], ("iss", "https://evil.example")];
    assert!(matches!(refused(&attempt, &elsewhere).await, SignInError::OtherIssuer));
    assert!(matches!(refused(&attempt, &good[..1]).await, SignInError::Malformed));
    for wrong in [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "aud": "another" }),
        json!({ "aud": ["console", "another"], "azp": "another" }),
        json!({ "azp": 1 }),
        json!({ "iss": "https://evil.example" }),
        json!({ "exp": NOW - 61 }),
    ] {
        place.gives(nonce, &wrong);
        let error = refused(&attempt, &good).await;
        assert!(matches!(error, SignInError::Unproven), "{wrong}: {error}");
    }
    place.gives(nonce, &json!({}));
    assert!(place.sign_in().finish(&attempt, &answer(&good)).await.is_ok());
    *place.now.lock() += 601;
    assert!(matches!(refused(&attempt, &good).await, SignInError::NotBegun), "too late");
}

#[tokio::test]
async fn what_the_issuer_says_is_told_by_known_codes_only() {
    let place = Place::open().await;
    let (attempt, link) = place.begin().await;
    let state = of(&link, "state");
    let finish = async |pairs: &[(&str, &str)]| {
        place.sign_in().finish(&attempt, &answer(pairs)).await.expect_err("refused")
    };
    let denied = finish(&[("state", state), ("error", "access_denied")]).await;
    assert!(matches!(denied, SignInError::Denied) && !denied.is_temporary());
    let hostile = finish(&[("state", state), ("error", "<script>")]).await;
    assert!(!hostile.to_string().contains("script"), "{hostile}");
    let good = [("state", state), ("code", "c-1")];
    let away = finish(&good).await;
    assert!(matches!(away, SignInError::Unreachable(_)) && away.is_temporary(), "{away}");
    *place.issuer.token.lock() = (400, json!({ "error": "invalid_grant" }));
    assert!(matches!(finish(&good).await, SignInError::Refused("invalid_grant")));
    let opaque = json!({ "access_token": "a", "token_type": "Bearer" });
    *place.issuer.token.lock() = (200, opaque);
    assert!(matches!(finish(&good).await, SignInError::Malformed), "no ID token");
}
