//! Sealed values that somebody changes or swaps where they are stored: what is refused and told,
//! and what goes on.

use ledger_contract::errors::{Code, Problem};
use ledger_domain::ConnectionId;
use ledger_store::tables::{connections, model};
use ledger_store::{Batch, Durability, Store, Table};
use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger, Place, TestCommand};

fn table() -> Table {
    model("connections", 1)
}

/// Two connections, one of which has two fields and keeps a former value.
struct Stage {
    place: Place,
    one: ConnectionId,
    other: ConnectionId,
    /// The first value of a field that had two more since, sealed.
    earliest: String,
}

fn id(text: &str) -> ConnectionId {
    text.parse().expect("an id")
}

fn row(store: &Store, id: ConnectionId) -> String {
    let row = connections::get(store, &table(), id).expect("authentic").expect("there");
    String::from_utf8(row).expect("text")
}

fn put(store: &Store, id: ConnectionId, row: &str) {
    let mut batch = Batch::new();
    connections::put(&mut batch, store, &table(), id, row.as_bytes());
    store.commit(batch, Durability::Synced).expect("written");
}

/// Where the sealed values are in a row.
const KEY: &str = "/connection/secrets/api_key/sealed";
const TOKEN: &str = "/connection/secrets/token/sealed";
const FORMER: &str = "/connection/secrets/api_key/former/sealed";

fn sealed(row: &str, place: &str) -> String {
    let row: Value = serde_json::from_str(row).expect("JSON");
    let found = row.pointer(place).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("nothing at {place} of {row}")).to_owned()
}

impl Stage {
    async fn new() -> Self {
        let ledger = Ledger::new().await;
        let (one, other) = (ledger.create("main").await, ledger.create("second").await);
        ledger.create("third").await;
        let token = json!({"connection": "main", "secrets": {"token": "tk-first-value-1"}});
        ledger.run("update", token).await;
        let place = ledger.close();
        let earliest = sealed(&row(&place.store(), id(&one)), KEY);
        let ledger = place.open();
        for (value, keep) in [("sk-second-value-2", None), ("sk-third-value-3", Some("1h"))] {
            let secrets = json!({"api_key": value});
            let body = json!({"connection": "main", "secrets": secrets, "keep_former_until": keep});
            ledger.run("rotate-secret", body).await;
        }
        let (one, other) = (id(&one), id(&other));
        Self { place: ledger.close(), one, other, earliest }
    }

    /// Returns the row of one connection with another value in the place of its own.
    fn swaps(&self) -> Vec<(&'static str, String)> {
        let store = self.place.store();
        let (one, other) = (row(&store, self.one), row(&store, self.other));
        let (key, former) = (sealed(&one, KEY), sealed(&one, FORMER));
        let swapped = one.replace(&key, "aside").replace(&former, &key).replace("aside", &former);
        vec![
            ("another connection", one.replace(&key, &sealed(&other, KEY))),
            ("another field", one.replace(&key, &sealed(&one, TOKEN))),
            ("another generation", one.replace(&key, &self.earliest)),
            ("former and current", swapped),
        ]
    }

    /// Returns a copy of the folder, closed.
    fn copy(&self) -> Place {
        let keys = self.place.keyring().to_file_text().to_string();
        Place::copy_of(&self.place.path(), keys)
    }
}

fn code(result: Result<impl Sized, Problem>) -> Option<Code> {
    result.err().map(|problem| problem.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_were_swapped_are_refused_and_told_and_hide_nothing_else() {
    let stage = Stage::new().await;
    for (name, edited) in stage.swaps() {
        let place = stage.copy();
        put(&place.strangers_store(), stage.one, &edited);
        let ledger = place.open();
        let reveal = json!({"connection": stage.one.to_string(), "reason": "a look"});
        let refused = ledger.send(TestCommand::new("reveal-secret", &reveal)).await;
        assert_eq!(code(refused), Some(Code::RecordAltered), "{name}");
        let got = ledger.ask_at(HOME, "get", &json!({"connection": "main"}));
        assert_eq!(code(got), Some(Code::RecordAltered), "{name}");
        for sort in ["created", "updated", "name"] {
            let list = ledger.ask("list", &json!({"sort": sort}));
            assert_eq!((&list["total"], &list["altered"]), (&json!(3), &json!(1)), "{name}");
            let rows = list["connections"].as_array().expect("rows");
            let slugs: Vec<_> = rows.iter().map(|row| &row["slug"]).collect();
            assert_eq!(slugs.len(), 2, "{name}, by {sort}: {slugs:?}");
        }
        assert_eq!(ledger.reveal("second", "api_key").await, "sk-first-value-1");
        // The alarms: an entry of the journal, and the count in the status.
        let entries = ledger.entries("_all", json!({}));
        let told = entries.iter().filter(|entry| entry["kind"] == "record_altered").count();
        assert_eq!(told, 1, "{name}: {entries:?}");
        let status = ledger.ask_at("_all", "status", &json!({})).expect("a status");
        assert!(status["refused"]["record_altered"].as_u64() >= Some(2), "{name}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_opens_for_no_other_connection_or_field_whatever_the_row_says() {
    let stage = Stage::new().await;
    for (name, edited) in stage.swaps() {
        let place = stage.copy();
        // With the ledger's own MACs, as if the program itself had mixed them up.
        put(&place.store(), stage.one, &edited);
        let ledger = place.open();
        let list = ledger.ask("list", &json!({}));
        assert_eq!(list["connections"].as_array().map(Vec::len), Some(3), "{name}");
        let fields = json!(["api_key"]);
        let reveal = json!({"connection": "main", "fields": fields, "reason": "a look"});
        let refused = ledger.send(TestCommand::new("reveal-secret", &reveal)).await;
        let bound = name.ends_with("connection") || name.ends_with("field");
        assert_eq!(refused.is_err(), bound, "{name}: {refused:?}");
        if bound {
            let entries = ledger.entries("_all", json!({}));
            assert!(entries.iter().any(|entry| entry["kind"] == "internal"), "{name}: {entries:?}");
        }
        // Generations are bound by the log, which a comparison shows.
        let difference = ledger.replay(true).difference;
        assert!(difference.is_some(), "{name}");
    }
}
