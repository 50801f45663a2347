//! Filters by time: when secrets were set, when they were used, and how old they are by their
//! policies.

use std::sync::Arc;

use ledger_contract::Moment;
use ledger_contract::queries::ListQuery;
use ledger_domain::{AgeState, InvalidField, Micros, Position, SecretAges};

use super::rows::Matches;
use super::{Keep, Reader};
use crate::errors::QueryError;
use crate::history;
use crate::models::Models;
use crate::projections::secret_ages::{self, older_than};
use crate::projections::uses::used_on;
use crate::quotas::day_of;

/// How far back the use of secrets can be asked for, in days.
const DAYS_BACK_MAX: i64 = 3_660;

impl Reader<'_> {
    /// Keeps the connections that match the filters by time.
    pub(super) fn keep_by_time(
        &self,
        models: &Models,
        matches: &mut Matches<'_>,
        query: &ListQuery,
    ) -> Result<(), QueryError> {
        let now = self.engine.clock().now();
        let moment = |field, text: &String| -> Result<Micros, InvalidField> {
            Ok(Moment::parse(field, text)?.before(now))
        };
        if let Some(text) = &query.secret_older_than {
            keep_older_than(models, matches, moment("secret_older_than", text)?)?;
        }
        if let Some(text) = &query.unused_since {
            self.keep_unused(models, matches, moment("unused_since", text)?, now)?;
        }
        if !query.secret_age.is_empty() {
            self.keep_of_age(models, matches, &query.secret_age, now)?;
        }
        Ok(())
    }

    /// Keeps the connections whose secrets were not used on the day of `since` or later.
    fn keep_unused(
        &self,
        models: &Models,
        matches: &mut Matches<'_>,
        since: Micros,
        now: Micros,
    ) -> Result<(), QueryError> {
        let (first, mut last) = (day_of(since), day_of(now));
        if first > last || last - first > DAYS_BACK_MAX {
            let problem = format!("must be in the past, at most {DAYS_BACK_MAX} days ago");
            return Err(InvalidField::new("unused_since", problem).into());
        }
        // If the clock went back, events were recorded after what it says now.
        let head = self.engine.head();
        if head > Position::ZERO {
            let record = history::record(&self.engine.shared.store, head)?;
            last = last.max(day_of(record.metadata.recorded_at));
        }
        let days: Vec<_> = (first..=last).map(used_on).collect();
        let frozen = models.lists.freeze(&days);
        let used = frozen.select(Some(matches.selected.clone()), &[days])?;
        matches.selected.subtract(&used.unwrap_or_default());
        Ok(())
    }

    /// Keeps the connections with a secret in one of these states. Whose oldest secret is too young
    /// for any policy is not looked at.
    fn keep_of_age(
        &self,
        models: &Models,
        matches: &mut Matches<'_>,
        words: &[String],
        now: Micros,
    ) -> Result<(), QueryError> {
        let wanted = words.iter().map(|word| state(word)).collect::<Result<Vec<_>, _>>()?;
        let policies = self.engine.shared.policies.now();
        let Some(due_micros) = policies.due_after(self.workspace) else {
            matches.selected = ledger_store::Selection::default();
            return Ok(());
        };
        if !wanted.contains(&AgeState::Fresh) {
            // The digits are whole seconds.
            let set_before = now.get().saturating_sub(due_micros).saturating_add(1_000_000);
            keep_older_than(models, matches, Micros::new(set_before))?;
        }
        let catalogue = Arc::clone(&self.engine.shared.catalogue);
        let keep: Keep =
            Box::new(move |connection| policies.any_is(&catalogue, connection, now, &wanted));
        models.keep_rows(&mut matches.selected, &keep)
    }

    /// Returns how old the secrets of a connection are whose age a policy limits.
    pub fn ages(&self, connection: &ledger_domain::Connection) -> SecretAges {
        let shared = &self.engine.shared;
        shared.policies.now().ages(&shared.catalogue, connection, self.engine.clock().now())
    }
}

fn keep_older_than(
    models: &Models,
    matches: &mut Matches<'_>,
    time: Micros,
) -> Result<(), QueryError> {
    let terms: Vec<_> = secret_ages::terms().collect();
    let frozen = models.lists.freeze(&terms);
    matches.selected = older_than(&frozen, &matches.selected, time)?;
    Ok(())
}

fn state(word: &str) -> Result<AgeState, InvalidField> {
    let known = AgeState::ALL.iter().find(|state| state.as_str() == word);
    let problem = "must be fresh, due or overdue";
    known.copied().ok_or_else(|| InvalidField::new("secret_age", problem))
}
