//! Sort orders of the list read model. Its bitmaps are in the same table; see [`crate::Postings`].
//!
//! ```text
//! 'm' | workspace | 0 | folded name | 0 | ordinal u32 BE   ->   folded slug | 0 | folded name
//! 'n' | folded name | 0 | ordinal u32 BE                   ->   nothing
//! 'u' | position of last change u64 BE                     ->   ordinal u32 BE
//! 'v' | workspace | 0 | position of last change u64 BE     ->   ordinal u32 BE
//! ```
//!
//! A name has at most 128 bytes in keys. `n` and `u` are the orders of the whole ledger, `m` and
//! `v` those of each workspace. A place in an order is the key of the ledger's order; cursors hold
//! places, so they mean the same in both.

use ledger_domain::{Position, WorkspaceName};

use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::sorted::SortedFile;
use crate::store::{Row, Rows, Store};
use crate::table::Table;

/// The read model's name.
pub const MODEL: &str = "lists";
const NAME_BYTES_MAX: usize = 128;
const WORDS: u8 = b'm';
const NAME: u8 = b'n';
const UPDATED: u8 = b'u';
const UPDATED_WITHIN: u8 = b'v';

/// A sort order of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By name, ignoring case.
    Name,
    /// By the position of the last change.
    Updated,
}

impl Order {
    const fn tag(self) -> u8 {
        match self {
            Self::Name => NAME,
            Self::Updated => UPDATED,
        }
    }

    /// Returns what the keys of this order begin with, in the ledger or in a workspace.
    fn prefix(self, workspace: Option<&WorkspaceName>) -> Vec<u8> {
        match (self, workspace) {
            (_, None) => vec![self.tag()],
            (Self::Name, Some(workspace)) => prefix(WORDS, workspace),
            (Self::Updated, Some(workspace)) => prefix(UPDATED_WITHIN, workspace),
        }
    }
}

fn prefix(tag: u8, workspace: &WorkspaceName) -> Vec<u8> {
    let mut key = Vec::with_capacity(160);
    key.push(tag);
    key.extend_from_slice(workspace.as_str().as_bytes());
    key.push(0);
    key
}

/// Returns the key of a place in a workspace's order.
fn within(tag: u8, workspace: &WorkspaceName, place: &[u8]) -> Vec<u8> {
    let mut key = prefix(tag, workspace);
    key.extend_from_slice(place.get(1..).unwrap_or_default());
    key
}

/// Returns a connection's place in the name order.
pub fn name_place(folded_name: &str, ordinal: u32) -> Vec<u8> {
    let name = folded_name.as_bytes();
    let kept = name.get(..NAME_BYTES_MAX).unwrap_or(name);
    let mut key = Vec::with_capacity(kept.len() + 6);
    key.push(NAME);
    key.extend_from_slice(kept);
    key.push(0);
    key.extend_from_slice(&ordinal.to_be_bytes());
    key
}

/// Returns a connection's place in the order of changes.
pub fn updated_place(position: Position) -> [u8; 9] {
    let mut key = [UPDATED; 9];
    if let Some(rest) = key.get_mut(1..) {
        rest.copy_from_slice(&position.get().to_be_bytes());
    }
    key
}

/// The orders of one connection's workspace and of the whole ledger, to be changed.
#[derive(Debug)]
pub struct Orders<'a> {
    /// The database.
    pub store: &'a Store,
    /// The table of the read model.
    pub table: &'a Table,
    /// The connection's workspace.
    pub workspace: &'a WorkspaceName,
}

impl Orders<'_> {
    /// Adds a connection by name, with the text that text filters search.
    pub fn put_name(&self, batch: &mut Batch, place: &[u8], words: &[u8]) {
        batch.put(self.store, self.table, &within(WORDS, self.workspace, place), words);
        batch.put(self.store, self.table, place, &[]);
    }

    /// Removes a connection by name.
    pub fn delete_name(&self, batch: &mut Batch, place: &[u8]) {
        batch.delete(self.store, self.table, &within(WORDS, self.workspace, place));
        batch.delete(self.store, self.table, place);
    }

    /// Adds a connection by its last change.
    pub fn put_updated(&self, batch: &mut Batch, position: Position, ordinal: u32) {
        let (place, ordinal) = (updated_place(position), ordinal.to_be_bytes());
        batch.put(self.store, self.table, &place, &ordinal);
        let key = within(UPDATED_WITHIN, self.workspace, &place);
        batch.put(self.store, self.table, &key, &ordinal);
    }

    /// Removes a connection by its last change.
    pub fn delete_updated(&self, batch: &mut Batch, position: Position) {
        let place = updated_place(position);
        batch.delete(self.store, self.table, &place);
        batch.delete(self.store, self.table, &within(UPDATED_WITHIN, self.workspace, &place));
    }
}

/// Where a connection belongs in all orders.
#[derive(Debug)]
pub struct Listed {
    /// Its ordinal.
    pub ordinal: u32,
    /// Its workspace.
    pub workspace: WorkspaceName,
    /// Its place by name.
    pub name: Vec<u8>,
    /// The text that text filters search.
    pub words: Vec<u8>,
    /// The position of its last change.
    pub updated: Position,
}

/// Adds connections to all orders of a table, in files of their own for each order.
pub fn load(store: &Store, table: &Table, mut all: Vec<Listed>) -> Result<(), AppendError> {
    let by_workspace = |one: &Listed, other: &Listed| one.workspace.cmp(&other.workspace);
    all.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    load_order(store, table, &all, |file, one| file.put(&one.name, &[]))?;
    // A stable sort keeps the order within each workspace.
    all.sort_by(by_workspace);
    load_order(store, table, &all, |file, one| {
        file.put(&within(WORDS, &one.workspace, &one.name), &one.words)
    })?;
    all.sort_unstable_by_key(|one| one.updated);
    load_order(store, table, &all, |file, one| {
        file.put(&updated_place(one.updated), &one.ordinal.to_be_bytes())
    })?;
    all.sort_by(by_workspace);
    load_order(store, table, &all, |file, one| {
        let key = within(UPDATED_WITHIN, &one.workspace, &updated_place(one.updated));
        file.put(&key, &one.ordinal.to_be_bytes())
    })
}

fn load_order(
    store: &Store,
    table: &Table,
    all: &[Listed],
    put: impl Fn(&mut SortedFile<'_>, &Listed) -> Result<(), AppendError>,
) -> Result<(), AppendError> {
    let mut file = store.sorted_file(table);
    all.iter().try_for_each(|one| put(&mut file, one))?;
    file.finish()
}

/// An entry of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from which a later page can continue.
    pub place: Vec<u8>,
    /// The connection's ordinal.
    pub ordinal: u32,
}

/// Which part of an order to walk, and how.
#[derive(Clone, Copy, Debug)]
pub struct Walk<'a> {
    /// The order.
    pub order: Order,
    /// The workspace whose order is walked, or `None` for that of the whole ledger.
    pub workspace: Option<&'a WorkspaceName>,
    /// Whether it is walked from its end.
    pub descending: bool,
    /// The place after which the walk starts.
    pub after: Option<&'a [u8]>,
}

impl Walk<'_> {
    /// Iterates over the entries.
    pub fn entries<'a>(
        self,
        store: &'a Store,
        table: &Table,
    ) -> impl Iterator<Item = Result<Entry, ReadError>> + use<'a> {
        let prefix = self.order.prefix(self.workspace);
        let after = self.after.map(|place| {
            let rest = place.get(1..).unwrap_or_default();
            [prefix.as_slice(), rest].concat()
        });
        let start = match (after, self.descending) {
            (Some(key), _) => key,
            (None, false) => prefix.clone(),
            (None, true) => behind(&prefix),
        };
        let rows = if self.descending {
            store.scan_back(table, &start)
        } else {
            store.scan(table, &start)
        };
        let (table, order) = (table.clone(), self.order);
        // A scan includes the key at which it starts; a walk does not.
        let rows = rows.skip_while(move |row| row.as_ref().is_ok_and(|(key, _)| **key == *start));
        beginning_with(rows, prefix.clone())
            .map(move |row| entry(&table, order, prefix.len(), &row?))
    }
}

/// Returns the first key after all that begin with `prefix`, whose last byte is a tag or NUL.
fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut key = prefix.to_vec();
    if let Some(last) = key.last_mut() {
        *last += 1;
    }
    key
}

fn beginning_with(
    rows: impl Iterator<Item = Result<Row, ReadError>>,
    prefix: Vec<u8>,
) -> impl Iterator<Item = Result<Row, ReadError>> {
    rows.take_while(move |row| row.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix)))
}

fn entry(
    table: &Table,
    order: Order,
    prefix: usize,
    (key, value): &Row,
) -> Result<Entry, ReadError> {
    let ordinal = match order {
        Order::Name => key.last_chunk::<4>(),
        Order::Updated => value.first_chunk::<4>(),
    };
    let ordinal = ordinal.ok_or_else(|| corrupt(table, "an entry of an order"))?;
    let mut place = vec![order.tag()];
    place.extend_from_slice(key.get(prefix..).unwrap_or_default());
    Ok(Entry { place, ordinal: u32::from_be_bytes(*ordinal) })
}

/// Iterates over the ordinals of a workspace, or of the whole ledger, with the text that text
/// filters search: slug, NUL, name, both folded.
pub fn words<'a>(
    store: &'a Store,
    table: &Table,
    workspace: Option<&WorkspaceName>,
) -> impl Iterator<Item = Result<(u32, Box<[u8]>), ReadError>> + use<'a> {
    let prefix = workspace.map_or_else(|| vec![WORDS], |name| prefix(WORDS, name));
    let rows: Rows<'a> = store.scan(table, &prefix);
    let table = table.clone();
    beginning_with(rows, prefix).map(move |row| {
        let (key, words) = row?;
        let ordinal = key.last_chunk::<4>().ok_or_else(|| corrupt(&table, "a name"))?;
        Ok((u32::from_be_bytes(*ordinal), words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::created;
    use crate::store::Durability;
    use crate::tables::model;

    /// Workspace and name of each connection, by ordinal. Some names begin as others do.
    const ALL: [(&str, &str); 7] = [
        ("a", "main"),
        ("a-b", "main"),
        ("ab", "aside"),
        ("a", "mainly"),
        ("a", "aside"),
        ("b", ""),
        ("a", "main"),
    ];

    fn workspace(name: &str) -> WorkspaceName {
        WorkspaceName::parse("workspace", name).unwrap()
    }

    /// Returns every connection; the last one was changed first.
    fn all() -> Vec<Listed> {
        let listed = ALL.iter().zip(0_u32..).map(|((home, name), ordinal)| Listed {
            ordinal,
            workspace: workspace(home),
            name: name_place(name, ordinal),
            words: format!("slug\0{name}").into_bytes(),
            updated: Position::new(300 - u64::from(ordinal)),
        });
        listed.collect()
    }

    fn stored(store: &Store, table: &Table) -> Vec<Row> {
        store.scan(table, &[]).map(Result::unwrap).collect()
    }

    fn filled() -> (tempfile::TempDir, Store, Table) {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (model(MODEL, 1), model(MODEL, 2));
        let store = created(dir.path());
        store.create_table(&one).unwrap();
        store.create_table(&other).unwrap();
        let mut batch = Batch::new();
        for Listed { ordinal, workspace, name, words, updated } in &all() {
            let orders = Orders { store: &store, table: &one, workspace };
            orders.put_name(&mut batch, b"ngone\0....", b"gone");
            orders.put_updated(&mut batch, Position::new(7), *ordinal);
            orders.put_name(&mut batch, name, words);
            orders.put_updated(&mut batch, *updated, *ordinal);
            orders.delete_name(&mut batch, b"ngone\0....");
            orders.delete_updated(&mut batch, Position::new(7));
        }
        store.commit(batch, Durability::Buffered).unwrap();
        load(&store, &other, all()).unwrap();
        assert_eq!(stored(&store, &one), stored(&store, &other), "in bulk as one by one");
        (dir, store, one)
    }

    #[test]
    fn a_walk_stays_in_its_workspace_and_goes_on_from_any_place() {
        let (_dir, store, table) = filled();
        for (home, order, expected) in [
            (Some("a"), Order::Name, vec![4, 0, 6, 3]),
            (Some("a"), Order::Updated, vec![6, 4, 3, 0]),
            (Some("a-b"), Order::Name, vec![1]),
            (Some("b"), Order::Updated, vec![5]),
            (Some("c"), Order::Name, vec![]),
            (None, Order::Name, vec![5, 2, 4, 0, 1, 6, 3]),
            (None, Order::Updated, vec![6, 5, 4, 3, 2, 1, 0]),
        ] {
            let home = home.map(workspace);
            for descending in [false, true] {
                let mut expected = expected.clone();
                if descending {
                    expected.reverse();
                }
                let walk = Walk { order, workspace: home.as_ref(), descending, after: None };
                let found: Vec<Entry> = walk.entries(&store, &table).map(Result::unwrap).collect();
                let ordinals = |found: &[Entry]| -> Vec<u32> {
                    found.iter().map(|entry| entry.ordinal).collect()
                };
                assert_eq!(ordinals(&found), expected, "{home:?} {order:?}");
                for (index, entry) in found.iter().enumerate() {
                    let walk = Walk { after: Some(&entry.place), ..walk };
                    let rest: Vec<_> = walk.entries(&store, &table).map(Result::unwrap).collect();
                    assert_eq!(ordinals(&rest), expected[index + 1..], "{home:?} {order:?}");
                }
            }
        }
    }

    #[test]
    fn words_are_those_of_one_workspace_or_of_all() {
        let (_dir, store, table) = filled();
        let found = |home: Option<&WorkspaceName>| -> Vec<u32> {
            words(&store, &table, home).map(|row| row.unwrap().0).collect()
        };
        assert_eq!(found(Some(&workspace("a"))), [4, 0, 6, 3]);
        assert_eq!(found(None), [4, 0, 6, 3, 1, 2, 5]);
        let first = words(&store, &table, None).next().unwrap().unwrap();
        assert_eq!(*first.1, *b"slug\0aside");
    }
}
