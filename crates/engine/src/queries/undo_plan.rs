//! What would bring the connections of a workspace back to an earlier moment.
//!
//! Each connection is looked at alone, with the rules that decide commands: what the plan says is
//! what the ledger would do if nothing else changed.

use ledger_contract::errors::Problem;
use ledger_contract::queries::{
    Affected, QueryName, UndoCommand, UndoPlanPage, UndoPlanQuery, UndoStep,
};
use ledger_contract::{AsOf, ResumePoint};
use ledger_domain::connection::Event;
use ledger_domain::{
    Command, Connection, Expected, Lifecycle, Position, Rejection, Version, decide,
};

use super::changes::Since;
use super::diff::differing;
use super::{Reader, paging};
use crate::errors::QueryError;

/// The order of the cursors.
const ORDER: &str = "undo-plan";
/// Fields that no command brings back: they tell of the present.
const OF_THE_PRESENT: [&str; 4] = ["archived_at", "dependents", "health", "lifecycle"];

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
                let bytes = cursors.place(cursor)?;
                let (position, place) =
                    bytes.split_first_chunk().ok_or(QueryError::CursorInvalid)?;
                (Position::new(u64::from_be_bytes(*position)), Some(place.to_vec()))
            }
        };
        let since = Since { position, after: after.as_deref() };
        let walked = self.walk(size, &since, |now| self.step(&now, position))?;
        let head = position.get().to_be_bytes();
        Ok(UndoPlanPage {
            as_of: ResumePoint::new(position, self.engine.identity().incarnation),
            steps: walked.rows,
            next_cursor: walked.next.map(|place| cursors.write(&[&head[..], &place].concat())),
            truncated: walked.truncated,
        })
    }

    /// Returns what brings one connection back, or `None` if nothing is to be done.
    fn step(&self, now: &Connection, position: Position) -> Result<Option<UndoStep>, QueryError> {
        let version = self.version_at(now, position)?;
        if now.lifecycle.is_erased() {
            let was_there = version > Version::ZERO;
            let step = was_there.then(|| self.refused(now, &Rejection::ConnectionErased));
            return step.transpose();
        }
        let then = self.state_of(now, version)?;
        let is_active = |state: &Connection| state.lifecycle == Lifecycle::Active;
        match then {
            // It was not there, or in the archive: that is where it goes.
            None => self.archived(now),
            Some(then) if !is_active(&then) && is_active(now) => self.archived(now),
            Some(then) if !is_active(&then) => Ok(None),
            Some(then) => self.reverted(now, then),
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
            Err(rejection) => self.refused(now, &rejection).map(Some),
        }
    }

    fn reverted(&self, now: &Connection, then: Connection) -> Result<Option<UndoStep>, QueryError> {
        let mut step = self.blank(now)?;
        let mut present = now.clone();
        if let Lifecycle::Archived { .. } = now.lifecycle {
            step.commands.push(UndoCommand { verb: "restore".to_owned(), to_version: None });
            present.lifecycle = Lifecycle::Active;
        }
        let version = then.version;
        let names = differing(Some(now), Some(&then))?.names();
        let (stay, back): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| {
            OF_THE_PRESENT.contains(&name.as_str()) || name.starts_with("provider_token")
        });
        let revert =
            Command::Revert { to: version, then: Some(Box::new(then)), detach_secrets: false };
        match decide(Some(&present), Expected::Any, revert) {
            Ok(event) => {
                let to_version = Some(version.get());
                step.commands.push(UndoCommand { verb: "revert".to_owned(), to_version });
                step.fields = back;
                if let Event::Reverted(reverted) = &event
                    && !reverted.destination.is_empty()
                {
                    step.stays.push(
                        "It sends secrets elsewhere than now: that takes the right to reveal."
                            .to_owned(),
                    );
                }
            }
            Err(Rejection::NothingToChange) if step.commands.is_empty() => return Ok(None),
            Err(Rejection::NothingToChange) => {}
            Err(rejection) => return self.refused(now, &rejection).map(Some),
        }
        let stay: Vec<_> = stay.into_iter().filter(|name| !name.ends_with("archived_at")).collect();
        let stay: Vec<_> = stay.into_iter().filter(|name| name != "lifecycle").collect();
        if !stay.is_empty() {
            step.stays.push(format!("These tell of the present and stay: {}.", stay.join(", ")));
        }
        Ok(Some(step))
    }

    /// Returns a step that nothing can be done in, and why.
    fn refused(&self, now: &Connection, rejection: &Rejection) -> Result<UndoStep, QueryError> {
        let problem = Problem::from(rejection.clone());
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
