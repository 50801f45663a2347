//! What would bring the connections of a workspace back to an earlier moment.
//!
//! Each connection is looked at alone, with the rules that decide commands: what the plan says is
//! what the ledger would do if nothing else changed.

use std::collections::BTreeSet;

use ledger_contract::errors::Problem;
use ledger_contract::queries::{
    Affected, QueryName, UndoCommand, UndoPlanPage, UndoPlanQuery, UndoStep,
};
use ledger_contract::{AsOf, ResumePoint};
use ledger_domain::connection::{Event, EventFacts};
use ledger_domain::{
    Command, Connection, Expected, Lifecycle, Position, Rejection, Version, advance, decide,
};
use ledger_store::tables::claims;

use super::changes::Since;
use super::diff::differing;
use super::{Reader, paging};
use crate::errors::{ExecuteError, Fault, QueryError};
use crate::projections::claims::claim;
use crate::{destination, exposure};

/// The order of the cursors.
const ORDER: &str = "undo-plan";
/// What is said of a step that decides anew where secrets are sent.
const ELSEWHERE: &str =
    "This sends secrets to another destination, which requires the right to reveal.";

impl Reader<'_> {
    /// Returns a page of the steps that bring connections back to a moment. Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `cursor_invalid`, `history_changed`,
    /// `position_unknown`, `rebuilding`.
    pub fn undo_plan(&self, query: &UndoPlanQuery) -> Result<UndoPlanPage, QueryError> {
        self.require_audit(QueryName::UndoPlan)?;
        let size = paging::size(query.page_size)?;
        let cursors = paging::Cursors::new(self.engine, ORDER);
        let (position, after) = match &query.cursor {
            None => (self.then("as_of", &AsOf::parse("as_of", &query.as_of)?)?.position, None),
            Some(cursor) => {
                let (position, place) = cursors.place_at(cursor)?;
                (position, Some(place))
            }
        };
        let since = Since { position, after: after.as_deref() };
        let walked = self.walk(size, &since, |now| self.step(&now, position))?;
        Ok(UndoPlanPage {
            as_of: ResumePoint::new(position, self.engine.identity().incarnation),
            steps: walked.rows,
            next_cursor: walked.next.map(|place| cursors.write_at(position, &place)),
            truncated: walked.truncated,
            altered: walked.altered,
        })
    }

    /// Returns what brings one connection back, or `None` if nothing is to be done.
    fn step(&self, now: &Connection, position: Position) -> Result<Option<UndoStep>, QueryError> {
        let version = self.version_at(now, position)?;
        if now.lifecycle.is_erased() {
            let was_there = version > Version::ZERO;
            let step = was_there.then(|| self.refused(now, Rejection::ConnectionErased));
            return step.transpose();
        }
        // With all that it had, also what the caller may not see: only names are told of it.
        let then = self.whole_state_of(now, version)?;
        let is_active = |state: &Connection| state.lifecycle == Lifecycle::Active;
        match then {
            // It was not there, or in the archive: that is where it goes.
            None => self.archived(now),
            Some(then) if !is_active(&then) && is_active(now) => self.archived(now),
            Some(then) if !is_active(&then) => Ok(None),
            Some(then) => self.reverted(now, &then),
        }
    }

    fn archived(&self, now: &Connection) -> Result<Option<UndoStep>, QueryError> {
        if now.lifecycle != Lifecycle::Active {
            return Ok(None);
        }
        let archive = Command::Archive { reason: None, force: false };
        match decide(Some(now), Expected::Any, archive) {
            Ok(_) => {
                let command = UndoCommand { verb: "archive".to_owned(), to_version: None };
                Ok(Some(UndoStep { commands: vec![command], ..self.blank(now)? }))
            }
            Err(rejection) => self.refused(now, rejection).map(Some),
        }
    }

    fn reverted(
        &self,
        now: &Connection,
        then: &Connection,
    ) -> Result<Option<UndoStep>, QueryError> {
        let mut step = self.blank(now)?;
        let mut after = now.clone();
        if let Lifecycle::Archived { .. } = now.lifecycle {
            step.commands.push(UndoCommand { verb: "restore".to_owned(), to_version: None });
            self.advance(&mut after, Event::Restored { slug: None });
        }
        let (to, then) = (then.version, Box::new(then.clone()));
        let given = Some(then.clone());
        let revert = Command::Revert { to, then: given, detach_secrets: false };
        match decide(Some(&after), Expected::Any, revert) {
            Ok(event) => {
                match self.sends_elsewhere(&after, &event) {
                    Ok(true) => step.stays.push(ELSEWHERE.to_owned()),
                    Ok(false) => {}
                    Err(error) => return self.refused(now, error).map(Some),
                }
                let to_version = Some(to.get());
                step.commands.push(UndoCommand { verb: "revert".to_owned(), to_version });
                self.advance(&mut after, event);
            }
            Err(Rejection::NothingToChange) if step.commands.is_empty() => return Ok(None),
            Err(Rejection::NothingToChange) => {}
            Err(rejection) => return self.refused(now, rejection).map(Some),
        }
        if self.has_slug_of_another(&after)? {
            return self.refused(now, ExecuteError::SlugTaken(after.slug.clone())).map(Some);
        }
        step.fields = differing(Some(now), Some(&after))?.names();
        let stay = differing(Some(now), Some(&*then))?.names().into_iter();
        let stay: Vec<_> = stay.filter(|name| !step.fields.contains(name)).collect();
        if !stay.is_empty() {
            let what = stay.join(", ");
            step.stays.push(format!("Not undone, because it describes the present: {what}."));
        }
        Ok(Some(step))
    }

    /// Applies an event to a state as if it were recorded now.
    fn advance(&self, state: &mut Connection, event: Event) {
        let at = self.engine.clock().now();
        let facts = EventFacts {
            connection: state.id,
            event_id: self.engine.shared.ports.event_id(at),
            version: state.version.next(),
            position: self.engine.head().next(),
            recorded_at: at,
            actor: self.caller.actor().clone(),
        };
        advance(state, event, &facts);
    }

    /// Judges an event as the writer would. Returns whether it sends secrets elsewhere than now,
    /// which takes the right to reveal them.
    ///
    /// Errors: `secret_exposed`.
    fn sends_elsewhere(&self, before: &Connection, event: &Event) -> Result<bool, ExecuteError> {
        let catalogue = &self.engine.shared.catalogue;
        let Some(after) = event.details_after(before) else { return Ok(false) };
        exposure::check(catalogue, before, event, &after)?;
        let attached = event.attached(before, &BTreeSet::new());
        Ok(!attached.is_empty()
            && !destination::redirected(catalogue, &before.details, &after).is_empty())
    }

    fn has_slug_of_another(&self, state: &Connection) -> Result<bool, Fault> {
        let Some(key) = claim(state) else { return Ok(false) };
        let holder = claims::get(&self.engine.shared.store, &key)?;
        Ok(holder.is_some_and(|holder| holder != state.id))
    }

    /// Returns a step that nothing can be done in, and why.
    fn refused(
        &self,
        now: &Connection,
        error: impl Into<ExecuteError>,
    ) -> Result<UndoStep, QueryError> {
        let problem = Problem::from(error.into());
        Ok(UndoStep {
            code: Some(problem.code.as_str().to_owned()),
            stays: vec![problem.message],
            ..self.blank(now)?
        })
    }

    /// Returns a step without commands.
    fn blank(&self, now: &Connection) -> Result<UndoStep, QueryError> {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let consumers = self.engine.shared.models.load().consumers(now.id)?.len();
        let named = now.access.workspaces.values().filter(|grant| grant.allowed).count();
        Ok(UndoStep {
            connection: now.id.to_string(),
            workspace: now.workspace.as_str().to_owned(),
            slug: now.slug.to_string(),
            version: now.version.get(),
            commands: Vec::new(),
            fields: Vec::new(),
            stays: Vec::new(),
            code: None,
            affects: Affected {
                workspaces: now.access.everyone.is_none().then(|| count(named)),
                dependents: count(now.dependents.len()),
                consumers: count(consumers),
            },
        })
    }
}
