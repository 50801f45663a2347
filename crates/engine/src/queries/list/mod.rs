//! Lists of connections by any combination of filters, in any of three orders.

mod ages;
mod as_of;
mod rows;

use std::fmt;

use ledger_contract::ResumePoint;
use ledger_contract::queries::{ListPage, ListQuery, PAGE_BYTES};
use ledger_contract::view::ConnectionView;
use ledger_domain::principal::Scope;
use ledger_domain::{Connection, ConnectionId, InvalidField, SecretAges};
use ledger_store::tables::lists;
use ledger_store::{Selection, Term};

use super::{Reader, paging};
use crate::engine::Engine;
use crate::errors::QueryError;
use crate::models::Models;
use crate::projections::filters::{Field, forms, groups};
pub(crate) use rows::all as ordinals_of;
use rows::{Matches, Page};

pub use as_of::ListAsOf;

/// Returns whether a connection is to be listed.
pub type Keep = Box<dyn Fn(&Connection) -> bool + Send + Sync>;

/// Filters and range of a list, including filters that only code can express. The default returns
/// no rows, only the total.
#[derive(Default)]
pub struct ListOptions {
    /// Filters, order and cursor. Page number and page size are ignored in favor of `skip` and
    /// `take`.
    pub query: ListQuery,
    /// Tags of which a connection must have one; empty for no such filter.
    pub any_tag: Vec<String>,
    /// The only connections to consider, or `None` for all.
    pub ids: Option<Vec<ConnectionId>>,
    /// A further filter. It is called for every connection that passes the others, so those should
    /// leave few.
    pub keep: Option<Keep>,
    /// Connections to skip, counted from the cursor if there is one.
    pub skip: u64,
    /// Maximum number of connections returned.
    pub take: usize,
    /// Bytes of rows after which the page ends, which has a cursor then. Without it, everything is
    /// read that was asked for, and there is no cursor.
    pub budget_bytes: Option<usize>,
}

impl fmt::Debug for ListOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListOptions({:?}, skip {}, take {})", self.query, self.skip, self.take)
    }
}

impl ListOptions {
    /// Selects every active connection, oldest first.
    pub fn all() -> Self {
        Self { take: usize::MAX, ..Self::default() }
    }

    /// Selects the page that a query requests.
    ///
    /// Errors: `field_invalid`.
    pub fn page(query: ListQuery) -> Result<Self, InvalidField> {
        order(&query)?;
        let take = paging::size(query.page_size)?;
        let before = match query.page {
            Some(0) => return Err(InvalidField::new("page", "starts at 1")),
            Some(_) if query.cursor.is_some() => {
                return Err(InvalidField::new("page", "cannot be combined with cursor"));
            }
            Some(number) => number - 1,
            None => 0,
        };
        let skip = u64::from(before) * u64::try_from(take).unwrap_or(u64::MAX);
        let budget_bytes = Some(PAGE_BYTES);
        Ok(Self { query, skip, take, budget_bytes, ..Self::default() })
    }
}

/// A page of matching connections.
#[derive(Clone, Debug)]
pub struct ListResult<T = Connection> {
    /// The connections of the page, in order, or what was made of them.
    pub rows: Vec<T>,
    /// The number of all matching connections.
    pub total: u64,
    /// The end of the log that the answer reflects.
    pub end: ResumePoint,
    /// The cursor of the next page, or `None` on the last one.
    pub next: Option<String>,
    /// Whether the page ended early because of its size in bytes.
    pub truncated: bool,
    /// The ages of the secrets of each row whose ages policies limit.
    pub ages: Vec<SecretAges>,
    /// The number of rows that are left out because something other than the ledger changed them.
    pub altered: u64,
}

impl ListResult {
    /// Returns the page in the form of the contract.
    pub(super) fn view(&self) -> ListPage<'_> {
        ListPage {
            connections: self
                .rows
                .iter()
                .zip(&self.ages)
                .map(|(row, ages)| ConnectionView::of(row).with_ages(ages))
                .collect(),
            total: Some(self.total),
            position: self.end.position.get(),
            resume_after: self.end,
            next_cursor: self.next.clone(),
            truncated: self.truncated,
            altered: self.altered,
        }
    }
}

impl Reader<'_> {
    /// Lists connections that the caller may read. Blocks.
    ///
    /// Errors: `field_invalid`, `cursor_invalid`, `history_changed`.
    pub fn list(&self, options: &ListOptions) -> Result<ListResult, QueryError> {
        self.list_as(options, |connection| connection)
    }

    /// As [`Self::list`], but keeps only what `show` makes of each connection, so that a long list
    /// takes no more memory than its answer. Blocks.
    pub fn list_as<T>(
        &self,
        options: &ListOptions,
        show: impl Fn(Connection) -> T,
    ) -> Result<ListResult<T>, QueryError> {
        let page = page(self.engine, options)?;
        self.engine.shared.rebuilding.expect_complete(lists::MODEL)?;
        let models = self.engine.shared.models.load();
        let end = self.engine.end();
        let mut matches = self.select(&models, options)?;
        if let Some(ids) = &options.ids {
            matches.selected.intersect(&models.with_ids(ids)?);
        }
        if let Some(keep) = &options.keep {
            models.keep_rows(&mut matches.selected, keep)?;
        }
        let found = models.find(&matches, &page)?;
        let mut budget = paging::Budget::new(options.budget_bytes);
        let (mut rows, mut ages, mut last, mut altered) = (Vec::new(), Vec::new(), None, 0);
        for (ordinal, place) in &found.entries {
            let Some((connection, bytes)) = models.authentic(*ordinal)? else {
                (altered, last) = (altered + 1, Some(place));
                continue;
            };
            // Lists and bitmaps have no MACs, so what they name is checked against the row.
            if !self.is_here(&connection) || !self.caller.may_with(Scope::Read, &connection) {
                // The page goes on behind it, also if it has no other row.
                last = Some(place);
                continue;
            }
            if !budget.takes(bytes) {
                break;
            }
            ages.push(self.ages(&connection));
            rows.push(show(self.caller.shown(connection)));
            last = Some(place);
        }
        self.note_altered(altered);
        let truncated = budget.is_spent();
        let last = last.filter(|_| page.places && (found.more || truncated));
        let order = page.order_name();
        let next = last.map(|place| paging::Cursors::new(self.engine, &order).write(place));
        Ok(ListResult { rows, total: matches.selected.len(), end, next, truncated, ages, altered })
    }

    /// Returns the matching connections that the caller may read.
    fn select(&self, models: &Models, options: &ListOptions) -> Result<Matches<'_>, QueryError> {
        let mut groups = groups(&options.query)?;
        if !options.any_tag.is_empty() {
            groups.push(options.any_tag.iter().map(|tag| Field::Tag.term(tag)).collect());
        }
        let home: Vec<Vec<Term>> = self
            .workspace
            .map(|name| vec![Field::Workspace.term(name.as_str())])
            .into_iter()
            .collect();
        let frozen = models.lists.freeze(home.iter().chain(&groups).flatten());
        // Of other terms, only the chunks that a workspace has are read.
        let own = frozen.select(None, &home)?;
        let population = match &own {
            Some(own) => own.len(),
            None => models.population()?,
        };
        let selected = frozen.select(own, &groups)?;
        let selected = selected.unwrap_or_else(|| Selection::range(0, population));
        drop(frozen);
        let mut matches = Matches { selected, workspace: self.workspace, population };
        self.keep_readable(models, &mut matches.selected)?;
        if let Some(text) = &options.query.text {
            models.keep_with_text(&mut matches, &forms(&text.to_lowercase()))?;
        }
        self.keep_by_time(models, &mut matches, &options.query)?;
        Ok(matches)
    }
}

/// Returns the order that a query requests.
fn order(query: &ListQuery) -> Result<&str, InvalidField> {
    let asked = query.sort.as_deref().unwrap_or("created");
    if ["created", "updated", "name"].contains(&asked) {
        return Ok(asked);
    }
    Err(InvalidField::new("sort", "must be created, updated or name"))
}

fn page<'a>(engine: &Engine, options: &'a ListOptions) -> Result<Page<'a>, QueryError> {
    let query = &options.query;
    let mut page = Page {
        order: order(query)?,
        descending: query.descending,
        size: options.take,
        skip: options.skip,
        after: None,
        places: options.budget_bytes.is_some(),
    };
    if let Some(cursor) = &query.cursor {
        page.after = Some(paging::Cursors::new(engine, &page.order_name()).place(cursor)?);
    }
    Ok(page)
}
