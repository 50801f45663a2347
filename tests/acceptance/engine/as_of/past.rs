//! What a ledger was, as somebody remembers who wrote everything down.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::ledger::{Ledger, TestCommand};
use crate::random;

/// What tells one version from another, and nothing of what a connection is.
const OF_VERSIONS: [&str; 4] = ["position", "updated_at", "updated_by", "version"];

/// A ledger with all its states, and choices that can be repeated.
pub(super) struct Past {
    pub(super) ledger: Ledger,
    /// The connections at home, in the order of creation.
    pub(super) ids: Vec<String>,
    /// The states of each connection, by the position at which they began.
    states: BTreeMap<String, BTreeMap<u64, Value>>,
    runner: TestRunner,
}

impl Past {
    /// Makes a ledger with some connections.
    pub(super) async fn begin(connections: usize) -> Self {
        let ledger = Ledger::new().await;
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let runner = TestRunner::new_with_rng(Config::default(), rng);
        let (ids, states) = (Vec::new(), BTreeMap::new());
        let mut past = Self { ledger, ids, states, runner };
        for _ in 0..connections {
            past.create().await;
        }
        past
    }

    async fn create(&mut self) {
        let mut draft = self.any(&random::draft());
        draft["slug"] = json!(format!("c-{}", self.ids.len()));
        let made = self.ledger.run("create", draft).await.receipt.connection.expect("made");
        self.remember(&made);
        self.ids.push(made);
    }

    /// Returns any value of a strategy, the same in every run.
    pub(super) fn any<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy.new_tree(&mut self.runner).expect("a value").current()
    }

    /// Sends random commands, some of which are refused, and now and then makes a connection.
    pub(super) async fn live(&mut self, commands: usize) {
        for number in 0..commands {
            if number % 50 == 49 {
                self.create().await;
            }
            let random::Step { target, verb, mut body } = self.any(&random::step());
            let id = self.ids[target % self.ids.len()].clone();
            body["connection"] = json!(id);
            if self.ledger.send(TestCommand::new(verb, &body)).await.is_ok() {
                self.remember(&id);
            }
        }
    }

    /// Writes down what a connection is now.
    pub(super) fn remember(&mut self, id: &str) {
        let state = self.ledger.get(id);
        let position = state["position"].as_u64().expect("a position");
        self.states.entry(id.to_owned()).or_default().insert(position, state);
    }

    /// Returns what a connection was at a position, if it was there.
    pub(super) fn was(&self, id: &str, position: u64) -> Option<&Value> {
        self.states[id].range(..=position).next_back().map(|(_, state)| state)
    }

    /// Returns what there was at a position, in the order of creation.
    pub(super) fn all_at(&self, position: u64) -> Vec<Value> {
        self.ids.iter().filter_map(|id| self.was(id, position)).cloned().collect()
    }

    /// Returns the state of a version.
    pub(super) fn version(&self, id: &str, version: u64) -> &Value {
        let all = self.states[id].values();
        let found = all.into_iter().find(|state| state["version"] == version);
        found.expect("the version was remembered")
    }

    pub(super) fn head(&self) -> u64 {
        self.ledger.engine.head().get()
    }

    /// Returns any position of the log, or the one before the first.
    pub(super) fn any_position(&mut self) -> u64 {
        let head = self.head();
        self.any(&(0..=head))
    }

    /// Returns any connection.
    pub(super) fn any_id(&mut self) -> String {
        let count = self.ids.len();
        let number = self.any(&(0..count));
        self.ids[number].clone()
    }

    /// Opens the ledger again.
    pub(super) fn reopened(self) -> Self {
        Self { ledger: self.ledger.reopen(), ..self }
    }
}

/// Returns a state without what tells one version from another.
pub(super) fn without_version(state: &Value) -> Value {
    let mut state = state.clone();
    let fields = state.as_object_mut().expect("a state");
    fields.retain(|name, _| !OF_VERSIONS.contains(&name.as_str()));
    state
}
