//! Compares what a workspace uses with its quotas, where commands are decided.

use std::collections::{BTreeSet, HashMap};

use ledger_domain::{Command, Connection, Micros, Principal, PrincipalName, WorkspaceName};

use super::decider::Decider;
use crate::errors::ExecuteError;
use crate::projections::claims::claim;
use crate::quotas::{Quota, Used, day_of, live_keys, log_uncounted, measure, workspaces_of};

/// What workspaces use, as far as the decider knows it. Like their names, it is kept in memory.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The day of the counts.
    day: i64,
    used: HashMap<WorkspaceName, Used>,
}

/// The principals whose grants name a workspace.
#[derive(Debug, Default)]
pub(super) struct Members(HashMap<WorkspaceName, BTreeSet<PrincipalName>>);

/// What a change to a connection takes of the quotas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taking {
    connections: i8,
    /// Whether it only takes something away, so that it is permitted whatever is used up.
    only_reduces: bool,
}

/// Returns whether a command only takes something away.
pub(super) fn only_reduces(command: &Command) -> bool {
    matches!(
        command,
        Command::Disable { .. } | Command::Archive { .. } | Command::RevokeWorkspace { .. }
    )
}

impl Taking {
    pub(super) fn of(before: Option<&Connection>, after: &Connection, only_reduces: bool) -> Self {
        let had = before.is_some_and(|before| claim(before).is_some());
        let connections = i8::from(claim(after).is_some()) - i8::from(had);
        Self { connections, only_reduces }
    }
}

impl Members {
    pub(super) fn add(&mut self, principal: &Principal) {
        for name in workspaces_of(principal) {
            self.0.entry(name.clone()).or_default().insert(principal.name.clone());
        }
    }

    pub(super) fn remove(&mut self, principal: &Principal) {
        for name in workspaces_of(principal) {
            if let Some(members) = self.0.get_mut(name) {
                members.remove(&principal.name);
            }
        }
    }

    fn of(&self, workspace: &WorkspaceName) -> impl Iterator<Item = &PrincipalName> {
        self.0.get(workspace).into_iter().flatten()
    }
}

impl Meter {
    /// Begins with a workspace that is created now, which is its first change.
    pub(super) fn begin(&mut self, workspace: &WorkspaceName, now: Micros) {
        self.enter(day_of(now));
        self.used.insert(workspace.clone(), Used { events: 1, ..Used::default() });
    }

    /// Begins to count anew on another day, also if the clock went back.
    fn enter(&mut self, day: i64) {
        if std::mem::replace(&mut self.day, day) != day {
            for used in self.used.values_mut() {
                *used = Used { events: 0, reveals: 0, ..*used };
            }
        }
    }
}

impl Decider {
    /// Returns what a workspace uses. Before its first command, nothing of it is on the way, so the
    /// indexes have it all. While they are rebuilt it is not known, and nothing is refused. If they
    /// or the log are damaged, it is counted from now on.
    fn used(&mut self, workspace: &WorkspaceName, now: Micros) -> Option<&mut Used> {
        self.meter.enter(day_of(now));
        if !self.meter.used.contains_key(workspace) {
            let measured = match measure(&self.shared, workspace, now) {
                Ok(measured) => measured?,
                Err(fault) => {
                    log_uncounted(workspace, &fault);
                    Used::default()
                }
            };
            self.meter.used.insert(workspace.clone(), measured);
        }
        self.meter.used.get_mut(workspace)
    }

    /// Checks that a change is within the quotas.
    pub(super) fn check_change_quotas(
        &mut self,
        workspace: &WorkspaceName,
        taking: Taking,
        now: Micros,
    ) -> Result<(), ExecuteError> {
        let quotas = self.shared.quotas;
        let Some(used) = self.used(workspace, now).copied() else { return Ok(()) };
        if !taking.only_reduces {
            Quota::EventsPerDay.check(workspace, used.events, quotas.events_per_day)?;
        }
        if taking.connections > 0 {
            Quota::Connections.check(workspace, used.connections, quotas.connections)?;
        }
        Ok(())
    }

    /// Counts an accepted change.
    pub(super) fn count_change(&mut self, workspace: &WorkspaceName, taking: Taking) {
        if let Some(used) = self.meter.used.get_mut(workspace) {
            used.events += 1;
            used.connections = used.connections.saturating_add_signed(taking.connections.into());
        }
    }

    /// Checks that a reveal is within the quotas, and counts it.
    pub(super) fn take_reveal(
        &mut self,
        workspace: &WorkspaceName,
        now: Micros,
    ) -> Result<(), ExecuteError> {
        let limit = self.shared.quotas.reveals_per_day;
        let Some(used) = self.used(workspace, now) else { return Ok(()) };
        Quota::RevealsPerDay.check(workspace, used.reveals, limit)?;
        used.reveals += 1;
        Ok(())
    }

    /// Checks that no workspace gets more keys than its quota.
    pub(super) fn check_keys(
        &self,
        before: Option<&Principal>,
        after: &Principal,
        now: Micros,
    ) -> Result<(), ExecuteError> {
        let own = live_keys(after, now);
        for workspace in workspaces_of(after) {
            let named = before.filter(|before| workspaces_of(before).any(|name| name == workspace));
            let added = own.saturating_sub(named.map_or(0, |before| live_keys(before, now)));
            if added == 0 {
                continue;
            }
            let members = self.state.members().of(workspace).filter(|name| **name != after.name);
            let others = members.filter_map(|name| self.state.principal(name));
            let others: u64 = others.map(|principal| live_keys(&principal, now)).sum();
            Quota::Keys.check(workspace, others + own - 1, self.shared.quotas.keys)?;
        }
        Ok(())
    }
}
