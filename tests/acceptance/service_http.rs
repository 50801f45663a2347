//! Commands and questions to the program over HTTP, with the key of the administrator.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http::door;
use crate::service::Service;
use crate::wait::eventually;

impl Service {
    /// Sends a request, and returns the answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let url = format!("{}/api/v1{path}", self.http_url());
        let request = door::client().request(method, url).bearer_auth(self.key());
        let answer = door::with_body(request, body).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.bytes().await.expect("a body");
        (status, serde_json::from_slice(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// Creates something that must be accepted, and returns the answer.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> Value {
        let (status, receipt) = self.ask(Method::POST, path, body).await;
        assert_eq!(status, StatusCode::CREATED, "{receipt}");
        receipt
    }

    /// Sends a command about a connection, which must be accepted.
    pub(crate) async fn change(&self, workspace: &str, name: &str, verb: &str, body: &Value) {
        let path = format!("/workspaces/{workspace}/connections/{name}/{verb}");
        let (status, receipt) = self.ask(Method::POST, &path, body).await;
        assert_eq!(status, StatusCode::OK, "{receipt}");
    }

    /// Returns the connections of a workspace that the ledger has, by id.
    pub(crate) async fn listed(&self, workspace: &str) -> Vec<Value> {
        let first = format!("/workspaces/{workspace}/connections?page_size=500&lifecycle=any");
        let (mut all, mut path) = (Vec::new(), first.clone());
        loop {
            let (status, page) = self.get(&path).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            all.extend(page["connections"].as_array().expect("connections").clone());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("{first}&cursor={cursor}");
        }
        all.sort_by_key(|view| view["id"].to_string());
        all
    }

    pub(crate) async fn status(&self) -> Value {
        self.get("/status").await.1
    }

    pub(crate) async fn incarnation(&self) -> String {
        self.status().await["incarnation"].as_str().expect("a name").to_owned()
    }

    /// Waits until every event is in the stream, and returns how many there are.
    pub(crate) async fn wait_until_published(&self) -> u64 {
        eventually("everything is published", async || {
            let status = self.status().await;
            (status["published"] == status["position"]).then(|| status["position"].as_u64())?
        })
        .await
    }

    /// Makes a gateway of the ledger's that may read the secrets of a workspace, and returns its
    /// key.
    pub(crate) async fn gateway_key(&self, workspace: &str) -> String {
        let principal = json!({
            "principal": "eu-1", "kind": "gateway",
            "grants": [{ "role": "gateway", "workspaces": [workspace] }],
        });
        self.create("/principals", &principal).await;
        let issued = self.create("/principals/eu-1/keys", &json!({})).await;
        issued["api_key"]["key"].as_str().expect("a key").to_owned()
    }
}
