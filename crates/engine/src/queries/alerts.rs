//! The queries for alerts and their dead letters.

use std::sync::Arc;

use ledger_contract::queries::{
    AlertView, AlertsAnswer, DeadLetterView, DeadLettersAnswer, DeadLettersQuery,
};
use ledger_contract::subjects;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Alerts, WorkspaceName};

use super::Reader;
use crate::errors::QueryError;

impl Reader<'_> {
    /// Returns the alerts of the workspace, or those of the whole ledger.
    ///
    /// Errors: `forbidden`.
    pub fn alerts(&self) -> Result<AlertsAnswer, QueryError> {
        let (shared, head) = (&self.engine.shared, self.engine.head());
        let now = self.engine.clock().now();
        let own = self.own_alerts()?;
        let views = own.all.iter().map(|(name, alert)| {
            let delivery = shared.alert_states.delivery(alert, head);
            AlertView::of(self.workspace, name, alert, delivery, now)
        });
        Ok(AlertsAnswer { alerts: views.collect(), version: own.version.get() })
    }

    /// Returns the dead letters of an alert of the workspace, or of the whole ledger.
    ///
    /// Errors: `forbidden`; `alert_unknown`.
    pub fn dead_letters(&self, query: &DeadLettersQuery) -> Result<DeadLettersAnswer, QueryError> {
        let own = self.own_alerts()?;
        let alert = own.all.get(query.alert.as_str()).ok_or(QueryError::AlertUnknown)?;
        let (letters, dropped) = self.engine.shared.alert_states.letters(alert.id);
        let views = letters.iter().map(|(position, letter)| DeadLetterView::of(*position, letter));
        let dropped = (dropped > 0).then_some(dropped);
        Ok(DeadLettersAnswer { dead_letters: views.collect(), dropped })
    }

    fn own_alerts(&self) -> Result<Arc<Alerts>, QueryError> {
        let ledger: WorkspaceName = subjects::ledger_workspace();
        let (place, subject) = match self.workspace {
            Some(name) => (name, Subject::Workspace(name)),
            None => (&ledger, Subject::Ledger),
        };
        self.caller.require(Scope::Administer, subject)?;
        Ok(self.engine.shared.alerts.now().of(place))
    }
}
