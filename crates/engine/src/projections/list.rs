//! The list read model: ordinals by every filterable value, and the sort orders of lists.

use ledger_domain::Connection;
use ledger_store::tables::lists::{self, Listed, Orders};
use ledger_store::{Batch, Changes, Gathered, Store, Table};

use super::filters::{each_value, terms};
use super::secret_ages::oldest;
use crate::models::Change;

/// Adds a connection to bitmaps that contain nothing about it yet.
pub(crate) fn gather(gathered: &mut Gathered, ordinal: u32, connection: &Connection) {
    let number = u64::from(ordinal);
    each_value(connection, |field, value| gathered.add(field as u8, value, number));
}

/// Returns whether two states have the same terms, without building them.
fn found_alike(before: &Connection, after: &Connection) -> bool {
    before.enabled == after.enabled
        && before.health.state == after.health.state
        && before.lifecycle.as_str() == after.lifecycle.as_str()
        && oldest(before) == oldest(after)
        && before.details == after.details
}

/// Adds the effect of a change to changes of the bitmaps.
pub(crate) fn index(changes: &mut Changes, change: &Change<'_>) {
    let ordinal = u64::from(change.ordinal);
    let after = match change.before {
        Some(before) if found_alike(before, change.after) => return,
        Some(before) => {
            let (before, mut after) = (terms(before), terms(change.after));
            for term in before.iter().filter(|term| !after.contains(term)) {
                changes.remove(term.clone(), ordinal);
            }
            after.retain(|term| !before.contains(term));
            after
        }
        None => terms(change.after),
    };
    for term in after {
        changes.insert(term, ordinal);
    }
}

/// Returns the name by which a connection is sorted: its display name, or else its slug.
fn folded_name(connection: &Connection) -> String {
    match &connection.details.display_name {
        Some(name) => name.as_str().to_lowercase(),
        None => connection.slug.folded(),
    }
}

/// Returns the text that text filters search.
pub(crate) fn words(connection: &Connection) -> Vec<u8> {
    let mut words = connection.slug.folded().into_bytes();
    words.push(0);
    if let Some(name) = &connection.details.display_name {
        words.extend_from_slice(name.as_str().to_lowercase().as_bytes());
    }
    words
}

/// Returns whether the slug or name of a connection contains any of `texts`, which are folded.
pub(crate) fn has_text(connection: &Connection, texts: &[String]) -> bool {
    words_have(&words(connection), texts)
}

/// Returns whether stored words contain any of `texts`, which are folded.
pub(crate) fn words_have(words: &[u8], texts: &[String]) -> bool {
    let has = |word: &str| texts.iter().any(|text| word.contains(text));
    words.split(|byte| *byte == 0).any(|word| std::str::from_utf8(word).is_ok_and(has))
}

/// Returns a connection's place in the name order.
pub(crate) fn name_place(ordinal: u32, connection: &Connection) -> Vec<u8> {
    lists::name_place(&folded_name(connection), ordinal)
}

/// Returns where a connection belongs in all orders.
pub(crate) fn listed(ordinal: u32, connection: &Connection) -> Listed {
    Listed {
        ordinal,
        workspace: connection.workspace.clone(),
        name: name_place(ordinal, connection),
        words: words(connection),
        updated: connection.position,
    }
}

/// Adds a change's effect on the sort orders to `batch`. A connection never leaves its workspace.
pub(crate) fn write_orders(batch: &mut Batch, store: &Store, table: &Table, change: &Change<'_>) {
    let (ordinal, after) = (change.ordinal, change.after);
    let orders = Orders { store, table, workspace: &after.workspace };
    orders.put_updated(batch, after.position, ordinal);
    if let Some(before) = change.before {
        orders.delete_updated(batch, before.position);
        let unnamed =
            before.slug == after.slug && before.details.display_name == after.details.display_name;
        if unnamed {
            return;
        }
        orders.delete_name(batch, &name_place(ordinal, before));
    }
    orders.put_name(batch, &name_place(ordinal, after), &words(after));
}
