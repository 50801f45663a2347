//! Questions: gets, lists, histories, and what is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_client::Client;
use serde_json::value::RawValue;

use super::door::Web;
use super::worker::{STILL, STILL_CONNECTIONS, Worker};
use crate::failure::Outcome;
use crate::ledger::WORKSPACE;
use crate::load::{self, COMBINATIONS, CONNECTIONS, Dice};

/// Pages of lists, and tens of rows of histories, among which questions choose.
const PAGES: u64 = 10;

/// One who asks over HTTP.
pub(super) struct WebReader {
    pub(super) web: Web,
    pub(super) dice: Dice,
    pub(super) done: Arc<AtomicU64>,
}

impl Worker for WebReader {
    async fn step(&mut self) -> Outcome<()> {
        let (dice, web) = (&mut self.dice, &mut self.web);
        let still = load::slug(STILL, dice.below(STILL_CONNECTIONS));
        let page = 1 + dice.below(PAGES);
        match dice.below(8) {
            0..=2 => web.get(&format!("{CONNECTIONS}/{still}")).await.map(drop),
            3 => web.miss(&format!("{CONNECTIONS}/nobody-{}", dice.below(1_000_000))).await,
            4 => web.get(&format!("{CONNECTIONS}/{still}/history")).await.map(drop),
            5 => {
                let path = format!("/api/v1/workspaces/{WORKSPACE}/history?page_size={page}0");
                web.get(&path).await.map(drop)
            }
            _ => web.get(&load::list_path(dice.below(COMBINATIONS), page)).await.map(drop),
        }?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// One who asks over NATS.
pub(super) struct NatsReader {
    pub(super) client: Client,
    pub(super) dice: Dice,
    pub(super) done: Arc<AtomicU64>,
}

impl Worker for NatsReader {
    async fn step(&mut self) -> Outcome<()> {
        let dice = &mut self.dice;
        let still = load::slug(STILL, dice.below(STILL_CONNECTIONS));
        let page = 1 + dice.below(PAGES);
        let (name, body) = match dice.below(4) {
            0 => ("get", format!(r#"{{"connection":"{still}"}}"#)),
            1 => ("history", format!(r#"{{"connection":"{still}"}}"#)),
            2 => ("history", format!(r#"{{"page_size":{page}0}}"#)),
            _ => ("list", load::list_body(dice.below(COMBINATIONS), page)),
        };
        self.client.query(WORKSPACE, name, &RawValue::from_string(body)?).await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
