//! Answers of products: lists of objects in JSON.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::place::{Complaint, Place};
use crate::tree::{self, Data, Node};

/// An object of a list, with its place.
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) members: Map<String, Value>,
}

/// Returns the objects of a text: those of a list, which may be the whole or a member with one of
/// the names; or a single object that has a member that all have.
pub(super) fn rows(
    file: &str,
    text: &str,
    names: &[&str],
    of_all: &str,
) -> Result<Vec<Row>, Complaint> {
    let file: Arc<str> = file.into();
    let mut rows = Vec::new();
    let nodes = tree::read(&file, text)?;
    if nodes.is_empty() {
        return Err(Complaint::new(Place::file(&file), "is empty"));
    }
    for node in &nodes {
        let listed = names.iter().find_map(|name| match &node.get(name)?.data {
            Data::List(items) => Some(items.as_slice()),
            _ => None,
        });
        let items = match &node.data {
            Data::List(items) => items.as_slice(),
            Data::Map(_) if listed.is_some() => listed.unwrap_or_default(),
            Data::Map(_) if node.get(of_all).is_some() => std::slice::from_ref(node),
            _ => return Err(foreign(&file, node, names, of_all)),
        };
        for item in items {
            let Value::Object(members) = item.to_json() else {
                return Err(Complaint::new(item.place(&file), "must be an object"));
            };
            if !members.contains_key(of_all) {
                return Err(foreign(&file, item, names, of_all));
            }
            rows.push(Row { place: item.place(&file), members });
        }
    }
    Ok(rows)
}

fn foreign(file: &Arc<str>, node: &Node, names: &[&str], of_all: &str) -> Complaint {
    let lists = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
    let message = format!(
        "is no answer of this product: expected a list, alone or as {lists}, of objects with \
         `{of_all}`"
    );
    Complaint::new(node.place(file), message)
}

impl Row {
    /// Returns a text; an empty one is none.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Returns a member of an object, or of one within it.
    pub(super) fn within(&self, path: [&str; 2]) -> Option<&Value> {
        let [object, name] = path;
        self.members.get(object)?.get(name).filter(|value| !value.is_null())
    }

    /// Returns the members of an object.
    pub(super) fn object(&self, name: &str) -> Map<String, Value> {
        self.members.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
    }
}
