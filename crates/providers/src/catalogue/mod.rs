//! The catalogue: all descriptions, found by name.

mod built_in;
mod error;
mod folder;
mod names;

pub use error::{CatalogueError, FileFault};
pub use folder::read_file;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use ledger_domain::connection::{AuthMethod, Kind};

use crate::field::Field;
use crate::provider::{Models, Provider};
use crate::words::Facade;

/// The origin of a description.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// It is built in.
    BuiltIn,
    /// It comes from an operator's file.
    File(PathBuf),
}

/// The descriptions of all providers. Immutable; share it with [`Arc`].
#[derive(Debug)]
pub struct Catalogue {
    /// Sorted by id.
    entries: Vec<Entry>,
    /// Index in `entries` by any name, in lower case.
    names: HashMap<String, usize>,
    /// Index in `entries` by a product's own name, in lower case, if a description gives one.
    names_at: HashMap<(Facade, String), usize>,
    /// What applies to every provider without a description.
    unknown: Provider,
}

#[derive(Clone, Debug)]
struct Entry {
    provider: Provider,
    origin: Origin,
}

static BUILT_IN: LazyLock<Arc<Catalogue>> = LazyLock::new(|| {
    let catalogue = built_in::entries().and_then(Catalogue::of_entries);
    Arc::new(catalogue.expect("a test checks the built-in descriptions against the rules"))
});

impl Catalogue {
    /// Returns the catalogue of built-in descriptions.
    pub fn built_in() -> &'static Arc<Self> {
        &BUILT_IN
    }

    /// Returns the built-in descriptions with those in an operator's folder, its files `*.json`. A
    /// file with the id of a built-in description replaces it.
    ///
    /// # Errors
    /// A folder or file that cannot be read, exceeds a limit or breaks a rule. All faults in all
    /// files are reported at once.
    pub fn with_folder(folder: &Path) -> Result<Self, CatalogueError> {
        Self::built_in().with_files(&folder::files(folder)?)
    }

    /// Returns this catalogue with the descriptions in files, as [`Catalogue::with_folder`] does. A
    /// file that was read before replaces its own earlier description.
    ///
    /// # Errors
    /// Those of [`Catalogue::with_folder`].
    pub fn with_files(&self, files: &[PathBuf]) -> Result<Self, CatalogueError> {
        let mut own = Vec::with_capacity(files.len());
        let mut faults = Vec::new();
        for path in files {
            match read_file(path) {
                Ok(provider) => own.push(Entry { provider, origin: Origin::File(path.clone()) }),
                Err(found) => faults.extend(found),
            }
        }
        if !faults.is_empty() {
            return Err(CatalogueError::Faults(faults));
        }
        let replaced: Vec<&str> = own.iter().map(|entry| entry.provider.id.as_str()).collect();
        let rest = self.entries.iter().filter(|entry| match &entry.origin {
            Origin::BuiltIn => !replaced.contains(&entry.provider.id.as_str()),
            Origin::File(path) => !folder::holds(files, path),
        });
        let mut entries: Vec<Entry> = rest.cloned().collect();
        entries.extend(own);
        Self::of_entries(entries)
    }

    /// Finds a provider by its id or any other name, ignoring ASCII case.
    pub fn find(&self, name: &str) -> Option<&Provider> {
        let position = *self.names.get(&name.to_ascii_lowercase())?;
        Some(&self.entries.get(position)?.provider)
    }

    /// Finds a provider by a product's name for it, or else by any name, ignoring ASCII case.
    pub fn find_at(&self, facade: Facade, name: &str) -> Option<&Provider> {
        match self.names_at.get(&(facade, name.to_ascii_lowercase())) {
            Some(position) => self.entries.get(*position).map(|entry| &entry.provider),
            None => self.find(name),
        }
    }

    /// Returns the provider with any name. For one without a description, returns the shared fields
    /// that every provider can have.
    pub fn of(&self, name: &str) -> &Provider {
        self.find(name).unwrap_or(&self.unknown)
    }

    /// Returns whether two names are of the same provider, in any spelling. Names without a
    /// description are compared ignoring case.
    pub fn is_same_provider(&self, one: &str, other: &str) -> bool {
        let is_described = |found: &Provider| found.id == self.of(other).id;
        one.eq_ignore_ascii_case(other)
            || self.find(one).is_some_and(is_described)
            || one.to_lowercase() == other.to_lowercase()
    }

    /// Returns all descriptions, sorted by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Provider> {
        self.entries.iter().map(|entry| &entry.provider)
    }

    /// Returns the number of descriptions.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no descriptions.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the origin of a provider's description.
    pub fn origin(&self, id: &str) -> Option<&Origin> {
        let found = self.entries.binary_search_by(|entry| entry.provider.id.as_str().cmp(id));
        found.ok().and_then(|position| self.entries.get(position)).map(|entry| &entry.origin)
    }

    fn of_entries(mut entries: Vec<Entry>) -> Result<Self, CatalogueError> {
        names::check(&entries)?;
        entries.sort_by(|left, right| left.provider.id.cmp(&right.provider.id));
        let shared = shared_fields(&entries);
        for entry in &mut entries {
            take_shared(&mut entry.provider, &shared);
        }
        let names = names::all(&entries);
        let names_at = names::by_facade(&entries);
        Ok(Self { entries, names, names_at, unknown: undescribed(shared) })
    }
}

/// Returns the shared fields, which every provider can have.
fn shared_fields(entries: &[Entry]) -> Vec<Field> {
    let sharing = entries.iter().filter(|entry| entry.provider.shared);
    let fields = sharing.flat_map(|entry| &entry.provider.fields);
    fields.filter(|field| !field.main).cloned().collect()
}

/// Adds shared fields, except those with a spelling of one of the provider's own fields.
fn take_shared(provider: &mut Provider, shared: &[Field]) {
    for field in shared {
        if field.spellings().all(|spelling| provider.field(spelling).is_none()) {
            provider.fields.push(field.clone());
        }
    }
}

fn undescribed(fields: Vec<Field>) -> Provider {
    Provider {
        schema: None,
        id: "unknown".to_owned(),
        aliases: Vec::new(),
        names: BTreeMap::new(),
        display_name: "Unknown".to_owned(),
        description: None,
        kind: Kind::Api,
        categories: Vec::new(),
        auth_methods: vec![AuthMethod::Unknown],
        fields,
        shared: false,
        capabilities: Vec::new(),
        capabilities_at: BTreeMap::new(),
        models: Models::default(),
        probe: None,
        login: None,
        token_url: None,
        base_url: None,
        documentation: None,
    }
}
