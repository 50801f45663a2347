//! Manifests compared with what is there.

use std::collections::HashSet;

use ledger_manifests::Manifest;
use ledger_manifests::plan::{self, Action, Plan};

use super::args::CompareOptions;
use super::there::{self, There, key};
use crate::failure::Failure;
use crate::session::Session;

/// What is planned, in the order of what is declared: workspaces, principals, connections; then
/// what is archived.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) plans: Vec<Planned>,
}

/// A plan, and the connection of the manifest that it is for, by its index.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    /// The workspace of a connection.
    pub(super) workspace: String,
    pub(super) item: Option<usize>,
}

/// Compares manifests with what is there.
pub(super) async fn compare(
    session: &Session,
    manifest: &Manifest,
    options: &CompareOptions<'_>,
) -> Result<Comparison, Failure> {
    let there = there::fetch(session, manifest, options.prune).await?;
    Ok(Comparison { plans: plans(manifest, &there, options) })
}

fn plans(manifest: &Manifest, there: &There, options: &CompareOptions<'_>) -> Vec<Planned> {
    let beside = |plan: Plan| Planned { plan, workspace: String::new(), item: None };
    let mut plans = Vec::new();
    for item in &manifest.workspaces {
        plans.push(beside(plan::workspace(item, there.workspaces.get(&item.name))));
    }
    for item in &manifest.principals {
        plans.push(beside(plan::principal(item, there.principals.get(&item.name))));
    }
    let mut declared = HashSet::new();
    for (index, item) in manifest.connections.iter().enumerate() {
        let key = key(&item.workspace, &item.slug);
        let archived = there.archived.get(&key).map_or(&[][..], Vec::as_slice);
        let live = there.connections.get(&key);
        let plan = plan::connection(item, live, archived, options.plan);
        plans.push(Planned { plan, workspace: item.workspace.clone(), item: Some(index) });
        declared.insert(key);
    }
    if options.prune {
        let belongs = |set: &str| set == options.plan.set;
        let others = there.connections.iter().filter(|(key, live)| {
            live.applied.as_ref().is_some_and(|applied| belongs(&applied.set))
                && !declared.contains(*key)
        });
        let mut others: Vec<_> = others.collect();
        others.sort_by_key(|(key, _)| *key);
        plans.extend(others.into_iter().map(|((workspace, _), live)| Planned {
            plan: plan::archive(live),
            workspace: workspace.clone(),
            item: None,
        }));
    }
    plans
}

impl Comparison {
    /// Returns whether anything is to be done.
    pub(super) fn differs(&self) -> bool {
        self.plans.iter().any(|one| one.plan.action != Action::None)
    }

    /// Returns how many cannot be carried out.
    pub(super) fn refused(&self) -> usize {
        self.count(|action| matches!(action, Action::Refuse(_)))
    }

    /// Returns how many are to be archived.
    pub(super) fn archived(&self) -> usize {
        self.count(|action| *action == Action::Archive)
    }

    fn count(&self, is_one: impl Fn(&Action) -> bool) -> usize {
        self.plans.iter().filter(|one| is_one(&one.plan.action)).count()
    }
}
