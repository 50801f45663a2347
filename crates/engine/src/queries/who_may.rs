//! Which principals may do something with a connection.

use std::sync::Arc;

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{QueryName, WhoMayPage, WhoMayQuery, WhoMayView};
use ledger_domain::{CheckedText, Principal, PrincipalName};

use super::access::{AccessNeeds, Place, explain};
use super::as_of::{self, Then};
use super::names::after;
use super::{Reader, paging};
use crate::errors::QueryError;

/// The order of the cursors.
const ORDER: &str = "who-may";
/// Principals that are looked at for one page.
const LOOKED_AT_MAX: usize = 5_000;

impl Reader<'_> {
    /// Returns a page of the principals that may do something with a connection, or might have at
    /// a moment. Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `connection_unknown`, `connection_erased`,
    /// `cursor_invalid`, `history_changed`, `position_unknown`, `version_unknown`.
    pub fn who_may(&self, query: &WhoMayQuery) -> Result<WhoMayPage, QueryError> {
        let wanted = AccessNeeds::of(&query.may)?;
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let size = paging::size(query.page_size)?;
        let now = self.audited(&target, QueryName::WhoMay)?;
        let then = match as_of::parse("as_of", query.as_of.as_deref())? {
            None => Then { position: self.engine.head(), at: self.engine.clock().now() },
            Some(as_of) => self.then_of(Some(&now), &as_of)?,
        };
        let state = self.existing(&now, self.version_at(&now, then.position)?)?;
        let place = Place::Connection(&state);
        let cursors = paging::Cursors::new(self.engine, ORDER);
        let after = after(cursors, query.cursor.as_deref())?.map(PrincipalName::stored);
        let is_known = |principal: &Principal| !principal.name.is_reserved();
        let directory = &self.engine.shared.directory;
        let (found, _) = directory.page(after.as_ref(), LOOKED_AT_MAX + 1, is_known);
        let is_whole = found.len() <= LOOKED_AT_MAX;
        let cursor = |name: PrincipalName| cursors.write(name.as_str().as_bytes());
        let (mut principals, mut last) = (Vec::new(), None);
        for principal in found.into_iter().take(LOOKED_AT_MAX) {
            if principals.len() == size {
                let next_cursor = last.map(cursor);
                return Ok(WhoMayPage { principals, next_cursor, truncated: false });
            }
            last = Some(principal.name.clone());
            if let Some(was) = self.principal_as_of(principal, then.position)? {
                principals.extend(holder(&was, &wanted, &place, then));
            }
        }
        let next_cursor = last.filter(|_| !is_whole).map(cursor);
        Ok(WhoMayPage { principals, next_cursor, truncated: !is_whole })
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
    let keys = principal.keys.values().filter(|key| key.is_live(then.at)).count();
    Some(WhoMayView {
        principal: principal.name.as_str().to_owned(),
        kind: principal.kind.as_str().to_owned(),
        because: reasons.join("; "),
        keys: u64::try_from(keys).unwrap_or(u64::MAX),
    })
}
