//! How many connections of each provider work.

use ledger_domain::connection::HealthState;
use ledger_metrics::{Page, table};
use ledger_store::tables::lists;
use ledger_store::{ReadError, Selection, Term};

use crate::engine::Engine;
use crate::errors::chain;
use crate::projections::filters::{self, Field};

/// Stands for providers that the catalogue does not have.
const OTHER: &str = "other";

impl Engine {
    /// Counts connections by provider and health in the bitmaps of the lists: what it costs grows
    /// with the catalogue, and hardly with the connections.
    pub(super) fn measure_health(&self, page: &mut Page) {
        if self.shared.rebuilding.expect_complete(lists::MODEL).is_err() {
            return;
        }
        if let Err(error) = self.count_health(page) {
            tracing::debug!(error = %chain(&error), "the health of connections is not measured");
        }
    }

    fn count_health(&self, page: &mut Page) -> Result<(), ReadError> {
        let models = self.shared.models.load();
        let select =
            |within: &[Vec<Term>]| models.lists.select(within).map(Option::unwrap_or_default);
        let mut by_health: Vec<(HealthState, Selection)> = Vec::new();
        for health in HealthState::ALL {
            let groups = [vec![Field::Health.term(health.as_str())], filters::active()];
            by_health.push((*health, select(&groups)?));
        }
        for provider in self.shared.catalogue.iter() {
            let mut names: Vec<Term> = provider.all_names().map(filters::provider).collect();
            names.sort();
            names.dedup();
            let own = select(&[names])?;
            if own.is_empty() {
                continue;
            }
            for (health, left) in &mut by_health {
                let mut number = own.clone();
                number.intersect(left);
                left.subtract(&own);
                let labels = [provider.id.as_str(), health.as_str()];
                page.number(table::HEALTH, &labels, number.len());
            }
        }
        for (health, left) in by_health {
            page.number(table::HEALTH, &[OTHER, health.as_str()], left.len());
        }
        Ok(())
    }
}
