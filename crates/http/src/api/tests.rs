//! Tests of the router without a socket, each on a new ledger.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use futures::{StreamExt as _, stream};
use ledger_contract::errors::Code;
use ledger_domain::connection::Environment;
use ledger_engine::{AdmissionLimits, Engine, EngineOptions};
use ledger_vault::Keyring;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::routes::routes;
use crate::{Api, ApiOptions};

/// The API of a new ledger with one key.
pub(crate) struct TestLedger {
    pub(crate) engine: Engine,
    pub(crate) api: Api,
    key: String,
    _folder: TempDir,
}

impl TestLedger {
    pub(crate) async fn new(options: ApiOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::generate(&mut rand::rng()).to_file_text().to_string();
        let keyring = Keyring::parse(&keys).unwrap();
        let mut opening = EngineOptions::new(folder.path().join("data"), keyring);
        opening.create = true;
        let engine = Engine::open(opening).unwrap();
        let key = engine.issue_admin_key(Environment::Test).await.unwrap();
        let api = Api::new(engine.clone(), options);
        Self { engine, api, key, _folder: folder }
    }

    /// Builds a request with a key.
    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let key = format!("Bearer {}", self.key);
        Request::builder().method(method).uri(path).header("authorization", key)
    }

    pub(crate) async fn send(&self, request: Request) -> (StatusCode, HeaderMap, Value) {
        let response = self.api.router(Router::new()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, HeaderMap, Value) {
        let request = self.request("POST", path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, Value) {
        self.send(self.request("GET", path).body(Body::empty()).unwrap()).await
    }
}

/// Replaces the parameters of a path by values.
fn filled(path: &str) -> String {
    path.replace("{workspace}", "default")
        .replace("{connection}", "main")
        .replace("{principal}", "admin")
        .replace("{key}", "k3x9a2bq71ce")
}

#[tokio::test]
async fn without_a_key_every_other_route_is_refused() {
    let ledger = TestLedger::new(ApiOptions::default()).await;
    for route in routes() {
        for (key, code) in [(None, Code::CredentialMissing), (Some("x"), Code::CredentialInvalid)] {
            let mut request =
                Request::builder().method(route.method.as_str()).uri(filled(route.path));
            if let Some(key) = key {
                request = request.header("authorization", format!("Bearer {key}"));
            }
            // Other errors are not reported.
            let request = request.header("if-match", "odd").body(Body::from("odd")).unwrap();
            let (status, headers, body) = ledger.send(request).await;
            if !route.needs_key() {
                // The page for browsers that come back knows of no link without what they bring.
                let is_page = route.id == "finishConnect";
                let expected = if is_page { StatusCode::NOT_FOUND } else { StatusCode::OK };
                assert_eq!(status, expected, "{}", route.id);
                continue;
            }
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{}", route.id);
            assert_eq!(body["code"], code.as_str(), "{}", route.id);
            assert!(headers.contains_key("www-authenticate"), "{}", route.id);
            assert_eq!(headers["content-type"], "application/problem+json", "{}", route.id);
        }
    }
}

#[tokio::test]
async fn an_unsupported_method_is_refused_with_the_supported_ones() {
    let ledger = TestLedger::new(ApiOptions::default()).await;
    for route in routes() {
        let request = ledger.request("DELETE", &filled(route.path)).body(Body::empty()).unwrap();
        let (status, headers, body) = ledger.send(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{}", route.path);
        assert_eq!(body["code"], "method_not_allowed");
        let allowed = headers["allow"].to_str().unwrap();
        assert!(allowed.split(", ").any(|word| word == route.method.as_str()), "{allowed}");
        assert_eq!(allowed.contains("HEAD"), allowed.contains("GET"), "{allowed}");
    }
}

#[tokio::test]
async fn unknown_and_malformed_paths_get_a_problem() {
    let ledger = TestLedger::new(ApiOptions::default()).await;
    ledger.post("/api/v1/workspaces", &json!({ "name": "default" })).await;
    let long = format!("/api/v1/workspaces/default/connections/{}", "x".repeat(20_000));
    for (path, status) in [
        ("/", 404),
        ("/api/v1", 404),
        ("/api/v1/workspaces/", 404),
        ("/api/v2/workspaces", 404),
        ("/api/v1/workspaces/default/connections/main/frobnicate", 404),
        ("/api/v1/workspaces/default/connections/..", 400),
        ("/api/v1/workspaces/..%2f..%2fetc/connections", 400),
        ("/api/v1/workspaces/default/connections/a%00b", 400),
        ("/api/v1/workspaces/default/connections/a%2fb", 400),
        ("/api/v1/workspaces/default/connections/%ff", 400),
        ("/api/v1/workspaces/%E2%80%AE/connections", 400),
        ("/api/v1/workspaces//connections", 400),
        (long.as_str(), 400),
    ] {
        let (got, headers, body) = ledger.get(path).await;
        assert_eq!(got.as_u16(), status, "{path}: {body}");
        assert_eq!(body["status"], status, "{path}");
        assert_eq!(headers["x-request-id"], body["request_id"].as_str().unwrap(), "{path}");
        assert!(!body.to_string().contains("xxxx"), "the name is not repeated");
    }
}

#[tokio::test]
async fn a_problem_has_the_members_of_the_standard_and_of_the_ledger() {
    let ledger = TestLedger::new(ApiOptions::default()).await;
    let request = ledger.request("GET", "/api/v1/workspaces/nowhere/connections");
    let request = request.header("x-request-id", "mine-1").body(Body::empty()).unwrap();
    let (status, headers, body) = ledger.send(request).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(headers["x-request-id"], "mine-1");
    assert_eq!(body["type"], "urn:connledger:error:workspace_unknown");
    assert_eq!(body["code"], "workspace_unknown");
    assert_eq!(body["class"], "not_found");
    assert_eq!(body["request_id"], "mine-1");
    assert_eq!(body["retry"], false);
    for word in ["title", "detail", "hint"] {
        assert!(body[word].as_str().is_some_and(|text| !text.is_empty()), "{word}");
    }
}

#[tokio::test]
async fn refusals_of_every_layer_are_counted() {
    let ledger = TestLedger::new(ApiOptions::default()).await;
    let path = "/api/v1/workspaces/default/connections/x/enable";
    let (_, _, refused) = ledger.post(&format!("{path}?a=b"), &json!({})).await;
    assert_eq!(refused["code"], "field_invalid");
    let (_, _, missing) = ledger.post(path, &json!({})).await;
    assert_eq!(missing["code"], "connection_unknown");
    let (_, _, status) = ledger.get("/api/v1/status").await;
    assert_eq!(status["refused"], json!({ "connection_unknown": 1, "field_invalid": 1 }));
}

#[tokio::test]
async fn a_stopping_ledger_is_alive_and_not_ready() {
    let ledger = TestLedger::new(ApiOptions::default()).await;
    assert_eq!(ledger.get("/readyz").await.2["status"], "ready");
    let engine = ledger.engine.clone();
    tokio::task::spawn_blocking(move || engine.shutdown()).await.unwrap();
    let (status, headers, body) = ledger.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["code"], "shutting_down");
    assert!(headers.contains_key("retry-after"));
    assert_eq!(ledger.get("/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_description_lists_what_the_router_answers() {
    let ledger = TestLedger::new(ApiOptions::default()).await;
    let (status, _, document) = ledger.get("/api/v1/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    let paths = document["paths"].as_object().unwrap();
    let described: usize = paths.values().map(|methods| methods.as_object().unwrap().len()).sum();
    assert_eq!(described, routes().count());
    // An unknown route would get the router's own 404.
    for route in routes().filter(|route| route.method == Method::POST) {
        let (_, _, body) = ledger.post(&filled(route.path), &json!({})).await;
        assert_ne!(body["code"], "route_unknown", "{}", route.path);
    }
}

#[tokio::test]
async fn slow_bodies_do_not_block_commands() {
    let options = ApiOptions {
        limits: AdmissionLimits {
            commands_max: 1,
            bodies_max: 2,
            bodies_per_caller_max: 1,
            ..AdmissionLimits::default()
        },
        ..ApiOptions::default()
    };
    let ledger = TestLedger::new(options).await;
    let slow = || {
        let (end, ended) = futures::channel::oneshot::channel::<Result<&str, std::io::Error>>();
        let start = stream::once(async { Ok(r#"{"name": "#) });
        let rest = stream::once(async { ended.await.expect("it ends") });
        let request = ledger.request("POST", "/api/v1/workspaces");
        let request = request.header("content-type", "application/json");
        (end, request.body(Body::from_stream(start.chain(rest))).unwrap())
    };
    let ((end, first), (_end, second)) = (slow(), slow());
    let sending = ledger.send(first);
    let ((status, ..), ()) = tokio::join!(sending, async {
        let made = ledger.post("/api/v1/workspaces", &json!({ "name": "quick" })).await;
        assert_eq!(made.0, StatusCode::CREATED, "the only place for commands is free");
        let more = ledger.send(second).await;
        assert_eq!(more.2["code"], "busy", "a caller has its share of slow bodies");
        end.send(Ok("\"slow\"}")).unwrap();
    });
    assert_eq!(status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_incomplete_body_releases_its_permit() {
    let limits = AdmissionLimits { bodies_max: 1, ..AdmissionLimits::default() };
    let options = ApiOptions { limits, ..ApiOptions::default() };
    let ledger = TestLedger::new(options).await;
    for _ in 0..3 {
        let wait = stream::once(tokio::task::yield_now()).filter_map(async |()| None);
        let broken = stream::once(async { Err::<&str, _>(std::io::Error::other("gone")) });
        let request = ledger.request("POST", "/api/v1/workspaces");
        let request = request.header("content-type", "application/json");
        let body = Body::from_stream(wait.chain(broken));
        let answer = ledger.send(request.body(body).unwrap()).await;
        assert_eq!(answer.2["code"], "body_malformed");
    }
}
