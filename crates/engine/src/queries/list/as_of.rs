//! Lists of connections as they were at a moment.
//!
//! The bitmaps know which connections match now. Those that have not changed since the moment
//! matched then as well, and the order of last changes names the others, whose states are looked
//! up. If too many have changed for that, each connection is looked at in the order of creation
//! until the page is full.

use ledger_contract::queries::{ListPage, ListQuery, PAGE_BYTES, QueryName};
use ledger_contract::view::ConnectionView;
use ledger_contract::{AsOf, ResumePoint};
use ledger_domain::{Connection, InvalidField, Position, Version};
use ledger_store::tables::lists::{self, Order, Walk};
use ledger_store::tables::{StreamKey, connections, streams};
use ledger_store::{Selection, Term};

use super::rows::{Page, all, by_creation};
use super::{ListOptions, Reader};
use crate::errors::{Fault, QueryError};
use crate::models::Models;
use crate::projections::filters::{forms, groups, is_in};
use crate::projections::list;
use crate::queries::paging;
use crate::times;

/// Changed connections whose states are looked up before a list begins.
const CHANGED_MAX: usize = 4_096;
/// Connections that are looked at for one page.
const LOOKED_AT_MAX: usize = 4_096;

/// A page of the connections that matched at a moment.
#[derive(Debug)]
pub struct ListAsOf {
    /// The connections of the page as they were, in the order of creation.
    pub rows: Vec<Connection>,
    /// The number of all that matched, if it is known.
    pub total: Option<u64>,
    /// The end of the log at the moment.
    pub end: ResumePoint,
    /// The cursor of the next page, or `None` on the last one.
    pub next: Option<String>,
    /// Whether the page ended early.
    pub truncated: bool,
    /// The number of rows that are left out because something other than the ledger changed them.
    pub altered: u64,
}

impl ListAsOf {
    /// Returns the page in the form of the contract.
    pub(in crate::queries) fn view(&self) -> ListPage<'_> {
        ListPage {
            connections: self.rows.iter().map(ConnectionView::of).collect(),
            total: self.total,
            position: self.end.position.get(),
            resume_after: self.end,
            next_cursor: self.next.clone(),
            truncated: self.truncated,
            altered: self.altered,
        }
    }
}

/// What is wanted of a state.
struct Criteria {
    groups: Vec<Vec<Term>>,
    texts: Option<Vec<String>>,
}

impl Criteria {
    fn of(query: &ListQuery) -> Result<Self, InvalidField> {
        let texts = query.text.as_ref().map(|text| forms(&text.to_lowercase()));
        Ok(Self { groups: groups(query)?, texts })
    }

    fn is(&self, state: &Connection) -> bool {
        let has_text = |texts: &Vec<String>| list::has_text(state, texts);
        is_in(state, &self.groups) && self.texts.as_ref().is_none_or(has_text)
    }
}

/// Where a page begins.
struct Place {
    position: Position,
    /// The ordinal at which the former page ended.
    after: Option<u64>,
}

impl Reader<'_> {
    /// Lists the home connections of the workspace, or of all, as they were at a moment. Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `cursor_invalid`, `history_changed`,
    /// `position_unknown`, `rebuilding`.
    pub fn list_as_of(&self, query: ListQuery, as_of: &AsOf) -> Result<ListAsOf, QueryError> {
        self.require_audit(QueryName::List)?;
        check(&query)?;
        let size = paging::size(query.page_size)?;
        let order = if query.descending { "as_of-" } else { "as_of+" };
        let place = self.place(&query, order, as_of)?;
        let wanted = Criteria::of(&query)?;
        let models = self.engine.shared.models.load();
        let descending = query.descending;
        let (selected, changed) = self.candidates(&models, query, place.position)?;
        let total = match (changed, place.after) {
            (Some(changed), None) => {
                Some(self.count(&models, &selected, &changed, &wanted, place.position)?)
            }
            // Counting takes as long as a page of all, and the first page has told it.
            _ => None,
        };
        let page = Page {
            order: "created",
            descending,
            size: LOOKED_AT_MAX,
            skip: 0,
            after: place.after.map(|ordinal| ordinal.to_be_bytes().to_vec()),
            places: true,
        };
        let found = by_creation(&selected, &page)?;
        let mut taken = Taken::new(size);
        let mut all_looked_at = !found.more;
        for (ordinal, _) in &found.entries {
            if taken.is_full() {
                all_looked_at = false;
                break;
            }
            let Some((now, bytes)) = models.authentic(*ordinal)? else {
                taken.altered += 1;
                taken.last = Some(*ordinal);
                continue;
            };
            let state = if self.is_home(&now) {
                self.state_as_of(now, place.position)?.filter(|state| wanted.is(state))
            } else {
                None
            };
            if !taken.takes(*ordinal, state, bytes) {
                all_looked_at = false;
                break;
            }
        }
        let end = ResumePoint::new(place.position, self.engine.identity().incarnation);
        self.note_altered(taken.altered);
        let cursor = |last: u32| {
            let last = u64::from(last).to_be_bytes();
            paging::Cursors::new(self.engine, order).write_at(place.position, &last)
        };
        Ok(ListAsOf {
            total,
            end,
            next: taken.last.filter(|_| !all_looked_at).map(cursor),
            truncated: !all_looked_at && taken.rows.len() < size,
            altered: taken.altered,
            rows: taken.rows,
        })
    }

    /// Returns the place at which the page begins. That of a cursor has the moment of the first
    /// page, so that a span of time before now means the same on all of them.
    fn place(&self, query: &ListQuery, order: &str, as_of: &AsOf) -> Result<Place, QueryError> {
        let Some(cursor) = &query.cursor else {
            return Ok(Place { position: self.then("as_of", as_of)?.position, after: None });
        };
        let (position, after) = paging::Cursors::new(self.engine, order).place_at(cursor)?;
        let after = after.try_into().map_err(|_| QueryError::CursorInvalid)?;
        Ok(Place { position, after: Some(u64::from_be_bytes(after)) })
    }

    /// Returns the connections to look at, and those of them that changed since and so may not have
    /// matched; the latter not if there are too many to tell.
    fn candidates(
        &self,
        models: &Models,
        query: ListQuery,
        position: Position,
    ) -> Result<(Selection, Option<Selection>), QueryError> {
        let created = models.created_until(position)?;
        let within = ListQuery { lifecycle: Some("any".to_owned()), ..ListQuery::default() };
        let options = |query| ListOptions { query, ..ListOptions::default() };
        // The states now are read before what has changed, so that no change is missed.
        let matching = self.select(models, &options(query))?.selected;
        let mut existing = self.select(models, &options(within))?.selected;
        existing.keep_range(0, created);
        let Some(mut changed) = self.changed_since(models, position)? else {
            return Ok((existing, None));
        };
        let mut selected = matching;
        selected.subtract(&changed);
        selected.keep_range(0, created);
        changed.intersect(&existing);
        selected.unite(changed.clone());
        Ok((selected, Some(changed)))
    }

    /// Returns how many of these connections matched, some of which changed since.
    fn count(
        &self,
        models: &Models,
        selected: &Selection,
        changed: &Selection,
        wanted: &Criteria,
        position: Position,
    ) -> Result<u64, QueryError> {
        let mut count = selected.len() - changed.len();
        for ordinal in all(changed) {
            let Some((now, _)) = models.authentic(ordinal)? else { continue };
            let state = self.state_as_of(now, position)?;
            count += u64::from(state.is_some_and(|state| wanted.is(&state)));
        }
        Ok(count)
    }

    /// Returns the connections that were changed after a position, or `None` if they are too many.
    fn changed_since(
        &self,
        models: &Models,
        position: Position,
    ) -> Result<Option<Selection>, QueryError> {
        let walk = Walk {
            order: Order::Updated,
            workspace: self.workspace,
            descending: true,
            after: None,
        };
        let last = lists::updated_place(position);
        let (mut changed, mut count) = (Selection::default(), 0);
        for entry in walk.entries(&models.store, models.lists.table()) {
            let entry = entry?;
            if entry.place.as_slice() <= last.as_slice() {
                break;
            }
            if count == CHANGED_MAX {
                return Ok(None);
            }
            changed.insert(u64::from(entry.ordinal));
            count += 1;
        }
        Ok(Some(changed))
    }
}

impl Models {
    /// Returns how many connections were created up to a position. Ordinals are in the order of
    /// creation.
    fn created_until(&self, position: Position) -> Result<u64, QueryError> {
        let population = self.population()?;
        let is_older = |number: u64| {
            let ordinal = u32::try_from(number).unwrap_or(u32::MAX);
            let id = connections::by_ordinal(&self.store, &self.connections, ordinal)?;
            let Some(id) = id else { return Ok(false) };
            let stream = StreamKey::connection(id);
            let mut positions = streams::scan(&self.store, stream, Version::new(1));
            Ok::<_, Fault>(positions.next().transpose()?.is_some_and(|first| first <= position))
        };
        Ok(times::partition(0..population, is_older)?)
    }
}

/// The rows of a page.
struct Taken {
    rows: Vec<Connection>,
    size: usize,
    budget: paging::Budget,
    last: Option<u32>,
    altered: u64,
}

impl Taken {
    fn new(size: usize) -> Self {
        let budget = paging::Budget::new(Some(PAGE_BYTES));
        Self { rows: Vec::new(), size, budget, last: None, altered: 0 }
    }

    fn is_full(&self) -> bool {
        self.rows.len() == self.size
    }

    /// Takes a row, if there is one and it fits. Returns whether the page goes on.
    fn takes(&mut self, ordinal: u32, state: Option<Connection>, bytes: usize) -> bool {
        if let Some(state) = state {
            if !self.budget.takes(bytes) {
                return false;
            }
            self.rows.push(state);
        }
        self.last = Some(ordinal);
        true
    }
}

/// Refuses what is not known of the past.
fn check(query: &ListQuery) -> Result<(), InvalidField> {
    let given = [
        ("secret_older_than", query.secret_older_than.is_some()),
        ("unused_since", query.unused_since.is_some()),
        ("secret_age", !query.secret_age.is_empty()),
        ("page", query.page.is_some()),
        ("sort", query.sort.as_deref().is_some_and(|sort| sort != "created")),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((field, _)) => Err(InvalidField::new(field, "cannot be combined with as_of")),
        None => Ok(()),
    }
}
