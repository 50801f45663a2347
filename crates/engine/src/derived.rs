//! Versions of what is derived from the log.
//!
//! Everything here can be rebuilt. Whoever changes what is stored in one of these, or what is
//! derived from an event, raises its version; the next start then rebuilds it.

use ledger_domain::Position;
use ledger_store::tables::{claims, connections, lists, log, meta, model, streams};
use ledger_store::{AppendError, Batch, Durability, ReadError, Store};

use crate::errors::{Fault, OpenError};
use crate::models::{AUDIT, MODELS};
use crate::replay::Selected;

/// Versions of the read models, in the order of [`MODELS`].
const MODEL_VERSIONS: [(&str, u32); 3] = [(connections::MODEL, 7), (lists::MODEL, 3), (AUDIT, 1)];
/// Version of the earlier states of connections, which are written together with their rows.
const SNAPSHOTS: (&str, u32) = ("snapshots", 7);
/// Version of the tables that follow from the log without being a read model.
const INDEXES: (&str, u32) = ("indexes", 3);

/// Version of the number of data keys under each master key, which follows from the table of the
/// former. Programs without it wrote version 1 by not writing any.
const DATA_KEYS: (&str, u32) = ("data_keys", 2);

/// Version of the Merkle tree over the log. Programs without it wrote version 1 by not writing any.
const TREE: (&str, u32) = ("tree", 2);

/// Marks something as incomplete until its version is stored again.
const INCOMPLETE: u32 = 0;

/// What has to be rebuilt.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stale {
    /// The read models, in the order of [`MODELS`].
    pub(crate) models: Selected,
    /// Streams, claims and receipts.
    pub(crate) indexes: bool,
    /// The number of data keys under each master key.
    pub(crate) data_keys: bool,
    /// The Merkle tree over the log.
    pub(crate) tree: bool,
}

impl Stale {
    /// Finds what is missing or was written by an earlier version of the code. What a later version
    /// wrote is refused.
    pub(crate) fn find(store: &Store) -> Result<Self, OpenError> {
        let mut models = [false; 3];
        for (stale, known) in models.iter_mut().zip(MODEL_VERSIONS) {
            *stale = is_older(store, known)? || !has_table(store, known.0)?;
        }
        let [rows, ..] = &mut models;
        *rows |= is_older(store, SNAPSHOTS)?;
        let indexes = is_older(store, INDEXES)? || lacks_index(store)?;
        let (data_keys, tree) = (is_older(store, DATA_KEYS)?, is_older(store, TREE)?);
        Ok(Self { models, indexes, data_keys, tree })
    }

    /// Returns the part of it that concerns some read models, and the rest only if `whole`.
    pub(crate) fn among(&self, models: Selected, whole: bool) -> Self {
        let mut among = self.models;
        for (stale, wanted) in among.iter_mut().zip(models) {
            *stale &= wanted;
        }
        let rest = [self.indexes, self.data_keys, self.tree];
        let [indexes, data_keys, tree] = rest.map(|stale| stale && whole);
        Self { models: among, indexes, data_keys, tree }
    }

    /// Divides it into what has to be right before the ledger is served, and the read models that
    /// only lists and histories need.
    pub(crate) fn divide(self) -> (Self, Selected) {
        let [rows, lists, audit] = self.models;
        (Self { models: [rows, false, false], ..self }, [false, lists, audit])
    }

    /// Returns the names of what has to be rebuilt.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let models = MODELS.into_iter().zip(self.models).filter(|(_, stale)| *stale);
        let indexes = self.indexes.then_some(INDEXES.0);
        let data_keys = self.data_keys.then_some(DATA_KEYS.0);
        let tree = self.tree.then_some(TREE.0);
        models.map(|(name, _)| name).chain(indexes).chain(data_keys).chain(tree).collect()
    }
}

fn is_older(store: &Store, (name, known): (&str, u32)) -> Result<bool, OpenError> {
    let found = meta::version(store, name).map_err(Fault::from)?;
    if found > known {
        return Err(OpenError::NewerModel { name: name.to_owned(), found, known });
    }
    Ok(found < known)
}

fn has_table(store: &Store, name: &str) -> Result<bool, OpenError> {
    let generation = meta::generation(store, name).map_err(Fault::from)?;
    Ok(store.has_table(&model(name, generation)))
}

/// Returns whether a table that follows from the log was lost.
fn lacks_index(store: &Store) -> Result<bool, OpenError> {
    if log::head(store).map_err(Fault::from)? == Position::ZERO {
        return Ok(false);
    }
    let without_streams = streams::rows(store).next().is_none();
    Ok(without_streams || streams::were_missing(store) || claims::were_missing(store))
}

/// Adds to `batch` that today's code wrote these read models.
pub(crate) fn put_versions(batch: &mut Batch, store: &Store, models: Selected) {
    for ((name, version), _) in MODEL_VERSIONS.into_iter().zip(models).filter(|(_, put)| *put) {
        meta::put_version(batch, store, name, version);
    }
    let [rows, ..] = models;
    if rows {
        meta::put_version(batch, store, SNAPSHOTS.0, SNAPSHOTS.1);
    }
}

/// Notes durably that a table that follows from the log was lost. It is created anew now, so the
/// next process could not tell.
pub(crate) fn note_lost_indexes(store: &Store) -> Result<(), AppendError> {
    if !streams::were_missing(store) && !claims::were_missing(store) {
        return Ok(());
    }
    let mut batch = Batch::new();
    put_indexes(&mut batch, store, false);
    store.commit(batch, Durability::Synced)
}

/// Adds to `batch` whether streams, claims and receipts are complete.
pub(crate) fn put_indexes(batch: &mut Batch, store: &Store, complete: bool) {
    let version = if complete { INDEXES.1 } else { INCOMPLETE };
    meta::put_version(batch, store, INDEXES.0, version);
}

/// Returns whether the data keys under each master key are counted.
pub(crate) fn has_data_keys(store: &Store) -> Result<bool, ReadError> {
    Ok(meta::version(store, DATA_KEYS.0)? == DATA_KEYS.1)
}

/// Adds to `batch` that the data keys under each master key are counted.
pub(crate) fn put_data_keys(batch: &mut Batch, store: &Store) {
    meta::put_version(batch, store, DATA_KEYS.0, DATA_KEYS.1);
}

/// Adds to `batch` that today's code writes the tree over the log, of which what is stored is right
/// as far as it goes.
pub(crate) fn put_tree(batch: &mut Batch, store: &Store) {
    meta::put_version(batch, store, TREE.0, TREE.1);
}
