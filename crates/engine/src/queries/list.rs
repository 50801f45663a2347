//! Connections by any mix of filters, in any of three orders.

use std::fmt;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{ListPage, ListQuery};
use ledger_contract::view::ConnectionView;
use ledger_domain::connection::{AuthMethod, Environment, HealthState, IdentityKind, Kind};
use ledger_domain::{Connection, ConnectionId, InvalidField, WorkspaceName};
use ledger_store::tables::connections;
use ledger_store::tables::lists::{self, Order};
use ledger_store::{Selection, Term};

use super::{paging, to_json};
use crate::access::Caller;
use crate::engine::Engine;
use crate::faults;
use crate::models::Models;
use crate::projections::list::{self, Field};

/// Below this many matches, rows are fetched and sorted; above, the order is walked.
const SORTED_ROWS_MAX: u64 = 512;

/// A list as a door with pages of its own asks for it.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Filters and order.
    pub query: &'a ListQuery,
    /// Tags, one of which it must have; empty for any connection.
    pub any_tag: &'a [String],
    /// The connections to choose from, when not all.
    pub ids: Option<&'a [ConnectionId]>,
    /// What else must be true. Called for every connection that fits the rest, so the rest should
    /// leave few.
    pub keep: Option<&'a (dyn Fn(&Connection) -> bool + Sync)>,
    /// Connections before the first one shown.
    pub skip: u64,
    /// Most connections shown.
    pub take: usize,
}

impl fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wanted({:?}, skip {}, take {})", self.query, self.skip, self.take)
    }
}

/// Some of the connections that fit.
#[derive(Clone, Debug)]
pub struct Found {
    /// Those of the part asked for.
    pub connections: Vec<Connection>,
    /// How many fit in all.
    pub total: u64,
}

/// A page of ordinals, and where the next one starts.
struct Shown {
    ordinals: Vec<u32>,
    next: Option<Vec<u8>>,
}

/// What a page is to be.
struct Page<'a> {
    order: &'a str,
    descending: bool,
    size: usize,
    skip: u64,
    after: Option<Vec<u8>>,
}

impl Engine {
    pub(super) fn list(
        &self,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
        query: &ListQuery,
    ) -> Result<Vec<u8>, Problem> {
        let page = page(query)?;
        let models = self.shared.models.load();
        let position = self.head().get();
        let selected = Self::select(&models, caller, scope, query, &groups(scope, query)?)?;
        let total = selected.len();
        let found = models.find(&selected, &page)?;
        let rows = models.rows(&found)?;
        let next_cursor = found.next.map(|place| paging::cursor(&order_name(&page), &place));
        let connections = rows.iter().map(ConnectionView::of).collect();
        Ok(to_json(&ListPage { connections, total, position, next_cursor }))
    }

    /// Finds connections for a door with pages of its own. Blocks. The query's own page, page
    /// size and cursor mean nothing here.
    ///
    /// Errors: as the query `list`.
    pub fn connections(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        wanted: &Wanted<'_>,
    ) -> Result<Found, Problem> {
        let scope = self.scope(caller, workspace.as_str())?;
        let scope = scope.as_ref();
        let mut groups = groups(scope, wanted.query)?;
        if !wanted.any_tag.is_empty() {
            groups.push(wanted.any_tag.iter().map(|tag| Field::Tag.term(tag)).collect());
        }
        let models = self.shared.models.load();
        let mut selected = Self::select(&models, caller, scope, wanted.query, &groups)?;
        if let Some(ids) = wanted.ids {
            selected.intersect(&models.with_ids(ids)?);
        }
        if let Some(keep) = wanted.keep {
            models.keep_rows(&mut selected, keep)?;
        }
        let page = Page { size: wanted.take, skip: wanted.skip, ..page(wanted.query)? };
        let found = models.find(&selected, &page)?;
        Ok(Found { connections: models.rows(&found)?, total: selected.len() })
    }

    /// Returns what fits and may be read.
    fn select(
        models: &Models,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
        query: &ListQuery,
        groups: &[Vec<Term>],
    ) -> Result<Selection, Problem> {
        let selected = models.lists.select(groups).map_err(|error| faults::from_read(&error))?;
        let mut selected = match selected {
            Some(selected) => selected,
            None => models.every()?,
        };
        if let Some(readable) = Self::readable(models, caller, scope)? {
            selected.intersect(&readable);
        }
        if let Some(text) = &query.text {
            models.keep_with_text(&mut selected, &text.to_lowercase())?;
        }
        Ok(selected)
    }
}

fn order_name(page: &Page<'_>) -> String {
    format!("{}{}", page.order, if page.descending { "-" } else { "+" })
}

fn page(query: &ListQuery) -> Result<Page<'_>, Problem> {
    let order = query.sort.as_deref().unwrap_or("created");
    if !["created", "updated", "name"].contains(&order) {
        return Err(InvalidField::new("sort", "must be created, updated or name").into());
    }
    let size = paging::size(query.page_size)?;
    let number = match query.page {
        Some(0) => return Err(InvalidField::new("page", "starts at 1").into()),
        Some(_) if query.cursor.is_some() => {
            return Err(InvalidField::new("page", "cannot go with cursor").into());
        }
        Some(number) => number - 1,
        None => 0,
    };
    let skip = u64::from(number) * u64::try_from(size).unwrap_or(u64::MAX);
    let mut page = Page { order, descending: query.descending, size, skip, after: None };
    if let Some(cursor) = &query.cursor {
        page.after = Some(paging::place(&order_name(&page), cursor)?);
    }
    Ok(page)
}

/// Turns filters into groups of terms: any of a group, all groups.
fn groups(scope: Option<&WorkspaceName>, query: &ListQuery) -> Result<Vec<Vec<Term>>, Problem> {
    let mut groups = Vec::new();
    if let Some(workspace) = scope {
        groups.push(vec![Field::Workspace.term(workspace.as_str())]);
    }
    let lifecycle = match query.lifecycle.as_deref() {
        None => Some("active"),
        Some("any") => None,
        Some(word @ ("active" | "archived")) => Some(word),
        Some(_) => {
            let problem = "must be active, archived or any";
            return Err(InvalidField::new("lifecycle", problem).into());
        }
    };
    groups.extend(lifecycle.map(|word| vec![Field::Lifecycle.term(word)]));
    if !query.provider.is_empty() {
        groups.push(query.provider.iter().map(|name| list::provider(name)).collect());
    }
    if let Some(text) = &query.environment {
        groups.push(vec![Field::Environment.term(Environment::parse(text)?.as_str())]);
    }
    groups.extend(query.enabled.map(|on| vec![Field::Enabled.term(list::switch(on))]));
    words(&mut groups, &query.health, Field::Health, |text| {
        HealthState::parse(text).map(HealthState::as_str)
    })?;
    words(&mut groups, &query.kind, Field::Kind, |text| Kind::parse(text).map(Kind::as_str))?;
    words(&mut groups, &query.auth_method, Field::AuthMethod, |text| {
        AuthMethod::parse(text).map(AuthMethod::as_str)
    })?;
    groups.extend(query.tag.iter().map(|tag| vec![Field::Tag.term(tag)]));
    groups.extend(query.label.iter().map(|text| match text.split_once('=') {
        Some((key, value)) => vec![list::label(key, value)],
        None => vec![Field::LabelKey.term(text)],
    }));
    if let Some(text) = &query.identity_type {
        groups.push(vec![Field::IdentityKind.term(IdentityKind::parse(text)?.as_str())]);
    }
    groups.extend(query.identity.iter().map(|value| vec![Field::Identity.term(value)]));
    Ok(groups)
}

fn words(
    groups: &mut Vec<Vec<Term>>,
    texts: &[String],
    field: Field,
    check: impl Fn(&str) -> Result<&'static str, InvalidField>,
) -> Result<(), Problem> {
    if texts.is_empty() {
        return Ok(());
    }
    let term = |text: &String| check(text).map(|word| field.term(word));
    groups.push(texts.iter().map(term).collect::<Result<_, _>>()?);
    Ok(())
}

impl Models {
    /// Returns every ordinal there is.
    fn every(&self) -> Result<Selection, Problem> {
        let next = connections::next_ordinal(&self.store, &self.connections)
            .map_err(|error| faults::from_read(&error))?;
        let mut all = Selection::default();
        for ordinal in 0..next {
            all.insert(u64::from(ordinal));
        }
        Ok(all)
    }

    fn by_ordinal(&self, ordinal: u32) -> Result<Connection, Problem> {
        let id = connections::by_ordinal(&self.store, &self.connections, ordinal)
            .map_err(|error| faults::from_read(&error))?;
        let row = match id {
            Some(id) => self.row(id)?,
            None => None,
        };
        row.map(|row| row.connection).ok_or_else(|| {
            let message = format!("connection number {ordinal} is listed but not there");
            Problem::because(Code::RecordCorrupt, message)
        })
    }

    /// Keeps the connections with `text` in their slug or name.
    fn keep_with_text(&self, selected: &mut Selection, text: &str) -> Result<(), Problem> {
        let mut with_text = Selection::default();
        if selected.len() <= SORTED_ROWS_MAX {
            for ordinal in all(selected) {
                if list::has_text(&self.by_ordinal(ordinal)?, text) {
                    with_text.insert(u64::from(ordinal));
                }
            }
        } else {
            let table = self.lists.table();
            for entry in lists::walk(&self.store, table, Order::Name, false, None) {
                let entry = entry.map_err(|error| faults::from_read(&error))?;
                if list::words_have(&entry.words, text) {
                    with_text.insert(u64::from(entry.ordinal));
                }
            }
        }
        selected.intersect(&with_text);
        Ok(())
    }

    /// Returns the ordinals of connections that are there.
    fn with_ids(&self, ids: &[ConnectionId]) -> Result<Selection, Problem> {
        let mut found = Selection::default();
        for id in ids {
            if let Some(row) = self.row(*id)? {
                found.insert(u64::from(row.ordinal));
            }
        }
        Ok(found)
    }

    fn keep_rows(
        &self,
        selected: &mut Selection,
        keep: &(dyn Fn(&Connection) -> bool + Sync),
    ) -> Result<(), Problem> {
        let mut kept = Selection::default();
        for ordinal in all(selected) {
            if keep(&self.by_ordinal(ordinal)?) {
                kept.insert(u64::from(ordinal));
            }
        }
        *selected = kept;
        Ok(())
    }

    fn rows(&self, shown: &Shown) -> Result<Vec<Connection>, Problem> {
        shown.ordinals.iter().map(|ordinal| self.by_ordinal(*ordinal)).collect()
    }

    fn find(&self, selected: &Selection, page: &Page<'_>) -> Result<Shown, Problem> {
        match page.order {
            "name" => self.in_order(selected, page, Order::Name),
            "updated" => self.in_order(selected, page, Order::Updated),
            _ => by_creation(selected, page),
        }
    }

    fn in_order(
        &self,
        selected: &Selection,
        page: &Page<'_>,
        order: Order,
    ) -> Result<Shown, Problem> {
        if selected.len() <= SORTED_ROWS_MAX {
            return self.sorted(selected, page, order);
        }
        let mut skip = page.skip;
        let mut found = Shown { ordinals: Vec::new(), next: None };
        let (table, after) = (self.lists.table(), page.after.as_deref());
        for entry in lists::walk(&self.store, table, order, page.descending, after) {
            let entry = entry.map_err(|error| faults::from_read(&error))?;
            if !selected.contains(u64::from(entry.ordinal)) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if found.ordinals.len() == page.size {
                return Ok(found);
            }
            found.ordinals.push(entry.ordinal);
            found.next = Some(entry.key.into_vec());
        }
        found.next = None;
        Ok(found)
    }

    /// Sorts a few rows by the keys the walk would meet.
    fn sorted(
        &self,
        selected: &Selection,
        page: &Page<'_>,
        order: Order,
    ) -> Result<Shown, Problem> {
        let mut keys = Vec::new();
        for ordinal in all(selected) {
            let connection = self.by_ordinal(ordinal)?;
            let key = match order {
                Order::Name => list::name_key(ordinal, &connection),
                Order::Updated => lists::updated_key(connection.position).to_vec(),
            };
            keys.push((key, ordinal));
        }
        keys.sort_unstable();
        if page.descending {
            keys.reverse();
        }
        if let Some(after) = &page.after {
            keys.retain(|(key, _)| if page.descending { key < after } else { key > after });
        }
        let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
        let more = keys.len() > skip.saturating_add(page.size);
        let shown: Vec<_> = keys.into_iter().skip(skip).take(page.size).collect();
        let next = shown.last().filter(|_| more).map(|(key, _)| key.clone());
        Ok(Shown { ordinals: shown.into_iter().map(|(_, ordinal)| ordinal).collect(), next })
    }
}

fn all(selected: &Selection) -> Vec<u32> {
    let most = usize::try_from(selected.len()).unwrap_or(usize::MAX);
    ordinals(selected.page(0, most, false))
}

fn ordinals(numbers: Vec<u64>) -> Vec<u32> {
    numbers.into_iter().filter_map(|number| u32::try_from(number).ok()).collect()
}

fn by_creation(selected: &Selection, page: &Page<'_>) -> Result<Shown, Problem> {
    let skip = match &page.after {
        None => page.skip,
        Some(place) => {
            let place: [u8; 8] =
                place.as_slice().try_into().map_err(|_| Problem::new(Code::CursorInvalid))?;
            let last = u64::from_be_bytes(place);
            if page.descending {
                selected.len() - selected.rank(last)
            } else {
                selected.rank(last.saturating_add(1))
            }
        }
    };
    let numbers = selected.page(skip, page.size, page.descending);
    let shown = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    let more = skip.saturating_add(shown) < selected.len();
    let next = numbers.last().filter(|_| more).map(|last| last.to_be_bytes().to_vec());
    Ok(Shown { ordinals: ordinals(numbers), next })
}
