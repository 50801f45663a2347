//! Policies of secret fields: which rules hold for a field, whether a new value meets them, and
//! which values have become too old.
//!
//! The policies of each workspace, and those of the ledger, are folded from their streams at a
//! start. There are few of them, so they are in memory and have no rows.

mod ages;
mod check;
mod rules;
mod watch;

pub(crate) use ages::Ages;
pub use check::Violated;
pub(crate) use rules::SecretFields;
pub(crate) use watch::AGES;

use std::collections::HashMap;
use std::sync::Arc;

use ledger_contract::records::{Happened, Record, StreamId};
use ledger_contract::subjects;
use ledger_domain::{Line, MaxAge, Policies, WorkspaceName};
use ledger_providers::Pattern;
use ledger_store::Store;
use ledger_store::tables::streams;
use parking_lot::{Mutex, RwLock};

use crate::errors::Fault;
use crate::history;
use crate::writer::Recent;

/// Compiled patterns that are kept in memory, each of which takes up to 256 KiB.
const PATTERNS: usize = 64;

/// The policies in force, as durable events left them.
#[derive(Debug)]
pub(crate) struct PolicyDirectory {
    all: RwLock<Arc<AllPolicies>>,
    patterns: Mutex<Recent<Line, Arc<Pattern>>>,
}

/// The policies of all workspaces and of the ledger as a whole at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllPolicies {
    by_place: HashMap<WorkspaceName, Arc<Policies>>,
    of_ledger: Arc<Policies>,
}

impl AllPolicies {
    /// Returns the policies of a workspace, or of the ledger by the name that stands for it.
    pub(crate) fn of(&self, place: &WorkspaceName) -> Arc<Policies> {
        if place.as_str() == subjects::LEDGER {
            return Arc::clone(&self.of_ledger);
        }
        self.by_place.get(place).cloned().unwrap_or_default()
    }

    /// Replaces the policies of a workspace or of the ledger.
    pub(crate) fn put(&mut self, place: &WorkspaceName, policies: Arc<Policies>) {
        if place.as_str() == subjects::LEDGER {
            self.of_ledger = policies;
        } else {
            self.by_place.insert(place.clone(), policies);
        }
    }

    /// Returns how many policies there are.
    pub(crate) fn count(&self) -> usize {
        self.each().map(|policies| policies.all.len()).sum()
    }

    /// Returns whether any policy limits the age of secrets.
    pub(crate) fn limit_ages(&self) -> bool {
        let mut policies = self.each().flat_map(|policies| policies.all.values());
        policies.any(|set| set.policy.max_age_days.is_some_and(|days| days > 0))
    }

    /// Returns after how many microseconds the first secret may be due in a workspace, or in any,
    /// if a policy limits ages there.
    pub(crate) fn due_after(&self, workspace: Option<&WorkspaceName>) -> Option<i64> {
        let own = workspace.map(|name| self.of(name));
        let places = match &own {
            Some(own) => vec![own, &self.of_ledger],
            None => self.each().collect(),
        };
        let policies = places.into_iter().flat_map(|policies| policies.all.values());
        let ages = policies.filter_map(|set| set.policy.max_age()).filter(|age| age.days > 0);
        ages.map(MaxAge::due_after_micros).min()
    }

    fn each(&self) -> impl Iterator<Item = &Arc<Policies>> {
        self.by_place.values().chain([&self.of_ledger])
    }
}

impl PolicyDirectory {
    /// Folds the streams of all policies.
    pub(crate) fn load(store: &Store) -> Result<Self, Fault> {
        let mut folded: HashMap<WorkspaceName, Policies> = HashMap::new();
        for position in streams::all_policies(store) {
            let Record { metadata, happened } = history::record(store, position?)?;
            let (StreamId::Policies(place), Happened::Policy(event)) = (metadata.stream, happened)
            else {
                return Err(Fault::bug("a policy was recorded as something else"));
            };
            let policies = folded.entry(place).or_default();
            policies.evolve(event, metadata.version, metadata.actor, metadata.recorded_at);
        }
        let mut all = AllPolicies::default();
        for (place, policies) in folded {
            all.put(&place, Arc::new(policies));
        }
        let patterns = Mutex::new(Recent::new(PATTERNS));
        Ok(Self { all: RwLock::new(Arc::new(all)), patterns })
    }

    /// Returns the policies as they are now.
    pub(crate) fn now(&self) -> Arc<AllPolicies> {
        Arc::clone(&self.all.read())
    }

    /// Takes over the policies of a workspace or of the ledger after a durable event.
    pub(crate) fn put(&self, place: &WorkspaceName, policies: &Arc<Policies>) {
        let mut all = self.all.write();
        Arc::make_mut(&mut all).put(place, Arc::clone(policies));
    }

    /// Returns a compiled pattern. The error says what is wrong with it.
    pub(crate) fn pattern(&self, text: &Line) -> Result<Arc<Pattern>, String> {
        if let Some(known) = self.patterns.lock().get(text) {
            return Ok(Arc::clone(known));
        }
        let pattern = Arc::new(Pattern::new(text.as_str())?);
        self.patterns.lock().set(text.clone(), Arc::clone(&pattern));
        Ok(pattern)
    }
}
