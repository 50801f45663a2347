//! Connections by any mix of filters, in any of three orders.

mod rows;

use std::fmt;

use ledger_contract::errors::Problem;
use ledger_contract::queries::{ListPage, ListQuery};
use ledger_contract::view::ConnectionView;
use ledger_domain::{Connection, ConnectionId, InvalidField};
use ledger_store::{Selection, Term};

use super::{Reader, paging};
use crate::faults;
use crate::models::Models;
use crate::projections::filters::{Field, groups};
use rows::Page;

/// Tells whether a connection is to be listed.
pub type Keep = Box<dyn Fn(&Connection) -> bool + Send + Sync>;

/// What to list: the filters of the query, filters that only code can say, and how many to skip
/// and to return. The default returns nothing but how many fit.
#[derive(Default)]
pub struct ListOptions {
    /// Filters, order and cursor. Page number and page size are not looked at: `skip` and `take`
    /// stand for them.
    pub query: ListQuery,
    /// Tags, one of which it must have; empty for any connection.
    pub any_tag: Vec<String>,
    /// The connections to choose from, when not all.
    pub ids: Option<Vec<ConnectionId>>,
    /// What else must be true. Called for every connection that fits the rest, so the rest should
    /// leave few.
    pub keep: Option<Keep>,
    /// Connections before the first one returned, counted from the cursor when there is one.
    pub skip: u64,
    /// Most connections returned.
    pub take: usize,
}

impl fmt::Debug for ListOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListOptions({:?}, skip {}, take {})", self.query, self.skip, self.take)
    }
}

impl ListOptions {
    /// Lists every active connection, oldest first.
    pub fn all() -> Self {
        Self { take: usize::MAX, ..Self::default() }
    }

    /// Lists the page that a query asks for.
    ///
    /// Errors: `field_invalid`.
    pub fn page(query: ListQuery) -> Result<Self, Problem> {
        order(&query)?;
        let take = paging::size(query.page_size)?;
        let before = match query.page {
            Some(0) => return Err(InvalidField::new("page", "starts at 1").into()),
            Some(_) if query.cursor.is_some() => {
                return Err(InvalidField::new("page", "cannot go with cursor").into());
            }
            Some(number) => number - 1,
            None => 0,
        };
        let skip = u64::from(before) * u64::try_from(take).unwrap_or(u64::MAX);
        Ok(Self { query, skip, take, ..Self::default() })
    }
}

/// Some of the connections that fit.
#[derive(Clone, Debug)]
pub struct ListResult {
    /// Those asked for, in order.
    pub rows: Vec<Connection>,
    /// How many fit in all.
    pub total: u64,
    /// The log position that the answer reflects.
    pub position: u64,
    /// The cursor of the next page; none on the last one.
    pub next: Option<String>,
}

impl ListResult {
    /// Shows it.
    pub(super) fn view(&self) -> ListPage<'_> {
        ListPage {
            connections: self.rows.iter().map(ConnectionView::of).collect(),
            total: self.total,
            position: self.position,
            next_cursor: self.next.clone(),
        }
    }
}

impl Reader<'_> {
    /// Lists connections that the caller may read. Blocks.
    ///
    /// Errors: `field_invalid`, `cursor_invalid`.
    pub fn list(&self, options: &ListOptions) -> Result<ListResult, Problem> {
        let page = page(options)?;
        let mut groups = groups(self.workspace, &options.query)?;
        if !options.any_tag.is_empty() {
            groups.push(options.any_tag.iter().map(|tag| Field::Tag.term(tag)).collect());
        }
        let models = self.engine.shared.models.load();
        let position = self.engine.head().get();
        let mut selected = self.select(&models, &options.query, &groups)?;
        if let Some(ids) = &options.ids {
            selected.intersect(&models.with_ids(ids)?);
        }
        if let Some(keep) = &options.keep {
            models.keep_rows(&mut selected, keep)?;
        }
        let found = models.find(&selected, &page)?;
        let rows = models.rows(&found)?;
        let next = found.next.map(|place| paging::cursor(&page.order_name(), &place));
        Ok(ListResult { rows, total: selected.len(), position, next })
    }

    /// Returns what fits and may be read.
    fn select(
        &self,
        models: &Models,
        query: &ListQuery,
        groups: &[Vec<Term>],
    ) -> Result<Selection, Problem> {
        let selected = models.lists.select(groups).map_err(|error| faults::from_read(&error))?;
        let mut selected = match selected {
            Some(selected) => selected,
            None => models.every()?,
        };
        if let Some(readable) = self.readable(models)? {
            selected.intersect(&readable);
        }
        if let Some(text) = &query.text {
            models.keep_with_text(&mut selected, &text.to_lowercase())?;
        }
        Ok(selected)
    }
}

/// Returns the order that a query asks for.
fn order(query: &ListQuery) -> Result<&str, Problem> {
    let asked = query.sort.as_deref().unwrap_or("created");
    if ["created", "updated", "name"].contains(&asked) {
        return Ok(asked);
    }
    Err(InvalidField::new("sort", "must be created, updated or name").into())
}

fn page(options: &ListOptions) -> Result<Page<'_>, Problem> {
    let query = &options.query;
    let mut page = Page {
        order: order(query)?,
        descending: query.descending,
        size: options.take,
        skip: options.skip,
        after: None,
    };
    if let Some(cursor) = &query.cursor {
        page.after = Some(paging::place(&page.order_name(), cursor)?);
    }
    Ok(page)
}
