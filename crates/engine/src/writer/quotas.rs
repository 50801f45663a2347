//! Compares what a workspace uses with its quotas, where commands are decided.

use std::collections::HashMap;

use ledger_domain::{Command, Connection, Lifecycle, Micros, Principal, WorkspaceName};

use super::decider::Decider;
use crate::errors::{ExecuteError, Fault};
use crate::quotas::{
    Quota, Today, Used, day_of, live_keys, log_uncounted, measure, start_of, workspaces_of,
};

/// A clock that goes back by less than this, in microseconds, does not return to an earlier day.
const CORRECTION: i64 = 3_600 * 1_000_000;

/// What workspaces use, as far as the decider knows it. Like their names, it is kept in memory.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The day of the counts.
    day: i64,
    /// The durable events of that day, once they were looked for.
    today: Option<Today>,
    /// Where in `used` a workspace is.
    places: HashMap<WorkspaceName, Place>,
    used: Vec<Used>,
    /// Whether events may be on the way that are in no count.
    uncounted: bool,
}

/// Where a workspace is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

/// What a change to a connection takes of the quotas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taking {
    connections: i8,
    /// Whether it is permitted whatever is used up.
    always: bool,
}

/// Returns whether a command is permitted whatever is used up: it only takes something away, or
/// replaces a secret that may have leaked.
pub(super) fn is_always_permitted(command: &Command) -> bool {
    matches!(
        command,
        Command::Disable { .. }
            | Command::Archive { .. }
            | Command::Erase { .. }
            | Command::RevokeWorkspace { .. }
            | Command::RotateSecret { .. }
            | Command::RefreshToken { .. }
            | Command::RetireFormer { .. }
            | Command::CancelRotation { .. }
    )
}

impl Taking {
    /// An event beside a connection.
    pub(super) const fn event(always: bool) -> Self {
        Self { connections: 0, always }
    }

    /// `always` is what [`is_always_permitted`] says of the command. So is a change that removes
    /// secrets, as often as there are some.
    pub(super) fn of(before: Option<&Connection>, after: &Connection, always: bool) -> Self {
        let is_active = |state: &Connection| state.lifecycle == Lifecycle::Active;
        let connections = i8::from(is_active(after)) - i8::from(before.is_some_and(is_active));
        let removes = before.is_some_and(|before| before.secrets.len() > after.secrets.len());
        Self { connections, always: always || removes }
    }
}

impl Meter {
    /// Begins with a workspace that is created now, which is its first change.
    pub(super) fn begin(&mut self, workspace: &WorkspaceName, now: Micros) {
        self.enter(now);
        self.insert(workspace, Used { events: 1, ..Used::default() });
    }

    fn insert(&mut self, workspace: &WorkspaceName, used: Used) -> Place {
        let place = Place(self.used.len());
        self.used.push(used);
        self.places.insert(workspace.clone(), place);
        place
    }

    fn at(&mut self, place: Place) -> Option<&mut Used> {
        self.used.get_mut(place.0)
    }

    /// Begins to count anew on a later day. If the clock went back to an earlier one, and not only
    /// to be corrected, everything is measured again.
    fn enter(&mut self, now: Micros) {
        let day = day_of(now);
        if day > self.day {
            for used in &mut self.used {
                *used = Used { events: 0, reveals: 0, ..*used };
            }
        } else if start_of(self.day).get() - now.get() >= CORRECTION {
            self.places.clear();
            self.used.clear();
            self.uncounted = true;
        } else {
            return;
        }
        (self.day, self.today) = (day, None);
    }
}

impl Decider {
    /// Returns where a workspace is counted. Before its first command, nothing of it is on the way,
    /// so the indexes have it all. While they are rebuilt it is not known, and nothing is refused.
    /// If they or the log are damaged, it is counted from now on.
    ///
    /// Must come before anything of the command is in the group, which may be committed.
    fn place(&mut self, workspace: &WorkspaceName, now: Micros) -> Option<Place> {
        self.meter.enter(now);
        if let Some(place) = self.meter.places.get(workspace) {
            return Some(*place);
        }
        if std::mem::take(&mut self.meter.uncounted) {
            self.drain();
        }
        let used = match self.measured(workspace) {
            Ok(Some(used)) => used,
            Ok(None) => {
                self.meter.uncounted = true;
                return None;
            }
            Err(fault) => {
                log_uncounted(workspace, &fault);
                Used::default()
            }
        };
        Some(self.meter.insert(workspace, used))
    }

    fn measured(&mut self, workspace: &WorkspaceName) -> Result<Option<Used>, Fault> {
        let today = match &mut self.meter.today {
            Some(today) => {
                today.go_on(&self.shared);
                today
            }
            None => self.meter.today.insert(Today::find(&self.shared, self.meter.day)?),
        };
        measure(&self.shared, workspace, today)
    }

    /// Checks that a change is within the quotas. Returns where to count it.
    pub(super) fn check_change_quotas(
        &mut self,
        workspace: &WorkspaceName,
        taking: Taking,
        now: Micros,
    ) -> Result<Option<Place>, ExecuteError> {
        let quotas = self.shared.quotas;
        if quotas.events_per_day.is_none() && quotas.connections.is_none() {
            return Ok(None);
        }
        let Some(place) = self.place(workspace, now) else { return Ok(None) };
        let used = self.meter.at(place).copied().unwrap_or_default();
        if !taking.always {
            Quota::EventsPerDay.check(workspace, used.events, quotas.events_per_day)?;
        }
        if taking.connections > 0 {
            Quota::Connections.check(workspace, used.connections, quotas.connections)?;
        }
        Ok(Some(place))
    }

    /// Counts an accepted change.
    pub(super) fn count_change(&mut self, place: Option<Place>, taking: Taking) {
        if let Some(used) = place.and_then(|place| self.meter.at(place)) {
            used.events += 1;
            used.connections = used.connections.saturating_add_signed(taking.connections.into());
        }
    }

    /// Checks that a reveal is within the quotas of the workspace that asks, and counts it.
    pub(super) fn take_reveal(
        &mut self,
        workspace: &WorkspaceName,
        home: &WorkspaceName,
        now: Micros,
    ) -> Result<(), ExecuteError> {
        let limit = self.shared.quotas.reveals_per_day;
        if limit.is_none() {
            return Ok(());
        }
        if home != workspace {
            // The indexes would say later that this reveal is the home workspace's own.
            self.place(home, now);
        }
        let place = self.place(workspace, now);
        if let Some(used) = place.and_then(|place| self.meter.at(place)) {
            Quota::RevealsPerDay.check(workspace, used.reveals, limit)?;
            used.reveals += 1;
        }
        Ok(())
    }

    /// Checks that no workspace gets more keys than its quota.
    pub(super) fn check_keys(
        &self,
        before: Option<&Principal>,
        after: &Principal,
        now: Micros,
    ) -> Result<(), ExecuteError> {
        let limit = self.shared.quotas.keys;
        if limit.is_none() {
            return Ok(());
        }
        let own = live_keys(after, now);
        let had = before.map_or(0, |before| live_keys(before, now));
        let named = before.map(workspaces_of).unwrap_or_default();
        for workspace in workspaces_of(after) {
            let had = if named.contains(workspace) { had } else { 0 };
            if own > had {
                let others = self.state.live_keys(workspace, now).saturating_sub(had);
                Quota::Keys.check(workspace, others + own - 1, limit)?;
            }
        }
        Ok(())
    }
}
