//! The facades, over sockets: what takes more than the scenarios of single facades, which are data.

mod destinations;
mod doors;
mod exposed;
mod many;
pub(crate) mod matrix;
mod side_by_side;

pub(crate) use exposed::creations;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::http::door::{Answer, Door, client, read, with_body};
use crate::scenarios;

/// A facade as one of its product's clients sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a> {
    door: &'a Door,
    /// The folder of its scenarios.
    folder: &'static str,
}

impl<'a> Product<'a> {
    /// Returns the product whose scenarios are in this folder.
    pub(crate) fn of(door: &'a Door, folder: &'static str) -> Self {
        Self { door, folder }
    }

    /// Starts a request with the key.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let (header, key) = scenarios::key(self.folder, &self.door.key);
        client().request(method, self.door.url(path)).header(header, key)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.ask(Method::GET, path)).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        read(with_body(self.ask(method, path), body)).await
    }
}
