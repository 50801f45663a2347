//! The same commands and questions over HTTP and over NATS.

use std::sync::atomic::{AtomicU64, Ordering};

use ledger_client::{Client, CommandHeaders, new_command_id};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome};
use crate::ledger::WORKSPACE;
use crate::load::CONNECTIONS;
use crate::wire::{Asker, Wire};

/// After so many requests an HTTP connection is closed and another one opened.
const REQUESTS_PER_CONNECTION: u32 = 200;

/// A way to the ledger.
#[derive(Debug)]
pub(super) enum Door {
    Http(Web),
    Nats(Client),
}

/// One HTTP connection at a time.
#[derive(Debug)]
pub(super) struct Web {
    asker: Asker,
    wire: Wire,
    asked: u32,
}

impl Web {
    pub(super) async fn open(asker: &Asker) -> Outcome<Self> {
        Ok(Self { asker: asker.clone(), wire: asker.connect().await?, asked: 0 })
    }

    async fn send(&mut self, method: &str, path: &str, body: &Value) -> Outcome<&[u8]> {
        self.renew().await?;
        let request = self.asker.send(method, path, &new_command_id(), &body.to_string());
        self.wire.ask(&request).await
    }

    /// Asks for a path, answered in JSON that may be compressed.
    pub(super) async fn get(&mut self, path: &str) -> Outcome<&[u8]> {
        self.renew().await?;
        let request = self.asker.get(path, "application/json\r\nAccept-Encoding: zstd, gzip");
        self.wire.ask(&request).await
    }

    /// Asks for what is not there.
    pub(super) async fn miss(&mut self, path: &str) -> Outcome<()> {
        self.renew().await?;
        let request = self.asker.get(path, "application/json");
        match self.wire.exchange(&request).await? {
            (404, _) => Ok(()),
            (status, _) => Err(Failure::new(format!("what is not there was answered {status}"))),
        }
    }

    async fn renew(&mut self) -> Outcome<()> {
        self.asked += 1;
        if self.asked > REQUESTS_PER_CONNECTION {
            self.wire = self.asker.connect().await?;
            self.asked = 0;
        }
        Ok(())
    }
}

impl Door {
    /// Sends a command about a connection, or one that makes one; returns the connection's id.
    /// Puts the position in the log where `head` is.
    pub(super) async fn command(
        &mut self,
        verb: &str,
        target: Option<&str>,
        mut body: Map<String, Value>,
        head: &AtomicU64,
    ) -> Outcome<String> {
        let receipt: Value = match self {
            Self::Http(web) => {
                let (method, path) = match (verb, target) {
                    ("update", Some(target)) => ("PATCH", format!("{CONNECTIONS}/{target}")),
                    (_, Some(target)) => ("POST", format!("{CONNECTIONS}/{target}/{verb}")),
                    (_, None) => ("POST", CONNECTIONS.to_owned()),
                };
                serde_json::from_slice(web.send(method, &path, &Value::Object(body)).await?)?
            }
            Self::Nats(client) => {
                if let Some(target) = target {
                    body.insert("connection".to_owned(), Value::from(target));
                }
                let (body, about) = (serde_json::to_vec(&body)?, CommandHeaders::default());
                let accepted = client.command(WORKSPACE, verb, body, about).await?;
                serde_json::to_value(&accepted.receipt)?
            }
        };
        let position = receipt.get("position").and_then(Value::as_u64).unwrap_or(0);
        head.fetch_max(position, Ordering::Relaxed);
        let id = receipt.get("connection").and_then(Value::as_str);
        Ok(id.ok_or_else(|| Failure::new("a receipt names no connection"))?.to_owned())
    }

    /// Gets the secrets of a connection.
    pub(super) async fn reveal(&mut self, target: &str) -> Outcome<()> {
        match self {
            Self::Http(web) => {
                let path = format!("{CONNECTIONS}/{target}/reveal-secret");
                web.send("POST", &path, &json!({"reason": "soak"})).await?;
            }
            Self::Nats(client) => {
                client.reveal(WORKSPACE, target, &[], "soak").await?;
            }
        }
        Ok(())
    }
}
