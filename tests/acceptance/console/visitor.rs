//! A ledger behind its console, and somebody who visits it.

use std::net::{Ipv4Addr, SocketAddr};

use ledger_console::{Console, ConsoleOptions};
use ledger_domain::connection::Environment;
use ledger_engine::Engine;
use ledger_http::{Api, ApiOptions};
use ledger_http_server::{Accepts, Identity, ListenOptions, Listener, Rates, Verdict};
use ledger_providers::Catalogue;
use reqwest::{Client, Method, RequestBuilder};

use crate::http::door::{Answer, client_builder, read};
use crate::ledger::Ledger;

/// A ledger whose console is served in this process.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) ledger: Ledger,
    pub(crate) key: String,
    address: SocketAddr,
    api: Api,
    server: Listener,
}

impl Place {
    /// Serves without limits on rates.
    pub(crate) async fn open() -> Self {
        Self::with(ConsoleOptions::default(), Rates { per_key: 0, per_address: 0 }).await
    }

    pub(crate) async fn with(options: ConsoleOptions, rates: Rates) -> Self {
        Self::over(Ledger::new().await, options, rates).await
    }

    /// Serves a ledger.
    pub(crate) async fn over(ledger: Ledger, options: ConsoleOptions, rates: Rates) -> Self {
        let key = ledger.engine.issue_admin_key(Environment::Test).await.expect("a key");
        let api = Api::new(ledger.engine.clone(), ApiOptions::default());
        let console = Console::new(api.state(), Catalogue::built_in().clone(), options);
        let routes = api.router(axum::Router::new()).merge(console.router());
        let engine = ledger.engine.clone();
        let accepts = Accepts::judging(move |header| judge(&engine, header));
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut listen = ListenOptions::new(here, accepts);
        listen.rates = rates;
        let server = listen.prepare().expect("good options").open(routes).await;
        let server = server.expect("a free port");
        Self { ledger, key, address: server.address(), api, server }
    }

    /// Returns somebody who has not signed in.
    pub(crate) fn visitor(&self) -> Visitor {
        let client = client_builder().redirect(reqwest::redirect::Policy::none()).build();
        let base = format!("http://{}", self.address);
        Visitor { client: client.expect("a client"), base, cookie: String::new() }
    }

    /// Returns somebody who has signed in with a key.
    pub(crate) async fn signed_in(&self, key: &str) -> Visitor {
        let mut visitor = self.visitor();
        let answer = visitor.sign_in(key, "/").await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
        visitor
    }

    pub(crate) async fn close(self) {
        self.api.stop_feeds();
        self.server.shutdown().await;
        self.api.shutdown().await;
    }
}

fn judge(engine: &Engine, header: &str) -> Verdict {
    match engine.authenticate(Some(header)) {
        Ok(caller) => Verdict::Good(Identity::new(caller.identity())),
        Err(error) if error.is_guess() => Verdict::Wrong,
        Err(_) => Verdict::NoGuess,
    }
}

/// A browser: it keeps one cookie, and says where its forms come from.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    client: Client,
    pub(crate) base: String,
    pub(crate) cookie: String,
}

impl Visitor {
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        if self.cookie.is_empty() { request } else { request.header("cookie", &self.cookie) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.ask(Method::GET, path)).await
    }

    /// Sends a form as a page of this server does.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        read(self.form(path, fields).header("sec-fetch-site", "same-origin")).await
    }

    /// Prepares a form without saying where it comes from.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let mut url = reqwest::Url::parse("http://form/").expect("a URL");
        url.query_pairs_mut().extend_pairs(fields);
        let body = url.query().unwrap_or_default().to_owned();
        let media_type = "application/x-www-form-urlencoded";
        self.ask(Method::POST, path).header("content-type", media_type).body(body)
    }

    pub(crate) async fn sign_in(&mut self, key: &str, to: &str) -> Answer {
        let answer = self.post("/sign-in", &[("key", key), ("to", to)]).await;
        if let Some(cookie) = answer.header("set-cookie") {
            cookie.split(';').next().unwrap_or_default().clone_into(&mut self.cookie);
        }
        answer
    }

    /// Returns the hidden fields of a page's form: the token, and the id of its command.
    pub(crate) async fn hidden(&self, path: &str) -> (String, String) {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        (field(&page, "form_token"), field(&page, "command_id"))
    }

    /// Sends a form with the hidden fields that its page has.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let (token, id) = self.hidden(path).await;
        let hidden = [("form_token", token.as_str()), ("command_id", id.as_str())];
        self.post(path, &[&hidden, fields].concat()).await
    }
}

/// Returns the value of a hidden field, the last one of that name: the first is in the header.
#[track_caller]
pub(crate) fn field(page: &Answer, name: &str) -> String {
    let marked = format!("name=\"{name}\" value=\"");
    let rest = page.text.rsplit_once(&marked).map(|(_, rest)| rest);
    let value = rest.and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no field {name}: {page:?}")).to_owned()
}

/// Returns the stable code that a refusal tells; nothing if the page is none.
pub(crate) fn code(page: &Answer) -> &'static str {
    if page.status < 400 {
        return "";
    }
    let codes = ledger_contract::errors::Code::ALL.iter().map(|code| code.as_str());
    let mut told = codes.filter(|code| page.text.contains(&format!("<code>{code}</code>")));
    told.next().unwrap_or_default()
}
