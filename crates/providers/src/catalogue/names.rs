//! Names of providers: lookup tables, and names that two providers claim.

use std::collections::HashMap;

use super::{CatalogueError, Entry, FileFault, Origin};
use crate::rules::Fault;
use crate::words::Facade;

/// Returns the entries, with the built-in ones first.
fn layered(entries: &[Entry]) -> impl Iterator<Item = (usize, &Entry)> {
    let own = |entry: &Entry| entry.origin != Origin::BuiltIn;
    let all = || entries.iter().enumerate();
    all().filter(move |(_, entry)| !own(entry)).chain(all().filter(move |(_, entry)| own(entry)))
}

/// Maps every name to an index. Names in files take precedence over built-in ones, and ids over all
/// others.
pub(super) fn all(entries: &[Entry]) -> HashMap<String, usize> {
    let mut names = HashMap::with_capacity(entries.len() * 2);
    for (position, entry) in layered(entries) {
        for name in entry.provider.all_names() {
            names.insert(name.to_ascii_lowercase(), position);
        }
    }
    for (position, entry) in layered(entries) {
        names.insert(entry.provider.id.to_ascii_lowercase(), position);
    }
    names
}

/// Maps every name that a description gives for a product to an index.
pub(super) fn by_facade(entries: &[Entry]) -> HashMap<(Facade, String), usize> {
    let mut names = HashMap::new();
    for (position, entry) in layered(entries) {
        for (facade, name) in &entry.provider.names {
            names.insert((*facade, name.to_ascii_lowercase()), position);
        }
    }
    names
}

/// Rejects a name that two descriptions of one layer claim, and a further name in a file that is
/// the id of a built-in provider. The id in a file may be a further name of a built-in provider; it
/// then means the file's provider.
pub(super) fn check(entries: &[Entry]) -> Result<(), CatalogueError> {
    let mut taken: HashMap<String, (&Entry, bool)> = HashMap::with_capacity(entries.len() * 2);
    let mut faults = Vec::new();
    for (_, entry) in layered(entries) {
        let id = &entry.provider.id;
        for name in entry.provider.all_names() {
            let is_id = name == id;
            let Some((other, others_id)) = taken.get(&name.to_ascii_lowercase()) else {
                taken.insert(name.to_ascii_lowercase(), (entry, is_id));
                continue;
            };
            if other.provider.id == *id && std::ptr::eq(*other, entry) {
                continue;
            }
            let same_layer = (other.origin == Origin::BuiltIn) == (entry.origin == Origin::BuiltIn);
            if same_layer || *others_id {
                faults.push(clash(entry, name, other, *others_id));
            } else {
                taken.insert(name.to_ascii_lowercase(), (entry, is_id));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(CatalogueError::Faults(faults)) }
}

fn clash(entry: &Entry, name: &str, other: &Entry, others_id: bool) -> FileFault {
    let provider = &entry.provider;
    let place = if name == provider.id {
        "id".to_owned()
    } else if let Some(index) = provider.aliases.iter().position(|alias| alias == name) {
        format!("aliases[{index}]")
    } else {
        let mut names = provider.names.iter().filter(|(_, own)| own.as_str() == name);
        names.next().map_or_else(|| "names".to_owned(), |(facade, _)| format!("names.{facade}"))
    };
    let what = if others_id { "the id" } else { "a name" };
    let whose = match &other.origin {
        Origin::BuiltIn => format!("the built-in provider `{}`", other.provider.id),
        Origin::File(path) => format!("`{}` in {}", other.provider.id, path.display()),
    };
    let problem = format!("`{name}` is {what} of {whose}; choose another one");
    let path = match &entry.origin {
        Origin::File(path) => path.clone(),
        Origin::BuiltIn => format!("{}.json", provider.id).into(),
    };
    FileFault { path, fault: Fault { place, problem } }
}
