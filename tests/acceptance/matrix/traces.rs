//! What every cell of the matrix leaves behind: an event in the log, an entry in the audit journal,
//! or nothing.

use std::collections::BTreeMap;

use ledger_contract::errors::Code;
use ledger_contract::journal::{READING, is_recorded};
use ledger_contract::queries::QueryName;
use ledger_domain::principal::Scope;
use ledger_http::routes::Subject;
use serde_json::json;

use super::cast::Actor;
use super::{At, Rights};
use crate::ledger::Ledger;

/// What something leaves behind when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// An event.
    Event,
    /// This many entries about readings: one for each question that is asked to answer.
    Entries(u64),
    /// The same, of those who may read all history.
    EntryOfAuditors,
    /// Nothing, as for other readings.
    Nothing,
}

impl Trace {
    /// Returns what a command leaves behind, or a query.
    pub(crate) fn of(subject: Subject) -> Self {
        match subject {
            Subject::Command(_) => Self::Event,
            Subject::Query(
                QueryName::History
                | QueryName::Audit
                | QueryName::Exposure
                | QueryName::Leases
                | QueryName::Diff
                | QueryName::WhoMay
                | QueryName::Changes
                | QueryName::UndoPlan,
            ) => Self::Entries(1),
            Subject::Query(_) | Subject::Http => Self::Nothing,
        }
    }
}

/// What was asked, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// Name of the verb, query or operation.
    pub(crate) operation: &'static str,
    pub(crate) trace: Trace,
    pub(crate) at: At,
}

/// Tells whether a refusal is recorded.
pub(crate) fn records(code: &str, operation: &str) -> bool {
    let code = Code::ALL.iter().find(|known| known.as_str() == code);
    is_recorded(*code.unwrap_or_else(|| panic!("{operation} has a known code")), operation)
}

/// What must have been left behind.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    events: u64,
    /// Entries by actor, which is empty for a stranger, and kind.
    entries: BTreeMap<(String, String), u64>,
}

impl Tally {
    /// Counts what the answer to somebody leaves behind. The code is empty if it was done.
    pub(crate) fn answered(&mut self, actor: &Actor, asked: Cell, code: &str) {
        let audits = actor.rights.audits(asked.at);
        match (code, asked.trace) {
            ("", Trace::Event) => self.events += 1,
            ("", Trace::Entries(number)) => self.entries(&actor.name, READING, number),
            ("", Trace::EntryOfAuditors) if audits => self.entries(&actor.name, READING, 1),
            ("", _) => {}
            (code, _) if records(code, asked.operation) => self.entries(&actor.name, code, 1),
            _ => {}
        }
    }

    /// Counts events that only set the scene.
    pub(crate) fn prepared(&mut self, events: u64) {
        self.events += events;
    }

    /// Counts what the refusal of a stranger leaves behind.
    pub(crate) fn turned_away(&mut self, asked: Cell, code: &str) {
        if records(code, asked.operation) {
            self.entries("", code, 1);
        }
    }

    fn entries(&mut self, name: &str, kind: &str, number: u64) {
        *self.entries.entry((name.to_owned(), kind.to_owned())).or_default() += number;
    }

    /// Checks that this, and nothing else, was left behind since the head was at `before`.
    pub(crate) fn check(&self, ledger: &Ledger, before: u64) {
        assert_eq!(ledger.engine.head().get() - before, self.events, "events");
        self.check_entries(ledger);
    }

    /// Checks the entries alone.
    pub(crate) fn check_entries(&self, ledger: &Ledger) {
        let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
        for entry in ledger.entries("_all", json!({})) {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            let actor = text("actor");
            let name = actor.split_once(':').map_or("", |(_, name)| name).to_owned();
            let key = (name, text("kind"));
            let key = if self.entries.contains_key(&key) { key } else { (String::new(), key.1) };
            *found.entry(key).or_default() += entry["count"].as_u64().expect("a number");
        }
        // The journal itself is read here, by the ledger.
        found.remove(&(String::new(), READING.to_owned()));
        assert_eq!(found, self.entries);
    }
}

impl Rights {
    fn audits(self, at: At) -> bool {
        self.is_for(at) && self.has(Scope::Audit)
    }
}
