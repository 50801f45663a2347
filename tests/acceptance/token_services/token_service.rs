//! A token service in this process, which replaces refresh tokens and notices when one is used
//! twice.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ledger_engine::{SendTest, Sending, SentTest};
use ledger_providers::Request;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// A running service.
#[derive(Debug)]
pub(super) struct TokenService {
    state: Mutex<State>,
    /// Whether it answers, or has everybody wait.
    open: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    /// Of each client, the number of its refresh token.
    grants: BTreeMap<String, u64>,
    /// The answer to all requests, in place of a token.
    answer: Option<(u16, Value)>,
    /// How long tokens are valid, in seconds.
    lasts: i64,
    asked: Vec<BTreeMap<String, String>>,
    reused: u64,
}

impl Default for TokenService {
    fn default() -> Self {
        let state = State {
            grants: BTreeMap::new(),
            answer: None,
            lasts: 3_600,
            asked: Vec::new(),
            reused: 0,
        };
        Self { state: Mutex::new(state), open: watch::Sender::new(true) }
    }
}

impl TokenService {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    /// Gives a client a refresh token that is valid, in place of any other.
    pub(super) fn grant(&self, client: &str) -> String {
        let mut state = self.state();
        let number = state.grants.entry(client.to_owned()).or_default();
        *number += 1;
        format!("refresh-{client}-{number}")
    }

    /// Answers this to everybody from now on; `None` for tokens.
    pub(super) fn answer(&self, answer: Option<(u16, Value)>) {
        self.state().answer = answer;
    }

    pub(super) fn tokens_last(&self, seconds: i64) {
        self.state().lasts = seconds;
    }

    /// Has everybody wait from now on, or no more.
    pub(super) fn hold(&self, holds: bool) {
        self.open.send_replace(!holds);
    }

    /// Returns what it was asked, in order.
    pub(super) fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.state().asked.clone()
    }

    /// Returns how often a refresh token was used again.
    pub(super) fn reused(&self) -> u64 {
        self.state().reused
    }

    fn note(&self, request: &Request) -> BTreeMap<String, String> {
        let body = request.body.as_ref().expect("a body");
        let url = format!("http://as.example/?{}", body.as_str());
        let form = Url::parse(&url).expect("a form");
        let form: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
        self.state().asked.push(form.clone());
        form
    }

    fn answered(&self, form: &BTreeMap<String, String>) -> (u16, Value) {
        let state = &mut *self.state();
        if let Some(answer) = &state.answer {
            return answer.clone();
        }
        let client = form.get("client_id").cloned().unwrap_or_default();
        let Some(number) = state.grants.get_mut(&client) else {
            return (401, json!({"error": "invalid_client"}));
        };
        if form.get("refresh_token") != Some(&format!("refresh-{client}-{number}")) {
            state.reused += 1;
            return (400, json!({"error": "invalid_grant"}));
        }
        *number += 1;
        let body = json!({
            "access_token": format!("access-{client}-{number}"),
            "refresh_token": format!("refresh-{client}-{number}"),
            "token_type": "bearer", "expires_in": state.lasts,
        });
        (200, body)
    }
}

impl SendTest for TokenService {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(async move {
            let form = self.note(&request);
            let mut open = self.open.subscribe();
            open.wait_for(|open| *open).await.expect("the service is there");
            let (status, body) = self.answered(&form);
            let body = Zeroizing::new(body.to_string().into_bytes());
            SentTest::Answered { status, request_id: None, retry_after: None, body }
        })
    }

    fn send_for_all(&self, request: Request) -> Sending<'_> {
        self.send(request)
    }

    fn log_in(&self, login: ledger_providers::Login) -> ledger_engine::LoggingIn<'_> {
        panic!("{login:?} is asked for")
    }
}
