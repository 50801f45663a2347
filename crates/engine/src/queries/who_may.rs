//! Which principals may do something with a connection.

use std::sync::Arc;

use ledger_contract::commands::{Condition, ConnectionRef};
use ledger_contract::queries::{ConditionalAccess, QueryName, WhoMayPage, WhoMayQuery, WhoMayView};
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{CheckedText, Connection, Principal, PrincipalName};

use super::access::{AccessNeeds, Place, explain};
use super::as_of::{self, Then};
use super::{Reader, paging};
use crate::errors::QueryError;

/// The order of the cursors.
const ORDER: &str = "who-may";
/// Principals that are looked at for one page.
const LOOKED_AT_MAX: usize = 5_000;
/// Events of principals that changed since the moment, about, that are read for one page.
const RECORDS_MAX: u64 = 20_000;

impl Reader<'_> {
    /// Returns a page of the principals that may do something with a connection, or might have at
    /// a moment. Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `connection_unknown`, `connection_erased`,
    /// `cursor_invalid`, `history_changed`, `position_unknown`, `version_unknown`.
    pub fn who_may(&self, query: &WhoMayQuery) -> Result<WhoMayPage, QueryError> {
        let wanted = AccessNeeds::of_connections(&query.may)?;
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let size = paging::size(query.page_size)?;
        let now = self.audited(&target, QueryName::WhoMay)?;
        let cursors = paging::Cursors::new(self.engine, ORDER);
        let (then, after) = match &query.cursor {
            Some(cursor) => {
                let (then, name) = Then::of_cursor(cursors, cursor)?;
                (then, Some(PrincipalName::stored(name)))
            }
            None => (self.moment(&now, query.as_of.as_deref())?, None),
        };
        let state = self.existing(&now, self.version_at(&now, then.position)?)?;
        let place = Place::Connection(&state);
        let is_known = |principal: &Principal| !principal.name.is_reserved();
        let directory = &self.engine.shared.directory;
        let (found, _) = directory.page(after.as_ref(), LOOKED_AT_MAX + 1, is_known);
        let mut page = WhoMayPage { principals: Vec::new(), next_cursor: None, truncated: false };
        let (mut last, mut records) = (None::<PrincipalName>, 0);
        for (number, principal) in found.into_iter().enumerate() {
            let is_over = number == LOOKED_AT_MAX || records > RECORDS_MAX;
            if is_over || page.principals.len() == size {
                page.next_cursor = last.map(|name| then.cursor(cursors, name.as_str()));
                page.truncated = is_over;
                return Ok(page);
            }
            last = Some(principal.name.clone());
            if principal.position > then.position {
                records += principal.version.get();
            }
            if let Some(was) = self.principal_as_of(principal, then.position)? {
                page.principals.extend(holder(&was, &wanted, &place, then));
            }
        }
        Ok(page)
    }

    fn moment(&self, now: &Connection, as_of: Option<&str>) -> Result<Then, QueryError> {
        match as_of::parse("as_of", as_of)? {
            None => Ok(Then { position: self.engine.head(), at: self.engine.clock().now() }),
            Some(as_of) => self.then_of(Some(now), &as_of),
        }
    }
}

/// Returns a principal and why it may, if it may.
fn holder(
    principal: &Arc<Principal>,
    wanted: &AccessNeeds,
    place: &Place<'_>,
    then: Then,
) -> Option<WhoMayView> {
    let may = |scope| explain(principal, None, scope, place, then.at);
    let reasons = wanted.always.iter().map(|scope| may(*scope));
    let reasons: Vec<String> =
        reasons.map(|(allowed, because)| allowed.then_some(because)).collect::<Option<_>>()?;
    let conditional = |(condition, scope): &(Condition, Scope)| {
        let ledger = Place::Whole(Subject::Ledger);
        let place = if condition.is_on_ledger() { &ledger } else { place };
        ConditionalAccess {
            when: condition.as_clause().to_owned(),
            scope: scope.as_str().to_owned(),
            allowed: explain(principal, None, *scope, place, then.at).0,
        }
    };
    let keys = principal.keys.values().filter(|key| key.is_live(then.at)).count();
    Some(WhoMayView {
        principal: principal.name.as_str().to_owned(),
        kind: principal.kind.as_str().to_owned(),
        because: reasons.join("; "),
        keys: u64::try_from(keys).unwrap_or(u64::MAX),
        conditions: wanted.conditional.iter().map(conditional).collect(),
    })
}
