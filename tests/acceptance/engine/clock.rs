//! A clock that is ahead for a moment: what is found by time, and what the status says.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_contract::time;
use ledger_domain::Micros;
use serde_json::{Value, json};

use crate::ledger::Ledger;

/// 2027-11-28T12:00:00Z, in seconds.
const NOON: i64 = 1_827_403_200;
const HOUR: i64 = 3_600;

struct Staged {
    ledger: Ledger,
    now: Arc<AtomicI64>,
}

impl Staged {
    async fn new() -> Self {
        let (place, now) = (Ledger::new().await.close(), Arc::new(AtomicI64::new(NOON)));
        Self { ledger: place.open_at(&now), now }
    }

    /// Makes a connection while the clock shows so many hours after noon.
    async fn create_at(&self, hours: i64, slug: &str) {
        self.now.store(NOON + hours * HOUR, Ordering::SeqCst);
        self.ledger.create(slug).await;
    }

    /// Returns the slugs of the connections made between two hours.
    fn made(&self, from: Option<i64>, until: Option<i64>) -> Vec<String> {
        let time = |hours: i64| time::format(Micros::new((NOON + hours * HOUR) * 1_000_000));
        let mut query = json!({"type": ["connection_created"], "oldest_first": true});
        for (name, hours) in [("from", from), ("until", until)] {
            if let Some(hours) = hours {
                query[name] = json!(time(hours));
            }
        }
        let page = self.ledger.ask("history", &query);
        let events = page["events"].as_array().expect("events").iter();
        let slug = |event: &Value| event["data"]["slug"].as_str().expect("a slug").to_owned();
        let slugs: Vec<_> = events.map(slug).collect();
        assert_eq!(page["total"], slugs.len(), "{page}");
        slugs
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_after_a_clock_that_was_ahead_are_found_by_their_own_time() {
    let staged = Staged::new().await;
    for (hours, slug) in
        [(0, "noon"), (1, "one"), (500, "ahead"), (2, "two"), (3, "three"), (4, "four")]
    {
        staged.create_at(hours, slug).await;
    }
    assert_eq!(staged.made(Some(0), Some(4)), ["noon", "one", "two", "three"]);
    assert_eq!(staged.made(Some(3), None), ["ahead", "three", "four"]);
    assert_eq!(staged.made(None, Some(1)), ["noon"]);
    assert_eq!(staged.made(Some(1), Some(3)), ["one", "two"]);
    assert_eq!(staged.made(Some(499), Some(501)), ["ahead"]);
    assert_eq!(staged.made(Some(5), Some(6)), Vec::<String>::new());
    staged.create_at(501, "caught-up").await;
    assert_eq!(staged.made(Some(3), Some(5)), ["three", "four"]);
    assert_eq!(staged.made(Some(500), None), ["ahead", "caught-up"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_that_the_clock_is_behind_the_latest_event() {
    let staged = Staged::new().await;
    let told =
        || staged.ledger.ask_at("_all", "status", &json!({})).expect("told")["clock"].clone();
    staged.create_at(0, "noon").await;
    assert_eq!(told(), Value::Null);
    staged.create_at(500, "ahead").await;
    assert_eq!(told(), Value::Null);
    staged.create_at(2, "two").await;
    assert_eq!(told()["behind_seconds"], json!(498 * HOUR));
    assert_eq!(told()["latest_event_at"], "2027-12-19T08:00:00.000000Z");
    staged.create_at(501, "caught-up").await;
    assert_eq!(told(), Value::Null);
}
