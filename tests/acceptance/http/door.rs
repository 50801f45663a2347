//! A ledger behind its HTTP API, and a client of it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ledger_domain::connection::Environment;
use ledger_facades::Facades;
use ledger_http::{Api, ApiOptions};
use ledger_http_server::{Accepts, ListenOptions, Listener, Rates};
use ledger_providers::Catalogue;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::ledger::{ABROAD, HOME, Ledger};

/// The path of connections of the home workspace.
pub(crate) const CONNECTIONS: &str = "/api/v1/workspaces/default/connections";

/// A ledger that is served in this process.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) ledger: Ledger,
    pub(crate) api: Api,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    client: Client,
    server: Listener,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Checks that it is a refusal with this status and code, in the common format.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["code"], code, "{self:?}");
        assert_eq!(body["status"], status, "{self:?}");
        assert_eq!(body["type"], format!("urn:connledger:error:{code}"));
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"));
    }
}

impl Door {
    pub(crate) async fn open() -> Self {
        Self::with(ApiOptions::default()).await
    }

    pub(crate) async fn with(options: ApiOptions) -> Self {
        let ledger = Ledger::new().await;
        let key = ledger.engine.issue_admin_key(Environment::Test).await.expect("a key");
        let api = Api::new(ledger.engine.clone(), options);
        let server = serve(&api).await;
        Self { ledger, api, address: server.address(), key, client: client(), server }
    }

    /// Closes every connection and serves again on another address.
    pub(crate) async fn restart(&mut self) {
        self.api.shutdown().await;
        self.api = Api::new(self.ledger.engine.clone(), ApiOptions::default());
        self.server = serve(&self.api).await;
        self.address = self.server.address();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Starts a request with the key.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(&self.key)
    }

    /// Starts a request with another credential.
    pub(crate) fn ask_as(&self, credential: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(credential)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.ask(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        read(with_body(self.ask(Method::POST, path), body)).await
    }

    /// Creates a connection `main` with a secret in each of the two workspaces.
    pub(crate) async fn create_main_everywhere(&self) {
        for workspace in [HOME, ABROAD] {
            let place = CONNECTIONS.replace(HOME, workspace);
            let secrets = json!({ "api_key": "sk-first-value-1" });
            let main = json!({ "slug": "main", "provider": "openai", "secrets": secrets });
            let made = self.post(&place, &main).await;
            assert_eq!(made.status, 201, "{made:?}");
        }
    }

    /// Creates a connection and returns its id.
    pub(crate) async fn create(&self, body: &Value) -> String {
        let made = self.post(CONNECTIONS, body).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["connection"].as_str().expect("an id").to_owned()
    }
}

/// Returns a client without TLS, which needs no CA certificates.
pub(crate) fn client() -> Client {
    client_builder().build().expect("a client")
}

/// Returns what such a client is made of.
pub(crate) fn client_builder() -> ClientBuilder {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls)
}

/// Serves without limits on rates or on keys that are guessed, which have tests of their own.
async fn serve(api: &Api) -> Listener {
    let accepts = Accepts::new(|_| true);
    let mut options = ListenOptions::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), accepts);
    options.rates = Rates { per_key: 0, per_address: 0 };
    let facades = Facades::new(api.state(), Catalogue::built_in().clone());
    let router = api.router(facades.router());
    options.prepare().expect("good options").open(router).await.expect("a free port")
}

/// Adds a JSON body.
pub(crate) fn with_body(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header("content-type", "application/json").body(body.to_string())
}

/// Sends a request and reads the complete answer.
pub(crate) async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers = headers.collect();
    let text = response.bytes().await.expect("a whole body");
    Answer { status, headers, text: String::from_utf8_lossy(&text).into_owned() }
}
