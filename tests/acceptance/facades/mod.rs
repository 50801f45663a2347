//! The facades, over sockets, with the headers that their products' clients send.

mod doors;
mod many;
mod side_by_side;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::http::door::{Answer, Door, client, read, with_body};

/// A facade as one of its product's clients sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a> {
    door: &'a Door,
    /// The header with the key, and what comes before it.
    key: (&'static str, &'static str),
}

impl<'a> Product<'a> {
    pub(crate) fn new(door: &'a Door, key_header: &'static str, scheme: &'static str) -> Self {
        Self { door, key: (key_header, scheme) }
    }

    /// Starts a request with the key.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let (header, scheme) = self.key;
        let key = format!("{scheme}{}", self.door.key);
        client().request(method, self.door.url(path)).header(header, key)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.ask(Method::GET, path)).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        read(with_body(self.ask(method, path), body)).await
    }
}
