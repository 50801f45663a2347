//! The query that explains the health of a connection.

mod course;

use std::collections::BTreeMap;

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::why::{
    DependentName, EventView, NextTestView, Remedy, RemedyCode, ReportsView, TestsView,
};
use ledger_contract::queries::{WhyQuery, WhyView};
use ledger_contract::records::{Happened, Record};
use ledger_contract::{time, view};
use ledger_domain::connection::{HealthState, TestResult};
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{
    Actor, CheckedText as _, Command, Connection, Expected, Lifecycle, Version, decide,
};
use ledger_store::tables::{StreamKey, streams};

use super::Reader;
use crate::errors::{Fault, QueryError};
use crate::history;
use course::{Course, Noted, What};

/// Newest events of the connection that are looked through.
const EVENTS_MAX: u64 = 1_000;
/// Dependents that are named.
const DEPENDENTS_MAX: usize = 50;

impl Reader<'_> {
    /// Returns why a connection is in the state that it is in. Blocks.
    ///
    /// Errors: `connection_unknown`, `forbidden`.
    pub fn why(&self, query: &WhyQuery) -> Result<WhyView, QueryError> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let now = self.readable(&target)?;
        let home = Subject::Connection(&now.workspace, &now.details);
        let teller = Teller { names_actors: self.caller.may(Scope::Audit, home) };
        let oldest = oldest(&now);
        let events = self.noted(&now, oldest)?;
        let course = Course::of(&events, now.health.by);
        let tell = |one: Option<&Noted>| one.map(|one| teller.event(one));
        let mut change_before = tell(course.change_before);
        if let (Some(view), Some(change)) = (&mut change_before, course.change_before) {
            view.secrets = self.secrets_set_by(&now, change)?;
        }
        let what_to_do = self.remedy(&now, &course)?;
        let next_test = self.engine.next_scheduled_test(&now);
        let is_cut = oldest.get() > 1 && !now.lifecycle.is_erased();
        let now = self.caller.shown(now);
        let dependents = now.dependents.iter().take(DEPENDENTS_MAX);
        Ok(WhyView {
            connection: now.id.to_string(),
            slug: now.slug.to_string(),
            workspace: now.workspace.as_str().to_owned(),
            lifecycle: now.lifecycle.as_str().to_owned(),
            enabled: now.enabled,
            version: now.version.get(),
            health: view::health(&now.health).into_owned(),
            cause: tell(course.cause),
            reports: reports(&course),
            first_failure: tell(course.first_failure),
            last_worked: tell(course.last_worked),
            change_before,
            tests: tests(&course),
            next_test: next_test
                .map(|(at, every_seconds)| NextTestView { at: time::format(at), every_seconds }),
            dependents: dependents
                .map(|(key, dependent)| DependentName {
                    kind: key.kind.as_str().to_owned(),
                    id: key.id.as_str().to_owned(),
                    name: dependent.name.as_ref().map(|name| name.as_str().to_owned()),
                })
                .collect(),
            dependents_total: u64::try_from(now.dependents.len()).unwrap_or(u64::MAX),
            what_to_do,
            truncated: is_cut && course.last_worked.is_none(),
        })
    }

    /// Returns the events of a connection from a version up to its present one.
    fn noted(&self, now: &Connection, from: Version) -> Result<Vec<Noted>, Fault> {
        let store = &self.engine.shared.store;
        let mut noted = Vec::new();
        for position in streams::scan(store, StreamKey::connection(now.id), from) {
            let Record { metadata, happened } = history::record(store, position?)?;
            if metadata.version > now.version {
                break;
            }
            if let Happened::Connection(event) = happened {
                let facts = metadata.facts(now.id);
                let command_id = metadata.provenance.command_id;
                let type_name = event.type_name();
                noted.push(Noted { type_name, facts, command_id, what: What::of(event) });
            }
        }
        Ok(noted)
    }

    /// Returns the secret fields that got a value by a change, each with its generation then.
    fn secrets_set_by(
        &self,
        now: &Connection,
        change: &Noted,
    ) -> Result<BTreeMap<String, u64>, Fault> {
        let then = history::state_at(&self.engine.shared.store, now.id, change.facts.version)?;
        let secrets = then.iter().flat_map(|then| &then.secrets);
        let set = secrets.filter(|(_, secret)| secret.set_by == change.facts.event_id);
        Ok(set.map(|(field, secret)| (field.text().to_owned(), secret.generation.get())).collect())
    }

    /// Returns what to do about the health of a connection.
    fn remedy(&self, now: &Connection, course: &Course<'_>) -> Result<Remedy, Fault> {
        let only = |code| Remedy { code, to_version: None };
        let can_be_tested = || self.engine.can_be_tested(now);
        let find_out = || if can_be_tested() { RemedyCode::Test } else { RemedyCode::Report };
        Ok(match (now.lifecycle, now.health.state) {
            (Lifecycle::Archived { .. }, _) => only(RemedyCode::Restore),
            (Lifecycle::Active, HealthState::Failed) => match self.way_back(now, course)? {
                Some(to) => Remedy { code: RemedyCode::Revert, to_version: Some(to.get()) },
                None if course.is_refused() || !can_be_tested() => only(RemedyCode::RotateSecret),
                None => only(RemedyCode::Test),
            },
            (Lifecycle::Active, _) if !now.enabled => only(RemedyCode::Enable),
            (Lifecycle::Erased { .. }, _) | (Lifecycle::Active, HealthState::Operational) => {
                only(RemedyCode::Nothing)
            }
            (Lifecycle::Active, HealthState::Degraded | HealthState::Unknown) => only(find_out()),
        })
    }

    /// Returns the version before settings or secrets were changed, if a revert to it is possible:
    /// if it changes something, and brings back no value that others know.
    fn way_back(&self, now: &Connection, course: &Course<'_>) -> Result<Option<Version>, Fault> {
        let Some(to) = course.before_settings else { return Ok(None) };
        let then = history::state_at(&self.engine.shared.store, now.id, to)?.map(Box::new);
        let revert = Command::Revert { to, then, detach_secrets: false };
        Ok(decide(Some(now), Expected::Any, revert).is_ok().then_some(to))
    }
}

/// Returns the version from which on the events of a connection are looked through. What was said
/// of an erased one is forgotten, also while the log still has it.
fn oldest(now: &Connection) -> Version {
    if now.lifecycle.is_erased() {
        return now.version;
    }
    Version::new(now.version.get().saturating_sub(EVENTS_MAX)).next()
}

/// Tells of events what the caller may know.
struct Teller {
    /// Whether they may know who caused them.
    names_actors: bool,
}

impl Teller {
    fn event(&self, one: &Noted) -> EventView {
        let Noted { type_name, facts, command_id, what } = one;
        let undisclosed = Actor::undisclosed();
        let actor = if self.names_actors { &facts.actor } else { &undisclosed };
        let view = EventView {
            event_id: facts.event_id.to_string(),
            r#type: (*type_name).to_owned(),
            position: facts.position.get(),
            version: facts.version.get(),
            recorded_at: time::format(facts.recorded_at),
            actor: actor.as_str().to_owned(),
            command_id: self.names_actors.then(|| command_id.as_str().to_owned()),
            ..EventView::default()
        };
        match what {
            What::Report(_, reason) => {
                let reason = reason.as_ref().map(|reason| reason.as_str().to_owned());
                EventView { reason, ..view }
            }
            What::Test(result, _) => {
                let TestResult { outcome, reason, latency_ms, status, request_id } = &**result;
                EventView {
                    reason: Some(reason.as_str().to_owned()),
                    outcome: Some(outcome.as_str().to_owned()),
                    status: *status,
                    latency_ms: Some(*latency_ms),
                    request_id: request_id.as_ref().map(|id| id.as_str().to_owned()),
                    ..view
                }
            }
            What::Settings | What::Change | What::Nothing => view,
        }
    }
}

fn reports(course: &Course<'_>) -> ReportsView {
    let at = |one: Option<&&Noted>| one.map(|one| time::format(one.facts.recorded_at));
    ReportsView {
        count: u64::try_from(course.reports.len()).unwrap_or(u64::MAX),
        first_at: at(course.reports.first()),
        last_at: at(course.reports.last()),
    }
}

fn tests(course: &Course<'_>) -> Option<TestsView> {
    let last = course.outcomes.last()?;
    let count = u64::try_from(course.outcomes.len()).unwrap_or(u64::MAX);
    Some(TestsView { count, last_outcome: last.as_str().to_owned() })
}
